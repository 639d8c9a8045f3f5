package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/** Two workers of one agent. */
class QueueWorkersTest {
  private static final String PINHOLE = "ONCE TCP 192.0.2.10 > 198.51.100.7:30000";

  private final WorkerBench one;
  private final WorkerBench two;
  private final QueueWorkers workers;

  QueueWorkersTest() throws NetlinkException {
    AgentConfig.Limits limits =
        new AgentConfig.Limits(8, 100, 100, 2, 2, 1024, 16 << 20, HelperLimits.DEFAULT);
    one = new WorkerBench(new FtpProtocol(), limits, Duration.ofSeconds(30));
    two = one.anotherWorker();
    workers = one.with(two);
  }

  private static TcpDialogue dialogue(WorkerBench bench, int clientPort, int id, int policyId) {
    return new TcpDialogue(
        bench, new InetSocketAddress("192.0.2.10", clientPort), TcpDialogue.SERVER, id, policyId);
  }

  private void turn() {
    one.turn();
    two.turn();
  }

  private int policyOfThePinhole() {
    Pinhole open = one.backend().find(PINHOLE);
    assertNotNull(open, () -> "open: " + one.backend().open());
    return open.mark() & WorkerBench.MARKS.policyMask();
  }

  @Test
  void parents_areLimitedTogether() {
    dialogue(one, 40001, 1, 25).login();
    TcpDialogue second = dialogue(two, 40002, 2, 25).login();
    dialogue(one, 40003, 3, 25).login();
    TcpDialogue refused = dialogue(two, 40004, 4, 25).login();
    assertEquals(2, workers.parents());
    assertEquals(1, one.metrics().of("limit parents"));
    assertEquals(1, two.metrics().of("limit parents"));
    assertEquals(
        WorkerBench.MARKS.opaque(), refused.connection().mark() & WorkerBench.MARKS.opaque());

    two.worker().post(() -> two.end(second.connection(), AgentEvent.Kind.PARENT_CLOSED));
    turn();
    dialogue(one, 40005, 5, 25).login();
    assertEquals(2, workers.parents());
    assertEquals(1, one.metrics().of("limit parents"));
  }

  @Test
  void bufferedBytes_areSharedByAllWorkers_andALargeFlowGivesWayToASmallOne() throws Exception {
    HelperLimits stream = new HelperLimits(512, 1024, 4, 512);
    int limit = (int) (4 * stream.mostBytesPerFlow());
    AgentConfig.Limits limits =
        new AgentConfig.Limits(8, 100, 100, 1000, 1000, 1024, limit, stream);
    WorkerBench three = new WorkerBench(new FtpProtocol(), limits, Duration.ofSeconds(30));
    WorkerBench four = three.anotherWorker();
    QueueWorkers both = three.with(four);
    // Half lines of a few clients until nothing is left, by one worker.
    List<TcpDialogue> attackers = new ArrayList<>();
    String half = "x".repeat(400);
    int id = 1;
    for (int client = 1; client <= 8; client++) {
      for (int flow = 0; flow < 10; flow++) {
        TcpDialogue dialogue =
            new TcpDialogue(
                three,
                new InetSocketAddress("192.0.2." + client, 40000 + flow),
                TcpDialogue.SERVER,
                id++,
                25);
        dialogue.connect();
        attackers.add(dialogue);
        dialogue.deliver(dialogue.clientSays(half, 0));
        dialogue.deliver(dialogue.serverSays(half, 0));
      }
    }
    three.turn();
    assertTrue(both.bufferedBytes() <= limit, () -> "used " + both.bufferedBytes());
    assertTrue(both.opaqueParents() > 0);
    int gaveWay = three.metrics().of("reason bufferBudget ftp");
    assertEquals(both.opaqueParents(), gaveWay);
    // An honest client of the other worker sends a line in two halves.
    TcpDialogue honest =
        new TcpDialogue(
            four, new InetSocketAddress("192.0.2.100", 40000), TcpDialogue.SERVER, id, 25);
    honest.login();
    honest.deliver(honest.clientSays("PA", 0));
    honest.deliver(honest.clientSays("SV\r\n", 0));
    honest.deliver(honest.serverSays("227 ok (198,51,100,7,117,", 0));
    honest.deliver(honest.serverSays("48)\r\n", 0));
    three.turn();
    assertEquals(1, four.backend().open().size(), () -> "open: " + four.backend().open());
    assertEquals(0, four.metrics().of("reason bufferBudget ftp"));
    assertTrue(both.bufferedBytes() <= limit, () -> "used " + both.bufferedBytes());
    // Ends give everything back.
    for (TcpDialogue dialogue : attackers) {
      dialogue.deliver(dialogue.clientSays("", PacketView.RST));
    }
    three.turn();
    assertEquals(0, both.bufferedBytes());
    three.assertVerdicts();
    four.assertVerdicts();
  }

  @Test
  void endOfAConntrack_isToldToItsWorker_andWakesNobodyIfItIsNotKnown() {
    TcpDialogue ended = dialogue(two, 40002, 2, 25).login().passive(30000);
    two.conntrack().remove(ended.connection());
    workers.endParentIfGone(ended.connection().identity(), false);
    assertEquals(0, one.queue().wakes());
    assertEquals(1, two.queue().wakes());
    two.turn();
    assertEquals(List.of(), one.backend().open());
    assertEquals(0, workers.parents());
    assertEquals(1, workers.lostParents());

    workers.endParentIfGone(ended.connection().identity(), false); // as two minutes after each FIN
    assertEquals(0, one.queue().wakes());
    assertEquals(1, two.queue().wakes());
  }

  @Test
  void lostParent_isNeverCountedAmongThoseThatAreLeft() {
    TcpDialogue lost = dialogue(one, 40001, 1, 25).login().passive(30000);
    one.conntrack().remove(lost.connection());
    workers.endParentIfGone(lost.connection().identity(), false);
    List<Integer> seen = new ArrayList<>();
    one.log().whenTold(() -> seen.add(workers.lostParents() + workers.parents()));
    one.turn();
    assertEquals(List.of(1), seen, "while its pinhole is shut");
    assertEquals(1, workers.lostParents());
    assertEquals(0, workers.parents());
  }

  @Test
  void endOfAConntrackThatWasClosed_isNotALostParent() {
    TcpDialogue reset = dialogue(one, 40001, 1, 25).login().passive(30000);
    one.conntrack().remove(reset.connection());
    workers.endParentIfGone(reset.connection().identity(), true);
    one.turn();
    assertEquals(List.of(), one.backend().open());
    assertEquals(0, workers.lostParents());
  }

  @Test
  void whatTheKernelDoesNotHaveAnyMore_isEndedByAll_andSaidOnce() {
    TcpDialogue first = dialogue(one, 40001, 1, 25).login();
    TcpDialogue second = dialogue(two, 40002, 2, 25).login();
    one.conntrack().remove(first.connection());
    two.conntrack().remove(second.connection());
    List<Integer> told = new ArrayList<>();
    CompletableFuture<Void> unused = workers.endParentsGone(Set.of()).thenAccept(told::add);
    one.turn();
    assertEquals(List.of(), told);
    two.turn();
    assertEquals(List.of(2), told);
    assertEquals(0, workers.parents());
  }

  @Test
  void ask_answersOnceAllHaveAnswered() {
    dialogue(one, 40001, 1, 25).login();
    dialogue(two, 40002, 2, 25).login();
    CompletableFuture<List<List<ConntrackEntry>>> answer =
        workers.ask(worker -> worker.flows().listing().entries(ListingFilter.ALL));
    one.turn();
    assertEquals(false, answer.isDone());
    two.turn();
    assertEquals(
        List.of(1, 2), answer.join().stream().map(entries -> entries.get(0).id()).toList());
  }

  @Test
  void samePinhole_openedByBothAtOnce_isTheYoungerOnes_whateverComesLast() {
    TcpDialogue first = dialogue(one, 40001, 1, 25).login();
    TcpDialogue second = dialogue(two, 40002, 2, 26).login();
    one.backend().beforeNext(() -> second.passive(30000));
    first.passive(30000);
    assertEquals(26, policyOfThePinhole());
    assertEquals(List.of(26), one.rows().stream().map(row -> row.policyId()).toList());
  }

  @Test
  void samePinhole_shutByOneWhileTheOtherOpensIt_staysOpen() {
    TcpDialogue first = dialogue(one, 40001, 1, 25).login().passive(30000);
    TcpDialogue second = dialogue(two, 40002, 2, 26).login();
    one.backend().beforeNext(() -> second.passive(30000));
    first.sayQuit();
    one.turn();
    assertEquals(26, policyOfThePinhole());
  }

  @Test
  void samePinhole_usedAndOverWhileItIsGivenBack_isShut() {
    TcpDialogue first = dialogue(one, 40001, 1, 25).login().passive(30000);
    TcpDialogue second = dialogue(two, 40002, 2, 26).login();
    one.backend()
        .beforeNext(
            () -> {
              second.passive(30000);
              // the transaction after this one gives it back
              one.backend()
                  .beforeNext(
                      () -> {
                        two.worker()
                            .post(
                                () -> two.end(second.connection(), AgentEvent.Kind.PARENT_CLOSED));
                        two.turn();
                      });
            });
    first.sayQuit();
    one.turn();
    turn();
    assertEquals(List.of(), one.backend().open());
  }
}
