package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;

/** Announcements that the other side must see with another endpoint. */
class FtpTranslationTest {
  private static Endpoint endpoint(String address, int port) {
    try {
      return new Endpoint(InetAddress.getByName(address), port);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static String edited(FtpDialogue dialogue, String text) {
    List<String> edits =
        dialogue.outcomes().stream().filter(each -> each.startsWith("edit ")).toList();
    if (edits.isEmpty()) {
      return text;
    }
    assertEquals(1, edits.size());
    return edits.get(0).substring("edit ".length());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "PORT 192,0,2,10,200,10>PORT 203,0,113,1,200,11",
        "port  192,0,2,10,200,10 >port  203,0,113,1,200,11 ",
        "PORT 192, 0, 2, 10, 200, 10>PORT 203,0,113,1,200,11",
        "PORT 192,000,002,010,200,10>PORT 203,0,113,1,200,11",
        "EPRT |1|192.0.2.10|51210|>EPRT |1|203.0.113.1|51211|",
        "EPRT !1!192.0.2.10!51210!>EPRT !1!203.0.113.1!51211!",
      })
  void commands(String said, String expected) {
    FtpDialogue dialogue = FtpDialogue.loggedIn().translating(endpoint("203.0.113.1", 51211));
    dialogue.client(said + "\r\n");
    assertEquals(expected, edited(dialogue, said));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "227 Passive (198,51,100,20,200,10).>227 Passive (203,0,113,1,200,11).",
        "227 =198,51,100,20,200,10>227 =203,0,113,1,200,11",
        "227 1 of 2: 198,51,100,20,200,10>227 1 of 2: 203,0,113,1,200,11",
      })
  void reply227(String said, String expected) {
    FtpDialogue dialogue = FtpDialogue.loggedIn().translating(endpoint("203.0.113.1", 51211));
    dialogue.client("PASV\r\n").server(said + "\r\n");
    assertEquals(expected, edited(dialogue, said));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "229 Extended (|||51210|)>229 Extended (|||51211|)",
        "229 Extended (!!!51210!)>229 Extended (!!!51211!)",
        "229 ok (|1|198.51.100.20|51210|)>229 ok (|||51211|)",
      })
  void reply229(String said, String expected) {
    FtpDialogue dialogue = FtpDialogue.loggedIn().translating(endpoint("203.0.113.1", 51211));
    dialogue.client("EPSV\r\n").server(said + "\r\n");
    assertEquals(expected, edited(dialogue, said));
  }

  /** What manuals recommend: a server or client behind translation names its public address. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      value = {
        "PORT 203,0,113,1,200,10>PORT 203,0,113,1,200,11",
        "EPRT |1|203.0.113.1|51210|>EPRT |1|203.0.113.1|51211|"
      })
  void aClient_thatNamesItsPublicAddress(String said, String moved) {
    FtpDialogue dialogue = FtpDialogue.translated().translating(endpoint("203.0.113.1", 51210));
    List<String> outcomes = dialogue.client(said + "\r\n").outcomes();
    assertEquals(1, outcomes.size(), "the text stays: " + outcomes);
    assertTrue(outcomes.get(0).startsWith("expect 192.0.2.10:51210 "), outcomes::toString);
    dialogue = FtpDialogue.translated().translating(endpoint("203.0.113.1", 51211));
    dialogue.client(said + "\r\n");
    assertEquals(moved, edited(dialogue, said), "only if the port is taken");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      value = {
        "227 =203,0,113,200,200,10>227 =203,0,113,200,200,11",
        "227 =0,0,0,0,200,10>227 =0,0,0,0,200,11",
        "227 =10,1,2,3,200,10>227 =10,1,2,3,200,11",
        "229 (|1|203.0.113.200|51210|)>229 (|||51211|)",
        "229 (|1|10.1.2.3|51210|)>229 (|||51211|)"
      })
  void aServer_thatNamesItsPublicAddressOrAnother(String said, String moved) {
    String command = said.startsWith("227") ? "PASV\r\n" : "EPSV\r\n";
    FtpDialogue dialogue = FtpDialogue.translated().translating(endpoint("203.0.113.200", 51210));
    List<String> outcomes = dialogue.client(command).server(said + "\r\n").outcomes();
    assertTrue(outcomes.stream().noneMatch(each -> each.startsWith("edit")), outcomes::toString);
    String last = outcomes.get(outcomes.size() - 1);
    assertTrue(last.startsWith("expect 198.51.100.20:51210 "), outcomes::toString);
    assertEquals(said.contains("113") ? 1 : 2, outcomes.size(), "a foreign one is counted");
    dialogue = FtpDialogue.translated().translating(endpoint("203.0.113.200", 51211));
    dialogue.client(command).server(said + "\r\n");
    assertEquals(moved, edited(dialogue, said), "only if the port is taken");
  }

  @Test
  void aClient_thatNamesTheServersOrAnyOtherAddress_isRefused() {
    FtpDialogue dialogue = FtpDialogue.translated();
    dialogue.client("PORT 203,0,113,200,200,10\r\nEPRT |1|203.0.113.2|51210|\r\n");
    assertEquals(
        List.of("ADDRESS_NOT_ANNOUNCER @0", "ADDRESS_NOT_ANNOUNCER @27"), dialogue.outcomes());
  }

  @Test
  void reply229_whosePortStays_isNotChanged() {
    FtpDialogue dialogue = FtpDialogue.loggedIn().translating(endpoint("203.0.113.1", 51210));
    dialogue.client("EPSV\r\n").server("229 Extended (|||51210|)\r\n");
    assertEquals("", edited(dialogue, ""));
  }

  @Test
  void ipv6() {
    FtpDialogue dialogue =
        new FtpDialogue(java.util.Map.of(), FlowFacts.Origin.FIRST_BYTE, true)
            .login()
            .translating(endpoint("2001:db8:3::1", 51211));
    dialogue.client("EPRT |2|2001:db8:1::10|51210|\r\n");
    assertEquals("EPRT |2|2001:db8:3::1|51211|", edited(dialogue, ""));
  }

  @Test
  void unfinishedAnnouncements_areTold_othersNot() {
    FtpDialogue dialogue = FtpDialogue.loggedIn();
    dialogue.client("NOOP");
    assertEquals(List.of(), dialogue.incomplete());
    dialogue.client("\r\n").client("po");
    assertEquals(List.of(6L), dialogue.incomplete());
    dialogue.client("st\r\n").client("eprt |1");
    assertEquals(List.of(6L, 12L), dialogue.incomplete());
    dialogue.server("200 wait\r\n22");
    assertEquals(List.of(6L, 12L), dialogue.incomplete(), "nobody asked for a port");
    dialogue.server("6 done\r\n").client("|192.0.2.10|51210|\r\nPASV\r\n").server("22");
    assertEquals(List.of(6L, 12L, 31L), dialogue.incomplete());
  }

  @ParameterizedTest
  @CsvSource({"PASV, 227", "EPSV, 229"})
  void aServer_mayAnnounce_fromItsBeingAskedToItsAnswer(String command, int code) {
    FtpDialogue dialogue = FtpDialogue.fresh();
    assertFalse(dialogue.mayAnnounce(Direction.REPLY));
    dialogue.server("220 ready\r\n").client("NOOP\r\n" + command + "\r\n");
    assertTrue(dialogue.mayAnnounce(Direction.REPLY));
    dialogue.server("200 ok\r\n" + code + "-it takes\r\n");
    assertTrue(dialogue.mayAnnounce(Direction.REPLY), "the answer is not whole");
    dialogue.server(code + " (|||51210|)\r\n");
    assertFalse(dialogue.mayAnnounce(Direction.REPLY));
  }

  @Test
  void aClient_mayAnnounce_untilTheFlowIsNotReadAnyMore() {
    FtpDialogue dialogue = FtpDialogue.fresh();
    assertTrue(dialogue.mayAnnounce(Direction.ORIGINAL));
    dialogue.server("220 ready\r\n").client("AUTH TLS\r\n");
    assertTrue(dialogue.mayAnnounce(Direction.ORIGINAL));
    dialogue.server("234 go on\r\n");
    assertFalse(dialogue.mayAnnounce(Direction.ORIGINAL));
    assertFalse(dialogue.mayAnnounce(Direction.REPLY));
  }

  @Test
  void aResumedServer_announcesNothingThatWasNotAskedForBeforeTheseEyes() {
    FtpDialogue dialogue = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
    assertFalse(dialogue.mayAnnounce(Direction.REPLY));
    dialogue.client("V\r\nPASV\r\n");
    assertTrue(dialogue.mayAnnounce(Direction.REPLY));
  }
}
