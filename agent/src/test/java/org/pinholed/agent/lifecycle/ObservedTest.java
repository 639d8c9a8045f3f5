package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.view.ObservedRow;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/** What comes of what a helper was told of that only observes. */
class ObservedTest {
  private final FakeEventsKernel kernel = new FakeEventsKernel();
  private final ConntrackEvents socket = ConntrackEvents.open(kernel);
  private final WorkerBench bench;
  private final KernelEvents events;

  ObservedTest() throws NetlinkException {
    bench = new WorkerBench();
    bench.observe();
    events = EventsBench.events(socket, bench);
    events.setObserves(true);
  }

  /** A connection that a rule of the firewall let in: it has no mark of ours. */
  private static Connection plain(int id, int clientPort, int serverPort) {
    FlowTuple original =
        new FlowTuple(
            6,
            TcpDialogue.CLIENT.getAddress(),
            clientPort,
            TcpDialogue.SERVER.getAddress(),
            serverPort);
    return new Connection(id, original, original.inverse(), 25, FakeConntrackKernel.ESTABLISHED);
  }

  private void came(Connection connection) throws NetlinkException {
    kernel.began(connection);
    socket.receive(events);
    bench.turn();
  }

  private List<ObservedRow> report() {
    return bench.events().observations().rows();
  }

  private static ObservedRow row(
      int first, int last, long announced, long connections, long expected, long notCome) {
    return new ObservedRow(
        "ftp",
        "tcp",
        "192.0.2.10",
        "198.51.100.7",
        first,
        last,
        announced,
        connections,
        expected,
        notCome);
  }

  @Test
  void announcement_isListedAsObserved_andItsChildrenHaveNoMark() {
    new TcpDialogue(bench).login().passive(30_000);
    assertTrue(bench.rows().get(0).flags().contains("observed"), bench.rows()::toString);
    assertEquals(0, bench.rows().get(0).mark());
  }

  @Test
  void connectionOfARule_matchesItsAnnouncement() throws Exception {
    new TcpDialogue(bench).login().passive(30_000);
    came(plain(0xc1, 50_001, 30_000));
    assertEquals(List.of("created 227", "matched 227"), bench.log().words());
    assertEquals(List.of(row(30_000, 30_000, 1, 1, 1, 0)), report());
  }

  @Test
  void connectionWithTheMarkOfAPinhole_isNotOneOfARule() throws Exception {
    new TcpDialogue(bench).login().passive(30_000);
    came(EventsBench.child(0xc1, 50_001, 30_000));
    assertEquals(List.of("created 227"), bench.log().words());
  }

  @Test
  void connectionOfARule_matchesNoAnnouncementThatIsOpened() throws Exception {
    WorkerBench enforcing = new WorkerBench();
    KernelEvents others = EventsBench.events(socket, enforcing);
    others.setObserves(true);
    new TcpDialogue(enforcing).login().passive(30_000);
    kernel.began(plain(0xc1, 50_001, 30_000));
    socket.receive(others);
    assertEquals(List.of("created 227"), enforcing.log().words());
    assertEquals(List.of(), enforcing.events().observations().rows());
  }

  @Test
  void unannounced_countsBetweenAnnouncedPorts_fromTheirNetwork() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    dialogue.passive(30_000);
    came(plain(0xc1, 50_001, 30_000));
    dialogue.passive(30_009);
    came(plain(0xc2, 50_002, 30_009));
    came(plain(0xc3, 50_003, 30_005));
    came(plain(0xc4, 50_004, 30_010)); // outside of them
    assertEquals(List.of(row(30_000, 30_009, 2, 3, 2, 0)), report());
  }

  @Test
  void announcedThatIsOver_didNotCome() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    dialogue.passive(30_000);
    dialogue.sayQuit();
    bench.turnOfWorkerOnly();
    events.turn();
    events.turn();
    assertEquals(List.of(row(30_000, 30_000, 1, 0, 0, 1)), report());
  }

  @Test
  void portsFarApart_areTwoRanges() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    dialogue.passive(30_000);
    came(plain(0xc1, 50_001, 30_000));
    dialogue.passive(40_000);
    came(plain(0xc2, 50_002, 40_000));
    assertEquals(
        List.of(row(30_000, 30_000, 1, 1, 1, 0), row(40_000, 40_000, 1, 1, 1, 0)), report());
  }

  @Test
  void unannounced_onVeryManyPorts_countAtThoseThatAreKnown() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    dialogue.passive(10_000);
    came(plain(0xc1, 50_001, 10_000));
    dialogue.passive(40_000);
    came(plain(0xc2, 50_002, 40_000));
    for (int port = 10_001; port <= 11_100; port++) {
      came(plain(0x10000 + port, 50_003, port));
    }
    came(plain(0xc3, 50_003, 30_000));
    // 1024 ports in all: from 10,000 on, and 40,000.
    assertEquals(
        List.of(row(10_000, 11_022, 1, 1102, 1, 0), row(40_000, 40_000, 1, 1, 1, 0)), report());
  }
}
