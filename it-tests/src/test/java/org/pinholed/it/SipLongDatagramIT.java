package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipScenario;

/**
 * Datagrams near the longest that there is, 65,507 bytes over IPv4. The kernel gives 65,531 bytes
 * of a packet to a queue and takes as many back, headers included: longer ones pass as they came.
 */
class SipLongDatagramIT {
  private static final int LONGEST_CHANGED = 65_531 - 28;

  private static SipMessage invite(SipCall call, int lengthBytes) {
    String pad = "X-Pad: ";
    SipMessage made = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp(), pad);
    int missing = lengthBytes - made.text().length();
    SipMessage padded = made.with("X-Pad", "p".repeat(missing));
    assertEquals(lengthBytes, padded.text().length());
    return padded;
  }

  @Test
  void datagramsThatCannotBeGivenBack_passAsTheyCame_andAreSaid() {
    try (SipScenario scenario = SipScenario.start(NatMode.SNAT, Family.V4);
        SipLine line = scenario.udp(5062);
        SipCall first = scenario.call(line)) {
      int growth =
          line.say(true, invite(first, 30_000)).text().length() - 30_000; // as long as it always is
      assertTrue(growth > 0, "the outside address is longer than the inside one");
      int known = scenario.media().size();
      for (int length : List.of(LONGEST_CHANGED - growth + 1, LONGEST_CHANGED, 65_504, 65_507)) {
        try (SipCall call = scenario.call(line)) {
          SipMessage said = invite(call, length);
          assertEquals(said.text(), line.say(true, said).text());
          assertEquals(known, scenario.media().size(), "nothing of it is open");
        }
      }
      scenario.await(() -> !scenario.events("refused").isEmpty());
      for (JsonNode event : scenario.events("refused")) {
        assertEquals("datagramTooLong", event.path("reason").asText());
      }
      try (SipCall call = scenario.call(line)) {
        SipMessage heard = line.say(true, invite(call, LONGEST_CHANGED - growth));
        assertEquals(LONGEST_CHANGED, heard.text().length());
        assertEquals(line.dialogue().clientSeenByServer(), heard.contact());
      }
      scenario.assertNoComplaint();
    }
  }
}
