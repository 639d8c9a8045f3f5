package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.KeptOwner;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/** What an earlier agent left in the kernel, as a new one finds it. */
class AdoptionTest {
  private static final int VETTED = WorkerBench.MARKS.vetted();
  private static final int PROVEN = VETTED | WorkerBench.MARKS.proven();
  private static final int OPAQUE = WorkerBench.MARKS.opaque();
  private static final InetSocketAddress CLIENT = TcpDialogue.CLIENT;
  private static final InetSocketAddress SERVER = TcpDialogue.SERVER;
  private static final String COMMENT = "2 ftp 000012349c41 pp ts44we8 f - data";

  private WorkerBench bench;
  private HandOver left = HandOver.NOTHING;

  AdoptionTest() throws NetlinkException {
    bench = new WorkerBench();
  }

  private void inKernel(int port, String comment) throws IOException {
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.ONCE,
            Transport.TCP,
            CLIENT.getAddress(),
            SERVER.getAddress(),
            port,
            WorkerBench.MARKS.childMark(25 | VETTED, false),
            30_000,
            comment);
    bench.backend().openSession().apply(List.of(), List.of(pinhole));
  }

  private TcpDialogue established(int moreMark) {
    TcpDialogue dialogue = new TcpDialogue(bench, CLIENT, SERVER, 0x1234, 25 | moreMark);
    dialogue.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);
    return dialogue;
  }

  private Adoption.Result adopt() throws IOException {
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
    return result;
  }

  /** Another process takes the place of the one before, with the same kernel. */
  private void replace() throws IOException {
    left =
        new HandOver(
            0,
            List.of(),
            bench.worker().flows().states(),
            bench.workers().halfOpenState(),
            HandOver.Beyond.NOTHING);
    bench = WorkerBench.after(bench);
    adopt();
  }

  private List<SessionRow> sessions() {
    return bench.worker().flows().listing().sessions(ListingFilter.ALL);
  }

  @Test
  void nothingInTheKernel_nothingHappens() throws Exception {
    assertEquals(new Adoption.Result(0, 0, 0), adopt());
    assertEquals(List.of(), bench.log().all());
  }

  @Test
  void pinholeOfALivingParent_isListedAgain() throws Exception {
    established(PROVEN);
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(1, 1, 0), adopt());
    ExpectationRow row = bench.rows().get(0);
    assertEquals("pending", row.state());
    assertEquals("00001234", row.parentSerial());
    assertEquals(25, row.policyId());
    assertEquals(30_000, row.destination().port());
    assertEquals("timeout", row.lifetime());
    assertEquals("adopted", row.cause());
    assertEquals("00001234", sessions().get(0).serial());
    AgentEvent event = bench.log().all().get(0);
    assertEquals(AgentEvent.Kind.ADOPTED, event.kind());
    assertEquals(
        "1 parents and 1 pinholes of an earlier agent taken over, 0 orphans removed",
        event.detail());
  }

  @Test
  void newAnnouncement_replacesTheAdoptedOne() throws Exception {
    TcpDialogue dialogue = established(PROVEN);
    inKernel(30000, COMMENT);
    adopt();
    // Each side's first line may be the end of one whose beginning nobody has seen, and a reply to
    // a command from before may be on its way.
    dialogue.client("TYPE I\r\n").server("200 ok\r\n");
    dialogue.client("NOOP\r\n").server("200 ok\r\n").passive(30001);

    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30001"), bench.backend().open());
    assertEquals(1, bench.rows().size());
  }

  @Test
  void finOfTheParent_shutsTheAdoptedOne() throws Exception {
    TcpDialogue dialogue = established(PROVEN);
    inKernel(30000, COMMENT);
    adopt();
    dialogue.sayQuit();
    bench.turn();

    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), bench.rows());
  }

  @Test
  void replaced_betweenPasvAndItsReply_opens() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login().client("PASV\r\n");
    replace();
    dialogue.on(bench).server("227 Entering Passive Mode (198,51,100,7,117,48)\r\n");

    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30000"), bench.backend().open());
  }

  @Test
  void replaced_betweenPortAndItsReply_opens() throws Exception {
    // Behind a login that is not answered yet, PORT waits for its own reply.
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    dialogue.client("USER joe\r\nPORT 192,0,2,10,117,48\r\n");
    replace();
    assertEquals("announced", bench.rows().get(0).state());
    dialogue.on(bench).server("230 in\r\n200 ok\r\n");

    assertEquals(List.of("ONCE TCP 198.51.100.7 > 192.0.2.10:30000"), bench.backend().open());
  }

  @Test
  void replaced_inTheMiddleOfALine_isReadFromTheNextLine() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login().client("PA");
    replace();
    dialogue.on(bench).client("SV\r\n").server("500 what\r\n");
    dialogue.client("NOOP\r\n").server("200 ok\r\n").passive(30001);

    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30001"), bench.backend().open());
  }

  @Test
  void replaced_beforeTheLogin_goesOnAtTheVeryByte() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).connect();
    for (String line : List.of("220 ready\r\n", "331 password\r\n", "230 welcome\r\n")) {
      replace();
      dialogue.on(bench).server(line);
      replace();
      if (!line.startsWith("230")) {
        dialogue.on(bench).client(line.startsWith("220") ? "USER joe\r\n" : "PASS x\r\n");
      }
    }
    replace();
    dialogue.on(bench).passive(30000);

    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30000"), bench.backend().open());
    assertEquals(25 | PROVEN, dialogue.connection().mark());
    assertEquals("ready", sessions().get(0).state());
  }

  @Test
  void replaced_beforeAnyByte_isReadFromTheFirst_andTakesNoPlaceBefore() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).connect();
    replace();
    assertEquals(List.of(), sessions());
    assertEquals(1, bench.workers().halfOpen());
    assertEquals(25 | VETTED, dialogue.connection().mark());
    dialogue.on(bench).server("220 ready\r\n");
    assertEquals(1, sessions().size());
    assertEquals(0, bench.workers().halfOpen());
  }

  @Test
  void replaced_behindASynWithBytes_whatThatBeginsIsNotRead() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).connect();
    bench
        .queue()
        .deliver(PacketBuilder.tcp(CLIENT, SERVER).flags(PacketView.SYN).payload("USER").build());
    bench.turn();
    replace();
    dialogue.on(bench).server("220 ready\r\n");
    assertEquals("login", sessions().get(0).state());
    dialogue.reusePorts(0x1234, 25 | VETTED, 0x1000, 0x2000);
    dialogue.connect();

    assertEquals(List.of("fastOpen"), sessions().stream().map(SessionRow::reason).toList());
  }

  @Test
  void replaced_beforeTheFirstCommand_whichIsStillLookedAt() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).connect().server("220 ready\r\n");
    replace();
    dialogue.on(bench).client("POST / HTTP/1.1\r\n\r\nPORT 192,0,2,10,117,48\r\n");
    dialogue.server("200 ok\r\n");

    assertEquals(List.of(), bench.backend().open());
    assertEquals("http", sessions().get(0).reason());
  }

  @Test
  void replaced_beforeTheFirstByte_synAckSentAgainMovesNothing() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).connect();
    dialogue.connection().setTcpState(FakeConntrackKernel.SYN_RECV);
    replace();
    dialogue.on(bench).login().passive(30000);

    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30000"), bench.backend().open());
    assertEquals(1, sessions().size());
  }

  @Test
  void replaced_inTheMiddleOfTheGreeting_isUntrusted() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).connect().server("22");
    replace();
    assertEquals(25 | OPAQUE, dialogue.connection().mark());
    dialogue.on(bench).server("0 ready\r\n").client("PORT 192,0,2,10,117,48\r\n");
    dialogue.server("200 ok\r\n");

    assertEquals(List.of(), bench.backend().open());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void handOverThatIsNotUnderstood_isResumedOnlyIfProven(boolean proven) throws Exception {
    TcpDialogue dialogue = established(proven ? PROVEN : VETTED);
    FlowState state =
        new FlowState(
            dialogue.connection().identity(),
            FlowFacts.Origin.FIRST_BYTE,
            0,
            0,
            1,
            1,
            "?",
            List.of(),
            null,
            null,
            0,
            0,
            false,
            false);
    left = new HandOver(0, List.of(), List.of(state), HalfOpenState.NONE, HandOver.Beyond.NOTHING);
    adopt();
    dialogue.client("TYPE I\r\n").server("200 ok\r\n");
    dialogue.client("NOOP\r\n").server("200 ok\r\n").passive(30000);

    assertEquals(proven ? 1 : 0, bench.backend().open().size());
    assertEquals(25 | (proven ? PROVEN : OPAQUE), dialogue.connection().mark());
  }

  @Test
  void parentThatIsNotProven_isUntrusted_andItsPinholeIsShut() throws Exception {
    TcpDialogue dialogue = established(VETTED);
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(0, 0, 1), adopt());
    assertEquals(List.of(), bench.backend().open());
    assertEquals(25 | OPAQUE, dialogue.connection().mark());
  }

  @Test
  void marksWiped_whileNoAgentRan_handOverIsNotBelieved() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    dialogue.connection().setMark(25);
    replace();
    dialogue.on(bench).passive(30000);

    assertEquals(List.of(), bench.backend().open());
    assertEquals("midStream", sessions().get(0).reason());
  }

  @Test
  void pinholeOfATranslatedParent_keepsItsTranslation() throws Exception {
    InetSocketAddress outside = new InetSocketAddress("203.0.113.1", 40_001);
    FlowTuple original =
        new FlowTuple(6, CLIENT.getAddress(), 40_001, SERVER.getAddress(), SERVER.getPort());
    FlowTuple reply =
        new FlowTuple(6, SERVER.getAddress(), SERVER.getPort(), outside.getAddress(), 40_001);
    bench
        .conntrack()
        .add(new Connection(0x1234, original, reply, 25 | PROVEN, FakeConntrackKernel.ESTABLISHED));
    Endpoint inside = new Endpoint(CLIENT.getAddress(), 30_000);
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.ONCE,
            Transport.TCP,
            SERVER.getAddress(),
            outside.getAddress(),
            30_007,
            WorkerBench.MARKS.childMark(25 | VETTED, false),
            30_000,
            COMMENT,
            new ChildTranslation(inside, null));
    bench.backend().openSession().apply(List.of(), List.of(pinhole));

    assertEquals(new Adoption.Result(1, 1, 0), adopt());
    Expectation adopted = bench.table().pending().get(0);
    assertEquals(pinhole, adopted.pinhole());
    assertEquals(inside, adopted.request().destination());
    assertEquals(Direction.ORIGINAL, adopted.request().announcedIn());
  }

  @Test
  void translatedParents_areTakenOverWithTheirShifts_andTheKernelIsAskedNothingMore()
      throws Exception {
    for (int port = 40_001; port < 40_101; port++) {
      FlowTuple original =
          new FlowTuple(6, CLIENT.getAddress(), port, SERVER.getAddress(), SERVER.getPort());
      InetSocketAddress outside = new InetSocketAddress("203.0.113.1", port);
      FlowTuple reply =
          new FlowTuple(6, SERVER.getAddress(), SERVER.getPort(), outside.getAddress(), port);
      Connection connection =
          new Connection(port, original, reply, PROVEN, FakeConntrackKernel.ESTABLISHED);
      connection.shift(false, port);
      bench.conntrack().add(connection);
    }
    List<Integer> shifts = new ArrayList<>();
    new Adoption(
            ConntrackClient.open(bench.conntrack()),
            bench.backend().openSession(),
            bench.table(),
            left -> {
              Flow flow = bench.worker().takeover().takeOver(left);
              shifts.add(notNull(flow).reading().adjustment(Direction.ORIGINAL).offsetAfter());
              return flow;
            },
            bench.helpersInForce(),
            WorkerBench.MARKS,
            bench.events(),
            HandOver.NOTHING,
            Clock.SYSTEM)
        .run();
    assertEquals(0, bench.conntrack().gets());
    assertEquals(0, bench.conntrack().changes());
    assertEquals(IntStream.range(40_001, 40_101).boxed().toList(), shifts);
  }

  private static Pinhole media(int port, OwnerId call, Stay stay) {
    long nowSeconds = System.currentTimeMillis() / 1000;
    String comment =
        new PinholeComment(
                "ftp", "00009999", 40_001, 25, nowSeconds, stay, 0, call, "m" + port, "0")
            .text();
    return new Pinhole(
        Pinhole.Kind.OPEN,
        Transport.UDP,
        SERVER.getAddress(),
        CLIENT.getAddress(),
        port,
        WorkerBench.MARKS.childMark(25 | VETTED, false),
        60_000,
        comment,
        null);
  }

  /** What only rang is over a while after the start, however long its ports might have stayed. */
  @Test
  void ownerBeyondAFlow_ofWhichNothingLasts_endsAfterATime_andOthersStay() throws Exception {
    Stay lasting = new Stay(Stay.Kind.OWNER, 0, 0, 0, 43_200_000);
    Stay ringing = new Stay(Stay.Kind.OWNER, 0, 0, 0, 43_200_000, 180_000, true);
    OwnerId rang = new OwnerId(1, 2);
    OwnerId answered = new OwnerId(1, 3);
    bench
        .backend()
        .openSession()
        .apply(List.of(), List.of(media(30_000, rang, ringing), media(30_002, answered, lasting)));
    assertEquals(new Adoption.Result(0, 2, 0), adopt());
    long nowNs = System.nanoTime();
    Owner owner = notNull(bench.table().owners().find("ftp", rang));
    assertTrue(owner.isProvisional());
    assertFalse(notNull(bench.table().owners().find("ftp", answered)).isProvisional());
    assertEquals(
        List.of(), bench.table().owners().due(nowNs + Duration.ofSeconds(179).toNanos(), 8));
    assertEquals(
        List.of(owner), bench.table().owners().due(nowNs + Duration.ofSeconds(181).toNanos(), 8));
    assertTrue(owner.isCutWhenDue());
    assertEquals(
        List.of(owner), bench.table().owners().due(nowNs + Duration.ofHours(11).toNanos(), 8));
  }

  /** A process that was told how long an owner lives tells the next one. */
  @Test
  void ownerBeyondAFlow_thatIsHandedOver_endsWhenItsHelperSaid() throws Exception {
    OwnerId call = new OwnerId(1, 2);
    Stay stay = new Stay(Stay.Kind.OWNER, 0, 0, 0, 43_200_000);
    bench.backend().openSession().apply(List.of(), List.of(media(30_000, call, stay)));
    left =
        new HandOver(
            0,
            List.of(),
            List.of(),
            HalfOpenState.NONE,
            new HandOver.Beyond(
                List.of(),
                List.of(),
                List.of(),
                List.of(
                    new KeptOwner("ftp", call, 32_000, true),
                    new KeptOwner("ftp", new OwnerId(9, 9), 32_000, true))));
    adopt();
    long nowNs = System.nanoTime();
    Owner owner = notNull(bench.table().owners().find("ftp", call));
    assertEquals(
        List.of(), bench.table().owners().due(nowNs + Duration.ofSeconds(31).toNanos(), 8));
    assertEquals(
        List.of(owner), bench.table().owners().due(nowNs + Duration.ofSeconds(33).toNanos(), 8));
    assertTrue(owner.isCutWhenDue());
    List<KeptOwner> kept = bench.table().owners().kept(nowNs + Duration.ofSeconds(2).toNanos());
    assertEquals(1, kept.size());
    assertTrue(kept.get(0).leftMs() <= 30_000 && kept.get(0).leftMs() > 29_000, kept.toString());
  }

  /**
   * A call of a killed agent: it ends when its comment says at the latest, or sooner if kept so.
   */
  @Test
  void ownerBeyondAFlow_endsAtItsLongest_orWhenItIsKeptForLess_andItsPortIsTaken()
      throws Exception {
    OwnerId call = new OwnerId(1, 2);
    Endpoint inside = new Endpoint(CLIENT.getAddress(), 30_000);
    InetAddress outside = new InetSocketAddress("203.0.113.1", 0).getAddress();
    long announcedSeconds = System.currentTimeMillis() / 1000 - 100;
    Stay stay = new Stay(Stay.Kind.OWNER, 0, 0, 0, 300_000);
    String comment =
        new PinholeComment("ftp", "00009999", 40_001, 25, announcedSeconds, stay, 0, call, "m", "0")
            .text();
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.OPEN,
            Transport.UDP,
            SERVER.getAddress(),
            outside,
            30_008,
            WorkerBench.MARKS.childMark(25 | VETTED, false),
            60_000,
            comment,
            new ChildTranslation(inside, null));
    bench.backend().openSession().apply(List.of(), List.of(pinhole));
    assertEquals(new Adoption.Result(0, 1, 0), adopt());

    Expectation adopted = bench.table().pending().get(0);
    long nowNs = System.nanoTime();
    assertFalse(adopted.isOverdue(nowNs + Duration.ofSeconds(195).toNanos()));
    assertTrue(adopted.isOverdue(nowNs + Duration.ofSeconds(202).toNanos()));
    assertEquals(30_008, bench.table().standingPort(Transport.UDP, outside, inside));
    Endpoint seen = new Endpoint(outside, 30_008);
    assertEquals(adopted, bench.table().leadingFrom(17, seen, "ftp"));
    Owner owner = bench.table().owners().find("ftp", call);
    assertEquals(adopted.owner(), owner);
    assertNotNull(owner);
    assertTrue(owner.stands("m") && !owner.stands("p"));
    owner.keepUntil(nowNs + Duration.ofSeconds(32).toNanos(), true);
    assertEquals(
        List.of(), bench.table().owners().due(nowNs + Duration.ofSeconds(31).toNanos(), 8));
    assertEquals(
        List.of(owner), bench.table().owners().due(nowNs + Duration.ofSeconds(33).toNanos(), 8));
  }

  private static <T> T notNull(@Nullable T found) {
    assertNotNull(found);
    return found;
  }

  @Test
  void parentIsGone_orphanIsShut() throws Exception {
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(0, 0, 1), adopt());
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void parentIsEnding_orphanIsShut() throws Exception {
    established(PROVEN).connection().setTcpState(FakeConntrackKernel.TIME_WAIT);
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(0, 0, 1), adopt());
    assertEquals(List.of(), sessions());
  }

  @Test
  void parentThatIsHalfClosed_goesOn_andEndsWithTheOtherSide() throws Exception {
    TcpDialogue dialogue = established(PROVEN);
    dialogue.connection().setTcpState(FakeConntrackKernel.CLOSE_WAIT);
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(1, 1, 0), adopt());
    dialogue.sayQuit();
    bench.turn();
    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), sessions());
  }

  @Test
  void parentWasNeverVetted_orphanIsShut() throws Exception {
    established(0);
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(0, 0, 1), adopt());
  }

  @Test
  void commentOfSomebodyElse_orphanIsShut() throws Exception {
    established(PROVEN);
    inKernel(30000, "by hand");
    inKernel(30001, COMMENT.replace("ftp", "sip"));

    assertEquals(new Adoption.Result(1, 0, 2), adopt());
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void twoOfOneKey_theYoungerStays() throws Exception {
    established(PROVEN);
    inKernel(30000, COMMENT);
    inKernel(30001, COMMENT.replace("ts44we8", "ts44we9"));

    assertEquals(new Adoption.Result(1, 1, 1), adopt());
    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30001"), bench.backend().open());
  }

  @Test
  void opaqueParent_keepsItsPinholeAndIsNotRead() throws Exception {
    TcpDialogue dialogue = established(VETTED | OPAQUE);
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(1, 1, 0), adopt());
    assertEquals("opaqueBefore", sessions().get(0).reason());
    bench.conntrack().remove(dialogue.connection());
    bench.endIfGone(dialogue.connection());
    bench.turn();
    assertEquals(List.of(), bench.backend().open());
    assertEquals(0, bench.worker().opaqueParents());
  }

  @Test
  void opaqueParentWithoutPinhole_isOfNoInterest() throws Exception {
    established(VETTED | OPAQUE);

    assertEquals(new Adoption.Result(0, 0, 0), adopt());
    assertEquals(List.of(), sessions());
  }

  @Test
  void parentOfAPortWithoutHelper_isOfNoInterest() throws Exception {
    InetSocketAddress other = new InetSocketAddress(SERVER.getAddress(), 2121);
    FlowTuple tuple =
        new FlowTuple(6, CLIENT.getAddress(), 40_001, other.getAddress(), other.getPort());
    bench
        .conntrack()
        .add(
            new Connection(
                0x1234, tuple, tuple.inverse(), PROVEN, FakeConntrackKernel.ESTABLISHED));
    inKernel(30000, COMMENT);

    assertEquals(new Adoption.Result(0, 0, 1), adopt());
    List<Integer> marks = new ArrayList<>();
    ConntrackClient.open(bench.conntrack())
        .dump(new DumpFilter(0, 0, 0), entry -> marks.add(entry.mark()));
    assertEquals(List.of(OPAQUE), marks, "not to be resumed when its helper is there again");
  }

  @Test
  void tooManyForTheLimit_theRestIsShut() throws Exception {
    AgentConfig.Limits base = AgentConfig.Limits.DEFAULT;
    established(PROVEN);
    inKernel(30000, COMMENT);
    inKernel(30001, COMMENT + "2");
    bench
        .table()
        .setLimits(
            new AgentConfig.Limits(
                base.expectationsPerParent(),
                base.expectationsPerSource(),
                1,
                base.parents(),
                base.parentsPerSource(),
                base.halfOpen(),
                base.bufferedBytes(),
                base.stream()));

    assertEquals(new Adoption.Result(1, 1, 1), adopt());
  }

  @Test
  void lease_isALeaseAgain() throws Exception {
    useLeases(null);
    established(PROVEN);
    inKernel(30000, COMMENT.replace(" f ", " o "));
    adopt();

    assertEquals("parent", bench.rows().get(0).lifetime());
    assertEquals(60_000, bench.table().pending().get(0).pinhole().timeoutMs());
    assertFalse(bench.table().pending().get(0).expiresInMs(System.nanoTime()) > 30_000);
  }

  /** A kernel that cannot count them does not know how many may come. */
  @Test
  void leaseOfPorts_isForThoseThatMayStillCome() throws Exception {
    useLeases(null);
    established(PROVEN);
    Pinhole lease =
        Pinhole.lease(
            Transport.TCP,
            CLIENT.getAddress(),
            SERVER.getAddress(),
            new PortRange(49152, 49160),
            0,
            WorkerBench.MARKS.childMark(25 | VETTED, false),
            60_000,
            COMMENT.replace(" f ", " o#2 "));
    bench.backend().openSession().apply(List.of(), List.of(lease));
    adopt();

    assertEquals(2, bench.table().pending().get(0).pinhole().connections());
  }

  private void useLeases(@Nullable Duration timeout) throws NetlinkException {
    bench = new WorkerBench(new FtpProtocol(), AgentConfig.Limits.DEFAULT, timeout);
  }

  /** A child, with its two tuples: from where to where its packets go, and those that answer. */
  private static Connection child(
      String source, String destination, String replySource, String replyDestination) {
    return new Connection(
        77,
        tuple(source, 50_000, destination, 30_000),
        tuple(replySource, 30_001, replyDestination, 50_001),
        25 | WorkerBench.MARKS.child(),
        FakeConntrackKernel.ESTABLISHED);
  }

  private static FlowTuple tuple(String from, int port, String to, int toPort) {
    return new FlowTuple(
        6,
        new InetSocketAddress(from, 0).getAddress(),
        port,
        new InetSocketAddress(to, 0).getAddress(),
        toPort);
  }

  private static Connection passiveChild(String client) {
    return child(client, "198.51.100.7", "198.51.100.7", client);
  }

  private List<Parent> parentsOf(Connection child) {
    return bench.table().living().parentsOf(child.identity());
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.10, 198.51.100.7, 198.51.100.7, 192.0.2.10", // passive
    "198.51.100.7, 192.0.2.10, 192.0.2.10, 198.51.100.7", // active
    "192.0.2.10, 198.51.100.7, 198.51.100.7, 203.0.113.1", // masqueraded
    "198.51.100.7, 203.0.113.1, 192.0.2.10, 198.51.100.7",
    "192.0.2.10, 203.0.113.1, 198.51.100.7, 192.0.2.10", // forwarded
    "198.51.100.7, 192.0.2.10, 192.0.2.10, 203.0.113.1",
    "192.0.2.10, 203.0.113.1, 198.51.100.7, 203.0.113.2", // both
    "198.51.100.7, 203.0.113.2, 192.0.2.10, 203.0.113.1"
  })
  void childOfAnEarlierAgent_isTiedToTheParentBetweenTheSameHosts(
      String source, String destination, String replySource, String replyDestination)
      throws Exception {
    established(PROVEN);
    Connection child = child(source, destination, replySource, replyDestination);
    bench.conntrack().add(child);
    adopt();
    assertEquals(List.of(child.identity()), bench.table().living().known());
    assertEquals(List.of("00001234"), parentsOf(child).stream().map(Parent::serial).toList());
  }

  @Test
  void childOfAnEarlierAgent_mayBeThatOfAnyParentBetweenTheSameHosts() throws Exception {
    established(PROVEN);
    new TcpDialogue(bench, new InetSocketAddress("192.0.2.10", 41_000), SERVER, 9, 25 | PROVEN)
        .connection()
        .setTcpState(FakeConntrackKernel.ESTABLISHED);
    new TcpDialogue(bench, new InetSocketAddress("192.0.2.11", 41_000), SERVER, 10, 25 | PROVEN)
        .connection()
        .setTcpState(FakeConntrackKernel.ESTABLISHED);
    Connection child = passiveChild("192.0.2.10");
    bench.conntrack().add(child);
    adopt();
    assertEquals(
        List.of("00001234", "00000009"), parentsOf(child).stream().map(Parent::serial).toList());
  }

  @Test
  void childOfAnEarlierAgent_betweenOtherHosts_isTiedToNobody() throws Exception {
    established(PROVEN);
    Connection child = passiveChild("192.0.2.11");
    bench.conntrack().add(child);
    adopt();
    assertEquals(List.of(), bench.table().living().known());
  }

  @Test
  void childOfAnEarlierAgent_endsAsItsEventSays() throws Exception {
    established(PROVEN);
    Connection child = passiveChild("192.0.2.10");
    bench.conntrack().add(child);
    adopt();
    FakeEventsKernel kernel = new FakeEventsKernel();
    ConntrackEvents socket = ConntrackEvents.open(kernel);
    kernel.ended(child);
    socket.receive(EventsBench.events(socket, bench));
    assertEquals(List.of(), bench.table().living().known());
  }

  private void passiveOpens(TcpDialogue dialogue) {
    // Each side's first line may be the end of one whose beginning nobody has seen.
    dialogue.client("TYPE I\r\n").server("200 ok\r\n");
    dialogue.client("NOOP\r\n").server("200 ok\r\n").passive(30001);
    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30001"), bench.backend().open());
  }

  @ParameterizedTest
  @CsvSource({"4, false", "5, false", "4, true", "5, true"})
  void halfClosed_isReadOn_untilTheOtherSideCloses(int state, boolean byServer) throws Exception {
    TcpDialogue dialogue = established(PROVEN);
    dialogue.connection().close(byServer, state);
    adopt();
    passiveOpens(dialogue);
    dialogue.fin(!byServer);
    bench.turn();
    assertEquals(List.of(), sessions());
    assertEquals(List.of(), bench.backend().open());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void halfClosed_itsFinComesOnceMore_isReadOn(boolean byServer) throws Exception {
    TcpDialogue dialogue = established(PROVEN);
    dialogue.connection().close(byServer, FakeConntrackKernel.FIN_WAIT);
    adopt();
    dialogue.fin(byServer);
    bench.turn();
    assertEquals(1, sessions().size());
    dialogue.fin(!byServer);
    bench.turn();
    assertEquals(List.of(), sessions());
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        FakeConntrackKernel.CLOSE_WAIT,
        FakeConntrackKernel.LAST_ACK,
        FakeConntrackKernel.TIME_WAIT
      })
  void replaced_halfClosed_whateverTheKernelMadeOfIt_goesOnAtTheVeryByte(int state)
      throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login().client("PASV\r\n");
    dialogue.fin(false);
    dialogue.connection().close(false, state);
    replace();
    dialogue.on(bench).server("227 Entering Passive Mode (198,51,100,7,117,48)\r\n");
    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30000"), bench.backend().open());
    assertTrue(parentOf(dialogue).isHalfClosed());

    dialogue.fin(true);
    bench.turn();
    assertEquals(List.of(), sessions());
    assertEquals(List.of(), bench.backend().open());
  }

  private Parent parentOf(TcpDialogue dialogue) {
    Flow flow = bench.worker().flows().find(dialogue.connection().identity());
    assertNotNull(flow);
    return flow.parent();
  }

  @ParameterizedTest
  @CsvSource({"6, true, 1", "7, true, 1", "8, true, 0", "6, false, 0", "7, false, 0"})
  void twoFins_ofWhichNobodyTells_isReadOnOnlyWhileAChildLives(
      int state, boolean childLives, int parents) throws Exception {
    TcpDialogue dialogue = established(PROVEN);
    dialogue.connection().close(false, state);
    if (childLives) {
      bench.conntrack().add(passiveChild("192.0.2.10"));
    }
    assertEquals(parents, adopt().parents());
    assertEquals(25 | (parents == 1 ? PROVEN : OPAQUE), dialogue.connection().mark());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void parentThatIsNotRead_isKnownWhileAChildLives(boolean childLives) throws Exception {
    TcpDialogue dialogue = established(VETTED | OPAQUE);
    Connection child = passiveChild("192.0.2.10");
    if (childLives) {
      bench.conntrack().add(child);
    }
    adopt();
    assertEquals(childLives ? 1 : 0, sessions().size());
    assertEquals(childLives ? List.of(parentOf(dialogue)) : List.of(), parentsOf(child));
  }
}
