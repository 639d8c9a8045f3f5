package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ExpectationAction;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.kernel.conntrack.AssignedHelper;
import org.pinholed.kernel.conntrack.ExpectationClient;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.sysctl.SysctlFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after what the object expects that gives connections the extension for sequence numbers
 * (ADR 4). It is chosen so that it opens nothing, and read back; here it is seen whether that is
 * true of the first connections. And where the kernel makes expectations that are dead at birth,
 * they are cleared before they fill its table: it then drops the first packets of connections that
 * are to get one.
 *
 * <p>Owned by one thread; the caller closes the socket.
 */
public final class ExpectationWatch {
  private static final Logger LOG = LoggerFactory.getLogger(ExpectationWatch.class);
  private static final Path MOST = Path.of("/proc/sys/net/netfilter/nf_conntrack_expect_max");
  private static final long COUNT_EVERY_NS = 1_000_000_000L;

  /** After a clearing that freed nothing: the table is full of others' expectations. */
  private static final long PAUSE_NS = 60_000_000_000L;

  private final Kernel kernel;
  private final PinholeBackend backend;
  private final LongSupplier packets;
  private final LongSupplier repairs;
  private final AgentMetrics metrics;
  private final BiConsumer<String, @Nullable String> failed;
  private final SampledLog cleared = new SampledLog(LOG, "expectations");
  private long packetsBefore;
  private long repairsBefore = -1;
  private boolean lookDue = true;
  private boolean seenBefore;
  private boolean withdrawn;
  private long countedNs;
  private boolean counted;

  /** The kernel's table of expectations. */
  public interface Kernel {
    /**
     * Whether an expectation for such a connection stands now, of any connection.
     *
     * @param which asked of the protocol and destination port of each
     * @return true if there is one
     * @throws NetlinkException if the kernel refuses
     */
    boolean expects(Expected which) throws NetlinkException;

    /**
     * How many there are, dead ones included.
     *
     * @return a number of now
     * @throws NetlinkException if the kernel refuses
     */
    int count() throws NetlinkException;

    /**
     * How many there may be.
     *
     * @return {@code net.netfilter.nf_conntrack_expect_max}; 0 if it cannot be read
     */
    int most();

    /**
     * Removes those of expectation objects, others' too.
     *
     * @throws NetlinkException if the kernel refuses
     */
    void clear() throws NetlinkException;

    /** A question about what is expected. */
    @FunctionalInterface
    interface Expected {
      /**
       * Whether it is meant.
       *
       * @param protocol of the child
       * @param destinationPort of the child
       * @return true if so
       */
      boolean is(int protocol, int destinationPort);
    }

    /**
     * The kernel itself.
     *
     * @param client for the thread of the watch
     * @return asks it
     */
    static Kernel of(ExpectationClient client) {
      return new Kernel() {
        @Override
        public boolean expects(Expected which) throws NetlinkException {
          boolean[] found = new boolean[1];
          client.dump(
              entry ->
                  found[0] |= which.is(entry.child().protocol(), entry.child().destinationPort()));
          return found[0];
        }

        @Override
        public int count() throws NetlinkException {
          return client.count();
        }

        @Override
        public int most() {
          try {
            return SysctlFile.readInt(MOST);
          } catch (IOException e) {
            return 0;
          }
        }

        @Override
        public void clear() throws NetlinkException {
          client.removeAllOf(AssignedHelper.EXPECTATION_OBJECT);
        }
      };
    }
  }

  /**
   * Makes it; the first connections after this are looked at.
   *
   * @param kernel its table
   * @param backend has the rule that assigns the object
   * @param packets how many control packets came so far
   * @param repairs how often the table was put back so far
   * @param metrics counters, shared
   * @param failed told what is to be the last error
   */
  public ExpectationWatch(
      Kernel kernel,
      PinholeBackend backend,
      LongSupplier packets,
      LongSupplier repairs,
      AgentMetrics metrics,
      BiConsumer<String, @Nullable String> failed) {
    this.kernel = kernel;
    this.backend = backend;
    this.packets = packets;
    this.repairs = repairs;
    this.metrics = metrics;
    this.failed = failed;
    this.packetsBefore = packets.getAsLong();
  }

  /**
   * Looks, if there is reason to.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void tick(long nowNs) {
    if (withdrawn) {
      return; // nothing is assigned any more
    }
    try {
      look();
      keepRoom(nowNs);
    } catch (NetlinkException | BackendException e) {
      failed.accept("expectations", e.getMessage());
    }
  }

  /** After the start and each repair: when the next control packets have come. */
  private void look() throws NetlinkException, BackendException {
    long repaired = repairs.getAsLong();
    if (repaired != repairsBefore) {
      repairsBefore = repaired;
      packetsBefore = packets.getAsLong();
      lookDue = true;
    }
    if (!lookDue || (!seenBefore && packets.getAsLong() == packetsBefore)) {
      return;
    }
    boolean stands = kernel.expects(backend::expectsForSequenceAdjustment);
    if (stands && seenBefore) {
      withdraw();
    }
    lookDue = stands; // one that is over may be on its way out, so it has to be there twice
    seenBefore = stands;
  }

  private void withdraw() throws BackendException {
    withdrawn = true;
    metrics.expectations(ExpectationAction.WITHDRAWN);
    failed.accept(
        "expectations",
        "this kernel expects connections of what is to expect nothing, so its object is assigned no"
            + " more: announcements behind address translation are not rewritten");
    backend.withdrawSequenceAdjustment();
  }

  private void keepRoom(long nowNs) throws NetlinkException {
    if (counted && nowNs - countedNs < COUNT_EVERY_NS) {
      return;
    }
    counted = true;
    countedNs = nowNs;
    int most = kernel.most();
    int count = kernel.count();
    if (most <= 0 || count < most - most / 5) {
      return;
    }
    kernel.clear();
    int left = kernel.count();
    if (left >= count) {
      countedNs = nowNs + PAUSE_NS;
      return;
    }
    metrics.expectations(ExpectationAction.CLEARED);
    cleared.warn(
        "the kernel's table of expectations had "
            + count
            + " of "
            + most
            + " (net.netfilter.nf_conntrack_expect_max), so those of ct expectation objects were"
            + " cleared, yours too: "
            + left
            + " are left");
  }
}
