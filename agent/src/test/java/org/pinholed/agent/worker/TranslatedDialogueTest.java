package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.HelperLimits;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.SequenceAdjustment;
import org.pinholed.kernel.netlink.NetlinkException;

/** FTP through address translation: what passes, and why an announcement is not rewritten. */
class TranslatedDialogueTest {
  private static final InetSocketAddress OUTSIDE = new InetSocketAddress("203.0.113.9", 40001);
  private static final InetSocketAddress HIDDEN_SERVER = new InetSocketAddress("203.0.113.9", 21);
  private static final InetSocketAddress CLIENT = TcpDialogue.CLIENT;
  private static final String PORT = "PORT 192,0,2,10,117,48\r\n";
  private static final String PORT_SEEN = "PORT 203,0,113,9,117,48\r\n";
  private static final String PIN = "ONCE TCP 198.51.100.7 > 203.0.113.9:";

  private final WorkerBench bench;

  TranslatedDialogueTest() throws NetlinkException {
    bench = new WorkerBench();
    bench.queue().allowDrops();
  }

  /** A client behind a source translation, logged in. */
  private TcpDialogue hiddenClient() {
    return hiddenClient("192.0.2.10", OUTSIDE, 0x1234);
  }

  private TcpDialogue hiddenClient(String address, InetSocketAddress outside, int id) {
    InetSocketAddress client = new InetSocketAddress(address, 40001);
    InetSocketAddress server = TcpDialogue.SERVER;
    return login(new TcpDialogue(bench, client, server, outside, server, id, 25));
  }

  /** The same with an address that is longer than the server's own. */
  private TcpDialogue hiddenServerWithLongAddress() {
    return login(unknown(CLIENT, new InetSocketAddress("203.0.113.109", 21)));
  }

  /** A server behind a destination translation, the client logged in. */
  private TcpDialogue hiddenServer() {
    return login(unknown(CLIENT, HIDDEN_SERVER));
  }

  /** A connection that does not even begin yet, with the addresses that the other side sees. */
  private TcpDialogue unknown(InetSocketAddress clientSeen, InetSocketAddress serverSeen) {
    return new TcpDialogue(bench, CLIENT, TcpDialogue.SERVER, clientSeen, serverSeen, 0x1234, 25);
  }

  private static TcpDialogue login(TcpDialogue dialogue) {
    dialogue.connection().makeAdjustable();
    return dialogue.login();
  }

  /** As {@link #login}, but synproxy has given the server other sequence numbers. */
  private static TcpDialogue loginBehindSynproxy(TcpDialogue dialogue, int offset) {
    dialogue.connect().connection().shift(true, offset);
    return dialogue.login();
  }

  /** The payloads of all packets that passed. */
  private List<String> passed() {
    return bench.queue().passed().stream().map(TranslatedDialogueTest::payload).toList();
  }

  /** The payload of the packet that passed last. */
  private String lastPassed() {
    List<String> passed = passed();
    return passed.get(passed.size() - 1);
  }

  private static String payload(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return new String(
        packet, view.payloadOffset(), view.payloadLengthBytes(), StandardCharsets.ISO_8859_1);
  }

  /** What the log says of refusals and ends. */
  private List<String> reasons() {
    return bench.log().words().stream()
        .filter(word -> word.startsWith("refused") || word.startsWith("opaque"))
        .toList();
  }

  private int withheld(String cause) {
    return bench.metrics().of("withheld " + cause);
  }

  private static FlowTuple tuple(String source, int sourcePort, String destination, int port) {
    return new FlowTuple(
        6,
        new InetSocketAddress(source, 0).getAddress(),
        sourcePort,
        new InetSocketAddress(destination, 0).getAddress(),
        port);
  }

  private void assertRefused(String reason) {
    assertEquals(List.of("refused " + reason), bench.log().words());
    assertEquals(1, bench.metrics().of("reason " + reason + " ftp"));
    assertEquals(List.of(), bench.backend().open());
    bench.assertVerdicts();
  }

  /** The one before was killed right after it had told the kernel of a change. */
  @Nested
  class AfterAnotherAgent {
    private static final int CHANGE = 0x7ffffff1;
    private static final String REST = "192,0,2,10,156,64\r\n";

    private final TcpDialogue dialogue =
        new TcpDialogue(
                bench,
                new InetSocketAddress("192.0.2.10", 40001),
                TcpDialogue.SERVER,
                OUTSIDE,
                TcpDialogue.SERVER,
                0x1234,
                25 | WorkerBench.MARKS.vetted() | WorkerBench.MARKS.proven())
            .connectUnseen();

    private void sendRest() {
      dialogue.connection().setAdjustment(false, new SequenceAdjustment(CHANGE, 0, 2));
      byte[] rest = dialogue.clientSays(REST, PacketView.FIN);
      dialogue.deliver(rest);
      PacketView question = new PacketView();
      byte[] passed = bench.queue().passed().get(0);
      assertNull(question.wrap(ByteBuffer.wrap(passed), 0, passed.length));
      assertEquals(0, question.payloadLengthBytes());
      assertEquals(CHANGE - 1, question.sequence());
      assertFalse(question.has(PacketView.FIN));
      assertEquals(1, bench.metrics().of("withheld changedByAnEarlierAgent"));
    }

    @Test
    void theReceiverHasNothingOfTheChange_itIsTakenBack_andTheRestPasses() {
      sendRest();
      dialogue.deliver(dialogue.serverAcknowledging(-REST.length() - 1, ""));
      dialogue.deliver(dialogue.clientOutOfTurn(-REST.length() - 1, REST, PacketView.FIN));

      assertEquals(REST, lastPassed());
      assertEquals(new SequenceAdjustment(CHANGE, 0, 0), dialogue.connection().adjustment(false));
      bench.assertVerdicts();
    }

    @Test
    void theReceiverHasIt_theSenderGoesOn() {
      dialogue.connection().setAdjustment(false, new SequenceAdjustment(CHANGE, 0, 2));
      dialogue.client(REST);
      dialogue.deliver(dialogue.serverAcknowledging(2, "")).client("NOOP\r\n");

      assertEquals(List.of("", "", "NOOP\r\n"), passed());
      assertEquals(new SequenceAdjustment(CHANGE, 0, 2), dialogue.connection().adjustment(false));
      bench.assertVerdicts();
    }
  }

  /** As manuals tell servers and clients behind translation to do. */
  @Nested
  class NamesItsPublicAddress {
    private String child() {
      var to = bench.rows().get(0).translatedDestination();
      return to == null ? "" : to.address() + ":" + to.port();
    }

    @Test
    void aServer_opensAndItsTextStays() {
      String reply = "227 Entering Passive Mode (203,0,113,9,117,48).\r\n";
      TcpDialogue dialogue = hiddenServer().client("PASV\r\n").server(reply);

      assertEquals(reply, lastPassed());
      assertEquals(1, bench.backend().open().size());
      assertEquals("198.51.100.7:30000", child());
      assertEquals(0, dialogue.connection().adjustment(true).offsetAfter());
      bench.assertVerdicts();
    }

    @Test
    void aServer_whoseNumbersCannotBeShifted_opensAllTheSame() {
      TcpDialogue dialogue =
          new TcpDialogue(
              bench,
              TcpDialogue.CLIENT,
              TcpDialogue.SERVER,
              TcpDialogue.CLIENT,
              new InetSocketAddress("203.0.113.9", 21),
              0x1234,
              25);
      dialogue.login().client("PASV\r\n").server("227 =203,0,113,9,117,48\r\n");
      assertEquals(1, bench.backend().open().size());
    }

    @Test
    void aServerThatNamesAnyOther_opensItsOwnPort_andItIsCounted() {
      String reply = "227 Entering Passive Mode (0,0,0,0,117,48).\r\n";
      hiddenServer().client("PASV\r\n").server(reply);

      assertEquals(reply, lastPassed());
      assertEquals(1, bench.backend().open().size());
      assertEquals("198.51.100.7:30000", child());
      assertEquals(1, bench.metrics().of("reason serverAddressIgnored ftp"));
    }

    @Test
    void aClient_opensAndItsTextStays() {
      String seen = PORT_SEEN;
      TcpDialogue dialogue = hiddenClient();
      dialogue.client(seen);

      assertEquals(seen, lastPassed());
      assertEquals(List.of(PIN + 30000), bench.backend().open());
      assertEquals(0, dialogue.connection().adjustment(false).offsetAfter());
      bench.assertVerdicts();
    }
  }

  @Nested
  class Rewrites {
    @Test
    void anAnnouncement_andTellsTheKernelBefore() {
      TcpDialogue dialogue = hiddenClient().client(PORT).server("200 ok\r\n");

      assertEquals(List.of(PIN + 30000), bench.backend().open());
      SequenceAdjustment told = dialogue.connection().adjustment(false);
      assertEquals(0, told.offsetBefore());
      assertEquals(PORT_SEEN.length() - PORT.length(), told.offsetAfter());
      bench.assertVerdicts();
    }

    @Test
    void whatComesAgain_inTheSameWay() {
      TcpDialogue dialogue = hiddenClient();
      byte[] packet = dialogue.clientSays(PORT, 0);
      for (int times = 0; times < 3; times++) {
        dialogue.deliver(packet);
        assertEquals(PORT_SEEN, lastPassed());
      }
      assertEquals(1, dialogue.connection().adjustment(false).offsetAfter());
    }

    @Test
    void whatComesAgainBehindTheFin_untilItIsAcknowledged() {
      TcpDialogue dialogue = hiddenClient();
      byte[] packet = dialogue.clientSays(PORT, 0);
      dialogue.deliver(packet).deliver(dialogue.clientSays("", PacketView.FIN));
      assertEquals(1, bench.rows().size(), "the other side may still connect");
      dialogue.connection().setTcpState(FakeConntrackKernel.FIN_WAIT);
      dialogue.deliver(packet);
      assertEquals(PORT_SEEN, lastPassed());

      dialogue.deliver(dialogue.serverSays("200 ok\r\n", PacketView.FIN));
      assertEquals(List.of(), bench.worker().flows().listing().sessions(ListingFilter.ALL));
      assertEquals(List.of(), bench.backend().open());
      bench.assertVerdicts();
    }

    @Test
    void whatComesAgainWhenNothingIsReadAnyMore_untilItIsAcknowledged() {
      int opaque = WorkerBench.MARKS.opaque();
      TcpDialogue dialogue = hiddenClient();
      byte[] packet = dialogue.clientSays(PORT, 0);
      dialogue.deliver(packet).client("\u0016\u0003\u0001 hello");
      assertEquals(List.of("created PORT", "opaque tlsHello"), bench.log().words());
      dialogue.deliver(packet);
      assertEquals(PORT_SEEN, lastPassed());
      assertEquals(0, dialogue.connection().mark() & opaque, "it is still queued");

      dialogue.server("200 ok\r\n");
      assertEquals(opaque, dialogue.connection().mark() & opaque);
      assertEquals("200 ok\r\n", lastPassed());
      bench.assertVerdicts();
    }

    @Test
    void aLineInPieces_onceItComesWhole() {
      TcpDialogue dialogue = hiddenClient();
      int before = bench.queue().passed().size();
      byte[] first = dialogue.clientSays(PORT.substring(0, 9), 0);
      byte[] whole = dialogue.clientOutOfTurn(-9, PORT, 0);
      dialogue.deliver(first).deliver(dialogue.clientSays(PORT.substring(9), 0));
      assertEquals(before, bench.queue().passed().size());
      dialogue.deliver(whole);

      assertEquals(PORT_SEEN, lastPassed());
      assertEquals(1, withheld("incomplete"));
      assertEquals(1, withheld("early"));
      bench.assertVerdicts();
    }

    @Test
    void aSecondLine_onceTheFirstIsAcknowledged() {
      TcpDialogue dialogue = hiddenClient().client(PORT);
      byte[] second = dialogue.clientSays(PORT, 0);
      dialogue.deliver(second);
      assertEquals(1, withheld("unacknowledged"));

      dialogue.server("200 ok\r\n").deliver(second);
      assertEquals(PORT_SEEN, lastPassed());
      assertEquals(2, dialogue.connection().adjustment(false).offsetAfter());
    }

    /**
     * The kernel shifts what it lets pass as it was told last, and of two changes it knows the
     * offset before the last one only.
     */
    @Test
    void aSecondLine_inOneBatchWithACopyOfTheFirst_theCopyIsShiftedAsItWas() {
      TcpDialogue dialogue = hiddenClient();
      StringBuilder received = dialogue.receivedByServer();
      byte[] first = dialogue.clientSays(PORT, 0);
      dialogue.deliver(first);
      bench.turnWith(first, dialogue.serverSays("200 ok\r\n", 0), dialogue.clientSays(PORT, 0));

      assertEquals(PORT_SEEN + PORT_SEEN, received.toString());
      assertEquals(2, dialogue.connection().adjustment(false).offsetAfter());
      bench.assertVerdicts();
    }

    @Test
    void aSecondLine_whileTheKernelTakesNoVerdicts_waitsForThem() {
      TcpDialogue dialogue = hiddenClient();
      StringBuilder received = dialogue.receivedByServer();
      byte[] first = dialogue.clientSays(PORT, 0);
      dialogue.deliver(first);
      byte[] second = dialogue.serverSays("200 ok\r\n", 0);
      byte[] third = dialogue.clientSays(PORT, 0);
      bench.queue().failSends(1);
      bench.turnWith(first, second, third);

      assertEquals(PORT_SEEN, received.toString());
      assertEquals(1, withheld("rewriteFailed"));
      assertEquals(1, dialogue.connection().adjustment(false).offsetAfter());

      dialogue.deliver(third);
      assertEquals(PORT_SEEN + PORT_SEEN, received.toString());
      bench.assertVerdicts();
    }

    @Test
    void aSecondLine_onceTheFirstIsAcknowledgedWithoutAWord_howeverLongThatTakes() {
      TcpDialogue dialogue = hiddenClient().client(PORT);
      byte[] acknowledgement = dialogue.serverSays("", 0);
      byte[] second = dialogue.clientSays(PORT, 0);
      for (int times = 0; times < 20; times++) {
        dialogue.deliver(second);
        assertEquals("PORT ", lastPassed(), "what stands before the address");
      }
      dialogue.deliver(acknowledgement).deliver(second);
      assertEquals(PORT_SEEN, lastPassed());
      assertEquals(20, withheld("unacknowledged"));
      assertEquals(List.of(), reasons());
      bench.assertVerdicts();
    }

    @Test
    void aFullSizeSegment_isCutByAsMuchAsItGrows_andTheRestFollows() {
      TcpDialogue dialogue = hiddenServerWithLongAddress().client("PASV\r\n");
      String filler = "200 " + "x".repeat(1448 - 6 - dialogue.reply227(30000).length()) + "\r\n";
      byte[] packet = dialogue.serverSays(dialogue.reply227(30000) + filler, 0);
      dialogue.deliver(packet);
      String seen = "227 Entering Passive Mode (203,0,113,109,117,48).\r\n";
      assertEquals(seen + filler.substring(0, 1448 - seen.length()), lastPassed());
      assertEquals(1, withheld("tooLong"));
      dialogue.deliver(packet);
      assertEquals(seen + filler.substring(0, 1448 - seen.length()), lastPassed());
      bench.assertVerdicts();
    }

    @Test
    void anAnnouncementAtTheEndOfAFullSizeSegment_lessItsLastByte_whichComesAgain() {
      TcpDialogue dialogue = hiddenServerWithLongAddress().client("NOOP\r\nPASV\r\n");
      String answer = dialogue.reply227(30000);
      String filler = "200 " + "x".repeat(1448 - 6 - answer.length()) + "\r\n";
      dialogue.server(filler + answer);
      String seen = "227 Entering Passive Mode (203,0,113,109,117,48).\r";
      assertEquals(filler + seen, lastPassed());
      assertEquals(1, withheld("tooLong"));
      dialogue.deliver(dialogue.serverOutOfTurn(-1, "\n"));
      assertEquals("\n", lastPassed());
      assertEquals(List.of(), reasons());
      bench.assertVerdicts();
    }

    @Test
    void aSmallSegment_mayGrow() {
      TcpDialogue dialogue = hiddenServerWithLongAddress().client("PASV\r\n");
      String answer = dialogue.reply227(30000);
      String filler = "200 " + "x".repeat(400) + "\r\n";
      dialogue.server(answer + filler);
      assertEquals("227 Entering Passive Mode (203,0,113,109,117,48).\r\n" + filler, lastPassed());
      assertEquals(0, withheld("tooLong"));
    }

    @Test
    void whatIsPlanned_alsoWhenNothingIsReadAnyMore() {
      TcpDialogue dialogue = hiddenClient().client(PORT);
      byte[] acknowledgement = dialogue.serverSays("", 0);
      byte[] second = dialogue.clientSays(PORT + "AUTH TLS\r\n", 0);
      dialogue.deliver(second); // waits for the acknowledgement
      dialogue.deliver(dialogue.serverOutOfTurn(0, "\u0016\u0003\u0001 hello"));
      assertEquals(1, bench.worker().flows().unread(), "nothing is read any more");
      assertEquals(0, dialogue.connection().mark() & WorkerBench.MARKS.opaque());
      dialogue.deliver(acknowledgement).deliver(second);
      assertEquals(PORT_SEEN + "AUTH TLS\r\n", lastPassed());
    }

    @Test
    void theNoteThatAcknowledgementsAreToBeSeen_isInTheTransactionOfThePinhole() {
      TcpDialogue dialogue = hiddenServer();
      bench.backend().transactions();
      dialogue.passive(30000);
      assertEquals(List.of("open 1, close 0", "hold 4660 reply"), bench.backend().transactions());
    }
  }

  /** The kernel shifts the server's sequence numbers already, by any 32 bits. */
  @Nested
  class BehindSynproxy {
    @ParameterizedTest
    @ValueSource(ints = {77_000, -77_000, 0x7fff_0000, -0x7fff_0000})
    void aServersAnnouncement_isRewrittenOnTopOfIt(int offset) {
      TcpDialogue dialogue = loginBehindSynproxy(unknown(CLIENT, HIDDEN_SERVER), offset);
      dialogue.passive(30000).client("NOOP\r\n").server("200 ok\r\n");
      String seen = "227 Entering Passive Mode (203,0,113,9,117,48).\r\n";
      assertTrue(passed().contains(seen), () -> passed().toString());
      assertEquals(new SequenceAdjustment(0, 0, 0), dialogue.connection().adjustment(false));
      SequenceAdjustment told = dialogue.connection().adjustment(true);
      assertEquals(offset, told.offsetBefore());
      assertEquals(offset + seen.length() - dialogue.reply227(30000).length(), told.offsetAfter());

      dialogue.passive(30001); // acknowledged in the numbers that all of this makes
      assertEquals("227 Entering Passive Mode (203,0,113,9,117,49).\r\n", lastPassed());
      assertEquals(0, withheld("unacknowledged"));
      assertEquals(List.of(), reasons());
      bench.assertVerdicts();
    }

    @ParameterizedTest
    @ValueSource(ints = {77_000, -77_000, 0x7fff_0000, -0x7fff_0000})
    void aClientsAnnouncement_isRewritten_andItStays(int offset) {
      TcpDialogue dialogue = loginBehindSynproxy(unknown(OUTSIDE, TcpDialogue.SERVER), offset);
      dialogue.client(PORT);
      assertEquals(PORT_SEEN, lastPassed());
      dialogue.server("200 ok\r\n").client(PORT);
      assertEquals(PORT_SEEN, lastPassed());
      assertEquals(2, dialogue.connection().adjustment(false).offsetAfter());
      assertEquals(offset, dialogue.connection().adjustment(true).offsetAfter());
      assertEquals(List.of(), reasons());
      bench.assertVerdicts();
    }

    @ParameterizedTest
    @ValueSource(ints = {77_000, -77_000, 0x7fff_0000, -0x7fff_0000})
    void aConnectionThatIsNotTranslated_isRead_andItsNumbersAreAskedForOnce(int offset) {
      TcpDialogue dialogue =
          loginBehindSynproxy(unknown(CLIENT, TcpDialogue.SERVER), offset).passive(30000);
      int gets = bench.conntrack().gets();
      dialogue.client("NOOP\r\n").server("200 ok\r\n").passive(30001);
      assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30001"), bench.backend().open());
      assertEquals(gets, bench.conntrack().gets());
      assertEquals(List.of(), reasons());
      bench.assertVerdicts();
    }
  }

  @Test
  void theObjectThatGivesTheExtension_isNoHelper_thoughTheKernelNamesOne() {
    TcpDialogue dialogue = unknown(OUTSIDE, TcpDialogue.SERVER);
    dialogue.connection().setHelper("nft_ct_expect");
    login(dialogue).client(PORT);
    assertEquals(PORT_SEEN, lastPassed());
    assertEquals(List.of(), reasons());
  }

  @Nested
  class ChoosesAPort {
    /** The server's data connection, from its usual port. */
    private void living(int port, String inside, int insidePort) {
      bench
          .conntrack()
          .add(
              new Connection(
                  0xc41d,
                  tuple("198.51.100.7", 20, "203.0.113.9", port),
                  tuple(inside, insidePort, "198.51.100.7", 20),
                  25,
                  FakeConntrackKernel.ESTABLISHED));
    }

    private void assertAnnounced(int port) {
      hiddenClient().client(PORT);
      assertEquals("PORT 203,0,113,9,117," + (port - 117 * 256) + "\r\n", lastPassed());
      bench.assertVerdicts();
    }

    @Test
    void theAnnouncedOne_ifThatIsFree() {
      living(29999, "192.0.2.77", 29999);
      assertAnnounced(29952 + 48);
    }

    @Test
    void notThatOfALivingChildOfAnotherClient() {
      living(30000, "192.0.2.77", 30000);
      living(30001, "192.0.2.78", 30000);
      assertAnnounced(30002);
    }

    @Test
    void thatOfALivingChildOfTheSameEndpoint_forTheServerToDecide() {
      living(30000, "192.0.2.10", 30000);
      assertAnnounced(30000);
    }

    @Test
    void theOneByWhichTheSameEndpointWasReached_thoughTheAnnouncedOneIsFree() {
      living(30007, "192.0.2.10", 30000);
      assertAnnounced(30007);
    }
  }

  @Nested
  class SegmentsOfAServerBeforeTheirTurn {
    @Test
    void pass_soThatTheClientTellsWhatItMisses() {
      TcpDialogue dialogue = hiddenServer().client("RETR file\r\n");
      byte[] lost = dialogue.serverSays("150 here it comes\r\n", 0);
      dialogue.server("226 done\r\n");
      assertEquals("226 done\r\n", lastPassed());
      dialogue.deliver(lost);
      assertEquals("150 here it comes\r\n", lastPassed());

      dialogue.passive(30000);
      assertEquals("227 Entering Passive Mode (203,0,113,9,117,48).\r\n", lastPassed());
      assertEquals(0, withheld("early"));
      bench.assertVerdicts();
    }

    @Test
    void wait_whileThePassiveAnswerMayBeWhatMisses() {
      TcpDialogue dialogue = hiddenServer().client("PASV\r\n");
      byte[] lost = dialogue.serverSays(dialogue.reply227(30000), 0);
      byte[] ahead = dialogue.serverSays("200 more\r\n", 0);
      dialogue.deliver(ahead);
      assertEquals(1, withheld("early"));
      dialogue.deliver(lost);
      assertEquals("227 Entering Passive Mode (203,0,113,9,117,48).\r\n", lastPassed());
      dialogue.deliver(ahead);
      assertEquals("200 more\r\n", lastPassed());
      bench.assertVerdicts();
    }

    @Test
    void wait_whereTheyCannotBeKept_soThatTheyComeAgainAndAreRead() {
      TcpDialogue dialogue = hiddenServer().client("HELP\r\n");
      dialogue.serverSays("214-\r\n", 0);
      int most = HelperLimits.DEFAULT.earlySegments();
      for (int i = 0; i < most + 3; i++) {
        // With gaps in between: what touches is kept as one.
        dialogue.serverSays("text\r\n", 0);
        dialogue.server("text\r\n");
      }
      assertEquals(3, withheld("early"));
      assertEquals(List.of(), bench.log().words());
      bench.assertVerdicts();
    }

    @Test
    void pass_whenTheFlowIsNotReadAnyMore() {
      TcpDialogue dialogue = hiddenServer().client("AUTH TLS\r\n");
      byte[] lost = dialogue.serverSays("234 go on\r\n", 0);
      dialogue.deliver(lost);
      dialogue.serverSays("lost", 0);
      dialogue.server("encrypted");

      assertEquals("encrypted", lastPassed());
      bench.assertVerdicts();
    }
  }

  @Nested
  class Refuses {
    @Test
    void noFreePort_afterAsManyAsAreTried() {
      for (int i = 0; i < 128; i++) {
        String address = "192.0.2." + (10 + i);
        TcpDialogue dialogue =
            hiddenClient(address, new InetSocketAddress("203.0.113.9", 40001 + i), 1 + i);
        dialogue.client("PORT " + address.replace('.', ',') + ",117,48\r\n").server("200 ok\r\n");
      }
      assertEquals(128, bench.backend().open().size());
      assertTrue(bench.backend().open().contains(PIN + 30127));
      bench.log().clear();

      String line = "PORT 192,0,2,200,117,48\r\n";
      hiddenClient("192.0.2.200", new InetSocketAddress("203.0.113.9", 39999), 500).client(line);
      assertEquals(line, lastPassed());
      assertEquals(List.of("refused noFreePort"), bench.log().words());
      assertEquals(1, bench.metrics().of("reason noFreePort ftp"));
      assertEquals(128, bench.backend().open().size());
      bench.assertVerdicts();
    }

    /** The kernel translates the same connection to another address from now on. */
    private void translateAnew(TcpDialogue dialogue) {
      Connection changed =
          new Connection(
              dialogue.connection().id(),
              tuple("192.0.2.10", 40001, "198.51.100.7", 21),
              tuple("198.51.100.7", 21, "203.0.113.77", 40001),
              dialogue.connection().mark(),
              FakeConntrackKernel.ESTABLISHED);
      changed.makeAdjustable();
      bench.conntrack().add(changed);
    }

    @Test
    void translationChanged_beforeTheFirstRewrite() {
      TcpDialogue dialogue = hiddenClient();
      translateAnew(dialogue);
      dialogue.client(PORT);

      assertEquals(PORT, lastPassed());
      assertRefused("translationChanged");
    }

    @Test
    void translationChanged_betweenTwoRewrites() {
      TcpDialogue dialogue = hiddenClient().client(PORT).server("200 ok\r\n");
      assertEquals(List.of(PIN + 30000), bench.backend().open());
      bench.log().clear();
      translateAnew(dialogue);
      dialogue.client("EPRT |1|192.0.2.10|30001|\r\n");

      assertEquals("EPRT |1|192.0.2.10|30001|\r\n", lastPassed());
      assertEquals(List.of("refused translationChanged"), bench.log().words());
    }

    @Test
    void translationChanged_whenTheEntryIsGone() {
      TcpDialogue dialogue = hiddenClient();
      bench.conntrack().remove(dialogue.connection());
      dialogue.client(PORT);

      assertRefused("translationChanged");
    }

    @Test
    void rewriteGivenUp_whenItsSenderNeverSendsItInOnePiece() {
      TcpDialogue dialogue = hiddenClient().client(PORT).server("200 ok\r\n");
      bench.log().clear();
      byte[] first = dialogue.clientSays("PORT 192,0,", 0);
      byte[] rest = dialogue.clientSays("2,10,117,49\r\n", 0);
      dialogue.deliver(first).deliver(rest); // read in the middle, and dropped
      for (int cuts = 0; cuts < 6; cuts++) {
        dialogue.deliver(first);
        assertEquals("PORT ", lastPassed(), "what stands before the address");
      }
      assertEquals(6, withheld("partOfAnEdit"));
      dialogue.deliver(first).deliver(rest);

      assertEquals("2,10,117,49\r\n", lastPassed());
      assertEquals(List.of("refused rewriteGivenUp"), reasons());
      dialogue.server("200 ok\r\n200 ok\r\n");
      assertEquals(List.of(), bench.backend().open(), "nobody was told of that port");
      assertEquals(List.of(), bench.rows());
      bench.assertVerdicts();
    }

    /** The same packet with a source route, which was made with the checksum of another one. */
    private byte[] withSourceRoute(byte[] packet) {
      byte[] option = {(byte) 0x83, 7, 4, (byte) 198, 51, 100, 7, 0};
      ByteBuffer longer = ByteBuffer.allocate(packet.length + option.length);
      longer.put(packet, 0, 20).put(option).put(packet, 20, packet.length - 20);
      longer.put(0, (byte) 0x47).putShort(2, (short) longer.capacity());
      return longer.array();
    }

    @Test
    void unalterablePacket_whichPassesAsItCame() {
      TcpDialogue dialogue = hiddenClient();
      dialogue.deliver(withSourceRoute(dialogue.clientSays(PORT, 0)));

      assertEquals(PORT, lastPassed());
      assertRefused("unalterablePacket");
    }

    @Test
    void unalterablePacket_thatRepeatsWhatWasRewritten_isDropped() {
      TcpDialogue dialogue = hiddenClient();
      byte[] packet = dialogue.clientSays(PORT, 0);
      dialogue.deliver(packet);
      int passed = passed().size();
      dialogue.deliver(withSourceRoute(packet));
      assertEquals(passed, passed().size());
      assertEquals(1, withheld("unalterable"));
      bench.assertVerdicts();
    }

    @Test
    void splitAnnouncement_whenItsSenderInsistsOnThePieces() {
      TcpDialogue dialogue = hiddenClient();
      byte[] first = dialogue.clientSays(PORT.substring(0, 9), 0);
      dialogue.deliver(first).deliver(first);
      assertEquals(PORT.substring(0, 9), lastPassed());
      dialogue.client(PORT.substring(9));

      assertEquals(PORT.substring(9), lastPassed());
      assertRefused("splitAnnouncement");
    }

    @Test
    void noSequenceAdjustment_whereTheConnectionCannotHaveIt() {
      TcpDialogue dialogue =
          new TcpDialogue(
              bench,
              TcpDialogue.CLIENT,
              TcpDialogue.SERVER,
              OUTSIDE,
              TcpDialogue.SERVER,
              0x1234,
              25);
      dialogue.login().client(PORT);

      assertEquals(PORT, lastPassed());
      assertRefused("noSequenceAdjustment");
    }

    @Test
    void backendRefused_dropsOnceAndThenPassesAsItCame() {
      bench.backend().refuse(pinhole -> true);
      TcpDialogue dialogue = hiddenServer().client("PASV\r\n");
      byte[] answer = dialogue.serverSays(dialogue.reply227(30000), 0);
      dialogue.deliver(answer);
      assertEquals("PASV\r\n", lastPassed());
      assertEquals(1, withheld("backendRefused"));
      dialogue.deliver(answer);

      assertEquals(dialogue.reply227(30000), lastPassed());
      assertEquals(List.of("backendError errno28", "refused backendRefused"), bench.log().words());
      bench.assertVerdicts();
    }

    @Test
    void kernelHelper_thatIsAssignedInTheMiddle() {
      TcpDialogue dialogue = hiddenClient();
      dialogue.connection().setHelper("ftp-in-user-space");
      dialogue.client(PORT);

      assertEquals(PORT, lastPassed());
      assertEquals(List.of("opaque kernelHelper"), bench.log().words());
      assertEquals(SequenceAdjustment.NONE, dialogue.connection().adjustment(false));
      bench.assertVerdicts();
    }

    @Test
    void kernelHelper_readsNothingAndChangesNothing() {
      TcpDialogue dialogue =
          new TcpDialogue(
              bench,
              TcpDialogue.CLIENT,
              TcpDialogue.SERVER,
              OUTSIDE,
              TcpDialogue.SERVER,
              0x1234,
              25);
      dialogue.connection().setHelper("ftp");
      login(dialogue).client(PORT);

      assertEquals(PORT, lastPassed());
      assertEquals(List.of("opaque kernelHelper"), bench.log().words());
      assertEquals(1, bench.metrics().of("reason kernelHelper ftp"));
      assertEquals(SequenceAdjustment.NONE, dialogue.connection().adjustment(false));
      bench.assertVerdicts();
    }
  }
}
