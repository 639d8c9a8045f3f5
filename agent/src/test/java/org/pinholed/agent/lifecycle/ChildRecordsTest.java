package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.ChildTraffic;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

class ChildRecordsTest {
  private static final FlowTuple FIRST =
      new FlowTuple(
          6, TcpDialogue.CLIENT.getAddress(), 50_001, TcpDialogue.SERVER.getAddress(), 30_000);
  private static final int TCP_CLOSE = 8;

  private final WorkerBench bench;
  private final ChildRecords records;

  ChildRecordsTest() throws NetlinkException {
    bench = new WorkerBench();
    records = new ChildRecords(bench.events(), Clock.SYSTEM);
  }

  private static ConntrackEntry entry(FlowTuple reply, long leftSeconds, int tcpState, long bytes) {
    return new ConntrackEntry(
        FIRST,
        reply,
        0xc1,
        0,
        ConntrackEntry.IPS_SEEN_REPLY,
        leftSeconds,
        tcpState,
        "",
        bytes < 0 ? -1 : 3,
        bytes,
        bytes < 0 ? -1 : 4,
        bytes < 0 ? -1 : bytes * 10,
        0,
        ConntrackEntry.TcpCloser.NOBODY);
  }

  private static ConntrackEntry last(long leftSeconds, int tcpState) {
    return entry(FIRST.inverse(), leftSeconds, tcpState, 300);
  }

  private Expectation announced() {
    new TcpDialogue(bench).login().passive(30_000);
    return bench.table().pending().iterator().next();
  }

  private AgentEvent record(int index) {
    return bench.log().traffic().get(index);
  }

  private static ChildTraffic of(AgentEvent event) {
    ChildTraffic traffic = event.traffic();
    if (traffic == null) {
      throw new AssertionError("no traffic: " + event);
    }
    return traffic;
  }

  @Test
  void child_hasARecordAtItsBegin_andOneAtItsEnd() {
    Expectation expectation = announced();
    ConntrackEntry child = last(0, ConntrackEntry.TCP_TIME_WAIT);
    records.began(child, child.identity(), expectation);
    records.ended(child, child.identity(), List.of());

    AgentEvent began = record(0);
    assertEquals(AgentEvent.Kind.CHILD_BEGAN, began.kind());
    assertEquals("227", began.reason());
    assertEquals("000000c1", began.childSerial());
    assertEquals(50_001, began.source() == null ? 0 : began.source().port());
    assertNull(of(began).sent());
    AgentEvent ended = record(1);
    assertEquals("finished", ended.reason());
    assertEquals("ftp", ended.helper());
    assertEquals(25, ended.policyId());
    assertEquals(began.serial(), ended.serial());
    assertEquals(expectation.id(), ended.expectationId());
    assertEquals(new ChildTraffic.Count(3, 300), of(ended).sent());
    assertEquals(new ChildTraffic.Count(4, 3000), of(ended).received());
    assertTrue(Math.abs(began.epochMicros() - of(ended).beganMicros()) < 1_000_000);
    assertTrue(of(ended).lastedMillis() >= 0);
  }

  @Test
  void translatedChild_hasItsEndsAsTheyLeave() throws Exception {
    InetAddress outside = InetAddress.getByAddress(new byte[] {(byte) 203, 0, 113, 9});
    FlowTuple reply = new FlowTuple(6, FIRST.destination(), 30_000, outside, 1025);
    ConntrackEntry child = entry(reply, 0, ConntrackEntry.TCP_TIME_WAIT, 300);
    records.ended(child, child.identity(), List.of());
    assertEquals("203.0.113.9:1025", String.valueOf(of(record(0)).translatedSource()));
    assertNull(of(record(0)).translatedDestination());
  }

  @Test
  void childOfAnAgentBefore_isTold_withItsParentIfOnlyOneCanBe() {
    Expectation expectation = announced();
    ConntrackEntry child = last(0, ConntrackEntry.TCP_TIME_WAIT);
    records.ended(child, child.identity(), List.of(expectation.parent()));
    records.ended(child, child.identity(), List.of(expectation.parent(), expectation.parent()));

    assertEquals(expectation.parent().serial(), record(0).serial());
    assertEquals(0, of(record(0)).beganMicros());
    assertEquals(-1, of(record(0)).lastedMillis());
    assertEquals("", record(1).serial());
  }

  @Test
  void kernelThatDoesNotCount_leavesTheCountsOut() {
    ConntrackEntry child = entry(FIRST.inverse(), 0, ConntrackEntry.TCP_TIME_WAIT, -1);
    records.ended(child, child.identity(), List.of());
    assertNull(of(record(0)).sent());
    assertNull(of(record(0)).received());
  }

  @Test
  void endAmongLostEvents_isToldOnce() {
    ConntrackEntry child = last(0, ConntrackEntry.TCP_TIME_WAIT);
    records.began(child, child.identity(), announced());
    records.keepOnly(Set.of(child.identity()));
    assertEquals(1, bench.log().traffic().size());
    records.keepOnly(Set.of());
    records.keepOnly(Set.of());
    assertEquals(2, bench.log().traffic().size());
    assertEquals("untold", record(1).reason());
  }

  @Test
  void cause_isWhatTheKernelSaidLast() {
    assertEquals(ChildEnd.FINISHED, ChildEnd.of(last(-1, ConntrackEntry.TCP_TIME_WAIT), false));
    assertEquals(ChildEnd.FINISHED, ChildEnd.of(last(60, ConntrackEntry.TCP_TIME_WAIT), false));
    assertEquals(ChildEnd.RESET, ChildEnd.of(last(-1, TCP_CLOSE), false));
    assertEquals(ChildEnd.REMOVED, ChildEnd.of(last(60, ConntrackEntry.TCP_ESTABLISHED), false));
    assertEquals(ChildEnd.CUT, ChildEnd.of(last(60, ConntrackEntry.TCP_ESTABLISHED), true));
    assertEquals(ChildEnd.TIMEOUT, ChildEnd.of(last(-1, ConntrackEntry.TCP_ESTABLISHED), true));
  }

  @Test
  void everyCause_isInTheDocumentation_withItsWord() throws Exception {
    String page = Files.readString(Path.of("..", "docs", "events.md"));
    for (ChildEnd each : ChildEnd.values()) {
      assertTrue(page.contains("| `" + each.word() + "` |"), each::word);
    }
  }

  /** The events of the kernel lead here. */
  @Test
  void eventsOfTheKernel_makeTheRecords() throws Exception {
    FakeEventsKernel kernel = new FakeEventsKernel();
    ConntrackEvents socket = ConntrackEvents.open(kernel);
    KernelEvents events = EventsBench.events(socket, bench);
    announced();
    var child = EventsBench.child(0xc1, 50_001, 30_000);
    kernel.began(child);
    kernel.began(child); // told twice
    kernel.ended(child);
    socket.receive(events);
    assertEquals(
        List.of(AgentEvent.Kind.CHILD_BEGAN, AgentEvent.Kind.CHILD_ENDED),
        bench.log().traffic().stream().map(AgentEvent::kind).toList());
    assertEquals(record(0).serial(), record(1).serial());
  }
}
