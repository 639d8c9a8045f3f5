package org.pinholed.kernel.nftables;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** A socket that keeps what was sent and answers as the test says. */
final class ScriptedTransport implements NetlinkTransport {
  final List<String> sent = new ArrayList<>();
  final Deque<byte[]> answers = new ArrayDeque<>();
  private int refusedMessage = -1;
  private int refusedErrno;
  private boolean overrun;

  /** Lets the kernel refuse one message of the next send. */
  void refuse(int message, int errno) {
    refusedMessage = message;
    refusedErrno = errno;
  }

  /** Lets the next receive tell that messages were lost. */
  void overrun() {
    overrun = true;
  }

  @Override
  public void send(NetlinkWriter writer) {
    NetlinkReader reader = new NetlinkReader().wrap(writer.buffer(), 0, writer.lengthBytes());
    NetlinkWriter answer = new NetlinkWriter(4096);
    for (int i = 0; reader.nextMessage(); i++) {
      byte[] body = new byte[reader.payloadLengthBytes()];
      writer.buffer().get(reader.payloadOffset(), body);
      sent.add(
          String.format("%04x %03x ", reader.type(), reader.flags())
              + HexFormat.of().formatHex(body));
      int errno = i == refusedMessage ? refusedErrno : 0;
      if (errno != 0 || (reader.flags() & NetlinkConstants.NLM_F_ACK) != 0) {
        answer
            .beginMessage(
                NetlinkConstants.NLMSG_ERROR, NetlinkConstants.NLM_F_CAPPED, reader.sequence())
            .raw32host(-errno)
            .rawBytes(new byte[NetlinkConstants.HEADER_BYTES])
            .endMessage();
      }
    }
    refusedMessage = -1;
    if (answer.lengthBytes() > 0) {
      answers.add(answer.toBytes());
    }
  }

  @Override
  public int receive(ByteBuffer into) throws NetlinkException {
    if (overrun) {
      overrun = false;
      throw new NetlinkException("test", Errno.ENOBUFS, "");
    }
    byte[] answer = answers.poll();
    if (answer == null) {
      return 0;
    }
    into.put(0, answer);
    return answer.length;
  }

  @Override
  public int receiveNow(ByteBuffer into) throws NetlinkException {
    return receive(into);
  }

  @Override
  public int receiveBatch(DatagramBatch batch) {
    throw new UnsupportedOperationException("nf_tables does not receive batches");
  }

  @Override
  public void close() {}
}
