package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.SessionHelper;

/** One process reads up to a point, another goes on from there by what the first one said. */
class FtpSnapshotTest {
  private static final String PASV_REPLY = "227 Entering Passive Mode (198,51,100,20,195,80)\r\n";

  private static FtpDialogue next(FtpDialogue before) {
    FtpDialogue after = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
    assertTrue(after.restore(before.snapshot()), before::snapshot);
    assertEquals(before.state(), after.state());
    assertEquals(before.snapshot(), after.snapshot());
    return after;
  }

  @Test
  void beforeTheGreeting_nothingIsTrustedYet() {
    FtpDialogue after = next(FtpDialogue.fresh());
    after.client("PORT 192,0,2,10,195,80\r\n").server("200 ok\r\n");

    assertEquals(List.of("NO_GREETING @0"), after.outcomes());
  }

  @Test
  void betweenPasvAndItsReply_opens() {
    FtpDialogue after = next(FtpDialogue.loggedIn().client("PASV\r\n"));

    assertEquals(1, after.server(PASV_REPLY).outcomes().size());
  }

  @Test
  void betweenPortAndItsReply_activates() {
    FtpDialogue after =
        next(FtpDialogue.loggedIn().client("USER b\r\nPORT 192,0,2,10,195,80\r\nNOOP\r\n"));

    assertEquals(List.of(), after.server("200 ok\r\n").outcomes());
    assertEquals(List.of("activate data"), after.server("200 ok\r\n").outcomes());
    assertEquals(List.of(), after.server("200 ok\r\n").outcomes());
  }

  @Test
  void betweenReplies_227WithoutPasvOpensNothing() {
    FtpDialogue after = next(FtpDialogue.loggedIn().client("NOOP\r\n"));

    assertEquals(List.of("REPLY_TO_OTHER_COMMAND @0"), after.server(PASV_REPLY).outcomes());
  }

  @Test
  void insideAMultiLineReply_itsTextOpensNothing() {
    FtpDialogue after = next(FtpDialogue.loggedIn().client("PASV\r\n").server("211-text\r\n"));

    assertEquals(List.of(), after.server(PASV_REPLY).outcomes());
  }

  @Test
  void epsvAll_isNotForgotten() {
    FtpDialogue after =
        next(FtpDialogue.loggedIn().client("EPSV ALL\r\n").server("200 ok\r\n").client("PASV\r\n"));

    assertEquals(List.of("EPSV_ALL @0"), after.server(PASV_REPLY).outcomes());
  }

  @Test
  void opaqueOrTooMuch_cannotBeSaid() {
    assertEquals("", FtpDialogue.loggedIn().client("AUTH TLS\r\n").server("234 go\r\n").snapshot());
    assertEquals("", FtpDialogue.loggedIn().client("NOOP\r\n".repeat(65)).snapshot());
    String longest = FtpDialogue.loggedIn().client("NOOP\r\n".repeat(64)).snapshot();
    assertTrue(longest.length() <= 1000, longest);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "ftp2",
        "ftp1 1111111111 0 0",
        "ftp3 1111111111111111 0 0 0 0",
        "ftp2 111111111111111 0 0 0 0",
        "ftp2 1111111111111112 0 0 0 0",
        "ftp2 1111111111111111 1000 0 0 0",
        "ftp2 1111111111111111 0 x 0 0",
        "ftp2 1111111111111111 0 0 -2 0",
        "ftp2 1111111111111111 0 0 0 100",
        "ftp2 1111111111111111 0 0 0 0 HACK",
        "ftp2 1111111111111111 0 0 0 0 REPLY_220",
        "ftp2 1111111111111111 0 0 0 0 ",
      })
  void notUnderstood_nothingChanges(String snapshot) {
    FtpDialogue dialogue = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
    String before = dialogue.snapshot();

    assertFalse(dialogue.restore(snapshot));
    assertEquals(before, dialogue.snapshot());
  }

  @Test
  void moreCommandsThanAreRemembered_isNotUnderstood() {
    FtpDialogue dialogue = FtpDialogue.fresh();

    assertFalse(dialogue.restore("ftp2 1111111111111111 0 0 0 0" + " NOOP".repeat(65)));
  }

  @Test
  void helperWithoutSnapshots_saysSo() {
    SessionHelper other = () -> "ready";

    assertEquals("", other.snapshot());
    assertFalse(other.restore("ready"));
  }
}
