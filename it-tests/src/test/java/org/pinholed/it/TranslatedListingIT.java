package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.ScriptedSession;

/** The listing in the form of FortiOS shows what the child will be translated to, and it is. */
class TranslatedListingIT {
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "MASQUERADE; PORT; pre dir=org act=dnat 203.0.113.2:0->203.0.113.1:P(198.51.100.2:P);"
            + " post dir=reply act=snat 198.51.100.2:P->203.0.113.2:0(203.0.113.1:P)",
        "MASQUERADE; PASV; post dir=org act=snat 198.51.100.2:0->203.0.113.2:P(203.0.113.1:0);"
            + " pre dir=reply act=dnat 203.0.113.2:P->203.0.113.1:0(198.51.100.2:0)",
        "DNAT; PASV; pre dir=org act=dnat 198.51.100.2:0->198.51.100.1:P(203.0.113.2:P);"
            + " post dir=reply act=snat 203.0.113.2:P->198.51.100.2:0(198.51.100.1:P)",
        "DNAT; EPRT; post dir=org act=snat 203.0.113.2:0->198.51.100.2:P(198.51.100.1:0);"
            + " pre dir=reply act=dnat 198.51.100.2:P->198.51.100.1:0(203.0.113.2:0)",
      })
  void oneSideTranslated_isShownInBothDirections(
      NatMode nat, DataMode mode, String original, String reply) {
    assertEquals(List.of(original, reply), hooksOf(nat, mode));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "PORT; 203.0.113.2:0->203.0.113.1:P; 198.51.100.2:P; 198.51.100.1:0",
        "EPSV; 198.51.100.2:0->198.51.100.1:P; 203.0.113.2:P; 203.0.113.1:0",
      })
  void bothSidesTranslated_areFourLines(DataMode mode, String outside, String inside, String seen) {
    String from = outside.substring(0, outside.indexOf("->"));
    String to = outside.substring(outside.indexOf("->") + 2);
    assertEquals(
        List.of(
            "pre dir=org act=dnat %s->%s(%s)".formatted(from, to, inside),
            "post dir=org act=snat %s->%s(%s)".formatted(from, inside, seen),
            "pre dir=reply act=dnat %s->%s(%s)".formatted(inside, seen, from),
            "post dir=reply act=snat %s->%s(%s)".formatted(inside, from, to)),
        hooksOf(NatMode.TWICE, mode));
  }

  /** And the trace shows how the session is translated, by which devices, and what was replaced. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "MASQUERADE; PORT; SNAT 198.51.100.2:C->203.0.113.1:C",
        "DNAT; PASV; DNAT 198.51.100.1:21->203.0.113.2:21",
        "TWICE; EPRT; SNAT 198.51.100.2:C->203.0.113.1:C, DNAT 198.51.100.1:21->203.0.113.2:21",
      })
  void trace_showsTheTranslationOfTheSession_itsDevices_andTheRewrite(
      NatMode nat, DataMode mode, String translation) {
    Family family = Family.V4;
    String host = mode.isPassive() ? family.server() : family.client();
    try (NatScenario scenario = NatScenario.withAgent(nat, family, "")) {
      String text =
          scenario
              .agent()
              .traceOf(
                  21,
                  () -> {
                    try (ScriptedSession session = scenario.login();
                        Listener listener = scenario.listen(mode, host, 0)) {
                      scenario.connect(
                          session,
                          mode,
                          scenario.announce(session, mode, host, listener),
                          listener);
                    }
                  });
      String session =
          "step=session msg=\"existing session, direction (original|reply), policy 25, in by r0,"
              + " out by r1, "
              + translation.replace(".", "\\.").replace(":C", ":[0-9]+")
              + "\"";
      assertTrue(text.lines().anyMatch(line -> line.matches(".* " + session)), text);
      String comma = mode == DataMode.EPRT ? "[.]" : ",";
      String from = (mode.isPassive() ? "203.0.113.2" : "198.51.100.2").replace(".", comma);
      String to = (mode.isPassive() ? "198.51.100.1" : "203.0.113.1").replace(".", comma);
      String rewrite = "step=rewrite msg=.*" + from + ".* -> .*" + to + ".*";
      assertTrue(text.lines().anyMatch(line -> line.matches(".* " + rewrite)), text);
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  /** The hook lines of one announcement, its port as P; the announced child then comes through. */
  private static List<String> hooksOf(NatMode nat, DataMode mode) {
    Family family = Family.V4;
    String host = mode.isPassive() ? family.server() : family.client();
    try (NatScenario scenario = NatScenario.withAgent(nat, family, "");
        ScriptedSession session = scenario.login();
        Listener listener = scenario.listen(mode, host, 0)) {
      Endpoint to = scenario.announce(session, mode, host, listener);
      String listing = scenario.agent().ctl("expectations", "--style", "fortios").orFail();
      scenario.connect(session, mode, to, listener);
      assertEquals(List.of(), scenario.agent().complaints());
      return listing
          .lines()
          .filter(line -> line.startsWith("hook="))
          .map(line -> line.substring("hook=".length()).replace(":" + listener.port(), ":P"))
          .toList();
    }
  }
}
