package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.testing.NamespaceThread;

/** The socket and the channel against the kernel of this machine. */
@SuppressWarnings("NullAway.Init")
class NetlinkSocketIT {
  private static final int SUBSYSTEM_CONNTRACK = 1;
  private static final int SUBSYSTEM_NFTABLES = 10;
  private static final int CONNTRACK_GET = 1;
  private static final int GET_TABLE = 1;
  private static final String LONG_NAME = "t".repeat(60);
  private static final int AF_INET = 2;
  private static final int REQUEST_ACK =
      NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ACK;
  private static NamespaceThread namespace;

  @BeforeAll
  static void openNamespace() throws IOException {
    namespace = NamespaceThread.open("pha-socket");
  }

  @AfterAll
  static void closeNamespace() throws IOException {
    namespace.close();
  }

  private static NetlinkSocket open(Duration timeout) throws IOException {
    return namespace.call(
        () -> NetlinkSocket.open(new NetlinkSocketOptions(1 << 20, 1 << 20, timeout, true)));
  }

  @Test
  void request_ofNothing_isAcknowledged() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofSeconds(2));
        NetlinkChannel channel = new NetlinkChannel(socket)) {
      assertNotEquals(0, socket.portId());
      channel.writer().beginMessage(1, REQUEST_ACK, channel.nextSequence()).endMessage();
      channel.request("no-op");
    }
  }

  @Test
  void receive_withNothingThere_isZeroAfterTheTimeout() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofMillis(5))) {
      ByteBuffer room = ByteBuffer.allocateDirect(64);
      assertEquals(0, socket.receive(room));
      assertEquals(0, socket.receiveNow(room));
      assertEquals(0, socket.receiveBatch(new DatagramBatch(4, 64)));
    }
  }

  @Test
  void request_refused_namesOperationErrnoAndKernelText() throws IOException {
    try (NetlinkChannel channel = new NetlinkChannel(open(Duration.ofSeconds(2)))) {
      // nf_tables GETCHAIN of a table that is not there: its extended ack points at the name.
      channel
          .writer()
          .beginNfnetlink(SUBSYSTEM_NFTABLES, 4, REQUEST_ACK, channel.nextSequence(), AF_INET, 0)
          .attrString(1, "nowhere")
          .attrString(3, "none")
          .endMessage();
      NetlinkException refused =
          assertThrows(NetlinkException.class, () -> channel.request("nftables: get chain"));
      assertEquals(Errno.ENOENT, refused.errno());
      assertTrue(
          refused.toString().contains(": nftables: get chain: errno 2 (ENOENT)"),
          refused::toString);
      assertEquals(0, refused.failedMessage());
    }
  }

  @Test
  void request_unknownSubsystem_isRefusedAndTheNextOneWorks() throws IOException {
    try (NetlinkChannel channel = new NetlinkChannel(open(Duration.ofSeconds(2)))) {
      channel
          .writer()
          .beginNfnetlink(200, 0, REQUEST_ACK, channel.nextSequence(), 0, 0)
          .endMessage();
      assertThrows(NetlinkException.class, () -> channel.request("unknown"));
      channel.writer().beginMessage(1, REQUEST_ACK, channel.nextSequence()).endMessage();
      channel.request("no-op");
    }
  }

  @Test
  void dump_ofAnEmptyTable_ends() throws IOException {
    try (NetlinkChannel channel = new NetlinkChannel(open(Duration.ofSeconds(2)))) {
      channel
          .writer()
          .beginNfnetlink(
              SUBSYSTEM_CONNTRACK,
              CONNTRACK_GET,
              NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_DUMP,
              channel.nextSequence(),
              AF_INET,
              0)
          .endMessage();
      int[] seen = new int[1];
      assertTrue(channel.dump("conntrack: dump", message -> seen[0]++));
      assertEquals(0, seen[0]);
    }
  }

  @Test
  void receiveBatch_severalAnswers_comeInOneCall() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofSeconds(2))) {
      NetlinkWriter writer = new NetlinkWriter(1024);
      for (int sequence = 1; sequence <= 3; sequence++) {
        writer.beginMessage(1, REQUEST_ACK, sequence).endMessage();
      }
      socket.send(writer);
      DatagramBatch batch = new DatagramBatch(8, 256);
      assertEquals(3, socket.receiveBatch(batch));
      NetlinkReader reader = new NetlinkReader();
      for (int i = 0; i < 3; i++) {
        reader.wrap(batch.buffer(), batch.offset(i), batch.lengthBytes(i));
        assertTrue(reader.nextMessage());
        assertEquals(NetlinkConstants.NLMSG_ERROR, reader.type());
        assertEquals(i + 1, reader.sequence());
        assertEquals(socket.portId(), reader.portId());
        assertFalse(batch.isCut(i));
      }
    }
  }

  private static NetlinkWriter getTable(NetlinkWriter writer, int sequence) {
    return writer
        .beginNfnetlink(
            SUBSYSTEM_NFTABLES, GET_TABLE, NetlinkConstants.NLM_F_REQUEST, sequence, AF_INET, 0)
        .attrString(1, LONG_NAME)
        .endMessage();
  }

  @Test
  void receiveBatch_datagramLongerThanItsSlot_isCutAndTheNextOneIsWhole() throws IOException {
    namespace.exec("nft", "add", "table", "ip", LONG_NAME);
    try (NetlinkSocket socket = open(Duration.ofSeconds(2))) {
      NetlinkWriter writer = new NetlinkWriter(1024);
      getTable(writer, 1).beginMessage(1, REQUEST_ACK, 2).endMessage();
      socket.send(writer);
      DatagramBatch batch = new DatagramBatch(8, 64);
      assertEquals(2, socket.receiveBatch(batch));
      assertTrue(batch.isCut(0));
      assertEquals(64, batch.lengthBytes(0));
      assertFalse(batch.isCut(1));
      NetlinkReader reader = new NetlinkReader();
      reader.wrap(batch.buffer(), batch.offset(0), batch.lengthBytes(0));
      assertFalse(reader.nextMessage());
      assertFalse(reader.ok());
      reader.wrap(batch.buffer(), batch.offset(1), batch.lengthBytes(1));
      assertTrue(reader.nextMessage());
      assertEquals(2, reader.sequence());
    } finally {
      namespace.exec("nft", "delete", "table", "ip", LONG_NAME);
    }
  }

  @Test
  void receive_datagramLongerThanTheBuffer_isRefusedAndLost() throws IOException {
    namespace.exec("nft", "add", "table", "ip", LONG_NAME);
    try (NetlinkSocket socket = open(Duration.ofMillis(20))) {
      socket.send(getTable(new NetlinkWriter(1024), 1));
      ByteBuffer small = ByteBuffer.allocateDirect(64);
      NetlinkException refused = assertThrows(NetlinkException.class, () -> socket.receive(small));
      assertEquals(Errno.EMSGSIZE, refused.errno());
      assertEquals(0, socket.receive(small));
    } finally {
      namespace.exec("nft", "delete", "table", "ip", LONG_NAME);
    }
  }

  @Test
  void receive_intoABufferWhosePositionMoved_stillFillsItFromItsStart() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofSeconds(2))) {
      socket.send(new NetlinkWriter(64).beginMessage(1, REQUEST_ACK, 77).endMessage());
      ByteBuffer room = ByteBuffer.allocateDirect(256).order(ByteOrder.nativeOrder());
      room.position(200);
      int lengthBytes = socket.receive(room);
      assertEquals(lengthBytes, room.getInt(0));
      assertEquals(77, room.getInt(8));
    }
  }

  @Test
  void send_longerThanTheSendBuffer_isRefused() throws IOException {
    NetlinkSocketOptions small = new NetlinkSocketOptions(0, 8192, Duration.ofMillis(20), true);
    try (NetlinkSocket socket = namespace.call(() -> NetlinkSocket.open(small))) {
      NetlinkWriter writer = new NetlinkWriter(1 << 17);
      writer.beginMessage(1, REQUEST_ACK, 1).rawBytes(new byte[100_000]).endMessage();
      NetlinkException refused = assertThrows(NetlinkException.class, () -> socket.send(writer));
      assertEquals(Errno.EMSGSIZE, refused.errno());
      assertTrue(refused.toString().contains("send 100016 bytes"), refused::toString);
    }
  }

  @Test
  void overruns_notToReport_areNot() throws IOException {
    NetlinkSocketOptions silent = new NetlinkSocketOptions(1, 0, Duration.ofMillis(20), false);
    try (NetlinkSocket socket = namespace.call(() -> NetlinkSocket.open(silent))) {
      NetlinkWriter writer = new NetlinkWriter(1 << 14);
      for (int i = 0; i < 200; i++) {
        writer.beginMessage(1, REQUEST_ACK, i).endMessage();
      }
      socket.send(writer);
      DatagramBatch batch = new DatagramBatch(256, 256);
      int received = socket.receiveBatch(batch);
      assertTrue(received > 0 && received < 200, () -> received + " of 200");
    }
  }

  @Test
  void joinGroup_thatDoesNotExist_isRefused() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofMillis(20))) {
      NetlinkException refused = assertThrows(NetlinkException.class, () -> socket.joinGroup(1000));
      assertEquals(Errno.EINVAL, refused.errno());
      assertTrue(refused.toString().contains("join group 1000"), refused::toString);
    }
  }

  @Test
  void buffers_thatAreNotDirect_areAFaultOfTheCaller() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofMillis(20))) {
      ByteBuffer heap = ByteBuffer.allocate(64);
      assertThrows(IllegalArgumentException.class, () -> socket.receive(heap));
      assertThrows(IllegalArgumentException.class, () -> socket.attachFilter(new long[0]));
      assertThrows(IllegalArgumentException.class, () -> socket.attachFilter(new long[4097]));
    }
  }

  @Test
  void request_afterItsAnswersWereLost_saysSoAndTheNextOneWorks() throws IOException {
    NetlinkSocketOptions tiny = new NetlinkSocketOptions(1, 1 << 20, Duration.ofMillis(100), true);
    try (NetlinkChannel channel =
        new NetlinkChannel(namespace.call(() -> NetlinkSocket.open(tiny)))) {
      for (int i = 0; i < 200; i++) {
        channel.writer().beginMessage(1, REQUEST_ACK, channel.nextSequence()).endMessage();
      }
      NetlinkException lost =
          assertThrows(NetlinkException.class, () -> channel.request("200 no-ops"));
      assertEquals(Errno.ENOBUFS, lost.errno());
      assertTrue(channel.overruns() > 0);
      channel.writer().beginMessage(1, REQUEST_ACK, channel.nextSequence()).endMessage();
      channel.request("no-op");
    }
  }

  @Test
  void attachFilter_thatRefusesAll_leavesNothingToReceive() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofMillis(20))) {
      socket.attachFilter(new long[] {0x0006_0000_0000_0000L}); // BPF_RET | BPF_K, 0
      NetlinkWriter writer = new NetlinkWriter(64);
      socket.send(writer.beginMessage(1, REQUEST_ACK, 1).endMessage());
      assertEquals(0, socket.receive(ByteBuffer.allocateDirect(256)));
    }
  }

  @Test
  void attachFilter_thatIsNoProgram_isRefused() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofMillis(20))) {
      NetlinkException refused =
          assertThrows(NetlinkException.class, () -> socket.attachFilter(new long[] {-1L}));
      assertEquals(Errno.EINVAL, refused.errno());
    }
  }

  @Test
  void use_afterClose_isAFaultOfTheCaller() throws IOException {
    NetlinkSocket socket = open(Duration.ofMillis(20));
    socket.close();
    socket.close();
    NetlinkWriter writer = new NetlinkWriter(64);
    writer.beginMessage(1, REQUEST_ACK, 1).endMessage();
    assertThrows(IllegalStateException.class, () -> socket.send(writer));
  }
}
