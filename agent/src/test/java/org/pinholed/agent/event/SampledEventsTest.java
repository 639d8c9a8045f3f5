package org.pinholed.agent.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.agent.pace.Pace;
import org.pinholed.helper.Endpoint;

class SampledEventsTest {
  private static Endpoint endpoint(String address, int port) {
    return new Endpoint(new InetSocketAddress(address, port).getAddress(), port);
  }

  private final List<AgentEvent> told = new ArrayList<>();
  private long nowNs = Long.MAX_VALUE - 3 * Pace.MINUTE_NS / 2;
  private final SampledEvents events = new SampledEvents(told::add, () -> nowNs);

  private static AgentEvent event(AgentEvent.Kind kind, int flow, String reason) {
    @Nullable Endpoint client = flow == 0 ? null : endpoint("192.0.2.10", flow & 0xffff);
    return new AgentEvent(
        1, kind, "ftp", 25, "0000abcd", null, 0, client, null, null, null, "", reason, "d", 0);
  }

  private void refused(int flow, String reason) {
    events.onEvent(event(AgentEvent.Kind.REFUSED, flow, reason));
  }

  private void pass(long ns) {
    nowNs += ns;
    events.tick(nowNs);
  }

  private List<String> lines() {
    return told.stream()
        .map(
            event ->
                event.kind().word()
                    + " "
                    + (event.client() == null ? "-" : event.client().port())
                    + " "
                    + event.reason()
                    + " +"
                    + event.more())
        .toList();
  }

  @Test
  void sameReasonOfOneFlow_firstAtOnce_thenOneAMinute() {
    for (int i = 0; i < 20_000; i++) {
      refused(1, "foreignAddress");
    }
    assertEquals(List.of("refused 1 foreignAddress +0"), lines());
    pass(Pace.MINUTE_NS - 1);
    assertEquals(1, told.size());
    pass(1);
    assertEquals("refused 1 foreignAddress +19998", lines().get(1), "itself and 19998 others");
    refused(1, "foreignAddress");
    pass(Pace.MINUTE_NS);
    assertEquals("refused 1 foreignAddress +0", lines().get(2));
    pass(Pace.MINUTE_NS);
    pass(Pace.MINUTE_NS);
    assertEquals(3, told.size());
  }

  @Test
  void afterAQuietMinute_nextIsToldAtOnce() {
    refused(1, "foreignAddress");
    pass(Pace.MINUTE_NS);
    refused(1, "foreignAddress");
    assertEquals(2, told.size());
  }

  @Test
  void otherReasonsAndOtherFlowsWithTheSameId_areToldThemselves() {
    refused(1, "foreignAddress");
    refused(1, "deniedPort");
    refused(2, "foreignAddress");
    events.onEvent(event(AgentEvent.Kind.LIMIT, 1, "foreignAddress"));
    assertEquals(4, told.size());
  }

  @Nested
  class Flood {
    @Test
    void ofManyFlows_isToldWithinTheBudget_andCountedByReason() {
      int flows = 60_000;
      for (int flow = 1; flow <= flows; flow++) {
        refused(flow, "foreignAddress");
      }
      assertEquals(SampledEvents.BURST, told.size());
      pass(1);
      assertEquals(SampledEvents.BURST + 1, told.size());
      int others = flows - SampledEvents.BURST;
      assertEquals("refused - foreignAddress +" + others, lines().get(SampledEvents.BURST));
      pass(Pace.MINUTE_NS);
      assertEquals(SampledEvents.BURST + 1, told.size(), "there is nothing more to tell");
    }

    @Test
    void forAnHour_isAFewLinesASecond_andNoneIsLost() {
      long all = 0;
      int flow = 0;
      for (int second = 0; second < 3600; second++) {
        for (int i = 0; i < 50; i++) {
          refused(++flow, "r" + i % 3);
          refused(flow, "r" + i % 3);
          all += 2;
        }
        pass(1_000_000_000L);
      }
      pass(Pace.MINUTE_NS);
      pass(Pace.MINUTE_NS);
      int most =
          SampledEvents.BURST
              + 3700 * SampledEvents.A_SECOND
              + 62 * (SampledEvents.MOST_FLOWS + SampledEvents.MOST_REASONS);
      assertTrue(told.size() < most, told.size() + " lines");
      long accounted =
          told.stream().mapToLong(e -> e.client() == null ? e.more() : 1 + e.more()).sum();
      assertEquals(all, accounted);
    }

    @Test
    void ofReasonsToo_staysBounded() {
      for (int i = 0; i < 10_000; i++) {
        refused(i, "reason" + i);
      }
      pass(1);
      assertEquals(SampledEvents.BURST + SampledEvents.MOST_REASONS + 1, told.size());
      assertTrue(lines().contains("refused - other +" + (10_000 - 256 - 128)), lines()::toString);
    }

    @Test
    void whatHappensToExpectations_passesAsItComes() {
      for (int i = 0; i < 1000; i++) {
        refused(1, "foreignAddress");
        events.onEvent(event(AgentEvent.Kind.CREATED, 1, "227"));
      }
      assertEquals(1001, told.size());
    }
  }

  @ParameterizedTest
  @EnumSource(AgentEvent.Kind.class)
  void eachKind_firstIsToldAtOnce(AgentEvent.Kind kind) {
    AgentEvent event = event(kind, 1, "why");
    events.onEvent(event);
    assertEquals(List.of(event), told);
  }
}
