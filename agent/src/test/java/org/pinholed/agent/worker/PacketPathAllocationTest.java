package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.FakeDatagrams;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/** A packet that announces nothing must leave nothing for the garbage collector. */
@SuppressWarnings("NullAway.Init")
class PacketPathAllocationTest {
  private static final int IPV4_HEADER_BYTES = 20;
  private static final int WARM_UP = 30_000;
  private static final int ROUNDS = 10;
  private static final int MEASURED = 10_000;

  /** One packet as it stands in the receive buffer, with a sequence number that can be changed. */
  private static final class Queued {
    private final ByteBuffer buffer;
    private final QueuedPacketView view = new QueuedPacketView();
    private final int lengthBytes;

    Queued(byte[] packet) {
      byte[] datagram =
          FakeDatagrams.datagram(
              writer ->
                  writer
                      .beginNfnetlink(NetlinkConstants.NFNL_SUBSYS_QUEUE, 0, 0, 0, 2, 0)
                      .attrHeader(1, 7)
                      .raw32be(1)
                      .raw16be(0x0800)
                      .raw8(4)
                      .pad()
                      .attrBytes(10, packet)
                      .endMessage());
      lengthBytes = datagram.length;
      buffer = ByteBuffer.allocateDirect(lengthBytes).order(ByteOrder.nativeOrder());
      buffer.put(0, datagram);
    }

    QueuedPacketView with(int sequence, int acknowledgement) {
      assertTrue(view.wrap(buffer, 0, lengthBytes));
      int tcp = view.payloadOffset() + IPV4_HEADER_BYTES;
      putBigEndian(tcp + 4, sequence);
      putBigEndian(tcp + 8, acknowledgement);
      return view;
    }

    QueuedPacketView asItIs() {
      assertTrue(view.wrap(buffer, 0, lengthBytes));
      return view;
    }

    int sequence() {
      assertTrue(view.wrap(buffer, 0, lengthBytes));
      int at = view.payloadOffset() + IPV4_HEADER_BYTES + 4;
      int sequence = 0;
      for (int i = 0; i < 4; i++) {
        sequence = (sequence << 8) | Byte.toUnsignedInt(buffer.get(at + i));
      }
      return sequence;
    }

    private void putBigEndian(int at, int value) {
      buffer.put(at, (byte) (value >>> 24)).put(at + 1, (byte) (value >>> 16));
      buffer.put(at + 2, (byte) (value >>> 8)).put(at + 3, (byte) value);
    }
  }

  private final WorkerBench bench;
  private Queued noop;
  private Queued ok;
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
    noop = new Queued(dialogue.clientSays("NOOP\r\n", 0));
    ok = new Queued(dialogue.serverSays("200 ok\r\n", 0));
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
        bench.worker().flows().sessions(ListingFilter.ALL).get(0).bytesFromClient(),
        "all of it was read");
  }

  @Test
  void onPacket_ofATranslatedFlow_dialogueAboutNothing_nothingAllocated() {
    beginTranslated();
    exchange(WARM_UP);
    assertNothing(allocatedByOneRoundOf(() -> exchange(MEASURED)));
    assertTrue(
        bench.worker().flows().sessions(ListingFilter.ALL).stream()
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

  /** Reads all of a datagram and says nothing. */
  private static final class SilentProtocol implements HelperProtocol {
    private long bytes;

    @Override
    public String name() {
      return "silent";
    }

    @Override
    public Set<Transport> transports() {
      return Set.of(Transport.UDP);
    }

    @Override
    public Map<String, String> options() {
      return Map.of();
    }

    @Override
    public EntryLimits limits() {
      return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 1);
    }

    @Override
    public Factory configure(Map<String, Object> options, HelperLimits limits) {
      return (facts, shared) ->
          new DatagramHelper() {
            @Override
            public void onDatagram(
                Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
              while (datagram.remaining() > 0) {
                bytes += datagram.u8();
              }
            }

            @Override
            public String stateWord() {
              return "silent";
            }
          };
    }
  }

  @Test
  void onPacket_datagramsAboutNothing_nothingAllocated() throws NetlinkException {
    SilentProtocol protocol = new SilentProtocol();
    WorkerBench own = WorkerBench.datagrams(protocol, AgentConfig.Limits.DEFAULT, Clock.SYSTEM);
    DatagramDialogue dialogue = new DatagramDialogue(own).client("hello").server("hi");
    Queued there = new Queued(dialogue.clientSays("keep alive"));
    Queued back = new Queued(dialogue.serverSays("alive"));
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
    long before = protocol.bytes;
    assertNothing(allocatedByOneRoundOf(round));
    assertTrue(protocol.bytes > before, "all of it was read");
  }

  @Test
  void onPacket_retransmissions_nothingAllocated() {
    exchange(1);
    retransmit(WARM_UP);
    assertNothing(allocatedByOneRoundOf(() -> retransmit(MEASURED)));
  }
}
