package org.pinholed.agent.announce;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Announced;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowMarks;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;

/**
 * Turns what helpers conclude into expectations, whose pinholes come into the transaction of the
 * batch. Owned by one worker.
 */
public final class Outcomes implements OutcomeSink, Announced {
  private final ExpectationTable table;
  private final PinholeTransaction pinholes;
  private final AgentEvents events;
  private final FlowMarks flowMarks;
  private final OutcomeTrace trace;

  private final MessageEdits edits;
  private final NewExpectations newExpectations;

  private HelperPorts helperPorts = (transport, port) -> false;
  private @Nullable Flow flow;
  private @Nullable Reason ended;
  private long nowNs;
  private Direction reading = Direction.ORIGINAL;
  private boolean held;

  /**
   * Makes it.
   *
   * @param table the expectation table, shared
   * @param pinholes the transaction of the batch
   * @param events log and counters, shared
   * @param marks the bits of the conntrack mark
   * @param flowMarks writes what is known of a flow into its conntrack mark
   * @param trace tells running traces
   * @param edits changes messages
   * @param children knows the ports of children that live
   * @param clock what time it is
   */
  public Outcomes(
      ExpectationTable table,
      PinholeTransaction pinholes,
      AgentEvents events,
      MarkBits marks,
      FlowMarks flowMarks,
      OutcomeTrace trace,
      MessageEdits edits,
      LivingChildren children,
      Clock clock) {
    this.table = table;
    this.pinholes = pinholes;
    this.events = events;
    this.flowMarks = flowMarks;
    this.trace = trace;
    this.edits = edits;
    this.newExpectations = new NewExpectations(table, marks, children, clock);
  }

  /** Tells the ports that helpers read. */
  @FunctionalInterface
  public interface HelperPorts {
    /**
     * Asks for one.
     *
     * @param transport of the port
     * @param port 1..65535
     * @return whether a helper reads what comes to it
     */
    public boolean contains(Transport transport, int port);
  }

  /**
   * Says which ports are never opened, because a helper would read the child as a parent.
   *
   * @param ports those that helpers read now
   */
  public void refuseHelperPorts(HelperPorts ports) {
    helperPorts = ports;
  }

  /**
   * Begins a message of a flow.
   *
   * @param current the flow
   * @param direction the direction of the message
   * @param now {@link System#nanoTime}
   */
  public void begin(Flow current, Direction direction, long now) {
    reading = direction;
    flow = current;
    ended = null;
    nowNs = now;
    pinholes.beginMessage();
    held = false;
    edits.begin();
  }

  /**
   * Why the helper ended reading in this message.
   *
   * @return null if it goes on
   */
  public @Nullable Reason ended() {
    return ended;
  }

  private Flow flow() {
    if (flow == null) {
      throw new IllegalStateException("outcome outside of a message");
    }
    return flow;
  }

  @Override
  public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
    List<Optional<Endpoint>> seen = new ArrayList<>(requests.size());
    for (ExpectationRequest request : requests) {
      seen.add(Optional.ofNullable(expectOne(request)));
    }
    return seen;
  }

  private @Nullable Endpoint expectOne(ExpectationRequest request) {
    Flow current = flow();
    if (helperPorts.contains(request.transport(), request.destination().port())) {
      report(AgentReason.HELPER_PORT, request.streamOffset());
      return null;
    }
    ChildPath path = ChildPath.of(current.facts(), request);
    Reason unchangeable =
        path.isRewritten() ? edits.refusal(current, reading, request.endpointOffset()) : null;
    if (unchangeable != null && request.text() == ExpectationRequest.Text.TRANSLATED) {
      report(unchangeable, request.streamOffset());
      return null;
    }
    Expectation older = current.announced(request.group());
    if (older != null) {
      current.forget(request.group());
      if (older.state() != Expectation.State.MATCHED) { // a child that came is not replaced
        pinholes.end(older, AgentEvent.Kind.REPLACED);
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
      pinholes.open(expectation);
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
  public void activate(@Nullable OwnerId owner, String key) {
    Expectation expectation = flow().announced(key);
    if (expectation == null || expectation.state() != Expectation.State.ANNOUNCED) {
      return;
    }
    trace.opens(expectation);
    pinholes.open(expectation);
  }

  @Override
  public void close(@Nullable OwnerId owner, String key) {
    Expectation expectation = flow().announced(key);
    if (expectation != null) {
      flow().forget(key);
      pinholes.end(expectation, AgentEvent.Kind.CLOSED);
      trace.shuts(expectation);
    }
  }

  @Override
  public void keepOwner(OwnerId owner, Duration atMost) {}

  @Override
  public void endOwner(OwnerId owner, Children children) {}

  @Override
  public void cut(Reason reason, long streamOffset) {
    report(reason, streamOffset);
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
    if (!edits.plan(flow(), reading, streamOffset, lengthBytes, replacement)) {
      report(AgentReason.REWRITE_NOT_ALLOWED, streamOffset);
    }
  }

  @Override
  public void incomplete(long streamOffset) {
    edits.incomplete(flow(), reading, streamOffset);
  }

  @Override
  public void report(Reason reason, long streamOffset) {
    Flow current = flow();
    trace.reason(reason, streamOffset);
    if (reason.kind() == Reason.Kind.REFUSED || reason.kind() == Reason.Kind.PART_OPAQUE) {
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
    Flow current = flow();
    if (!current.isProven()) {
      trace.proven(current.parent().helper());
    }
    flowMarks.prove(current);
  }

  @Override
  public void endAll(Flow over, AgentEvent.Kind kind) {
    for (Expectation expectation : over.announced()) {
      over.forget(expectation.request().group());
      pinholes.end(expectation, kind);
    }
  }

  /**
   * The packet that is being read changes its length or may do so: from here on to the
   * acknowledgement the message must not pass as it was, and the acknowledgement must be seen.
   */
  public void hold() {
    if (!held) {
      held = true;
      pinholes.hold(new RewrittenDirection(flow().entry().id(), reading == Direction.REPLY));
    }
  }
}
