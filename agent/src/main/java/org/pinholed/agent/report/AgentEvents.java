package org.pinholed.agent.report;

import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.ChildTraffic;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Says what happened to the event log, to the counters and to the history of expectations, in one
 * place. Thread-safe.
 */
public final class AgentEvents {
  /** What the log says of an expectation whose helper only observes. */
  private static final String OBSERVED = "observed, nothing is opened";

  private final EventListener listener;
  private final AgentMetrics metrics;
  private final ExpectationHistory history;
  private final Clock clock;
  private final Observations observations = new Observations();

  /**
   * Makes the one of an agent.
   *
   * @param listener takes the events
   * @param metrics counts them
   * @param history remembers expectations that are over
   * @param clock what time it is
   */
  public AgentEvents(
      EventListener listener, AgentMetrics metrics, ExpectationHistory history, Clock clock) {
    this.clock = clock;
    this.history = history;
    this.listener = listener;
    this.metrics = metrics;
  }

  /**
   * The expectations that are over.
   *
   * @return the same at every call
   */
  public ExpectationHistory history() {
    return history;
  }

  /**
   * What came of what is only observed.
   *
   * @return the same at every call
   */
  public Observations observations() {
    return observations;
  }

  /**
   * Something happened to an expectation.
   *
   * @param kind what
   * @param expectation to which one
   * @param detail one sentence, or empty
   */
  public void expectation(AgentEvent.Kind kind, Expectation expectation, String detail) {
    Parent parent = expectation.parent();
    metrics.event(kind, parent.helper());
    boolean isObserved = expectation.pinhole().isObserved();
    if (isObserved) {
      if (kind == AgentEvent.Kind.CREATED) {
        observations.announced(expectation);
      } else if (kind != AgentEvent.Kind.MATCHED) {
        observations.ended(expectation);
      }
    }
    if (isEnd(kind, expectation)) {
      history.ended(expectation, kind, detail);
    }
    if (!listener.isListening()) {
      return; // a call is some of these events
    }
    java.net.InetAddress source = expectation.pinhole().source();
    listener.onEvent(
        new AgentEvent(
            clock.epochMicros(),
            kind,
            parent.helper(),
            parent.policyId(),
            parent.serial(),
            expectation.childSerial(),
            expectation.id(),
            parent.client(),
            parent.server(),
            source == null ? null : new Endpoint(source, 0),
            new Endpoint(expectation.pinhole().destination(), expectation.pinhole().port()),
            expectation.request().label(),
            expectation.request().cause().word(),
            isObserved && kind == AgentEvent.Kind.CREATED ? OBSERVED : detail,
            0));
  }

  /**
   * A record of the forwarded traffic. Nothing is counted: {@link AgentEvent.Kind#MATCHED} is.
   *
   * @param kind one that {@linkplain AgentEvent.Kind#isTraffic is traffic}
   * @param of what announced the child, as far as that is known
   * @param child which conntrack it is
   * @param reason at the begin what announced it, at the end why it ended; a word
   * @param detail one sentence, or empty
   * @param traffic what else is known
   */
  public void traffic(
      AgentEvent.Kind kind,
      ChildOrigin of,
      ConntrackIdentity child,
      String reason,
      String detail,
      ChildTraffic traffic) {
    Parent parent = of.parent();
    FlowTuple first = child.original();
    listener.onEvent(
        new AgentEvent(
            clock.epochMicros(),
            kind,
            parent == null ? "" : parent.helper(),
            parent == null ? 0 : parent.policyId(),
            parent == null ? "" : parent.serial(),
            child.serial(),
            of.expectationId(),
            parent == null ? null : parent.client(),
            parent == null ? null : parent.server(),
            new Endpoint(first.source(), first.sourcePort()),
            new Endpoint(first.destination(), first.destinationPort()),
            of.label(),
            reason,
            detail,
            0,
            traffic));
  }

  /**
   * Whether somebody takes events.
   *
   * @return false if none need be made
   */
  public boolean isListening() {
    return listener.isListening();
  }

  private static boolean isEnd(AgentEvent.Kind kind, Expectation expectation) {
    return switch (kind) {
      case CREATED -> false;
      case MATCHED -> expectation.pinhole().kind() == Pinhole.Kind.ONCE;
      default -> true;
    };
  }

  /**
   * An expectation ended before its pinhole was opened. Nobody was told that it was there, so only
   * the history keeps it.
   *
   * @param kind what ended it
   * @param expectation which one
   */
  public void endedUnopened(AgentEvent.Kind kind, Expectation expectation) {
    history.ended(expectation, kind, "");
  }

  /**
   * An expectation was refused after it was made.
   *
   * @param expectation which one
   * @param reason why
   * @param detail what the kernel said, or empty
   */
  public void refused(Expectation expectation, Reason reason, String detail) {
    history.refused(expectation, reason, detail);
    reason(expectation.parent(), reason, detail);
  }

  /**
   * A request was refused.
   *
   * @param parent the flow
   * @param request what was announced in it
   * @param reason why
   */
  public void refused(Parent parent, ExpectationRequest request, Reason reason) {
    history.refused(parent, request, reason, "");
    reason(parent, reason, "");
  }

  /**
   * A helper refused what a message announces.
   *
   * @param parent the flow
   * @param announcement the message
   * @param reason why
   * @param detail what exactly, printable, or empty
   */
  public void refused(
      Parent parent, PastExpectation.Announcement announcement, Reason reason, String detail) {
    history.refused(parent, announcement, reason, detail);
    reason(parent, reason, detail);
  }

  /**
   * A reason was given for something in a flow that refuses no announcement.
   *
   * @param parent the flow
   * @param reason the reason
   * @param detail what exactly, or where it was seen, printable; empty for the explanation of the
   *     reason
   */
  public void reason(Parent parent, Reason reason, String detail) {
    AgentEvent.Kind kind =
        switch (reason.kind()) {
          case REFUSED -> AgentEvent.Kind.REFUSED;
          case PART_OPAQUE -> AgentEvent.Kind.PART_OPAQUE;
          case MALFORMED -> AgentEvent.Kind.MALFORMED;
          case OPAQUE -> AgentEvent.Kind.OPAQUE;
        };
    metrics.event(kind, parent.helper());
    metrics.reason(parent.helper(), reason);
    flow(kind, parent, reason.word(), detail.isEmpty() ? reason.explanation() : detail);
  }

  /**
   * A helper understood a message, or a part of one.
   *
   * @param parent the flow
   * @param word what it was
   */
  public void understood(Parent parent, HelperWord word) {
    metrics.message(parent.helper(), word);
  }

  /**
   * A helper has a field of a message changed.
   *
   * @param parent the flow
   * @param field which
   */
  public void rewritten(Parent parent, HelperWord field) {
    metrics.rewrittenField(parent.helper(), field);
  }

  /**
   * A packet of a flow was not read because of the device that it came in by.
   *
   * @param parent the flow
   * @param reason the reason that its listing shows
   * @param detail one sentence
   */
  public void misrouted(Parent parent, Reason reason, String detail) {
    metrics.event(AgentEvent.Kind.MISROUTED, parent.helper());
    flow(AgentEvent.Kind.MISROUTED, parent, reason.word(), detail);
  }

  /**
   * A limit was reached.
   *
   * @param parent the flow that met it
   * @param limit which one
   */
  public void limit(Parent parent, Limit limit) {
    metrics.event(AgentEvent.Kind.LIMIT, parent.helper());
    metrics.limit(limit);
    flow(AgentEvent.Kind.LIMIT, parent, limit.word(), limit.key() + " is reached");
  }

  /**
   * Something happened that concerns no single flow.
   *
   * @param kind what
   * @param reason one word
   * @param detail one sentence
   */
  public void agent(AgentEvent.Kind kind, String reason, String detail) {
    metrics.event(kind, "");
    listener.onEvent(
        new AgentEvent(
            clock.epochMicros(),
            kind,
            "",
            0,
            "",
            null,
            0,
            null,
            null,
            null,
            null,
            "",
            reason,
            detail,
            0));
  }

  /**
   * Time passed: what was held back and is due is told.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void tick(long nowNs) {
    listener.tick(nowNs);
  }

  /**
   * Another rule took our bits out of the mark of a parent, and they were put back.
   *
   * @param parent the parent
   */
  public void marksPutBack(Parent parent) {
    metrics.event(AgentEvent.Kind.MARKS_PUT_BACK, parent.helper());
    flow(
        AgentEvent.Kind.MARKS_PUT_BACK,
        parent,
        "foreignRule",
        "another rule sets the whole connection mark of control connections after their first"
            + " packet; it should keep the bits of pinholed, or match ct state new only");
  }

  private void flow(AgentEvent.Kind kind, Parent parent, String reason, String detail) {
    listener.onEvent(
        new AgentEvent(
            clock.epochMicros(),
            kind,
            parent.helper(),
            parent.policyId(),
            parent.serial(),
            null,
            0,
            parent.client(),
            parent.server(),
            null,
            null,
            "",
            reason,
            detail,
            0));
  }
}
