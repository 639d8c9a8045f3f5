package org.pinholed.agent.worker;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;

/**
 * A protocol whose messages are lines, longer than a segment perhaps. Each {@code <ADDRESS:PORT>}
 * in a line is announced, and edited as the other side must see it; in a line of the server that
 * begins with {@code TOLD} it is only changed back to the client's own address. A line that begins
 * with {@code BOOM} throws, one with {@code STOP} is a reason to read no more, one with {@code CUT}
 * cuts a child. What a line announces that begins with {@code LATER} waits for an answer, and so
 * does that of {@code OWNED}, which belongs to {@link #SERVICE} besides.
 */
final class LineProtocol implements HelperProtocol {
  private static final Pattern ENDPOINT = Pattern.compile("<([0-9.]+):([0-9]+)>");

  /** Who {@code OWNED} lines announce for. */
  static final OwnerId SERVICE = new OwnerId(3, 4);

  private final boolean announcesEarly;

  /**
   * Makes it.
   *
   * @param announcesEarly whether its helpers break the rule and announce of messages that are not
   *     whole yet
   */
  LineProtocol(boolean announcesEarly) {
    this.announcesEarly = announcesEarly;
  }

  @Override
  public String name() {
    return "test";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.TCP);
  }

  @Override
  public Map<String, String> options() {
    return Map.of();
  }

  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 64);
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    return (facts, shared) -> new Lines(facts);
  }

  private final class Lines implements StreamHelper {
    private final FlowFacts facts;

    Lines(FlowFacts facts) {
      this.facts = facts;
    }

    @Override
    public boolean hasLongMessages(Direction direction) {
      return true;
    }

    @Override
    public boolean editsBothSides() {
      return true;
    }

    @Override
    public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
      byte[] shown = new byte[bytes.remaining()];
      bytes.buffer().get(bytes.position(), shown);
      String text = new String(shown, ISO_8859_1);
      int from = 0;
      for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
        long offset = bytes.streamOffsetOf(bytes.position() + from);
        out.begins(offset);
        read(direction, text.substring(from, end), offset, out);
        from = end + 1;
      }
      if (from < text.length()) {
        long offset = bytes.streamOffsetOf(bytes.position() + from);
        if (announcesEarly) {
          out.begins(offset);
          read(direction, text.substring(from), offset, out);
        }
        out.incomplete(offset);
      }
      return from;
    }

    private void read(Direction direction, String line, long offset, OutcomeSink out) {
      if (line.startsWith("BOOM")) {
        throw new IllegalStateException("a fault of the helper");
      }
      if (line.startsWith("CUT")) {
        out.cut(TestReason.BROKEN, offset);
      }
      if (line.startsWith("STOP")) {
        out.report(TestReason.BROKEN, offset);
      }
      Matcher found = ENDPOINT.matcher(line);
      while (found.find()) {
        if (line.startsWith("TOLD")) {
          int port = Integer.parseInt(found.group(2));
          edit(found, offset, new Endpoint(facts.client().address(), port), out);
          continue;
        }
        ExpectationRequest.Builder request =
            ExpectationRequest.builder(
                    found.group(2),
                    direction,
                    new Endpoint(address(found.group(1)), Integer.parseInt(found.group(2))),
                    LambdaProtocol.Word.SAID)
                .streamOffset(offset)
                .endpointOffset(offset + found.start());
        if (line.startsWith("LATER")) {
          request.inactive();
        } else if (line.startsWith("OWNED")) {
          request.inactive().owner(SERVICE);
        }
        edit(found, offset, out.expect(request.build()), out);
      }
    }

    private void edit(Matcher found, long offset, @Nullable Endpoint seen, OutcomeSink out) {
      String text = found.group();
      if (seen != null && !("<" + seen + ">").equals(text)) {
        out.edit(offset + found.start(), text.length(), ("<" + seen + ">").getBytes(ISO_8859_1));
      }
    }

    @Override
    public String stateWord() {
      return facts.origin().name();
    }
  }

  /** Why a line ends reading. */
  enum TestReason implements org.pinholed.helper.Reason {
    /** It says so. */
    BROKEN;

    @Override
    public Kind kind() {
      return Kind.MALFORMED;
    }

    @Override
    public String explanation() {
      return "a line says so";
    }
  }

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(text, e);
    }
  }
}
