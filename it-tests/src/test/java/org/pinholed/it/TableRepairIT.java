package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** Somebody else's {@code nft} takes the agent's table, or a part of it, away: it comes back. */
class TableRepairIT {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "flush ruleset",
        "delete table inet pinholed",
        "flush table inet pinholed",
        "flush map inet pinholed once6",
      })
  void pendingPinhole_survives(String foreignCommand) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V6);
        Announcement announced = session.announce(DataMode.EPSV)) {
      scenario.onRouter(("nft " + foreignCommand).split(" "));
      if (foreignCommand.equals("flush ruleset")) {
        scenario.firewall().installWithAcceptRule(scenario.lab());
      }
      String element = " . " + announced.port() + " ";
      Scenario.await(
          Duration.ofSeconds(5),
          () -> table(scenario).contains(element),
          () -> table(scenario) + scenario.agent().log());
      announced.connect().close();
      assertFalse(announced.isOpen(), "the repaired pinhole let a second connection in");

      try (Announcement next = session.announce(DataMode.EPRT)) {
        next.connect().close();
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static String table(Scenario scenario) {
    CommandResult listing =
        scenario
            .lab()
            .run(
                Lab.Host.ROUTER,
                Duration.ofSeconds(10),
                "nft",
                "-n",
                "list",
                "table",
                "inet",
                "pinholed");
    return listing.output();
  }
}
