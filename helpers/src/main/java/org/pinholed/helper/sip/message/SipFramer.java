package org.pinholed.helper.sip.message;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.text.FoldedLineView;
import org.pinholed.helper.text.HeaderLines;

/**
 * Finds where the messages of a stream begin and end (RFC 3261 section 18.3): at the first byte of
 * the direction, and from there on where Content-Length says. It never looks for a message anywhere
 * else, so that no text within a body can pose as one (NAT slipstreaming).
 *
 * <p>Each byte is looked at a few times at most, also if the bytes come one by one and what was not
 * consumed is presented again each time. Not thread-safe; one for each direction of a flow.
 *
 * <pre>{@code
 * int at = bytes.position();
 * while (framer.next(bytes, at, bytes.limit()) == SipFramer.Step.MESSAGE) {
 *   message.read(bytes, framer.from(), framer.headEnd(), framer.end()) ...
 *   at = framer.behind();
 * }
 * }</pre>
 */
public final class SipFramer {
  private final HeaderLines ends = new HeaderLines();
  private final HeaderLines lines = new HeaderLines();
  private final HeaderLine name = new HeaderLine();
  private final FoldedLineView line = new FoldedLineView();
  private int from;
  private int headEnd;
  private int end;
  private int behind;
  private boolean mayMatter;
  private @Nullable SipReason reason;

  /** What {@link #next} found. */
  public enum Step {
    /** The next message, if there is one, is not there as a whole. */
    NEED_MORE,
    /** A message. */
    MESSAGE,
    /** Nobody can tell where the next message begins; reading ends. */
    MALFORMED,
    /** This is no SIP; reading ends. */
    OPAQUE
  }

  /** Makes one that stands before the first byte of its direction. */
  public SipFramer() {}

  /**
   * Looks for the next message.
   *
   * @param bytes the bytes; the cursor's own position and limit are not used
   * @param at index of the first byte that is not done with: {@link #behind} of the step before, as
   *     long as the same bytes are presented; then the byte that stood there
   * @param limit index behind the last byte that came
   * @return what was found; MALFORMED and OPAQUE come again at each call
   */
  public Step next(ByteCursor bytes, int at, int limit) {
    from = at;
    while (from < limit && isLineEnd(bytes.u8At(from))) {
      from++;
    }
    behind = from;
    mayMatter = from < limit;
    int found = ends.findEnd(bytes, from, limit);
    if (found == HeaderLines.NONE) {
      return Step.NEED_MORE;
    }
    headEnd = found;
    long length = 0;
    lines.wrap(bytes, from, headEnd);
    while (lines.next()) {
      if (name.read(bytes, lines.start(), lines.end())
          && name.header() == SipHeader.CONTENT_LENGTH) {
        line.wrap(bytes, name.behindColon(), lines.end());
        length = ContentLength.read(line);
      }
    }
    if (length < 0) {
      reason = ContentLength.reason(length);
      return Step.MALFORMED;
    }
    end = headEnd + (int) length;
    behind = end;
    return Step.MESSAGE;
  }

  private static boolean isLineEnd(int octet) {
    return octet == '\r' || octet == '\n';
  }

  /**
   * Where the message begins, behind keep-alives.
   *
   * @return index of its first byte; also of one that is not there as a whole
   */
  public int from() {
    return from;
  }

  /**
   * Where the head of the message ends.
   *
   * @return index behind its empty line
   */
  public int headEnd() {
    return headEnd;
  }

  /**
   * Where the message ends.
   *
   * @return index behind its last byte
   */
  public int end() {
    return end;
  }

  /**
   * How far the bytes are done with.
   *
   * @return index of the first byte that {@link #next} is to be given; all before may be consumed
   */
  public int behind() {
    return behind;
  }

  /**
   * Whether the bytes that are not done with are the beginning of a message, which may hold
   * addresses, so that its segments are to be held.
   *
   * @return false if there are none
   */
  public boolean mayMatter() {
    return mayMatter;
  }

  /**
   * Why reading ends.
   *
   * @return null after NEED_MORE and MESSAGE
   */
  public @Nullable SipReason reason() {
    return reason;
  }
}
