package org.pinholed.helper.sip.message;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Reason;
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
  private final FirstLine firstLine = new FirstLine();
  private final HeaderLines ends = new HeaderLines();
  private final HeaderLines lines = new HeaderLines();
  private final HeaderLine name = new HeaderLine();
  private final FoldedLineView line = new FoldedLineView();

  /** Whether a message was found, so that this direction speaks SIP. */
  private boolean isSip;

  /** Whether the beginning of the stream is not known, and no start line was found yet. */
  private boolean isSeeking;

  /** How many bytes of a message that was delivered are still to come: of a body nobody reads. */
  private int skipBytes;

  /** Whether the start line of the message that is awaited was found. */
  private boolean isStarted;

  /** Length of the head and of all of the message that is awaited; 0 until the head is there. */
  private int headBytes;

  private int lengthBytes;
  private boolean isBodyRead;

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
   * Whether a whole start line stands somewhere. A stream whose beginning nobody knows may be taken
   * up there only.
   *
   * @param bytes where it is; the cursor's own position and limit are not used
   * @param at index of its first byte
   * @param limit index behind the last byte that came
   * @return true if one does
   */
  public static boolean beginsMessage(ByteCursor bytes, int at, int limit) {
    return at < limit && new FirstLine().look(bytes, at, limit) == FirstLine.Kind.START_LINE;
  }

  /**
   * Says that the beginning of the stream is not known. Then all is passed over up to the first
   * bytes that are presented at the beginning of a call and are a start line, be it in pieces: a
   * segment that begins so most likely begins a message.
   */
  public void seek() {
    isSeeking = true;
  }

  /**
   * Where it stands, for another process; only if all bytes were consumed.
   *
   * @return whether SIP was found or is looked for, and how many bytes are passed over
   */
  public String snapshot() {
    return (isSip ? "s" : isSeeking ? "k" : "b") + skipBytes;
  }

  /**
   * Whether a text is a snapshot.
   *
   * @param text anything
   * @return true if {@link #restore} takes it
   */
  public static boolean isSnapshot(String text) {
    return text.matches("[skb](0|[1-9][0-9]{0,4})")
        && Integer.parseInt(text.substring(1)) <= SipMessage.LENGTH_MAX_BYTES;
  }

  /**
   * Goes on where another one stood.
   *
   * @param snapshot what {@link #isSnapshot} says yes to
   */
  public void restore(String snapshot) {
    isSip = snapshot.charAt(0) == 's';
    isSeeking = snapshot.charAt(0) == 'k';
    skipBytes = Integer.parseInt(snapshot.substring(1));
  }

  /**
   * Looks for the next message.
   *
   * @param bytes the bytes; the cursor's own position and limit are not used
   * @param at index of the first byte that is not done with: {@link #behind} of the step before
   * @param limit index behind the last byte that came
   * @return what was found; MALFORMED and OPAQUE come again at each call
   */
  public Step next(ByteCursor bytes, int at, int limit) {
    if (reason != null) {
      behind = limit;
      return reason.kind() == Reason.Kind.OPAQUE ? Step.OPAQUE : Step.MALFORMED;
    }
    int skipped = Math.min(skipBytes, limit - at);
    skipBytes -= skipped;
    from = at + skipped;
    while (!isStarted && !isSeeking && from < limit && isLineEnd(bytes.u8At(from))) {
      from++;
    }
    behind = from;
    mayMatter = from < limit;
    if (!isStarted) {
      FirstLine.Kind kind = firstLine.look(bytes, from, limit);
      if (kind == FirstLine.Kind.OTHER && isSeeking) {
        firstLine.forget();
        behind = limit;
        mayMatter = false;
        return Step.NEED_MORE;
      }
      if (kind == FirstLine.Kind.OTHER) {
        return fails(isSip ? SipReason.NO_START_LINE : firstLine.reason(), limit);
      }
      if (kind == FirstLine.Kind.UNDECIDED) {
        return limit - from > SipMessage.LENGTH_MAX_BYTES
            ? fails(SipReason.MESSAGE_TOO_LONG, limit)
            : Step.NEED_MORE;
      }
      firstLine.forget();
      isSeeking = false;
      isStarted = true;
    }
    if (headBytes == 0) {
      int found = ends.findEnd(bytes, from, limit);
      int known = (found == HeaderLines.NONE ? limit : found) - from;
      if (known > SipMessage.LENGTH_MAX_BYTES) {
        return fails(SipReason.MESSAGE_TOO_LONG, limit);
      }
      if (found == HeaderLines.NONE) {
        return Step.NEED_MORE;
      }
      @Nullable SipReason wrong = readHead(bytes, found);
      if (wrong != null) {
        return fails(wrong, limit);
      }
    }
    if (isBodyRead && limit - from < lengthBytes) {
      return Step.NEED_MORE;
    }
    return delivers(limit);
  }

  private Step delivers(int limit) {
    headEnd = from + headBytes;
    end = from + lengthBytes;
    behind = Math.min(end, limit);
    skipBytes = end - behind;
    mayMatter = false;
    isSip = true;
    isStarted = false;
    headBytes = 0;
    return Step.MESSAGE;
  }

  private Step fails(SipReason what, int limit) {
    reason = what;
    mayMatter = false;
    behind = limit;
    return what.kind() == Reason.Kind.OPAQUE ? Step.OPAQUE : Step.MALFORMED;
  }

  private @Nullable SipReason readHead(ByteCursor bytes, int found) {
    long length = -1;
    isBodyRead = false;
    lines.wrap(bytes, from, found);
    lines.next(); // the start line
    while (lines.next()) {
      if (!name.read(bytes, lines.start(), lines.end())) {
        continue;
      }
      line.wrap(bytes, name.behindColon(), lines.end());
      if (name.header() == SipHeader.CONTENT_TYPE) {
        isBodyRead |= MediaType.read(line) != MediaType.OTHER;
      } else if (name.header() == SipHeader.CONTENT_LENGTH) {
        long other = ContentLength.read(line);
        if (other < 0) {
          return ContentLength.reason(other);
        }
        if (length >= 0 && other != length) {
          return SipReason.CONTENT_LENGTH_DIFFERS;
        }
        length = other;
      }
    }
    if (length < 0) {
      return SipReason.CONTENT_LENGTH_MISSING;
    }
    if (length > SipMessage.LENGTH_MAX_BYTES - (found - from)) {
      return SipReason.MESSAGE_TOO_LONG;
    }
    headBytes = found - from;
    lengthBytes = headBytes + (int) length;
    return null;
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
   * @return index behind its last byte. It may be beyond the bytes that came if the body is nothing
   *     that {@link SipMessage} reads: then the rest of it is passed over by the next steps
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
   * @return false if there are none, or if they are certainly no SIP
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
