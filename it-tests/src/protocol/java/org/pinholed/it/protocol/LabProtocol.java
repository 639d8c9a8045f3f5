package org.pinholed.it.protocol;

import java.util.Map;
import java.util.Set;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;

/** The protocol {@code lab}, over TCP and UDP; {@link LabMessage} says what it can say. */
public final class LabProtocol implements HelperProtocol {
  private static final String LONG_LINES = "longLines";

  /** How many texts all flows together may keep. */
  static final int MOST_KEYS = 64;

  @Override
  public String name() {
    return "lab";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.TCP, Transport.UDP);
  }

  @Override
  public Map<String, String> options() {
    return Map.of(LONG_LINES, "whether lines may be longer than a segment: true or false");
  }

  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 8);
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    Object longLines = options.getOrDefault(LONG_LINES, false);
    if (!(longLines instanceof Boolean)) {
      throw new IllegalArgumentException(
          LONG_LINES + ": " + longLines + " (expected: true, false)");
    }
    return (facts, shared) -> open(facts, shared, (Boolean) longLines);
  }

  private static SessionHelper open(FlowFacts facts, SharedState shared, boolean longLines) {
    LabMessage message = new LabMessage(facts, shared);
    return facts.transport() == Transport.UDP
        ? new Datagrams(message)
        : new Lines(message, longLines);
  }

  /** What both have. */
  private abstract static class Dialogue implements SessionHelper {
    final LabMessage message;
    private int messages;

    Dialogue(LabMessage message) {
      this.message = message;
    }

    /** Tells whether it was carried over to another process: it then goes on with its number. */
    @Override
    public String stateWord() {
      return message.isEnded() ? "ended" : "heard" + messages;
    }

    void heard() {
      messages++;
    }

    @Override
    public String snapshot() {
      return message.isEnded() ? "" : Integer.toString(messages);
    }

    @Override
    public boolean restore(String snapshot) {
      if (!snapshot.matches("[0-9]{1,9}")) {
        return false;
      }
      messages = Integer.parseInt(snapshot);
      return true;
    }
  }

  private static final class Datagrams extends Dialogue implements DatagramHelper {
    Datagrams(LabMessage message) {
      super(message);
    }

    @Override
    public void onDatagram(Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
      if (message.isEnded() || isComment(datagram)) {
        return;
      }
      heard();
      message.read(direction, datagram, datagram.position(), datagram.limit(), nowNs, out);
      out.proven();
    }
  }

  /** What begins with {@code #} is of no interest, for measurements: it costs nothing more. */
  private static boolean isComment(ByteCursor bytes) {
    return bytes.remaining() > 0 && bytes.buffer().get(bytes.position()) == '#';
  }

  private static final class Lines extends Dialogue implements StreamHelper {
    private final boolean areLong;

    Lines(LabMessage message, boolean areLong) {
      super(message);
      this.areLong = areLong;
    }

    @Override
    public boolean hasLongMessages(Direction direction) {
      return areLong;
    }

    @Override
    public boolean editsBothSides() {
      return true;
    }

    @Override
    public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
      int start = bytes.position();
      for (int at = start; at < bytes.limit() && !message.isEnded(); at++) {
        if (bytes.buffer().get(at) == '\n') {
          heard();
          out.begins(bytes.streamOffsetOf(start));
          message.read(direction, bytes, start, at, nowNs, out);
          out.proven();
          start = at + 1;
        }
      }
      if (message.isEnded()) {
        return bytes.remaining();
      }
      if (start < bytes.limit()) {
        out.incomplete(bytes.streamOffsetOf(start));
      }
      return start - bytes.position();
    }
  }
}
