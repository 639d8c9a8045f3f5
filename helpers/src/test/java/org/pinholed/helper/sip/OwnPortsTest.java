package org.pinholed.helper.sip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.CostChecks;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

/** Ports that a message of no call names: somebody inside lets a client name whatever he likes. */
class OwnPortsTest {
  private static final HelperSetup MASQUERADED =
      SipFlow.setup(SipFlow.masqueraded(Transport.UDP, FlowFacts.Origin.FIRST_BYTE), null);

  private static String options(String via, String... lines) {
    return "OPTIONS sip:203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP "
        + via
        + "\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: o\r\n"
        + "CSeq: 1 OPTIONS\r\n"
        + String.join("\r\n", lines)
        + "\r\nContent-Length: 0\r\n\r\n";
  }

  private static List<String> outcomes(String message) {
    return new HelperRun(MASQUERADED).say(new Dialogue().client(message)).sink().outcomes();
  }

  private static long opened(List<String> outcomes) {
    return outcomes.stream().filter(outcome -> outcome.startsWith("expect")).count();
  }

  private static long said(List<String> outcomes, String reason) {
    return outcomes.stream().filter(outcome -> outcome.contains(reason)).count();
  }

  @ParameterizedTest
  @CsvSource({
    "22, PORT_BELOW_1024",
    "0, PORT_BELOW_1024",
    "1023, PORT_BELOW_1024",
    "3306, PORT_DENIED",
    "6379, PORT_DENIED"
  })
  void portsOfServices_stayShut(int port, String reason) {
    for (String line : List.of("Contact", "Path", "Refer-To", "Record-Route")) {
      String uri = ": <sip:a@192.0.2.10:" + port + ";transport=tcp>";
      List<String> outcomes = outcomes(options("192.0.2.10:5062", line + uri));
      assertEquals(0, opened(outcomes), () -> String.join("\n", outcomes));
      assertEquals(1, said(outcomes, reason), () -> String.join("\n", outcomes));
    }
    List<String> outcomes = outcomes(options("192.0.2.10:" + port));
    assertEquals(0, opened(outcomes), () -> String.join("\n", outcomes));
  }

  @ParameterizedTest
  @CsvSource({"5060", "5061", "1024", "40000"})
  void otherPorts_open(int port) {
    List<String> outcomes =
        outcomes(options("192.0.2.10:5062", "Contact: <sip:a@192.0.2.10:" + port + ">"));
    assertEquals(1, opened(outcomes), () -> String.join("\n", outcomes));
  }

  @Test
  void aMessageOpensEightPorts_andNoMore() {
    StringBuilder contacts = new StringBuilder("Contact: <sip:a@192.0.2.10:20000>");
    for (int port = 20001; port < 22000; port++) {
      contacts.append(",<sip:a@192.0.2.10:").append(port).append('>');
    }
    List<String> outcomes = outcomes(options("192.0.2.10:5062", contacts.toString()));
    assertEquals(8, opened(outcomes));
    assertEquals(1, said(outcomes, "TOO_MANY_PORTS"));
    assertTrue(outcomes.size() < 40, () -> String.join("\n", outcomes));
  }

  /** Twice as many contacts take twice the work, not four times. */
  @Test
  void manyContacts_takeLinearWork() {
    CostChecks.linear(
        MASQUERADED,
        contacts ->
            new Dialogue()
                .client(
                    options(
                        "192.0.2.10:5062",
                        "Contact: <sip:a@192.0.2.10>",
                        "Contact: "
                            + "<sip:a@192.0.2.10:20000>,".repeat(contacts)
                            + "<sip:a@192.0.2.10>")),
        200);
  }

  @Test
  void aPortOfAnotherHost_isNotOpened() {
    List<String> outcomes =
        outcomes(options("192.0.2.11:5062", "Contact: <sip:a@192.0.2.11:20000>"));
    assertFalse(outcomes.stream().anyMatch(outcome -> outcome.startsWith("expect")));
  }
}
