package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.flow.LeftFlow;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Packets are judged by the devices of their flow. The client is behind device 10, the server
 * behind device 20.
 */
class ReversePathTest {
  private static final int CLIENTS = 10;
  private static final int SERVERS = 20;
  private static final int OTHER = 30;
  private static final String CLIENT = "192.0.2.10";
  private static final String SERVER = "198.51.100.7";
  private static final String PORT = "PORT 192,0,2,10,117,48\r\n";
  private static final String HOLE = "ONCE TCP 198.51.100.7 > 192.0.2.10:30000";
  private static final String PASV_HOLE = "ONCE TCP 192.0.2.10 > 198.51.100.7:30001";

  private WorkerBench bench = new WorkerBench();
  private TcpDialogue dialogue = new TcpDialogue(bench);

  ReversePathTest() throws NetlinkException {}

  private void packet(byte[] packet, int hook, int in, int out) {
    bench.queue().deliver(packet, hook, in, out);
    bench.turn();
    bench.assertVerdicts();
  }

  private void forwarded(byte[] packet, int in, int out) {
    packet(packet, FakeQueueKernel.POSTROUTING, in, out);
  }

  private void synAck(int in, int out) {
    forwarded(dialogue.synAck(), in, out);
    dialogue.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);
  }

  private void client(String text) {
    forwarded(dialogue.clientSays(text, 0), CLIENTS, SERVERS);
  }

  private void server(String text) {
    forwarded(dialogue.serverSays(text, 0), SERVERS, CLIENTS);
  }

  private void login() {
    synAck(SERVERS, CLIENTS);
    server("220 ready\r\n");
    client("USER joe\r\n");
    server("331 password\r\n");
    client("PASS secret\r\n");
    server("230 welcome\r\n");
  }

  private SessionRow session() {
    List<SessionRow> rows = bench.worker().flows().listing().sessions(ListingFilter.ALL);
    assertEquals(1, rows.size(), rows::toString);
    return rows.get(0);
  }

  private void passiveOpens() {
    client("PASV\r\n");
    server("227 Entering Passive Mode (198,51,100,7,117,49)\r\n");
    assertEquals(List.of(PASV_HOLE), bench.backend().open());
  }

  @Test
  void honestDialogue_isReadWithoutAskingTheRoutingTable() {
    login();
    client(PORT);
    server("200 ok\r\n");

    assertEquals(List.of(HOLE), bench.backend().open());
    assertEquals(List.of(), bench.routes().questions());
    assertEquals(0, session().misrouted());
  }

  @Nested
  class ForgedOnTheServersWire {
    @Test
    void aCommand_opensNothing_andTheHonestFlowGoesOn() {
      bench.routes().route(CLIENT, CLIENTS);
      login();
      forwarded(dialogue.clientOutOfTurn(0, PORT, 0), SERVERS, SERVERS);
      assertEquals(1, bench.metrics().of("misrouted"));
      assertEquals(1, session().misrouted());
      assertEquals("misrouted", session().reason());
      server("200 ok\r\n");

      assertEquals(List.of(), bench.backend().open());
      assertFalse(session().opaque());
      assertTrue(
          bench.log().words().contains("misrouted misrouted"), bench.log().words()::toString);
      passiveOpens();
    }

    @Test
    void aFinOrAReset_endsNothing() {
      bench.routes().route(CLIENT, CLIENTS);
      login();
      forwarded(dialogue.clientOutOfTurn(0, "", PacketView.FIN), SERVERS, SERVERS);
      forwarded(dialogue.clientOutOfTurn(0, "", PacketView.RST), SERVERS, SERVERS);

      passiveOpens();
    }

    @Test
    void aCommandThatTheServerAcknowledges_doesNotEndTheReading() {
      bench.routes().route(CLIENT, CLIENTS);
      login();
      forwarded(dialogue.clientOutOfTurn(0, "N", 0), SERVERS, SERVERS);
      // the server took the forged byte for the client's, and says so
      forwarded(dialogue.serverAcknowledging(1, "100 working\r\n"), SERVERS, CLIENTS);
      client("NOOP\r\n");
      server("200 ok\r\n");

      assertFalse(session().opaque(), () -> String.valueOf(session().reason()));
      passiveOpens();
    }

    @Test
    void anAcknowledgementOfBytesThatNobodySaw_stillEndsTheReading() {
      bench.routes().route(CLIENT, CLIENTS);
      login();
      forwarded(dialogue.clientOutOfTurn(0, "N", 0), SERVERS, SERVERS);
      forwarded(dialogue.serverAcknowledging(2, "100 working\r\n"), SERVERS, CLIENTS);

      assertEquals("gap", session().reason());
    }

    @Test
    void aWholeDialogue_opensNothing() {
      bench.routes().route(CLIENT, CLIENTS);
      synAck(SERVERS, CLIENTS);
      server("220 ready\r\n");
      for (String line : List.of("USER joe\r\n", "PASS secret\r\n", PORT)) {
        forwarded(dialogue.clientSays(line, 0), SERVERS, SERVERS);
        server("230 ok\r\n");
      }

      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void isToldOnce_howeverManyPackets_andTheTableIsAskedOnce() {
      bench.routes().route(CLIENT, CLIENTS);
      login();
      for (int i = 0; i < 50; i++) {
        forwarded(dialogue.clientOutOfTurn(0, PORT, 0), SERVERS, SERVERS);
      }

      assertEquals(50, session().misrouted());
      assertEquals(1, bench.metrics().of("event misrouted ftp"));
      assertEquals(List.of(CLIENT + " from " + SERVERS), bench.routes().questions());
      assertEquals(50, bench.worker().misrouted());
    }

    @Test
    void withoutAnAnswerOfTheKernel_isNotRead() {
      login();
      forwarded(dialogue.clientOutOfTurn(0, PORT, 0), SERVERS, SERVERS);
      server("200 ok\r\n");

      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void inTheNameOfTheRouterItself_opensNothing() {
      login();
      packet(dialogue.serverSays("", PacketView.FIN), FakeQueueKernel.INPUT, SERVERS, 0);

      TcpDialogue local =
          new TcpDialogue(
              bench, new InetSocketAddress("192.0.2.1", 40001), TcpDialogue.SERVER, 0x77, 0);
      dialogue = local;
      packet(local.synAck(), FakeQueueKernel.INPUT, SERVERS, 0);
      local.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);
      packet(local.serverSays("220 ready\r\n", 0), FakeQueueKernel.INPUT, SERVERS, 0);
      bench.routes().route("192.0.2.1", SERVERS);
      forwarded(local.clientSays("USER joe\r\n", 0), SERVERS, SERVERS);

      assertEquals(1, bench.metrics().of("misrouted"));
    }

    @Test
    void isSaidInTheTrace() {
      bench.routes().route(CLIENT, CLIENTS);
      login();
      List<String> lines = new ArrayList<>();
      var unused = bench.traces().subscribe(ListingFilter.ALL, 1, line -> lines.add(line.text()));
      forwarded(dialogue.clientOutOfTurn(0, PORT, 0), SERVERS, SERVERS);

      assertTrue(
          lines.contains(
              "not read: it came in by device 20, which does not lead back to its source"),
          lines::toString);
      assertTrue(lines.contains("accept, not read"), lines::toString);
    }
  }

  @Nested
  class ForgedOnTheClientsWire {
    @Test
    void aReply_opensNothing_andTheHonestFlowGoesOn() {
      bench.routes().route(SERVER, SERVERS);
      login();
      client("PASV\r\n");
      byte[] honest = dialogue.serverSays("227 Entering (198,51,100,7,117,49)\r\n", 0);
      byte[] forged = honest.clone();
      forged[forged.length - 6] = '8'; // another port
      forwarded(forged, CLIENTS, CLIENTS);
      assertEquals(List.of(), bench.backend().open());

      forwarded(honest, SERVERS, CLIENTS);
      assertEquals(List.of(PASV_HOLE), bench.backend().open());
    }

    @Test
    void aServerThatIsNotThere_opensNothing_andTheFlowIsGivenUp() {
      bench.routes().route(SERVER, SERVERS);
      synAck(CLIENTS, CLIENTS);
      forwarded(dialogue.serverSays("220 ready\r\n", 0), CLIENTS, CLIENTS);
      client("USER joe\r\n");
      forwarded(dialogue.serverSays("230 welcome\r\n", 0), CLIENTS, CLIENTS);
      client("PASV\r\n");
      forwarded(dialogue.serverSays("227 Entering (198,51,100,7,117,49)\r\n", 0), CLIENTS, CLIENTS);

      assertEquals(List.of(), bench.backend().open());
      assertEquals("beganElsewhere", session().reason());
      assertTrue(session().opaque());
    }
  }

  @Nested
  class GoesOnWorking {
    @Test
    void severalWays_oneByTheRoutingTable() {
      bench.routes().route(CLIENT, CLIENTS, OTHER);
      bench.routes().route(SERVER, SERVERS, 21);
      synAck(21, CLIENTS);
      forwarded(dialogue.serverSays("220 ready\r\n", 0), 21, CLIENTS);
      forwarded(dialogue.clientSays("USER joe\r\n", 0), OTHER, SERVERS);
      forwarded(dialogue.serverSays("331 password\r\n", 0), 21, CLIENTS);
      forwarded(dialogue.clientSays("PASS secret\r\n", 0), OTHER, SERVERS);
      forwarded(dialogue.serverSays("230 welcome\r\n", 0), 21, CLIENTS);
      passiveOpens();

      // once for each end, whatever the number of packets
      assertEquals(2, bench.routes().questions().size(), bench.routes().questions()::toString);
    }

    @Test
    void anUplinkByMark_thatTheTableKnowsNothingOf() {
      bench.routes().route(SERVER, OTHER);
      login();
      passiveOpens();
    }

    @Test
    void anUplinkByMark_inTheHandsOfTheNextProcess() throws NetlinkException {
      login();
      WorkerFlows before = bench.worker().flows();
      WorkerBench next = WorkerBench.after(bench);
      next.routes().route(SERVER, OTHER); // where it is without the mark
      var unused =
          next.worker()
              .takeover()
              .takeOver(
                  new LeftFlow(
                      before.listing().entries(ListingFilter.ALL).get(0),
                      null,
                      before.states().get(0),
                      null,
                      false));
      bench = next;
      dialogue.on(next);
      server("120 wait\r\n");
      assertEquals(0, session().misrouted());
      passiveOpens();
    }

    @Test
    void aRouteThatMoves_alsoForWhatIsUnderWayOnTheOldOne() {
      login();
      forwarded(dialogue.serverSays("100 working\r\n", 0), SERVERS, OTHER);
      client("NOOP\r\n");
      forwarded(dialogue.serverSays("200 ok\r\n", 0), SERVERS, OTHER);
      forwarded(dialogue.clientSays("PASV\r\n", 0), OTHER, SERVERS);
      server("227 Entering Passive Mode (198,51,100,7,117,49)\r\n");

      assertEquals(List.of(PASV_HOLE), bench.backend().open());
      assertEquals(List.of(), bench.routes().questions());
    }

    @Test
    void bothEndsOnOneDevice() {
      synAck(CLIENTS, CLIENTS);
      forwarded(dialogue.serverSays("220 ready\r\n", 0), CLIENTS, CLIENTS);
      for (String line : List.of("USER joe\r\n", "PASV\r\n")) {
        forwarded(dialogue.clientSays(line, 0), CLIENTS, CLIENTS);
        String reply =
            line.startsWith("USER") ? "230 in\r\n" : "227 Entering (198,51,100,7,117,49)\r\n";
        forwarded(dialogue.serverSays(reply, 0), CLIENTS, CLIENTS);
      }

      assertEquals(List.of(PASV_HOLE), bench.backend().open());
      assertEquals(List.of(), bench.routes().questions());
    }

    @Test
    void theServerOnTheRouter() {
      forwarded(dialogue.synAck(), 0, CLIENTS);
      dialogue.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);
      forwarded(dialogue.serverSays("220 ready\r\n", 0), 0, CLIENTS);
      packet(dialogue.clientSays("USER joe\r\n", 0), FakeQueueKernel.INPUT, CLIENTS, 0);
      forwarded(dialogue.serverSays("230 in\r\n", 0), 0, CLIENTS);
      packet(dialogue.clientSays("PASV\r\n", 0), FakeQueueKernel.INPUT, CLIENTS, 0);
      forwarded(dialogue.serverSays("227 Entering (198,51,100,7,117,49)\r\n", 0), 0, CLIENTS);

      assertEquals(List.of(PASV_HOLE), bench.backend().open());
      assertEquals(List.of(), bench.routes().questions());
    }

    @Test
    void theClientOnTheRouter() {
      packet(dialogue.synAck(), FakeQueueKernel.INPUT, SERVERS, 0);
      dialogue.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);
      packet(dialogue.serverSays("220 ready\r\n", 0), FakeQueueKernel.INPUT, SERVERS, 0);
      forwarded(dialogue.clientSays("USER joe\r\n", 0), 0, SERVERS);
      packet(dialogue.serverSays("230 in\r\n", 0), FakeQueueKernel.INPUT, SERVERS, 0);
      forwarded(dialogue.clientSays("PASV\r\n", 0), 0, SERVERS);
      packet(
          dialogue.serverSays("227 Entering (198,51,100,7,117,49)\r\n", 0),
          FakeQueueKernel.INPUT,
          SERVERS,
          0);

      assertEquals(List.of(PASV_HOLE), bench.backend().open());
      assertEquals(List.of(), bench.routes().questions());
    }

    @Test
    void anyDevice_whereRoutingIsAsymmetric() throws NetlinkException {
      bench = WorkerBench.asymmetric();
      dialogue = new TcpDialogue(bench);
      synAck(SERVERS, CLIENTS);
      server("220 ready\r\n");
      for (String line : List.of("USER joe\r\n", "PASV\r\n")) {
        forwarded(dialogue.clientSays(line, 0), OTHER, SERVERS);
        server(line.startsWith("USER") ? "230 in\r\n" : "227 (198,51,100,7,117,49)\r\n");
      }

      assertEquals(List.of(PASV_HOLE), bench.backend().open());
      assertEquals(0, session().misrouted());
    }
  }
}
