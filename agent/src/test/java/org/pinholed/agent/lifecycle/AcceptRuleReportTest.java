package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
import org.pinholed.agent.pinhole.AcceptRuleState.Put;
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

  private void take(Presence presence, Put... put) {
    take(presence, presence == Presence.ABSENT ? List.of("inet f c") : List.of(), put);
  }

  private void take(Presence presence, List<String> dropping, Put... put) {
    report.take(new AcceptRuleState(presence, "text", dropping, List.of(put)));
  }

  @Test
  void take_goneAndBack_isToldOnceEach() {
    take(Presence.PRESENT);
    take(Presence.ABSENT);
    take(Presence.ABSENT);
    take(Presence.PRESENT);
    take(Presence.PRESENT);
    assertEquals(List.of("acceptRuleGone removed", "acceptRuleBack accepted"), log.words());
  }

  @Test
  void take_neverThere_orNoFirewallAnyMore_isToldSo() {
    take(Presence.UNKNOWN);
    take(Presence.ABSENT);
    take(Presence.UNKNOWN);
    assertEquals(List.of("acceptRuleGone neverThere", "acceptRuleBack nothingDrops"), log.words());
  }

  @Test
  void take_putInAndPutBack_areTold_alsoIfAnotherChainLacksIt() {
    take(Presence.PRESENT, new Put("inet filter forward", false));
    take(Presence.PRESENT, new Put("inet filter forward", true));
    take(Presence.ABSENT, new Put("inet filter forward", true));
    assertEquals(
        List.of(
            "acceptRuleBack putIn",
            "acceptRuleBack putBack",
            "acceptRuleBack putBack",
            "acceptRuleGone removed"),
        log.words());
  }

  @Test
  void take_putIntoTwoChains_isToldOfEach() {
    take(
        Presence.PRESENT,
        new Put("ip filter FORWARD", true),
        new Put("ip6 filter DOCKER-USER", false));
    assertEquals(List.of("acceptRuleBack putBack", "acceptRuleBack putIn"), log.words());
    assertEquals(
        List.of("ip filter FORWARD", "ip6 filter DOCKER-USER"),
        log.all().stream().map(AgentEvent::detail).toList());
  }

  @Test
  void take_aSecondChainLacksIt_isToldToo_andBackWhenNoneDoes() {
    take(Presence.PRESENT);
    take(Presence.ABSENT, List.of("ip filter FORWARD"));
    take(Presence.ABSENT, List.of("ip filter FORWARD", "ip6 filter FORWARD"));
    take(Presence.ABSENT, List.of("ip6 filter FORWARD"));
    take(Presence.PRESENT);
    assertEquals(
        List.of("acceptRuleGone removed", "acceptRuleGone removed", "acceptRuleBack accepted"),
        log.words());
  }
}
