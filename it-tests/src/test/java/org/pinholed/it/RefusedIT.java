package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/** What must not be opened is refused with a reason; the line itself passes untouched. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RefusedIT {
  private final Scenario scenario = Scenario.start("");
  private int refusals;

  @AfterAll
  void close() {
    try (scenario) {
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "V4; PORT 198,51,100,3,200,10; 200 ok",
        "V4; PORT 198,51,100,2,0,22; 200 ok",
        "V4; PORT 198,51,100,2,0,0; 200 ok",
        "V4; PORT 198,51,100,2,256,10; 200 ok",
        "V4; PORT 198,51,100,2,200; 200 ok",
        "V4; EPRT |1|198.51.100.3|51210|; 200 ok",
        "V4; EPRT |1|198.51.100.2|22|; 200 ok",
        "V4; EPRT |1|198.51.100.2|65536|; 200 ok",
        "V4; EPRT |2|2001:db8:1::2|51210|; 200 ok",
        "V6; EPRT |2|2001:db8:1::3|51210|; 200 ok",
        "V6; EPRT |1|198.51.100.2|51210|; 200 ok",
        "V4; PASV; 227 Entering Passive Mode (203,0,113,2,0,22)",
        "V4; EPSV; 229 Entering Extended Passive Mode (|||22|)",
        "V6; EPSV; 229 Entering Extended Passive Mode (|||0|)",
        "V4; LPSV; 228 Entering Long Passive Mode (4,4,203,0,113,2,2,200,10)",
      })
  void announcement_thatMustNotOpen_isRefusedWithAReason(
      Family family, String command, String reply) {
    try (ScriptedSession session = scenario.login(family)) {
      session.exchange(command + "\r\n", reply + "\r\n");
      refusals++;
      JsonNode event =
          scenario
              .agent()
              .awaitEvent(Duration.ofSeconds(5), e -> refusedEvents().size() >= refusals);
      assertFalse(event.isMissingNode());
      List<JsonNode> refused = refusedEvents();
      assertEquals(refusals, refused.size(), refused::toString);
      JsonNode last = refused.get(refused.size() - 1);
      assertFalse(last.path("reason").asText().isEmpty(), last::toString);
      assertEquals(List.of(), scenario.rows("expectations"));
    }
  }

  private List<JsonNode> refusedEvents() {
    return scenario.agent().events().stream()
        .filter(e -> e.path("event").asText().equals("refused"))
        .toList();
  }
}
