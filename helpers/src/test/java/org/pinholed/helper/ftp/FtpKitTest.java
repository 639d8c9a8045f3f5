package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperKit;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

/** FTP under all that the kit does to a helper. */
class FtpKitTest {
  /** What a flow is like. */
  private enum Flow {
    PLAIN,
    IPV6,
    TRANSLATED,
    OPENED_BY_REPLY,
    RESUMED
  }

  private static HelperSetup setup(Flow flow) {
    FlowFacts.Origin origin =
        flow == Flow.RESUMED ? FlowFacts.Origin.RESUMED : FlowFacts.Origin.FIRST_BYTE;
    FlowFacts facts = FtpDialogue.facts(origin, flow == Flow.IPV6);
    return new HelperSetup(
        new FtpProtocol(),
        flow == Flow.OPENED_BY_REPLY ? Map.of("activeOpen", "reply") : Map.of(),
        FtpDialogue.LIMITS,
        facts,
        flow == Flow.TRANSLATED ? new Endpoint(facts.client().address(), 61000) : null);
  }

  /** Each way to announce, with what stands between the lines of real dialogues. */
  private static Dialogue dialogue(boolean ipv6) {
    return new Dialogue()
        .server("220-hello\r\n all\r\n220 ready\r\n")
        .client("USER a\r\n")
        .server("331 password\r\n")
        .client("PASS b\r\n")
        .server("230 in\r\n")
        .client("PASV\r\n")
        .server("227 Entering Passive Mode (198,51,100,20,156,64).\r\n")
        .client("RETR \u00ff\u00fan\r\n")
        .server("150 go\r\n226 done\r\n")
        .client("PORT 192,0,2,10,156,65\r\n")
        .server("200 ok\r\n")
        .client(ipv6 ? "EPRT |2|2001:db8:1::10|5282|\r\n" : "EPRT |1|192.0.2.10|5282|\r\n")
        .server("500 no\r\n")
        .client("PWD\r\n")
        .server("257 \"/pub\" is it\r\n")
        .client("EPSV\r\n")
        .server("229 Extended (|||6446|)\r\n")
        .client("EPSV ALL\r\nP\u00ff\u00fb\u0001ASV\n")
        .server("200 ok\r\n227 =198,51,100,20,156,64\r\n")
        .client("AUTH GSSAPI\r\n")
        .server("504 no\r\n")
        .client("AUTH TLS\r\n")
        .server("234 go\r\n")
        .client("\u0016\u0003\u0001");
  }

  @ParameterizedTest
  @EnumSource
  void everyFlow_standsEverything(Flow flow) {
    Dialogue dialogue = dialogue(flow == Flow.IPV6);
    int opened = new HelperRun(setup(flow)).say(dialogue).sink().opened().size();
    assertEquals(flow == Flow.IPV6 ? 3 : 4, opened, "without it nothing would be shown");
    HelperKit.everything(setup(flow), dialogue);
  }
}
