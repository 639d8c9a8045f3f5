package org.pinholed.agent.nat;

/**
 * How a trace shows bytes of a message: what is not plain ASCII is escaped, what is long is cut.
 */
final class QuotedText {
  /** No more of a text is shown. */
  static final int MOST_BYTES = 64;

  private QuotedText() {}

  /**
   * What goes and what comes.
   *
   * @param old the bytes that go, or the first of them, at least {@value #MOST_BYTES} of more
   * @param oldLengthBytes how many go
   * @param replacement what comes instead
   * @return {@code "old" -> "new"}
   */
  static String replaced(byte[] old, int oldLengthBytes, byte[] replacement) {
    StringBuilder text = new StringBuilder(64);
    quote(old, oldLengthBytes, text);
    text.append(" -> ");
    quote(replacement, replacement.length, text);
    return text.toString();
  }

  private static void quote(byte[] bytes, int lengthBytes, StringBuilder into) {
    into.append('"');
    int shown = Math.min(bytes.length, MOST_BYTES);
    for (int i = 0; i < shown; i++) {
      int value = Byte.toUnsignedInt(bytes[i]);
      if (value < ' ' || value > '~' || value == '"' || value == '\\') {
        into.append(String.format("\\x%02x", value));
      } else {
        into.append((char) value);
      }
    }
    into.append(lengthBytes > shown ? "\"..." : "\"");
  }
}
