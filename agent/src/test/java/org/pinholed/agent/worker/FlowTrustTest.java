package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.flow.LeftFlow;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;

/** Which flows may be read, and what their marks say of it when nobody knows them any more. */
class FlowTrustTest {
  private static final int VETTED = WorkerBench.MARKS.vetted();
  private static final int OPAQUE = WorkerBench.MARKS.opaque();
  private static final int PROVEN = WorkerBench.MARKS.proven();
  private static final String PORT = "PORT 192,0,2,10,19,136\r\n";

  private final WorkerBench bench;

  FlowTrustTest() throws NetlinkException {
    bench = new WorkerBench();
  }

  private TcpDialogue withMark(int mark) {
    return new TcpDialogue(bench, TcpDialogue.CLIENT, TcpDialogue.SERVER, 0x1234, mark);
  }

  private SessionRow session() {
    List<SessionRow> rows = bench.worker().flows().listing().sessions(ListingFilter.ALL);
    assertEquals(1, rows.size(), rows.toString());
    return rows.get(0);
  }

  private void assertUntrusted(String reason) {
    SessionRow row = session();
    assertEquals("untrusted", row.state());
    assertEquals(reason, row.reason());
    assertEquals(0, bench.worker().parents());
    assertEquals(1, bench.worker().opaqueParents());
  }

  /** A web page's request with a line that looks like a command, and a server in league with it. */
  private void assertAttackOpensNothing(TcpDialogue dialogue) {
    dialogue
        .client("POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n" + PORT)
        .server("200 ok\r\n")
        .client(PORT)
        .server("200 ok\r\n");
    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), bench.rows());
    bench.assertVerdicts();
  }

  @Nested
  class Proof {
    @Test
    void isInTheMark_onceTheLoginIsRead_andNotBefore() {
      TcpDialogue dialogue =
          new TcpDialogue(bench).connect().server("220 ready\r\n").client("USER joe\r\n");
      dialogue.server("331 password\r\n").client("PASS x\r\n");
      assertEquals(25 | VETTED, dialogue.connection().mark());
      dialogue.server("230 welcome\r\n");
      assertEquals(25 | VETTED | PROVEN, dialogue.connection().mark());
    }

    @Test
    void isTakenBack_whenReadingEnds() {
      TcpDialogue dialogue =
          new TcpDialogue(bench).login().client("AUTH TLS\r\n").server("234 go\r\n");
      assertEquals(25 | VETTED | OPAQUE, dialogue.connection().mark());
      assertEquals("opaque", session().state());
    }

    @Test
    void isInTheMarkAgain_behindASynAckThatBeginsNothing() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      // What the rule of the diversion does at each SYN+ACK.
      dialogue.connection().setMark(25 | VETTED);
      dialogue.deliver(dialogue.synAck());
      assertEquals(25 | VETTED | PROVEN, dialogue.connection().mark());

      dialogue.connection().setMark(25 | VETTED);
      dialogue.deliver(dialogue.synAck(0x7ffffff0, 0x1000));
      assertEquals(25 | VETTED | PROVEN, dialogue.connection().mark());
    }

    @Test
    void kernelDoesNotTakeIt_readingGoesOn_unproven() throws Exception {
      WorkerBench own =
          new WorkerBench(
              new LambdaProtocol(
                  (direction, text, facts, out) -> {
                    if (!text.equals("first")) {
                      out.proven();
                      out.expect(Announcements.once(facts, 30000).build());
                    }
                  }),
              AgentConfig.Limits.DEFAULT,
              Duration.ofSeconds(30));
      TcpDialogue dialogue = new TcpDialogue(own).connect().server("first");
      own.conntrack().failWith(Errno.ENOMEM);
      dialogue.server("a");
      assertEquals(25 | VETTED, dialogue.connection().mark());
      assertEquals(1, own.backend().open().size());

      own.conntrack().failWith(0);
      dialogue.server("b");
      assertEquals(25 | VETTED | PROVEN, dialogue.connection().mark());
      own.assertVerdicts();
    }
  }

  @Nested
  class Unknown {
    @Test
    void vettedAndNotProven_isNotResumed() {
      TcpDialogue dialogue = withMark(25 | VETTED).connectUnseen();
      assertAttackOpensNothing(dialogue);
      assertUntrusted("notProven");
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
    }

    @ParameterizedTest
    @ValueSource(ints = {0x04000000, 0x14000000, 0x34000000, 0x30000000, 0})
    void anythingButVettedAndProven_isNotResumed(int mark) {
      assertAttackOpensNothing(withMark(25 | mark).connectUnseen());
    }

    @Test
    void kernelHelper_isNotResumed() {
      TcpDialogue dialogue = withMark(25 | VETTED | PROVEN).connectUnseen();
      dialogue.connection().setHelper("ftp");
      assertAttackOpensNothing(dialogue);
      assertEquals("kernelHelper", session().reason());
    }

    @Test
    void ending_isNotBelievedAnyMore() {
      TcpDialogue dialogue = withMark(25 | VETTED | PROVEN);
      dialogue.connection().setTcpState(FakeConntrackKernel.TIME_WAIT);
      dialogue.server("226 done\r\n");
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
    }
  }

  @Nested
  class Forgotten {
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void byAnRstThatConntrackDoesNotBelieve(boolean ofTheServer) {
      TcpDialogue dialogue = new TcpDialogue(bench).connect().server("220 ready\r\n");
      dialogue.deliver(
          ofTheServer
              ? dialogue.serverSays("", PacketView.RST)
              : dialogue.clientSays("", PacketView.RST));
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void byAnRstOfAProvenFlow() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      dialogue.deliver(dialogue.serverSays("", PacketView.RST));
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void withItsConntrack_isNoError() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      bench.conntrack().remove(dialogue.connection());
      dialogue.deliver(dialogue.serverSays("", PacketView.RST));
      assertEquals(0, bench.metrics().of("event backendError "));
      bench.assertVerdicts();
    }

    @Test
    void becauseItsHelperIsSwitchedOff_andOnAgain() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      bench.worker().setHelpers(bench.helpers());
      CompletableFuture<?> ended = bench.workers().endWithoutHelper();
      bench.turn();
      assertTrue(ended.isDone());
      bench.turn();
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      bench.worker().setHelpers(bench.helpers(WorkerBench.entry(1, "ftp", null)));
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void byAClearThatTheKernelRefused() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      bench.worker().flows().listing().beginClear(ListingFilter.ALL);
      bench.end(dialogue.connection(), AgentEvent.Kind.CLEARED);
      bench.turn();
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertAttackOpensNothing(dialogue);
    }
  }

  /** The kernel is told later of what was found at the start and is not to be read. */
  @Nested
  class FoundAtTheStart {
    private LeftFlow left(TcpDialogue dialogue) throws NetlinkException {
      ConntrackEntry entry =
          ConntrackClient.open(bench.conntrack())
              .get(dialogue.connection().identity())
              .orElseThrow();
      return new LeftFlow(entry, null, null, null, false);
    }

    @Test
    void withoutAHelper_thatIsThereAgainBeforeTheKernelIsTold_isNotResumed() throws Exception {
      TcpDialogue dialogue = withMark(25 | VETTED | PROVEN).connectUnseen();
      bench.worker().setHelpers(bench.helpers());
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      bench.worker().setHelpers(bench.helpers(WorkerBench.entry(1, "ftp", null)));
      assertAttackOpensNothing(dialogue);
      assertUntrusted("notProven");
    }

    @Test
    void whoseConntrackBeginsAnewBeforeTheKernelIsTold_isRead() throws Exception {
      TcpDialogue dialogue = withMark(25 | VETTED).connectUnseen();
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      dialogue.reusePorts(0x1234, 25, 1, 2); // even with its id
      dialogue.login().passive(30000);
      assertEquals(1, bench.backend().open().size());
      assertEquals(25 | VETTED | PROVEN, dialogue.connection().mark());
    }

    @Test
    void whosePortsAreAnothersBeforeTheKernelIsTold_doesNotHarmThat() throws Exception {
      TcpDialogue dialogue = withMark(25 | VETTED).connectUnseen();
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      dialogue.reusePorts(0x5678, 25, 1, 2);
      dialogue.login().passive(30000);
      assertEquals(1, bench.backend().open().size());
      assertEquals(25 | VETTED | PROVEN, dialogue.connection().mark());
    }

    @Test
    void thatIsResetOnceItsPortsAreAnothers_doesNotHarmThat() throws Exception {
      TcpDialogue dialogue = withMark(25).login();
      byte[] reset = dialogue.clientSays("", PacketView.RST);
      // Another worker reads that one, and has begun to before the reset comes to its turn here.
      dialogue.reusePorts(0x5678, 25 | VETTED, 1, 2);
      dialogue.deliver(reset);
      assertEquals(25 | VETTED, dialogue.connection().mark());
    }

    @Test
    void behindASynWithBytes_itsAnswerBeginsNothing() throws Exception {
      TcpDialogue dialogue = withMark(25 | VETTED).connectUnseen();
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      dialogue.deliver(
          PacketBuilder.tcp(TcpDialogue.CLIENT, TcpDialogue.SERVER)
              .flags(PacketView.SYN)
              .payload("POST / HTTP/1.1\r\n\r\n")
              .build());
      assertEquals(25 | OPAQUE | PROVEN, dialogue.connection().mark());
    }

    @Test
    void isToldOnce() throws Exception {
      TcpDialogue dialogue = withMark(25 | VETTED).connectUnseen();
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      bench.turn();
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      int changes = bench.conntrack().changes();
      bench.turn();
      assertEquals(changes, bench.conntrack().changes());
    }
  }

  @Nested
  class BeginsAnew {
    @ParameterizedTest
    @ValueSource(ints = {0x10000000, 0x30000000})
    void withOldBits_theyAreReplaced(int old) {
      TcpDialogue dialogue = withMark(26 | old).login().passive(30000);
      assertEquals(26 | VETTED | PROVEN, dialogue.connection().mark());
      assertEquals(1, bench.backend().open().size());
      assertEquals(WorkerBench.MARKS.child() | 26, bench.table().pending().get(0).pinhole().mark());
    }

    @Test
    void onTheConntrackOfAProvenFlow_itIsNotProvenAnyMore() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      dialogue.reusePorts(0x1234, 25 | VETTED | PROVEN, 1_000_000, 2_000_000);
      dialogue.connect();
      assertEquals(25 | VETTED, dialogue.connection().mark());
      dialogue.server("220 ready\r\n");
      assertEquals(11, session().bytesFromServer());
      assertEquals(25 | VETTED, dialogue.connection().mark());
    }

    @Test
    void onAnEntryThatNobodyWatched_itIsUntrusted() {
      // Its SYN may have come, with bytes in it, while no agent was there.
      TcpDialogue dialogue = withMark(25 | VETTED).connect();
      assertUntrusted("midStream");
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void butNotWhereConntrackHasSeenNoSyn() {
      TcpDialogue dialogue = withMark(25 | OPAQUE).connectUnseen();
      dialogue.deliver(dialogue.synAck());
      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      assertAttackOpensNothing(dialogue);
    }
  }

  /** Bytes in a SYN or SYN+ACK are not read, so nothing that follows is. */
  @Nested
  class FastOpen {
    private byte[] synAckWithBytes() {
      return PacketBuilder.tcp(TcpDialogue.SERVER, TcpDialogue.CLIENT)
          .flags(PacketView.SYN | PacketView.ACK)
          .sequence(0xfffffff0)
          .acknowledgement(0x7ffffff1)
          .payload("220 ready\r\n")
          .build();
    }

    private byte[] synWithBytes() {
      return PacketBuilder.tcp(TcpDialogue.CLIENT, TcpDialogue.SERVER)
          .flags(PacketView.SYN)
          .sequence(0x1000)
          .payload("POST / HTTP/1.1\r\n\r\n")
          .build();
    }

    @Test
    void markedByTheDiversion_isNeverRead_andStaysMarked() {
      TcpDialogue dialogue = withMark(25 | OPAQUE | PROVEN);
      dialogue.deliver(dialogue.synAck()).deliver(dialogue.synAck());
      dialogue.connect().server("220 ready\r\n");
      assertUntrusted("fastOpen");
      assertEquals(25 | OPAQUE | PROVEN, dialogue.connection().mark());
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void inTheSynAck() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      dialogue.deliver(synAckWithBytes()).deliver(dialogue.synAck());
      dialogue.connectUnseen();
      assertUntrusted("fastOpen");
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void inTheSynAckThatIsSentAgain() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      dialogue.deliver(dialogue.synAck()).deliver(synAckWithBytes());
      assertEquals(25 | OPAQUE | PROVEN, dialogue.connection().mark());
      dialogue.connectUnseen();
      assertUntrusted("fastOpen");
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void inASynOverAFlowThatIsRead_endsNothing_butWhatItBeginsIsNotRead() {
      TcpDialogue dialogue = new TcpDialogue(bench).login();
      dialogue.deliver(synWithBytes()).passive(30000);
      assertEquals(1, bench.backend().open().size(), "it may be forged");

      dialogue.reusePorts(0x1234, 25 | VETTED, 0x1000, 0x2000);
      dialogue.connect();
      assertUntrusted("fastOpen");
      assertAttackOpensNothing(dialogue);
    }

    @Test
    void inASynOverAFlowThatNobodyKnows() {
      TcpDialogue dialogue = withMark(25 | VETTED).connectUnseen();
      dialogue.deliver(synWithBytes());
      assertEquals(25 | OPAQUE | PROVEN, dialogue.connection().mark());
    }
  }
}
