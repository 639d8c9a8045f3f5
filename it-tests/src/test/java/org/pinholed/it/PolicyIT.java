package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * The policy that let the control connection in follows the data connection: in its conntrack mark,
 * in the listing and in the event log; and so does the parent's serial.
 */
class PolicyIT {
  private static final String POLICY = Integer.toString(RouterFirewall.POLICY_ID);
  private static final long CHILD_BIT = 0x40000000L;
  private static final long POLICY_MASK = 0xffff;

  @ParameterizedTest
  @EnumSource
  void child_carriesPolicyAndSerialOfItsParent(RouterFirewall firewall) {
    try (Scenario scenario = Scenario.start(firewall, "")) {
      for (Family family : Family.values()) {
        for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
          check(scenario, family, mode);
        }
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static void check(Scenario scenario, Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode)) {
      JsonNode pending = onlyRow(scenario, announced, "expectations", "--policy", POLICY);
      assertEquals("pending", pending.path("state").asText());
      assertEquals(RouterFirewall.POLICY_ID, pending.path("policyId").asInt());
      String parentSerial = pending.path("parentSerial").asText();
      assertEquals(
          List.of(), scenario.rows("expectations", "--policy", "26"), "another policy's listing");
      assertEquals(1, scenario.rows("expectations", "--parent", parentSerial).size(), "by parent");

      try (var data = announced.connect();
          var accepted = announced.listener().accept()) {
        List<String> children = scenario.conntracks(announced.port());
        assertEquals(1, children.size(), children::toString);
        long mark = number("mark", children.get(0));
        assertTrue((mark & CHILD_BIT) != 0, children::toString);
        assertEquals(RouterFirewall.POLICY_ID, mark & POLICY_MASK, children::toString);

        JsonNode matched =
            scenario
                .agent()
                .awaitEvent(
                    Duration.ofSeconds(5),
                    e ->
                        e.path("event").asText().equals("matched")
                            && e.path("destination").path("port").asInt() == announced.port());
        assertEquals(RouterFirewall.POLICY_ID, matched.path("policyId").asInt());
        assertEquals(parentSerial, matched.path("serial").asText());
        assertEquals(serial(children.get(0)), matched.path("childSerial").asText());
        assertTrue(
            scenario.conntracks(21).stream().anyMatch(l -> serial(l).equals(parentSerial)),
            () -> parentSerial + " is no conntrack id of " + scenario.conntracks(21));
        accepted.send("x\n");
        assertFalse(data.line().isEmpty());
      }
    }
  }

  private static JsonNode onlyRow(Scenario scenario, Announcement announced, String... listing) {
    List<JsonNode> rows =
        scenario.rows(listing).stream()
            .filter(r -> r.path("destination").path("port").asInt() == announced.port())
            .toList();
    assertEquals(1, rows.size(), () -> "rows of port " + announced.port() + ": " + rows);
    return rows.get(0);
  }

  private static String serial(String conntrack) {
    return String.format(Locale.ROOT, "%08x", number("id", conntrack));
  }

  private static long number(String key, String conntrack) {
    Matcher matcher = Pattern.compile("\\b" + key + "=(\\d+)").matcher(conntrack);
    assertTrue(matcher.find(), conntrack);
    return Long.parseLong(matcher.group(1));
  }
}
