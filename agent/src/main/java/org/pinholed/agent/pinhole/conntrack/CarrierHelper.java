package org.pinholed.agent.pinhole.conntrack;

import java.io.IOException;
import java.net.InetAddress;
import org.pinholed.agent.pinhole.nftables.NatChains;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.AssignedHelper;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.HelperClient;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * The helper that the kernel's expectations belong to: it is known to the kernel and disabled, so
 * it reads nothing and no packet is queued for it.
 *
 * <p>The kernel shifts the sequence numbers of a translated connection twice if such a helper is on
 * it. Up to Linux 7.1 it can be taken away again, and is before the first rewrite. From 7.2 on it
 * cannot; there it is used only where nothing translates.
 */
final class CarrierHelper {
  private static final String NAME = AssignedHelper.OWN_NAME;

  /** One for a moment, beside that of an agent; with the number of a process behind it. */
  private static final String TRIAL_NAME = "pinhole-";

  /** Each expectation is told its own time; this is for the moment before. */
  private static final int TIMEOUT_SECONDS = 60;

  private static final int TRIAL_SECONDS = 2;
  private static final int DISCARD_PORT = 9;

  /** Why it cannot be, or cannot stay, where others translate and the kernel does not let go. */
  static final String SHIFTS_TWICE =
      "this kernel (Linux 7.2 or later) does not let go of a helper, and there are rules that"
          + " translate addresses: translated connections would have their sequence numbers"
          + " shifted twice";

  private CarrierHelper() {}

  /**
   * What came of making it.
   *
   * @param missing an empty text, or why expectations cannot be used here
   * @param stays whether a connection that has it keeps it, so that nobody may translate, and the
   *     helper is not removed: the kernel would take it from the connections of all network
   *     namespaces
   */
  record Made(String missing, boolean stays) {
    static Made not(String missing) {
      return new Made(missing, false);
    }

    private static Made refused(NetlinkException e) {
      return not(
          switch (e.errno()) {
            case Errno.EINVAL ->
                "this kernel has no nfnetlink_cthelper (CONFIG_NF_CT_NETLINK_HELPER, modprobe"
                    + " nfnetlink_cthelper)";
            case Errno.EPERM -> "helpers can be made with CAP_NET_ADMIN of the whole machine only";
            default -> String.valueOf(e.getMessage());
          });
    }
  }

  /**
   * Makes it, for both families and transports.
   *
   * @param ownTable name of the agent's table, whose translations do not count
   */
  static Made make(String ownTable) {
    try (HelperClient helpers = HelperClient.open()) {
      for (boolean ipv6 : new boolean[] {false, true}) {
        for (Transport transport : Transport.values()) {
          helpers.make(
              NAME,
              ipv6,
              transport.protocolNumber(),
              HelperClient.MOST_EXPECTATIONS,
              TIMEOUT_SECONDS);
        }
      }
    } catch (NetlinkException e) {
      return Made.refused(e);
    }
    Made made = besideTranslations(ownTable, NAME);
    if (!made.missing().isEmpty() && !made.stays()) {
      remove();
    }
    return made;
  }

  /**
   * Finds out what would come of making it. Another helper is made for that and removed, so an
   * agent may run beside.
   *
   * @param ownTable name of the agent's table, whose translations do not count
   */
  static Made tryOut(String ownTable) {
    String name = TRIAL_NAME + ProcessHandle.current().pid();
    int tcp = Transport.TCP.protocolNumber();
    try (HelperClient helpers = HelperClient.open()) {
      helpers.make(name, false, tcp, HelperClient.MOST_EXPECTATIONS, TIMEOUT_SECONDS);
      try {
        return besideTranslations(ownTable, name);
      } finally {
        helpers.remove(name, false, tcp);
      }
    } catch (NetlinkException e) {
      return Made.refused(e);
    }
  }

  private static Made besideTranslations(String ownTable, String name) {
    boolean stays = true; // if nobody knows
    try {
      stays = !canBeTakenAway(name);
      return new Made(stays && NatChains.existBeside(ownTable) ? SHIFTS_TWICE : "", stays);
    } catch (IOException e) {
      return new Made(String.valueOf(e.getMessage()), stays);
    }
  }

  /** Tries it with a connection that nobody has begun, between addresses that nobody has. */
  private static boolean canBeTakenAway(String name) throws IOException {
    FlowTuple trial =
        new FlowTuple(
            Transport.TCP.protocolNumber(),
            InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1}),
            DISCARD_PORT,
            InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 2}),
            DISCARD_PORT);
    try (ConntrackClient conntrack = ConntrackClient.open()) {
      conntrack.make(trial, name, TRIAL_SECONDS);
      try {
        return conntrack.removeHelper(trial);
      } catch (NetlinkException e) {
        if (e.errno() == Errno.EOPNOTSUPP) {
          return false;
        }
        throw e;
      } finally {
        conntrack.get(trial).ifPresent(made -> deleteQuietly(conntrack, trial, made.id()));
      }
    }
  }

  private static void deleteQuietly(ConntrackClient conntrack, FlowTuple trial, int id) {
    try {
      conntrack.delete(trial, id);
    } catch (NetlinkException e) {
      return; // it ends by itself, in two seconds
    }
  }

  /** Removes it if nobody uses it; other network namespaces may. Not where it {@code stays}. */
  static void remove() {
    try (HelperClient helpers = HelperClient.open()) {
      for (boolean ipv6 : new boolean[] {false, true}) {
        for (Transport transport : Transport.values()) {
          helpers.remove(NAME, ipv6, transport.protocolNumber());
        }
      }
    } catch (NetlinkException e) {
      return; // it does nothing where it stays
    }
  }
}
