package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.FlowFacts;

/** What proves that a flow is FTP, and that nothing opens before. */
class FtpEvidenceTest {
  private static final String PORT = "PORT 192,0,2,10,156,65\r\n";
  private static final String PASSIVE = "227 Entering Passive Mode (198,51,100,20,156,64)\r\n";
  private static final List<String> NOTHING = List.of();
  private static final List<String> PROVEN = List.of("proven");

  private static FtpDialogue withoutLogin() {
    return new FtpDialogue(Map.of("requireLogin", false), FlowFacts.Origin.FIRST_BYTE, false)
        .server("220 ready\r\n");
  }

  private static boolean opens(FtpDialogue ftp) {
    ftp.outcomes();
    List<String> passive = ftp.client("PASV\r\n").server(PASSIVE).outcomes();
    List<String> active = ftp.client(PORT).server("200 ok\r\n").outcomes();
    boolean opens = passive.stream().anyMatch(each -> each.startsWith("expect"));
    assertEquals(opens, active.stream().anyMatch(each -> each.startsWith("expect")), ftp.state());
    return opens;
  }

  @Nested
  class Login {
    @ParameterizedTest
    @CsvSource({
      "'USER a',230",
      "'user anonymous',230",
      "'USER a',232",
      "'USER a',202",
      "'USER a/331/PASS b',230",
      "'USER a/331/PASS b',202",
      "'USER a/332/ACCT c',230",
      "'USER a/331/PASS b/332/ACCT c',230",
      "'USER a/331/PASS b/332/ACCT c',202",
      "'USER a/530/USER b/331/PASS c',230",
      "'USER a/331/PASS b/530/USER a/331/PASS c',230",
      "'AUTH TLS/530/USER a/331/PASS b',230",
      "'AUTH GSSAPI/334/ADAT YIIB/535/USER a/331/PASS b',230",
      "'AUTH KERBEROS_V4/334/ADAT xyz/335/ADAT xyz/504/USER a/331/PASS b',230",
      "'FEAT/211/USER a/331/PASS b',230",
      "'HOST ftp.example.org/220/USER a/331/PASS b',230",
      "'CLNT FileZilla/200/OPTS UTF8 ON/200/USER a/331/PASS b',230",
      "'CSID Name=x; Version=1;/200/USER a/331/PASS b',230",
      "'OPTS UTF8 ON/501/USER a/331/PASS b',230",
      "'NOOP/530/USER a/331/PASS b',230",
      "'SYST/215/USER a/331/PASS b',230",
      "'LANG en/200/USER a/331/PASS b',230",
      "'PBSZ 0/503/PROT P/503/USER a/331/PASS b',230",
      "'ALLO 5/530/SITE x/530/USER a/331/PASS b',230",
      "'PWD/530/XPWD/530/CWD //530/USER a/331/PASS b',230",
      "'HELP/214/STAT/211/REIN/502/USER a/331/PASS b',230"
    })
    void accepted_isTheEvidence(String dialogue, int code) {
      FtpDialogue ftp = FtpDialogue.greeted();
      for (String said : dialogue.split("/", -1)) {
        if (said.matches("[0-9]{3}")) {
          ftp.server(said + " text\r\n");
        } else {
          ftp.client(said + "\r\n");
        }
      }
      assertEquals(NOTHING, ftp.outcomes());
      assertEquals("login", ftp.state());
      assertEquals(PROVEN, ftp.server(code + " in\r\n").outcomes());
      assertTrue(opens(ftp));
    }

    @ParameterizedTest
    @CsvSource({"331", "332", "421", "500", "530"})
    void notAccepted_opensNothing(int code) {
      FtpDialogue ftp = FtpDialogue.greeted().client("USER a\r\n").server("331 ?\r\n");
      ftp.client("PASS b\r\n").server(code + " no\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.client(PORT).server("200 ok\r\n").client("PASV\r\n").server(PASSIVE);
      assertEquals(List.of("NO_LOGIN @16", "NO_LOGIN @34"), ftp.outcomes());
    }

    @Test
    void a230_thatAnswersSomethingElse_isNoLogin() {
      FtpDialogue ftp = FtpDialogue.greeted().client("NOOP\r\n").server("230 in\r\n230 in\r\n");
      ftp.client("USER a\r\nNOOP\r\n").server("530 no\r\n230 in\r\n");
      assertEquals(List.of("REPLY_WITHOUT_COMMAND @19"), ftp.outcomes());
      assertEquals("login", ftp.state());
    }

    @Test
    void announcedBefore_opensWithItsOwnReplyIfTheLoginWasAccepted() {
      for (String mode : List.of("reply", "command")) {
        FtpDialogue ftp =
            new FtpDialogue(Map.of("activeOpen", mode), FlowFacts.Origin.FIRST_BYTE, false)
                .server("220 ready\r\n")
                .client("USER a\r\nPASS b\r\n" + PORT + "RETR f\r\n");
        assertEquals(
            List.of("expect 192.0.2.10:40001 by PORT inactive from client @16"), ftp.outcomes());
        assertEquals(PROVEN, ftp.server("331 ?\r\n230 in\r\n").outcomes());
        assertEquals(List.of("activate data"), ftp.server("200 ok\r\n").outcomes());
      }
    }

    @Test
    void announcedBefore_isShutIfTheLoginWasRefused() {
      FtpDialogue ftp = FtpDialogue.greeted().client("USER a\r\nPASS b\r\n" + PORT + "RETR f\r\n");
      ftp.outcomes();
      ftp.server("331 ?\r\n530 no\r\n200 liar\r\n");
      assertEquals(List.of("close data", "NO_LOGIN @26"), ftp.outcomes());
    }

    @Test
    void again_asSomebodyElse_isNoNewBeginning() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("USER b\r\n").server("331 ?\r\n");
      ftp.client("PASS c\r\n").server("230 in\r\n");
      assertEquals(NOTHING, ftp.outcomes(), "said once");
      assertTrue(opens(ftp));
      ftp.client("USER c\r\n").server("530 You are logged in already\r\n");
      assertTrue(opens(ftp));
    }

    @Test
    void rein_undoesIt() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("REIN\r\n").server("120 wait\r\n220 go\r\n");
      assertEquals(List.of("close data"), ftp.outcomes());
      assertEquals(false, opens(ftp));
      ftp.client("USER a\r\n").server("230 in\r\n");
      assertTrue(opens(ftp));
      ftp.client("REIN\r\n").server("502 no\r\n");
      assertTrue(opens(ftp));
    }

    @Test
    void aResumedFlow_hasIt() {
      FtpDialogue ftp = new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
      ftp.client("x\r\nNOOP\r\n").server("x\r\n200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes(), "it was proven before");
      assertTrue(opens(ftp));
    }

    @Test
    void aGreetingOf200_countsWhenTheLoginIsAnsweredAsFtpDoes() {
      FtpDialogue ftp = FtpDialogue.fresh().server("200 ready\r\n").client("USER a\r\n");
      assertEquals("greeting", ftp.state());
      assertEquals("login", ftp.server("331 ?\r\n").state());
      ftp.client("PASS b\r\n").server("230 in\r\n");
      assertEquals(PROVEN, ftp.outcomes());
      assertTrue(opens(ftp));
      ftp = FtpDialogue.fresh().server("200 ready\r\n").client("USER a\r\n").server("202 in\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      assertEquals("greeting", ftp.state());
    }

    @Test
    void aSecondGreeting_answersNoUser() {
      FtpDialogue ftp = FtpDialogue.greeted().client("USER a\r\n").server("220 ready\r\n331 ?\r\n");
      ftp.client("PASS b\r\n");
      ftp.outcomes();
      assertEquals(PROVEN, ftp.server("230 in\r\n").outcomes());
    }
  }

  @Nested
  class WithoutLogin {
    @ParameterizedTest
    @CsvSource({"TYPE I,200", "PWD,257", "USER a,331", "RNFR a,350", "MODE S,200"})
    void theFirstAcceptedCommand_isTheEvidence(String command, int code) {
      FtpDialogue ftp = withoutLogin().client(command + "\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      assertEquals(PROVEN, ftp.server(code + " ok\r\n").outcomes());
      assertTrue(opens(ftp));
    }

    @Test
    void itMayBeTheAnnouncementItself() {
      FtpDialogue ftp = withoutLogin().client("PASV\r\n").server(PASSIVE);
      assertEquals(
          List.of("proven", "expect 198.51.100.20:40000 by 227 from server @11"), ftp.outcomes());
      ftp = withoutLogin().client(PORT);
      assertEquals(
          List.of("expect 192.0.2.10:40001 by PORT inactive from client @0"), ftp.outcomes());
      ftp.server("200 ok\r\n");
      assertEquals(List.of("proven", "activate data"), ftp.outcomes());
    }

    @Test
    void aCommandThatWasRefused_orIsUnknown_isNone() {
      FtpDialogue ftp = withoutLogin().client("TYPE I\r\nXYZ\r\n").server("500 no\r\n200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      assertEquals("login", ftp.state());
    }

    @Test
    void theFirstLine_isLookedAtAllTheSame() {
      FtpDialogue ftp = withoutLogin().client("USER / HTTP/1.1\r\n");
      assertEquals(List.of("HTTP @0"), ftp.outcomes());
    }
  }

  /** What others make a browser, a mailer, a news or chat client send. */
  @Nested
  class OtherProtocols {
    private void opaque(String first, String reason) {
      String rest = "\r\nUSER a\r\nPASS b\r\n" + PORT;
      for (FtpDialogue ftp :
          List.of(
              FtpDialogue.greeted().client(first + rest),
              FtpDialogue.fresh().client(first + rest).server("220 hi\r\n"),
              FtpDialogue.greeted().cut(1).client(first + rest))) {
        ftp.server("200 x\r\n331 ?\r\n230 in\r\n200 ok\r\n");
        List<String> outcomes = ftp.outcomes();
        assertEquals(1, outcomes.size(), () -> first + " " + outcomes);
        assertTrue(outcomes.get(0).startsWith(reason + " @"), () -> first + " " + outcomes);
        assertEquals("opaque", ftp.state());
      }
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "USER / HTTP/1.1",
          "HELP / HTTP/1.1",
          "NOOP /x HTTP/1.0",
          "QUIT * HTTP/1.1",
          "user / http/1.1",
          "LIST /a?b HTTP/3",
          "MODE / HTTP/1.1",
          "USER\r / HTTP/1.1",
          "USER / HTTP/1.1 ",
          "\r\n\r\nUSER / HTTP/1.1",
          "USER a\rUSER / HTTP/1.1",
          "USER /\tHTTP/1.1",
          "COPY / HTTP/1.1",
          "head / HTTP/1.1",
          "OPTS * HTTP/1.1",
          "OPTIONS rtsp://a/ RTSP/1.0",
          "INVITE sip:a SIP/2.0",
          "USER sip:a SIP/2.0",
          "PLAY rtsp://a RTSP/1.0",
          "AUTH icap://a ICAP/1.0",
          "PROPFIND / HTTP/1.1"
        })
    void requestsWithAVersion(String first) {
      opaque(first, "HTTP");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "COPY a",
          "head",
          "MODE READER",
          "mode reader",
          "CAPABILITIES",
          "GROUP misc",
          "XYZ",
          "NICK a",
          "CAP LS 302",
          "PING",
          "*1",
          "$4",
          "get a",
          "stats",
          "a1 LOGIN x y",
          "EHLO a",
          "helo",
          "MAIL FROM:<a@b>",
          "PROXY TCP4 192.0.2.1 192.0.2.2 1 21",
          "CLIENT libcurl 8",
          "APOP a b",
          "CAPA",
          "USERS",
          "USER:a b",
          "<stream>",
          "{}",
          "-x",
          "  USER a"
        })
    void verbsThatFtpDoesNotHave(String first) {
      opaque(first, first.startsWith("USER:") ? "HEADER_LINE" : "NOT_FTP");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Host: a",
          "Content-Length:5",
          "X-Custom_1: USER",
          "From:a",
          "user: a",
          "NOOP\r\nHost: a",
          "USER a\r\nUser-Agent: b",
          "USER a\r\nPASS b\r\nAccept:*/*",
          "\r\nFEAT\r\n\r\nCookie: a=b"
        })
    void headerLines_beforeTheLogin(String lines) {
      opaque(lines, "HEADER_LINE");
    }

    @Test
    void headerLines_afterTheLogin_areLinesLikeOthers() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("Host: a\r\n").server("500 ?\r\n");
      assertEquals("ready", ftp.state());
      assertTrue(opens(ftp));
    }

    @Test
    void aFirstLineThatIsTooLong() {
      String path = "x".repeat(300);
      for (String first : List.of("USER /" + path + " HTTP/1.1\r\n", "USER " + path + "\r\n")) {
        FtpDialogue ftp = FtpDialogue.greeted().client(first + "USER a\r\n" + PORT);
        ftp.server("331 ?\r\n230 in\r\n200 ok\r\n");
        assertEquals(List.of("LINE_TOO_LONG @0", "NOT_FTP @0"), ftp.outcomes());
      }
    }

    @Test
    void linesThatEndWithCarriageReturnsOnly_areOneLine() {
      FtpDialogue ftp = FtpDialogue.greeted().client("USER a\rPASS b\r" + PORT);
      ftp.server("331 ?\r\n230 in\r\n200 ok\r\n");
      assertTrue(ftp.outcomes().stream().noneMatch(each -> each.startsWith("expect")));
    }
  }
}
