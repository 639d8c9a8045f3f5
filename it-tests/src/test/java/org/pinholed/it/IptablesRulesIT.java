package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;

/** The shipped scripts for the rule on the mark: repeatable, exact, and honest exit codes. */
class IptablesRulesIT {
  private static final int DONE = 0;
  private static final int REFUSED = 1;
  private static final int USAGE = 2;

  @ParameterizedTest
  @EnumSource
  void acceptRule_appliedAndRemovedTwice_isThereOnceAndGone(RouterFirewall firewall) {
    try (Lab lab = Lab.create()) {
      firewall.install(lab);
      String before = ruleset(lab);
      assertEquals(REFUSED, firewall.acceptRule(lab, "check").exitCode(), "check before");
      assertEquals(DONE, firewall.acceptRule(lab, "apply").exitCode(), "apply");
      String once = ruleset(lab);
      assertTrue(once.contains("0x40000000"), once);
      assertEquals(DONE, firewall.acceptRule(lab, "apply").exitCode(), "apply again");
      assertEquals(once, ruleset(lab), "a second apply changes nothing");
      assertEquals(DONE, firewall.acceptRule(lab, "check").exitCode(), "check after apply");
      assertEquals(DONE, firewall.acceptRule(lab, "remove").exitCode(), "remove");
      assertEquals(before, ruleset(lab), "remove leaves what was there before");
      assertEquals(DONE, firewall.acceptRule(lab, "remove").exitCode(), "remove again");
      assertEquals(REFUSED, firewall.acceptRule(lab, "check").exitCode(), "check after remove");
    }
  }

  @ParameterizedTest
  @EnumSource
  void acceptRule_withAnotherMark_isNotTakenForTheDefault(RouterFirewall firewall) {
    try (Lab lab = Lab.create()) {
      firewall.install(lab);
      assertEquals(DONE, firewall.acceptRule(lab, "--mark", "0x800000", "apply").exitCode());
      assertEquals(DONE, firewall.acceptRule(lab, "--mark", "0x800000", "check").exitCode());
      assertEquals(REFUSED, firewall.acceptRule(lab, "check").exitCode());
    }
  }

  @ParameterizedTest
  @EnumSource
  void badArguments_changeNothing(RouterFirewall firewall) {
    try (Lab lab = Lab.create()) {
      firewall.install(lab);
      String before = ruleset(lab);
      assertEquals(USAGE, firewall.acceptRule(lab).exitCode());
      assertEquals(USAGE, firewall.acceptRule(lab, "install").exitCode());
      assertEquals(USAGE, firewall.acceptRule(lab, "--mark", "12", "apply").exitCode());
      assertEquals(USAGE, firewall.acceptRule(lab, "--chain", "a;b", "apply").exitCode());
      CommandResult noChain = firewall.acceptRule(lab, "--chain", "nowhere", "apply");
      assertEquals(REFUSED, noChain.exitCode());
      assertTrue(noChain.output().contains("nowhere"), noChain.output());
      assertEquals(before, ruleset(lab));
    }
  }

  private static String ruleset(Lab lab) {
    return lab.run(Lab.Host.ROUTER, Duration.ofSeconds(10), "nft", "-s", "list", "ruleset")
        .orFail();
  }
}
