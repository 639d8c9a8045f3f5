package org.pinholed.helper.ftp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

class FtpHelperPropertyTest {
  /** What one side says at once. */
  private record Step(Direction direction, String text) {}

  private static final List<String> CLIENT =
      List.of(
          "PASV\r\n",
          "STAT d\r\nPASV\r\n",
          "CWD d\r\nEPSV\r\n",
          "NOOP\r\nPWD\r\n",
          "SIZE f\r\nPORT 192,0,2,10,156,65\r\nRETR f\r\n",
          "epsv\r\n",
          "EPSV ALL\r\n",
          "PORT 192,0,2,10,156,65\r\n",
          "PORT 192,0,2,11,156,65\r\n",
          "EPRT |1|192.0.2.10|5000|\r\n",
          "LPRT 4\r\n",
          "ABOR\r\n",
          "RETR \u00ff\u00fan\r\n",
          "\r\n",
          "P\u00ff\u00fb\u0001ASV\n",
          "TYPE I\r\nPASV\r\nRETR x\r\n",
          "X" + "y".repeat(300) + "\r\n",
          "USER j\u00f6rg\r\n",
          "PASS x\r\n",
          "USER x\r\nPORT 192,0,2,10,156,65\r\n",
          "Host: a\r\n",
          "REIN\r\n",
          "AUTH TLS\r\n",
          "\u0016\u0003\u0001",
          "QU",
          "IT\r\n");
  private static final List<String> SERVER =
      List.of(
          "220 ready\r\n",
          "220-hello\r\n227 (198,51,100,20,156,64)\r\n220 ready\r\n",
          "200 ok\r\n",
          "226 done\r\n",
          "150 go\r\n",
          "227 Entering Passive Mode (198,51,100,20,156,64)\r\n",
          "227 =198,51,100,20,156,64\n",
          "229 Extended (|||6446|)\r\n",
          "230 in\r\n",
          "213-list\r\n a\r\n213 End\r\n227 =198,51,100,20,156,64\r\n",
          "250 Now in /pub/x\r\n",
          "257 \"/pub\" is it\r\n",
          "426 cut\r\n226 done\r\n",
          "500 " + "z".repeat(300) + "\r\n",
          "234 tls\r\n",
          "504 no\r\n",
          "text\r\n",
          "331",
          " pass\r\n");

  @Provide
  Arbitrary<List<Step>> dialogues() {
    Arbitrary<Step> client = Arbitraries.of(CLIENT).map(text -> new Step(Direction.ORIGINAL, text));
    Arbitrary<Step> server = Arbitraries.of(SERVER).map(text -> new Step(Direction.REPLY, text));
    return Arbitraries.oneOf(client, server).list().ofMaxSize(30);
  }

  @Property(tries = 600)
  void anyCutOrderAndRepetition_hasTheSameOutcomes(
      @ForAll("dialogues") List<Step> dialogue, @ForAll long seed) {
    Random random = new Random(seed);
    Run whole = new Run(random);
    Run torn = new Run(random);
    for (Run run : List.of(whole, torn)) {
      if (seed % 2 == 0) {
        run.say(Direction.REPLY, "220 ready\r\n");
        run.say(Direction.ORIGINAL, "USER a\r\n");
        run.say(Direction.REPLY, "230 in\r\n");
      }
    }
    for (Step step : dialogue) {
      whole.say(step.direction, step.text);
      torn.sayTorn(step.direction, step.text);
    }
    assertEquals(whole.flow.sink().outcomes(), torn.flow.sink().outcomes());
    assertEquals(whole.flow.sink().understood(), torn.flow.sink().understood());
    assertEquals(whole.flow.helper().stateWord(), torn.flow.helper().stateWord());
    assertEquals(whole.flow.bufferedBytes(), torn.flow.bufferedBytes());
  }

  @Property(tries = 600)
  void anyBytes_neverThrowAndStayBounded(
      @ForAll @Size(max = 20) List<byte[]> segments, @ForAll boolean resumed) {
    FtpDialogue ftp =
        new FtpDialogue(
            Map.of(), resumed ? FlowFacts.Origin.RESUMED : FlowFacts.Origin.FIRST_BYTE, false);
    for (byte[] segment : segments) {
      String text = new String(segment, ISO_8859_1);
      ftp.client(text).server(text);
      assertTrue(ftp.bufferedBytes() < 2 * FtpDialogue.LIMITS.lineBytes());
    }
    assertFalse(ftp.state().isEmpty());
  }

  @Test
  void aPortCommand_cutAtEveryByte_opensAlways() {
    String command = "PORT 192,0,2,10,156,65\r\n";
    for (int at = 0; at <= command.length(); at++) {
      FtpDialogue ftp = FtpDialogue.loggedIn();
      ftp.client(command.substring(0, at)).client(command.substring(at)).server("200 ok\r\n");
      assertEquals(List.of("expect 192.0.2.10:40001 by PORT from client @0"), ftp.outcomes());
    }
  }

  @Test
  void everyPrefixOfACommand_opensNothing() {
    String command = "PORT 192,0,2,10,156,65\r\n";
    for (int length = 0; length < command.length(); length++) {
      FtpDialogue ftp = FtpDialogue.loggedIn().client(command.substring(0, length));
      assertEquals(List.of(), ftp.outcomes());
      assertEquals(length, ftp.bufferedBytes());
    }
  }

  /** A flow whose segments can be torn. */
  private static final class Run {
    final HelperRun flow;
    final Random random;

    Run(Random random) {
      this.random = random;
      HelperLimits limits = new HelperLimits(256, 4096, 1024, 512);
      FlowFacts facts = FtpDialogue.facts(FlowFacts.Origin.FIRST_BYTE, false);
      flow = new HelperRun(new HelperSetup(new FtpProtocol(), limits, facts));
    }

    void say(Direction direction, String text) {
      byte[] bytes = text.getBytes(ISO_8859_1);
      flow.send(direction, bytes, 0, bytes.length);
      assertFalse(flow.isEnded(direction));
    }

    void sayTorn(Direction direction, String text) {
      byte[] bytes = text.getBytes(ISO_8859_1);
      List<int[]> cuts = new ArrayList<>();
      for (int at = 0; at < bytes.length; ) {
        int to = Math.min(bytes.length, at + 1 + random.nextInt(20));
        cuts.add(new int[] {at, to});
        at = to;
      }
      for (int again = random.nextInt(3); again > 0; again--) {
        int from = random.nextInt(bytes.length);
        cuts.add(new int[] {from, from + 1 + random.nextInt(bytes.length - from)});
      }
      Collections.shuffle(cuts, random);
      long base = flow.bytesRead(direction);
      for (int[] cut : cuts) {
        flow.sendAt(direction, base + cut[0], bytes, cut[0], cut[1]);
        assertFalse(flow.isEnded(direction));
      }
    }
  }
}
