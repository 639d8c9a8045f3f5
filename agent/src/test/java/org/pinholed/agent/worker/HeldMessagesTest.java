package org.pinholed.agent.worker;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.netlink.NetlinkException;

/** Messages over several segments on translated flows, through a worker. */
class HeldMessagesTest {
  private static final InetSocketAddress SERVER = TcpDialogue.SERVER;
  private static final String LINE = "OFFER <192.0.2.10:30000> and <192.0.2.10:30002> end\n";
  private static final String SEEN = "OFFER <203.0.113.9:30000> and <203.0.113.9:30002> end\n";

  private static final int CLIENTS = 10;
  private static final int SERVERS = 20;

  private static final String WATCHED = "hold " + 0x1234 + " original";

  private final SetClock clock = new SetClock();
  private WorkerBench bench;

  HeldMessagesTest() throws NetlinkException {
    bench = WorkerBench.at(new LineProtocol(false), clock);
    bench.queue().allowDrops();
  }

  /** Time that stands still. */
  private static final class SetClock implements Clock {
    private long ms = 1000;

    @Override
    public long nanoTime() {
      return ms * 1_000_000L;
    }

    @Override
    public long epochMicros() {
      return ms * 1000L;
    }
  }

  @AfterEach
  void everyPacketHasOneVerdict() {
    assertEquals(List.of(), bench.queue().violations());
  }

  private TcpDialogue hiddenClient(String address, int port, int id) {
    return hiddenClient(address, "203.0.113.9", port, id);
  }

  private TcpDialogue hiddenClient(String address, String seen, int port, int id) {
    InetSocketAddress client = new InetSocketAddress(address, port);
    InetSocketAddress outside = new InetSocketAddress(seen, port);
    TcpDialogue dialogue = new TcpDialogue(bench, client, SERVER, outside, SERVER, id, 25);
    dialogue.connection().makeAdjustable();
    return dialogue.connect().server("hello\n").client("hi\n");
  }

  private TcpDialogue hiddenClient() {
    return hiddenClient("192.0.2.10", 40001, 0x1234);
  }

  /** The payloads of all packets that passed, without those of the beginning. */
  private List<String> passed() {
    List<String> payloads = new ArrayList<>();
    for (byte[] packet : bench.queue().passed()) {
      String payload = payload(packet);
      if (!payload.isEmpty() && !payload.equals("hello\n") && !payload.equals("hi\n")) {
        payloads.add(payload);
      }
    }
    return payloads;
  }

  private static String payload(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return new String(packet, view.payloadOffset(), view.payloadLengthBytes(), ISO_8859_1);
  }

  private List<Integer> held() {
    return bench.queue().held();
  }

  /** The time goes on, and the worker has a turn without packets. */
  private void at(long ms) {
    clock.ms = 1000 + ms;
    bench.turn();
  }

  @Test
  void message_waitsUntilItIsComplete_othersDoNot_andItsPinholesAreOpenBeforeItPasses() {
    TcpDialogue flow = hiddenClient();
    TcpDialogue other = hiddenClient("192.0.2.11", 40002, 0x77);
    flow.client(LINE.substring(0, 12)).client(LINE.substring(12, 33));
    assertEquals(2, held().size());
    assertEquals(List.of(), bench.backend().open());

    bench.turnWith(
        other.clientSays("one\n", 0),
        flow.clientSays(LINE.substring(33, 40), 0),
        other.clientSays("two\n", 0));

    assertEquals(3, held().size(), "held ones stay, those of other flows pass");
    assertEquals(List.of("one\n", "two\n"), passed());

    bench.turnWith(other.clientSays("three\n", 0), flow.clientSays(LINE.substring(40), 0));

    bench.assertVerdicts();
    List<String> ofFlow = new ArrayList<>(passed());
    ofFlow.removeAll(List.of("one\n", "two\n", "three\n"));
    assertEquals(SEEN, String.join("", ofFlow));
    assertEquals(2, bench.backend().open().size());
    List<List<String>> atVerdicts = bench.openAtVerdicts();
    assertEquals(2, atVerdicts.get(atVerdicts.size() - 1).size());

    flow.server("ok\n").client("later\n");
    assertEquals("later\n", passed().get(passed().size() - 1));
    bench.assertVerdicts();
  }

  @Test
  void serversMessage_behindADestinationTranslation_likewise() {
    TcpDialogue flow =
        new TcpDialogue(
            bench,
            TcpDialogue.CLIENT,
            SERVER,
            TcpDialogue.CLIENT,
            new InetSocketAddress("203.0.113.90", 21),
            0x1234,
            25);
    flow.connection().makeAdjustable();
    flow.connect().server("hello\n").client("hi\n");
    String line = "OFFER <198.51.100.7:30000> " + "x".repeat(700) + "\n";
    flow.server(line.substring(0, 700)).server(line.substring(700));

    bench.assertVerdicts();
    assertEquals(line.replace("198.51.100.7", "203.0.113.90"), String.join("", passed()));
  }

  @Test
  void whatTheServerWasTold_isChangedBack_whileTheClientsMessagesAreChangedToo() {
    TcpDialogue flow = hiddenClient();
    flow.client(LINE);
    String told = "TOLD <203.0.113.9:30000> " + "x".repeat(700) + "\n";
    flow.server(told.substring(0, 700));
    assertEquals(1, held().size());
    flow.server(told.substring(700)).client(LINE);

    bench.assertVerdicts();
    assertEquals(
        SEEN + told.replace("203.0.113.9", "192.0.2.10") + SEEN, String.join("", passed()));
    assertEquals(0, bench.metrics().of("reason rewriteNotAllowed test"));
  }

  @Test
  void messagesThatKeepTheirLength_fromAClientThatSpeaksAlone_allPass() {
    TcpDialogue flow = hiddenClient("192.0.2.10", "192.0.2.99", 40001, 0x1234);
    String line = LINE.replace("\n", " " + "x".repeat(900) + "\n");
    String first = line.substring(0, 12);
    for (int message = 0; message < 20; message++) {
      flow.client(first).client(line.substring(first.length()));
      // pure ACKs come by the queue only for a direction that the kernel was told of
      assertEquals(message + 1, Collections.frequency(bench.backend().transactions(), WATCHED));
      bench.turnWith(flow.serverSays("", 0));
    }

    String seen = line.replace("192.0.2.10", "192.0.2.99");
    assertEquals(seen.repeat(20), String.join("", passed()));
  }

  /** It is shifted by what it was decided for, though the kernel forgets that for the next one. */
  @Test
  void copyInOneBatchWithTheNextMessage_isShiftedAsItWas() {
    TcpDialogue flow = hiddenClient();
    StringBuilder received = flow.receivedByServer();
    byte[] first = flow.clientSays(LINE, 0);
    flow.deliver(first);
    bench.turnWith(first, flow.serverSays("ok\n", 0), flow.clientSays(LINE, 0));

    assertEquals(SEEN + SEEN, received.toString());
    bench.assertVerdicts();
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.99", "203.0.113.99"})
  void messageThatIsCompleteInItsBatch_doesNotOvertakeWhatCameBeforeIt(String seen) {
    TcpDialogue flow = hiddenClient("192.0.2.10", seen, 40001, 0x1234);
    TcpDialogue other = hiddenClient("192.0.2.11", 40002, 0x77);
    other.client(LINE.substring(0, 12));
    bench.turnWith(
        flow.clientSays("before\n", 0),
        flow.clientSays(LINE.substring(0, 12), 0),
        flow.clientSays(LINE.substring(12), 0),
        flow.clientSays("behind\n", 0));

    String line = LINE.replace("192.0.2.10", seen);
    assertEquals("before\n" + line + "behind\n", String.join("", passed()));
    assertEquals(1, held().size(), "of the other flow");
  }

  @Test
  void copyOfAHeldSegment_isDropped() {
    TcpDialogue flow = hiddenClient();
    flow.client(LINE.substring(0, 12)).deliver(flow.clientOutOfTurn(-12, LINE.substring(0, 12), 0));
    assertEquals(1, held().size());
    assertEquals(1, bench.metrics().of("withheld heldAlready"), bench.metrics().words()::toString);
    flow.client(LINE.substring(12));

    bench.assertVerdicts();
    assertEquals(SEEN, String.join("", passed()));
  }

  /** Its sender's own bytes come by the right way. */
  @Test
  void packetThatIsNotRead_passesNeitherIntoAHeldMessage_norBesideARewrittenOne() {
    bench.routes().route("192.0.2.10", CLIENTS);
    TcpDialogue flow = hiddenClient();
    byte[] forged = flow.clientOutOfTurn(12, "x".repeat(LINE.length() - 12), 0);
    byte[] copy = flow.clientOutOfTurn(0, LINE.substring(0, 12), 0);
    byte[] farAhead = flow.clientOutOfTurn(LINE.length() + 100, "x", 0);
    forwarded(flow.clientSays(LINE.substring(0, 12), 0), CLIENTS);
    forwarded(forged, SERVERS);
    forwarded(farAhead, SERVERS);
    assertEquals(1, held().size());
    assertEquals(List.of(), passed());

    forwarded(flow.clientSays(LINE.substring(12), 0), CLIENTS);
    forwarded(forged, SERVERS);
    forwarded(copy, SERVERS);
    assertEquals(SEEN, String.join("", passed()));
    assertEquals(4, bench.metrics().of("withheld misrouted"));

    forwarded(farAhead, SERVERS);
    assertEquals(SEEN + "x", String.join("", passed()), "it harms no message");
    assertEquals(5, bench.metrics().of("misrouted"));
    bench.assertVerdicts();
  }

  private void forwarded(byte[] packet, int in) {
    int out = in == CLIENTS ? SERVERS : CLIENTS;
    bench.queue().deliver(packet, FakeQueueKernel.POSTROUTING, in, out);
    bench.turn();
  }

  @Test
  void timeIsOver_itPassesAsItCame_nothingOpens_andTheNextMessageIsReadAgain() {
    TcpDialogue flow = hiddenClient();
    flow.client(LINE.substring(0, 30));
    at(499);
    assertEquals(1, held().size());
    at(500);
    bench.assertVerdicts();
    flow.client(LINE.substring(30));

    assertEquals(LINE, String.join("", passed()));
    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), bench.rows());
    assertTrue(bench.log().words().contains("refused holdTime"), bench.log().words()::toString);

    flow.client(LINE);
    assertEquals(SEEN, passed().get(passed().size() - 1));
    assertEquals(2, bench.backend().open().size());
  }

  @Test
  void restOfAMessageThatPassed_andAWholeOneBehindIt_inOneSegment_onlyThatOneOpens() {
    TcpDialogue flow = hiddenClient();
    flow.client(LINE.substring(0, 30));
    at(500);
    flow.client(LINE.substring(30) + "OFFER <192.0.2.10:30004>\n");

    assertEquals(LINE + "OFFER <203.0.113.9:30004>\n", String.join("", passed()));
    assertEquals(1, bench.backend().open().size());
  }

  @Test
  void helperThatAnnouncesOfAnUnfinishedMessage_opensNothing() throws NetlinkException {
    bench = WorkerBench.at(new LineProtocol(true), clock);
    bench.queue().allowDrops();
    TcpDialogue flow = hiddenClient();
    flow.client(LINE.substring(0, 40));
    assertEquals(List.of(), bench.backend().open());
    at(500);

    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), bench.rows());
    assertEquals(LINE.substring(0, 40), String.join("", passed()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"LATER", "OWNED"})
  void helperThatAnnouncesOfAnUnfinishedMessage_whatWaitsForAnAnswer_isTakenBack(String word)
      throws NetlinkException {
    bench = WorkerBench.at(new LineProtocol(true), clock);
    bench.queue().allowDrops();
    TcpDialogue flow = hiddenClient();
    String line = word + LINE.substring(5);
    flow.client("LATER <192.0.2.10:30004>\n" + line.substring(0, 40));
    assertEquals(
        List.of(30004),
        bench.rows().stream().map(row -> row.destination().port()).toList(),
        "that of a message that is whole stays");
    assertEquals(0, bench.table().owners().size());
    at(500);
    flow.sayQuit();
    bench.turn();

    assertEquals(List.of(), bench.rows());
  }

  @Test
  void oneClient_holdsItsShareOnly_andAllTogetherAnEighthOfTheQueue() {
    List<TcpDialogue> flows = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      TcpDialogue flow = hiddenClient("192.0.2.10", 41000 + i, 0x100 + i);
      flow.client("a").client("b");
      flows.add(flow);
    }
    assertEquals(10, held().size());
    assertEquals(List.of("a", "b"), passed(), "the sixth flow is one too many");
    assertTrue(bench.log().words().contains("refused holdClient"));

    for (int client = 1; client < 5; client++) {
      for (int i = 0; i < 5; i++) {
        hiddenClient("192.0.2." + (20 + client), 42000 + 10 * client + i, 0x200 + 10 * client + i)
            .client("c")
            .client("d");
      }
    }
    assertEquals(WorkerBench.MOST_HELD_PACKETS, held().size());
    assertTrue(bench.log().words().contains("refused holdQueue"));

    at(500);
    bench.assertVerdicts();
    for (TcpDialogue flow : flows) {
      flow.client("c\n");
    }
    flows.get(0).client("x");
    assertEquals(1, held().size(), "there is room again");
  }

  @Test
  void pinholeRefused_theMessageIsDropped_andPassesAsItCameWhenItComesAgain() {
    TcpDialogue flow = hiddenClient();
    bench.backend().refuse(pinhole -> true);
    flow.client(LINE.substring(0, 20)).client(LINE.substring(20));
    bench.assertVerdicts();
    assertEquals(List.of(), passed());
    bench.backend().refuse(pinhole -> false);
    flow.deliver(flow.clientOutOfTurn(-LINE.length(), LINE, 0));

    assertEquals(List.of(LINE), passed());
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void trace_showsWhatWasHeld_andEachRewrite() {
    TcpDialogue flow = hiddenClient();
    List<TraceLine> lines = new ArrayList<>();
    bench.traces().subscribe(ListingFilter.ALL, 100, lines::add);
    flow.client(LINE.substring(0, 20)).client(LINE.substring(20));

    List<String> texts = lines.stream().map(line -> line.step() + ": " + line.text()).toList();
    assertTrue(texts.contains("verdict: held until the message is complete"), texts::toString);
    assertTrue(
        texts.contains("rewrite: \"<192.0.2.10:30000>\" -> \"<203.0.113.9:30000>\""),
        texts::toString);
    assertTrue(
        texts.contains("rewrite: \"<192.0.2.10:30002>\" -> \"<203.0.113.9:30002>\""),
        texts::toString);
  }

  /** The trace of a packet that is held says what became of it, though no packet is read then. */
  @Test
  void trace_saysThatAMessageWasNotCompleteInTime() {
    TcpDialogue flow = hiddenClient();
    List<String> lines = new ArrayList<>();
    bench
        .traces()
        .subscribe(
            ListingFilter.ALL,
            100,
            line -> lines.add(line.packet() + " " + line.step() + ": " + line.text()));
    flow.client(LINE.substring(0, 12)).client(LINE.substring(12, 20));
    lines.clear();
    clock.ms += 501;
    bench.turn();

    assertEquals(
        List.of(
            "3 received: TCP 203.0.113.9:40001 -> 198.51.100.7:21 ACK seq 2147483636, 12 bytes of"
                + " payload",
            "3 session: held until now, its message is not complete",
            "3 reason: refused holdTime: a message that had to be rewritten as a whole was not"
                + " complete within 500 ms; a segment of it was lost, or its sender writes it in"
                + " pieces",
            "3 verdict: accept, as it came, with all that was held behind it"),
        lines);
    flow.client(LINE.substring(20));
    assertEquals(
        List.of("holdTime", "rewriteGivenUp", "rewriteGivenUp"),
        bench.events().history().refused().stream().map(PastExpectation::reason).toList());
  }

  /** The reset has the number that the receiver expects, of which nothing came that waited. */
  @Test
  void childThatIsCut_nothingPassesThatWaits() {
    InetSocketAddress client = new InetSocketAddress("192.0.2.10", 40001);
    InetSocketAddress outside = new InetSocketAddress("203.0.113.9", 40001);
    int mark = 25 | WorkerBench.MARKS.child() | WorkerBench.MARKS.read();
    TcpDialogue child = new TcpDialogue(bench, client, SERVER, outside, SERVER, 0x55, mark);
    child.connection().makeAdjustable();
    FlowFacts.Announcement announcement = new FlowFacts.Announcement(null, "contact", "");
    bench
        .table()
        .living()
        .handedOver(new ReadChild(child.connection().identity(), "test", 1, announcement));
    child.connect().server("hello\n").client("hi\n");
    byte[] first = child.clientSays("CUT <192.0", 0);
    child.deliver(first);
    assertEquals(1, held().size());
    child.client(".2.10:30000>\n");

    assertEquals(List.of(), held());
    assertEquals(List.of(), passed());
    List<byte[]> all = bench.queue().passed();
    PacketView reset = new PacketView();
    byte[] last = all.get(all.size() - 1);
    assertNull(reset.wrap(ByteBuffer.wrap(last), 0, last.length));
    assertTrue(reset.has(PacketView.RST));
    PacketView came = new PacketView();
    assertNull(came.wrap(ByteBuffer.wrap(first), 0, first.length));
    assertEquals(came.sequence(), reset.sequence());
    assertEquals(2, bench.metrics().of("withheld cut"));
  }

  @Nested
  class Released {
    private TcpDialogue holding() {
      TcpDialogue flow = hiddenClient();
      flow.client(LINE.substring(0, 12)).client(LINE.substring(12, 20));
      assertEquals(2, held().size());
      return flow;
    }

    private void assertReleased(String text) {
      bench.assertVerdicts();
      assertEquals(text, String.join("", passed()));
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void byAReset() {
      TcpDialogue flow = holding();
      flow.deliver(flow.clientSays("", PacketView.RST));
      assertReleased(LINE.substring(0, 20));
    }

    @Test
    void byAResetOfTheOtherSide() {
      TcpDialogue flow = holding();
      flow.deliver(flow.serverSays("", PacketView.RST));
      assertReleased(LINE.substring(0, 20));
    }

    @Test
    void byAnEndOfReading() {
      holding().server("STOP\n");
      assertReleased(LINE.substring(0, 20) + "STOP\n");
    }

    @Test
    void byAFaultOfTheHelper() {
      holding().server("BOOM\n");
      assertReleased(LINE.substring(0, 20) + "BOOM\n");
    }

    @Test
    void byAnOperatorWhoClearsTheFlow() {
      TcpDialogue flow = holding();
      bench.end(flow.connection(), AgentEvent.Kind.CLEARED);
      bench.turn();
      assertReleased(LINE.substring(0, 20));
    }

    @Test
    void byTheEndOfItsHelper() {
      holding();
      bench.worker().setHelpers(bench.helpers());
      bench.worker().flows().endWithoutHelper(bench.worker().flows().all(), bench.helpers());
      bench.turn();
      assertReleased(LINE.substring(0, 20));
    }

    @Test
    void byTheEndOfTheAgent() {
      holding();
      bench.worker().releaseHeld();
      assertReleased(LINE.substring(0, 20));
    }

    @Test
    void finOfBothSides_waitsForTheMessage() {
      TcpDialogue flow = holding();
      flow.deliver(flow.clientSays("", PacketView.FIN))
          .deliver(flow.serverSays("", PacketView.FIN));
      assertEquals(3, held().size());
      at(500);
      assertReleased(LINE.substring(0, 20));
    }

    @Test
    void verdictsThatTheKernelDoesNotTake_areGivenByTheNextTurn() {
      holding();
      bench.queue().failSends(1);
      at(500);
      assertEquals(2, held().size());
      bench.turn();
      assertReleased(LINE.substring(0, 20));
    }
  }
}
