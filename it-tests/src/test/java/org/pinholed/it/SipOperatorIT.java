package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipRouter;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/** What the operator types and sees of calls and registrations. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipOperatorIT {
  private static final int PHONES = 200;
  private static final int FIRST_PORT = 7000;
  private static final List<String> FIELDS =
      List.of(
          "id",
          "kind",
          "state",
          "helper",
          "ageSeconds",
          "expireSeconds",
          "packets",
          "bytes",
          "media",
          "why",
          "label");

  private final SipScenario scenario =
      SipScenario.start(NatMode.MASQUERADE, Family.V4, "registrationsPerSource: 1000");

  @AfterAll
  void close() {
    try (scenario) {
      scenario.assertClean();
    }
  }

  private List<JsonNode> printed(String listing) {
    return StreamSupport.stream(scenario.agent().printed(listing).spliterator(), false).toList();
  }

  private static void assertFields(JsonNode row) {
    List<String> names = new ArrayList<>();
    row.fieldNames().forEachRemaining(names::add);
    assertTrue(names.containsAll(FIELDS), row::toString);
  }

  /** Each phone on a flow of its own; each is listed with where it leads. */
  @Test
  void registrationsOfManyPhones() {
    List<SipLine> lines = new ArrayList<>();
    try {
      for (int phone = 0; phone < PHONES; phone++) {
        SipLine line = scenario.udp(FIRST_PORT + phone);
        lines.add(line);
        new SipRegistration(line).connect(600);
      }
      List<JsonNode> rows = printed("registrations");
      assertEquals(PHONES, rows.size());
      Set<Integer> inside = new HashSet<>();
      for (JsonNode row : rows) {
        assertFields(row);
        assertEquals("registration", row.path("kind").asText());
        assertTrue(row.path("expireSeconds").asInt() > 500, row::toString);
        JsonNode open = row.path("media").path(0);
        inside.add(open.path("inside").path("port").asInt());
        assertEquals(Family.V4.client(), open.path("inside").path("address").asText());
        assertEquals("203.0.113.1", open.path("outside").path("address").asText());
        assertEquals(Family.V4.server(), open.path("source").path("address").asText());
      }
      assertEquals(PHONES, inside.size(), "each has its own");
      String table = scenario.agent().ctl("registrations").orFail();
      assertEquals(PHONES, table.lines().filter(line -> line.contains("***@example.org")).count());
      assertMasked(table, "reg");
    } finally {
      lines.forEach(SipLine::close);
    }
  }

  /** One of two calls is ended by hand: its audio stops at once, the other one's goes on. */
  @Test
  void oneCallIsCleared() {
    try (SipLine line = scenario.udp(5062);
        SipCall one = scenario.call(line);
        SipCall other = scenario.call(line)) {
      one.connect();
      other.connect();
      List<JsonNode> rows = printed("calls");
      assertEquals(2, rows.size(), rows::toString);
      for (JsonNode row : rows) {
        assertFields(row);
        assertEquals("call", row.path("kind").asText());
        assertEquals("confirmed", row.path("state").asText());
        assertTrue(row.path("media").size() >= 4, row::toString);
      }
      String table = scenario.agent().ctl("calls").orFail();
      for (String column :
          List.of("ID", "STATE", "HELPER", "AGE", "EXPIRE", "PACKETS", "MEDIA", "WHY", "LABEL")) {
        assertTrue(table.lines().findFirst().orElseThrow().contains(column), table);
      }
      assertMasked(table, "alice");
      assertMasked(table, "bob");

      String id = idOf(one, rows);
      SipSdp callerTold = one.heard(Side.CALLEE);
      SipSdp calleeTold = one.heard(Side.CALLER);
      assertEquals(0, scenario.agent().ctl("clear", "--call=" + id).exitCode());
      scenario.await(() -> printed("calls").size() == 1);
      scenario.assertSilent(one, callerTold, calleeTold);
      other.assertAudio();

      CommandResult again = scenario.agent().ctl("clear", "--call=" + id);
      assertEquals(1, again.exitCode(), again::output);
      assertEquals(
          2, scenario.agent().ctl("clear", "--call=" + id, "--all").exitCode(), "one or the other");
      other.hangUp(Side.CALLER);
      scenario.await(() -> printed("calls").isEmpty());
    }
  }

  /** An offer whose video may not be opened, and an answer whose video is somebody else's. */
  @Test
  void reasonOfWhatIsRefused_standsInTheRowOfItsCall() {
    try (SipLine line = scenario.udp(5062);
        SipCall refused = scenario.call(line);
        SipCall other = scenario.call(line)) {
      other.connect();
      String video = "m=video 22 RTP/AVP 96";
      refused.request(Side.CALLER, "INVITE", refused.audio(Side.CALLER).sdp().plus(video));
      assertEquals("portBelow1024", whyOf(refused));
      SipSdp answer = refused.audio(Side.CALLEE).sdp();
      refused.answer(
          Side.CALLEE, 200, answer.plus("m=video 6010 RTP/AVP 96", "c=IN IP4 203.0.113.44"));
      assertEquals("addressNotSender", whyOf(refused));
      refused.request(Side.CALLER, "ACK", null);
      assertEquals("", whyOf(other));
      String row =
          scenario
              .agent()
              .ctl("calls")
              .orFail()
              .lines()
              .filter(l -> l.contains("addressNotSender"))
              .findFirst()
              .orElseThrow();
      assertTrue(row.contains("confirmed"), row);
      refused.hangUp(Side.CALLER);
      other.hangUp(Side.CALLER);
      scenario.await(() -> printed("calls").isEmpty());
    }
  }

  private String whyOf(SipCall call) {
    List<JsonNode> rows = printed("calls");
    String id = idOf(call, rows);
    return rows.stream()
        .filter(row -> row.path("id").asText().equals(id))
        .findFirst()
        .orElseThrow()
        .path("why")
        .asText();
  }

  /** Phones keep a flow of datagrams up for months: it is read again when its helper is back. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void flowThatStood_isReadAgainWhenItsHelperIsBack(boolean byReload) {
    try (SipScenario own = SipScenario.start(NatMode.MASQUERADE, Family.V4);
        SipLine line = own.udp(5062);
        SipCall before = own.call(line);
        SipCall after = own.call(line)) {
      before.connect();
      before.assertAudio();
      before.hangUp(Side.CALLER);
      if (byReload) {
        own.agent().writeConfig("helpers: []");
        own.agent().ctl("reload").orFail();
        own.agent().writeConfig(SipRouter.helpers(""));
        own.agent().ctl("reload").orFail();
      } else {
        own.agent().ctl("helpers", "disable", "1").orFail();
        own.agent().ctl("helpers", "enable", "1").orFail();
      }
      after.connect();
      after.assertAudio();
      after.hangUp(Side.CALLEE);
      own.awaitNoMedia();
      own.assertClean();
    }
  }

  private static String idOf(SipCall call, List<JsonNode> rows) {
    int port = call.audio(Side.CALLER).rtp().local().port();
    return rows.stream()
        .filter(
            row ->
                StreamSupport.stream(row.path("media").spliterator(), false)
                    .anyMatch(open -> open.path("inside").path("port").asInt() == port))
        .map(row -> row.path("id").asText())
        .findFirst()
        .orElseThrow(() -> new AssertionError(rows.toString()));
  }

  /** One line a message, one for each rewrite, and nobody's name. */
  @Test
  void traceTellsMessagesAndRewrites() {
    try (SipLine line = scenario.udp(5064)) {
      String text =
          scenario
              .agent()
              .traceOf(
                  5060,
                  () -> {
                    try (SipCall call = scenario.call(line)) {
                      call.connect();
                      call.hangUp(Side.CALLEE);
                    }
                  });
      for (String word : List.of("INVITE", "BYE", "2xx", " -> 203.0.113.1")) {
        assertTrue(text.contains(word), word + " is not in\n" + text);
      }
      assertMasked(text, "alice");
      assertMasked(text, "bob");
      assertMasked(scenario.agent().log(), "alice");
      assertMasked(scenario.agent().events().toString(), "alice");
    }
  }

  private static void assertMasked(String text, String name) {
    assertFalse(text.matches("(?s).*" + name + "\\w*@.*"), text);
  }
}
