package org.pinholed.agent.announce;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.PinholeHolders;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.pinhole.Applied;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Transport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What of the pinholes is to change with the packets that are being read: collected, brought into
 * the kernel in one transaction, and told. Owned by one worker.
 *
 * <p>It is long because what is collected can be refused as a whole: then all of it is gone through
 * once more, one change at a time, and what is told must be the same.
 */
public final class PinholeTransaction {
  private static final Logger LOG = LoggerFactory.getLogger(PinholeTransaction.class);

  private final ExpectationTable table;
  private final PinholeHolders holders;
  private final PinholeBackend.Session backend;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final OutcomeTrace trace;
  private final LivingChildren children;
  private final SampledLog backendErrors = new SampledLog(LOG, "the kernel refused pinholes");
  private final Clock clock;

  private final Set<Expectation> toOpen = new LinkedHashSet<>();
  private final Set<Expectation> toRewrite = new LinkedHashSet<>(2);

  /** Those of both whose pinhole must be written, in this order. */
  private final List<Expectation> toWrite = new ArrayList<>();

  /** What the kernel had already when another one came to hold it. */
  private final List<Expectation> standing = new ArrayList<>(2);

  /** What the kernel did not have before. */
  private final List<Expectation> begun = new ArrayList<>(2);

  /** Of the message that is being read, what waits for an answer. */
  private final List<Expectation> unanswered = new ArrayList<>(2);

  /** What the message that is being read opens. */
  private final List<Expectation> ofMessage = new ArrayList<>(4);

  private final List<Pinhole> toClose = new ArrayList<>();
  private final List<RewrittenDirection> toHold = new ArrayList<>(2);
  private final List<Pinhole> openPinholes = new ArrayList<>();
  private final List<Ended> toEnd = new ArrayList<>();
  private final List<Said> toSay = new ArrayList<>();
  private final List<Expectation> toCut = new ArrayList<>(2);
  private final List<Pinhole> endedMeanwhile = new ArrayList<>();
  private final SharedPinholes shared;

  private boolean translationRefused;

  /** One whose end has begun and whose pinhole is among those to shut. */
  private record Ended(Expectation expectation, AgentEvent.Kind why) {}

  /** What happened to an expectation and is not told yet. */
  private record Said(AgentEvent.Kind kind, Expectation expectation) {}

  /**
   * Makes an empty one.
   *
   * @param table the expectation table, shared
   * @param backend the worker's own way to the pinholes
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param trace tells running traces
   * @param children the worker's own way to children that live
   * @param clock what time it is
   */
  public PinholeTransaction(
      ExpectationTable table,
      PinholeBackend.Session backend,
      AgentEvents events,
      AgentMetrics metrics,
      OutcomeTrace trace,
      LivingChildren children,
      Clock clock) {
    this.clock = clock;
    this.table = table;
    this.holders = table.holders();
    this.shared = new SharedPinholes(holders, clock);
    this.backend = backend;
    this.events = events;
    this.metrics = metrics;
    this.trace = trace;
    this.children = children;
  }

  /** Begins a message of a flow. */
  void beginMessage() {
    translationRefused = false;
    unanswered.clear();
    ofMessage.clear();
  }

  /** Notes that an expectation of the message is announced and not opened yet. */
  void announce(Expectation expectation) {
    unanswered.add(expectation);
  }

  /**
   * Whether the kernel refused what a message is rewritten for.
   *
   * @return since the message began
   */
  public boolean translationRefused() {
    return translationRefused;
  }

  /** Opens the pinhole of an expectation; another one's that it takes the place of is shut. */
  void open(Expectation expectation) {
    long nowNs = clock.nanoTime();
    for (Expectation other = table.activate(expectation, nowNs);
        other != null;
        other = table.activate(expectation, nowNs)) {
      end(other, AgentEvent.Kind.REPLACED);
    }
    toOpen.add(expectation);
    ofMessage.add(expectation);
  }

  /**
   * Ends an expectation, with its pinhole if that is open.
   *
   * @param kind why, for log and counters
   */
  void end(Expectation expectation, AgentEvent.Kind kind) {
    if (toOpen.remove(expectation)) {
      if (table.end(expectation) != Expectation.State.GONE) {
        events.endedUnopened(kind, expectation); // nobody has seen it
      }
      return;
    }
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE && table.beginEnd(expectation)) {
      toClose.add(expectation.pinhole());
      toEnd.add(new Ended(expectation, kind));
      return;
    }
    toRewrite.remove(expectation);
    Expectation.State before = table.end(expectation);
    if (before == Expectation.State.ANNOUNCED) {
      events.endedUnopened(kind, expectation);
    } else if (before == Expectation.State.PENDING) {
      Expectation next = holders.waitingFor(expectation.pinhole());
      if (next == null) {
        toClose.add(expectation.pinhole());
      } else if (!toOpen.contains(next)) {
        rewrite(next); // it holds the same pinhole, whose comment names the one that ended
      }
      publish(); // its creation comes first, if it was in this batch too
      events.expectation(kind, expectation, "");
    }
  }

  /**
   * Takes back announcements of which the kernel knows nothing yet, also those of the message that
   * is being read that wait for an answer.
   *
   * @param parent whose
   * @param direction the direction that announced them
   * @param isMeant tells which, by the stream offset of the announcement
   * @return those that are over now
   */
  List<Expectation> takeBack(Parent parent, Direction direction, LongPredicate isMeant) {
    unanswered.removeIf(expectation -> expectation.state() != Expectation.State.ANNOUNCED);
    List<Expectation> back = new ArrayList<>();
    for (Collection<Expectation> some : List.of(toOpen, unanswered)) {
      for (Expectation expectation : some) {
        if (expectation.parent() == parent
            && expectation.request().announcedIn() == direction
            && isMeant.test(expectation.request().streamOffset())) {
          back.add(expectation);
        }
      }
    }
    back.forEach(toOpen::remove);
    back.forEach(table::end);
    return back;
  }

  /**
   * Takes back what the message that is being read announced or opens, if the kernel knows nothing
   * of it yet.
   *
   * @return those that are over now
   */
  List<Expectation> takeBackMessage() {
    unanswered.removeIf(expectation -> expectation.state() != Expectation.State.ANNOUNCED);
    List<Expectation> back = new ArrayList<>(unanswered);
    for (Expectation expectation : ofMessage) {
      if (toOpen.remove(expectation)) {
        back.add(expectation);
      }
    }
    back.forEach(table::end);
    return back;
  }

  /**
   * Writes an open pinhole anew, with the comment and the timeout that it has by now.
   *
   * @param expectation one that is pending
   */
  public void rewrite(Expectation expectation) {
    if (!toOpen.contains(expectation)) {
      toRewrite.add(expectation);
    }
  }

  /**
   * Has the kernel know that an owner lasts. One comment that says so is enough, and mostly one is
   * in this transaction already; the others say it with the next renewal of their lease.
   *
   * @param all what the owner has
   */
  void settle(List<Expectation> all) {
    boolean known = false;
    @Nullable Expectation toTell = null;
    for (Expectation expectation : all) {
      if (expectation.isOver()) {
        continue;
      }
      boolean hasLasted = !expectation.stay().isProvisional();
      if (!hasLasted) {
        expectation.settle();
      }
      if (holders.waitingFor(expectation.pinhole()) == expectation) { // else another one's is there
        known |= hasLasted && (toOpen.contains(expectation) || !expectation.isCommentOld());
        toTell = expectation;
      }
    }
    if (!known && toTell != null) {
      toTell.awaitComment();
      rewrite(toTell);
    }
  }

  /**
   * Has the children of an expectation that live deleted once its pinhole is shut, unless another
   * one holds the same. Connections that are read go on.
   *
   * @param expectation one that ends
   */
  void cutChildrenOf(Expectation expectation) {
    boolean goOn =
        expectation.request().isRead() && expectation.request().transport() == Transport.TCP;
    if (!goOn) {
      toCut.add(expectation);
    }
  }

  /**
   * Holds a direction in which a message is rewritten.
   *
   * @param direction from now on, for 10 s
   */
  public void hold(RewrittenDirection direction) {
    toHold.add(direction);
  }

  /** Whether there is something for a transaction. */
  private boolean hasChanges() {
    return !toCut.isEmpty()
        || !toOpen.isEmpty()
        || !toRewrite.isEmpty()
        || !toClose.isEmpty()
        || !toHold.isEmpty();
  }

  /** Brings all changes into the kernel, in one transaction if it takes them. */
  public void commit() {
    if (!hasChanges()) {
      return;
    }
    long nowNs = clock.nanoTime();
    collect(toOpen, nowNs);
    int opens = toWrite.size();
    collect(toRewrite, nowNs);
    try {
      if (!toClose.isEmpty() || !toWrite.isEmpty() || !toHold.isEmpty()) {
        ended(apply(toClose, openPinholes, toHold));
      }
      for (int at = 0; at < toWrite.size(); at++) {
        Expectation expectation = toWrite.get(at);
        holders.wrote(expectation, openPinholes.get(at), nowNs);
        if (at < opens) {
          opened(expectation);
        } else {
          rewritten(expectation);
        }
      }
      standing.forEach(this::stands);
    } catch (BackendException e) {
      // One bad pinhole must not keep the others of the batch shut.
      commitOneByOne(e.done());
    } finally {
      restoreForOthers();
      toOpen.clear();
      toRewrite.clear();
      toClose.clear();
      toHold.clear();
      toEnd.clear();
      openPinholes.clear();
      toWrite.clear();
      standing.clear();
    }
    shutWhatEndedMeanwhile();
    cutChildren();
  }

  /** Takes what the kernel must be told of, and leaves the rest. */
  private void collect(Set<Expectation> changed, long nowNs) {
    for (Expectation expectation : changed) {
      if (holders.mustBeWritten(expectation, nowNs)) {
        toWrite.add(expectation);
        openPinholes.add(holders.pinholeToWrite(expectation, nowNs));
      } else if (changed == toOpen) {
        standing.add(expectation);
      }
    }
  }

  private void cutChildren() {
    long nowNs = clock.nanoTime();
    children.forgetUntranslated(begun, table.cutChildren(), nowNs);
    begun.clear();
    children.cut(toCut, table, nowNs);
    toCut.clear();
  }

  private void restoreForOthers() {
    try {
      shared.restore(toClose, toOpen, (close, open) -> apply(close, open, List.of()));
    } catch (BackendException e) {
      refused(e);
    }
  }

  /** Other threads end expectations too; one that was just being opened must not stay open. */
  private void shutWhatEndedMeanwhile() {
    if (endedMeanwhile.isEmpty()) {
      return;
    }
    try {
      apply(endedMeanwhile, List.of(), List.of());
    } catch (BackendException e) {
      refused(e);
    } finally {
      endedMeanwhile.clear();
    }
  }

  /**
   * Ends what nobody has used. Of the rest the lifecycle thread knows, when it has read all events,
   * whether a child came first.
   */
  private void ended(List<Pinhole> unused) {
    long shutNs = clock.nanoTime();
    for (Ended ended : toEnd) {
      Expectation expectation = ended.expectation();
      // One that was written anew stands again after its child came.
      if (!expectation.wasRemade() && unused.contains(expectation.pinhole())) {
        if (table.endUnused(expectation)) {
          toSay.add(new Said(ended.why(), expectation));
        }
      } else {
        table.shut(expectation, ended.why(), shutNs);
      }
    }
  }

  /**
   * Does one by one what is not done yet. What was opened already is not opened again: its child
   * may have come through meanwhile, and another one would then.
   */
  private void commitOneByOne(Applied done) {
    for (RewrittenDirection direction : toHold.subList(done.held(), toHold.size())) {
      try {
        apply(List.of(), List.of(), List.of(direction));
      } catch (BackendException e) {
        refused(e);
      }
    }
    List<Pinhole> unused = new ArrayList<>(done.unused());
    for (Pinhole pinhole : toClose.subList(done.closed(), toClose.size())) {
      try {
        unused.addAll(apply(List.of(pinhole), List.of(), List.of()));
      } catch (BackendException e) {
        refused(e);
      }
    }
    ended(unused);
    standing.forEach(this::stands);
    for (int at = 0; at < toWrite.size(); at++) {
      Expectation expectation = toWrite.get(at);
      if (at < done.opened()) {
        holders.wrote(expectation, openPinholes.get(at), clock.nanoTime());
      }
      if (toOpen.contains(expectation)) {
        openOneByOne(expectation, at < done.opened());
      } else if (at >= done.opened()) {
        rewriteAlone(expectation);
      }
    }
  }

  private void openOneByOne(Expectation expectation, boolean isDone) {
    if (isDone) {
      opened(expectation);
    } else {
      try {
        write(expectation);
        opened(expectation);
      } catch (BackendException e) {
        refused(e);
        table.end(expectation);
        translationRefused |= expectation.pinhole().translation() != null;
        trace.refusedByKernel(expectation, String.valueOf(e.getMessage()));
        expectation.owner().refused(AgentReason.BACKEND_REFUSED);
        events.refused(expectation, AgentReason.BACKEND_REFUSED, String.valueOf(e.getMessage()));
      }
    }
  }

  /** One that the kernel does not take stays as it is in the kernel, with the time that it has. */
  private void rewriteAlone(Expectation expectation) {
    try {
      write(expectation);
      rewritten(expectation);
    } catch (BackendException e) {
      refused(e);
    }
  }

  private void write(Expectation expectation) throws BackendException {
    long nowNs = clock.nanoTime();
    Pinhole pinhole = holders.pinholeToWrite(expectation, nowNs);
    apply(List.of(), List.of(pinhole), List.of());
    holders.wrote(expectation, pinhole, nowNs);
  }

  private void rewritten(Expectation expectation) {
    expectation.writtenAnew();
    shutIfEndedMeanwhile(expectation);
  }

  private List<Pinhole> apply(
      List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
      throws BackendException {
    long beganNs = clock.nanoTime();
    boolean ok = false;
    try {
      List<Pinhole> unused = backend.apply(close, open, rewritten);
      ok = true;
      return unused;
    } catch (RuntimeException e) {
      throw new BackendException(e.toString(), 0, e); // a fault of the backend, no worse than a no
    } finally {
      metrics.transaction(clock.nanoTime() - beganNs, ok);
    }
  }

  private void opened(Expectation expectation) {
    if (!expectation.pinhole().isObserved()) {
      begun.add(expectation);
    }
    expectation.opened(clock.nanoTime());
    stands(expectation);
  }

  /** The kernel has what an expectation is to open. */
  private void stands(Expectation expectation) {
    expectation.written();
    toSay.add(new Said(AgentEvent.Kind.CREATED, expectation));
    shutIfEndedMeanwhile(expectation);
  }

  private void shutIfEndedMeanwhile(Expectation expectation) {
    // One that is matched already got the child of another one, or has none to wait for any more.
    if (expectation.state() != Expectation.State.PENDING
        && !holders.isWaitedFor(expectation.pinhole())) {
      endedMeanwhile.add(expectation.pinhole());
    }
  }

  /** Says what was opened, and what ended and was certainly not used. */
  public void publish() {
    for (Said said : toSay) {
      events.expectation(said.kind(), said.expectation(), "");
    }
    toSay.clear();
  }

  private void refused(BackendException e) {
    String message = String.valueOf(e.getMessage());
    backendErrors.warn(message);
    events.agent(AgentEvent.Kind.BACKEND_ERROR, "errno" + e.errno(), message);
  }
}
