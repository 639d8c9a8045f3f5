package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ElementKey;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.KernelPart;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.ExpectationObject;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFeatures;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pinholes as elements of maps in the table {@code inet pinholed}, and the diversion of control
 * packets (ARCHITECTURE.md).
 *
 * <p>Each session has a socket of its own and works without a lock. What concerns the table as a
 * whole ({@link #install}, {@link #setPorts}, {@link #repair}, {@link #remove}) has another socket,
 * under one lock; a session meets that lock only when it finds the table gone. The table is not
 * owned in the kernel's sense, so others can change it, and then it is repaired (ADR 0007).
 */
public final class NftablesBackend implements PinholeBackend {
  private static final long LOOK_EVERY_NS = TimeUnit.SECONDS.toNanos(5);
  private static final int RESTORE_BURST = 8;
  private static final int REPAIR_ATTEMPTS = 3;
  private static final Logger LOG = LoggerFactory.getLogger(NftablesBackend.class);

  private NftablesOptions options;
  private final Clients clients;
  private volatile NftFeatures features;
  private volatile TableLayout layout;
  private final Object lock = new Object();
  private final NftablesSession control;
  private final TableNews news;
  private final AcceptRuleKeeper acceptRule;
  private final RepairBudget restoreBudget =
      new RepairBudget(RESTORE_BURST, Clock.SYSTEM.nanoTime());
  private volatile Diverted diverted = Diverted.NOTHING;
  private boolean installed;
  private boolean seenAbsent; // of the watching thread
  private volatile boolean translates;
  private volatile @Nullable TableWatch watch;
  private volatile AcceptRuleState acceptRuleState = AcceptRuleState.UNKNOWN;
  private volatile Consumer<AcceptRuleState> toldOfAcceptRule = state -> {};

  /**
   * Finds out what the kernel can do; changes nothing. Works in the network namespace of the
   * calling thread.
   *
   * @param options what the table will be made from
   * @return a backend, to be closed by the caller
   * @throws BackendException if the kernel refuses, for example without CAP_NET_ADMIN
   */
  public static NftablesBackend open(NftablesOptions options) throws BackendException {
    return new NftablesBackend(options, NftFeatures::probe);
  }

  // A test forces features away, to go the ways of older kernels.
  NftablesBackend(NftablesOptions options, Probe probe) throws BackendException {
    this(options, probe, NftClient::open);
  }

  // A test steps between two messages.
  NftablesBackend(NftablesOptions options, Probe probe, Clients clients) throws BackendException {
    this.clients = clients;
    NftClient client = openClient();
    try {
      this.features = probe.of(client);
    } catch (NetlinkException e) {
      client.close();
      throw NftablesSession.refused(e);
    }
    this.options = options;
    this.layout = new TableLayout(options, features);
    this.control = new NftablesSession(this, client, layout, features);
    this.acceptRule = new AcceptRuleKeeper(layout.table(), options);
    this.news = new TableNews(layout.table());
    this.news.addOwn(client);
  }

  /** Finds out what the kernel can do. */
  @FunctionalInterface
  interface Probe {
    NftFeatures of(NftClient client) throws NetlinkException;
  }

  /** Opens sockets. */
  @FunctionalInterface
  interface Clients {
    NftClient open() throws NetlinkException;
  }

  private NftClient openClient() throws BackendException {
    try {
      return clients.open();
    } catch (NetlinkException e) {
      throw NftablesSession.refused(e);
    }
  }

  @Override
  public Session openSession() throws BackendException {
    NftablesSession session = new NftablesSession(this, openClient(), layout, features);
    news.addOwn(session.client());
    return session;
  }

  /** Notes that a translation is being written. */
  void translating() {
    translates = true;
  }

  /** Whether there may be translations in the table. */
  boolean translates() {
    return translates;
  }

  /** Whether there is a rule for a range of leases. */
  boolean leases(PortRange range) {
    return diverted.leased().contains(range);
  }

  @Override
  public boolean limitsConnections() {
    return features.limitsLeases();
  }

  void forget(NftablesSession session) {
    news.removeOwn(session.client());
  }

  @Override
  public Map<String, String> probe() {
    return FeatureWords.of(features);
  }

  @Override
  public void install(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    requireParts();
    synchronized (lock) {
      diverted = Diverted.of(ports, leased);
      try {
        translates = layout.isThere(control.client()); // an earlier agent may have left some
      } catch (NetlinkException e) {
        throw NftablesSession.refused(e);
      }
      writeWholeTable();
      installed = true;
    }
    if (features.sequenceAdjustment() == null) {
      LOG.warn(
          "this kernel has no ct expectation object that opens nothing, so it cannot shift sequence"
              + " numbers for the agent: announcements behind address translation are not rewritten");
    }
  }

  /** One transaction. Held: the lock. */
  private void writeTable(NftClient client) throws NetlinkException {
    try {
      layout.write(client, diverted);
      client.commit();
    } catch (NetlinkException e) {
      // something of our names and another shape is in the way
      layout.replace(client, diverted);
      client.commit();
    }
  }

  /**
   * Makes the table again for a session that found it gone.
   *
   * @return whether it is there now; not if it is to be gone, or was made too often lately
   */
  boolean restoreTable(NftClient client) throws NetlinkException {
    synchronized (lock) {
      if (!installed || restoreBudget.take(Clock.SYSTEM.nanoTime()) > 0) {
        return false;
      }
      boolean intact;
      try {
        intact = layout.isIntact(client, diverted);
      } catch (NetlinkException e) {
        if (!isRaced(e)) {
          throw e;
        }
        intact = false; // it vanished once more, while it was read
      }
      if (!intact) {
        writeTable(client);
      }
      return true;
    }
  }

  @Override
  public void setPorts(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    synchronized (lock) {
      diverted = Diverted.of(ports, leased);
      try {
        layout.setPorts(control.client().begin(), diverted);
        control.client().commit();
      } catch (NetlinkException e) {
        if (e.errno() != Errno.ENOENT || !installed) {
          throw NftablesSession.refused(e);
        }
        writeWholeTable(); // somebody removed it: it is made with the new ports
      }
    }
  }

  private void requireParts() throws BackendException {
    String problem = "";
    if (!features.missing().isEmpty()) {
      problem = KernelPart.missing(features.missing()) + ": no pinhole can be opened";
    } else if (!features.nativeQueue() && !features.targetQueue()) {
      problem = FeatureWords.NO_QUEUE;
    }
    if (!problem.isEmpty()) {
      throw new BackendException("nftables: " + problem, 0, new UnsupportedOperationException());
    }
  }

  private void writeWholeTable() throws BackendException {
    try {
      writeTable(control.client());
    } catch (NetlinkException e) {
      throw NftablesSession.refused(e);
    }
  }

  @Override
  public boolean leavesZonesAlone() throws BackendException {
    synchronized (lock) {
      AtomicBoolean found = new AtomicBoolean();
      if (!installed) {
        return false;
      }
      try {
        control
            .client()
            .dumpElements(layout.table(), layout.diversion().zoned(), element -> found.set(true));
      } catch (NetlinkException e) {
        if (e.errno() != Errno.ENOENT) { // else the table is gone, and is repaired
          throw NftablesSession.refused(e);
        }
      }
      return found.get();
    }
  }

  @Override
  public boolean expectsForSequenceAdjustment(int protocol, int destinationPort) {
    ExpectationObject object = features.sequenceAdjustment();
    return object != null
        && object.protocol() == protocol
        && object.destinationPort() == destinationPort;
  }

  @Override
  public void withdrawSequenceAdjustment() throws BackendException {
    synchronized (lock) {
      features = features.withoutSequenceAdjustment();
      writeOtherRules();
    }
  }

  @Override
  public void withdrawExpectations() throws BackendException {
    synchronized (lock) {
      options = options.withExpectations(false);
      writeOtherRules();
    }
  }

  /**
   * The maps stay the same, and so do pinholes. An object that no rule names any more stays, too.
   */
  private void writeOtherRules() throws BackendException {
    layout = new TableLayout(options, features);
    if (installed) {
      writeWholeTable();
    }
  }

  @Override
  public int queueOf(int conntrackId) {
    return layout.diversion().queues().queueOf(conntrackId);
  }

  @Override
  public void remove() throws BackendException {
    synchronized (lock) {
      installed = false;
      try {
        deleteTable(control.client());
        acceptRule.remove(control.client());
      } catch (NetlinkException e) {
        throw NftablesSession.refused(e);
      }
    }
  }

  private void deleteTable(NftClient client) throws NetlinkException {
    try {
      if (layout.isThere(client)) {
        client.begin().deleteTable(layout.table());
        client.commit();
      }
    } catch (NetlinkException e) {
      if (e.errno() != Errno.ENOENT) { // else somebody was quicker
        throw e;
      }
    }
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) throws BackendException {
    synchronized (lock) {
      for (int attempt = 1; ; attempt++) {
        try {
          return installed && repairNow(alive);
        } catch (NetlinkException e) {
          // Somebody was quicker once more: between what was read here and what was written.
          if (!isRaced(e) || attempt == REPAIR_ATTEMPTS) {
            throw control.changeRefused(e);
          }
        }
      }
    }
  }

  private static boolean isRaced(NetlinkException e) {
    return e.errno() == Errno.ENOENT || e.errno() == Errno.EEXIST;
  }

  private boolean repairNow(Collection<Pinhole> alive) throws NetlinkException {
    control.forgetChange();
    boolean intact = layout.isIntact(control.client(), diverted);
    // names and numbers do not tell all: rules and ports are written anew in any case
    writeTable(control.client());
    List<Pinhole> missing = missing(alive);
    control.insert(missing);
    return !intact || !missing.isEmpty();
  }

  private List<Pinhole> missing(Collection<Pinhole> alive) throws NetlinkException {
    Map<ElementKey, Pinhole> missing = new LinkedHashMap<>();
    for (Pinhole pinhole : alive) {
      missing.put(ElementKey.of(pinhole), pinhole);
    }
    for (OwnedPinhole owned : control.readOwned()) {
      ElementKey key = ElementKey.of(owned.pinhole());
      Pinhole wanted = missing.get(key);
      if (wanted != null && Objects.equals(wanted.translation(), owned.pinhole().translation())) {
        missing.remove(key);
      }
    }
    return new ArrayList<>(missing.values());
  }

  @Override
  public void watch(Runnable changed, Runnable newsLost) throws BackendException {
    synchronized (lock) {
      if (watch != null) {
        throw new IllegalStateException("watched already");
      }
      TableWatch starting =
          new TableWatch(watched(changed, newsLost), options.table(), LOOK_EVERY_NS);
      try {
        starting.start();
      } catch (NetlinkException e) {
        throw NftablesSession.refused(e);
      }
      watch = starting;
    }
  }

  @Override
  public String watchProblem() {
    TableWatch watching = watch;
    return watching == null ? "it was not begun" : watching.problem();
  }

  @Override
  public void tellOfAcceptRule(Consumer<AcceptRuleState> told) {
    toldOfAcceptRule = told;
  }

  @Override
  public AcceptRuleState acceptRule() {
    return acceptRuleState;
  }

  /** Null if chains went again and again while the rule was put in. Held: the lock. */
  private @Nullable AcceptRuleState lookAtAcceptRule() throws NetlinkException {
    for (int attempt = 1; attempt <= REPAIR_ATTEMPTS; attempt++) {
      try {
        return acceptRule.look(control.client());
      } catch (NetlinkException e) {
        if (!isRaced(e)) {
          throw e;
        }
      }
    }
    return null;
  }

  private boolean lookAtFirewall() throws NetlinkException {
    AcceptRuleState now;
    synchronized (lock) {
      if (!installed) {
        return false;
      }
      now = lookAtAcceptRule();
      if (now == null) {
        return true;
      }
    }
    boolean newlyAbsent = !acceptRuleState.dropping().containsAll(now.dropping());
    if (newlyAbsent && !seenAbsent && now.put().isEmpty()) {
      seenAbsent = true;
      return true; // a firewall that is being loaded has it again in a moment
    }
    seenAbsent = false;
    acceptRuleState = now;
    toldOfAcceptRule.accept(now);
    return false;
  }

  private TableWatch.Watched watched(Runnable changed, Runnable newsLost) {
    return new TableWatch.Watched() {
      @Override
      public TableWatch.News listen() throws NetlinkException {
        return news.open();
      }

      @Override
      public boolean stands() throws NetlinkException {
        synchronized (lock) {
          try {
            return !installed || layout.isIntact(control.client(), diverted);
          } catch (NetlinkException e) {
            if (isRaced(e)) {
              return false; // it vanished while it was read
            }
            throw e;
          }
        }
      }

      @Override
      public void repair() {
        changed.run();
      }

      @Override
      public void newsLost() {
        newsLost.run();
      }

      @Override
      public boolean lookAtFirewall() throws NetlinkException {
        return NftablesBackend.this.lookAtFirewall();
      }
    };
  }

  @Override
  public void close() {
    TableWatch watching = watch;
    watch = null;
    if (watching != null) {
      watching.close(); // not under the lock: its thread may be in repair
    }
    synchronized (lock) {
      installed = false; // what other threads still ask for must not touch the closed socket
      control.close();
    }
  }
}
