package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.LabDialogue;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;

/** The laboratory's own protocol over TCP: what it announces opens, and is what the peers read. */
class LabProtocolIT {
  private static final Duration SHORTLY = Duration.ofMillis(400);

  @ParameterizedTest
  @EnumSource
  void line_announcesAChild_thatComesThrough(Family family) {
    try (LabScenario scenario = LabScenario.start(null, family);
        LabDialogue dialogue = scenario.tcp();
        Listener listener = scenario.client().listen(family.client(), 0)) {
      Endpoint announced = new Endpoint(family.client(), listener.port());
      String message = "item group=g to=" + LabScenario.text(announced) + ";expect";
      assertFalse(
          scenario
              .server()
              .tryConnect(family.server(), announced.host(), announced.port(), SHORTLY)
              .isPresent());
      assertEquals(message, dialogue.toServer(message));
      try (Connection child =
          scenario.server().connect(family.server(), announced.host(), announced.port())) {
        child.send("content\n");
        assertEquals("content\n", listener.accept().line());
      }
      assertEquals("noop", dialogue.toClient("noop"));
      scenario.assertClean();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MASQUERADE", "TWICE"})
  void line_behindATranslation_saysWhereTheChildCanGo(NatMode nat) {
    for (Family family : Family.values()) {
      try (LabScenario scenario = LabScenario.start(nat, family);
          LabDialogue dialogue = scenario.tcp();
          Listener listener = scenario.client().listen(family.client(), 0)) {
        Endpoint announced = new Endpoint(family.client(), listener.port());
        String heard =
            dialogue.toServer("item group=g to=" + LabScenario.text(announced) + ";expect");
        Endpoint told = LabScenario.endpoints(heard).get(0);
        assertTrue(
            new Endpoint(told.host(), 1)
                .isSameAs(new Endpoint(dialogue.clientSeenByServer().host(), 1)),
            heard);
        try (Connection child =
            scenario.server().connect(family.server(), told.host(), told.port())) {
          child.send("content\n");
          assertEquals("content\n", listener.accept().line());
        }
        scenario.assertClean();
      }
    }
  }
}
