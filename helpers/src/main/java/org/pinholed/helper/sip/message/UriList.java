package org.pinholed.helper.sip.message;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.text.FoldedLineView;
import org.pinholed.helper.text.LineView;

/**
 * Walks the URIs of all lines of a header: Contact, Record-Route, Route, Path, Refer-To. Several
 * may stand in one line, with commas between them (RFC 3261 section 7.3.1).
 *
 * <pre>{@code
 * for (list.begin(message, SipHeader.CONTACT); list.next(); ) {
 *   list.uri() ...
 * }
 * if (list.problem() != null) ...
 * }</pre>
 *
 * <p>What was read before a problem is not to be believed: begin again only after a look at {@link
 * #problem}. A flyweight: not thread-safe, one per thread, and of use only as long as the message.
 */
public final class UriList {
  private static final ByteCursor NOTHING = new ByteCursor();

  private final FoldedLineView line = new FoldedLineView();
  private final AddressView entry = new AddressView();
  private @Nullable SipMessage message;
  private ByteCursor bytes = NOTHING;
  private int number = SipMessage.NO_LINE;
  private boolean isFirst;
  private boolean isFirstOfLine;
  private @Nullable SipReason problem;

  /** Makes a walk over nothing; see {@link #begin}. */
  public UriList() {}

  /**
   * Begins before the first entry.
   *
   * @param read a message that was read
   * @param header one whose values are URIs
   * @return this
   */
  public UriList begin(SipMessage read, SipHeader header) {
    message = read;
    bytes = read.cursor();
    problem = null;
    isFirst = true;
    isFirstOfLine = true;
    enter(read.firstLine(header));
    return this;
  }

  private void enter(int nextNumber) {
    number = nextNumber;
    if (message != null && number != SipMessage.NO_LINE) {
      line.wrap(bytes, message.valueFrom(number), message.lineTo(number));
      line.skipSpaces();
    }
  }

  /**
   * Goes to the next entry.
   *
   * @return false if there is none, or if it cannot be read: then {@link #problem} says so
   */
  public boolean next() {
    if (message == null || problem != null) {
      return false;
    }
    while (number != SipMessage.NO_LINE && line.current() == LineView.END) {
      enter(message.nextLine(number));
      isFirstOfLine = true;
    }
    if (number == SipMessage.NO_LINE) {
      return false;
    }
    if (!isFirstOfLine && line.accept(',')) {
      line.skipSpaces();
    }
    boolean isBehindStar = !isFirst && entry.isStar;
    if (!entry.read(bytes, line, false) || isBehindStar || (entry.isStar && !isFirst)) {
      problem = SipReason.URI;
      return false;
    }
    isFirst = false;
    isFirstOfLine = false;
    return true;
  }

  /**
   * Why {@link #next} went no further.
   *
   * @return null if all was read so far
   */
  public @Nullable SipReason problem() {
    return problem;
  }

  /**
   * Whether the entry is the {@code *} of Contact, which stands alone (RFC 3261 section 10.2.2).
   *
   * @return true if it is; then there is no URI
   */
  public boolean isStar() {
    return entry.isStar;
  }

  /**
   * The URI of the entry.
   *
   * @return absent for {@code *}
   */
  public UriView uri() {
    return entry.uri;
  }

  /**
   * The entry with all that belongs to it.
   *
   * @return from its display name to its last parameter
   */
  public Span entry() {
    return entry;
  }

  /**
   * The parameter {@code expires} of the entry, not of its URI.
   *
   * @return seconds 0..2^32-1, as much for what is more; -1 if there is none, or no number
   */
  public long expires() {
    return entry.expiresSeconds;
  }
}
