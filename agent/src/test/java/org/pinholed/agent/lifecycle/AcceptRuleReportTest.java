package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.report.RecordedEvents;
import org.pinholed.agent.report.RecordedMetrics;
import org.pinholed.agent.time.Clock;

class AcceptRuleReportTest {
  private final RecordedEvents log = new RecordedEvents();
  private final AcceptRuleReport report =
      new AcceptRuleReport(
          new AgentEvents(
              log, new RecordedMetrics(), new ExpectationHistory(Clock.SYSTEM), Clock.SYSTEM));

  private void take(Presence presence, String put) {
    report.take(new AcceptRuleState(presence, "text", put));
  }

  @Test
  void take_goneAndBack_isToldOnceEach() {
    take(Presence.PRESENT, "");
    take(Presence.ABSENT, "");
    take(Presence.ABSENT, "");
    take(Presence.PRESENT, "");
    take(Presence.PRESENT, "");
    assertEquals(List.of("acceptRuleGone removed", "acceptRuleBack accepted"), log.words());
  }

  @Test
  void take_neverThere_orNoFirewallAnyMore_isToldSo() {
    take(Presence.UNKNOWN, "");
    take(Presence.ABSENT, "");
    take(Presence.UNKNOWN, "");
    assertEquals(List.of("acceptRuleGone neverThere", "acceptRuleBack nothingDrops"), log.words());
  }

  @Test
  void take_putInAndPutBack_areTold_alsoIfAnotherChainLacksIt() {
    take(Presence.PRESENT, "inet filter forward");
    take(Presence.PRESENT, "inet filter forward");
    take(Presence.ABSENT, "inet filter forward");
    assertEquals(
        List.of(
            "acceptRuleBack putIn",
            "acceptRuleBack putBack",
            "acceptRuleBack putBack",
            "acceptRuleGone removed"),
        log.words());
  }
}
