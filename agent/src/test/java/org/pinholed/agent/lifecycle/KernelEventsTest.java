package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;

class KernelEventsTest {
  private static final Duration THIRTY_SECONDS = Duration.ofSeconds(30);

  private final FakeEventsKernel kernel = new FakeEventsKernel();
  private final ConntrackEvents socket = ConntrackEvents.open(kernel);
  private WorkerBench bench;
  private KernelEvents events;

  KernelEventsTest() throws NetlinkException {
    bench = new WorkerBench();
    events = EventsBench.events(socket, bench);
  }

  /** Expectations live as long as their parent. */
  private void withLeases() throws NetlinkException {
    bench = new WorkerBench(new FtpProtocol(), AgentConfig.Limits.DEFAULT, null);
    events = EventsBench.events(socket, bench);
  }

  private static String pinhole(int port) {
    return "ONCE TCP 192.0.2.10 > 198.51.100.7:" + port;
  }

  /** A data connection as the kernel marks it. */
  private static Connection child(int id, int port) {
    return EventsBench.child(id, 50_000 + id, port);
  }

  /** Its first packet takes the pinhole out; the event comes later. */
  private void useInKernel(int port) {
    bench.backend().use(open(port));
  }

  private Pinhole open(int port) {
    Pinhole found = bench.backend().find(pinhole(port));
    assertNotNull(found, bench.backend().open().toString());
    return found;
  }

  private void receive() throws NetlinkException {
    socket.receive(events);
    bench.turn();
  }

  private static long in(Duration duration) {
    return System.nanoTime() + duration.toNanos();
  }

  private List<String> states() {
    return bench.rows().stream().map(ExpectationRow::state).toList();
  }

  private @Nullable Expectation pendingOf(int port) {
    return bench.table().pending().stream()
        .filter(expectation -> expectation.pinhole().port() == port)
        .findFirst()
        .orElse(null);
  }

  @Nested
  class Children {
    @Test
    void child_matchesItsExpectation() throws Exception {
      new TcpDialogue(bench).login().passive(30000);
      kernel.began(child(0xc1, 30000));
      receive();

      assertEquals(List.of("matched"), states());
      assertEquals("000000c1", bench.rows().get(0).childSerial());
      AgentEvent event = bench.log().all().get(1);
      assertEquals(AgentEvent.Kind.MATCHED, event.kind());
      assertEquals(25, event.policyId());
      assertEquals("00001234", event.serial());
      assertEquals("000000c1", event.childSerial());
      assertEquals("from 192.0.2.10:50193", event.detail());
    }

    @Test
    void secondChild_matchesNothing() throws Exception {
      new TcpDialogue(bench).login().passive(30000);
      kernel.began(child(0xc1, 30000));
      kernel.began(child(0xc2, 30000));
      receive();

      assertEquals(1, bench.rows().get(0).use());
      assertEquals("000000c1", bench.rows().get(0).childSerial());
    }

    @Test
    void parentBegins_nothingHappens() throws Exception {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      kernel.began(dialogue.connection());
      receive();

      assertEquals(List.of("pending"), states());
    }

    @Test
    void childEnds_parentAndRowStay() throws Exception {
      new TcpDialogue(bench).login().passive(30000);
      Connection child = child(0x1234, 30000); // even with the id of the parent
      kernel.began(child);
      kernel.ended(child);
      receive();

      assertEquals(1, bench.worker().parents());
      assertEquals(List.of("matched"), states());
    }
  }

  @Nested
  class ChildrenOfWhatIsEnding {
    @Test
    void childBeforeTheParentsEnd_toldAsMatchedOnly() throws Exception {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      useInKernel(30000);
      kernel.began(child(0xc1, 30000)); // waits to be read
      dialogue.sayQuit();
      bench.turnOfWorkerOnly();
      events.turn();
      events.turn();

      assertEquals(List.of("created 227", "matched 227"), bench.log().words());
    }

    @Test
    void pinholeStoodWhenItWasShut_endIsToldAtOnce() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      dialogue.sayQuit();
      bench.turnOfWorkerOnly();

      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of("created 227", "parentClosed 227"), bench.log().words());
    }

    @Test
    void pinholeWasUsed_andItsChildNeverArrived_endIsToldWhenAllIsRead() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      useInKernel(30000); // and the firewall dropped the packet
      dialogue.sayQuit();
      bench.turnOfWorkerOnly();
      assertEquals(List.of("created 227"), bench.log().words());
      events.turn();

      assertEquals(List.of("created 227", "parentClosed 227"), bench.log().words());
    }
  }

  @Nested
  class Parents {
    @Test
    void parentGone_endsWithEverything() throws Exception {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.conntrack().remove(dialogue.connection());
      kernel.ended(dialogue.connection());
      receive();

      assertEquals(0, bench.worker().parents());
      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of("created 227", "parentClosed 227"), bench.log().words());
    }

    @Test
    void parentGoneAndThereAgainWithItsId_staysOpen() throws Exception {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      kernel.ended(dialogue.connection()); // told late
      receive();

      assertEquals(1, bench.worker().parents());
      assertEquals(List.of(pinhole(30000)), bench.backend().open());
    }
  }

  /** Parents whose conntracks vanish while their connections go on: {@code conntrack -F}. */
  @Nested
  class LostParents {
    private TcpDialogue other(int id) {
      return new TcpDialogue(
          bench, new InetSocketAddress("192.0.2.11", 40_000 + id), TcpDialogue.SERVER, id, 25);
    }

    private void lose(TcpDialogue dialogue) throws NetlinkException {
      bench.conntrack().remove(dialogue.connection());
      kernel.ended(dialogue.connection());
      receive();
    }

    private List<String> told() {
      events.tick(System.nanoTime());
      events.tick(System.nanoTime());
      return bench.log().all().stream()
          .filter(event -> event.kind() == AgentEvent.Kind.PARENTS_LOST)
          .map(AgentEvent::detail)
          .toList();
    }

    @Test
    void allOfThem_saidInOneLine() throws Exception {
      List<TcpDialogue> dialogues = new ArrayList<>();
      for (int id = 1; id <= 5; id++) {
        dialogues.add(other(id).login().passive(30_000 + id));
      }
      for (TcpDialogue dialogue : dialogues) {
        lose(dialogue);
      }

      assertEquals(List.of(), bench.backend().open());
      assertEquals(1, told().size());
      String line = told().get(0);
      assertTrue(line.startsWith("conntrack lost 5 of 5 parents"), line);
      assertTrue(line.contains("the table was flushed"), line);
      assertEquals(5, bench.metrics().of("parentsLost"));
    }

    @Test
    void oneOfTwo_theOtherIsCounted() throws Exception {
      TcpDialogue gone = other(1).login();
      other(2).login();
      lose(gone);

      assertTrue(told().get(0).startsWith("conntrack lost 1 of 2 parents"), told()::toString);
    }

    @Test
    void moreAndMore_saidBeforeTheLast() throws Exception {
      for (int id = 1; id <= 20; id++) {
        lose(other(id).login());
        events.tick(System.nanoTime());
      }

      assertTrue(told().size() >= 2, told()::toString);
      assertTrue(told().size() <= 4, told()::toString);
      assertEquals(20, bench.metrics().of("parentsLost"));
    }

    @Test
    void picksUpAgainWithTheSameId_isNotTheVettedParent() throws Exception {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      kernel.ended(dialogue.connection());
      dialogue.connection().setMark(25); // a new entry that a packet in mid-stream made
      receive();
      assertEquals(0, bench.worker().parents());
      assertEquals(List.of(), bench.backend().open());

      dialogue.passive(30001);
      assertEquals(List.of(), bench.backend().open(), "nobody vetted what goes on");
      assertTrue(bench.log().words().contains("opaque midStream"), bench.log().words()::toString);
    }

    @Test
    void closedOrClearedOrOpaque_isNotLost() throws Exception {
      TcpDialogue closed = other(1).login();
      closed.sayQuit();
      bench.turn();
      lose(closed);
      TcpDialogue cleared = other(2).login();
      bench.worker().flows().listing().beginClear(ListingFilter.ALL);
      lose(cleared);
      TcpDialogue opaque = other(3).login().client("AUTH TLS\r\n").server("234 go on\r\n");
      assertEquals(1, bench.worker().opaqueParents());
      lose(opaque);

      assertEquals(List.of(), told());
      assertEquals(0, bench.metrics().of("parentsLost"));
    }
  }

  @Test
  void receiveFailsAgainAndAgain_waitsLongerEachTime() {
    long beganNs = System.nanoTime();
    for (int turn = 0; turn < 6; turn++) {
      kernel.failWith(Errno.ENOMEM);
      events.turn();
    }
    long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);

    assertTrue(tookMs >= 1 + 2 + 4 + 8 + 16 + 32, tookMs + " ms");
    assertEquals(6, bench.metrics().of("receiveError conntrack"));
  }

  @Nested
  class Expiry {
    @Test
    void timeOver_expiresWithALittleGrace() {
      new TcpDialogue(bench).login().passive(30000);
      events.tick(in(THIRTY_SECONDS.plusMillis(100)));
      assertEquals(List.of("pending"), states(), "the event of a child may be on its way");

      events.tick(in(THIRTY_SECONDS.plusMillis(1000)));
      assertEquals(List.of(), states());
      assertEquals(List.of("created 227", "expired 227"), bench.log().words());
      assertEquals(List.of("open 1, close 0"), bench.backend().transactions());
    }

    @Test
    void announcedOnly_waitsForItsReply() {
      // Behind a login that is not answered yet, PORT waits for its own reply.
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      dialogue.client("USER joe\r\nPORT 192,0,2,10,100,100\r\n");
      events.tick(in(THIRTY_SECONDS.minusSeconds(2)));
      assertEquals(List.of("announced"), states());

      dialogue.server("230 in\r\n200 ok\r\n");
      events.tick(in(THIRTY_SECONDS.minusSeconds(2)));
      assertEquals(List.of("pending"), states(), "its time begins with the reply");
    }

    @Test
    void announcedAndNeverAnswered_endsByItsTimeout_andALateReplyOpensNothing() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      dialogue.client("USER joe\r\nPORT 192,0,2,10,100,100\r\n");
      events.tick(in(THIRTY_SECONDS.plusMillis(1)));

      assertEquals(List.of(), states());
      assertEquals(
          0, bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0).expectations());
      assertEquals(List.of("refused neverAnswered"), bench.log().words());

      dialogue.server("230 in\r\n200 ok\r\n");
      assertEquals(List.of(), bench.backend().open());
      dialogue.client("PORT 192,0,2,10,100,101\r\n").server("200 ok\r\n");
      assertEquals(List.of("pending"), states(), "the next one has its place");
    }

    @Test
    void matched_rowGoesWhenItsTimeIsOver() throws Exception {
      new TcpDialogue(bench).login().passive(30000);
      kernel.began(child(0xc1, 30000));
      receive();
      events.tick(in(THIRTY_SECONDS.minusSeconds(5)));
      assertEquals(List.of("matched"), states());
      events.tick(in(THIRTY_SECONDS.plusSeconds(1)));

      assertEquals(List.of(), states());
      assertFalse(bench.log().words().contains("expired 227"));
    }

    @Test
    void expired_placeIsFreeAndTheNextOneOpens() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      events.tick(in(THIRTY_SECONDS.plusMillis(1000)));
      assertEquals(
          0, bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0).expectations());
      dialogue.passive(30001);

      assertTrue(bench.backend().open().contains(pinhole(30001)));
      assertEquals(List.of("created 227", "expired 227", "created 227"), bench.log().words());
    }
  }

  @Nested
  class Leases {
    @Test
    void aThirdOver_renewed() throws Exception {
      withLeases();
      new TcpDialogue(bench).login().passive(30000);
      events.tick(in(Duration.ofSeconds(19)));
      assertEquals(1, bench.backend().transactions().size());
      events.tick(in(Duration.ofSeconds(21)));

      assertEquals("renew 1, close 0", bench.backend().transactions().get(1));
      assertEquals(List.of(pinhole(30000)), bench.backend().open());
    }

    @Test
    void neverExpires() throws Exception {
      withLeases();
      new TcpDialogue(bench).login().passive(30000);
      events.tick(in(Duration.ofHours(1)));

      assertEquals(List.of("pending"), states());
    }

    @Test
    void parentEndsMeanwhile_notLeftOpen() throws Exception {
      withLeases();
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      // The worker shuts it between the look at the table and the renewal, which makes it anew.
      bench
          .backend()
          .beforeNext(
              () -> {
                bench
                    .worker()
                    .post(() -> bench.end(dialogue.connection(), AgentEvent.Kind.PARENT_CLOSED));
                bench.turn();
              });
      events.tick(in(Duration.ofSeconds(21)));

      assertEquals(List.of(), bench.backend().open());
      assertNotNull(dialogue.connection());
    }

    @Test
    void replacedMeanwhileByTheSamePinhole_staysOpen() throws Exception {
      withLeases();
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.backend().beforeNext(() -> dialogue.passive(30000));
      events.tick(in(Duration.ofSeconds(21)));

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals(List.of("pending"), states());
    }

    @Test
    void childCameMeanwhile_noSecondOneGetsIn() throws Exception {
      withLeases();
      new TcpDialogue(bench).login().passive(30000);
      // The kernel has used the pinhole up, the event waits behind the renewal, which makes it
      // anew.
      useInKernel(30000);
      events.tick(in(Duration.ofSeconds(21)));
      kernel.began(child(0xc1, 30000));
      receive();

      assertEquals(List.of("matched"), states());
      assertEquals(List.of(), bench.backend().open());
    }

    /** Its end was not told: a rule had taken our bits out of its mark. */
    @Test
    void parentIsGone_isEndedAndNotRenewed() throws Exception {
      withLeases();
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.conntrack().remove(dialogue.connection());
      events.tick(in(Duration.ofSeconds(21)));
      bench.turn();

      assertEquals(List.of("open 1, close 0", "open 0, close 1"), bench.backend().transactions());
      assertEquals(0, bench.worker().parents());
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void anotherConnectionHasItsPorts_isEndedAndNotRenewed() throws Exception {
      withLeases();
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      Connection old = dialogue.connection();
      FlowTuple original =
          ConntrackClient.open(bench.conntrack()).get(tupleOf()).orElseThrow().original();
      bench
          .conntrack()
          .add(
              new Connection(
                  old.id() + 1,
                  original,
                  original.inverse(),
                  old.mark(),
                  FakeConntrackKernel.ESTABLISHED));
      events.tick(in(Duration.ofSeconds(21)));
      bench.turn();

      assertEquals(List.of(), bench.backend().open());
    }

    private FlowTuple tupleOf() {
      return new FlowTuple(
          6,
          TcpDialogue.CLIENT.getAddress(),
          TcpDialogue.CLIENT.getPort(),
          TcpDialogue.SERVER.getAddress(),
          TcpDialogue.SERVER.getPort());
    }

    @Test
    void bitsAreGoneFromItsMark_arePutBack_andSaid() throws Exception {
      withLeases();
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      int before = dialogue.connection().mark();
      dialogue.connection().setMark(25); // ct mark set 25
      events.tick(in(Duration.ofSeconds(21)));
      bench.turn();

      assertEquals(before, dialogue.connection().mark());
      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals("renew 1, close 0", bench.backend().transactions().get(1));
      assertEquals(List.of("created 227", "marksPutBack foreignRule"), bench.log().words());
    }

    @Test
    void tooManyParentsForOneTick_theOthersAreAskedAtTheNext() throws Exception {
      withLeases();
      int parents = org.pinholed.agent.lifecycle.Leases.PARENTS_ASKED_A_TICK + 10;
      for (int id = 1; id <= parents; id++) {
        new TcpDialogue(
                bench, new InetSocketAddress("192.0.2.10", 10_000 + id), TcpDialogue.SERVER, id, 25)
            .login()
            .passive(20_000 + id);
      }
      int gets = bench.conntrack().gets();
      events.tick(in(Duration.ofSeconds(21)));
      assertEquals(
          org.pinholed.agent.lifecycle.Leases.PARENTS_ASKED_A_TICK,
          bench.conntrack().gets() - gets);
      assertEquals(10, notRenewed());
      events.tick(in(Duration.ofSeconds(21)));
      assertEquals(0, notRenewed());

      events.tick(in(Duration.ofSeconds(50)));
      assertEquals(0, notRenewed(), "nearly over: renewed, asked or not");
    }

    private long notRenewed() {
      return bench.table().pending().stream().filter(each -> !each.wasRemade()).count();
    }

    @Test
    void kernelRefusesOne_theOthersAreRenewed() throws Exception {
      withLeases();
      new TcpDialogue(bench).login().passive(30000);
      new TcpDialogue(bench, new InetSocketAddress("192.0.2.11", 40001), TcpDialogue.SERVER, 99, 26)
          .login()
          .passive(30001);
      bench.backend().refuse(pinhole -> pinhole.port() == 30000);
      events.tick(in(Duration.ofSeconds(21)));

      Expectation other = pendingOf(30001);
      assertNotNull(other);
      Expectation refused = pendingOf(30000);
      assertNotNull(refused);
      assertTrue(other.expiresInMs(System.nanoTime()) > 59_000, "its time began again");
      assertTrue(events.lastError().startsWith("renew: "), events.lastError());
      assertTrue(bench.log().words().contains("backendError renew"));
    }
  }

  @Nested
  class Repair {
    @Test
    void tableGone_openAgainWithWhatWasLeftOfTheirTime() {
      new TcpDialogue(bench).login().passive(30000);
      bench.backend().loseTable();
      events.repair();

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertTrue(open(30000).timeoutMs() <= 30_000);
      assertTrue(open(30000).timeoutMs() > 25_000);
      assertEquals(1, events.repairs());
      assertEquals(List.of("created 227", "tableRepaired foreignChange"), bench.log().words());
    }

    @Test
    void nothingMissing_saysNothing() {
      new TcpDialogue(bench).login().passive(30000);
      events.repair();

      assertEquals(0, events.repairs());
      assertEquals(List.of("created 227"), bench.log().words());
    }

    @Test
    void endedMeanwhile_shutAgain() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.backend().loseTable();
      bench
          .backend()
          .beforeNext(
              () -> {
                bench
                    .worker()
                    .post(() -> bench.end(dialogue.connection(), AgentEvent.Kind.PARENT_CLOSED));
                bench.turn();
              });
      events.repair();

      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void openedMeanwhile_openAfterwards() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      bench.backend().loseTable();
      bench
          .backend()
          .beforeNext(
              () -> {
                dialogue.passive(30001);
                bench.backend().use(open(30001)); // written into the table that was then replaced
              });
      events.repair();

      assertEquals(List.of(pinhole(30001)), bench.backend().open());
    }

    @Test
    void replacedMeanwhileByTheSamePinhole_staysOpen() {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      bench.backend().loseTable();
      bench.backend().beforeNext(() -> dialogue.passive(30000));
      events.repair();

      assertEquals(List.of(pinhole(30000)), bench.backend().open());
    }

    @Test
    void childCameMeanwhile_noSecondOneGetsIn() throws Exception {
      new TcpDialogue(bench).login().passive(30000);
      useInKernel(30000);
      bench.backend().loseTable();
      events.repair();
      kernel.began(child(0xc1, 30000));
      receive();

      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void kernelRefuses_saysSoAndTriesAgainAtTheNextTick() {
      new TcpDialogue(bench).login().passive(30000);
      bench.backend().loseTable();
      bench.backend().refuse(pinhole -> true);
      events.repair();

      assertEquals(0, events.repairs());
      assertTrue(events.lastError().startsWith("repair: "), events.lastError());
      bench.backend().refuse(pinhole -> false);
      events.tick(System.nanoTime());
      assertEquals(List.of(pinhole(30000)), bench.backend().open());
      assertEquals(1, events.repairs());
    }
  }

  @Nested
  class Overrun {
    @Test
    void lostEnd_foundByTheDump() throws Exception {
      TcpDialogue gone = new TcpDialogue(bench).login().passive(30000);
      TcpDialogue there =
          new TcpDialogue(
                  bench, new InetSocketAddress("192.0.2.11", 40001), TcpDialogue.SERVER, 99, 26)
              .login()
              .passive(30001);
      bench.conntrack().remove(gone.connection());
      kernel.overrun();
      receive();

      assertEquals(List.of("ONCE TCP 192.0.2.11 > 198.51.100.7:30001"), bench.backend().open());
      assertEquals(1, bench.worker().parents());
      assertEquals(1, bench.metrics().of("overrun conntrack"));
      assertTrue(bench.log().words().contains("resynced conntrackOverrun"));
      assertTrue(bench.conntrack().has(there.connection()));
    }

    @Test
    void lostChild_foundByTheDump() throws Exception {
      new TcpDialogue(bench).login().passive(30000);
      bench.conntrack().add(child(0xc1, 30000));
      useInKernel(30000);
      kernel.overrun();
      receive();

      assertEquals(List.of("matched"), states());
      assertEquals("000000c1", bench.rows().get(0).childSerial());
    }

    @Test
    void oldChildThatStillLives_isNotThatOfANewAnnouncementOfItsPort() throws Exception {
      TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30000);
      Connection old = child(0xc1, 30000);
      bench.conntrack().add(old);
      useInKernel(30000);
      kernel.began(old);
      receive();
      dialogue.passive(30000);
      kernel.overrun();
      receive();
      assertEquals(List.of("matched", "pending"), states());
      assertEquals(List.of(pinhole(30000)), bench.backend().open());

      useInKernel(30000); // now there is a new one, too
      bench.conntrack().add(child(0xc2, 30000));
      kernel.overrun();
      receive();
      assertEquals(List.of("matched", "matched"), states());
      assertEquals("000000c2", bench.rows().get(1).childSerial());
    }

    @Test
    void parentThatBeganAfterTheDump_stays() throws Exception {
      kernel.overrun();
      socket.receive(events);
      // In the same turn: the SYN+ACK is read, then what the dump found is compared.
      TcpDialogue dialogue = new TcpDialogue(bench).connect().server("220 ready\r\n");

      assertEquals(1, bench.worker().parents());
      assertTrue(bench.conntrack().has(dialogue.connection()));
    }

    @Test
    void dumpRefused_triedAgainAtTheNextTick() throws Exception {
      TcpDialogue gone = new TcpDialogue(bench).login().passive(30000);
      bench.conntrack().remove(gone.connection());
      kernel.overrun();
      bench.conntrack().failWith(Errno.ENOMEM);
      receive();
      assertEquals(1, bench.worker().parents());
      assertTrue(events.lastError().startsWith("conntrack: "), events.lastError());

      bench.conntrack().failWith(0);
      events.tick(System.nanoTime());
      bench.turn();
      assertEquals(0, bench.worker().parents());
      events.tick(System.nanoTime());
      bench.turn();
      assertEquals(
          1,
          bench.log().words().stream().filter("resynced conntrackOverrun"::equals).count(),
          "once is enough");
    }
  }

  @Test
  void run_stopped_ends() throws Exception {
    CountDownLatch ran = new CountDownLatch(1);
    Thread thread =
        new Thread(
            () -> {
              events.run();
              ran.countDown();
            });
    thread.start();
    events.stop();

    assertTrue(ran.await(10, TimeUnit.SECONDS));
  }
}
