package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.function.Consumer;

/**
 * A kernel that follows a script: each send must have exactly the expected bytes, and then the
 * scripted answers can be received.
 *
 * <p>When a send differs, the test fails with both sides next to each other, four bytes a line. A
 * receive with nothing scripted returns 0 like a timeout. {@link #close} fails if the script was
 * not played to its end.
 */
public final class FakeNetlinkTransport implements NetlinkTransport {
  private final Deque<byte[]> expectedSends = new ArrayDeque<>();
  private final Deque<Deque<Object>> answersBySend = new ArrayDeque<>();
  private final Deque<Object> arrived = new ArrayDeque<>();
  private final Deque<byte[]> sends = new ArrayDeque<>();
  private boolean anythingGoes;
  private boolean closed;

  /** Makes a kernel that expects nothing yet. */
  public FakeNetlinkTransport() {}

  /**
   * Expects a send of exactly what is written here.
   *
   * @param script writes the expected messages
   * @return this transport, to add answers to this send
   */
  public FakeNetlinkTransport expect(Consumer<NetlinkWriter> script) {
    NetlinkWriter writer = new NetlinkWriter(1 << 17);
    script.accept(writer);
    return expectBytes(writer.toBytes());
  }

  /**
   * Expects a send of exactly these bytes.
   *
   * @param hex hexadecimal digits; blanks and line ends do not count
   * @return this transport, to add answers to this send
   */
  public FakeNetlinkTransport expectHex(String hex) {
    return expectBytes(HexFormat.of().parseHex(hex.replaceAll("\\s+", "")));
  }

  /**
   * Takes every send that is not expected, for tests that look at {@link #lastSent} instead.
   *
   * @return this transport
   */
  public FakeNetlinkTransport takeAnything() {
    anythingGoes = true;
    return this;
  }

  /**
   * Adds a datagram that arrives after the send that was expected last, or at once if there is
   * none.
   *
   * @param script writes the datagram
   * @return this transport
   */
  public FakeNetlinkTransport answer(Consumer<NetlinkWriter> script) {
    NetlinkWriter writer = new NetlinkWriter(1 << 17);
    script.accept(writer);
    return answerBytes(writer.toBytes());
  }

  /**
   * Adds a datagram of these bytes.
   *
   * @param datagram as the kernel would send it
   * @return this transport
   */
  public FakeNetlinkTransport answerBytes(byte[] datagram) {
    lastAnswers().add(datagram.clone());
    return this;
  }

  /**
   * Adds an acknowledgement.
   *
   * @param sequence of the request
   * @return this transport
   */
  public FakeNetlinkTransport acknowledge(int sequence) {
    return answer(writer -> error(writer, sequence, 0));
  }

  /**
   * Adds a refusal without a text.
   *
   * @param sequence of the request
   * @param errno positive
   * @return this transport
   */
  public FakeNetlinkTransport refuse(int sequence, int errno) {
    return answer(writer -> error(writer, sequence, errno));
  }

  /**
   * Adds a failure of the receive call itself.
   *
   * @param errno positive, for example {@link Errno#ENOBUFS}
   * @return this transport
   */
  public FakeNetlinkTransport failReceive(int errno) {
    lastAnswers().add(errno);
    return this;
  }

  /**
   * The bytes of the last send, of {@link #takeAnything} or expected.
   *
   * @return a copy
   */
  public byte[] lastSent() {
    byte[] last = sends.peekLast();
    return last == null ? fail("nothing was sent") : last.clone();
  }

  /**
   * How many sends there were.
   *
   * @return 0 or more
   */
  public int sendCount() {
    return sends.size();
  }

  /**
   * Whether {@link #close} was called.
   *
   * @return true once closed
   */
  public boolean isClosed() {
    return closed;
  }

  @Override
  public void send(NetlinkWriter writer) {
    byte[] sent = writer.toBytes();
    sends.add(sent);
    byte[] expected = expectedSends.pollFirst();
    if (expected == null) {
      if (!anythingGoes) {
        fail("unexpected send:\n" + sideBySide(new byte[0], sent));
      }
      return;
    }
    if (!Arrays.equals(expected, sent)) {
      fail("the send differs:\n" + sideBySide(expected, sent));
    }
    arrived.addAll(answersBySend.removeFirst());
  }

  @Override
  public int receive(ByteBuffer into) throws NetlinkException {
    Object next = arrived.pollFirst();
    if (next == null) {
      return 0;
    }
    if (next instanceof Integer errno) {
      throw new NetlinkException("netlink: receive", errno, "");
    }
    byte[] datagram = (byte[]) next;
    // What an earlier datagram left behind must not be taken for this one's.
    for (int i = 0; i < into.capacity(); i++) {
      into.put(i, (byte) 0xee);
    }
    into.put(0, datagram);
    return datagram.length;
  }

  @Override
  public int receiveNow(ByteBuffer into) throws NetlinkException {
    return receive(into);
  }

  @Override
  public int receiveBatch(DatagramBatch batch) throws NetlinkException {
    batch.received(0);
    while (batch.count() < batch.slots() && !arrived.isEmpty()) {
      if (arrived.peekFirst() instanceof Integer errno) {
        if (batch.count() > 0) {
          break;
        }
        arrived.removeFirst();
        throw new NetlinkException("netlink: receive", errno, "");
      }
      batch.add((byte[]) arrived.removeFirst());
    }
    return batch.count();
  }

  @Override
  public void close() {
    closed = true;
    if (!expectedSends.isEmpty()) {
      fail("never sent:\n" + sideBySide(expectedSends.removeFirst(), new byte[0]));
    }
  }

  /**
   * Writes an {@code NLMSG_ERROR} whose request is capped to its header.
   *
   * @param writer takes the message
   * @param sequence of the request
   * @param errno positive, or 0 for an acknowledgement
   */
  public static void error(NetlinkWriter writer, int sequence, int errno) {
    writer
        .beginMessage(NetlinkConstants.NLMSG_ERROR, NetlinkConstants.NLM_F_CAPPED, sequence)
        .raw32host(-errno)
        .rawBytes(new byte[NetlinkConstants.HEADER_BYTES])
        .endMessage();
  }

  private FakeNetlinkTransport expectBytes(byte[] bytes) {
    expectedSends.add(bytes);
    answersBySend.add(new ArrayDeque<>());
    return this;
  }

  private Deque<Object> lastAnswers() {
    Deque<Object> last = answersBySend.peekLast();
    return last == null ? arrived : last;
  }

  static String sideBySide(byte[] expected, byte[] actual) {
    StringBuilder text = new StringBuilder("offset  expected       sent\n");
    for (int at = 0; at < Math.max(expected.length, actual.length); at += 4) {
      String left = word(expected, at);
      String right = word(actual, at);
      text.append(
          String.format(
              "%6d  %-13s  %-13s%s%n", at, left, right, left.equals(right) ? "" : "  <--"));
    }
    return text.toString();
  }

  private static String word(byte[] bytes, int at) {
    int end = Math.min(bytes.length, at + 4);
    if (at >= end) {
      return "-";
    }
    StringBuilder ascii = new StringBuilder(" ");
    for (int i = at; i < end; i++) {
      ascii.append(bytes[i] >= ' ' && bytes[i] < 0x7f ? (char) bytes[i] : '.');
    }
    return HexFormat.of().formatHex(bytes, at, end) + ascii;
  }
}
