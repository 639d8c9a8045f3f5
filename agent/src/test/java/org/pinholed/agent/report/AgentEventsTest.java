package org.pinholed.agent.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.SampledEvents;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

class AgentEventsTest {
  private static Endpoint endpoint(String address, int port) {
    return new Endpoint(new InetSocketAddress(address, port).getAddress(), port);
  }

  private static final InetAddress CLIENT = new InetSocketAddress("192.0.2.10", 0).getAddress();
  private static final InetAddress SERVER = new InetSocketAddress("2001:db8::7", 0).getAddress();
  private static final FlowTuple ORIGINAL = new FlowTuple(6, CLIENT, 40001, CLIENT, 21);
  private static final Parent PARENT =
      new Parent(
          new ConntrackIdentity(0xabcd, ORIGINAL, ORIGINAL.inverse(), 0),
          "ftp",
          1,
          0x20000019,
          25,
          new Endpoint(CLIENT, 40001),
          new Endpoint(CLIENT, 21));

  private final RecordedEvents log = new RecordedEvents();
  private final RecordedMetrics metrics = new RecordedMetrics();
  private final ExpectationHistory history = new ExpectationHistory(Clock.SYSTEM);
  private final AgentEvents events = new AgentEvents(log, metrics, history, Clock.SYSTEM);

  private enum Word implements HelperWord {
    SAID;

    @Override
    public String word() {
      return "said";
    }
  }

  private enum Why implements Reason {
    NOT_WANTED(Kind.REFUSED),
    NOT_LEGAL(Kind.MALFORMED),
    NOT_READABLE(Kind.OPAQUE);

    private final Kind kind;

    Why(Kind kind) {
      this.kind = kind;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public String explanation() {
      return "an explanation";
    }
  }

  private AgentEvent only() {
    assertEquals(1, log.all().size());
    AgentEvent event = log.all().get(0);
    long ageMicros = Instant.now().toEpochMilli() * 1000 - event.epochMicros();
    assertTrue(Math.abs(ageMicros) < 60_000_000, "microseconds since 1970: " + event);
    return event;
  }

  private static Expectation expectation(boolean anySource) {
    return expectation(anySource, 0x40000019);
  }

  private static Expectation expectation(boolean anySource, int mark) {
    Pinhole pinhole =
        new Pinhole(
            anySource ? Pinhole.Kind.OPEN_ANY : Pinhole.Kind.ONCE,
            Transport.TCP,
            anySource ? null : SERVER,
            SERVER,
            5000,
            mark,
            1,
            "");
    ExpectationRequest request =
        ExpectationRequest.builder("k", Direction.REPLY, new Endpoint(SERVER, 5000), Word.SAID)
            .label("call\u001b[31m of al\u00edce")
            .build();
    return new Expectation(
        17,
        PARENT,
        org.pinholed.agent.expectation.Owner.flow("ftp"),
        request,
        pinhole,
        org.pinholed.agent.pinhole.Stay.of(java.time.Duration.ofSeconds(30)),
        0);
  }

  @Test
  void nobodyListens_countedAndRemembered() {
    EventListener silent =
        new EventListener() {
          @Override
          public void onEvent(AgentEvent event) {
            fail("told " + event);
          }

          @Override
          public boolean isListening() {
            return false;
          }
        };
    AgentEvents quiet =
        new AgentEvents(
            new SampledEvents(silent, System::nanoTime), metrics, history, Clock.SYSTEM);

    quiet.expectation(AgentEvent.Kind.CREATED, expectation(true), "");
    quiet.expectation(AgentEvent.Kind.CLOSED, expectation(true), "");

    assertEquals(1, history.ended().size());
    assertEquals(1, metrics.of("event created ftp"));
    assertEquals(1, metrics.of("event closed ftp"));
  }

  @Test
  void expectation_created_withItsParentAndTuple() {
    events.expectation(AgentEvent.Kind.CREATED, expectation(false), "detail");

    AgentEvent event = only();
    assertEquals(
        new AgentEvent(
            event.epochMicros(),
            AgentEvent.Kind.CREATED,
            "ftp",
            25,
            "0000abcd",
            null,
            17,
            endpoint("192.0.2.10", 40001),
            endpoint("192.0.2.10", 21),
            endpoint("2001:db8::7", 0),
            endpoint("2001:db8::7", 5000),
            "call\\x1b[31m of al\\xedce",
            "said",
            "detail",
            0),
        event);
    assertEquals(1, metrics.of("event created ftp"));
  }

  @Test
  void expectation_ofAHelperThatObserves_saysThatNothingIsOpened() {
    events.expectation(AgentEvent.Kind.CREATED, expectation(false, 0), "");
    assertEquals("observed, nothing is opened", only().detail());
  }

  @Test
  void expectation_anySource_withoutSource() {
    events.expectation(AgentEvent.Kind.EXPIRED, expectation(true), "");

    assertNull(only().source());
  }

  @ParameterizedTest
  @EnumSource(Why.class)
  void reason_anyKind_eventAndCounterOfThatKind(Why why) {
    events.reason(PARENT, why, "");

    AgentEvent event = only();
    assertEquals(AgentEvent.Kind.valueOf(why.kind().name()), event.kind());
    assertEquals(why.word(), event.reason());
    assertEquals("an explanation", event.detail());
    assertEquals("0000abcd", event.serial());
    assertEquals(1, metrics.of("reason " + why.word() + " ftp"));
    assertEquals(1, metrics.of("event " + event.kind().word() + " ftp"));
  }

  @Test
  void reason_withDetail_detailInsteadOfTheExplanation() {
    events.reason(PARENT, Why.NOT_WANTED, "what the kernel said");

    assertEquals("what the kernel said", only().detail());
  }

  @Test
  void limit_reached_namedAsInTheConfiguration() {
    events.limit(PARENT, Limit.PARENTS);

    assertEquals("parents", only().reason());
    assertEquals("limits.parents is reached", only().detail());
    assertEquals(List.of("event limit ftp", "limit parents"), metrics.words());
  }

  @Test
  void limitOfAnEntry_reached_namedWithItsSection() {
    events.limit(PARENT, Limit.EXPECTATIONS_PER_OWNER);
    assertEquals("expectationsPerOwner", only().reason());
    assertEquals("helpers[].expectationsPerOwner is reached", only().detail());
  }

  @Test
  void limitOfAnEntry_ofTheNameOfAnother_hasAWordOfItsOwn() {
    events.limit(PARENT, Limit.HELPER_PARENTS);
    assertEquals("helperParents", only().reason());
    assertEquals("helpers[].parents is reached", only().detail());
  }

  @Test
  void agent_noFlowConcerned_emptyFields() {
    events.agent(AgentEvent.Kind.RESYNCED, "conntrackOverrun", "detail");

    AgentEvent event = only();
    assertEquals("", event.helper());
    assertEquals("", event.serial());
    assertNull(event.client());
    assertEquals("conntrackOverrun", event.reason());
    assertEquals(1, metrics.of("event resynced "));
  }
}
