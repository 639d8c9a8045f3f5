package org.pinholed.helper.sip.message;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.text.HeaderLines;

/**
 * Where the header lines of a message are, and which of them are of one header. Lines are numbered
 * from 0. A flyweight: not thread-safe, re-used by {@link #read}.
 */
final class HeaderIndex {
  private static final int NO_LINE = SipMessage.NO_LINE;
  private static final int CR = '\r';
  private static final int LF = '\n';

  private final HeaderLine name = new HeaderLine();
  private final int[] from = new int[SipMessage.LINES_MAX];
  private final int[] behindColon = new int[SipMessage.LINES_MAX];
  private final int[] to = new int[SipMessage.LINES_MAX];
  private final int[] next = new int[SipMessage.LINES_MAX];
  private final int[] firstOfHeader = new int[SipHeader.COUNT];
  private final int[] lastOfHeader = new int[SipHeader.COUNT];
  private int count;

  /**
   * Reads the lines of a head.
   *
   * @param bytes where it is
   * @param lines behind the start line; behind the last line afterwards
   * @return null if they were read
   */
  @Nullable SipReason read(ByteCursor bytes, HeaderLines lines) {
    count = 0;
    Arrays.fill(firstOfHeader, NO_LINE);
    while (lines.next()) {
      if (count == SipMessage.LINES_MAX) {
        return SipReason.TOO_MANY_LINES;
      }
      if (!name.read(bytes, lines.start(), lines.end())) {
        return SipReason.HEADER_LINE;
      }
      from[count] = lines.start();
      behindColon[count] = name.behindColon();
      to[count] = lines.end();
      next[count] = NO_LINE;
      SipHeader header = name.header();
      if (header != SipHeader.OTHER) {
        if (hasControlCharacter(bytes, name.behindColon(), lines.end())) {
          return SipReason.CONTROL_CHARACTER;
        }
        if (!link(header)) {
          return SipReason.HEADER_TWICE;
        }
      }
      count++;
    }
    return null;
  }

  // Two of what may be there once are refused also if they say the same: if one of them had to be
  // changed, they would not any more.
  private boolean link(SipHeader header) {
    int slot = header.index();
    if (firstOfHeader[slot] == NO_LINE) {
      firstOfHeader[slot] = count;
    } else if (header.isSingle()) {
      return false;
    } else {
      next[lastOfHeader[slot]] = count;
    }
    lastOfHeader[slot] = count;
    return true;
  }

  // For some readers a NUL or a CR alone ends the line, or all of the text. Behind a backslash a
  // NUL is a character of a quoted string (RFC 3261 section 25.1, quoted-pair).
  private static boolean hasControlCharacter(ByteCursor bytes, int valueFrom, int valueTo) {
    boolean isEscaped = false;
    for (int at = valueFrom; at < valueTo; at++) {
      int octet = bytes.u8At(at);
      if (octet == 0 && !isEscaped) {
        return true;
      }
      if (octet == CR && (at + 1 == valueTo || bytes.u8At(at + 1) != LF)) {
        return true;
      }
      isEscaped = octet == '\\' && !isEscaped;
    }
    return false;
  }

  int count() {
    return count;
  }

  int first(SipHeader header) {
    return firstOfHeader[header.index()];
  }

  int next(int number) {
    return next[number];
  }

  int from(int number) {
    return from[number];
  }

  int behindColon(int number) {
    return behindColon[number];
  }

  int to(int number) {
    return to[number];
  }
}
