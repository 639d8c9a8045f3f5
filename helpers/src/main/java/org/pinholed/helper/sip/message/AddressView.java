package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.Decimals;
import org.pinholed.helper.text.LineView;

/**
 * One entry of a header that names URIs (RFC 3261 section 25.1, name-addr or addr-spec, with its
 * parameters). Without {@code <>} what follows a semicolon belongs to the header, not to the URI.
 * The span is the whole entry. A flyweight like {@link Span}.
 */
final class AddressView extends Span {
  private static final long SECONDS_MAX = 0xffffffffL;
  private static final int DELETE = 127;
  private static final byte[] TAG = "tag".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] EXPIRES = "expires".getBytes(StandardCharsets.US_ASCII);

  final UriView uri = new UriView();
  final Span tag = new Span();
  final Span expires = new Span();
  boolean isStar;
  long expiresSeconds;

  AddressView() {}

  /**
   * Reads an entry.
   *
   * @param bytes what the line is over
   * @param line at its first character, which is no white space; at the comma or the end behind it
   *     afterwards
   * @param anyUri whether the URI may be anything, because nobody goes there: then one that cannot
   *     be read has no host. What stands around it must be as the grammar says
   * @return false if it is none
   */
  boolean read(ByteCursor bytes, LineView line, boolean anyUri) {
    tag.setAbsent();
    expires.setAbsent();
    expiresSeconds = -1;
    line.beginSpan();
    int from = line.spanFrom();
    isStar = line.current() == '*' && isStarAlone(line);
    if (isStar) {
      uri.clear();
      set(bytes, from, from + 1);
      return true;
    }
    int to = readUri(bytes, line, from, anyUri);
    if (to < 0) {
      return false;
    }
    line.skipSpaces();
    while (line.accept(';')) {
      if (!readParameter(bytes, line)) {
        return false;
      }
      to = line.spanTo();
      line.skipSpaces();
    }
    set(bytes, from, to);
    return line.current() == ',' || line.current() == LineView.END;
  }

  private static boolean isStarAlone(LineView line) {
    line.advance();
    line.skipSpaces();
    return line.current() == LineView.END;
  }

  // Reads a URI with or without <>, and the display name; answers the index behind it, or -1. What
  // stands before a < is a display name only if it cannot be taken for a URI: else for some the URI
  // would be that, for others what stands within <>.
  private int readUri(ByteCursor bytes, LineView line, int from, boolean anyUri) {
    boolean isQuoted = line.current() == '"';
    if (isQuoted) {
      if (!line.skipQuoted()) {
        return -1;
      }
      line.skipSpaces();
    }
    boolean isName = true;
    boolean isUri = !isQuoted; // RFC 3261 section 20.10: one with ? must stand in <>
    boolean spaced = false;
    int to = from;
    while (!isDelimiter(line.current())) {
      int character = line.current();
      if (isBlank(character)) {
        spaced = true;
      } else if (isQuoted || character < ' ' || character == '"' || character == '\\') {
        return -1;
      } else {
        isName &= character != ':' && character != '@';
        isUri &= !spaced && character != '?';
        line.beginSpan();
        to = line.spanFrom() + 1;
      }
      line.advance();
    }
    if (line.current() != '<') {
      return isUri && readUri(bytes, from, to, anyUri) ? to : -1;
    }
    line.advance();
    line.beginSpan();
    boolean isClosed = line.skipTo('>');
    line.endSpan();
    return isName && isClosed && readUri(bytes, line.spanFrom(), line.spanTo(), anyUri)
        ? behind(line)
        : -1;
  }

  private static int behind(LineView line) {
    line.advance();
    line.endSpan();
    return line.spanTo();
  }

  private boolean readUri(ByteCursor bytes, int from, int to, boolean anyUri) {
    return uri.read(bytes, from, to) || (anyUri && from < to && uri.readUnknown(bytes, from, to));
  }

  private static boolean isBlank(int character) {
    return character == ' ' || character == '\t';
  }

  private boolean readParameter(ByteCursor bytes, LineView line) {
    line.skipSpaces();
    line.beginSpan();
    while (isOfParameter(line.current()) && line.current() != '=') {
      line.advance();
    }
    line.endSpan();
    @Nullable Span known = line.spanIsWord(TAG) ? tag : line.spanIsWord(EXPIRES) ? expires : null;
    line.skipSpaces();
    boolean hasValue = line.accept('=');
    if (hasValue) {
      line.skipSpaces();
      line.beginSpan();
      if (line.current() == '"') {
        if (!line.skipQuoted()) {
          return false;
        }
      } else {
        while (isOfParameter(line.current())) {
          line.advance();
        }
      }
      line.endSpan();
    }
    if (known != null) {
      if (!known.isAbsent() || !hasValue || line.spanLengthBytes() == 0) {
        return false;
      }
      known.set(bytes, line.spanFrom(), line.spanTo());
      if (known == expires) {
        expiresSeconds = seconds(bytes, expires);
      }
    }
    return true;
  }

  private static boolean isDelimiter(int character) {
    return character == '<' || character == ',' || character == ';' || character == LineView.END;
  }

  private static boolean isOfParameter(int character) {
    return character > ' '
        && character != DELETE
        && character != ';'
        && character != ','
        && character != '"'
        && character != '<'
        && character != '>';
  }

  // A number of seconds, at most 2^32-1 (RFC 3261 section 20.19); -1 if the span is none.
  private static long seconds(ByteCursor bytes, Span digits) {
    long seconds = 0;
    for (int at = digits.from(); at < digits.to(); at++) {
      int digit = bytes.u8At(at) - '0';
      if (digit < 0 || digit > 9) {
        return Decimals.NONE;
      }
      seconds = Math.min(seconds * 10 + digit, SECONDS_MAX);
    }
    return seconds;
  }
}
