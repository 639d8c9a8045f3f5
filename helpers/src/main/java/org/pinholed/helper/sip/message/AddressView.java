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
   * @return false if it is none
   */
  boolean read(ByteCursor bytes, LineView line) {
    tag.setAbsent();
    expires.setAbsent();
    expiresSeconds = -1;
    line.beginSpan();
    line.endSpan();
    int from = line.spanFrom();
    isStar = line.current() == '*' && isStarAlone(line);
    if (isStar) {
      uri.setAbsent();
      set(bytes, from, from + 1);
      return true;
    }
    if (!readUri(bytes, line, from)) {
      return false;
    }
    int to = uri.to() < line.spanTo() ? line.spanTo() : uri.to();
    set(bytes, from, to);
    line.skipSpaces();
    while (line.accept(';')) {
      if (!readParameter(bytes, line)) {
        return false;
      }
      set(bytes, from, Math.max(to, line.spanTo()));
    }
    return line.current() == ',' || line.current() == LineView.END;
  }

  private static boolean isStarAlone(LineView line) {
    line.advance();
    line.skipSpaces();
    return line.current() == LineView.END;
  }

  private boolean readUri(ByteCursor bytes, LineView line, int from) {
    boolean isName = true; // whether it can be a display name so far
    boolean spaced = false;
    int uriTo = from;
    if (line.current() == '"') {
      if (!line.skipQuoted()) {
        return false;
      }
      line.skipSpaces();
      if (line.current() != '<') {
        return false;
      }
    }
    while (!isDelimiter(line.current())) {
      int character = line.current();
      isName &= character != ':' && character != '@';
      if (character == ' ' || character == '\t') {
        spaced = true;
      } else {
        if (character < ' ' || character == DELETE || character == '"' || character == '\\') {
          return false;
        }
        if (spaced && !isName) {
          return false;
        }
        line.beginSpan();
        uriTo = line.spanFrom() + 1;
      }
      line.advance();
    }
    if (line.current() != '<') {
      for (int at = from; at < uriTo; at++) {
        if (bytes.u8At(at) == '?') {
          return false; // RFC 3261 section 20.10: such a URI must stand in <>
        }
      }
      line.endSpan();
      return uri.read(bytes, from, uriTo);
    }
    if (!isName) {
      return false; // for some the URI stands before the <, for others behind it
    }
    line.advance();
    line.beginSpan();
    int inner = line.spanFrom();
    line.skipTo('>');
    line.endSpan();
    if (!uri.read(bytes, inner, line.spanTo()) || !line.accept('>')) {
      return false;
    }
    line.endSpan();
    return true;
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
    line.skipSpaces();
    int next = line.current();
    return next == ';' || next == ',' || next == LineView.END;
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
