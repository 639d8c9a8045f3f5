package org.pinholed.agent.path;

import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.Passage;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.helper.Direction;

/**
 * The verdict for a packet of a translated flow: it passes as it came, is changed, or is dropped so
 * that its sender sends it again. For the worker's thread only.
 */
final class RewrittenVerdict {
  private final Batch batch;
  private final Rewrites rewrites;
  private final HeldMessages held;
  private final Outcomes outcomes;
  private final PinholeTransaction pinholes;
  private final AgentMetrics metrics;

  RewrittenVerdict(
      Batch batch,
      Rewrites rewrites,
      HeldMessages held,
      Outcomes outcomes,
      PinholeTransaction pinholes,
      AgentMetrics metrics) {
    this.batch = batch;
    this.rewrites = rewrites;
    this.held = held;
    this.outcomes = outcomes;
    this.pinholes = pinholes;
    this.metrics = metrics;
  }

  /**
   * Gives the verdict if the packet must be changed or dropped.
   *
   * @param flow its flow
   * @param translation how that is translated
   * @param towards its direction
   * @param inTurnOnly whether it must wait if it came before its turn
   * @return the verdict in words, for the trace
   */
  String give(Flow flow, TranslatedFlow translation, Direction towards, boolean inTurnOnly) {
    TranslatedStream stream = translation.stream(towards);
    if (stream == null) {
      return TcpPath.AS_IT_CAME;
    }
    if (held.isFor(flow, towards, stream)) {
      return held.give(flow, towards, stream.holding(), inTurnOnly);
    }
    if (rewrites.passAsItCame(stream, inTurnOnly)) {
      return TcpPath.AS_IT_CAME;
    }
    Passage passage;
    int lengthBytes = 0;
    try {
      if (rewrites.hasNewEdits()) {
        if (rewrites.changesLength()) {
          outcomes.hold();
        }
        batch.bringIntoKernel();
      }
      boolean refused = pinholes.translationRefused();
      if (refused || stream.isHopeless()) {
        giveUp(flow, stream, refused);
      }
      passage =
          refused
              ? Passage.dropped(WithheldReason.BACKEND_REFUSED)
              : rewrites.decide(stream, inTurnOnly);
      if (passage.kind() == Passage.Kind.CHANGED) {
        if (passage.adjustment() != null) {
          outcomes.hold();
          batch.bringIntoKernel(); // does nothing if the pinhole's transaction had it
        }
        lengthBytes =
            passage.adjustment() == null || batch.sendGiven()
                ? rewrites.make(translation, towards, passage)
                : 0;
        if (lengthBytes == 0) {
          passage = Passage.dropped(WithheldReason.REWRITE_FAILED);
        }
      } else if (passage.kind() == Passage.Kind.ASKED) {
        outcomes.hold(); // so that the answer is seen
        batch.bringIntoKernel();
        lengthBytes = rewrites.makeQuestion(passage.end());
      }
    } catch (RuntimeException e) {
      batch.fault(e);
      passage = Passage.dropped(WithheldReason.FAULT);
    }
    return carryOut(stream, passage, lengthBytes);
  }

  private String carryOut(TranslatedStream stream, Passage passage, int lengthBytes) {
    WithheldReason withheld = passage.reason();
    if (withheld != null) {
      metrics.withheld(withheld);
    }
    switch (passage.kind()) {
      case AS_IT_CAME -> {
        stream.passed(passage);
        return TcpPath.AS_IT_CAME;
      }
      case CHANGED -> {
        stream.passed(passage);
        held.made(passage.fresh());
        batch.bringIntoKernel();
        // At once: after a kill in between, nobody would change it again.
        boolean atOnce = passage.adjustment() != null;
        batch.acceptChanged(rewrites.buffer(), lengthBytes, atOnce);
        return "accept, changed in "
            + passage.edits().size()
            + " places"
            + (withheld == null ? "" : ", cut: " + withheld.word());
      }
      case ASKED -> {
        batch.acceptChanged(rewrites.buffer(), lengthBytes, false);
        return "accept, without payload, to ask its receiver how far it has come: "
            + (withheld == null ? "" : withheld.word());
      }
      case DROPPED -> {
        batch.drop();
        return "drop: " + (withheld == null ? "" : withheld.word());
      }
    }
    throw new IllegalStateException("no such passage: " + passage.kind());
  }

  private void giveUp(Flow flow, TranslatedStream stream, boolean refused) {
    if (!refused) {
      outcomes.report(AgentReason.REWRITE_GIVEN_UP, 0);
      outcomes.endAll(flow, AgentEvent.Kind.CLOSED); // the other side hears of another port
    }
    stream.cancelPlanned();
  }
}
