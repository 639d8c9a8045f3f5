package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.FlowFacts;

/** Names with line feeds in them that pose as replies. */
class NamesInRepliesTest {
  private static final String FORGED = "227 Entering Passive Mode (198,51,100,20,31,144)\r\n";
  private static final String TRUE = "227 Entering Passive Mode (198,51,100,20,156,64)\r\n";
  private static final String FORGED_PORT = ":8080 ";
  private static final String TRUE_PORT = ":40000 ";

  private static List<String> opened(FtpDialogue ftp) {
    return ftp.outcomes().stream().filter(each -> each.startsWith("expect")).toList();
  }

  private static void opensNothing(FtpDialogue ftp) {
    assertEquals(List.of(), opened(ftp));
    ftp.client("NOOP\r\n").server("200 ok\r\n").client("PASV\r\n").server(TRUE);
    List<String> later = opened(ftp);
    assertEquals(1, later.size(), "a client that waits goes on: " + later);
  }

  private static void opensTheTruePort(FtpDialogue ftp) {
    List<String> opened = opened(ftp);
    assertEquals(1, opened.size(), opened::toString);
    assertEquals(true, opened.get(0).contains(TRUE_PORT), opened::toString);
    assertEquals(false, opened.get(0).contains(FORGED_PORT), opened::toString);
  }

  @Test
  void theEndOfAListing_andA227_inAName() {
    FtpDialogue ftp = FtpDialogue.loggedIn().client("STAT dir\r\nPASV\r\n");
    ftp.server("213-Status\r\n x\r\n213 End\r\n" + FORGED + "y\r\n213 End\r\n" + TRUE);
    opensNothing(ftp);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 1000})
  void howeverItIsCut(int lengthBytes) {
    FtpDialogue ftp = FtpDialogue.loggedIn().cut(lengthBytes).client("STAT dir\r\nPASV\r\n");
    ftp.server("213-Status\r\n x\r\n213 End\r\n" + FORGED + "y\r\n213 End\r\n" + TRUE);
    opensNothing(ftp);
  }

  @ParameterizedTest
  @CsvSource({
    "STAT d,213",
    "SITE WHO,200",
    "HELP,214",
    "MLST d,250",
    "STOU,226",
    "XYZ d,200",
    "LIST d,226",
    "NLST d,226",
    "MLSD d,226",
    "RETR f,226",
    "HASH f,213"
  })
  void commandsWhoseRepliesHoldAnything(String command, int code) {
    for (String end : List.of("", "150 for x\r\n", code + "-x\r\n")) {
      FtpDialogue ftp = FtpDialogue.loggedIn().client(command + "\r\nPASV\r\n");
      boolean transfer = command.matches("(LIST|NLST|MLSD|RETR).*");
      if (transfer && end.isEmpty()) {
        continue; // the name stands in the preliminary reply
      }
      ftp.server((transfer ? "150 for x\r\n" : "") + end + code + " End\r\n" + FORGED);
      ftp.server(code + " End\r\n" + TRUE);
      opensNothing(ftp);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "CWD d,250 OK. Current directory is /up/x",
    "CWD d,250 Directory changed to /up/x",
    "CWD d,250 Directory changed to x",
    "CWD d,250 Now in: x",
    "CWD d,250 C:\\up\\x",
    "CWD d,'250 \"/up/x'",
    "CWD d,'250 \"/up/x\"\" y'",
    "CWD d,'250 /up/\"x\"'",
    "CWD d,'250-Welcome,250 OK'",
    "XCWD d,250 OK. Current directory is /up/x",
    "CDUP,200 Now in /up/x",
    "XCUP,200 Now in /up/x",
    "PWD,'257 \"/up/x'",
    "XPWD,'257 \"/up/x'",
    "MKD d,'257 \"/up/x'",
    "XMKD d,'257 \"/up/x'",
    "RNTO d,'250 renamed to x'",
    "DELE d,'250 /up/x'",
    "SIZE d,'550 /up/x'"
  })
  void namesAtTheEndOfALine(String command, String reply) {
    FtpDialogue ftp = FtpDialogue.loggedIn().client(command + "\r\nPASV\r\n");
    ftp.server(reply.replace(",", "\r\n") + "\r\n" + FORGED + "\"\r\n" + TRUE);
    opensNothing(ftp);
  }

  /** As lftp sends it with {@code sync-mode off}. */
  @ParameterizedTest
  @CsvSource({
    "250 Directory successfully changed.",
    "250 CWD command successful",
    "200 OK",
    "'250 \"/pub\" is the current directory.'",
    "'250 CWD successful. \"/pub\" is current directory.'",
    "'250 \"C:\\pub\" is current'"
  })
  void cwdAndPasvInOneSegment_work(String reply) {
    FtpDialogue ftp = FtpDialogue.loggedIn().client("TYPE I\r\nCWD /pub\r\nPASV\r\n");
    ftp.server("200 Type set to I.\r\n" + reply + "\r\n" + TRUE);
    opensTheTruePort(ftp);
    ftp.client("CWD x\r\nEPSV\r\n").server(reply + "\r\n229 ok (|||40000|)\r\n");
    opensTheTruePort(ftp);
  }

  @ParameterizedTest
  @CsvSource({
    "PWD,'257 \"/home/a\" is the current directory'",
    "MKD d,'257 \"/d\" created'",
    "SIZE f,213 4711",
    "MDTM f,213 20260101120000",
    "SIZE f,550 Could not get file size.",
    "RNTO f,250 Rename successful."
  })
  void repliesThatShowTheirEnd_castNoDoubt(String command, String reply) {
    FtpDialogue ftp = FtpDialogue.loggedIn().client(command + "\r\nPASV\r\n");
    ftp.server(reply + "\r\n" + TRUE);
    opensTheTruePort(ftp);
  }

  @Test
  void sentWhileATransferEnds_opens() {
    FtpDialogue ftp = FtpDialogue.loggedIn().client("RETR f\r\n").server("150 /f for you\r\n");
    ftp.client("TYPE A\r\nPASV\r\n");
    ftp.server("226 Transfer complete.\r\n200 Type set to A\r\n" + TRUE);
    opensTheTruePort(ftp);
  }

  @Test
  void commandsThatGetNoAnswer_doNotHideTheRealOne() {
    FtpDialogue ftp = FtpDialogue.loggedIn().client("RETR f\r\n").server("150 for f\r\n");
    ftp.client("NOOP\r\n").server("226 done\r\n").client("CWD d\r\nPASV\r\n");
    ftp.server("250 OK. Now in /up/x\r\n250 ok\r\n" + FORGED + TRUE);
    assertEquals(List.of(), opened(ftp));
  }

  @Test
  void aReplyTooMany_doesNotHideTheRealOne() {
    FtpDialogue ftp =
        FtpDialogue.loggedIn().client("STOR f\r\n").server("150 for f\r\n226 done\r\n");
    ftp.client("CWD d\r\nPASV\r\n").server("250 stored\r\n250 OK. Now in /up/x\r\n" + FORGED);
    assertEquals(List.of(), opened(ftp));
  }

  @Test
  void a227RightInTheText_opensNothing() {
    FtpDialogue ftp = FtpDialogue.loggedIn().client("STAT d\r\nPASV\r\n");
    ftp.server("213 x\r\n" + FORGED + TRUE);
    opensNothing(ftp);
    ftp = FtpDialogue.loggedIn().client("STAT d\r\nPASV\r\n").server(FORGED + "213 End\r\n" + TRUE);
    assertEquals(List.of(), opened(ftp));
  }

  @Test
  void afterAResumption_untilSomethingWasAnswered() {
    FtpDialogue ftp = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
    ftp.client("x\r\nPASV\r\n").server("x\r\n" + FORGED);
    assertEquals(List.of("REPLY_IN_DOUBT @3"), ftp.outcomes());
    ftp.client("PASV\r\n").server(TRUE);
    opensTheTruePort(ftp);
  }

  @Test
  void aHandOver_keepsTheDoubt() {
    FtpDialogue before = FtpDialogue.loggedIn().client("STAT d\r\nPASV\r\n").server("213-x\r\n");
    FtpDialogue after = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
    after.restore(before.snapshot());
    opensNothing(after.server("213 End\r\n" + FORGED + "213 End\r\n" + TRUE));
    before.server("213 End\r\n");
    after = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
    after.restore(before.snapshot());
    opensNothing(after.server(FORGED + "213 End\r\n" + TRUE));
  }
}
