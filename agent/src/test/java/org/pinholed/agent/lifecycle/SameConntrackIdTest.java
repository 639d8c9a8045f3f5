package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.operate.Audit;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * The conntrack id is a hash of 32 bits: among 65,536 parents there are two with the same one in
 * two of five cases. Each of them lives and ends alone. The two here even have the same client and
 * server.
 */
class SameConntrackIdTest {
  private static final int ID = 0x1234;
  private static final int PROVEN = WorkerBench.MARKS.vetted() | WorkerBench.MARKS.proven();
  private static final InetSocketAddress CLIENT = TcpDialogue.CLIENT;
  private static final InetSocketAddress OTHER_PORT =
      new InetSocketAddress(CLIENT.getAddress(), 40002);

  private final FakeEventsKernel kernel = new FakeEventsKernel();
  private final ConntrackEvents socket = ConntrackEvents.open(kernel);
  private WorkerBench bench;
  private KernelEvents events;
  private TcpDialogue one;
  private TcpDialogue other;

  SameConntrackIdTest() throws NetlinkException {
    bench = new WorkerBench(new FtpProtocol(), AgentConfig.Limits.DEFAULT, null); // leases
    events = EventsBench.events(socket, bench);
    one = dialogue(CLIENT);
    other = dialogue(OTHER_PORT);
  }

  private TcpDialogue dialogue(InetSocketAddress client) {
    return new TcpDialogue(bench, client, TcpDialogue.SERVER, ID, 25);
  }

  /** Both are logged in and have announced a port: 30000 and 30001. */
  private void bothWithAPinhole() {
    one.login().passive(30000);
    other.login().passive(30001);
    assertBoth();
  }

  private void assertBoth() {
    assertEquals(List.of(40001, 40002), clients());
    assertEquals(List.of(pinhole(30000), pinhole(30001)), open());
  }

  private void assertOnlyTheOther() {
    assertEquals(List.of(40002), clients());
    assertEquals(List.of(pinhole(30001)), open());
    assertEquals(25 | PROVEN, other.connection().mark());
  }

  private void assertTheOtherIsStillRead() {
    other.passive(30002);
    assertEquals(List.of(pinhole(30002)), open());
  }

  private List<Integer> clients() {
    return bench.worker().flows().listing().sessions(ListingFilter.ALL).stream()
        .map(row -> row.client().port())
        .sorted()
        .toList();
  }

  private List<String> open() {
    return bench.backend().open().stream().sorted().toList();
  }

  private static String pinhole(int port) {
    return "ONCE TCP 192.0.2.10 > 198.51.100.7:" + port;
  }

  private static Connection child(int id, int clientPort, int port) {
    FlowTuple original =
        new FlowTuple(6, CLIENT.getAddress(), clientPort, TcpDialogue.SERVER.getAddress(), port);
    return new Connection(
        id,
        original,
        original.inverse(),
        25 | WorkerBench.MARKS.child(),
        FakeConntrackKernel.ESTABLISHED);
  }

  private void receive() throws NetlinkException {
    socket.receive(events);
    bench.turn();
  }

  private void ended(TcpDialogue dialogue) throws NetlinkException {
    bench.conntrack().remove(dialogue.connection());
    kernel.ended(dialogue.connection());
    receive();
  }

  private static long in(Duration duration) {
    return System.nanoTime() + duration.toNanos();
  }

  private ConntrackEntry entryOf(TcpDialogue dialogue) {
    return bench.worker().flows().listing().entries(ListingFilter.ALL).stream()
        .filter(entry -> entry.identity().equals(dialogue.connection().identity()))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void bothAreRead_fromTheirFirstBytes() {
    one.connect();
    other.connect();
    one.server("220 ready\r\n");
    other.server("220 ready\r\n");
    one.login(); // once more: nothing new begins
    assertEquals(List.of(40001, 40002), clients());
    assertEquals(2, bench.worker().parents());
  }

  @Test
  void bothOpen_andEachChildIsItsParents() throws Exception {
    bothWithAPinhole();
    for (int port = 30000; port <= 30001; port++) {
      Pinhole used = bench.backend().find(pinhole(port));
      assertNotNull(used);
      bench.backend().use(used);
      kernel.began(child(ID, 50_000, port)); // even the children have this id
    }
    receive();

    assertEquals(
        List.of("40001 matched 30000", "40002 matched 30001"),
        bench.rows().stream()
            .map(row -> row.client().port() + " " + row.state() + " " + row.destination().port())
            .toList());
  }

  @Nested
  class OneEnds {
    @Test
    void byItsEvent_andThenTheOtherByItsOwn() throws Exception {
      bothWithAPinhole();
      ended(one);
      assertOnlyTheOther();
      assertTheOtherIsStillRead();
      assertEquals(1, bench.workers().lostParents());

      ended(other);
      assertEquals(List.of(), clients());
      assertEquals(List.of(), open());
    }

    @Test
    void byItsLastWords() {
      bothWithAPinhole();
      one.sayQuit();
      bench.turn();
      assertOnlyTheOther();
      assertTheOtherIsStillRead();
    }

    @Test
    void byWhatIsReadInIt() {
      bothWithAPinhole();
      one.client("AUTH TLS\r\n").server("234 go\r\n");
      assertEquals(25 | PROVEN, other.connection().mark());
      assertEquals(1, bench.worker().parents());
      assertEquals(1, bench.worker().opaqueParents());
      ended(one);
      assertOnlyTheOther();
    }

    private void ended(TcpDialogue dialogue) {
      try {
        SameConntrackIdTest.this.ended(dialogue);
      } catch (NetlinkException e) {
        throw new AssertionError(e);
      }
    }

    @Test
    void byAnOperator() {
      bothWithAPinhole();
      var unused = bench.workers().endParents(List.of(entryOf(one)), AgentEvent.Kind.CLEARED);
      bench.turn();
      assertOnlyTheOther();
      assertTheOtherIsStillRead();
    }

    @Test
    void becauseItsPortsAreUsedAgain_withTheSameId() {
      bothWithAPinhole();
      one.reusePorts(ID, 25, 0x1000, 0x2000);
      one.login();
      assertEquals(List.of(40001, 40002), clients());
      assertEquals(List.of(pinhole(30001)), open());
      assertTheOtherIsStillRead();
    }

    @Test
    void whileEventsWereLost() throws Exception {
      bothWithAPinhole();
      bench.conntrack().remove(one.connection());
      kernel.overrun();
      receive();
      assertOnlyTheOther();
    }

    @Test
    void unsaid_andIsLookedFor() {
      bothWithAPinhole();
      bench.conntrack().remove(one.connection());
      bench.worker().checks().look(entryOf(other));
      bench.worker().checks().look(entryOf(one));
      bench.turn();
      assertOnlyTheOther();
    }
  }

  @Nested
  class Leases {
    @Test
    void areRenewed_forTheOneThatLives() throws Exception {
      bothWithAPinhole();
      bench.conntrack().remove(one.connection());
      long nowNs = in(Duration.ofSeconds(21));
      events.tick(nowNs);
      bench.turn();
      assertOnlyTheOther();
      assertEquals(
          List.of(true), bench.table().pending().stream().map(Expectation::wasRemade).toList());
    }

    @Test
    void marksAreLookedAt_andPutBack_forTheOneThatLostThem() {
      bothWithAPinhole();
      one.connection().setMark(25);
      other.connection().setMark(26);
      events.tick(in(Duration.ofSeconds(21)));
      bench.turn();
      assertBoth();
      assertEquals(25 | PROVEN, one.connection().mark());
      assertEquals(26 | PROVEN, other.connection().mark());
      assertEquals(2, bench.log().words().stream().filter(w -> w.startsWith("marksPut")).count());
    }
  }

  @Nested
  class TheNextProcess {
    private Adoption.Result next(HandOver left) throws IOException {
      bench = WorkerBench.after(bench);
      Adoption.Result result =
          new Adoption(
                  ConntrackClient.open(bench.conntrack()),
                  bench.backend().openSession(),
                  bench.table(),
                  bench.worker().takeover()::takeOver,
                  bench.helpersInForce(),
                  WorkerBench.MARKS,
                  bench.events(),
                  left,
                  Clock.SYSTEM)
              .run();
      bench.turn();
      one.on(bench);
      other.on(bench);
      events = EventsBench.events(socket, bench);
      return result;
    }

    private HandOver left() {
      return new HandOver(
          0,
          List.of(),
          bench.worker().flows().states(),
          bench.workers().halfOpenState(),
          HandOver.Beyond.NOTHING);
    }

    @Test
    void afterAKill_givesEachItsOwnPinhole() throws Exception {
      bothWithAPinhole();
      assertEquals(new Adoption.Result(2, 2, 0), next(HandOver.NOTHING));
      assertBoth();
      assertEquals(
          List.of("40001 30000", "40002 30001"),
          bench.rows().stream()
              .map(row -> row.client().port() + " " + row.destination().port())
              .sorted()
              .toList());
      ended(one);
      assertOnlyTheOther();
    }

    @Test
    void afterAKill_tellsThemByTheirServersToo() throws Exception {
      InetSocketAddress server = new InetSocketAddress("198.51.100.8", 21);
      TcpDialogue elsewhere = new TcpDialogue(bench, CLIENT, server, ID, 25);
      one.login().passive(30000);
      elsewhere.login().passive(30000);
      assertEquals(new Adoption.Result(2, 2, 0), next(HandOver.NOTHING));
      ended(one);
      assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.8:30000"), open());
    }

    @Test
    void byAHandOver_goesOnAtTheVeryByteOfEach() throws Exception {
      one.login().client("PASV\r\n");
      other.connect().server("220 ready\r\n").client("USER joe\r\n");
      assertEquals(2, next(left()).parents());
      one.server("227 ok (198,51,100,7,117,48)\r\n");
      other.server("331 password\r\n").client("PASS x\r\n").server("230 in\r\n").passive(30001);
      assertBoth();
    }

    @Test
    void byAHandOver_readsTheOneThatHadNotBegunFromItsFirstByte() throws Exception {
      one.login().passive(30000);
      other.connect();
      assertEquals(1, next(left()).parents());
      other.login().passive(30001);
      assertBoth();
    }

    @Test
    void byAHandOver_doesNotTakeOneForTheOther() throws Exception {
      one.login();
      HandOver left = left();
      other.login();
      bench.conntrack().remove(one.connection());
      next(left);
      assertEquals(25 | PROVEN, other.connection().mark());
      // Resumed at its next line, not at the byte of the other one.
      other.client("TYPE I\r\n").server("200 ok\r\n").client("NOOP\r\n").server("200 ok\r\n");
      other.passive(30001);
      assertOnlyTheOther();
    }
  }

  @Test
  void anotherZone_isNotTakenOver_andNothingIsWrittenIntoIt() throws Exception {
    one.login().passive(30000);
    one.connection().setZone(7);
    WorkerBench next = WorkerBench.after(bench);
    Adoption.Result result =
        new Adoption(
                ConntrackClient.open(next.conntrack()),
                next.backend().openSession(),
                next.table(),
                next.worker().takeover()::takeOver,
                next.helpersInForce(),
                WorkerBench.MARKS,
                next.events(),
                HandOver.NOTHING,
                Clock.SYSTEM)
            .run();
    assertEquals(new Adoption.Result(0, 0, 1), result);
    assertEquals(25 | PROVEN, one.connection().mark());
  }

  @Test
  void childOfWhichNothingWasTold_hasTheIdOfOneThatWas() throws Exception {
    bothWithAPinhole();
    use(30000);
    kernel.began(child(0xc1, 50_000, 30000));
    receive();
    use(30001);
    bench.conntrack().add(child(0xc1, 50_001, 30001));
    kernel.overrun();
    receive();

    assertEquals(
        List.of("matched", "matched"), bench.rows().stream().map(row -> row.state()).toList());
  }

  private void use(int port) {
    Pinhole used = bench.backend().find(pinhole(port));
    assertNotNull(used);
    bench.backend().use(used);
  }

  @Test
  void audit_tellsTheOneThatIsGone() throws Exception {
    bothWithAPinhole();
    Audit audit =
        new Audit(
            ConntrackClient.open(bench.conntrack()),
            bench.backend().openSession(),
            bench.table(),
            () -> bench.worker().flows().listing().entries(ListingFilter.ALL),
            new HelperTable(
                List.of(new HelperEntry(1, "ftp", Transport.TCP, 21, true, null, Map.of())),
                List.of(new FtpProtocol()),
                HelperLimits.DEFAULT,
                new SharedStates()),
            WorkerBench.MARKS,
            Clock.SYSTEM);
    assertEquals(List.of(), audit.look());
    bench.conntrack().remove(one.connection());

    assertEquals(
        List.of("parentGone tcp 192.0.2.10:40001 -> 198.51.100.7:21"),
        audit.look().stream().map(SameConntrackIdTest::text).toList());
  }

  private static String text(AuditRow row) {
    return row.difference() + " " + row.what();
  }

  @Test
  void sessions_ofTheirSerial_areBoth() {
    bothWithAPinhole();
    List<SessionRow> rows =
        bench.worker().flows().listing().sessions(new ListingFilter(null, null, "00001234"));
    assertEquals(
        List.of(40001, 40002), rows.stream().map(r -> r.client().port()).sorted().toList());
  }
}
