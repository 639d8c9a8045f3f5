package org.pinholed.helper.testkit;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.stream.InOrderStream;

/**
 * One flow with its helper, fed as the agent does it: a stream through {@link InOrderStream}, which
 * presents again what was not consumed; a datagram whole. The packet is overwritten after the call,
 * as the agent's is, and bytes around it are none of the helper's business.
 */
public final class HelperRun {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Bytes of the packet before and behind what the helper gets. */
  private static final int HEADER_BYTES = 40;

  private static final byte STALE = (byte) 0xa5;

  private final HelperSetup setup;
  private final Work work = new Work();
  private final SimpleState shared;
  private final SessionHelper helper;
  private final RecordingSink sink;
  private final Side client;
  private final Side server;
  private long nowNs;
  private long countedFrom;

  /** One direction. */
  private final class Side implements InOrderStream.Reader {
    private final Direction direction;
    private final InOrderStream stream = new InOrderStream(setup.limits());
    private final CountingCursor cursor = new CountingCursor(work);

    /** How many bytes of the stream another process read before. */
    private long before;

    private boolean ended;

    Side(Direction direction, int initialSequence) {
      this.direction = direction;
      stream.start(initialSequence);
    }

    @Override
    public int onBytes(ByteCursor bytes) {
      int at = bytes.position();
      cursor.over(bytes.buffer(), at, bytes.remaining(), bytes.streamOffsetOf(at));
      long allocated = THREADS.getCurrentThreadAllocatedBytes();
      int taken = ((StreamHelper) helper).onBytes(direction, cursor, nowNs, sink);
      work.allocated(THREADS.getCurrentThreadAllocatedBytes() - allocated);
      return taken;
    }

    void onDatagram(ByteBuffer packet, int lengthBytes) {
      cursor.over(packet, HEADER_BYTES, lengthBytes, 0);
      long allocated = THREADS.getCurrentThreadAllocatedBytes();
      ((DatagramHelper) helper).onDatagram(direction, cursor, nowNs, sink);
      work.allocated(THREADS.getCurrentThreadAllocatedBytes() - allocated);
    }
  }

  /**
   * Begins a flow.
   *
   * @param setup what is run
   */
  public HelperRun(HelperSetup setup) {
    this(setup, RecordingSink::allOf);
  }

  /**
   * Begins a flow.
   *
   * @param setup what is run
   * @param words see {@link RecordingSink}
   */
  public HelperRun(HelperSetup setup, Function<ExpectationRequest, String> words) {
    this(setup, setup.facts(), null, words);
  }

  private HelperRun(
      HelperSetup setup,
      FlowFacts facts,
      @Nullable SimpleState before,
      Function<ExpectationRequest, String> words) {
    this.setup = setup;
    shared = before == null ? new SimpleState(work) : before.handOver(work);
    sink = new RecordingSink(words, work);
    if (setup.translated() != null) {
      sink.translate(setup.translated());
    }
    helper = setup.factory().open(facts, shared);
    // Both pass the end of the numbers while they are used.
    client = new Side(Direction.ORIGINAL, -20);
    server = new Side(Direction.REPLY, Integer.MAX_VALUE - 20);
  }

  /**
   * Another process goes on with the flow, where all that came was consumed.
   *
   * @return that one; null if the helper cannot say where it stands
   * @throws AssertionError if that is not understood, or not the same place
   */
  public @Nullable HelperRun handOver() {
    String snapshot = helper.snapshot();
    if (snapshot.isEmpty()) {
      return null;
    }
    boolean ascii = snapshot.chars().allMatch(letter -> letter >= ' ' && letter < 0x7f);
    require(ascii && snapshot.length() <= 1000, "at most 1000 characters of ASCII", snapshot);
    HelperRun next = new HelperRun(setup, setup.resumed(), shared, RecordingSink::allOf);
    next.nowNs = nowNs;
    for (Side side : List.of(client, server)) {
      Side after = next.side(side.direction);
      after.before = side.before + side.stream.bytesConsumed();
      after.ended = side.ended;
    }
    require(next.helper.restore(snapshot), "restore understands it", snapshot);
    require(next.helper.snapshot().equals(snapshot), "it is the same again", snapshot);
    require(next.state().equals(state()), "the state is the same: " + state(), snapshot);
    return next;
  }

  private static void require(boolean holds, String what, String snapshot) {
    if (!holds) {
      throw new AssertionError("snapshot: " + snapshot + " (expected: " + what + ")");
    }
  }

  private Side side(Direction direction) {
    return direction == Direction.ORIGINAL ? client : server;
  }

  /**
   * Sets the time.
   *
   * @param ns nanoseconds from any moment
   * @return this run
   */
  public HelperRun at(long ns) {
    nowNs = ns;
    return this;
  }

  /**
   * Shows the offsets of what comes now as counted from another byte than the first.
   *
   * @param streamOffset the offset that is shown as 0
   */
  public void countFrom(long streamOffset) {
    countedFrom = streamOffset;
  }

  /** Takes work without end for a fault. */
  HelperRun limited(long mostReadBytes) {
    work.limit(mostReadBytes);
    return this;
  }

  /**
   * Says all of a dialogue, each message at once.
   *
   * @param dialogue what is said
   * @return this run
   */
  public HelperRun say(Dialogue dialogue) {
    for (Message message : dialogue.messages()) {
      pass(message);
      send(message.direction(), message.bytes(), 0, message.bytes().length);
    }
    return this;
  }

  /**
   * Says all of a dialogue in segments of random lengths.
   *
   * @param dialogue what is said
   * @param random chooses the lengths
   * @param longest the longest segment in bytes, 1 or more
   * @return this
   */
  public HelperRun sayTorn(Dialogue dialogue, Random random, int longest) {
    for (Message message : dialogue.messages()) {
      pass(message);
      int length = message.bytes().length;
      for (int at = 0; at < length; ) {
        int end = Math.min(length, at + 1 + random.nextInt(longest));
        send(message.direction(), message.bytes(), at, end);
        at = end;
      }
    }
    return this;
  }

  /** Lets the time before a message pass. */
  void pass(Message message) {
    nowNs += message.afterNs();
  }

  /**
   * Sends a segment or a datagram.
   *
   * @param direction which way it goes
   * @param bytes where it is
   * @param from index of its first byte
   * @param to index behind its last byte
   * @throws AssertionError if the helper throws
   */
  public void send(Direction direction, byte[] bytes, int from, int to) {
    sendAt(direction, bytesRead(direction), bytes, from, to);
  }

  /**
   * Sends a segment, in its turn or not, or a datagram.
   *
   * @param direction which way it goes
   * @param streamOffset where in the stream its first byte stands
   * @param bytes where it is
   * @param from index of its first byte
   * @param to index behind its last byte
   * @throws AssertionError if the helper throws
   */
  public void sendAt(Direction direction, long streamOffset, byte[] bytes, int from, int to) {
    Side side = side(direction);
    if (side.ended) {
      return;
    }
    ByteBuffer packet = ByteBuffer.allocate(to - from + 2 * HEADER_BYTES);
    Arrays.fill(packet.array(), STALE);
    packet.put(HEADER_BYTES, bytes, from, to - from);
    sink.countFrom(countedFrom - side.before);
    try {
      if (isStream()) {
        int sequence = side.stream.sequenceOf(streamOffset);
        InOrderStream.Push push = side.stream.push(sequence, packet, HEADER_BYTES, to - from, side);
        if (push.reason() != null) {
          side.ended = true;
          sink.report(push.reason(), -1 - side.before);
        }
      } else {
        side.onDatagram(packet, to - from);
      }
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError thrown) {
      throw new AssertionError("the helper threw " + thrown, thrown);
    }
    Arrays.fill(packet.array(), STALE);
  }

  boolean isStream() {
    return setup.facts().transport() == Transport.TCP;
  }

  /** Whether nothing waits for its rest. */
  boolean isAtBoundary() {
    return bufferedBytes() == 0;
  }

  /**
   * What the streams keep.
   *
   * @return bytes of both directions
   */
  public int bufferedBytes() {
    return client.stream.bufferedBytes() + server.stream.bufferedBytes();
  }

  /**
   * Whether a stream is not read any more, for a reason that was reported.
   *
   * @param direction the direction
   * @return false for datagrams
   */
  public boolean isEnded(Direction direction) {
    return side(direction).ended;
  }

  /**
   * How many bytes of a direction came.
   *
   * @param direction the direction
   * @return the stream offset of the next one
   */
  public long bytesRead(Direction direction) {
    return side(direction).stream.bytesRead();
  }

  /**
   * The helper.
   *
   * @return that of this flow
   */
  public SessionHelper helper() {
    return helper;
  }

  /**
   * What took the outcomes.
   *
   * @return the sink of this flow
   */
  public RecordingSink sink() {
    return sink;
  }

  Work work() {
    return work;
  }

  private String state() {
    String state = Objects.requireNonNull(helper.stateWord());
    if (helper instanceof StreamHelper stream) {
      state += " " + stream.mayAnnounce(Direction.ORIGINAL);
      state += " " + stream.mayAnnounce(Direction.REPLY);
    }
    return state;
  }

  Observed observed() {
    return observedFrom(0, 0);
  }

  /** The same without what was there before. */
  Observed observedFrom(int outcomes, int understood) {
    return new Observed(
        List.copyOf(sink.outcomes().subList(outcomes, sink.outcomes().size())),
        List.copyOf(sink.understood().subList(understood, sink.understood().size())),
        state());
  }
}
