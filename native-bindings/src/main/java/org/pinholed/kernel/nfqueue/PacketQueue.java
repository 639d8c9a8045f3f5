package org.pinholed.kernel.nfqueue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;
import org.pinholed.kernel.netlink.Ranges;

/**
 * One packet queue of the kernel: receives packets in batches and returns verdicts on them.
 *
 * <p>Owned by one thread; only {@link #wake} and the counters may be used from others. Nothing is
 * allocated for a packet. Whoever opened it closes it, after its thread has left {@link #receive};
 * closing makes the kernel drop what it still holds.
 *
 * <p>It is long because packets, verdicts and what an earlier process left go over one socket,
 * where the refusal of a message comes among the packets: {@link #receive} has to know which
 * message it was. How a queue is configured is in {@link QueueConfig}.
 */
public final class PacketQueue implements PacketSource, AutoCloseable {
  private static final int NFQNL_MSG_VERDICT = 1;
  private static final int NFQNL_MSG_VERDICT_BATCH = 3;
  private static final int NFQA_VERDICT_HDR = 2;
  private static final int NFQA_PAYLOAD = 10;
  private static final int NF_DROP = 0;
  private static final int NF_ACCEPT = 1;
  private static final int NF_REPEAT = 4;
  private static final int AF_UNSPEC = 0;
  private static final int CONNTRACK_ATTEMPTS = 3;

  // nlmsghdr 16, nfgenmsg 4, NFQA_VERDICT_HDR 4 + 8.
  private static final int VERDICT_BYTES = 32;
  private static final int VERDICT_AT = 24;

  // Room for two changed packets of the largest size behind some hundred plain verdicts.
  private static final int VERDICTS_BYTES = 160 * 1024;

  // The other attributes of a packet, a conntrack entry with all its extensions included.
  private static final int ATTRIBUTES_BYTES = 4096;

  private final NetlinkTransport transport;
  private final int queueNumber;
  private volatile QueueFeatures features;
  private final int paramsSequence;
  private final DatagramBatch batch;
  private final NetlinkReader reader = new NetlinkReader();
  private final QueuedPacketView view = new QueuedPacketView();
  private final NetlinkWriter verdicts = new NetlinkWriter(VERDICTS_BYTES);
  private final NetlinkWriter wakeMessage = new NetlinkWriter(64);
  private final Duration usualReceiveTimeout;
  private Duration receiveTimeout;
  private int sequence;
  private int dispatched;

  // Of a queue that was taken over: what the process before read and gave no verdict on.
  private final int lastIdBefore;
  private boolean repeatDue;
  private int repeatSequence;
  private int conntrackSequence;
  private int conntrackAttempts;
  private @Nullable NetlinkException lostVerdictsCause;
  private final AtomicLong overruns = new AtomicLong();
  private final AtomicLong refusedVerdicts = new AtomicLong();
  private final AtomicLong lostVerdicts = new AtomicLong();
  private final AtomicLong malformed = new AtomicLong();

  private PacketQueue(QueueOptions options, NetlinkTransport transport) throws NetlinkException {
    this.transport = transport;
    usualReceiveTimeout = options.receiveTimeout();
    receiveTimeout = usualReceiveTimeout;
    lastIdBefore = 0;
    queueNumber = options.queueNumber();
    batch = new DatagramBatch(options.batchSize(), options.copyRangeBytes() + ATTRIBUTES_BYTES);
    writeWakeMessage();
    QueueConfig config = new QueueConfig(transport, queueNumber);
    config.bind();
    features = config.negotiate(options);
    // As long as the copy mode is NONE no packet comes, so that the answers above could be awaited.
    // From here on packets come: a refusal of this last message is met in receive().
    paramsSequence = config.nextSequence();
    sequence = paramsSequence;
    config.sendParams(options, paramsSequence);
  }

  @Override
  public void attachConntrack(boolean wanted) throws NetlinkException {
    conntrackAttempts = 0;
    features = new QueueFeatures(features.failOpen(), wanted);
    askForConntrack(wanted);
  }

  private void askForConntrack(boolean wanted) throws NetlinkException {
    conntrackAttempts++;
    conntrackSequence = nextSequence();
    QueueConfig.sendConntrack(transport, queueNumber, wanted, conntrackSequence);
  }

  private void conntrackRefused(int errno) throws NetlinkException {
    if (errno == Errno.EAGAIN && conntrackAttempts < CONNTRACK_ATTEMPTS) {
      askForConntrack(true); // the kernel loaded a module and wants to be asked again
    } else {
      features = new QueueFeatures(features.failOpen(), false);
    }
  }

  private PacketQueue(QueueOptions options, NetlinkTransport transport, int lastIdBefore)
      throws NetlinkException {
    this.transport = transport;
    usualReceiveTimeout = options.receiveTimeout();
    receiveTimeout = usualReceiveTimeout;
    this.lastIdBefore = lastIdBefore;
    repeatDue = true;
    features = new QueueFeatures(options.failOpen(), false);
    queueNumber = options.queueNumber();
    batch = new DatagramBatch(options.batchSize(), options.copyRangeBytes() + ATTRIBUTES_BYTES);
    writeWakeMessage();
    // No answer is awaited: it would stand behind the packets. A refusal is met in receive().
    QueueConfig config = new QueueConfig(transport, queueNumber);
    paramsSequence = config.nextSequence();
    sequence = paramsSequence;
    config.sendAll(options, paramsSequence);
    if (options.wantConntrack()) {
      attachConntrack(true);
    }
  }

  private void writeWakeMessage() {
    wakeMessage
        .beginMessage(
            NetlinkConstants.NLMSG_NOOP,
            NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ACK,
            0)
        .endMessage();
  }

  /**
   * Goes on with a queue that another process opened, whose socket outlived it. Packets that came
   * in between wait in the socket. Those that the other process had read and gave no verdict on
   * pass the hook once more, before any verdict is given here, and so come again, behind what
   * waits: none is lost, none passes unread.
   *
   * @param options put in force as for a new queue; those of the packets that were queued before
   *     come as they were queued, perhaps without their conntrack
   * @param descriptor its socket in this process, owned by the queue from now on
   * @return the open queue
   * @throws NetlinkException if the descriptor is no netlink socket, or the queue of that number
   *     has another one; then it is closed
   */
  public static PacketQueue adopt(QueueOptions options, int descriptor) throws NetlinkException {
    NetlinkSocket socket = NetlinkSocket.adopt(descriptor, socketOptions(options));
    boolean adopted = false;
    try {
      PacketQueue queue = adopt(options, socket, lastId(options.queueNumber(), socket));
      adopted = true;
      return queue;
    } finally {
      if (!adopted) {
        socket.close();
      }
    }
  }

  static PacketQueue adopt(QueueOptions options, NetlinkTransport transport, int lastIdBefore)
      throws NetlinkException {
    return new PacketQueue(options, transport, lastIdBefore);
  }

  /** The id that the kernel gave last, or 0 if it must not be known (the file is root's). */
  private static int lastId(int queueNumber, NetlinkSocket socket) throws NetlinkException {
    Optional<QueueStatistics> line;
    try {
      line = QueueStatistics.read(queueNumber);
    } catch (IOException e) {
      return 0;
    }
    if (line.isEmpty() || (int) line.get().portId() != socket.portId()) {
      throw new NetlinkException(
          "nfqueue: the descriptor is not the socket of queue " + queueNumber, Errno.EINVAL, "");
    }
    return (int) line.get().idSequence();
  }

  /**
   * The socket, to be handed to another process, once no thread reads it here any more.
   *
   * @return its file descriptor, which stays open here
   * @throws IllegalStateException if the queue has no socket of the kernel
   */
  public int descriptor() {
    if (transport instanceof NetlinkSocket socket) {
      return socket.descriptor();
    }
    throw new IllegalStateException("the queue has no socket");
  }

  /**
   * Opens a queue in the network namespace of the calling thread.
   *
   * @param options what to open and how
   * @return the open queue
   * @throws NetlinkException if the kernel refuses; {@link Errno#EPERM} if the queue belongs to
   *     somebody else or the process lacks CAP_NET_ADMIN
   */
  public static PacketQueue open(QueueOptions options) throws NetlinkException {
    return open(options, NetlinkSocket.open(socketOptions(options)));
  }

  private static NetlinkSocketOptions socketOptions(QueueOptions options) {
    return new NetlinkSocketOptions(
        options.receiveBufferBytes(), 1 << 20, options.receiveTimeout(), true);
  }

  /**
   * Opens a queue over a transport that exists.
   *
   * @param options what to open and how; sizes and times of the transport are not changed
   * @param transport owned by the queue from now on, closed also if this fails
   * @return the open queue
   * @throws NetlinkException if the kernel refuses
   */
  public static PacketQueue open(QueueOptions options, NetlinkTransport transport)
      throws NetlinkException {
    boolean opened = false;
    try {
      PacketQueue queue = new PacketQueue(options, transport);
      opened = true;
      return queue;
    } finally {
      if (!opened) {
        transport.close();
      }
    }
  }

  @Override
  public void setReceiveTimeout(@Nullable Duration timeout) throws NetlinkException {
    Duration next = timeout == null ? usualReceiveTimeout : timeout;
    if (!next.equals(receiveTimeout)) {
      transport.setReceiveTimeout(next);
      receiveTimeout = next;
    }
  }

  @Override
  public int receive(PacketHandler handler) throws NetlinkException {
    if (dispatched >= batch.count()) {
      dispatched = 0;
      try {
        transport.receiveBatch(batch);
      } catch (NetlinkException e) {
        if (e.errno() == Errno.ENOBUFS) {
          overruns.getAndIncrement();
          return 0;
        }
        throw e;
      }
      if (repeatDue && batch.count() == 0 && lastIdBefore != 0) {
        repeatThrough(lastIdBefore);
        flush();
      }
    }
    int packets = 0;
    while (dispatched < batch.count()) {
      int index = dispatched++;
      reader.wrap(batch.buffer(), batch.offset(index), batch.lengthBytes(index));
      boolean found = false;
      while (reader.nextMessage()) {
        if (reader.type() == QueuedPacketView.MESSAGE_TYPE) {
          if (view.wrap(reader)) {
            packets++;
            if (repeatDue) {
              repeatThrough(view.packetId() - 1);
            }
            handler.onPacket(view);
          } else {
            malformed.getAndIncrement();
          }
          found = true;
        } else if (reader.type() == NetlinkConstants.NLMSG_ERROR) {
          onError();
        }
      }
      if (!reader.ok() && !found) {
        malformed.getAndIncrement();
      }
    }
    return packets;
  }

  /**
   * Sends packets through the hook again, up to this one. What the process before had not read is
   * still in the socket, in the order of the ids: what comes before the first of those, or
   * everything if there is none, it had read.
   */
  private void repeatThrough(int packetId) {
    repeatDue = false;
    beginVerdict(NFQNL_MSG_VERDICT_BATCH, VERDICT_BYTES, NF_REPEAT, packetId).endMessage();
    repeatSequence = sequence;
  }

  /**
   * Sends all packets that are held through the hook once more, each to the queue that the rules
   * choose for it now, which may be this one again. What waits in the socket is thrown away. Only
   * before the first {@link #receive}.
   *
   * @throws NetlinkException if the kernel refuses
   */
  public void repeatAll() throws NetlinkException {
    int[] last = {lastIdBefore};
    int received;
    do {
      wake(); // there is something to be received in any case, behind what waits
      received = receive(packet -> last[0] = packet.packetId());
    } while (received > 0);
    if (last[0] != 0) {
      repeatThrough(last[0]);
      flush();
    }
  }

  private void onError() throws NetlinkException {
    int errno =
        reader.payloadLengthBytes() < 4 ? 0 : -reader.buffer().getInt(reader.payloadOffset());
    if (errno == 0) {
      return; // the acknowledgement of a wake
    }
    if (reader.sequence() == repeatSequence && errno == Errno.ENOENT) {
      return; // it had given all its verdicts
    }
    if (reader.sequence() == conntrackSequence) {
      conntrackRefused(errno);
      return;
    }
    if (reader.sequence() == paramsSequence) {
      throw new NetlinkException("nfqueue: parameters of queue " + queueNumber, errno, "");
    }
    // Comes long after the verdict was sent; ENOENT is usual, the kernel gave the packet up itself
    // (an interface went down, a chain was removed).
    refusedVerdicts.getAndIncrement();
  }

  @Override
  public void accept(int packetId) {
    beginVerdict(NFQNL_MSG_VERDICT, VERDICT_BYTES, NF_ACCEPT, packetId).endMessage();
  }

  @Override
  public void drop(int packetId) {
    beginVerdict(NFQNL_MSG_VERDICT, VERDICT_BYTES, NF_DROP, packetId).endMessage();
  }

  @Override
  public void acceptChanged(int packetId, ByteBuffer payload, int offset, int lengthBytes) {
    Ranges.require("lengthBytes", lengthBytes, 1, 65531);
    int roomBytes = VERDICT_BYTES + 4 + NetlinkConstants.align(lengthBytes);
    beginVerdict(NFQNL_MSG_VERDICT, roomBytes, NF_ACCEPT, packetId)
        .attrBytes(NFQA_PAYLOAD, payload, offset, lengthBytes)
        .endMessage();
  }

  @Override
  public void acceptThrough(int packetId) {
    beginVerdict(NFQNL_MSG_VERDICT_BATCH, VERDICT_BYTES, NF_ACCEPT, packetId).endMessage();
  }

  @Override
  public void flush() throws NetlinkException {
    send();
    NetlinkException cause = lostVerdictsCause;
    if (cause != null) {
      lostVerdictsCause = null;
      throw cause;
    }
  }

  @Override
  public void wake() throws NetlinkException {
    // An acknowledgement is asked for on the queue's own socket. If that finds no room in the
    // receive buffer, then there are packets to receive, which wake as well.
    transport.send(wakeMessage);
  }

  /**
   * What the kernel agreed to.
   *
   * @return found out when the queue was opened, or when it last had to do something else
   */
  public QueueFeatures features() {
    return features;
  }

  @Override
  public int queueNumber() {
    return queueNumber;
  }

  @Override
  public long overruns() {
    return overruns.get();
  }

  /**
   * Verdicts that the kernel refused, mostly because it had given the packet up.
   *
   * @return a count since the queue was opened
   */
  public long refusedVerdicts() {
    return refusedVerdicts.get();
  }

  /**
   * Verdict messages that were thrown away because the kernel took none for too long. What they
   * changed or dropped is dropped once it takes some again.
   *
   * @return a count since the queue was opened
   */
  public long lostVerdicts() {
    return lostVerdicts.get();
  }

  /**
   * Messages from the kernel in which no packet id was found.
   *
   * @return a count since the queue was opened
   */
  public long malformed() {
    return malformed.get();
  }

  @Override
  public void close() {
    transport.close();
  }

  private NetlinkWriter beginVerdict(int message, int roomBytes, int verdict, int packetId) {
    if (verdicts.remainingBytes() < roomBytes) {
      makeRoom();
    }
    // struct nfqnl_msg_verdict_hdr: be32 verdict, be32 id.
    return verdicts
        .beginNfnetlink(
            NetlinkConstants.NFNL_SUBSYS_QUEUE,
            message,
            NetlinkConstants.NLM_F_REQUEST,
            nextSequence(),
            AF_UNSPEC,
            queueNumber)
        .attrHeader(NFQA_VERDICT_HDR, 8)
        .raw32be(verdict)
        .raw32be(packetId);
  }

  private void makeRoom() {
    try {
      send();
    } catch (NetlinkException e) {
      // The room is bounded; what is lost here is told by the next flush().
      lostVerdictsCause = e;
      throwAway();
    }
  }

  /**
   * Empties the room. A packet that was accepted may wait: the next verdict on all packets up to an
   * id lets it pass. That would be wrong for one that was changed or dropped, and its sender sends
   * it again, so it is dropped.
   */
  private void throwAway() {
    int[] notAsTheyCame = new int[VERDICTS_BYTES / VERDICT_BYTES / 2];
    int count = 0;
    ByteBuffer buffer = verdicts.buffer();
    for (int at = 0; at < verdicts.lengthBytes(); at += NetlinkConstants.align(buffer.getInt(at))) {
      lostVerdicts.getAndIncrement();
      boolean accepted =
          buffer.getInt(at) == VERDICT_BYTES && bigEndian(buffer, at + VERDICT_AT) != NF_DROP;
      if (!accepted && count < notAsTheyCame.length) {
        notAsTheyCame[count++] = bigEndian(buffer, at + VERDICT_AT + 4);
      }
    }
    verdicts.reset();
    for (int i = 0; i < count; i++) {
      drop(notAsTheyCame[i]);
    }
  }

  private static int bigEndian(ByteBuffer buffer, int at) {
    int value = buffer.getInt(at);
    return buffer.order() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
  }

  private void send() throws NetlinkException {
    if (verdicts.lengthBytes() > 0) {
      transport.send(verdicts);
      verdicts.reset();
    }
  }

  private int nextSequence() {
    sequence++;
    if (sequence == paramsSequence) {
      sequence++;
    }
    return sequence;
  }
}
