package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import org.pinholed.helper.ByteCursor;

/**
 * A stretch of a message, as it came. A flyweight: not thread-safe, owned by the view that it
 * belongs to, and of use only as long as the bytes under it.
 */
public class Span {
  private static final ByteCursor NOTHING = new ByteCursor();

  private ByteCursor bytes = NOTHING;
  private int from = -1;
  private int to = -1;

  Span() {}

  final void set(ByteCursor source, int first, int behind) {
    bytes = source;
    from = first;
    to = behind;
  }

  final void setAbsent() {
    from = -1;
    to = -1;
  }

  /**
   * Whether the message does not have it at all.
   *
   * @return false if it has it, be it empty
   */
  public final boolean isAbsent() {
    return from < 0;
  }

  /**
   * Whether there is no byte in it.
   *
   * @return true also if it is absent
   */
  public final boolean isEmpty() {
    return from == to;
  }

  /**
   * Where it begins.
   *
   * @return an index of the cursor's buffer; -1 if it is absent
   */
  public final int from() {
    return from;
  }

  /**
   * Where it ends.
   *
   * @return index behind its last byte; -1 if it is absent
   */
  public final int to() {
    return to;
  }

  /**
   * How long it is.
   *
   * @return length in bytes; 0 if it is absent
   */
  public final int lengthBytes() {
    return to - from;
  }

  /**
   * The bytes.
   *
   * @return a copy, which its owner may keep; empty if it is absent
   */
  public final byte[] bytes() {
    byte[] copy = new byte[to - from];
    for (int at = 0; at < copy.length; at++) {
      copy[at] = (byte) bytes.u8At(from + at);
    }
    return copy;
  }

  /**
   * Whether it has exactly these bytes. Allocates nothing.
   *
   * @param other to compare with
   * @return true if it has
   */
  public final boolean is(byte[] other) {
    if (isAbsent() || other.length != to - from) {
      return false;
    }
    for (int at = 0; at < other.length; at++) {
      if ((byte) bytes.u8At(from + at) != other[at]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether it is a word, in capital letters or not. Allocates nothing.
   *
   * @param lowerCase the word in ASCII, its letters in lower case
   * @return false for another one, and if it is absent
   */
  public final boolean isWord(String lowerCase) {
    if (isAbsent() || lowerCase.length() != to - from) {
      return false;
    }
    for (int at = 0; at < lowerCase.length(); at++) {
      int octet = bytes.u8At(from + at);
      if ((octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet) != lowerCase.charAt(at)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether another one has the same bytes. Allocates nothing.
   *
   * @param other of any message
   * @return true if it has, or if both are absent
   */
  public final boolean isSame(Span other) {
    if (isAbsent() != other.isAbsent() || other.to - other.from != to - from) {
      return false;
    }
    for (int at = 0; at < to - from; at++) {
      if (bytes.u8At(from + at) != other.bytes.u8At(other.from + at)) {
        return false;
      }
    }
    return true;
  }

  /**
   * The bytes as text.
   *
   * @return each byte one character (ISO 8859-1); not yet harmless for a terminal, see {@link
   *     org.pinholed.helper.Printable}
   */
  public final String text() {
    return new String(bytes(), StandardCharsets.ISO_8859_1);
  }

  final ByteCursor source() {
    return bytes;
  }
}
