package org.pinholed.kernel.nfqueue;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.testing.NamespaceThread;

/** Real packets of the loopback interface of a namespace, taken out by an NFQUEUE rule. */
@SuppressWarnings("NullAway.Init")
class PacketQueueIT {
  private static final int QUEUE = 21;
  private static final int IPV4_UDP_BYTES = 28;
  private static NamespaceThread namespace;
  private DatagramSocket sender;
  private DatagramSocket receiver;
  private PacketQueue queue;

  @BeforeAll
  static void openNamespace() throws IOException {
    namespace = NamespaceThread.open("pha-queue");
    namespace.exec("ip", "addr", "add", "192.0.2.1/32", "dev", "lo");
    namespace.exec(
        "iptables", "-A", "OUTPUT", "-p", "udp", "-j", "NFQUEUE", "--queue-num", "" + QUEUE);
  }

  @AfterAll
  static void closeNamespace() throws IOException {
    namespace.close();
  }

  @BeforeEach
  void open() throws IOException {
    sender = namespace.call(() -> new DatagramSocket(new InetSocketAddress("192.0.2.1", 0)));
    receiver = namespace.call(() -> new DatagramSocket(new InetSocketAddress("192.0.2.1", 0)));
    receiver.setSoTimeout(5000);
    queue = openQueue(65531, 1 << 20);
  }

  @AfterEach
  void close() {
    queue.close();
    sender.close();
    receiver.close();
  }

  private static PacketQueue openQueue(int copyRangeBytes, int receiveBufferBytes)
      throws IOException {
    return namespace.call(
        () ->
            PacketQueue.open(
                new QueueOptions(
                    QUEUE,
                    4096,
                    copyRangeBytes,
                    false,
                    false,
                    receiveBufferBytes,
                    64,
                    Duration.ofSeconds(5))));
  }

  private void send(String text) throws IOException {
    byte[] bytes = text.getBytes(US_ASCII);
    sender.send(
        new DatagramPacket(
            bytes, bytes.length, InetAddress.getByName("192.0.2.1"), receiver.getLocalPort()));
  }

  private String received() throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[65536], 65536);
    receiver.receive(packet);
    return new String(packet.getData(), 0, packet.getLength(), US_ASCII);
  }

  private int receiveIds(List<Integer> ids, int atLeast) throws NetlinkException {
    while (ids.size() < atLeast) {
      queue.receive(packet -> ids.add(packet.packetId()));
    }
    return ids.get(ids.size() - 1);
  }

  @Test
  void packet_accepted_arrives() throws IOException {
    send("hello");
    int count =
        queue.receive(
            packet -> {
              assertEquals(QUEUE, packet.queueNumber());
              assertEquals(3, packet.hook());
              assertEquals(0x0800, packet.hwProtocol());
              assertEquals(1, packet.outInterfaceIndex());
              assertEquals(0, packet.inInterfaceIndex());
              assertEquals(IPV4_UDP_BYTES + 5, packet.payloadLengthBytes());
              assertEquals(IPV4_UDP_BYTES + 5, packet.packetLengthBytes());
              assertFalse(packet.isTruncated());
              assertEquals(0x45, packet.buffer().get(packet.payloadOffset()));
              byte[] text = new byte[5];
              packet.buffer().get(packet.payloadOffset() + IPV4_UDP_BYTES, text);
              assertEquals("hello", new String(text, US_ASCII));
              queue.accept(packet.packetId());
            });
    assertEquals(1, count);
    queue.flush();
    assertEquals("hello", received());
    assertEquals(0, queue.refusedVerdicts());
  }

  private PacketQueue takeOver(int number) throws IOException {
    int descriptor = queue.descriptor();
    return namespace.call(
        () ->
            PacketQueue.adopt(
                new QueueOptions(
                    number, 4096, 65531, false, false, 1 << 20, 64, Duration.ofMillis(50)),
                descriptor));
  }

  private void acceptAll(List<Integer> ids) throws NetlinkException {
    queue.receive(
        packet -> {
          ids.add(packet.packetId());
          queue.accept(packet.packetId());
        });
    queue.flush();
  }

  /** What the process before read and did not answer is neither stuck nor passes unread. */
  @Test
  void queue_takenOver_getsReadPacketsAgainBehindThoseThatWait() throws IOException {
    send("was read");
    List<Integer> ids = new ArrayList<>();
    receiveIds(ids, 1);
    send("waits");
    queue = takeOver(QUEUE);
    acceptAll(ids);
    assertEquals("waits", received());
    acceptAll(ids);
    assertEquals("was read", received());
    assertEquals(List.of(1, 2, 3), ids);
    assertEquals(0, queue.refusedVerdicts());
    assertEquals(0, statisticsNow().queued());
  }

  @Test
  void queue_takenOverWithNothingThatWaits_getsReadPacketsAgain() throws IOException {
    send("was read");
    List<Integer> ids = new ArrayList<>();
    receiveIds(ids, 1);
    queue = takeOver(QUEUE);
    assertEquals(0, queue.receive(packet -> ids.add(packet.packetId())));
    acceptAll(ids);
    assertEquals("was read", received());
    send("afterwards");
    acceptAll(ids);
    assertEquals("afterwards", received());
    assertEquals(List.of(1, 2, 3), ids);
  }

  @Test
  void queue_takenOverUnderAnotherNumber_isRefused() throws IOException {
    assertThrows(NetlinkException.class, () -> takeOver(QUEUE + 1));
    queue = openQueue(65531, 1 << 20); // the descriptor is closed, and with it the queue
  }

  @Test
  void packet_dropped_doesNotArrive() throws IOException {
    send("lost");
    send("kept");
    List<Integer> ids = new ArrayList<>();
    receiveIds(ids, 2);
    queue.drop(ids.get(0));
    queue.accept(ids.get(1));
    queue.flush();
    assertEquals("kept", received());
    receiver.setSoTimeout(20);
    assertThrows(SocketTimeoutException.class, this::received);
  }

  @Test
  void batchVerdict_afterSingleOnes_letsTheRestPass() throws IOException {
    for (int i = 0; i < 10; i++) {
      send("n" + i);
    }
    List<Integer> ids = new ArrayList<>();
    int last = receiveIds(ids, 10);
    queue.drop(ids.get(4));
    queue.acceptThrough(last);
    queue.flush();
    for (int i = 0; i < 10; i++) {
      if (i != 4) {
        assertEquals("n" + i, received());
      }
    }
    assertEquals(0, statisticsNow().queued());
  }

  private static QueueStatistics statisticsNow() throws IOException {
    return namespace.call(() -> QueueStatistics.read(QUEUE)).orElseThrow();
  }

  @Test
  void packet_changed_arrivesChanged() throws IOException {
    send("hello");
    queue.receive(
        packet -> {
          // Longer by one byte: IPv4 and UDP lengths follow, UDP checksum 0 is none.
          ByteBuffer changed = ByteBuffer.allocate(200);
          int length = packet.payloadLengthBytes();
          for (int i = 0; i < length; i++) {
            changed.put(3 + i, packet.buffer().get(packet.payloadOffset() + i));
          }
          changed.put(3 + length, (byte) '!');
          changed.put(3 + 3, (byte) (length + 1));
          changed.put(3 + 20 + 5, (byte) (length + 1 - 20));
          changed.putShort(3 + 26, (short) 0);
          changed.putShort(3 + 10, (short) 0);
          int sum = 0;
          for (int i = 0; i < 20; i += 2) {
            sum += Short.toUnsignedInt(changed.getShort(3 + i));
          }
          changed.putShort(3 + 10, (short) ~((sum & 0xffff) + (sum >>> 16)));
          queue.acceptChanged(packet.packetId(), changed, 3, length + 1);
        });
    queue.flush();
    assertEquals("hello!", received());
  }

  @Test
  void packet_longerThanTheCopyRange_saysHowLongItIs() throws IOException {
    queue.close();
    queue = openQueue(128, 1 << 20);
    send("x".repeat(1000));
    queue.receive(
        packet -> {
          assertTrue(packet.isTruncated());
          assertEquals(128, packet.payloadLengthBytes());
          assertEquals(IPV4_UDP_BYTES + 1000, packet.packetLengthBytes());
          queue.accept(packet.packetId());
        });
    queue.flush();
    assertEquals(1000, received().length());
  }

  @Test
  void verdict_ofAnUnknownPacket_isOnlyCounted() throws IOException {
    queue.accept(4711);
    queue.flush();
    send("hello");
    List<Integer> ids = new ArrayList<>();
    queue.accept(receiveIds(ids, 1));
    queue.flush();
    assertEquals("hello", received());
    assertEquals(1, queue.refusedVerdicts());
  }

  @Test
  void wake_whileBlocked_returnsZero() throws Exception {
    CompletableFuture<Integer> result = new CompletableFuture<>();
    Thread blocked =
        new Thread(
            () -> {
              try {
                result.complete(queue.receive(packet -> {}));
              } catch (NetlinkException e) {
                result.completeExceptionally(e);
              }
            });
    blocked.start();
    long start = System.nanoTime();
    queue.wake();
    assertEquals(0, result.get(4, TimeUnit.SECONDS));
    assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(4));
    blocked.join();
  }

  @Test
  void wake_beforeReceive_isNotLost() throws IOException {
    queue.wake();
    long start = System.nanoTime();
    assertEquals(0, queue.receive(packet -> {}));
    assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(4));
  }

  @Test
  void open_ofAQueueThatSomebodyElseHas_isRefused() {
    NetlinkException refused =
        assertThrows(NetlinkException.class, () -> openQueue(65531, 1 << 20));
    assertEquals(Errno.EPERM, refused.errno());
    assertTrue(refused.toString().contains("bind queue 21"), refused::toString);
  }

  @Test
  void statistics_ofAnOpenQueue_areThoseOfTheKernel() throws IOException {
    QueueStatistics before = statisticsNow();
    assertEquals(0, before.queued());
    send("one");
    QueueStatistics held = statisticsNow();
    assertEquals(1, held.queued());
    assertEquals(before.idSequence() + 1, held.idSequence());
    assertTrue(namespace.call(() -> QueueStatistics.read(QUEUE + 1)).isEmpty());
    queue.acceptThrough(receiveIds(new ArrayList<>(), 1));
    queue.flush();
    assertEquals("one", received());
  }

  @Test
  void overrun_isCountedAndTheQueueGoesOn() throws IOException {
    queue.close();
    queue = openQueue(65531, 4096);
    for (int i = 0; i < 60; i++) {
      send("flood");
    }
    int received = 0;
    while (queue.overruns() == 0) {
      received += queue.receive(packet -> queue.accept(packet.packetId()));
    }
    assertTrue(statisticsNow().userDropped() > 0);
    // Empty what is left, until a packet that was sent after it comes.
    queue.wake();
    queue.receive(packet -> queue.accept(packet.packetId()));
    send("after");
    List<Integer> ids = new ArrayList<>();
    int last = receiveIds(ids, 1);
    queue.acceptThrough(last);
    queue.flush();
    assertTrue(received + ids.size() < 61);
  }

  @Test
  void handler_thatThrows_losesNoOtherPacket() throws IOException {
    for (int i = 0; i < 3; i++) {
      send("n" + i);
    }
    List<Integer> seen = new ArrayList<>();
    boolean[] thrown = new boolean[1];
    while (seen.size() < 3) {
      try {
        queue.receive(
            packet -> {
              seen.add(packet.packetId());
              if (seen.size() == 1) {
                throw new IllegalArgumentException("a fault of the handler");
              }
            });
      } catch (IllegalArgumentException e) {
        thrown[0] = true;
      }
    }
    assertTrue(thrown[0]);
    assertEquals(seen.get(0) + 2, seen.get(2));
    queue.acceptThrough(seen.get(2));
    queue.flush();
  }

  @Test
  void receiveAndVerdict_tenThousandTimes_allocateNothing() throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int[] seen = new int[1];
    int[] last = new int[1];
    PacketHandler handler =
        packet -> {
          seen[0]++;
          last[0] = packet.packetId();
          if ((packet.packetId() & 7) == 0) {
            queue.accept(packet.packetId());
          }
        };
    byte[] bytes = "NOOP\r\n".getBytes(US_ASCII);
    DatagramPacket datagram =
        new DatagramPacket(
            bytes, bytes.length, InetAddress.getByName("192.0.2.1"), receiver.getLocalPort());
    Thread traffic =
        new Thread(
            () -> {
              try {
                while (!Thread.currentThread().isInterrupted()) {
                  sender.send(datagram);
                }
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    long allocated;
    int counted;
    traffic.setDaemon(true);
    traffic.start();
    try {
      exchange(handler, seen, last, 20_000); // until the compiler has done its work
      long thread = Thread.currentThread().getId();
      long before = threads.getThreadAllocatedBytes(thread);
      int seenBefore = seen[0];
      exchange(handler, seen, last, seenBefore + 10_000);
      allocated = threads.getThreadAllocatedBytes(thread) - before;
      counted = seen[0] - seenBefore;
    } finally {
      traffic.interrupt();
      // It may be blocked in a send until the packets that are held have their verdicts.
      while (traffic.isAlive()) {
        queue.wake();
        if (queue.receive(handler) > 0) {
          queue.acceptThrough(last[0]);
          queue.flush();
        }
      }
    }
    assertTrue(counted >= 10_000);
    // The measurement itself allocates a little; one byte per packet would be 10,000.
    assertTrue(allocated < 4096, () -> allocated + " bytes");
  }

  private void exchange(PacketHandler handler, int[] seen, int[] last, int until)
      throws NetlinkException {
    while (seen[0] < until) {
      if (queue.receive(handler) > 0) {
        queue.acceptThrough(last[0]);
        queue.flush();
      }
    }
  }
}
