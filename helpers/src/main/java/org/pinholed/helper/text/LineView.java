package org.pinholed.helper.text;

import org.pinholed.helper.ByteCursor;

/**
 * One line, character by character, each byte being one. Forward only, so that whatever is read
 * through it takes linear time; a span remembers where a field stands, to be compared, copied or
 * replaced. Protocols in which not each byte of a line is a character extend it.
 *
 * <p>A flyweight: not thread-safe, one per flow, re-used by {@link #wrap}, and of use only as long
 * as the bytes under it.
 */
public class LineView {
  /** What {@link #current()} says behind the last byte. */
  public static final int END = -1;

  private static final ByteCursor NOTHING = new ByteCursor();

  private ByteCursor bytes = NOTHING;
  private int start;
  private int end;

  /** Index behind the character that is looked at. */
  private int position;

  private int current = END;

  /** Index behind the character that was looked at before this one. */
  private int behindLast;

  private int spanStart;
  private int spanEnd;

  /** Makes a view of an empty line; see {@link #wrap}. */
  public LineView() {}

  /**
   * The first line feed of a stretch of bytes.
   *
   * @param bytes where to look; its own position and limit are not used
   * @param from index of the first byte
   * @param limit index behind the last one
   * @return its index; -1 if there is none
   */
  public static int indexOfLineFeed(ByteCursor bytes, int from, int limit) {
    for (int at = from; at < limit; at++) {
      if (bytes.u8At(at) == '\n') {
        return at;
      }
    }
    return -1;
  }

  /**
   * Begins a line.
   *
   * @param source where it is; its own position and limit are not used
   * @param offset index of its first byte
   * @param endOffset index of its line end, or behind the last byte that counts
   * @return this view, at the first character
   */
  public final LineView wrap(ByteCursor source, int offset, int endOffset) {
    bytes = source;
    start = offset;
    spanStart = offset;
    spanEnd = offset;
    position = offset;
    end = endOffset;
    advance();
    return this;
  }

  /**
   * Where the line begins.
   *
   * @return an index of the bytes under it
   */
  public final int start() {
    return start;
  }

  /** Goes back to the first character of the line. */
  public final void rewind() {
    wrap(bytes, start, end);
  }

  /**
   * The character that is looked at.
   *
   * @return 0..255, or {@link #END}
   */
  public final int current() {
    return current;
  }

  /**
   * A byte from the character that is looked at on, without going there.
   *
   * @param lengthBytes how far ahead, 0 or more; 0 is the byte that is looked at
   * @return 0..255, or {@link #END}
   */
  final int ahead(int lengthBytes) {
    int index = position - 1 + lengthBytes;
    return current == END || index >= end ? END : at(index);
  }

  /** Goes to the next character, and stays at {@link #END} behind the last one. */
  public void advance() {
    if (position < end) {
      show(at(position), position + 1);
    } else {
      show(END, position);
    }
  }

  /**
   * Goes over one character if it is the one that is expected here.
   *
   * @param character 0..255
   * @return false if another one is looked at; then nothing changed
   */
  public final boolean accept(int character) {
    if (current != character) {
      return false;
    }
    advance();
    return true;
  }

  /** Goes forward over spaces and tabs. */
  public final void skipSpaces() {
    while (current == ' ' || current == '\t') {
      advance();
    }
  }

  /**
   * Goes forward to a character.
   *
   * @param character 0..255
   * @return false if there is none; then the view is at the end
   */
  public final boolean skipTo(int character) {
    while (current != character && current != END) {
      advance();
    }
    return current == character;
  }

  /**
   * Goes over a quoted string, in which a backslash takes the meaning from the character behind it
   * (RFC 3261 section 25.1, quoted-string). What looks like a delimiter within it is none.
   *
   * @return false if none begins here, then nothing changed; or if it does not end, then the view
   *     is at the end
   */
  public final boolean skipQuoted() {
    if (!accept('"')) {
      return false;
    }
    while (current != '"' && current != END) {
      if (accept('\\') && current == END) {
        return false;
      }
      advance();
    }
    return accept('"');
  }

  /**
   * Whether a digit is looked at.
   *
   * @return true for 0..9
   */
  public final boolean atDigit() {
    return current >= '0' && current <= '9';
  }

  /** Begins a span at the character that is looked at. */
  public final void beginSpan() {
    spanStart = current == END ? position : position - 1;
  }

  /** Ends the span behind the character that was looked at last. */
  public final void endSpan() {
    spanEnd = behindLast;
  }

  /**
   * Where the span begins.
   *
   * @return bytes from the start of the line
   */
  public final int spanOffset() {
    return spanStart - start;
  }

  /**
   * Where the span begins, for who changes it.
   *
   * @return an index of the bytes under the line
   */
  public final int spanFrom() {
    return spanStart;
  }

  /**
   * Where the span ends.
   *
   * @return an index of the bytes under the line, behind the last one of the span
   */
  public final int spanTo() {
    return spanEnd;
  }

  /**
   * How long the span is, with bytes between its characters that are none.
   *
   * @return length in bytes
   */
  public final int spanLengthBytes() {
    return spanEnd - spanStart;
  }

  /**
   * The first byte of the span.
   *
   * @return 0..255
   */
  public final int spanFirst() {
    return at(spanStart);
  }

  /**
   * Whether the span has exactly these bytes.
   *
   * @param other to compare with
   * @return true if it has
   */
  public final boolean spanIs(byte[] other) {
    if (other.length != spanLengthBytes()) {
      return false;
    }
    for (int i = 0; i < other.length; i++) {
      if ((byte) at(spanStart + i) != other[i]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether the span is a word, in capital letters or not.
   *
   * @param lowerCase the word in ASCII, its letters in lower case
   * @return true if it is
   */
  public final boolean spanIsWord(byte[] lowerCase) {
    if (lowerCase.length != spanLengthBytes()) {
      return false;
    }
    for (int i = 0; i < lowerCase.length; i++) {
      int octet = at(spanStart + i);
      if ((octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet) != lowerCase[i]) {
        return false;
      }
    }
    return true;
  }

  /**
   * The bytes of the span.
   *
   * @return a copy, which its owner may keep
   */
  public final byte[] spanBytes() {
    byte[] copy = new byte[spanLengthBytes()];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = (byte) at(spanStart + i);
    }
    return copy;
  }

  /**
   * Shows a character; for {@link #advance} only.
   *
   * @param character 0..255, or {@link #END}
   * @param behind index behind it
   */
  protected final void show(int character, int behind) {
    behindLast = position;
    position = behind;
    current = character;
  }

  /**
   * Index of the first byte that was not looked at yet.
   *
   * @return an index of the bytes under the line
   */
  protected final int position() {
    return position;
  }

  /**
   * Index behind the last byte of the line.
   *
   * @return an index of the bytes under the line
   */
  protected final int end() {
    return end;
  }

  /**
   * A byte.
   *
   * @param index an index of the bytes under the line
   * @return 0..255
   */
  protected final int at(int index) {
    return bytes.u8At(index);
  }
}
