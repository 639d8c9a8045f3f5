package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.ParentFlow;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.pinhole.Applied;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns what helpers conclude into expectations, and collects the pinholes of a batch of packets
 * for one transaction. Owned by one worker.
 */
final class Outcomes implements OutcomeSink {
  private static final Logger LOG = LoggerFactory.getLogger(Outcomes.class);

  private final ExpectationTable table;
  private final PinholeBackend.Session backend;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final FlowMarks flowMarks;
  private final Tracer tracer;
  private final OutcomeTrace trace;
  private final SampledLog backendErrors = new SampledLog(LOG, "the kernel refused pinholes");

  private final Rewrites rewrites;
  private final NewExpectations newExpectations;

  private final List<Expectation> toOpen = new ArrayList<>();
  private final List<Pinhole> toClose = new ArrayList<>();
  private final List<RewrittenDirection> toHold = new ArrayList<>(2);
  private final List<Pinhole> openPinholes = new ArrayList<>();
  private final List<Ended> toEnd = new ArrayList<>();
  private final List<Said> toSay = new ArrayList<>();
  private final List<Pinhole> endedMeanwhile = new ArrayList<>();
  private final SharedPinholes shared;

  private HelperPorts helperPorts = (transport, port) -> false;
  private @Nullable ParentFlow flow;
  private @Nullable Reason ended;
  private long nowNs;
  private Direction reading = Direction.ORIGINAL;
  private boolean translationRefused;
  private boolean held;

  /** One whose end has begun and whose pinhole is among those to shut. */
  private record Ended(Expectation expectation, AgentEvent.Kind why) {}

  /** What happened to an expectation and is not told yet. */
  private record Said(AgentEvent.Kind kind, Expectation expectation) {}

  Outcomes(
      ExpectationTable table,
      PinholeBackend.Session backend,
      AgentEvents events,
      AgentMetrics metrics,
      MarkBits marks,
      FlowMarks flowMarks,
      Tracer tracer,
      Rewrites rewrites,
      LivingChildren children) {
    this.table = table;
    this.shared = new SharedPinholes(table);
    this.backend = backend;
    this.events = events;
    this.metrics = metrics;
    this.flowMarks = flowMarks;
    this.tracer = tracer;
    this.trace = new OutcomeTrace(tracer);
    this.rewrites = rewrites;
    this.newExpectations = new NewExpectations(table, marks, children);
  }

  /** Tells the ports that helpers read. */
  @FunctionalInterface
  interface HelperPorts {
    boolean contains(Transport transport, int port);
  }

  /** Says which ports are never opened, because a helper would read the child as a parent. */
  void refuseHelperPorts(HelperPorts ports) {
    helperPorts = ports;
  }

  /** Begins a message of a flow. */
  void begin(ParentFlow current, Direction direction, long now) {
    reading = direction;
    flow = current;
    ended = null;
    nowNs = now;
    translationRefused = false;
    held = false;
    rewrites.begin();
  }

  /** Whether the kernel refused, since {@link #begin}, what a message is rewritten for. */
  boolean translationRefused() {
    return translationRefused;
  }

  /** Why the helper ended reading in this message; null if it goes on. */
  @Nullable Reason ended() {
    return ended;
  }

  private ParentFlow flow() {
    if (flow == null) {
      throw new IllegalStateException("outcome outside of a message");
    }
    return flow;
  }

  @Override
  public @Nullable Endpoint expect(ExpectationRequest request) {
    ParentFlow current = flow();
    if (helperPorts.contains(request.transport(), request.destination().port())) {
      report(AgentReason.HELPER_PORT, request.streamOffset());
      return null;
    }
    ChildPath path = ChildPath.of(current.facts(), request);
    Reason unchangeable =
        path.isRewritten() ? rewrites.refusal(current, reading, request.endpointOffset()) : null;
    if (unchangeable != null && !request.addressStays()) {
      report(unchangeable, request.streamOffset());
      return null;
    }
    Expectation older = current.announced(request.key());
    if (older != null) {
      current.forget(request.key());
      if (older.state() != Expectation.State.MATCHED) { // a child that came is not replaced
        end(older, AgentEvent.Kind.REPLACED);
      }
    }
    Expectation expectation =
        newExpectations.make(current, request, path, unchangeable == null, nowNs);
    if (expectation == null) {
      report(AgentReason.NO_FREE_PORT, request.streamOffset());
      return null;
    }
    Limit limit = table.add(expectation);
    if (limit != null) {
      report(reasonOf(limit), request.streamOffset());
      events.limit(current.parent(), limit);
      return null;
    }
    current.announce(expectation);
    trace.announced(expectation);
    if (request.active()) {
      open(expectation);
    }
    return new Endpoint(expectation.pinhole().destination(), expectation.pinhole().port());
  }

  private static Reason reasonOf(Limit limit) {
    return switch (limit) {
      case EXPECTATIONS_PER_PARENT -> AgentReason.LIMIT_PER_PARENT;
      case EXPECTATIONS_PER_SOURCE -> AgentReason.LIMIT_PER_SOURCE;
      case EXPECTATIONS -> AgentReason.LIMIT_TOTAL;
      case PARENTS, PARENTS_PER_SOURCE, HALF_OPEN ->
          throw new IllegalArgumentException("no limit on expectations: " + limit);
    };
  }

  @Override
  public void activate(String key) {
    Expectation expectation = flow().announced(key);
    if (expectation == null || expectation.state() != Expectation.State.ANNOUNCED) {
      return;
    }
    trace.opens(expectation);
    open(expectation);
  }

  private void open(Expectation expectation) {
    long nowNs = System.nanoTime();
    for (Expectation other = table.activate(expectation, nowNs);
        other != null;
        other = table.activate(expectation, nowNs)) {
      end(other, AgentEvent.Kind.REPLACED);
    }
    toOpen.add(expectation);
  }

  @Override
  public void close(String key) {
    Expectation expectation = flow().announced(key);
    if (expectation != null) {
      flow().forget(key);
      end(expectation, AgentEvent.Kind.CLOSED);
      trace.shuts(expectation);
    }
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
    if (!rewrites.plan(flow(), reading, streamOffset, lengthBytes, replacement)) {
      report(AgentReason.REWRITE_NOT_ALLOWED, streamOffset);
    }
  }

  @Override
  public void incomplete(long streamOffset) {
    rewrites.incomplete(flow(), reading, streamOffset);
  }

  @Override
  public void report(Reason reason, long streamOffset) {
    ParentFlow current = flow();
    trace.reason(reason, streamOffset);
    if (reason.kind() == Reason.Kind.REFUSED) {
      current.refused(reason);
      events.reason(current.parent(), reason, "");
    } else if (ended == null) {
      ended = reason;
    }
  }

  @Override
  public void understood(HelperWord word) {
    trace.understood(word);
  }

  @Override
  public void proven() {
    ParentFlow current = flow();
    if (!current.isProven()) {
      trace.proven(current.parent().helper());
    }
    flowMarks.prove(current);
  }

  /**
   * Ends an expectation, with its pinhole if that is open.
   *
   * @param kind why, for log and counters
   */
  void end(Expectation expectation, AgentEvent.Kind kind) {
    if (toOpen.remove(expectation)) {
      table.end(expectation);
      return; // nobody has seen it
    }
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE && table.beginEnd(expectation)) {
      toClose.add(expectation.pinhole());
      toEnd.add(new Ended(expectation, kind));
      return;
    }
    if (table.end(expectation) == Expectation.State.PENDING) {
      toClose.add(expectation.pinhole());
      publish(); // its creation comes first, if it was in this batch too
      events.expectation(kind, expectation, "");
    }
  }

  /**
   * Ends everything that a flow announced.
   *
   * @param kind why, for log and counters
   */
  void endAll(ParentFlow over, AgentEvent.Kind kind) {
    for (Expectation expectation : over.announced()) {
      over.forget(expectation.request().key());
      end(expectation, kind);
    }
  }

  /**
   * The packet that is being read changes its length or may do so: from here on to the
   * acknowledgement the message must not pass as it was, and the acknowledgement must be seen.
   */
  void hold() {
    if (!held) {
      held = true;
      toHold.add(new RewrittenDirection(flow().entry().id(), reading == Direction.REPLY));
    }
  }

  /** Whether there is something for a transaction. */
  boolean hasChanges() {
    return !toOpen.isEmpty() || !toClose.isEmpty() || !toHold.isEmpty();
  }

  /** Brings all changes into the kernel, in one transaction if it takes them. */
  void commit() {
    if (!hasChanges()) {
      return;
    }
    for (Expectation expectation : toOpen) {
      openPinholes.add(expectation.pinhole());
    }
    try {
      ended(apply(toClose, openPinholes, toHold));
      for (Expectation expectation : toOpen) {
        opened(expectation);
      }
    } catch (BackendException e) {
      // One bad pinhole must not keep the others of the batch shut.
      commitOneByOne(e.done());
    } finally {
      restoreForOthers();
      toOpen.clear();
      toClose.clear();
      toHold.clear();
      toEnd.clear();
      openPinholes.clear();
    }
    shutWhatEndedMeanwhile();
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
    long shutNs = System.nanoTime();
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
    List<Expectation> opening = List.copyOf(toOpen);
    for (Expectation expectation : opening.subList(0, done.opened())) {
      opened(expectation);
    }
    for (Expectation expectation : opening.subList(done.opened(), opening.size())) {
      try {
        apply(List.of(), List.of(expectation.pinhole()), List.of());
        opened(expectation);
      } catch (BackendException e) {
        refused(e);
        table.end(expectation);
        translationRefused |= expectation.pinhole().translation() != null;
        if (tracer.isOn()) {
          tracer.line(
              "reason",
              "refused backendRefused for expectation " + expectation.id() + ": " + e.getMessage());
        }
        events.reason(
            expectation.parent(), AgentReason.BACKEND_REFUSED, String.valueOf(e.getMessage()));
      }
    }
  }

  private List<Pinhole> apply(
      List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
      throws BackendException {
    long beganNs = System.nanoTime();
    boolean ok = false;
    try {
      List<Pinhole> unused = backend.apply(close, open, rewritten);
      ok = true;
      return unused;
    } catch (RuntimeException e) {
      throw new BackendException(e.toString(), 0, e); // a fault of the backend, no worse than a no
    } finally {
      metrics.transaction(System.nanoTime() - beganNs, ok);
    }
  }

  private void opened(Expectation expectation) {
    expectation.opened(System.nanoTime());
    expectation.written();
    toSay.add(new Said(AgentEvent.Kind.CREATED, expectation));
    // One that is matched already got the child of another one, or has none to wait for any more.
    if (expectation.state() != Expectation.State.PENDING
        && !table.isWaitedFor(expectation.pinhole())) {
      endedMeanwhile.add(expectation.pinhole());
    }
  }

  /** Says what was opened, and what ended and was certainly not used. */
  void publish() {
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
