package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Reason;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * One direction of a translated flow with everything around it: the stream and a helper that
 * rewrites whole messages, the kernel that shifts sequence numbers, and the receiver. A message is
 * a line; in it each {@code [old|n]} becomes {@code n} times a Z.
 */
final class HeldStream implements HoldExits, InOrderStream.Reader {
  private static final Pattern EDIT = Pattern.compile("\\[[^|\\]]*\\|([0-9]+)\\]");

  private static final InetSocketAddress CLIENT = new InetSocketAddress("192.0.2.10", 40001);
  private static final InetSocketAddress SERVER = new InetSocketAddress("198.51.100.7", 21);

  final TranslatedStream translated = new TranslatedStream();
  final MessageHold hold = translated.holding();
  final List<String> violations = new ArrayList<>();
  final List<Reason> givenUp = new ArrayList<>();
  final List<WithheldReason> dropped = new ArrayList<>();
  final List<String> edits = new ArrayList<>();
  final List<Integer> passedIds = new ArrayList<>();
  long nowNs;
  int mostHeld = Integer.MAX_VALUE;
  boolean kernelRefuses;
  boolean backendRefuses;
  boolean memoryIsSpent;
  boolean packetsAreNotMade;

  /** What left the router and is on its way to the receiver. */
  final List<Sent> wire = new ArrayList<>();

  private final InOrderStream stream;
  private final int first;
  private final boolean remembers;
  private final Set<Integer> waiting = new HashSet<>();
  private final Set<Integer> answered = new HashSet<>();
  private final Map<Integer, Integer> remembered = new HashMap<>();
  private int ids;
  private int memory;
  private SequenceAdjustment kernel = SequenceAdjustment.NONE;
  private boolean exempt;

  private int longestPacketBytes;

  /** Sequence number behind the last byte that came to the router. */
  private int sentEnd;

  private boolean read;
  private @Nullable Integer unfinished;

  // The helper's memory if it takes messages in parts.
  private final ByteArrayOutputStream message = new ByteArrayOutputStream();
  private long messageAt;

  private final ByteArrayOutputStream received = new ByteArrayOutputStream();
  private final TreeMap<Integer, byte[]> early = new TreeMap<>();
  boolean finReceived;

  /** A segment as the receiver sees it. */
  record Sent(int sequence, String text, boolean fin) {
    byte[] payload() {
      return text.getBytes(ISO_8859_1);
    }
  }

  /**
   * Makes it.
   *
   * @param first sequence number of the first byte
   * @param remembers whether the helper takes messages in parts and remembers them
   */
  HeldStream(int first, boolean remembers) {
    this.first = first;
    this.remembers = remembers;
    stream = new InOrderStream(HelperLimits.DEFAULT);
    stream.start(first - 1);
    translated.begin(first);
    sentEnd = first;
  }

  /** The sender's segment comes to the router. */
  void send(int offset, byte[] payload, boolean fin) {
    byte[] packet =
        PacketBuilder.tcp(CLIENT, SERVER)
            .flags(PacketView.ACK | (fin ? PacketView.FIN : 0))
            .sequence(first + offset)
            .payload(new String(payload, ISO_8859_1))
            .build();
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    longestPacketBytes = Math.max(longestPacketBytes, packet.length);
    int id = ++ids;
    int end = first + offset + payload.length;
    sentEnd = end - sentEnd > 0 ? end : sentEnd;
    read = false;
    if (payload.length > 0) {
      InOrderStream.Push push =
          stream.push(
              view.sequence(),
              view.buffer(),
              view.payloadOffset(),
              view.payloadLengthBytes(),
              this);
      assertNull(push.reason());
    }
    if (read) {
      hold.read(unfinished);
    }
    if (hold.passAsItCame(view.sequence(), payload.length, fin, true)) {
      onWire(view.sequence(), payload, fin);
      return;
    }
    waiting.add(id);
    hold.take(new HeldSegment(id, view, nowNs), true, this);
  }

  void send(int offset, String payload) {
    send(offset, payload.getBytes(ISO_8859_1), false);
  }

  /** The time goes on. */
  void at(long ms) {
    nowNs = ms * 1_000_000L;
    hold.expire(nowNs, this);
  }

  /** The receiver gets a segment from the wire. */
  void receive(Sent sent) {
    early.merge(
        sent.sequence() - first,
        sent.payload(),
        (one, other) -> one.length >= other.length ? one : other);
    boolean more = true;
    while (more) {
      more = false;
      for (Map.Entry<Integer, byte[]> entry : early.entrySet()) {
        int behind = received.size() - entry.getKey();
        if (behind >= 0 && entry.getValue().length > behind) {
          received.write(entry.getValue(), behind, entry.getValue().length - behind);
          more = true;
        }
      }
    }
    early.entrySet().removeIf(entry -> entry.getKey() + entry.getValue().length <= received.size());
    if (sent.fin() && sent.sequence() - first + sent.payload().length == received.size()) {
      finReceived = true;
    }
  }

  /** Everything on the wire arrives, in order. */
  HeldStream arrive() {
    while (!wire.isEmpty()) {
      receive(wire.remove(0));
    }
    return this;
  }

  /**
   * The receiver acknowledges what it has, selectively what lies behind a gap. The kernel does not
   * translate back what its window check takes for invalid, so that a masquerading router answers
   * it with a reset ({@code tcp_in_window}).
   *
   * @return offset of the next byte that the sender is asked for
   */
  int acknowledge() {
    int acknowledgement = kernel.toSender(first + received.size());
    assertNull(stream.acknowledged(acknowledgement).reason(), "acknowledged, but never sent");
    int highest = received.size();
    for (Map.Entry<Integer, byte[]> entry : early.entrySet()) {
      int length = entry.getValue().length;
      highest = Math.max(highest, length == 0 ? 0 : entry.getKey() + length);
    }
    boolean behind = first + received.size() - 1 - kernel.position() > 0; // nf_ct_seq_offset
    int offset = behind ? kernel.offsetAfter() : kernel.offsetBefore();
    if (!exempt && !kernel.misleadsWindowCheck() && first + highest - offset - sentEnd > 0) {
      violations.add("invalid: acknowledges " + (first + highest - offset - sentEnd) + " too much");
    }
    hold.acknowledged(acknowledgement, this);
    hold.settle(this);
    return acknowledgement - first;
  }

  String received() {
    return received.toString(ISO_8859_1);
  }

  /** How many segments have no verdict. */
  int held() {
    return waiting.size();
  }

  int memory() {
    return memory;
  }

  static String rewritten(String message) {
    return EDIT.matcher(message).replaceAll(found -> "Z".repeat(Integer.parseInt(found.group(1))));
  }

  // ---- The helper ---------------------------------------------------------------------------

  @Override
  public int onBytes(ByteCursor bytes) {
    read = true;
    unfinished = null;
    int at = bytes.position();
    if (!remembers) {
      message.reset();
      messageAt = bytes.streamOffsetOf(bytes.position());
    } else if (message.size() == 0) {
      messageAt = bytes.streamOffsetOf(bytes.position());
    }
    int done = at;
    for (; at < bytes.limit(); at++) {
      byte value = bytes.buffer().get(at);
      message.write(value);
      if (value == '\n') {
        whole(message.toString(ISO_8859_1), messageAt);
        message.reset();
        done = at + 1;
        messageAt = bytes.streamOffsetOf(done);
      }
    }
    if (message.size() > 0) {
      unfinished = stream.sequenceOf(messageAt);
    }
    return remembers ? bytes.remaining() : done - bytes.position();
  }

  private void whole(String text, long offset) {
    int from = stream.sequenceOf(offset);
    Integer passing = hold.passing();
    if (passing != null && passing == from) {
      return;
    }
    Matcher found = EDIT.matcher(text);
    while (found.find()) {
      boolean planned =
          translated.plan(
              new PayloadEdit(
                  from,
                  from + found.start(),
                  found.end() - found.start(),
                  rewritten(found.group()).getBytes(ISO_8859_1),
                  found.group().getBytes(ISO_8859_1)));
      assertTrue(planned, "an edit of a message of which nothing passed");
    }
  }

  // ---- The kernel ---------------------------------------------------------------------------

  private void onWire(int sequence, byte[] payload, boolean fin) {
    int offset = sequence - kernel.position() > 0 ? kernel.offsetAfter() : kernel.offsetBefore();
    wire.add(new Sent(sequence + offset, new String(payload, ISO_8859_1), fin));
  }

  private void verdict(HeldSegment segment) {
    if (!waiting.remove(segment.packetId()) || !answered.add(segment.packetId())) {
      violations.add("a second verdict on " + segment.packetId());
    }
    remembered.remove(segment.packetId());
  }

  @Override
  public @Nullable Reason hold(HeldSegment segment) {
    if (remembered.size() >= mostHeld) {
      return HoldReason.HOLD_QUEUE;
    }
    if (remembered.put(segment.packetId(), 1) != null) {
      violations.add("held twice: " + segment.packetId());
    }
    return null;
  }

  @Override
  public @Nullable Reason remember(int bytes) {
    if (memoryIsSpent) {
      return StreamReason.BUFFER_BUDGET;
    }
    memory += bytes;
    return null;
  }

  @Override
  public void forget(int bytes) {
    memory -= bytes;
  }

  @Override
  public @Nullable WithheldReason prepare(
      @Nullable SequenceAdjustment next, boolean exemptFromNow) {
    exempt |= exemptFromNow;
    if (next != null) {
      if (kernelRefuses) {
        return WithheldReason.REWRITE_FAILED;
      }
      kernel = next;
    }
    return backendRefuses ? WithheldReason.BACKEND_REFUSED : null;
  }

  @Override
  public void pass(HeldSegment segment) {
    verdict(segment);
    passedIds.add(segment.packetId());
    byte[] payload = new byte[segment.lengthBytes()];
    segment.copy(segment.sequence(), payload.length, payload, 0);
    onWire(segment.sequence(), payload, segment.hasFin());
  }

  @Override
  public void passChanged(HeldSegment segment, int sequence, byte[] payload, boolean fin) {
    if (packetsAreNotMade) {
      throw new IllegalStateException("no packet is made");
    }
    verdict(segment);
    passedIds.add(segment.packetId());
    if (payload.length > segment.roomBytes(longestPacketBytes)) {
      violations.add("too long: " + payload.length);
    }
    onWire(sequence, payload, fin && segment.hasFin());
  }

  @Override
  public void drop(HeldSegment segment, WithheldReason why) {
    verdict(segment);
    dropped.add(why);
  }

  @Override
  public void made(List<PayloadEdit> made) {
    made.forEach(edit -> edits.add(edit.describe()));
  }

  @Override
  public void givenUp(int messageFrom, Reason why) {
    givenUp.add(why);
  }
}
