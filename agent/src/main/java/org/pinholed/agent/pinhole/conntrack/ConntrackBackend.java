package org.pinholed.agent.pinhole.conntrack;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.Applied;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ElementKey;
import org.pinholed.agent.pinhole.ForwardingBackend;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.pinhole.nftables.NatChains;
import org.pinholed.kernel.conntrack.AssignedHelper;
import org.pinholed.kernel.conntrack.ConntrackExpectation;
import org.pinholed.kernel.conntrack.ExpectationClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has an expectation of the kernel stand beside each pinhole that can have one, so that its child
 * is {@code ct state related} and the firewall needs no rule for it (docs/adr/0021). The pinhole
 * itself stands in another backend: it gives the child its mark, and is what is listed, adopted and
 * looked for. As thread-safe as the other one.
 */
public final class ConntrackBackend extends ForwardingBackend {
  private static final Logger LOG = LoggerFactory.getLogger(ConntrackBackend.class);
  private static final long MS_PER_SECOND = 1000;
  private static final long CHECK_EVERY_NS = 1_000_000_000;

  private final boolean only;
  private final boolean can;
  private final String helper;
  private final Consumer<NoExpectation> without;
  private final ExpectationRoom room;

  /** The table whose translations do not matter; null if nobody's do. */
  private final @Nullable String translatesAlone;

  /** Why there are no expectations, or none any more; empty if there are. */
  private volatile String missing;

  private long checkedNs;

  /** Whether another thread may have made one after all were taken away. */
  private boolean lateOnes;

  // A test has another helper carry the expectations: one that every kernel has.
  ConntrackBackend(
      PinholeBackend pinholes,
      boolean only,
      String helper,
      String missing,
      @Nullable String translatesAlone,
      ExpectationRoom room,
      Consumer<NoExpectation> without) {
    super(pinholes);
    this.only = only;
    this.helper = helper;
    this.can = missing.isEmpty();
    this.missing = missing;
    this.translatesAlone = translatesAlone;
    this.room = room;
    this.without = without;
  }

  /** Opens the backend that pinholes stand in. */
  @FunctionalInterface
  public interface Opener {
    /**
     * Opens it.
     *
     * @param expects whether parents are to get the helper that expectations belong to
     * @return an open backend
     * @throws BackendException if the kernel refuses
     */
    PinholeBackend open(boolean expects) throws BackendException;
  }

  /**
   * Finds out whether this kernel can, and opens the backend that pinholes stand in. Works in the
   * network namespace of the calling thread.
   *
   * @param ownTable name of the agent's table
   * @param only whether pinholes that can have no expectation are refused
   * @param pinholes opens that backend
   * @param without told of each pinhole that stands without expectation, by the thread that opens
   *     it
   * @return a backend, to be closed by the caller
   * @throws BackendException if there can be no expectations and {@code only} is asked for, or the
   *     other backend cannot be opened
   */
  public static ConntrackBackend open(
      String ownTable, boolean only, Opener pinholes, Consumer<NoExpectation> without)
      throws BackendException {
    CarrierHelper.Made made = CarrierHelper.make(ownTable);
    String missing = made.missing();
    if (!missing.isEmpty()) {
      if (only) {
        throw new BackendException(
            "backend: conntrack cannot be used: " + missing,
            0,
            new UnsupportedOperationException(missing));
      }
      LOG.warn("pinholes stand without expectations of the kernel: {}", missing);
    }
    String translatesAlone = made.stays() ? ownTable : null;
    try {
      return new ConntrackBackend(
          pinholes.open(missing.isEmpty()),
          only,
          AssignedHelper.OWN_NAME,
          missing,
          translatesAlone,
          new ExpectationRoom(ExpectationRoom.MOST),
          without);
    } catch (BackendException e) {
      if (!made.stays()) {
        CarrierHelper.remove();
      }
      throw e;
    }
  }

  /**
   * Finds out what this kernel could do for a backend that is opened now; nothing stays of it.
   *
   * @param ownTable name of the agent's table
   * @return in the words of {@link #probe()}
   */
  public static String tryOut(String ownTable) {
    CarrierHelper.Made made = CarrierHelper.tryOut(ownTable);
    return words(made.missing(), made.stays());
  }

  private static String words(String missing, boolean stays) {
    if (!missing.isEmpty()) {
      return "no: " + missing;
    }
    return stays ? "yes, as long as nobody translates addresses" : "yes";
  }

  @Override
  public Session openSession() throws BackendException {
    Session pinholes = super.openSession();
    if (!can) {
      return pinholes;
    }
    try {
      return new ConntrackSession(pinholes, ExpectationClient.open());
    } catch (NetlinkException e) {
      pinholes.close();
      throw refused(e);
    }
  }

  @Override
  public Map<String, String> probe() {
    Map<String, String> features = new LinkedHashMap<>(super.probe());
    features.put("expectations", words(missing, translatesAlone != null));
    return features;
  }

  @Override
  public boolean expects() {
    return missing.isEmpty();
  }

  /** Others may begin to translate at any time: a firewall that is loaded after the agent. */
  @Override
  public void recheck(long nowNs) throws BackendException {
    super.recheck(nowNs);
    if (translatesAlone == null || nowNs - checkedNs < CHECK_EVERY_NS) {
      return;
    }
    checkedNs = nowNs;
    if (missing.isEmpty()) {
      if (othersTranslate(translatesAlone)) {
        withdraw();
      }
    } else if (lateOnes) {
      expectNothing();
      lateOnes = false;
    }
  }

  private void withdraw() throws BackendException {
    missing = CarrierHelper.SHIFTS_TWICE;
    lateOnes = true;
    LOG.error(
        "{} from now on: {}",
        only
            ? "with backend: conntrack nothing more is opened"
            : "pinholes stand without expectations of the kernel",
        missing);
    try {
      withdrawExpectations();
    } finally {
      expectNothing();
    }
  }

  private static boolean othersTranslate(String ownTable) throws BackendException {
    try {
      return NatChains.existBeside(ownTable);
    } catch (NetlinkException e) {
      throw refused(e);
    } catch (IOException e) {
      throw new BackendException(String.valueOf(e.getMessage()), 0, e);
    }
  }

  private void expectNothing() throws BackendException {
    try (ExpectationClient expectations = ExpectationClient.open()) {
      expectations.removeAllOf(helper);
    } catch (NetlinkException e) {
      throw refused(e);
    }
  }

  /** Children need no rule of their own where all of them are related. */
  @Override
  public AcceptRuleState acceptRule() {
    AcceptRuleState found = super.acceptRule();
    return only ? withoutNeed(found) : found;
  }

  @Override
  public void tellOfAcceptRule(Consumer<AcceptRuleState> told) {
    super.tellOfAcceptRule(only ? found -> told.accept(withoutNeed(found)) : told);
  }

  private static AcceptRuleState withoutNeed(AcceptRuleState found) {
    return found.presence() != AcceptRuleState.Presence.ABSENT
        ? found
        : new AcceptRuleState(
            AcceptRuleState.Presence.UNKNOWN,
            "not needed: with backend: conntrack children are related",
            List.of(),
            found.put());
  }

  @Override
  public void remove() throws BackendException {
    if (!can) {
      super.remove();
      return;
    }
    try {
      expectNothing();
    } finally {
      try {
        super.remove();
      } finally {
        if (translatesAlone == null) {
          CarrierHelper.remove();
        }
      }
    }
  }

  private static BackendException refused(Pinhole pinhole, NoExpectation why, Applied done) {
    return new BackendException(
        "no expectation for "
            + pinhole.transport()
            + " port "
            + pinhole.port()
            + ": "
            + why.explanation(),
        0,
        new UnsupportedOperationException(why.word()),
        done);
  }

  private static BackendException refused(NetlinkException e) {
    return new BackendException(String.valueOf(e.getMessage()), e.errno(), e);
  }

  /** What the kernel would be told to expect; null if it cannot expect that. */
  static @Nullable ConntrackExpectation expectationOf(Pinhole pinhole) {
    if (pinhole.lastPort() != pinhole.port() || pinhole.translation() != null) {
      return null;
    }
    // Made after the pinhole, it should end before: what came in between would be let in without
    // its mark. The kernel counts seconds, so in the last one it cannot.
    long seconds = Math.max(1, (pinhole.timeoutMs() - 1) / MS_PER_SECOND);
    return new ConntrackExpectation(
        pinhole.transport().protocolNumber(),
        pinhole.source(),
        pinhole.destination(),
        pinhole.port(),
        pinhole.kind() != Pinhole.Kind.ONCE,
        (int) Math.min(ConntrackExpectation.MOST_SECONDS, seconds));
  }

  private final class ConntrackSession extends ForwardingSession {
    private final ExpectationClient expectations;
    private final SampledLog errors = new SampledLog(LOG, "the kernel refused expectations");
    private String refusedBefore = "";

    ConntrackSession(Session pinholes, ExpectationClient expectations) {
      super(pinholes);
      this.expectations = expectations;
    }

    @Override
    public List<Pinhole> apply(
        List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
        throws BackendException {
      // First: a child that came between would find its pinhole, and be new to the firewall.
      close.forEach(this::forget);
      Applied done;
      BackendException failed = null;
      try {
        List<Pinhole> unused = super.apply(close, open, rewritten);
        done = new Applied(close.size(), open.size(), rewritten.size(), unused);
      } catch (BackendException e) {
        done = e.done();
        failed = e;
      }
      for (int at = 0; at < done.opened(); at++) {
        Pinhole pinhole = open.get(at);
        NoExpectation why = change(pinhole, false);
        if (why == null) {
          continue;
        }
        count(pinhole, why);
        if (only) {
          shut(open.subList(at, done.opened()));
          throw refused(pinhole, why, new Applied(done.closed(), at, done.held(), done.unused()));
        }
      }
      if (failed != null) {
        throw failed;
      }
      return done.unused();
    }

    /** One that is refused among others is tried alone at once; it counts once. */
    private void count(Pinhole pinhole, NoExpectation why) {
      if (!only) {
        without.accept(why);
        return;
      }
      String refused = ElementKey.of(pinhole) + " " + pinhole.comment();
      boolean again = refused.equals(refusedBefore);
      if (!again) {
        without.accept(why);
      }
      refusedBefore = again ? "" : refused;
    }

    @Override
    public void renew(List<Pinhole> pinholes) throws BackendException {
      super.renew(pinholes);
      // One that cannot be renewed ends a little earlier. Its pinhole stays: who holds it is asked.
      for (Pinhole pinhole : pinholes) {
        NoExpectation why = change(pinhole, true);
        if (why != null && !why.lasts()) { // what lasts is not counted again and again
          without.accept(why);
        }
      }
    }

    /** Has the kernel expect the child of a pinhole that stands; null if it does. */
    private @Nullable NoExpectation change(Pinhole pinhole, boolean renewed) {
      if (!missing.isEmpty()) {
        return NoExpectation.WITHDRAWN;
      }
      ConntrackExpectation expectation = expectationOf(pinhole);
      FlowTuple parent = pinhole.parent();
      if (expectation == null || parent == null) {
        return pinhole.lastPort() != pinhole.port()
            ? NoExpectation.RANGE
            : NoExpectation.TRANSLATED;
      }
      try {
        if (renewed && expectations.prolong(parent, expectation)) {
          return null;
        }
        if (room.isFull(parent, expectations::countOf)) {
          // What stands already takes no other place.
          return expectations.prolong(parent, expectation) ? null : NoExpectation.FULL;
        }
        expectations.expect(parent, expectation);
        room.made(parent, expectations::countOf);
        return null;
      } catch (NetlinkException e) {
        NoExpectation why = NoExpectation.of(e.errno());
        if (why == NoExpectation.REFUSED) {
          errors.warn(String.valueOf(e.getMessage()));
        }
        return why;
      }
    }

    private void shut(List<Pinhole> pinholes) {
      try {
        super.apply(new ArrayList<>(pinholes), List.of(), List.of());
      } catch (BackendException e) {
        errors.warn(String.valueOf(e.getMessage())); // the kernel's timeouts shut them
      }
    }

    private void forget(Pinhole pinhole) {
      ConntrackExpectation expectation = expectationOf(pinhole);
      if (expectation == null) {
        return;
      }
      try {
        expectations.remove(expectation);
      } catch (NetlinkException e) {
        errors.warn(String.valueOf(e.getMessage())); // the kernel's timeout ends it
      }
    }

    @Override
    public void close() {
      expectations.close();
      super.close();
    }
  }
}
