package org.pinholed.helper.sip.sdp;

import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.LineView;

/**
 * The value of one line of a description, as tokens with spaces or tabs between them. Its places
 * are indices of the cursor's buffer.
 */
final class SdpLine extends LineView {
  private static final ByteCursor NOTHING = new ByteCursor();

  private ByteCursor source = NOTHING;

  SdpLine() {}

  /**
   * Begins a value.
   *
   * @param bytes where it is
   * @param from index of its first byte
   * @param to index behind its last one
   * @return this line, at its first character
   */
  SdpLine over(ByteCursor bytes, int from, int to) {
    source = bytes;
    wrap(bytes, from, to);
    return this;
  }

  /**
   * Where the character stands that is looked at.
   *
   * @return its index, or the one behind the last byte
   */
  int index() {
    return current() == END ? position() : position() - 1;
  }

  /**
   * Goes back, or forward.
   *
   * @param index an index of this value
   */
  void goTo(int index) {
    over(source, index, end());
  }

  /**
   * Goes over spaces, then over what stands up to the next space or the end; that is the span.
   *
   * @return whether there was anything
   */
  boolean token() {
    skipSpaces();
    beginSpan();
    while (current() != ' ' && current() != '\t' && current() != END) {
      advance();
    }
    endSpan();
    return spanLengthBytes() > 0;
  }

  /**
   * Whether the next token is a word, in capital letters or not; goes over it.
   *
   * @param lowerCase in lower case
   * @return true if it is
   */
  boolean acceptToken(byte[] lowerCase) {
    return token() && spanIsWord(lowerCase);
  }

  /**
   * Whether nothing but spaces is left.
   *
   * @return true if so
   */
  boolean atEnd() {
    skipSpaces();
    return current() == END;
  }

  /**
   * Where the value ends.
   *
   * @return index behind its last byte
   */
  int endIndex() {
    return end();
  }
}
