package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.flow.KernelFlowFinder;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.pinholed.kernel.route.RouteClient;

/** Packets that were written down, read without a queue of the kernel and at their own time. */
class ReplayTest {
  /** A day on which nobody runs this test: 2001-09-09 01:46:40 UTC. */
  private static final long BEGAN_SECONDS = 1_000_000_000;

  private record Written(long seconds, ByteBuffer packet) {}

  /** Packets with their times; the clock shows the time of the packet that was read last. */
  private static final class WrittenPackets implements PacketSource, Clock {
    private final Deque<Written> left = new ArrayDeque<>();
    private final List<String> verdicts = new ArrayList<>();
    private long nowSeconds = BEGAN_SECONDS;
    private int lastId;

    void add(long afterSeconds, byte[] packet) {
      left.add(new Written(BEGAN_SECONDS + afterSeconds, ByteBuffer.wrap(packet)));
    }

    @Override
    public void setReceiveTimeout(@Nullable Duration timeout) {
      // what was written down is there at once
    }

    @Override
    public int receive(PacketHandler handler) {
      Written next = left.poll();
      if (next == null) {
        return 0;
      }
      nowSeconds = next.seconds();
      int id = ++lastId;
      handler.onPacket(new QueuedPacket(id, next.packet().array()).asItIs());
      return 1;
    }

    @Override
    public void accept(int packetId) {
      verdicts.add("accept " + packetId);
    }

    @Override
    public void drop(int packetId) {
      verdicts.add("drop " + packetId);
    }

    @Override
    public void acceptChanged(int packetId, ByteBuffer payload, int offset, int lengthBytes) {
      verdicts.add("changed " + packetId);
    }

    @Override
    public void acceptThrough(int packetId) {
      verdicts.add("through " + packetId);
    }

    @Override
    public void flush() {}

    @Override
    public void wake() {}

    @Override
    public void attachConntrack(boolean wanted) {}

    @Override
    public int queueNumber() {
      return 0;
    }

    @Override
    public long overruns() {
      return 0;
    }

    @Override
    public long nanoTime() {
      return nowSeconds * 1_000_000_000L;
    }

    @Override
    public long epochMicros() {
      return nowSeconds * 1_000_000L;
    }
  }

  @Test
  void writtenPackets_openAtTheirOwnTime() throws Exception {
    WrittenPackets written = new WrittenPackets();
    WorkerBench bench = WorkerBench.at(written);
    TcpDialogue dialogue = new TcpDialogue(bench);
    written.add(0, dialogue.synAck());
    written.add(1, dialogue.serverSays("220 ready\r\n", 0));
    written.add(2, dialogue.clientSays("USER joe\r\n", 0));
    written.add(3, dialogue.serverSays("331 password\r\n", 0));
    written.add(4, dialogue.clientSays("PASS secret\r\n", 0));
    written.add(5, dialogue.serverSays("230 in\r\n", 0));
    written.add(3600, dialogue.clientSays("PASV\r\n", 0));
    written.add(3601, dialogue.serverSays("227 Passive (198,51,100,7,117,48)\r\n", 0));

    ConntrackClient conntrack = ConntrackClient.open(bench.conntrack());
    PinholeBackend.Session pinholes = bench.backend().openSession();
    QueueWorker worker =
        new QueueWorker(
            new WorkerSockets(
                written,
                conntrack,
                new KernelFlowFinder(conntrack, pinholes),
                RouteClient.open(bench.routes()),
                bench.ports(),
                pinholes),
            new WorkerOptions(
                false, true, id -> true, WorkerBench.MARKS, WorkerBench.MOST_HELD_PACKETS),
            bench.worker().helpers(),
            new WorkerShared(
                bench.table(),
                new ParentOwners(AgentConfig.Limits.DEFAULT),
                bench.events(),
                bench.metrics(),
                bench.traces(),
                written));
    worker.turn(); // the SYN+ACK, before conntrack has the last part of the handshake
    dialogue.connectUnseen();
    while (!written.left.isEmpty()) {
      worker.turn();
    }

    assertEquals(
        List.of(
            "through 1",
            "through 2",
            "through 3",
            "through 4",
            "through 5",
            "through 6",
            "through 7",
            "through 8"),
        written.verdicts);
    assertEquals(1, bench.backend().open().size());
    AgentEvent opened =
        bench.log().all().stream()
            .filter(event -> event.kind() == AgentEvent.Kind.CREATED)
            .findFirst()
            .orElseThrow();
    assertEquals((BEGAN_SECONDS + 3601) * 1_000_000, opened.epochMicros());
    SessionRow row = worker.flows().listing().sessions(ListingFilter.ALL).get(0);
    assertEquals(3600, row.ageSeconds());
    assertEquals(0, row.idleSeconds());
  }
}
