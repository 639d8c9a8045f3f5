package org.pinholed.kernel.nfqueue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** What is sent to the kernel, byte for byte, and what is made of its answers. */
class PacketQueueTest {
  private static final int QUEUE = 9;
  private static final int PARAMS_SEQUENCE = 5;
  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();

  private static QueueOptions options(boolean failOpen, boolean conntrack) {
    return new QueueOptions(
        QUEUE, 2048, 65531, failOpen, conntrack, 1 << 20, 64, Duration.ofSeconds(1));
  }

  private static NetlinkWriter config(NetlinkWriter writer, int flags, int sequence) {
    return writer.beginNfnetlink(3, 2, flags, sequence, 0, QUEUE);
  }

  private void expectBind(int errno) {
    kernel
        .expect(writer -> config(writer, 5, 1).attrBytes(1, new byte[] {1, 0, 0, 0}).endMessage())
        .refuse(1, errno);
  }

  private void expectLength() {
    kernel.expect(writer -> config(writer, 5, 2).attr32be(3, 2048).endMessage()).acknowledge(2);
  }

  private void expectFlag(int flag, int sequence, int errno) {
    kernel
        .expect(
            writer ->
                config(writer, 5, sequence).attr32be(5, flag).attr32be(4, flag | 4).endMessage())
        .refuse(sequence, errno);
  }

  private void expectParams(int sequence) {
    kernel.expect(
        writer ->
            config(writer, 1, sequence)
                .attrBytes(2, new byte[] {0, 0, (byte) 0xff, (byte) 0xfb, 2})
                .endMessage());
  }

  private PacketQueue open() throws NetlinkException {
    expectBind(0);
    expectLength();
    expectFlag(1, 3, 0);
    expectFlag(2, 4, Errno.EOPNOTSUPP);
    expectParams(PARAMS_SEQUENCE);
    return PacketQueue.open(options(true, true), kernel);
  }

  private static void packet(NetlinkWriter writer, int id) {
    writer
        .beginNfnetlink(3, 0, 0, 0, 2, QUEUE)
        .attrHeader(1, 7)
        .raw32be(id)
        .raw16be(0x0800)
        .raw8(4)
        .pad()
        .attrBytes(10, new byte[] {0x45, 0, 0, 20})
        .endMessage();
  }

  @Test
  void open_asksStepByStep_andTellsWhatTheKernelAgreedTo() throws NetlinkException {
    try (PacketQueue queue = open()) {
      assertEquals(new QueueFeatures(true, false), queue.features());
      assertEquals(QUEUE, queue.queueNumber());
    }
    assertTrue(kernel.isClosed());
  }

  @Test
  void open_withNothingWanted_asksForNoFlag() throws NetlinkException {
    expectBind(0);
    expectLength();
    expectParams(3);
    PacketQueue queue = PacketQueue.open(options(false, false), kernel);
    assertEquals(new QueueFeatures(false, false), queue.features());
    queue.close();
  }

  @Test
  void open_whileAModuleIsLoaded_asksAgain() throws NetlinkException {
    expectBind(0);
    expectLength();
    expectFlag(2, 3, Errno.EAGAIN);
    expectFlag(2, 4, 0);
    expectParams(5);
    PacketQueue queue = PacketQueue.open(options(false, true), kernel);
    assertTrue(queue.features().conntrack());
    queue.close();
  }

  @Test
  void open_whileAModuleIsLoadedForEver_givesUp() {
    expectBind(0);
    expectLength();
    expectFlag(2, 3, Errno.EAGAIN);
    expectFlag(2, 4, Errno.EAGAIN);
    expectFlag(2, 5, Errno.EAGAIN);
    assertThrows(NetlinkException.class, () -> PacketQueue.open(options(false, true), kernel));
    assertTrue(kernel.isClosed());
  }

  @Test
  void open_ofAQueueInUse_isRefusedAndClosesTheTransport() {
    expectBind(Errno.EPERM);
    NetlinkException refused =
        assertThrows(NetlinkException.class, () -> PacketQueue.open(options(false, false), kernel));
    assertTrue(
        refused.toString().endsWith("nfqueue: bind queue 9: errno 1 (EPERM)"), refused::toString);
    assertTrue(kernel.isClosed());
  }

  /** As a queue that another process had opened, which read up to some packet and died. */
  private PacketQueue adopt(boolean failOpen, int lastIdBefore) throws NetlinkException {
    kernel.expect(
        writer ->
            config(writer, 1, 1)
                .attr32be(3, 2048)
                .attr32be(5, failOpen ? 1 : 0)
                .attr32be(4, 7)
                .attrBytes(2, new byte[] {0, 0, (byte) 0xff, (byte) 0xfb, 2})
                .endMessage());
    return PacketQueue.adopt(options(failOpen, false), kernel, lastIdBefore);
  }

  private static void batchVerdict(NetlinkWriter writer, int sequence, int verdict, int id) {
    writer
        .beginNfnetlink(3, 3, 1, sequence, 0, QUEUE)
        .attrHeader(2, 8)
        .raw32be(verdict)
        .raw32be(id)
        .endMessage();
  }

  private void expectFlag(boolean wanted, int sequence) {
    kernel.expect(
        writer ->
            config(writer, 1, sequence).attr32be(5, wanted ? 2 : 0).attr32be(4, 6).endMessage());
  }

  @Test
  void adopted_withConntrackWanted_asksForIt_andGoesOnIfThereIsNone() throws NetlinkException {
    kernel.expect(
        writer ->
            config(writer, 1, 1)
                .attr32be(3, 2048)
                .attr32be(5, 0)
                .attr32be(4, 7)
                .attrBytes(2, new byte[] {0, 0, (byte) 0xff, (byte) 0xfb, 2})
                .endMessage());
    expectFlag(true, 2);
    try (PacketQueue queue = PacketQueue.adopt(options(false, true), kernel, 44)) {
      assertTrue(queue.features().conntrack());
      kernel.refuse(2, Errno.EAGAIN);
      kernel.answer(writer -> packet(writer, 45));
      expectFlag(true, 3);
      kernel.refuse(3, Errno.EOPNOTSUPP);
      assertEquals(1, queue.receive(view -> {}));
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(new QueueFeatures(false, false), queue.features());
      assertEquals(0, queue.refusedVerdicts());
      expectFlag(false, 5);
      queue.attachConntrack(false);
      expectFlag(true, 6);
      queue.attachConntrack(true);
      assertTrue(queue.features().conntrack());
    }
  }

  @Test
  void adopted_withPacketsThatWait_repeatsThoseBeforeThemOnce() throws NetlinkException {
    try (PacketQueue queue = adopt(true, 44)) {
      assertEquals(new QueueFeatures(true, false), queue.features());
      kernel.answer(writer -> packet(writer, 43));
      kernel.answer(writer -> packet(writer, 44));
      assertEquals(2, queue.receive(view -> {}));
      queue.acceptThrough(44);
      // in one datagram, and before the verdict that would let the earlier ones pass unread
      kernel.expect(
          writer -> {
            batchVerdict(writer, 2, 4, 42);
            batchVerdict(writer, 3, 1, 44);
          });
      queue.flush();
      kernel.refuse(2, Errno.ENOENT).refuse(3, Errno.ENOENT);
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(1, queue.refusedVerdicts(), "that there was nothing to repeat is no error");
    }
  }

  @Test
  void adopted_withNothingThatWaits_repeatsAllThatIsHeld() throws NetlinkException {
    try (PacketQueue queue = adopt(false, 44)) {
      assertEquals(new QueueFeatures(false, false), queue.features());
      kernel.expect(writer -> batchVerdict(writer, 2, 4, 44));
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(0, queue.receive(view -> {}));
    }
  }

  @Test
  void adopted_whereTheIdsMustNotBeKnown_repeatsAtTheFirstPacket() throws NetlinkException {
    try (PacketQueue queue = adopt(true, 0)) {
      kernel.failReceive(Errno.ENOBUFS);
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(0, queue.receive(view -> {}));
      kernel.acknowledge(0).answer(writer -> packet(writer, 0x8000_0000));
      assertEquals(1, queue.receive(view -> {}));
      kernel.expect(writer -> batchVerdict(writer, 2, 4, 0x7fff_ffff));
      queue.flush();
    }
  }

  @Test
  void adopted_forOtherRules_repeatsAllThatIsHeldAndReadsNothingTwice() throws NetlinkException {
    try (PacketQueue queue = adopt(true, 44)) {
      kernel.answer(writer -> packet(writer, 43));
      kernel.answer(writer -> packet(writer, 44));
      kernel.expect(writer -> writer.beginMessage(1, 5, 0).endMessage()).acknowledge(0);
      kernel.expect(writer -> writer.beginMessage(1, 5, 0).endMessage()).acknowledge(0);
      kernel.expect(
          writer -> {
            batchVerdict(writer, 2, 4, 42);
            batchVerdict(writer, 3, 4, 44);
          });
      queue.repeatAll();
      assertEquals(0, queue.receive(view -> {}));
    }
  }

  @Test
  void adopted_withParametersThatTheKernelRefuses_throwsAtAReceive() throws NetlinkException {
    try (PacketQueue queue = adopt(true, 0)) {
      kernel.refuse(1, Errno.EPERM);
      assertThrows(NetlinkException.class, () -> queue.receive(view -> {}));
    }
  }

  @Test
  void verdicts_areSentTogetherInTheirOrder() throws NetlinkException {
    PacketQueue queue = open();
    queue.accept(0x01020304);
    queue.drop(2);
    queue.acceptChanged(3, ByteBuffer.wrap(new byte[] {9, 9, 0x45, 1, 2, 9}), 2, 3);
    queue.acceptThrough(-1);
    kernel.takeAnything();
    int before = kernel.sendCount();
    queue.flush();
    assertEquals(before + 1, kernel.sendCount());
    // nlmsghdr: length, type, flags, sequence, port id; nfgenmsg: family, version, queue;
    // NFQA_VERDICT_HDR: length, type, verdict, packet id.
    String expected =
        "20000000 0103 0100 06000000 00000000 00000009 0c000200 00000001 01020304"
            + "20000000 0103 0100 07000000 00000000 00000009 0c000200 00000000 00000002"
            + "28000000 0103 0100 08000000 00000000 00000009 0c000200 00000001 00000003"
            + "07000a00 45010200"
            + "20000000 0303 0100 09000000 00000000 00000009 0c000200 00000001 ffffffff";
    assertEquals(expected.replace(" ", ""), HexFormat.of().formatHex(kernel.lastSent()));
    queue.flush();
    assertEquals(before + 1, kernel.sendCount());
    queue.close();
  }

  @Test
  void receive_ofABatch_handsOverEachOnce() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.answer(writer -> packet(writer, 1));
      kernel.answer(writer -> packet(writer, 2));
      kernel.answer(writer -> packet(writer, 3));
      List<Integer> ids = new ArrayList<>();
      assertEquals(
          3,
          queue.receive(
              view -> {
                ids.add(view.packetId());
                assertEquals(0x45, view.buffer().get(view.payloadOffset()));
              }));
      assertEquals(List.of(1, 2, 3), ids);
      assertEquals(0, queue.receive(view -> ids.add(view.packetId())));
      assertEquals(3, ids.size());
    }
  }

  @Test
  void receive_ofAShortPacketAfterALongOne_seesNothingOfTheLongOne() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.answer(
          writer ->
              writer
                  .beginNfnetlink(3, 0, 0, 0, 2, QUEUE)
                  .attrBytes(1, new byte[7])
                  .attr32be(3, 77)
                  .attr32be(12, 1)
                  .attrBytes(10, new byte[1000])
                  .endMessage());
      assertEquals(1, queue.receive(view -> assertEquals(77, view.mark())));
      kernel.answer(writer -> packet(writer, 2));
      assertEquals(
          1,
          queue.receive(
              view -> {
                assertEquals(2, view.packetId());
                assertEquals(0, view.mark());
                assertEquals(0, view.conntrackInfo());
                assertEquals(4, view.payloadLengthBytes());
              }));
    }
  }

  @Test
  void receive_ofErrorsAndWakes_countsOnlyTheErrors() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.refuse(77, Errno.ENOENT).acknowledge(0);
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(1, queue.refusedVerdicts());
      kernel.failReceive(Errno.ENOBUFS);
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(1, queue.overruns());
      assertEquals(1, queue.refusedVerdicts());
    }
  }

  @Test
  void receive_ofARefusalOfItsParameters_throws() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.refuse(PARAMS_SEQUENCE, Errno.EINVAL);
      NetlinkException refused =
          assertThrows(NetlinkException.class, () -> queue.receive(view -> {}));
      assertTrue(refused.toString().contains("parameters of queue 9"), refused::toString);
    }
  }

  @Test
  void receive_ofAMessageThatLies_countsItAndGoesOn() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.answerBytes(new byte[] {99, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
      kernel.answer(writer -> writer.beginNfnetlink(3, 0, 0, 0, 2, QUEUE).endMessage());
      kernel.answer(writer -> packet(writer, 2));
      assertEquals(1, queue.receive(view -> assertEquals(2, view.packetId())));
      assertEquals(2, queue.malformed());
    }
  }

  @Test
  void receive_thatFails_throws() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.failReceive(Errno.ENOMEM);
      assertThrows(NetlinkException.class, () -> queue.receive(view -> {}));
    }
  }

  @Test
  void wake_asksForAnAcknowledgementOfNothing() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.expect(writer -> writer.beginMessage(1, 5, 0).endMessage()).acknowledge(0);
      queue.wake();
      assertEquals(0, queue.receive(view -> {}));
      assertEquals(0, queue.refusedVerdicts());
    }
  }

  @Test
  void acceptChanged_withALengthOutsideItsRange_isAFaultOfTheCaller() throws NetlinkException {
    try (PacketQueue queue = open()) {
      ByteBuffer large = ByteBuffer.allocate(1 << 17);
      assertThrows(IllegalArgumentException.class, () -> queue.acceptChanged(1, large, 0, 65532));
      assertThrows(IllegalArgumentException.class, () -> queue.acceptChanged(1, large, 0, 0));
      queue.acceptChanged(1, large, 0, 65531);
      kernel.takeAnything();
      queue.flush();
      assertEquals(36 + 65532, kernel.lastSent().length);
    }
  }

  @Test
  void verdicts_moreThanThereIsRoomFor_areSentInBetween() throws NetlinkException {
    try (PacketQueue queue = open()) {
      kernel.takeAnything();
      int before = kernel.sendCount();
      for (int id = 0; id < 20_000; id++) {
        queue.accept(id);
      }
      queue.flush();
      assertTrue(kernel.sendCount() - before >= 3);
      assertEquals(0, queue.lostVerdicts());
    }
  }

  /** Refuses to take anything as long as it is told to. */
  private static final class FullKernel implements NetlinkTransport {
    private final FakeNetlinkTransport kernel;
    private boolean full;

    private FullKernel(FakeNetlinkTransport kernel) {
      this.kernel = kernel;
    }

    @Override
    public void send(NetlinkWriter writer) throws NetlinkException {
      if (full) {
        throw new NetlinkException("netlink: send", Errno.ENOBUFS, "");
      }
      kernel.send(writer);
    }

    @Override
    public int receive(ByteBuffer into) throws NetlinkException {
      return kernel.receive(into);
    }

    @Override
    public int receiveNow(ByteBuffer into) throws NetlinkException {
      return kernel.receiveNow(into);
    }

    @Override
    public int receiveBatch(DatagramBatch batch) throws NetlinkException {
      return kernel.receiveBatch(batch);
    }

    @Override
    public void close() {
      kernel.close();
    }
  }

  /** A queue whose kernel takes nothing any more. */
  private PacketQueue open(FullKernel full) throws NetlinkException {
    expectBind(0);
    expectLength();
    expectParams(3);
    PacketQueue queue = PacketQueue.open(options(false, false), full);
    kernel.takeAnything();
    full.full = true;
    return queue;
  }

  @Test
  void verdicts_thatTheKernelDoesNotTake_areSentAgain() throws NetlinkException {
    FullKernel full = new FullKernel(kernel);
    try (PacketQueue queue = open(full)) {
      queue.accept(1);
      assertThrows(NetlinkException.class, queue::flush);
      queue.accept(2);
      full.full = false;
      queue.flush();
      assertEquals(64, kernel.lastSent().length);
    }
  }

  @Test
  void verdicts_thatTheKernelDoesNotTakeForTooLong_areCountedAsLost() throws NetlinkException {
    FullKernel full = new FullKernel(kernel);
    try (PacketQueue queue = open(full)) {
      for (int id = 0; id < 6000; id++) {
        queue.accept(id);
      }
      assertEquals(160 * 1024 / 32, queue.lostVerdicts());
      full.full = false;
      assertThrows(NetlinkException.class, queue::flush);
      assertEquals((6000 - 160 * 1024 / 32) * 32, kernel.lastSent().length);
      queue.flush();
    }
  }

  /** As it came it would pass by the next verdict on all packets up to an id. */
  @Test
  void whatWasChangedOrDropped_byAVerdictThatIsLost_isDropped() throws NetlinkException {
    FullKernel full = new FullKernel(kernel);
    try (PacketQueue queue = open(full)) {
      queue.accept(1);
      queue.acceptChanged(2, ByteBuffer.wrap(new byte[] {0x45, 1, 2}), 0, 3);
      queue.drop(0x01020304);
      queue.acceptThrough(5);
      ByteBuffer large = ByteBuffer.allocate(65531);
      queue.acceptChanged(6, large, 0, 65531);
      queue.acceptChanged(7, large, 0, 65531);
      assertEquals(0, queue.lostVerdicts());
      queue.acceptChanged(8, large, 0, 65531);
      assertEquals(6, queue.lostVerdicts());
      full.full = false;
      assertThrows(NetlinkException.class, queue::flush);

      String sent = HexFormat.of().formatHex(kernel.lastSent());
      List<String> verdicts = new ArrayList<>();
      for (int at = 0; at < 4 * 64; at += 64) {
        verdicts.add(sent.substring(at + 48, at + 64));
      }
      assertEquals(
          List.of("0000000000000002", "0000000001020304", "0000000000000006", "0000000000000007"),
          verdicts);
      assertEquals("0000000100000008", sent.substring(4 * 64 + 48, 4 * 64 + 64));
    }
  }

  @Test
  void options_outsideTheirRange_areRefused() {
    Duration second = Duration.ofSeconds(1);
    new QueueOptions(0, 1, 128, true, true, 4096, 1, second);
    new QueueOptions(65535, 1 << 20, 65531, true, true, 4096, 1024, second);
    refuses("queueNumber: 65536 (expected: 0..65535)", 65536, 1, 128, 4096, 1, second);
    refuses("maxLengthPackets: 0 (expected: 1..1048576)", 0, 0, 128, 4096, 1, second);
    refuses("copyRangeBytes: 65532 (expected: 128..65531)", 0, 1, 65532, 4096, 1, second);
    refuses("copyRangeBytes: 127 (expected: 128..65531)", 0, 1, 127, 4096, 1, second);
    refuses("receiveBufferBytes: 4095", 0, 1, 128, 4095, 1, second);
    refuses("batchSize: 1025 (expected: 1..1024)", 0, 1, 128, 4096, 1025, second);
    refuses("receiveTimeout: PT0S", 0, 1, 128, 4096, 1, Duration.ZERO);
    refuses("receiveTimeout: PT1H0.001S", 0, 1, 128, 4096, 1, Duration.ofMillis(3_600_001));
  }

  private static void refuses(
      String message, int number, int length, int range, int buffer, int batch, Duration timeout) {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> new QueueOptions(number, length, range, false, false, buffer, batch, timeout));
    assertTrue(refused.toString().contains(message), refused::toString);
  }
}
