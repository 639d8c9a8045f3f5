package org.pinholed.helper.ftp;

import java.nio.ByteBuffer;

/**
 * One control line, byte by byte, without what telnet puts between the characters (RFC 854, RFC 959
 * section 3.1). Forward only, so that whatever is read through it takes linear time.
 *
 * <p>Skipped are CR, IAC with a command, IAC WILL/WONT/DO/DONT with its option, and IAC SB to IAC
 * SE. IAC IAC is the byte 255. An IAC before anything else is the byte 255 too, because clients
 * send Latin-1 file names without doubling it. For the same reason the line end always ends the
 * line, also in the middle of a sequence: otherwise such a name would swallow the lines behind it.
 *
 * <p>A flyweight: not thread-safe, one per flow, re-used by {@link #wrap}.
 */
final class LineView {
  /** What {@link #current()} says behind the last byte. */
  static final int END = -1;

  private static final ByteBuffer NO_LINE = ByteBuffer.allocate(0);
  private static final int CR = 13;
  private static final int SE = 240;
  private static final int SB = 250;
  private static final int WILL = 251;
  private static final int IAC = 255;

  private ByteBuffer buffer = NO_LINE;
  private int position;
  private int end;
  private int current = END;
  private int start;

  /** Index behind the character that was looked at before this one. */
  private int behindLast;

  private int spanStart;
  private int spanEnd;

  /**
   * Begins a line.
   *
   * @param source where it is; its own position and limit are not used
   * @param offset index of its first byte
   * @param endOffset index of its line feed, or behind the last byte that counts
   * @return this view, at the first character
   */
  LineView wrap(ByteBuffer source, int offset, int endOffset) {
    buffer = source;
    start = offset;
    spanStart = offset;
    spanEnd = offset;
    position = offset;
    end = endOffset;
    advance();
    return this;
  }

  /** Goes back to the first character of the line. */
  void rewind() {
    wrap(buffer, start, end);
  }

  /**
   * The character that is looked at.
   *
   * @return 0..255, or {@link #END}
   */
  int current() {
    return current;
  }

  /** Goes to the next character, and stays at {@link #END} behind the last one. */
  void advance() {
    behindLast = position;
    while (position < end) {
      int octet = at(position++);
      if (octet != CR && octet != IAC) {
        current = octet;
        return;
      }
      if (octet == CR) {
        continue;
      }
      if (position == end) {
        current = IAC;
        return;
      }
      int command = at(position);
      if (command == IAC) {
        position++;
        current = IAC;
        return;
      }
      if (command < SE) {
        current = IAC;
        return;
      }
      position++;
      if (command == SB) {
        skipSubnegotiation();
      } else if (command >= WILL) {
        position++;
      }
    }
    current = END;
  }

  /** Begins a span at the character that is looked at. */
  void beginSpan() {
    spanStart = current == END ? position : position - 1;
  }

  /** Ends the span behind the character that was looked at last. */
  void endSpan() {
    spanEnd = behindLast;
  }

  /**
   * Where the span begins.
   *
   * @return bytes from the start of the line
   */
  int spanOffset() {
    return spanStart - start;
  }

  /**
   * How long the span is, with what telnet put between its characters.
   *
   * @return length in bytes
   */
  int spanLengthBytes() {
    return spanEnd - spanStart;
  }

  /**
   * The first byte of the span.
   *
   * @return 0..255
   */
  int spanFirst() {
    return at(spanStart);
  }

  /**
   * Whether the span has exactly these bytes.
   *
   * @param bytes to compare with
   * @return true if it has
   */
  boolean spanIs(byte[] bytes) {
    if (bytes.length != spanLengthBytes()) {
      return false;
    }
    for (int i = 0; i < bytes.length; i++) {
      if (buffer.get(spanStart + i) != bytes[i]) {
        return false;
      }
    }
    return true;
  }

  /** Goes forward over spaces and tabs. */
  void skipSpaces() {
    while (current == ' ' || current == '\t') {
      advance();
    }
  }

  /**
   * Whether a digit is looked at.
   *
   * @return true for 0..9
   */
  boolean atDigit() {
    return current >= '0' && current <= '9';
  }

  private void skipSubnegotiation() {
    while (position < end) {
      if (at(position++) == IAC && position < end && at(position++) == SE) {
        return;
      }
    }
  }

  private int at(int index) {
    return Byte.toUnsignedInt(buffer.get(index));
  }
}
