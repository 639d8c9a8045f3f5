package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * What a transport without a kernel needs of this package: filling a batch, and writing the answers
 * that netlink itself gives.
 */
public final class FakeDatagrams {
  private static final int WRITER_BYTES = 1 << 17;

  private FakeDatagrams() {}

  /**
   * Moves datagrams into a batch, as {@code recvmmsg} does.
   *
   * @param arrived datagrams that wait; what fits is taken out
   * @param batch takes them; what it held before is gone
   * @return how many there are now
   */
  public static int fill(Queue<byte[]> arrived, DatagramBatch batch) {
    batch.received(0);
    while (batch.count() < batch.slots()) {
      byte[] next = arrived.poll();
      if (next == null) {
        break;
      }
      batch.add(next);
    }
    return batch.count();
  }

  /**
   * Moves one datagram into a buffer, as {@code recv} does.
   *
   * @param arrived datagrams that wait
   * @param into takes it
   * @return its length in bytes, 0 if there was none
   */
  public static int receive(Queue<byte[]> arrived, ByteBuffer into) {
    byte[] next = arrived.poll();
    if (next == null) {
      return 0;
    }
    into.put(0, next);
    return next.length;
  }

  /**
   * Writes a datagram.
   *
   * @param script writes its messages
   * @return its bytes
   */
  public static byte[] datagram(Consumer<NetlinkWriter> script) {
    NetlinkWriter writer = new NetlinkWriter(WRITER_BYTES);
    script.accept(writer);
    return writer.toBytes();
  }

  /**
   * Writes an {@code NLMSG_ERROR} whose request is capped to its header.
   *
   * @param sequence of the request
   * @param errno positive, or 0 for an acknowledgement
   * @return its bytes
   */
  public static byte[] error(int sequence, int errno) {
    return datagram(
        writer ->
            writer
                .beginMessage(NetlinkConstants.NLMSG_ERROR, NetlinkConstants.NLM_F_CAPPED, sequence)
                .raw32host(-errno)
                .rawBytes(new byte[NetlinkConstants.HEADER_BYTES])
                .endMessage());
  }
}
