package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Requests and their answers over one transport: matches acknowledgements by sequence number, reads
 * multipart answers, turns the kernel's errors into {@link NetlinkException}.
 *
 * <p>Write one or more messages into {@link #writer}, each with a sequence from {@link
 * #nextSequence}, then call one of {@link #request}, {@link #get}, {@link #getEach} or {@link
 * #dump}, which empties the writer. Not thread-safe, one per thread, and not to be used from inside
 * its own {@link MessageHandler}. Its transport belongs to it alone, joins no multicast group and
 * is closed by {@link #close}.
 */
public final class NetlinkChannel implements AutoCloseable {
  // The kernel's dumps come in datagrams of up to 32 KiB (NLMSG_GOODSIZE grows to the reader's
  // buffer, capped at 32 KiB); an error may repeat the request in full where CAP_ACK is unknown.
  private static final int RECEIVE_BYTES = 128 * 1024;
  private static final int DEFAULT_WRITER_BYTES = 128 * 1024;
  private static final int NLM_F_DUMP_INTR = 0x10;
  private static final int NLMSGERR_ATTR_MSG = 1;

  private final NetlinkTransport transport;
  private final NetlinkWriter writer;
  private final ByteBuffer received =
      ByteBuffer.allocateDirect(RECEIVE_BYTES).order(ByteOrder.nativeOrder());
  private final NetlinkReader reader = new NetlinkReader();
  private final NetlinkReader sent = new NetlinkReader();

  /** What {@link #nextSequence} never gives. */
  private static final int UNNUMBERED = 0;

  private int sequence;
  private boolean busy;
  private boolean behind;
  private boolean echoing;
  private long overruns;

  /**
   * Makes a channel with room for 128 KiB of messages in one send.
   *
   * @param transport owned by the channel from now on
   */
  public NetlinkChannel(NetlinkTransport transport) {
    this(transport, DEFAULT_WRITER_BYTES);
  }

  /**
   * Makes a channel.
   *
   * @param transport owned by the channel from now on
   * @param writerBytes room for all messages of one send, 64 or more
   */
  public NetlinkChannel(NetlinkTransport transport, int writerBytes) {
    this.transport = transport;
    writer = new NetlinkWriter(writerBytes);
  }

  /**
   * Where the next messages are written. It is empty after each exchange; whoever gives up half-way
   * through a message calls {@link NetlinkWriter#reset}.
   *
   * @return the one writer of this channel
   */
  public NetlinkWriter writer() {
    return writer;
  }

  /**
   * A sequence number that is not in use.
   *
   * @return any 32 bits but 0, one more each time
   */
  public int nextSequence() {
    sequence++;
    if (sequence == 0) {
      sequence = 1;
    }
    return sequence;
  }

  /**
   * How often answers were lost because the receive buffer overran.
   *
   * @return a count since the channel was made
   */
  public long overruns() {
    return overruns;
  }

  /**
   * Sends all messages of the writer as one datagram and waits until the last one that asks for an
   * acknowledgement has it.
   *
   * @param operation what is asked, in words, for the exception
   * @throws NetlinkException with the first error that the kernel has for any of the messages;
   *     {@link Errno#ETIMEDOUT} if no answer came, {@link Errno#ENOBUFS} if it was lost: then it is
   *     not known whether the request was carried out
   * @throws IllegalStateException if no message has {@link NetlinkConstants#NLM_F_ACK}
   */
  public void request(String operation) throws NetlinkException {
    exchange(operation, Until.ACK, NetlinkChannel::ignore);
  }

  /**
   * As {@link #request(String)}, and hands over what the kernel tells of the changes that messages
   * with {@link NetlinkConstants#NLM_F_ECHO} made.
   *
   * @param operation what is asked, in words, for the exception
   * @param echo called for each message without a sequence number that comes before the
   *     acknowledgement: nf_tables_setelem_notify of the kernel numbers them 0
   * @throws NetlinkException as there
   */
  public void request(String operation, MessageHandler echo) throws NetlinkException {
    echoing = true;
    try {
      exchange(operation, Until.ACK, echo);
    } finally {
      echoing = false;
    }
  }

  /**
   * Sends the writer's message, which asks for one object, and hands over the answer.
   *
   * @param operation what is asked, in words, for the exception
   * @param each called for the answer, once; or more often if the message asks for an
   *     acknowledgement and more messages come before it
   * @return false if the kernel says that there is no such object
   * @throws NetlinkException for every error but {@link Errno#ENOENT}
   */
  public boolean get(String operation, MessageHandler each) throws NetlinkException {
    try {
      exchange(operation, Until.ANSWER, each);
      return true;
    } catch (NetlinkException e) {
      if (e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Sends the writer's messages, each of which asks for one object, as one datagram, and hands over
   * the answers. It costs less than half of as many calls of {@link #get}, and what is not there
   * costs no exception.
   *
   * @param operation what is asked, in words, for the exception
   * @param each called for each object that is there, in the order of the messages; none of these
   *     may have {@link NetlinkConstants#NLM_F_ACK}
   * @throws NetlinkException with the first error but {@link Errno#ENOENT}
   */
  public void getEach(String operation, MessageHandler each) throws NetlinkException {
    exchange(operation, Until.ANSWERS, each);
  }

  /**
   * Sends the writer's message, which has {@link NetlinkConstants#NLM_F_DUMP}, and hands over all
   * objects until the end of the multipart answer.
   *
   * @param operation what is asked, in words, for the exception
   * @param each called for each object; if it throws, the rest of the answer is skipped
   * @return false if the kernel said that objects changed in between ({@code NLM_F_DUMP_INTR}), so
   *     that some may be missing or told twice: the caller may ask again
   * @throws NetlinkException if the kernel refuses, or objects were lost
   */
  public boolean dump(String operation, MessageHandler each) throws NetlinkException {
    return exchange(operation, Until.DONE, each);
  }

  @Override
  public void close() {
    transport.close();
  }

  private boolean exchange(String operation, Until until, MessageHandler each)
      throws NetlinkException {
    if (busy) {
      throw new IllegalStateException("a channel is not used from inside its own handler");
    }
    busy = true;
    boolean complete = false;
    try {
      if (behind) {
        discardStale();
      }
      int awaitedAt = awaitedMessage();
      int flags = writer.buffer().getShort(awaitedAt + 6);
      Until end = until;
      if (until == Until.ACK || until == Until.ANSWER) {
        boolean acked = (flags & NetlinkConstants.NLM_F_ACK) != 0;
        if (until == Until.ACK && !acked) {
          throw new IllegalStateException(operation + ": no message asks for an acknowledgement");
        }
        end = acked ? Until.ACK : Until.ANSWER;
      }
      transport.send(writer);
      boolean consistent = awaitAnswer(operation, writer.buffer().getInt(awaitedAt + 8), end, each);
      complete = true;
      return consistent;
    } finally {
      // What is left of the answers must not fill the socket's buffer, where it would make the
      // kernel drop the answer to the next request.
      behind = !complete;
      writer.reset();
      busy = false;
    }
  }

  // Where the last message starts that asks for an acknowledgement, or else the last one.
  private int awaitedMessage() {
    int lastAt = -1;
    int ackAt = -1;
    int at = 0;
    ByteBuffer buffer = writer.buffer();
    while (at < writer.lengthBytes()) {
      lastAt = at;
      if ((buffer.getShort(at + 6) & NetlinkConstants.NLM_F_ACK) != 0) {
        ackAt = at;
      }
      at += NetlinkConstants.align(buffer.getInt(at));
    }
    if (lastAt < 0) {
      throw new IllegalStateException("nothing was written");
    }
    return ackAt >= 0 ? ackAt : lastAt;
  }

  private boolean awaitAnswer(String operation, int awaited, Until end, MessageHandler each)
      throws NetlinkException {
    boolean consistent = true;
    boolean lost = false;
    while (true) {
      int lengthBytes;
      try {
        lengthBytes = transport.receive(received);
      } catch (NetlinkException e) {
        if (e.errno() != Errno.ENOBUFS) {
          throw e;
        }
        // May be about answers to an earlier request, so go on; ours may be among what is left.
        overruns++;
        lost = true;
        continue;
      }
      if (lengthBytes == 0) {
        throw new NetlinkException(operation, lost ? Errno.ENOBUFS : Errno.ETIMEDOUT, "");
      }
      reader.wrap(received, 0, lengthBytes);
      while (reader.nextMessage()) {
        int type = reader.type();
        int answered = reader.sequence();
        if (type == NetlinkConstants.NLMSG_ERROR || type == NetlinkConstants.NLMSG_DONE) {
          int errno = errno();
          if (errno == Errno.ENOENT && end == Until.ANSWERS && sentIndexOf(answered) >= 0) {
            if (answered == awaited) {
              return consistent;
            }
          } else if (errno != 0) {
            throwIfOurs(operation, errno, answered);
          } else if (answered == awaited && end.isEndedBy(type)) {
            if (end == Until.DONE && lost) {
              throw new NetlinkException(operation, Errno.ENOBUFS, "");
            }
            return consistent;
          }
        } else if (type >= NetlinkConstants.NLMSG_MIN_TYPE && isOurs(answered, awaited, end)) {
          consistent &= (reader.flags() & NLM_F_DUMP_INTR) == 0;
          each.onMessage(reader);
          if (end == Until.ANSWER || (end == Until.ANSWERS && answered == awaited)) {
            return consistent;
          }
        }
      }
      if (!reader.ok()) {
        throw new NetlinkException(operation, Errno.EBADMSG, "");
      }
    }
  }

  private boolean isOurs(int answered, int awaited, Until end) {
    return answered == awaited
        || (echoing && answered == UNNUMBERED)
        || (end == Until.ANSWERS && sentIndexOf(answered) >= 0);
  }

  private void throwIfOurs(String operation, int errno, int answered) throws NetlinkException {
    int failed = sentIndexOf(answered);
    if (failed >= 0) {
      throw new NetlinkException(
          describe(operation, failed), errno, kernelText(reader.type()), failed);
    }
  }

  // The payload of NLMSG_ERROR and NLMSG_DONE starts with a negative errno, or 0.
  private int errno() {
    return reader.payloadLengthBytes() < 4 ? 0 : -received.getInt(reader.payloadOffset());
  }

  // Moves the reader, so that the message has no more attributes for anybody else.
  private String kernelText(int type) {
    int fixedBytes = 4;
    if (type == NetlinkConstants.NLMSG_ERROR) {
      if ((reader.flags() & NetlinkConstants.NLM_F_ACK_TLVS) == 0
          || reader.payloadLengthBytes() < 4 + NetlinkConstants.HEADER_BYTES) {
        return "";
      }
      // Behind the errno: the header of the request, and all of it unless it was capped.
      fixedBytes +=
          (reader.flags() & NetlinkConstants.NLM_F_CAPPED) != 0
              ? NetlinkConstants.HEADER_BYTES
              : NetlinkConstants.align(received.getInt(reader.payloadOffset() + 4));
    }
    reader.enterAttributes(fixedBytes);
    while (reader.nextAttribute()) {
      if (reader.attributeType() == NLMSGERR_ATTR_MSG) {
        return reader.string();
      }
    }
    return "";
  }

  private int sentIndexOf(int wanted) {
    sent.wrap(writer.buffer(), 0, writer.lengthBytes());
    for (int index = 0; sent.nextMessage(); index++) {
      if (sent.sequence() == wanted) {
        return index;
      }
    }
    return -1;
  }

  private String describe(String operation, int failed) {
    int count = failed + 1;
    while (sent.nextMessage()) {
      count++;
    }
    return count == 1 ? operation : operation + " (message " + (failed + 1) + " of " + count + ")";
  }

  private void discardStale() throws NetlinkException {
    while (true) {
      try {
        if (transport.receiveNow(received) == 0) {
          return;
        }
      } catch (NetlinkException e) {
        if (e.errno() != Errno.ENOBUFS && e.errno() != Errno.EMSGSIZE) {
          throw e;
        }
        overruns++;
      }
    }
  }

  private static void ignore(NetlinkReader message) {
    // An acknowledged request has no other answer, except where NLM_F_ECHO asked for one.
  }

  /** What ends the answer to a request. */
  private enum Until {
    /** An NLMSG_ERROR with errno 0. */
    ACK,
    /** The first message of the answer. */
    ANSWER,
    /** The answer to the last message. */
    ANSWERS,
    /** The NLMSG_DONE behind a multipart answer. */
    DONE;

    boolean isEndedBy(int type) {
      return this == DONE
          ? type == NetlinkConstants.NLMSG_DONE
          : type == NetlinkConstants.NLMSG_ERROR;
    }
  }
}
