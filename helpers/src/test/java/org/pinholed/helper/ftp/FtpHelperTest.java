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
import org.pinholed.helper.HelperLimits;

class FtpHelperTest {
  private static final String PASSIVE = "227 Entering Passive Mode (198,51,100,20,156,64)\r\n";
  private static final List<String> NOTHING = List.of();

  private static FtpDialogue ipv6() {
    return new FtpDialogue(Map.of(), FlowFacts.Origin.FIRST_BYTE, true).login();
  }

  private static FtpDialogue ipv6ByReply() {
    Map<String, Object> options = Map.of("activeOpen", "reply");
    return new FtpDialogue(options, FlowFacts.Origin.FIRST_BYTE, true).login();
  }

  private static FtpDialogue with(String option, Object value) {
    return new FtpDialogue(Map.of(option, value), FlowFacts.Origin.FIRST_BYTE, false).login();
  }

  private static FtpDialogue resumed() {
    return new FtpDialogue(Map.of(), FlowFacts.Origin.RESUMED, false);
  }

  @Nested
  class Passive {
    @Test
    void pasv_opensWithIts227() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("PASV\r\n");
      assertEquals("passiveAsked", ftp.state());
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server(PASSIVE);
      assertEquals(List.of("expect 198.51.100.20:40000 by 227 from server @11"), ftp.outcomes());
      assertEquals("ready", ftp.state());
      assertEquals(List.of("220", "PASV", "227"), ftp.understood());
    }

    @Test
    void epsv_opensAtTheServersOwnAddress() {
      FtpDialogue ftp = ipv6().client("EPSV\r\n");
      assertEquals("passiveAsked", ftp.state());
      ftp.server("229 Entering Extended Passive Mode (|||6446|)\r\n");
      assertEquals(List.of("expect [2001:db8:2::20]:6446 by 229 from server @11"), ftp.outcomes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"EPSV", "epsv 1", "EPSV 2", "EPSV ALLES", "EPSV AL"})
    void epsv_hasArguments(String command) {
      FtpDialogue ftp =
          FtpDialogue.loggedIn().client(command + "\r\n").server("229 (|||6446|)\r\n");
      String expected =
          command.equals("EPSV ALLES")
              ? "REPLY_TO_OTHER_COMMAND @11"
              : "expect 198.51.100.20:6446 by 229 from server @11";
      assertEquals(List.of(expected), ftp.outcomes());
    }

    @Test
    void anAddressIn229_thatIsNotTheServers_isIgnored() {
      FtpDialogue ftp = ipv6();
      ftp.client("EPSV\r\n").server("229 (|2|2001:db8:2::20|6446|)\r\n");
      ftp.client("EPSV\r\n").server("229 (|2|2001:db8:2::21|6446|)\r\n");
      ftp.client("EPSV\r\n").server("229 (|1|198.51.100.20|6446|)\r\n");
      assertEquals(
          List.of(
              "expect [2001:db8:2::20]:6446 by 229 from server @11",
              "SERVER_ADDRESS_IGNORED @42",
              "expect [2001:db8:2::20]:6446 by 229 from server @42",
              "SERVER_ADDRESS_IGNORED @73",
              "expect [2001:db8:2::20]:6446 by 229 from server @73"),
          ftp.outcomes());
    }

    @ParameterizedTest
    @ValueSource(
        strings = {"0,0,0,0", "127,0,0,1", "198,51,100,21", "192,0,2,10", "10,0,0,1", "224,0,0,1"})
    void aForeignAddress_isNeverOpened_theServersIs(String address) {
      FtpDialogue ftp = FtpDialogue.loggedIn();
      ftp.client("PASV\r\n").server("227 (" + address + ",156,64)\r\n");
      assertEquals(
          List.of(
              "SERVER_ADDRESS_IGNORED @11", "expect 198.51.100.20:40000 by 227 from server @11"),
          ftp.outcomes());
      ftp.client("PASV\r\n").server("227 (" + address + ",0,22)\r\n");
      assertEquals(1, ftp.outcomes().size(), "a bad port stays bad");
    }

    @Test
    void aNewOne_replacesByItsKey() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("PASV\r\n").server(PASSIVE);
      ftp.client("EPSV\r\n").server("229 (|||6446|)\r\n");
      assertEquals(2, ftp.outcomes().size());
    }

    @Test
    void theLastLineOfAMultiLineReply_counts() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("PASV\r\n");
      ftp.server("227-Entering Passive Mode\r\n wait\r\n227-(198,51,100,20,1,1)\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server(PASSIVE);
      assertEquals(List.of("expect 198.51.100.20:40000 by 227 from server @70"), ftp.outcomes());
    }

    @Test
    void preliminaryReplies_answerNothing() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("PASV\r\n").server("150 soon\r\n" + PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void severalInOneSegment_areMatchedInTheirOrder() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("TYPE I\r\nPASV\r\nSIZE f\r\nEPSV\r\n");
      ftp.server("200 ok\r\n" + PASSIVE + "213 5\r\n229 (|||6446|)\r\n");
      assertEquals(
          List.of(
              "expect 198.51.100.20:40000 by 227 from server @19",
              "expect 198.51.100.20:6446 by 229 from server @76"),
          ftp.outcomes());
    }
  }

  @Nested
  class Active {
    private static final String PORT = "PORT 192,0,2,10,156,65\r\n";

    @Test
    void port_opensWhenTheServerAgrees() {
      FtpDialogue ftp =
          FtpDialogue.openingByReply().client("NOOP\r\n").server("200 ok\r\n").client(PORT);
      assertEquals(
          List.of("expect 192.0.2.10:40001 by PORT inactive from client @6"), ftp.outcomes());
      assertEquals("activeAnnounced", ftp.state());
      ftp.server("200 PORT done\r\n");
      assertEquals(List.of("activate data"), ftp.outcomes());
      assertEquals("ready", ftp.state());
    }

    @Test
    void port_isClosedWhenTheServerRefuses() {
      FtpDialogue ftp = FtpDialogue.openingByReply().client(PORT).server("500 no\r\n");
      assertEquals("close data", ftp.outcomes().get(1));
      assertEquals("ready", ftp.state());
    }

    @Test
    void atOnce_andShutAgainIfTheServerRefuses() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client(PORT);
      assertEquals(List.of("expect 192.0.2.10:40001 by PORT from client @0"), ftp.outcomes());
      ftp.client("RETR f\r\n").server("200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server("226 done\r\n").client("EPRT |1|192.0.2.10|40001|\r\n").server("425 no\r\n");
      assertEquals(
          List.of("expect 192.0.2.10:40001 by EPRT from client @32", "close data"), ftp.outcomes());
      ftp.client(PORT).server("500 no\r\n");
      assertEquals("close data", ftp.outcomes().get(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"RETR f", "STOR f", "STOU", "APPE f", "LIST", "NLST", "MLSD"})
    void theTransferBehindIt_opensBeforeTheReply(String transfer) {
      FtpDialogue ftp = FtpDialogue.openingByReply().client(PORT + "REST 5\r\nALLO 7\r\n");
      assertEquals(1, ftp.outcomes().size());
      ftp.client(transfer + "\r\n");
      assertEquals(List.of("activate data"), ftp.outcomes());
      ftp.client("NOOP\r\n").server("200 port\r\n350 rest\r\n202 allo\r\n150 go\r\n");
      assertEquals(NOTHING, ftp.outcomes(), "once");
      ftp = FtpDialogue.openingByReply().client(PORT + transfer + "\r\n").server("500 no\r\n");
      assertEquals(List.of("activate data", "close data"), ftp.outcomes().subList(1, 3));
    }

    @ParameterizedTest
    @ValueSource(strings = {"USER b", "PASS c", "ACCT d", "AUTH TLS", "ADAT xyz", "REIN"})
    void whileALoginOrASecurityExchangeWaits_onlyItsOwnReplyOpensIt(String waiting) {
      for (FtpDialogue ftp : List.of(FtpDialogue.loggedIn(), FtpDialogue.openingByReply())) {
        int offset = waiting.length() + 2;
        ftp.client(waiting + "\r\n" + PORT + "RETR f\r\n");
        assertEquals(
            List.of("expect 192.0.2.10:40001 by PORT inactive from client @" + offset),
            ftp.outcomes());
        ftp.server("500 no\r\n");
        assertEquals(NOTHING, ftp.outcomes());
        ftp.server("200 ok\r\n");
        assertEquals(List.of("activate data"), ftp.outcomes());
      }
    }

    @Test
    void eprt_overBothFamilies() {
      FtpDialogue ftp =
          ipv6ByReply().client("EPRT |2|2001:DB8:1::10|5282|\r\n").server("200 ok\r\n");
      assertEquals(
          List.of("expect [2001:db8:1::10]:5282 by EPRT inactive from client @0", "activate data"),
          ftp.outcomes());
      ftp =
          FtpDialogue.openingByReply().client("eprt |1|192.0.2.10|5282|\r\n").server("200 ok\r\n");
      assertEquals(2, ftp.outcomes().size());
      ftp = FtpDialogue.openingByReply().client("EPRT |2|::ffff:192.0.2.10|5282|\r\n");
      assertEquals(
          List.of("expect 192.0.2.10:5282 by EPRT inactive from client @0"), ftp.outcomes());
    }

    @Test
    void onlyItsOwnReply_opensIt() {
      FtpDialogue ftp = FtpDialogue.openingByReply().client("TYPE I\r\n" + PORT + "NOOP\r\n");
      ftp.outcomes();
      ftp.server("200 type\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server("200 port\r\n");
      assertEquals(List.of("activate data"), ftp.outcomes());
      ftp.server("200 noop\r\n");
      assertEquals(NOTHING, ftp.outcomes());
    }

    @Test
    void theReplyToAnOlderPort_decidesNothingAboutTheNewerOne() {
      FtpDialogue ftp =
          FtpDialogue.openingByReply().client(PORT + "PORT 192,0,2,10,156,66\r\n" + PORT);
      ftp.outcomes();
      ftp.server("200 first\r\n500 second\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server("200 third\r\n");
      assertEquals(List.of("activate data"), ftp.outcomes());
    }

    @Test
    void aPortBehindPasv_winsOverThe227() {
      FtpDialogue ftp = FtpDialogue.openingByReply().client("PASV\r\n" + PORT);
      ftp.outcomes();
      ftp.server(PASSIVE + "200 ok\r\n");
      assertEquals(List.of("activate data"), ftp.outcomes());
    }

    @Test
    void pasvBehindPort_winsOverThePort() {
      FtpDialogue ftp = FtpDialogue.openingByReply().client(PORT + "PASV\r\n");
      ftp.outcomes();
      ftp.server("200 ok\r\n" + PASSIVE);
      assertEquals(
          List.of("activate data", "expect 198.51.100.20:40000 by 227 from server @19"),
          ftp.outcomes());
    }

    @Test
    void aLimit_leavesNothingToActivate() {
      FtpDialogue ftp = FtpDialogue.openingByReply().refusing().client(PORT);
      ftp.outcomes();
      ftp.server("200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes());
    }

    @Test
    void afterARefusedPort_itsReplyChangesNothing() {
      FtpDialogue ftp = FtpDialogue.openingByReply().client("PORT 192,0,2,10,0,80\r\n");
      assertEquals(List.of("PORT_BELOW_1024 @0"), ftp.outcomes());
      ftp.server("200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes());
    }

    @Test
    void rein_closesWhatIsOpen() {
      FtpDialogue ftp = FtpDialogue.openingByReply().client("EPSV ALL\r\n").server("200 ok\r\n");
      ftp.client("REIN\r\n").server("502 no\r\n").client("REIN\r\n").server("220 again\r\n");
      assertEquals(List.of("close data"), ftp.outcomes());
      ftp.client(PORT);
      assertEquals(1, ftp.outcomes().size());
    }
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @CsvSource({
      "'PORT 192,0,2,11,156,65',ADDRESS_NOT_ANNOUNCER",
      "'PORT 192,0,2,10,3,255',PORT_BELOW_1024",
      "'PORT 192,0,2,10,0,0',PORT_ZERO",
      "'PORT 192,0,2,11,0,0',PORT_ZERO",
      "'PORT 192,0,2,10,12,234',PORT_DENIED",
      "'PORT 192,0,2,10,156,256',OCTET_OUT_OF_RANGE",
      "'PORT 192,0,2,266,156,65',OCTET_OUT_OF_RANGE",
      "'PORT 192,0,2,10,156',MISSING_FIELDS",
      "'PORT',MISSING_FIELDS",
      "'EPRT |1|192.0.2.11|5000|',ADDRESS_NOT_ANNOUNCER",
      "'EPRT |1|192.0.2.10|1023|',PORT_BELOW_1024",
      "'EPRT |1|192.0.2.10|0|',PORT_ZERO",
      "'EPRT |1|192.0.2.10|65536|',PORT_OUT_OF_RANGE",
      "'EPRT |1|192.0.2.10|3306|',PORT_DENIED",
      "'EPRT |2|2001:db8:1::10|5000|',WRONG_FAMILY",
      "'EPRT |3|192.0.2.10|5000|',WRONG_FAMILY",
      "'EPRT |1|client|5000|',BAD_ADDRESS",
      "'EPRT |1|192.0.2.10|5000',MISSING_FIELDS",
      "'LPRT 4,4,192,0,2,10,2,156,65',LONG_FORM",
      "'LPSV',LONG_FORM"
    })
    void aCommand(String command, String reason) {
      FtpDialogue ftp = FtpDialogue.loggedIn().client(command + "\r\n");
      assertEquals(List.of(reason + " @0"), ftp.outcomes());
      ftp.server("200 ok\r\n").client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size(), "the flow goes on");
    }

    @ParameterizedTest
    @CsvSource({
      "'227 (198,51,100,20,0,21)',PORT_BELOW_1024",
      "'227 (198,51,100,20,24,235)',PORT_DENIED",
      "'227 (0,0,0,0,24,235)',PORT_DENIED",
      "'227 (198,51,100,20,0,0)',PORT_ZERO",
      "'227 (198,51,100,20,300,0)',OCTET_OUT_OF_RANGE",
      "'227 (198,51,100,20,3)',MISSING_FIELDS",
      "'227 Logout.',MISSING_FIELDS"
    })
    void aReplyToPasv(String reply, String reason) {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("PASV\r\n").server(reply + "\r\n");
      assertEquals(List.of(reason + " @11"), ftp.outcomes());
    }

    @ParameterizedTest
    @CsvSource({
      "'229 (|||1023|)',PORT_BELOW_1024",
      "'229 (|||0|)',PORT_ZERO",
      "'229 (|||65536|)',PORT_OUT_OF_RANGE",
      "'229 (|||5432|)',PORT_DENIED",
      "'229 (|9||6446|)',WRONG_FAMILY",
      "'229 (||server|6446|)',BAD_ADDRESS",
      "'229 ok',MISSING_FIELDS"
    })
    void aReplyToEpsv(String reply, String reason) {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("EPSV\r\n").server(reply + "\r\n");
      assertEquals(List.of(reason + " @11"), ftp.outcomes());
    }

    @Test
    void ipv4HostPorts_onIpv6Flows() {
      FtpDialogue ftp = ipv6().client("PORT 192,0,2,10,156,65\r\n").server("500 no\r\n");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(
          List.of(
              "WRONG_FAMILY @0",
              "SERVER_ADDRESS_IGNORED @19",
              "expect [2001:db8:2::20]:40000 by 227 from server @19"),
          ftp.outcomes());
    }

    @Test
    void everythingButEpsv_afterEpsvAll() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("EPSV ALL\r\n").server("200 ok\r\n");
      ftp.client("PORT 192,0,2,10,156,65\r\n").server("500 no\r\n");
      ftp.client("EPRT |1|192.0.2.10|5000|\r\n").server("500 no\r\n");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(List.of("EPSV_ALL @10", "EPSV_ALL @34", "EPSV_ALL @35"), ftp.outcomes());
      ftp.client("EPSV\r\n").server("229 (|||6446|)\r\n");
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void nothing_whenTheServerRefusedEpsvAll() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("epsv all\r\n").server("501 no\r\n");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
      assertTrue(ftp.understood().contains("EPSV ALL"));
    }

    @Test
    void aPassiveReply_toSomethingElse() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("NOOP\r\n").server(PASSIVE);
      assertEquals(List.of("REPLY_TO_OTHER_COMMAND @11"), ftp.outcomes());
      ftp.client("QUIT\r\n").server("227 Logout.\r\n");
      assertEquals(NOTHING, ftp.outcomes());
    }

    @Test
    void aReply_withoutACommand() {
      FtpDialogue ftp = FtpDialogue.loggedIn().server(PASSIVE + "200 ok\r\n331 ?\r\n");
      assertEquals(
          List.of(
              "REPLY_WITHOUT_COMMAND @11",
              "REPLY_WITHOUT_COMMAND @61",
              "REPLY_WITHOUT_COMMAND @69"),
          ftp.outcomes());
    }

    @Test
    void tooManyCommandsAtOnce_untilInStepAgain() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("NOOP\r\n".repeat(64));
      assertEquals(NOTHING, ftp.outcomes());
      ftp.client("PORT 192,0,2,10,156,65\r\nPASV\r\n");
      assertEquals(List.of("TOO_MANY_OUTSTANDING @384"), ftp.outcomes());
      ftp.server("200 ok\r\n".repeat(65) + PASSIVE);
      assertEquals(List.of("REPLY_TO_OTHER_COMMAND @531"), ftp.outcomes());
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(List.of("expect 198.51.100.20:40000 by 227 from server @581"), ftp.outcomes());
    }
  }

  @Nested
  class Fxp {
    @Test
    void aThirdHost_mayBeAnnouncedIfConfigured() {
      FtpDialogue ftp = with("fxpNetworks", "203.0.113.0/24");
      ftp.client("PORT 203,0,113,9,156,65\r\n").server("200 ok\r\n");
      ftp.client("PASV\r\n").server("227 (203,0,113,8,156,64)\r\n");
      ftp.client("PORT 203,0,114,9,156,65\r\n");
      ftp.server("500 no\r\n").client("PORT 203,0,113,9,0,25\r\n");
      assertEquals(
          List.of(
              "expect 203.0.113.9:40001 by PORT from client @0",
              "expect 203.0.113.8:40000 by 227 from server @19",
              "ADDRESS_NOT_ANNOUNCER @31",
              "PORT_BELOW_1024 @56"),
          ftp.outcomes());
    }
  }

  @Nested
  class Lines {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "PASV\r\n",
          "PASV\n",
          "pasv\r\n",
          "PaSv \r\n",
          "PA\rSV\r\n",
          "\u00ff\u00f4\u00ff\u00f2PASV\r\n",
          "P\u00ff\u00fb\u0001A\u00ff\u00faxy\u00ff\u00f0SV\r\n"
        })
    void aCommand_inItsForms(String command) {
      FtpDialogue ftp = FtpDialogue.loggedIn().client(command).server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void telnetInTheMiddleOfNumbers_isSkipped() {
      FtpDialogue ftp =
          FtpDialogue.loggedIn().client("PORT 192,0,\u00ff\u00fd\u00182,1\u00ff\u00f10,156,65\r\n");
      assertEquals(List.of("expect 192.0.2.10:40001 by PORT from client @0"), ftp.outcomes());
    }

    @Test
    void fileNamesInAnyEncoding_areText() {
      FtpDialogue ftp = FtpDialogue.loggedIn();
      ftp.client("USER J\u00f6rg\r\n").server("331 \u00e4\r\n");
      ftp.client("RETR \u00ff\u00fa\u00fb\u00fc.txt\r\n").server("550 no\r\n");
      ftp.client("RETR \u00c3\u00bf\u00ff\r\n").server("550 no\r\n");
      ftp.client("\u0001\u0002\r\n").server("500 ?\r\n");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
      assertEquals("ready", ftp.state());
    }

    @Test
    void aLineOfTheLimit_isRead() {
      String command = "PORT 192,0,2,10,156,65";
      String padded = command + " ".repeat(256 - 2 - command.length()) + "\r\n";
      assertEquals(256, padded.length());
      assertEquals(1, FtpDialogue.loggedIn().client(padded).server("200 ok\r\n").outcomes().size());
      assertEquals(
          List.of("LINE_TOO_LONG @0"),
          FtpDialogue.loggedIn().client(padded.replace("\r", " \r")).outcomes());
    }

    @Test
    void aLineTooLong_isSkippedToItsEnd() {
      FtpDialogue ftp = FtpDialogue.loggedIn();
      ftp.client("PORT 192,0,2,10,156,65" + " ".repeat(5000));
      assertEquals(0, ftp.bufferedBytes());
      ftp.client("PORT 192,0,2,10,156,65 ".repeat(100) + "\r\nPASV\r\n");
      assertEquals(List.of("LINE_TOO_LONG @0"), ftp.outcomes());
      ftp.server("200 who knows\r\n" + PASSIVE);
      assertEquals(List.of("REPLY_IN_DOUBT @26"), ftp.outcomes(), "it could name anything");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(List.of("expect 198.51.100.20:40000 by 227 from server @76"), ftp.outcomes());
    }

    @Test
    void aReplyTooLong_keepsTheStepAndOpensNothing() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("PORT 192,0,2,10,156,65\r\nPASV\r\nPASV\r\n");
      ftp.outcomes();
      ftp.server("200 " + "x".repeat(300) + "\r\n");
      ftp.server("227 (198,51,100,20,156,64)" + "x".repeat(300) + "\r\n" + PASSIVE);
      assertEquals(
          List.of(
              "LINE_TOO_LONG @11",
              "LINE_TOO_LONG @317",
              "expect 198.51.100.20:40000 by 227 from server @645"),
          ftp.outcomes());
    }

    @Test
    void unknownCommandsAndTexts_pass() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("XYZ 1\r\nFOO\r\n").server("not a reply\r\n");
      ftp.server("20 no\r\n2000 no\r\n099 no\r\n099-no\r\n22x\r\n500 ?\r\n500 ?\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }
  }

  @Nested
  class InStep {
    @Test
    void aDownload_withoutAnythingOdd() {
      FtpDialogue ftp =
          FtpDialogue.fresh().server("220-welcome\r\n227 (1,2,3,4,5,6)\r\n220 go\r\n");
      ftp.client("USER a\r\n").server("331 password\r\n");
      ftp.client("PASS b\r\n").server("230-hello\r\n 227 Entering (1,2,3,4,5,6)\r\n230 in\r\n");
      ftp.client("EPSV\r\n").server("229 (|||6446|)\r\n");
      ftp.client("RETR f\r\n").server("150 here it comes\r\n").server("226 done\r\n");
      ftp.client("QUIT\r\n").server("221 bye\r\n");
      assertEquals(
          List.of("proven", "expect 198.51.100.20:6446 by 229 from server @102"), ftp.outcomes());
      assertEquals(
          List.of(
              "220", "USER", "331", "PASS", "230", "EPSV", "229", "RETR", "150", "226", "QUIT",
              "221"),
          ftp.understood());
    }

    @Test
    void abor_isAnsweredTwice() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("RETR f\r\n").server("150 ok\r\n");
      ftp.client("\u00ff\u00f4\u00ff").client("\u00f2ABOR\r\n");
      ftp.server("426 cut\r\n226 aborted\r\n").client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void abor_isAnsweredOnceAndTooLate() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("RETR f\r\n").server("150 ok\r\n");
      ftp.client("ABOR\r\n").server("226 done\r\n").client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
      ftp.client("ABOR\r\nPORT 192,0,2,10,156,65\r\n").server("226 done\r\n425 port\r\n");
      assertEquals("close data", ftp.outcomes().get(1));
      ftp.client("ABOR\r\nPASV\r\n").server("500 what\r\n" + PASSIVE);
      assertEquals(1, ftp.outcomes().size());
      ftp.client("ABOR\r\n").server("200 fine\r\n").client("ABOR\r\nPASV\r\n");
      ftp.server("225 fine\r\n" + PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void aTransferThatEndsTwice_blamesNobody() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("STOR f\r\n").server("150 ok\r\n");
      ftp.server("226 done\r\n226 done\r\n250 done\r\n426 cut\r\n451 disk\r\n225 open\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server("200 ok\r\n");
      assertEquals(1, ftp.outcomes().size());
      ftp.client("PASV\r\n").server("226 done\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
      ftp.client("TYPE I\r\n").server("226 done\r\n200 type\r\n");
      assertEquals(1, ftp.outcomes().size(), "a client that waits is in step again");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void anEmptyLine_isAnsweredOrNot() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("\r\nPASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
      ftp.client("\r\n").server("500 what\r\n").client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void serviceNotAvailable_mayComeAtAnyTime() {
      assertEquals(NOTHING, FtpDialogue.loggedIn().server("421 bye\r\n").outcomes());
      FtpDialogue ftp = FtpDialogue.fresh().server("421 too many\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      assertEquals("greeting", ftp.state());
    }

    @Test
    void repliesOfProtectedCommands_count() {
      FtpDialogue ftp =
          FtpDialogue.loggedIn().client("CCC\r\nPASV\r\n").server("631 x\r\n" + PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }
  }

  @Nested
  class Greeting {
    @Test
    void nothingOpens_beforeIt() {
      FtpDialogue ftp = FtpDialogue.fresh();
      assertEquals("greeting", ftp.state());
      ftp.client("PORT 192,0,2,10,156,65\r\nPASV\r\n").server("200 ok\r\n" + PASSIVE);
      assertEquals(List.of("NO_GREETING @0", "REPLY_TO_OTHER_COMMAND @8"), ftp.outcomes());
      ftp.client("EPRT |1|192.0.2.10|5000|\r\n");
      assertEquals(List.of("NO_GREETING @30"), ftp.outcomes());
    }

    @Test
    void it_mayBeDelayedOrRefused() {
      FtpDialogue ftp = FtpDialogue.fresh().server("120 in a minute\r\n530 no\r\n");
      assertEquals("greeting", ftp.state());
      ftp.server("220 now\r\n");
      assertEquals("login", ftp.state());
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server("220 now\r\n");
      assertEquals(List.of("REPLY_WITHOUT_COMMAND @34"), ftp.outcomes());
    }

    @Test
    void commandsSentBeforeIt_areAnsweredAfterIt() {
      FtpDialogue ftp = FtpDialogue.fresh().client("USER a\r\nPASV\r\n");
      ftp.server("220 ready\r\n230 ok\r\n" + PASSIVE);
      assertEquals(2, ftp.outcomes().size());
    }
  }

  @Nested
  class Opaque {
    private void ends(FtpDialogue ftp, String outcome) {
      assertEquals(List.of(outcome), ftp.outcomes());
      assertEquals("opaque", ftp.state());
      ftp.client("PASV\r\nPORT 192,0,2,10,156,65\r\n").server("220 hi\r\n" + PASSIVE);
      ftp.client("x".repeat(3000)).server("y".repeat(3000));
      assertEquals(NOTHING, ftp.outcomes());
      assertEquals(0, ftp.bufferedBytes());
    }

    @ParameterizedTest
    @CsvSource({
      "TLS,234,TLS",
      "SSL,234,TLS",
      "tls-c,234,TLS",
      "TLS-P,232,TLS",
      "GSSAPI,235,AUTH_PROTECTED",
      "GSSAPI,234,AUTH_PROTECTED",
      "TL,234,AUTH_PROTECTED"
    })
    void whenAuthIsAccepted(String mechanism, int code, String reason) {
      FtpDialogue ftp = FtpDialogue.greeted().client("AUTH " + mechanism + "\r\n");
      assertEquals("authAsked", ftp.state());
      ends(ftp.server(code + " go\r\n"), reason + " @11");
    }

    @ParameterizedTest
    @ValueSource(ints = {431, 500, 502, 504, 530, 534})
    void notWhenAuthIsRefused(int code) {
      FtpDialogue ftp = FtpDialogue.greeted().client("AUTH TLS\r\n").server(code + " no\r\n");
      assertEquals("login", ftp.state());
      ftp.client("USER a\r\n").server("230 in\r\n");
      assertEquals(List.of("proven"), ftp.outcomes());
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "GET / HTTP/1.1",
          "POST /x HTTP/1.1",
          "HEAD * HTTP/1.0",
          "PUT http://a/ HTTP/1.1",
          "OPTIONS * HTTP/1.1",
          "CONNECT a:21 HTTP/1.1",
          "DELETE /",
          "PRI * HTTP/2.0"
        })
    void whenTheClientSpeaksHttp(String line) {
      ends(FtpDialogue.greeted().client(line + "\r\n"), "HTTP @0");
      ends(
          FtpDialogue.fresh().client(line + "\r\nHost: x\r\n\r\nPORT 192,0,2,10,156,65\r\n"),
          "HTTP @0");
      ends(FtpDialogue.fresh().client("\r\n\r\n" + line + "\r\n"), "HTTP @4");
    }

    @Test
    void whenTheFirstLineDoesNotEnd() {
      FtpDialogue ftp = FtpDialogue.greeted().client("GET /" + "x".repeat(400) + "\r\n");
      assertEquals(List.of("LINE_TOO_LONG @0", "HTTP @0"), ftp.outcomes());
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "SSH-2.0-OpenSSH_9.2",
          "EHLO there",
          "HELO",
          "LHLO x",
          "HEADERS",
          "HEADERSTOOLONG",
          "OPTIONS",
          "{json}",
          "US3R",
          " ",
          "MODE READER",
          "MODE",
          "MODE S B",
          "COPY a",
          "get f",
          "head",
          "XYZ"
        })
    void whenTheFirstLineIsNoFtp(String line) {
      ends(FtpDialogue.greeted().client(line + "\r\n"), "NOT_FTP @0");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "user x",
          "USER",
          "\u00ff\u00fb\u0001USER x",
          "MODE S",
          "mode z ",
          "\tx",
          "A\u00ff"
        })
    void notForWhatPeopleType(String line) {
      FtpDialogue ftp = FtpDialogue.greeted().client(line + "\r\n");
      boolean odd = line.startsWith("\t") || line.startsWith("A");
      assertEquals(odd ? "opaque" : "login", ftp.state());
    }

    @ParameterizedTest
    @ValueSource(strings = {"\u0000", "\u0080", "\u0016x", "\u007f", "\u00fe", "\u0005\u0001"})
    void whenTheFirstByteIsNoText(String bytes) {
      ends(FtpDialogue.greeted().client(bytes), "BINARY @0");
      ends(FtpDialogue.fresh().server(bytes), "BINARY @0");
    }

    @Test
    void whenTheVerbIsNoText() {
      ends(FtpDialogue.greeted().client("A\u0000\r\n"), "BINARY @0");
      ends(FtpDialogue.greeted().client("\u0016\n"), "BINARY @0");
    }

    @Test
    void whenTlsBeginsAtALine() {
      ends(FtpDialogue.fresh().client("\u0016\u0003\u0001\u0002\u0000"), "TLS_HELLO @0");
      ends(
          FtpDialogue.greeted().client("NOOP\r\n").client("\u0016").client("\u0003"),
          "TLS_HELLO @6");
      ends(FtpDialogue.greeted().server("\u0016\u0003\u0003"), "TLS_HELLO @11");
    }
  }

  @Nested
  class Resumed {
    @Test
    void eachDirection_beginsAtItsNextLine() {
      FtpDialogue ftp = resumed();
      assertEquals("ready", ftp.state());
      ftp.client("2,10,156,65").server("E (1,2").client("\r\nNOOP\r\n").server(",3)\r\n200 ok\r\n");
      ftp.client("PASV\r\n").server(PASSIVE);
      assertEquals(List.of("expect 198.51.100.20:40000 by 227 from server @19"), ftp.outcomes());
    }

    @Test
    void repliesToUnseenCommands_areNotReported() {
      FtpDialogue ftp = resumed().server("rest\r\n226 done\r\n" + PASSIVE + "200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.client("rest\r\nPASV\r\n").server(PASSIVE + "200 ok\r\n");
      assertEquals(2, ftp.outcomes().size());
    }

    @Test
    void theFirstLine_isNotHeldAgainstIt() {
      FtpDialogue ftp = resumed().client("x\r\nGET / HTTP/1.1\r\n").server("x\r\n\u0001\r\n");
      assertEquals("ready", ftp.state());
    }
  }

  /** What an attacker smuggles into a flow that he does not speak himself (CVE-2022-2663). */
  @Nested
  class Slipstream {
    @Test
    void aPortLineInAPostedBody_opensNothing() {
      FtpDialogue ftp =
          FtpDialogue.fresh()
              .client("POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n" + "-".repeat(600))
              .client("\r\nPORT 192,0,2,10,156,65\r\n")
              .server("220 hi\r\n200 PORT ok\r\n");
      assertEquals(List.of("HTTP @0"), ftp.outcomes());
    }

    @Test
    void aPortLineThatBeginsASegment_isStillInTheMiddleOfALine() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("SITE MSG hello ");
      ftp.client("PORT 192,0,2,10,156,65\r\n").server("200 ok\r\n");
      assertEquals(NOTHING, ftp.outcomes());
    }

    @Test
    void a227InAListing_opensNothing() {
      FtpDialogue ftp = FtpDialogue.loggedIn().client("STAT\r\nPASV\r\n");
      ftp.server(
          "211-files:\r\n" + PASSIVE + "213 (1,2,3,4,5,6)\r\n211-" + PASSIVE + "211 end\r\n");
      assertEquals(NOTHING, ftp.outcomes());
      ftp.server(PASSIVE);
      assertEquals(1, ftp.outcomes().size());
    }

    @Test
    void a227ThatComesBeforePasv_opensNothing() {
      FtpDialogue ftp = FtpDialogue.loggedIn().server(PASSIVE).client("PASV\r\n");
      assertEquals(List.of("REPLY_WITHOUT_COMMAND @11"), ftp.outcomes());
    }
  }

  @Test
  void defaultLimits_readLinesOf8KiB() {
    FtpDialogue ftp =
        new FtpDialogue(Map.of(), FlowFacts.Origin.FIRST_BYTE, false, HelperLimits.DEFAULT);
    ftp.server("220 " + "x".repeat(8186) + "\r\n").client("PASV\r\n").server(PASSIVE);
    assertEquals(1, ftp.outcomes().size());
  }
}
