package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcTalk;

/** Connections that ask for very much: what is beyond a limit is counted, and reading goes on. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DceRpcManyIT {
  private static final RpcInterface SERVICE = RpcInterface.own(1);
  private static final String HOST = Family.V4.server();

  /** What is kept of one connection. */
  private static final int CONTEXTS = 256;

  private static final int REQUESTS = 64;

  /** Far more than this many answers take if each of them were kept. */
  private static final long GROWTH_MAX_KIB = 96 << 10;

  private final RpcScenario scenario = RpcScenario.start("timeout: 10m", "");

  @AfterAll
  void close() {
    try (scenario) {
      scenario.router().assertClean();
    }
  }

  private static RpcTalk bound() {
    return new RpcTalk(RpcFormat.LITTLE).bind(RpcInterface.MAPPER);
  }

  private void assertBufferedNothing() {
    assertTrue(
        scenario.router().metrics().contains("pinholed_buffered_bytes 0.0"),
        scenario.router()::state);
  }

  @Test
  void thousandMaps_areOneRow() {
    int port = 20_000;
    Map<String, Long> before = scenario.router().reasons();
    long resident = scenario.router().agent().residentKib();
    RpcTalk talk = bound();
    for (int map = 0; map < 1000; map++) {
      talk.map(SERVICE, port);
    }
    scenario.hold(talk);
    assertEquals(1, scenario.router().announced(port).size(), scenario.router()::state);
    assertEquals(Map.of(), scenario.router().reasonsSince(before));
    assertEquals(Set.of(port), scenario.reached(HOST, Set.of(port, port + 1)));
    long grown = scenario.router().agent().residentKib() - resident;
    assertTrue(grown < GROWTH_MAX_KIB, () -> grown + " KiB more");
    assertBufferedNothing();
  }

  @Test
  void contextsBeyondTheLimit_areCounted_andKnownOnesGoOn() {
    int port = 20_100;
    Map<String, Long> before = scenario.router().reasons();
    RpcTalk talk = bound();
    for (int context = 1; context < 400; context++) {
      talk.alter(context, RpcInterface.MAPPER);
    }
    talk.map(0, SERVICE, port).map(CONTEXTS - 1, SERVICE, port + 1);
    talk.map(CONTEXTS, SERVICE, port + 2);
    for (int bind = 0; bind < 400; bind++) {
      talk.bind(RpcInterface.MAPPER); // the same context again
    }
    scenario.hold(talk.map(0, SERVICE, port + 3));
    assertEquals(
        Map.of("tooManyContexts", 400L - CONTEXTS), scenario.router().reasonsSince(before));
    assertEquals(
        Set.of(port, port + 1, port + 3),
        scenario.reached(HOST, Set.of(port, port + 1, port + 2, port + 3)));
  }

  @Test
  void callsBeyondTheLimit_areCounted_andThoseThatAreKeptGoOn() {
    int port = 20_200;
    int calls = 10_000;
    Map<String, Long> before = scenario.router().reasons();
    RpcTalk talk = bound();
    int first = talk.nextCall();
    StringBuilder asked = new StringBuilder(talk.asked(first, 0, SERVICE));
    int last = first;
    for (int call = 1; call < calls; call++) {
      last = talk.nextCall();
      asked.append(talk.asked(last, 0, SERVICE));
    }
    talk.client(asked.toString());
    talk.server(talk.told(last, SERVICE, port)).server(talk.told(first, SERVICE, port + 1));
    scenario.hold(talk.map(SERVICE, port + 2));
    assertEquals(
        Map.of("tooManyRequests", (long) calls - REQUESTS, "replyWithoutRequest", 1L),
        scenario.router().reasonsSince(before));
    assertEquals(
        Set.of(port + 1, port + 2), scenario.reached(HOST, Set.of(port, port + 1, port + 2)));
    assertBufferedNothing();
  }

  @Test
  void portsOfOneConnection_areSixtyFour_andAnotherConnectionHasItsOwn() {
    Map<String, Long> before = scenario.router().reasons();
    Set<Integer> tried = new TreeSet<>();
    RpcTalk talk = bound();
    for (int port = 22_000; port < 22_070; port++) {
      tried.add(port);
      talk.map(RpcInterface.own(port), port);
    }
    scenario.hold(talk.map(RpcInterface.own(22_000), 22_000)); // again
    assertEquals(Map.of("helperLimitPerParent", 6L), scenario.router().reasonsSince(before));
    assertEquals(64, scenario.reached(HOST, tried).size(), scenario.router()::state);
    scenario.hold(bound().map(RpcInterface.own(22_069), 22_069));
    assertEquals(Set.of(22_069), scenario.reached(HOST, Set.of(22_068, 22_069)));
  }

  @Test
  void endpointsBeyondTheLimit_areCounted() {
    String limits = "timeout: 10m, expectations: 40, expectationsPerSource: 80";
    try (RpcScenario small = RpcScenario.start(limits, "")) {
      Set<Integer> tried = new TreeSet<>();
      RpcTalk talk = bound();
      for (int port = 21_000; port < 21_050; port++) {
        tried.add(port);
        talk.map(RpcInterface.own(port), port);
      }
      small.hold(talk.map(RpcInterface.own(21_000), 21_000)); // again
      assertEquals(Map.of("helperLimitTotal", 10L), small.router().reasons());
      Set<Integer> announced = small.router().announcedPorts();
      assertEquals(40, announced.size(), small.router()::state);
      assertEquals(announced, small.reached(HOST, tried));
      small.router().assertClean();
    }
  }
}
