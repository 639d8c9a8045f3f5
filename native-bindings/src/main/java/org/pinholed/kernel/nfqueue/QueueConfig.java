package org.pinholed.kernel.nfqueue;

import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * The messages that configure a packet queue ({@code linux/netfilter/nfnetlink_queue.h}): that it
 * is ours, how long it may be, what of a packet comes and what comes with it. Those with an answer
 * can be used only as long as no packets come.
 */
final class QueueConfig {
  private static final int NFQNL_MSG_CONFIG = 2;
  private static final int NFQA_CFG_CMD = 1;
  private static final int NFQA_CFG_PARAMS = 2;
  private static final int NFQA_CFG_QUEUE_MAXLEN = 3;
  private static final int NFQA_CFG_MASK = 4;
  private static final int NFQA_CFG_FLAGS = 5;
  private static final int NFQNL_CFG_CMD_BIND = 1;
  private static final int NFQNL_COPY_PACKET = 2;
  private static final int NFQA_CFG_F_FAIL_OPEN = 1;
  private static final int NFQA_CFG_F_CONNTRACK = 2;
  private static final int NFQA_CFG_F_GSO = 4;
  private static final int AF_UNSPEC = 0;
  private static final int CONFIG_BYTES = 256;

  private final NetlinkTransport transport;
  private final int queueNumber;
  private final NetlinkChannel channel;

  /**
   * Makes it.
   *
   * @param transport the queue's own, which stays with the queue
   * @param queueNumber which queue
   */
  QueueConfig(NetlinkTransport transport, int queueNumber) {
    this.transport = transport;
    this.queueNumber = queueNumber;
    // Not closed: it has nothing of its own.
    this.channel = new NetlinkChannel(transport, CONFIG_BYTES);
  }

  /** The sequence number of the next message. */
  int nextSequence() {
    return channel.nextSequence();
  }

  /**
   * Takes the queue.
   *
   * @throws NetlinkException if the kernel refuses
   */
  void bind() throws NetlinkException {
    NetlinkWriter writer = acked();
    // struct nfqnl_msg_config_cmd: u8 command, u8 pad, be16 pf.
    writer.attrHeader(NFQA_CFG_CMD, 4).raw8(NFQNL_CFG_CMD_BIND).raw8(0).raw16be(AF_UNSPEC);
    writer.endMessage();
    channel.request("nfqueue: bind queue " + queueNumber);
  }

  /**
   * Sets length and flags.
   *
   * @param options what is wanted
   * @return what of it the kernel can do
   * @throws NetlinkException if the kernel refuses for another reason than that it cannot
   */
  QueueFeatures negotiate(QueueOptions options) throws NetlinkException {
    acked().attr32be(NFQA_CFG_QUEUE_MAXLEN, options.maxLengthPackets()).endMessage();
    channel.request("nfqueue: length of queue " + queueNumber);
    boolean failOpen = options.failOpen() && setFlags(NFQA_CFG_F_FAIL_OPEN);
    boolean conntrack = options.wantConntrack() && setFlags(NFQA_CFG_F_CONNTRACK);
    return new QueueFeatures(failOpen, conntrack);
  }

  private boolean setFlags(int flag) throws NetlinkException {
    // EAGAIN: the kernel loaded a module and wants to be asked again.
    for (int attempt = 0; ; attempt++) {
      acked()
          .attr32be(NFQA_CFG_FLAGS, flag)
          .attr32be(NFQA_CFG_MASK, flag | NFQA_CFG_F_GSO)
          .endMessage();
      try {
        channel.request("nfqueue: flag " + flag + " of queue " + queueNumber);
        return true;
      } catch (NetlinkException e) {
        if (e.errno() == Errno.EOPNOTSUPP) {
          return false;
        }
        if (e.errno() != Errno.EAGAIN || attempt == 2) {
          throw e;
        }
      }
    }
  }

  /**
   * Says how much of a packet comes; from then on packets come. No answer is awaited.
   *
   * @param options has the number of bytes
   * @param sequence sequence number of the message
   * @throws NetlinkException if it cannot be sent
   */
  void sendParams(QueueOptions options, int sequence) throws NetlinkException {
    params(begin(channel.writer(), queueNumber, NetlinkConstants.NLM_F_REQUEST, sequence), options);
  }

  /**
   * Says everything about a queue that packets come from already, but for the conntrack. No answer
   * is awaited.
   *
   * @param options what is wanted
   * @param sequence sequence number of the message
   * @throws NetlinkException if it cannot be sent
   */
  void sendAll(QueueOptions options, int sequence) throws NetlinkException {
    NetlinkWriter writer =
        begin(channel.writer(), queueNumber, NetlinkConstants.NLM_F_REQUEST, sequence);
    writer.attr32be(NFQA_CFG_QUEUE_MAXLEN, options.maxLengthPackets());
    writer.attr32be(NFQA_CFG_FLAGS, options.failOpen() ? NFQA_CFG_F_FAIL_OPEN : 0);
    writer.attr32be(NFQA_CFG_MASK, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_CONNTRACK | NFQA_CFG_F_GSO);
    params(writer, options);
  }

  /**
   * Says whether the conntrack comes with a packet. No answer is awaited.
   *
   * @param transport the queue's own
   * @param queueNumber which queue
   * @param wanted whether
   * @param sequence sequence number of the message
   * @throws NetlinkException if it cannot be sent
   */
  static void sendConntrack(
      NetlinkTransport transport, int queueNumber, boolean wanted, int sequence)
      throws NetlinkException {
    NetlinkWriter writer = new NetlinkWriter(CONFIG_BYTES);
    begin(writer, queueNumber, NetlinkConstants.NLM_F_REQUEST, sequence)
        .attr32be(NFQA_CFG_FLAGS, wanted ? NFQA_CFG_F_CONNTRACK : 0)
        .attr32be(NFQA_CFG_MASK, NFQA_CFG_F_CONNTRACK | NFQA_CFG_F_GSO)
        .endMessage();
    transport.send(writer);
  }

  private void params(NetlinkWriter writer, QueueOptions options) throws NetlinkException {
    // struct nfqnl_msg_config_params, packed: be32 copy_range, u8 copy_mode.
    writer.attrHeader(NFQA_CFG_PARAMS, 5).raw32be(options.copyRangeBytes());
    writer.raw8(NFQNL_COPY_PACKET).pad().endMessage();
    transport.send(writer);
  }

  private NetlinkWriter acked() {
    return begin(
        channel.writer(),
        queueNumber,
        NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ACK,
        channel.nextSequence());
  }

  private static NetlinkWriter begin(
      NetlinkWriter writer, int queueNumber, int flags, int sequence) {
    return writer.beginNfnetlink(
        NetlinkConstants.NFNL_SUBSYS_QUEUE,
        NFQNL_MSG_CONFIG,
        flags,
        sequence,
        AF_UNSPEC,
        queueNumber);
  }
}
