package org.pinholed.agent.start;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.pinholed.agent.service.Capabilities;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.netlink.KernelPart;
import org.pinholed.kernel.unix.DescriptorSocket.Peer;
import org.pinholed.kernel.unix.NamespaceName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that one agent runs in a network namespace: there is one table {@code inet pinholed},
 * and two agents would each change what the other wrote. Thread-safe; closed when the agent ends.
 */
public final class OneAgent implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OneAgent.class);
  private static final String NAME = "pinholed-agent";

  /** How long an agent that was killed or replaced may take to be gone. */
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private static final long LOOK_AGAIN_MS = 10;

  private final Optional<NamespaceName> name;

  private OneAgent(Optional<NamespaceName> name) {
    this.name = name;
  }

  /**
   * Checks that this process may do what an agent does.
   *
   * @throws IOException with words for an operator, if it has not the capability
   */
  public static void requirePrivileges() throws IOException {
    if (!isNetAdmin(0)) {
      throw new IOException(
          "this needs CAP_NET_ADMIN, and user "
              + System.getProperty("user.name")
              + " started it without: start it as root, or by the unit deploy/pinholed.service");
    }
  }

  /**
   * Checks that the kernel has the parts that are asked first: what comes later could only say an
   * errno.
   *
   * @throws IOException with words for an operator, if it has not
   */
  public static void requireKernel() throws IOException {
    List<KernelPart> missing = KernelPart.missingSubsystems();
    if (!missing.isEmpty()) {
      throw new IOException(
          KernelPart.missing(missing) + "; pinholectl doctor tells what else it needs");
    }
  }

  /**
   * Becomes the agent of the network namespace.
   *
   * @return held until it is closed
   * @throws IOException if another one runs
   */
  public static OneAgent become() throws IOException {
    long untilNs = Clock.SYSTEM.nanoTime() + PATIENCE.toNanos();
    Optional<NamespaceName> taken = NamespaceName.take(NAME);
    while (taken.isEmpty() && Clock.SYSTEM.nanoTime() - untilNs < 0) {
      try {
        Thread.sleep(LOOK_AGAIN_MS); // no event tells of the end of a process that is no child
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
      taken = NamespaceName.take(NAME);
    }
    if (taken.isEmpty()) {
      Optional<Peer> holder = NamespaceName.holder(NAME);
      if (holder.isPresent() && isAgent(holder.get())) {
        throw new IOException(
            "another agent runs in this network namespace"
                + (holder.get().pid() == 0 ? "" : ", process " + holder.get().pid())
                + ", and two would change each other's table: stop it first, or take its place with"
                + " --replace and its control.socket");
      }
      // Anybody can take a name first; that must not keep the firewall without its agent.
      LOG.warn(
          "the name @{} is held by a process that is no agent: a second agent in this network"
              + " namespace will not be noticed",
          NAME);
    }
    return new OneAgent(taken);
  }

  private static boolean isAgent(Peer holder) {
    return holder.isOwn() || (holder.pid() != 0 && isNetAdmin(holder.pid()));
  }

  private static boolean isNetAdmin(long pid) {
    OptionalLong capabilities = Capabilities.effective(pid);
    return capabilities.isPresent() && Capabilities.haveNetAdmin(capabilities.getAsLong());
  }

  @Override
  public void close() {
    name.ifPresent(NamespaceName::close);
  }
}
