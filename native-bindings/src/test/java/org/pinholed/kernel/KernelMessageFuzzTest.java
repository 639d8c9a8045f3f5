package org.pinholed.kernel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.pinholed.kernel.conntrack.ConntrackView;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * Any bytes in place of the kernel's: nothing throws, nothing is read outside, all loops end.
 *
 * <p>The normal build runs the seeds in {@code KernelMessageFuzzTestInputs}. A long run of one of
 * them: {@code JAZZER_FUZZ=1 mvn -pl native-bindings -am test -Djacoco.skip
 * -Dtest=KernelMessageFuzzTest#conntrackEntry -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class KernelMessageFuzzTest {
  private static final int LEAD = 8;

  private static ByteBuffer buffer(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.allocate(bytes.length + 2 * LEAD).order(ByteOrder.nativeOrder());
    return buffer.put(LEAD, bytes);
  }

  @FuzzTest
  void netlinkMessages(byte[] bytes) {
    NetlinkReader reader = new NetlinkReader().wrap(buffer(bytes), LEAD, bytes.length);
    int attributes = 0;
    while (reader.nextMessage()) {
      assertTrue(reader.payloadOffset() + reader.payloadLengthBytes() <= LEAD + bytes.length);
      reader.enterNfnetlink();
      attributes += attributes(reader, bytes.length, 0);
    }
    // Each takes four bytes at least, in each of at most 15 levels.
    assertTrue(attributes <= bytes.length / 4 * 15);
  }

  private static int attributes(NetlinkReader reader, int lengthBytes, int depth) {
    int attributes = 0;
    while (reader.nextAttribute()) {
      attributes++;
      assertTrue(reader.attributeOffset() + reader.attributeLengthBytes() <= LEAD + lengthBytes);
      reader.bytes();
      reader.string();
      if (reader.attributeLengthBytes() >= 8) {
        reader.s64be();
      }
      if (depth < 14 && (reader.attributeType() & 1) == 1) {
        reader.enterNested();
        attributes += attributes(reader, lengthBytes, depth + 1);
        reader.leaveNested();
      }
    }
    return attributes;
  }

  @FuzzTest
  void conntrackEntry(byte[] bytes) {
    ConntrackView.parse(buffer(bytes), LEAD, bytes.length)
        .ifPresent(
            entry -> {
              assertTrue(entry.original().isIpv6() == entry.original().inverse().isIpv6());
              assertTrue(entry.identity().serial().length() == 8);
            });
  }

  @FuzzTest
  void queuedPacket(byte[] bytes) {
    QueuedPacketView view = new QueuedPacketView();
    view.wrap(buffer(bytes), LEAD, bytes.length);
    int end = LEAD + bytes.length;
    assertTrue(view.payloadLengthBytes() >= 0 && view.conntrackLengthBytes() >= 0);
    assertTrue(view.payloadOffset() + view.payloadLengthBytes() <= end);
    assertTrue(view.conntrackOffset() + view.conntrackLengthBytes() <= end);
    assertTrue(view.packetLengthBytes() >= view.payloadLengthBytes());
    if (view.conntrackLengthBytes() > 0) {
      ConntrackView.parse(view.buffer(), view.conntrackOffset(), view.conntrackLengthBytes());
    }
  }
}
