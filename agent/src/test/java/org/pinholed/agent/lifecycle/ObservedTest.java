package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.EventRing;
import org.pinholed.agent.operate.Stories;
import org.pinholed.agent.pinhole.ObservingBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ObservedRow;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
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
    events = EventsBench.events(socket, bench, new ObservingBackend(bench.backend()));
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

  private void tickAfter(long millis) {
    events.tick(System.nanoTime() + Duration.ofMillis(millis).toNanos());
  }

  private StoryRow story() throws ControlException {
    EventRing ring = new EventRing(EventListener.NONE);
    bench.log().all().forEach(ring::onEvent);
    List<StoryRow> stories =
        new Stories(
                bench.table(),
                bench.events().history(),
                ring,
                rows -> bench.worker().flows().listing().sessions(rows),
                new ObservingBackend(bench.backend()),
                WorkerBench.MARKS,
                Clock.SYSTEM)
            .explain(new StoryFilter(null, null, null, null, null, null, 1));
    assertEquals(1, stories.size());
    return stories.get(0);
  }

  private static List<String> steps(StoryRow row) {
    return row.steps().stream().map(StoryRow.Step::step).toList();
  }

  /** It stands nowhere, so that nobody can have taken it. */
  @Test
  void nobodyCame_isNotLaidToTheFirewall() throws Exception {
    new TcpDialogue(bench).login().passive(30_000);
    assertEquals("observed, nothing is opened", bench.log().all().get(0).detail());
    StoryRow waiting = story();
    assertEquals("observed", waiting.outcome());
    assertEquals("only observed, and nobody came yet", waiting.summary());
    assertEquals(List.of("parent", "announced", "decision", "now"), steps(waiting));
    assertTrue(
        waiting.steps().get(2).text().startsWith("would be opened for one connection"),
        waiting::toString);
    tickAfter(29_500);
    tickAfter(31_000);
    AgentEvent expired = bench.log().all().get(bench.log().all().size() - 1);
    assertEquals(AgentEvent.Kind.EXPIRED, expired.kind());
    assertEquals("", expired.detail());
    StoryRow over = story();
    assertEquals("observed", over.outcome());
    assertEquals("only observed, and nobody came: its time was over", over.summary());
    assertEquals(List.of(), over.advice());
  }

  @Test
  void connectionOfARule_isNotSaidToHaveUsedAPinhole() throws Exception {
    new TcpDialogue(bench).login().passive(30_000);
    came(plain(0xc1, 50_001, 30_000));
    StoryRow story = story();
    assertEquals("observed", story.outcome());
    assertEquals("only observed, and 1 connection came by rules of the firewall", story.summary());
    assertEquals(List.of("parent", "announced", "decision", "used", "ended"), steps(story));
  }

  /** The kernel tells of its end with the marks that a parent has. */
  @Test
  void childThatIsAParentToo_endsAsOthersDo() throws Exception {
    new TcpDialogue(bench).login().passive(30_000);
    Connection child = plain(0xc1, 50_001, 30_000);
    came(child);
    ConntrackIdentity identity = bench.table().living().known().get(0);
    child.setMark(child.mark() | WorkerBench.MARKS.vetted());
    kernel.ended(child);
    socket.receive(events);
    assertFalse(bench.table().living().has(identity));
  }

  /** It has no mark by which a dump would find it. */
  @Test
  void lostEvents_takeNoChildThatLives() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30_000);
    Connection lives = plain(0xc1, 50_001, 30_000);
    bench.conntrack().add(lives);
    came(lives);
    dialogue.passive(30_001);
    came(plain(0xc2, 50_002, 30_001));
    assertEquals(2, bench.table().living().known().size());
    kernel.overrun();
    socket.receive(events);
    assertEquals(
        List.of("000000c1"),
        bench.table().living().known().stream().map(ConntrackIdentity::serial).toList());
  }

  /** Nobody would tell of their end. */
  @Test
  void observedNoMore_childrenOfRulesAreForgotten() throws Exception {
    new TcpDialogue(bench).login().passive(30_000);
    Connection lives = plain(0xc1, 50_001, 30_000);
    bench.conntrack().add(lives);
    came(lives);
    assertEquals(1, bench.table().living().known().size());
    events.setObserves(false);
    tickAfter(300);
    assertEquals(List.of(), bench.table().living().known());
  }
}
