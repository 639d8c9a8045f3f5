package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.kernel.netlink.NetlinkException;

/** A packet that announces nothing must leave nothing for the garbage collector. */
@SuppressWarnings("NullAway.Init")
class PacketPathAllocationTest {
  private static final int WARM_UP = 30_000;
  private static final int ROUNDS = 10;
  private static final int MEASURED = 10_000;

  private final WorkerBench bench;
  private QueuedPacket noop;
  private QueuedPacket ok;
  private int clientNext;
  private int serverNext;

  /** How far the kernel shifts what the client sends, and the server. */
  private int clientShift;

  private int serverShift;

  PacketPathAllocationTest() throws NetlinkException {
    bench = new WorkerBench();
    begin(new TcpDialogue(bench).connect());
  }

  private void begin(TcpDialogue dialogue) {
    noop = new QueuedPacket(dialogue.clientSays("NOOP\r\n", 0));
    ok = new QueuedPacket(dialogue.serverSays("200 ok\r\n", 0));
    clientNext = noop.sequence();
    serverNext = ok.sequence();
    clientShift = dialogue.connection().adjustment(false).offsetAfter();
    serverShift = dialogue.connection().adjustment(true).offsetAfter();
  }

  /** Both addresses are translated, and an announcement of each side was rewritten before. */
  private void beginTranslated() {
    TcpDialogue dialogue =
        new TcpDialogue(
            bench,
            new InetSocketAddress("192.0.2.11", 40002),
            TcpDialogue.SERVER,
            new InetSocketAddress("203.0.113.9", 40002),
            new InetSocketAddress("203.0.113.109", 21),
            0x1235,
            25);
    dialogue.connection().makeAdjustable();
    dialogue.login().client("PORT 192,0,2,11,117,48\r\n").server("200 ok\r\n").passive(30000);
    begin(dialogue);
    assertNotEquals(0, clientShift);
    assertNotEquals(0, serverShift);
  }

  private void exchange(int times) {
    for (int i = 0; i < times; i++) {
      bench.worker().onPacket(noop.with(clientNext, serverNext + serverShift));
      clientNext += 6;
      bench.worker().onPacket(ok.with(serverNext, clientNext + clientShift));
      serverNext += 8;
    }
  }

  private void retransmit(int times) {
    for (int i = 0; i < times; i++) {
      bench.worker().onPacket(noop.with(clientNext - 6, serverNext + serverShift));
      bench.worker().onPacket(ok.with(serverNext - 8, clientNext + clientShift));
    }
  }

  /**
   * The least of some rounds: what a packet costs is in each of them, what the virtual machine does
   * once in a while (it compiles, and links what was not reached before) is not.
   */
  private static long allocatedByOneRoundOf(Runnable what) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long before = threads.getThreadAllocatedBytes(self);
      what.run();
      least = Math.min(least, threads.getThreadAllocatedBytes(self) - before);
    }
    return least;
  }

  private static void assertNothing(long bytes) {
    assertTrue(bytes < MEASURED / 100, bytes + " bytes for " + 2 * MEASURED + " packets");
  }

  @Test
  void onPacket_dialogueAboutNothing_nothingAllocated() {
    exchange(WARM_UP);
    assertNothing(allocatedByOneRoundOf(() -> exchange(MEASURED)));

    assertEquals(
        6L * (WARM_UP + ROUNDS * MEASURED),
        bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0).bytesFromClient(),
        "all of it was read");
  }

  @Test
  void onPacket_ofATranslatedFlow_dialogueAboutNothing_nothingAllocated() {
    beginTranslated();
    exchange(WARM_UP);
    assertNothing(allocatedByOneRoundOf(() -> exchange(MEASURED)));
    assertTrue(
        bench.worker().flows().listing().sessions(ListingFilter.ALL).stream()
            .anyMatch(row -> row.bytesFromClient() > 6L * (WARM_UP + ROUNDS * MEASURED)),
        "all of it was read");
  }

  @Test
  void onPacket_ofATranslatedFlow_retransmissions_nothingAllocated() {
    beginTranslated();
    exchange(1);
    retransmit(WARM_UP);
    assertNothing(allocatedByOneRoundOf(() -> retransmit(MEASURED)));
  }

  @Test
  void onPacket_datagramsAboutNothing_nothingAllocated() throws NetlinkException {
    SilentProtocol protocol = new SilentProtocol();
    WorkerBench own = WorkerBench.datagrams(protocol, AgentConfig.Limits.DEFAULT, Clock.SYSTEM);
    DatagramDialogue dialogue = new DatagramDialogue(own).client("hello").server("hi");
    QueuedPacket there = new QueuedPacket(dialogue.clientSays("keep alive"));
    QueuedPacket back = new QueuedPacket(dialogue.serverSays("alive"));
    Runnable round =
        () -> {
          for (int i = 0; i < MEASURED; i++) {
            own.worker().onPacket(there.asItIs());
            own.worker().onPacket(back.asItIs());
          }
        };
    for (int i = 0; i < 3; i++) {
      round.run();
    }
    long before = protocol.bytes();
    assertNothing(allocatedByOneRoundOf(round));
    assertTrue(protocol.bytes() > before, "all of it was read");
  }

  @Test
  void onPacket_retransmissions_nothingAllocated() {
    exchange(1);
    retransmit(WARM_UP);
    assertNothing(allocatedByOneRoundOf(() -> retransmit(MEASURED)));
  }
}
