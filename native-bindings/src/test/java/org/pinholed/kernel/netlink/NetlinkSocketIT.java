package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
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

  @Test
  void receiveBatch_datagramLongerThanItsSlot_isCutAndSaysSo() throws IOException {
    try (NetlinkSocket socket = open(Duration.ofSeconds(2))) {
      NetlinkWriter writer = new NetlinkWriter(1024);
      // Refused, and with its text the answer has more than 64 bytes.
      writer
          .beginNfnetlink(SUBSYSTEM_NFTABLES, 4, REQUEST_ACK, 1, 200, 0)
          .attrString(1, "nowhere")
          .endMessage();
      writer.beginMessage(1, REQUEST_ACK, 2).endMessage();
      socket.send(writer);
      DatagramBatch batch = new DatagramBatch(8, 64);
      socket.receiveBatch(batch);
      assertTrue(batch.count() >= 1);
      assertTrue(batch.lengthBytes(0) <= 64);
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
