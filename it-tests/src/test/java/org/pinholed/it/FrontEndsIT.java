package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.FrontEnd;
import org.pinholed.it.lab.Scenario;

/** What docs/firewalls.md says of programs that write the firewall, beside the real ones. */
class FrontEndsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private static CommandResult firewall(Scenario scenario, String word) {
    return scenario.agent().ctl("firewall", word);
  }

  private static void assertFirewall(Scenario scenario, String word, int exitCode) {
    CommandResult result = firewall(scenario, word);
    assertEquals(exitCode, result.exitCode(), result::output);
  }

  @ParameterizedTest
  @EnumSource
  void ruleIsPutIn_foundAndTakenOut_andWhatAReloadLeavesOfIt(FrontEnd frontEnd) {
    try (Scenario scenario = Scenario.start("")) {
      List<String> missing = frontEnd.missing(scenario.lab());
      assumeTrue(missing.isEmpty(), () -> "not installed: " + missing);
      scenario.onRouter("nft", "delete table inet filter"); // has the rule already
      frontEnd.start(scenario.lab());
      String before = frontEnd.rules(scenario.lab());
      CommandResult shown = firewall(scenario, "show");
      assertTrue(
          shown.output().matches("(?s).*in force: [^\n]*" + frontEnd.word() + ".*fail: .*"),
          shown::output);
      assertEquals(before, frontEnd.rules(scenario.lab()), "show changes nothing");

      assertFirewall(scenario, "apply", 0);
      String after = frontEnd.rules(scenario.lab());
      assertFirewall(scenario, "apply", 0);
      assertEquals(after, frontEnd.rules(scenario.lab()), "twice is once");
      assertFirewall(scenario, "check", 0);
      scenario.assertOpens();

      frontEnd.reload(scenario.lab());
      assertFirewall(scenario, "check", frontEnd.keepsTypedRules() ? 0 : 1);
      assertFirewall(scenario, "remove", 0);
      assertEquals(before, frontEnd.rules(scenario.lab()), "nothing is left");

      scenario.agent().stop();
      scenario.agent().writeConfig("acceptRule: " + frontEnd.chains() + "\n");
      scenario.agent().startAgain();
      awaitKept(scenario);
      frontEnd.reload(scenario.lab());
      awaitKept(scenario);
      scenario.assertOpens();
      scenario.agent().stop();
      assertEquals(before, frontEnd.rules(scenario.lab()), "nothing is left");
    }
  }

  /** The status may be of before the reload: the rules are asked. */
  private static void awaitKept(Scenario scenario) {
    Scenario.await(
        PATIENCE,
        () -> firewall(scenario, "check").exitCode() == 0,
        () -> firewall(scenario, "check").output() + scenario.agent().log());
  }
}
