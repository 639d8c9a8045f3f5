package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.ScriptedBackend;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;

class QueueWorkerTest {
  private static final int VETTED = WorkerBench.MARKS.vetted();
  private static final int PROVEN = VETTED | WorkerBench.MARKS.proven();
  private static final int OPAQUE = WorkerBench.MARKS.opaque();
  private static final Duration THIRTY_SECONDS = Duration.ofSeconds(30);

  private final WorkerBench bench;

  QueueWorkerTest() throws NetlinkException {
    bench = new WorkerBench();
  }

  private static String pinhole(int port) {
    return "ONCE TCP 192.0.2.10 > 198.51.100.7:" + port;
  }

  private static List<SessionRow> sessions(WorkerBench bench) {
    return bench.worker().flows().listing().sessions(ListingFilter.ALL);
  }

  private SessionRow session() {
    List<SessionRow> rows = sessions(bench);
    assertEquals(1, rows.size(), rows.toString());
    return rows.get(0);
  }

  private TcpDialogue from(String client, int id) {
    return new TcpDialogue(bench, new InetSocketAddress(client, 40001), TcpDialogue.SERVER, id, 25);
  }

  @Nested
  class Begins {
    @Test
    void atTheSynAck_isVetted_andTakesAPlaceAtItsFirstByte() {
      TcpDialogue dialogue = new TcpDialogue(bench).connect();

      assertEquals(25 | VETTED, dialogue.connection().mark());
      assertEquals(0, bench.worker().parents());
      assertEquals(1, bench.workers().halfOpen());
      assertEquals(List.of(), sessions(bench));

      dialogue.server("220");
      assertEquals(1, bench.worker().parents());
      assertEquals(0, bench.workers().halfOpen());
      assertEquals(0, bench.worker().opaqueParents());
      SessionRow row = session();
      assertEquals("00001234", row.serial());
      assertEquals("greeting", row.state());
      assertEquals(25, row.policyId());
      bench.assertVerdicts();
    }

    @Test
    void onceThoughTheSynAckComesAgain() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      dialogue.deliver(dialogue.synAck());
      dialogue.passive(30000);

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals(2, bench.conntrack().gets(), "at the SYN+ACK and at the first byte");
      bench.assertVerdicts();
    }

    @Test
    void withIpv6() {
      TcpDialogue dialogue =
          new TcpDialogue(
              bench,
              new InetSocketAddress("2001:db8:1::10", 40001),
              new InetSocketAddress("2001:db8:2::7", 21),
              0x66,
              0);
      dialogue.login().client("EPSV\r\n").server("229 Extended (|||30001|)\r\n");

      assertEquals(
          List.of("ONCE TCP 2001:db8:1:0:0:0:0:10 > 2001:db8:2:0:0:0:0:7:30001"),
          bench.backend().open());
      assertEquals(PROVEN, dialogue.connection().mark());
    }

    @Test
    void notOnOtherPorts() {
      TcpDialogue dialogue =
          new TcpDialogue(
              bench, TcpDialogue.CLIENT, new InetSocketAddress("198.51.100.7", 2121), 1, 0);
      dialogue.connect();

      assertEquals(0, dialogue.connection().mark());
      assertEquals(List.of(), sessions(bench));
      bench.assertVerdicts();
    }

    @Test
    void notOnChildren() {
      int mark = WorkerBench.MARKS.child();
      // A child is not a parent too: its mark would say so for as long as it lives, and then its
      // end would not be taken for a parent's end.
      TcpDialogue dialogue =
          new TcpDialogue(bench, TcpDialogue.CLIENT, TcpDialogue.SERVER, 1, mark);
      dialogue.connect().server("220 ready\r\n");

      assertEquals(mark, dialogue.connection().mark());
      assertEquals(List.of(), sessions(bench));
      bench.assertVerdicts();
    }

    @Test
    void notWithoutConntrack() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      bench.conntrack().remove(dialogue.connection());
      dialogue.connect();

      assertEquals(List.of(), sessions(bench));
      assertEquals(1, bench.metrics().of("unreadable noConntrack"));
      bench.assertVerdicts();
    }

    @Test
    void unreadWhereAKernelHelperIsAssigned() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      dialogue.connection().setHelper("ftp");
      dialogue.login().passive(30000);

      assertEquals(List.of(), bench.backend().open());
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertEquals("kernelHelper", session().reason());
      assertTrue(session().opaque());
      assertEquals(0, bench.worker().parents());
      assertEquals(1, bench.worker().opaqueParents());
      bench.assertVerdicts();
    }

    @Test
    void notAtASynAckOfTheClient() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      dialogue.deliver(
          PacketBuilder.tcp(TcpDialogue.CLIENT, TcpDialogue.SERVER)
              .flags(PacketView.SYN | PacketView.ACK)
              .build());

      assertEquals(25, dialogue.connection().mark());
      assertEquals(List.of(), sessions(bench));
      bench.assertVerdicts();
    }
  }

  /**
   * A server that is in league with the content of a web page (NAT slipstreaming): the client sends
   * an HTTP request in which a line looks like a command, and the server tries to make the agent
   * begin at that line, by a SYN+ACK that acknowledges all that is in front of it.
   */
  @Nested
  class SlipstreamingBySynAck {
    private static final String HEAD = "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n";
    private static final String LINE = "PORT 192,0,2,10,19,136\r\n";

    private void attack(TcpDialogue dialogue) {
      dialogue.deliver(dialogue.synAck(0x7ffffff0 + HEAD.length(), 0xfffffff0 + 1000));
      dialogue.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);
      dialogue
          .client(HEAD)
          .deliver(
              PacketBuilder.tcp(TcpDialogue.SERVER, TcpDialogue.CLIENT)
                  .flags(PacketView.ACK)
                  .sequence(0xfffffff0 + 1001)
                  .acknowledgement(0x7ffffff1 + HEAD.length())
                  .payload("220 ready\r\n")
                  .build())
          .client(LINE)
          .deliver(
              PacketBuilder.tcp(TcpDialogue.SERVER, TcpDialogue.CLIENT)
                  .flags(PacketView.ACK)
                  .sequence(0xfffffff0 + 1001 + 11)
                  .acknowledgement(0x7ffffff1 + HEAD.length() + LINE.length())
                  .payload("200 ok\r\n")
                  .build());

      assertEquals(List.of(), bench.backend().open());
      assertEquals("http", session().reason());
      bench.assertVerdicts();
    }

    @Test
    void onAnEstablishedConnection_movesNothing() {
      attack(new TcpDialogue(bench).connect());
    }

    @Test
    void rightBehindTheFirstSynAck_movesNothing() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      attack(dialogue.deliver(dialogue.synAck()));
    }

    @Test
    void onAConnectionOlderThanTheAgent_vetsNothing() {
      TcpDialogue dialogue = new TcpDialogue(bench).connectUnseen();
      dialogue.deliver(dialogue.synAck());
      assertEquals(25, dialogue.connection().mark());
      assertEquals(List.of(), sessions(bench));

      dialogue.server("220 ready\r\n");
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertEquals("midStream", session().reason());
    }
  }

  @Nested
  class UsesPortsAgain {
    private void dialogueAgain(TcpDialogue dialogue, int id) {
      bench.log().clear();
      dialogue.reusePorts(id, 26, 1_000_000, 2_000_000);
      dialogue.login().passive(30001);

      assertEquals(List.of(pinhole(30001)), bench.backend().open());
      assertEquals(26 | PROVEN, dialogue.connection().mark());
      assertEquals(26, session().policyId());
      assertEquals(1, bench.worker().parents());
      bench.assertVerdicts();
    }

    @Test
    void behindAFin() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.close();

      dialogueAgain(dialogue, 0x5678);
    }

    @Test
    void thoughTheFirstOneNeverEnded_whichEndsIt() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);

      dialogueAgain(dialogue, 0x5678);
      assertTrue(bench.log().words().contains("parentClosed 227"));
    }

    @Test
    void withTheSameConntrackId() {
      // The kernel makes the id from the address of the entry and its tuple, and often the next
      // entry has both again.
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);

      dialogueAgain(dialogue, 0x1234);
    }

    @Test
    void behindAnOpaqueFlow_whichIsCountedNoMore() {
      TcpDialogue dialogue = new TcpDialogue(bench).connect().client("GET / HTTP/1.1\r\n\r\n");
      assertEquals(1, bench.worker().opaqueParents());

      dialogueAgain(dialogue, 0x1234);
      assertEquals(0, bench.worker().opaqueParents());
    }
  }

  @Nested
  class Adopts {
    @Test
    void anUnvettedFlowAsOpaque_andNeverReadsIt() throws Exception {
      List<String> read = new ArrayList<>();
      WorkerBench own =
          new WorkerBench(
              new LambdaProtocol((direction, text, facts, out) -> read.add(text)),
              AgentConfig.Limits.DEFAULT,
              THIRTY_SECONDS);
      TcpDialogue dialogue = new TcpDialogue(own).connectUnseen();
      dialogue.client("anything\r\n").server("answer\r\n");

      assertEquals(List.of(), read);
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertEquals(List.of("opaque midStream"), own.log().words(), "said once");
      assertEquals(1, own.conntrack().gets(), "asked once");
      own.assertVerdicts();
    }

    @Test
    void aProvenFlow_andReadsOnFromTheNextLine() {
      TcpDialogue dialogue =
          new TcpDialogue(bench, TcpDialogue.CLIENT, TcpDialogue.SERVER, 1, 25 | PROVEN);
      dialogue
          .connectUnseen()
          .server("0 rest of a line\r\n")
          .client("P\r\n")
          .server("200 ok\r\n")
          .client("NOOP\r\n")
          .server("200 ok\r\n")
          .passive(30000);

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals(25 | PROVEN, dialogue.connection().mark());
      bench.assertVerdicts();
    }

    @Test
    void noFlowThatIsEnding() {
      TcpDialogue dialogue =
          new TcpDialogue(bench, TcpDialogue.CLIENT, TcpDialogue.SERVER, 1, 25 | VETTED);
      dialogue.connection().setTcpState(FakeConntrackKernel.TIME_WAIT);
      dialogue.server("226 done\r\n");

      assertEquals(List.of(), sessions(bench));
      bench.assertVerdicts();
    }

    @Test
    void nothingByABareFinOrRst() {
      TcpDialogue dialogue = new TcpDialogue(bench).connectUnseen();
      dialogue.deliver(dialogue.clientSays("", PacketView.FIN));
      dialogue.deliver(dialogue.serverSays("", PacketView.RST));

      assertEquals(0, bench.conntrack().gets());
      assertEquals(List.of(), sessions(bench));
      bench.assertVerdicts();
    }
  }

  @Nested
  class EndsTheParent {
    private void assertEnded() {
      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of(), bench.rows());
      assertEquals(List.of(), sessions(bench));
      assertEquals(0, bench.worker().parents());
      assertTrue(bench.log().words().contains("parentClosed 227"), bench.log().words().toString());
      bench.assertVerdicts();
    }

    @Test
    void byFinsOfBoth() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      dialogue.close();

      assertEnded();
    }

    @Test
    void byRstBehindTheFin() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.deliver(dialogue.clientSays("", PacketView.FIN));
      dialogue.deliver(dialogue.clientSays("", PacketView.RST));

      assertEnded();
    }

    @Test
    void notByOneFin_pinholesStayAndTheOtherSideIsRead() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().client("PASV\r\n");
      dialogue.deliver(dialogue.clientSays("", PacketView.FIN));
      dialogue.connection().setTcpState(FakeConntrackKernel.FIN_WAIT);
      dialogue.server(dialogue.reply227(30000));

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals(1, bench.worker().parents());
      dialogue.deliver(dialogue.serverSays("", PacketView.FIN));
      assertEnded();
    }

    @Test
    void notByOneFinSentTwice() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      byte[] fin = dialogue.clientSays("", PacketView.FIN);
      dialogue.deliver(fin).deliver(fin);

      assertEquals(1, bench.worker().parents());
    }

    @Test
    void dataBehindAFin_areNotBelieved() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.deliver(dialogue.clientSays("", PacketView.FIN));
      dialogue.deliver(dialogue.clientOutOfTurn(-1, "NOOP\r\n", 0));

      assertEquals("dataBehindFin", session().reason());
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void byFinOfTheServerThatCarriesItsLastWords() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.deliver(dialogue.clientSays("", PacketView.FIN));
      dialogue.deliver(dialogue.serverSays("421 bye\r\n", PacketView.FIN));

      assertEnded();
    }

    @Test
    void byRstInTurn() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.deliver(dialogue.clientSays("", PacketView.RST));

      assertEnded();
    }

    @Test
    void inTheSameBatchAsTheAnnouncement() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().client("PASV\r\n");
      bench.turnWith(
          dialogue.serverSays(dialogue.reply227(30000), 0),
          dialogue.clientSays("", PacketView.FIN),
          dialogue.serverSays("", PacketView.FIN));

      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of(), bench.backend().transactions(), "never opened, so never shut");
      assertEquals(List.of(), bench.rows());
      assertEquals(List.of(), bench.log().words(), "nothing was open, nothing was shut");
      bench.assertVerdicts();
    }

    @Test
    void inTheSameBatchAsTheAnnouncementWhileATraceRuns_loggedInOrder() {
      bench.traces().subscribe(ListingFilter.ALL, 100, line -> {});
      TcpDialogue dialogue = new TcpDialogue(bench).login().client("PASV\r\n");
      bench.turnWith(
          dialogue.serverSays(dialogue.reply227(30000), 0),
          dialogue.clientSays("", PacketView.FIN),
          dialogue.serverSays("", PacketView.FIN));

      assertEquals(List.of("created 227", "parentClosed 227"), bench.log().words());
      assertEquals(List.of(), bench.backend().open());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, -1, 60_000, -60_000})
    void notByRstOutOfTurn(int offset) {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.deliver(dialogue.clientOutOfTurn(offset, "", PacketView.RST));
      dialogue.passive(30001);

      assertEquals(List.of(pinhole(30001)), bench.backend().open());
      assertEquals(1, bench.worker().parents());
      bench.assertVerdicts();
    }

    @Test
    void lastWordsBehindTheEnd_makeNoRow() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().close();
      dialogue.connection().setTcpState(FakeConntrackKernel.TIME_WAIT);
      dialogue.server("221 bye\r\n");

      assertEquals(List.of(), sessions(bench));
      assertEquals(0, bench.worker().parents());
      bench.assertVerdicts();
    }

    @Test
    void byAnOperator() {
      Connection connection = new TcpDialogue(bench).login().passive(30000).connection();
      bench.worker().post(() -> bench.end(connection, AgentEvent.Kind.PARENT_CLOSED));
      bench.turn();

      assertEnded();
    }

    @Test
    void whenItsHelperIsNoLongerInForce() {
      new TcpDialogue(bench).login().passive(30000);
      bench.worker().setHelpers(bench.helpers(WorkerBench.entry(1, "ftp", null)));
      endWithoutHelper();
      assertEquals(1, bench.worker().parents(), "the same entry");
      bench.worker().setHelpers(bench.helpers(WorkerBench.entry(2, "ftp", null)));
      endWithoutHelper();
      bench.turn();

      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of(), sessions(bench));
      assertTrue(bench.log().words().contains("closed 227"));
    }

    private void endWithoutHelper() {
      CompletableFuture<?> ended = bench.workers().endWithoutHelper();
      bench.turn();
      assertTrue(ended.isDone());
    }
  }

  @Test
  void beginClear_endToldByTheKernelFirst_loggedAsCleared() {
    TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
    TcpDialogue other = from("192.0.2.11", 7).login().passive(30001);
    ListingFilter one = new ListingFilter(null, null, "00001234");
    bench
        .worker()
        .post(() -> assertEquals(1, bench.worker().flows().listing().beginClear(one).size()));
    bench.conntrack().remove(dialogue.connection());
    bench.conntrack().remove(other.connection());
    bench.worker().post(() -> bench.endIfGone(dialogue.connection()));
    bench.worker().post(() -> bench.endIfGone(other.connection()));
    bench.turn();

    assertEquals(
        List.of("created 227", "created 227", "cleared 227", "parentClosed 227"),
        bench.log().words());
    assertEquals(List.of(), bench.backend().open());
  }

  @Nested
  class AtAnEventOfTheEnd {
    @Test
    void conntrackGone_endsTheParent() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.conntrack().remove(dialogue.connection());
      bench.worker().post(() -> bench.endIfGone(dialogue.connection()));
      bench.turn();

      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of(), sessions(bench));
    }

    @Test
    void conntrackThereAgainWithTheSameId_keepsTheParent() {
      // The event is about the entry before: the ports were used again before it was read.
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.worker().post(() -> bench.endIfGone(dialogue.connection()));
      bench.turn();

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals(1, sessions(bench).size());
    }

    @Test
    void conntrackThereAgainWithAnotherId_endsTheParent() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      Connection before = dialogue.connection();
      dialogue.reusePorts(0x5678, 25, 1, 2);
      bench.worker().post(() -> bench.endIfGone(before));
      bench.turn();

      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void conntrackCannotBeAsked_endsTheParent() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.conntrack().failWith(Errno.EPERM);
      bench.worker().post(() -> bench.endIfGone(dialogue.connection()));
      bench.turn();

      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void unknownParent_asksNothing() {
      bench.worker().post(() -> bench.endIfGone(new TcpDialogue(bench).connection()));
      bench.turn();

      assertEquals(0, bench.conntrack().gets());
    }
  }

  @Nested
  class Fails {
    @Test
    void helperThrows_packetPassesAndTheFlowIsNotTrustedAnyMore() throws Exception {
      WorkerBench own =
          new WorkerBench(
              new LambdaProtocol(
                  (direction, text, facts, out) -> {
                    if (text.startsWith("open")) {
                      out.expect(Announcements.once(facts, 30000).build());
                    } else if (text.startsWith("fail")) {
                      out.expect(Announcements.once(facts, 30001).build());
                      throw new IllegalStateException("a fault of the helper");
                    }
                  }),
              AgentConfig.Limits.DEFAULT,
              THIRTY_SECONDS);
      TcpDialogue dialogue = new TcpDialogue(own).connect().server("open");
      assertEquals(List.of(pinhole(30000)), own.backend().open());
      dialogue.server("fail").server("open").client("more");

      assertEquals(List.of(), own.backend().open());
      assertEquals(25 | VETTED | OPAQUE, dialogue.connection().mark());
      assertEquals("helperFailed", sessions(own).get(0).reason());
      assertEquals(1, own.metrics().of("unreadable fault"));
      own.assertVerdicts();
    }

    @Test
    void helperThrows_othersOfTheBatchAreRead() throws Exception {
      WorkerBench own =
          new WorkerBench(
              new LambdaProtocol(
                  (direction, text, facts, out) -> {
                    if (text.equals("fail")) {
                      throw new IllegalStateException("a fault of the helper");
                    }
                    out.expect(Announcements.once(facts, 30000).build());
                  }),
              AgentConfig.Limits.DEFAULT,
              THIRTY_SECONDS);
      TcpDialogue bad =
          new TcpDialogue(
              own, new InetSocketAddress("192.0.2.66", 40001), TcpDialogue.SERVER, 1, 0);
      TcpDialogue good = new TcpDialogue(own);
      bad.connect();
      good.connect();
      own.turnWith(bad.serverSays("fail", 0), good.serverSays("open", 0));

      assertEquals(List.of(pinhole(30000)), own.backend().open());
      own.assertVerdicts();
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.EPERM, Errno.EINVAL, Errno.ENOMEM})
    void conntrackRefuses_packetsPassAndItIsSaid(int errno) {
      bench.conntrack().failWith(errno);
      TcpDialogue dialogue = new TcpDialogue(bench).connect().server("220 ready\r\n");

      assertEquals(List.of(), sessions(bench));
      assertEquals(2, bench.metrics().of("event backendError "));
      bench.assertVerdicts();

      bench.conntrack().failWith(0);
      dialogue.client("USER joe\r\n");
      assertEquals("midStream", session().reason(), "its beginning was not seen");
    }

    @Test
    void conntrackRefusesTheMark_flowIsReadAllTheSame() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      dialogue.connect().client("G");
      bench.conntrack().failWith(Errno.EPERM);
      dialogue.client("ET / HTTP/1.1\r\n\r\n");

      assertEquals("http", session().reason());
      assertEquals(25 | VETTED, dialogue.connection().mark(), "the mark could not be set");
      dialogue.server("answer");
      bench.assertVerdicts();
    }

    @Test
    void backendRefusesOnePinholeOfABatch_theOthersOpen() {
      TcpDialogue first = from("192.0.2.10", 1).login().client("PASV\r\n");
      TcpDialogue second = from("192.0.2.11", 2).login().client("PASV\r\n");
      TcpDialogue third = from("192.0.2.12", 3).login().client("PASV\r\n");
      bench.backend().refuse(pinhole -> pinhole.port() == 30002);
      bench.turnWith(
          first.serverSays(first.reply227(30001), 0),
          second.serverSays(second.reply227(30002), 0),
          third.serverSays(third.reply227(30003), 0));

      assertEquals(
          List.of(
              "ONCE TCP 192.0.2.10 > 198.51.100.7:30001",
              "ONCE TCP 192.0.2.12 > 198.51.100.7:30003"),
          bench.backend().open());
      assertEquals(
          List.of("00000001", "00000003"),
          bench.rows().stream().map(ExpectationRow::parentSerial).toList());
      assertEquals(
          List.of("backendError errno28", "refused backendRefused", "created 227", "created 227"),
          bench.log().words());
      bench.assertVerdicts();
    }

    @Test
    void backendRefusesTheRestOfABatch_whatIsOpenIsNotOpenedAgain() {
      TcpDialogue first = from("192.0.2.10", 1).login().client("PASV\r\n");
      TcpDialogue second = from("192.0.2.11", 2).login().client("PASV\r\n");
      String used = "ONCE TCP 192.0.2.10 > 198.51.100.7:30001";
      ScriptedBackend backend = bench.backend();
      backend.refuseBehind(1, () -> backend.use(Objects.requireNonNull(backend.find(used))));
      bench.turnWith(
          first.serverSays(first.reply227(30001), 0), second.serverSays(second.reply227(30002), 0));

      assertEquals(
          List.of("ONCE TCP 192.0.2.11 > 198.51.100.7:30002"), backend.open(), "its child came");
      assertEquals(List.of("created 227", "created 227"), bench.log().words());
      bench.assertVerdicts();
    }

    @Test
    void backendRefusesTheRestOfABatch_whatItShutUnusedIsSaid() {
      TcpDialogue first = from("192.0.2.10", 1).login().passive(30001).client("PASV\r\n");
      TcpDialogue second = from("192.0.2.11", 2).login().passive(30002).client("PASV\r\n");
      bench.backend().refuseBehind(1, () -> {});
      bench.turnWith(
          first.serverSays(first.reply227(30003), 0), second.serverSays(second.reply227(30004), 0));

      assertEquals(
          List.of(
              "ONCE TCP 192.0.2.10 > 198.51.100.7:30003",
              "ONCE TCP 192.0.2.11 > 198.51.100.7:30004"),
          bench.backend().open());
      assertEquals(
          List.of(
              "created 227",
              "created 227",
              "replaced 227",
              "replaced 227",
              "created 227",
              "created 227"),
          bench.log().words());
    }

    @Test
    void backendRefuses_givesThePlaceBackAndTheNextOneOpens() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      bench.backend().refuse(pinhole -> true);
      dialogue.passive(30000);
      assertEquals(0, session().expectations());
      bench.backend().refuse(pinhole -> false);
      dialogue.passive(30001);

      assertEquals(List.of(pinhole(30001)), bench.backend().open());
    }

    @Test
    void backendThrowsWhatItShouldNot_packetsPass() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      bench.backend().fail(new IllegalStateException("a fault of the backend"));
      dialogue.passive(30000);
      bench.assertVerdicts();
      assertEquals(List.of(), bench.rows(), "a row would promise what is not open");

      bench.backend().fail(null);
      dialogue.passive(30001);
      assertEquals(List.of(pinhole(30001)), bench.backend().open());
      bench.assertVerdicts();
    }

    @Test
    void verdictsNotTaken_givenWithTheNextTurn() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      bench.queue().failSends(1);
      dialogue.connect();
      assertEquals(1, bench.queue().held().size());
      bench.turn();

      bench.assertVerdicts();
    }

    @Test
    void queueOverruns_counted() {
      bench.queue().failReceives(1, Errno.ENOBUFS);
      bench.turn();

      assertEquals(1, bench.metrics().of("overrun queue"));
      assertEquals(0, bench.metrics().of("event backendError "));
    }

    @Test
    void receiveFailsAgainAndAgain_waitsLongerEachTime_andStillAnswers() {
      bench.queue().failReceives(6, Errno.ENOMEM);
      long beganNs = System.nanoTime();
      for (int turn = 1; turn <= 6; turn++) {
        CompletableFuture<String> answer = bench.worker().ask(() -> "answered");
        bench.turn();
        assertTrue(answer.isDone(), "turn " + turn);
      }
      long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);

      assertTrue(tookMs >= 1 + 2 + 4 + 8 + 16 + 32, tookMs + " ms");
      assertEquals(6, bench.metrics().of("receiveError queue"));
      new TcpDialogue(bench).login().passive(30000);
      assertEquals(List.of(pinhole(30000)), bench.backend().open());
    }

    @Test
    void answerToALaterQuestion_comesWhenWhatWasAskedBeforeIsInTheKernel() {
      Connection connection = new TcpDialogue(bench).login().passive(30000).connection();
      List<List<String>> seen = new ArrayList<>();
      bench
          .worker()
          .post(
              () -> {
                bench.end(connection, AgentEvent.Kind.CLEARED);
                // As somebody does who waited for this and asks again at once.
                bench.worker().post(() -> seen.add(bench.backend().open()));
              });
      bench.turn();
      bench.turn();

      assertEquals(List.of(List.of()), seen);
    }

    @Test
    void taskThrows_laterTasksRun() {
      List<String> done = new ArrayList<>();
      bench
          .worker()
          .post(
              () -> {
                throw new IllegalStateException("a fault of the task");
              });
      bench.worker().post(() -> done.add("done"));
      bench.turn();

      assertEquals(List.of("done"), done);
    }
  }

  @Nested
  class PassesUnread {
    private void assertPasses(byte[] packet, String why) {
      bench.turnWith(packet);

      assertEquals(1, bench.metrics().of("unreadable " + why), bench.metrics().words().toString());
      bench.assertVerdicts();
    }

    @Test
    void whatIsNoIp() {
      assertPasses(new byte[] {0x7f, 0, 0, 0}, "notIp");
    }

    @Test
    void whatIsTruncated() {
      assertPasses(Arrays.copyOf(new TcpDialogue(bench).synAck(), 39), "truncated");
    }

    @Test
    void fragments() {
      byte[] packet = new TcpDialogue(bench).synAck();
      packet[7] = 1;
      assertPasses(packet, "fragment");
    }

    @Test
    void otherProtocols() {
      byte[] packet = new TcpDialogue(bench).synAck();
      packet[9] = 47;
      assertPasses(packet, "otherProtocol");
    }

    @Test
    void datagrams() {
      assertPasses(
          PacketBuilder.udp(TcpDialogue.CLIENT, TcpDialogue.SERVER).payload("x").build(),
          "noConntrack");
    }

    @Test
    void nothingAtAll() {
      assertPasses(new byte[1], "notIp");
    }
  }

  @Test
  void turn_moreThanABatch_eachPacketOneVerdict() {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    for (int i = 0; i < 200; i++) {
      bench.queue().deliver(dialogue.clientSays("NOOP\r\n", 0));
    }
    for (int i = 0; i < 4; i++) {
      bench.turn();
    }

    bench.assertVerdicts();
    assertEquals(206, bench.worker().packets());
    assertEquals(206, bench.metrics().of("verdict ACCEPT"));
    assertEquals(206, bench.metrics().of("latency"));
  }

  @Nested
  class Limits {
    private WorkerBench limited(AgentConfig.Limits limits) throws NetlinkException {
      return new WorkerBench(new FtpProtocol(), limits, THIRTY_SECONDS);
    }

    @Test
    void parents_oneMoreIsNotReadAndNotQueuedAnyMore() throws Exception {
      WorkerBench own =
          limited(new AgentConfig.Limits(8, 8, 8, 1, 1, 1024, 16 << 20, HelperLimits.DEFAULT));
      TcpDialogue first = new TcpDialogue(own).connect().server("220 ready\r\n");
      TcpDialogue second =
          new TcpDialogue(
              own, new InetSocketAddress("192.0.2.11", 40001), TcpDialogue.SERVER, 2, 26);
      second.connect();
      assertEquals(26 | VETTED, second.connection().mark(), "it takes no place yet");
      second.server("220 ready\r\n");

      assertEquals(26 | OPAQUE, second.connection().mark());
      assertEquals(1, sessions(own).size());
      assertEquals(List.of("limit parents"), own.log().words());
      assertEquals(1, own.metrics().of("limit parents"));
      own.assertVerdicts();

      first.close();
      TcpDialogue third =
          new TcpDialogue(
              own, new InetSocketAddress("192.0.2.12", 40001), TcpDialogue.SERVER, 3, 27);
      third.connect().server("220 ready\r\n");
      assertEquals(27 | VETTED, third.connection().mark(), "there is room again");
    }

    @Test
    void parentsPerSource_oneMoreIsNotRead_butThoseOfOthersAre() throws Exception {
      WorkerBench own =
          limited(new AgentConfig.Limits(8, 8, 8, 100, 2, 1024, 16 << 20, HelperLimits.DEFAULT));
      TcpDialogue first = of(own, "2001:db8:1::1", 1).connect().server("220 ready\r\n");
      for (int id = 2; id <= 3; id++) {
        of(own, "2001:db8:1::" + id, id).connect().server("220 ready\r\n");
      }
      assertEquals(2, own.worker().parents());
      assertEquals(List.of("limit parentsPerSource"), own.log().words());
      of(own, "2001:db8:2::1", 4).connect().server("220 ready\r\n");
      assertEquals(3, own.worker().parents());

      own.end(first.connection(), AgentEvent.Kind.PARENT_CLOSED);
      of(own, "2001:db8:1::5", 5).connect().server("220 ready\r\n");
      assertEquals(3, own.worker().flows().read(), "there is room again");
    }

    private TcpDialogue of(WorkerBench own, String client, int id) {
      return new TcpDialogue(
          own,
          new InetSocketAddress(client, 40001),
          new InetSocketAddress("2001:db8:9::7", 21),
          id,
          25);
    }

    @Test
    void parentsOfAnEntry_oneMoreIsNotRead_andItsPlaceComesBack() throws Exception {
      WorkerBench own = limited(AgentConfig.Limits.DEFAULT);
      own.limitEntry(EntryLimits.NONE.with(EntryLimit.PARENTS, 1));
      TcpDialogue first = of(own, "2001:db8:1::1", 1).connect().server("220 ready\r\n");
      TcpDialogue second = of(own, "2001:db8:2::1", 2).connect().server("220 ready\r\n");

      assertEquals(25 | OPAQUE, second.connection().mark());
      assertEquals(1, own.worker().parents());
      assertEquals(List.of("limit helperParents"), own.log().words());
      assertEquals("helpers[].parents is reached", own.log().all().get(0).detail());
      own.assertVerdicts();

      first.client("\0".repeat(9000)); // no longer read: it takes no place
      assertEquals(0, own.worker().flows().read());
      of(own, "2001:db8:3::1", 3).connect().server("220 ready\r\n");
      assertEquals(1, own.worker().flows().read(), "there is room again");
      own.limitEntry(EntryLimits.NONE);
      of(own, "2001:db8:4::1", 4).connect().server("220 ready\r\n");
      assertEquals(2, own.worker().flows().read(), "a reload took the limit away");
    }

    @Test
    void flowsThatAreNotRead_takeNoPlace_andTheirRowsAreBounded() throws Exception {
      WorkerBench own =
          limited(new AgentConfig.Limits(8, 8, 8, 1, 1, 1024, 16 << 20, HelperLimits.DEFAULT));
      int flood = ParentOwners.MOST_UNREAD + 100;
      for (int id = 1; id <= flood; id++) {
        InetSocketAddress client = new InetSocketAddress("192.0.2." + (id % 200), 1024 + id / 200);
        new TcpDialogue(own, client, TcpDialogue.SERVER, id, 25)
            .connect()
            .client("GET / HTTP/1.1\r\n");
      }
      assertEquals(ParentOwners.MOST_UNREAD, own.worker().flows().unread());
      assertEquals(ParentOwners.MOST_UNREAD, sessions(own).size());
      assertEquals(0, own.worker().flows().read());
      new TcpDialogue(
              own, new InetSocketAddress("192.0.2.250", 40001), TcpDialogue.SERVER, 99999, 26)
          .login()
          .passive(30000);
      assertEquals(1, own.backend().open().size());
      assertEquals(0, own.metrics().of("limit parents"));
      own.assertVerdicts();
    }

    @Test
    void halfOpen_aFloodLosesItsOwn_andNobodyElseNotices() throws Exception {
      WorkerBench own =
          limited(new AgentConfig.Limits(8, 8, 8, 8, 8, 64, 16 << 20, HelperLimits.DEFAULT));
      TcpDialogue honest =
          new TcpDialogue(
              own, new InetSocketAddress("192.0.2.250", 40001), TcpDialogue.SERVER, 99999, 26);
      honest.connect();
      List<TcpDialogue> flood = new ArrayList<>();
      for (int id = 1; id <= 1000; id++) {
        InetSocketAddress client = new InetSocketAddress("192.0.2.66", 1024 + id);
        flood.add(new TcpDialogue(own, client, TcpDialogue.SERVER, id, 25).connect());
      }
      assertEquals(64, own.workers().halfOpen());
      assertEquals(937, own.metrics().of("limit halfOpen"));
      assertEquals(0, own.worker().flows().read());
      honest.server("220 ready\r\n");
      assertEquals(1, own.worker().flows().read());

      flood.get(0).server("220 ready\r\n");
      assertEquals(25 | OPAQUE, flood.get(0).connection().mark(), "it was lost: untrusted");
      flood.get(999).server("220 ready\r\n");
      assertEquals(2, own.worker().flows().read());
      own.assertVerdicts();
    }

    @Test
    void expectationsPerSource_packetPassesAndItIsSaid() throws Exception {
      WorkerBench own =
          limited(new AgentConfig.Limits(8, 1, 8, 8, 8, 1024, 16 << 20, HelperLimits.DEFAULT));
      new TcpDialogue(own).login().passive(30000);
      new TcpDialogue(own, new InetSocketAddress("192.0.2.10", 40002), TcpDialogue.SERVER, 2, 26)
          .login()
          .passive(30001);

      assertEquals(List.of(pinhole(30000)), own.backend().open());
      assertEquals(
          List.of("created 227", "refused limitPerSource", "limit expectationsPerSource"),
          own.log().words());
      assertEquals(1, own.metrics().of("limit expectationsPerSource"));
      own.assertVerdicts();
    }
  }

  @Nested
  class WithAThreadOfItsOwn {
    @Test
    void run_asked_answersThoughNoPacketComes() throws Exception {
      bench.queue().blockReceives(60_000);
      Thread thread = new Thread(bench.worker(), "worker-under-test");
      thread.start();
      try {
        CompletableFuture<String> answer =
            bench.worker().ask(() -> Thread.currentThread().getName());
        assertEquals("worker-under-test", answer.get(10, TimeUnit.SECONDS));
        CompletableFuture<Object> failed =
            bench
                .worker()
                .ask(
                    () -> {
                      throw new IllegalStateException("no");
                    });
        Throwable cause = failed.handle((value, error) -> error).get(10, TimeUnit.SECONDS);
        assertEquals("no", cause.getMessage());
      } finally {
        bench.worker().stop();
        thread.join(10_000);
      }
      assertFalse(thread.isAlive());
    }
  }

  @Test
  void entries_filtered_conntracksOfParents() {
    from("192.0.2.10", 1).connect().server("220 ready\r\n");
    from("192.0.2.11", 2).connect().server("220 ready\r\n");

    assertEquals(2, bench.worker().flows().listing().entries(ListingFilter.ALL).size());
    assertEquals(
        List.of(2),
        bench.worker().flows().listing().entries(new ListingFilter(25, "ftp", "00000002")).stream()
            .map(entry -> entry.id())
            .toList());
    assertEquals(
        List.of(), bench.worker().flows().listing().entries(new ListingFilter(26, null, null)));
    assertEquals(
        List.of(), bench.worker().flows().listing().sessions(new ListingFilter(null, "sip", null)));
  }

  @Test
  void sessions_afterADialogue_whatWasReadAndRefused() {
    new TcpDialogue(bench).login().client("PORT 203,0,113,9,100,100\r\n");
    SessionRow row = session();

    assertEquals("ready", row.state());
    assertEquals("addressNotAnnouncer", row.reason());
    assertFalse(row.opaque());
    assertEquals(11 + 14 + 13, row.bytesFromServer());
    assertEquals(10 + 13 + 26, row.bytesFromClient());
  }

  /** A protocol over UDP, of which no datagram comes here. */
  private record OverUdp() implements HelperProtocol {
    @Override
    public String name() {
      return "udp";
    }

    @Override
    public Set<Transport> transports() {
      return Set.of(Transport.UDP);
    }

    @Override
    public Map<String, String> options() {
      return Map.of();
    }

    @Override
    public EntryLimits limits() {
      return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 1);
    }

    @Override
    public Factory configure(Map<String, Object> options, HelperLimits limits) {
      return (facts, shared) -> {
        throw new AssertionError("no flow begins");
      };
    }
  }

  private static HelperTable overUdp(boolean enabled) {
    HelperEntry entry = new HelperEntry(7, "udp", Transport.UDP, 5060, enabled, null, Map.of());
    return new HelperTable(
        List.of(entry), List.of(new OverUdp()), HelperLimits.DEFAULT, new SharedStates());
  }

  @Test
  void helpersForDatagrams_atRunTime_havePacketsComeWithTheirConntrack() {
    int conntrack = 2; // NFQA_CFG_F_CONNTRACK
    assertEquals(0, bench.queue().flags() & conntrack, "FTP asks for none");
    bench.worker().setHelpers(overUdp(true));
    bench.turn();
    assertEquals(conntrack, bench.queue().flags() & conntrack);
    bench.worker().setHelpers(overUdp(false));
    bench.turn();
    assertEquals(0, bench.queue().flags() & conntrack);
  }
}
