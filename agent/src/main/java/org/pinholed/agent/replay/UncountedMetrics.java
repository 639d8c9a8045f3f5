package org.pinholed.agent.replay;

import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ExpectationAction;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Reason;

/** Counts packets with a fault of ours, and nothing else: decisions say the rest. */
final class UncountedMetrics implements AgentMetrics {
  private long faults;

  long faults() {
    return faults;
  }

  @Override
  public void withoutExpectation(NoExpectation why) {}

  @Override
  public void unreadablePacket(UnreadableReason reason) {
    if (reason == UnreadableReason.FAULT) {
      faults++;
    }
  }

  @Override
  public void verdicts(Verdict verdict, int packets) {}

  @Override
  public void verdictLatency(long nanos, int packets) {}

  @Override
  public void transaction(long nanos, boolean ok) {}

  @Override
  public void event(AgentEvent.Kind kind, String helper) {}

  @Override
  public void reason(String helper, Reason reason) {}

  @Override
  public void message(String helper, HelperWord word) {}

  @Override
  public void rewrittenField(String helper, HelperWord field) {}

  @Override
  public void limit(Limit limit) {}

  @Override
  public void misroutedPacket() {}

  @Override
  public void withheld(WithheldReason reason) {}

  @Override
  public void parentsLost(int parents) {}

  @Override
  public void receiveError(ReceivingSocket socket) {}

  @Override
  public void overrun(ReceivingSocket socket) {}

  @Override
  public void expectations(ExpectationAction action) {}
}
