package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RpcCase;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcTalk;

/**
 * Conversations whose right results stand in files, with real packets: whatever a side says before
 * the other one speaks is cut into two segments at every byte, and gives the same as in one.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DceRpcCutsIT {
  /** As many as go into one message to the programs of the peers without great buffers. */
  private static final int AT_ONCE = 100;

  /** What was announced stays until the end, whether somebody comes or not. */
  private final RpcScenario scenario = RpcScenario.start("timeout: 10m", "");

  private int nextPort = 20_000;

  @BeforeAll
  void giveAddress() {
    scenario
        .router()
        .lab()
        .run(Lab.Host.SERVER, Lab.SHORT, "ip", "addr", "add", RpcCase.SERVER + "/24", "dev", "s0")
        .orFail();
  }

  @AfterAll
  void close() {
    try (scenario) {
      scenario.router().assertClean();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "01-map-two-towers,49667 49676,",
    "02-map-samba-ad,49154,",
    "03-map-big-endian-fragments,50028,",
    "04-map-ndr64,50018 50019,",
    "05-activation-signed,49700,",
    "06-activation-sealed,,sealed",
    "07-resolve-oxid,51017,addressNotServer"
  })
  void everyCut_givesTheSame(String name, String ports, String reason) {
    RpcCase said = RpcCase.read(name);
    List<String> named = ports == null ? List.of() : List.of(ports.split(" "));
    Set<Integer> others = new TreeSet<>(scenario.router().announcedPorts());
    Map<String, Long> before = scenario.router().reasons();
    Set<Integer> expected = new TreeSet<>();
    List<RpcTalk> talks = new ArrayList<>();
    for (int cut = 0; cut < said.longest(); cut++) {
      Map<Integer, Integer> own = new HashMap<>();
      named.forEach(port -> own.put(Integer.valueOf(port), nextPort++));
      expected.addAll(own.values());
      talks.add(said.talk(own, cut));
    }
    for (int at = 0; at < talks.size(); at += AT_ONCE) {
      scenario.hold(RpcCase.SERVER, talks.subList(at, Math.min(talks.size(), at + AT_ONCE)));
    }
    assertEquals(
        reason == null ? Map.of() : Map.of(reason, (long) talks.size()),
        scenario.router().reasonsSince(before));
    Set<Integer> announced = scenario.router().announcedPorts();
    announced.removeAll(others);
    assertEquals(expected, announced);

    Set<Integer> tried = new TreeSet<>(Set.of(49_154, 49_667, 49_700, 51_017, 51_018, nextPort));
    tried.addAll(expected);
    assertEquals(expected, scenario.reached(RpcCase.SERVER, tried));
  }
}
