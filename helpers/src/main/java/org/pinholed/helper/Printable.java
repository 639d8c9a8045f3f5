package org.pinholed.helper;

/**
 * Makes text of strangers harmless for a terminal and for a log: no escape sequence gets through.
 */
public final class Printable {
  private Printable() {}

  /**
   * Escapes what is not printable ASCII.
   *
   * @param text any text
   * @return the same if all of it is printable; else with {@code \xNN} and {@code \}{@code uNNNN}
   *     in the place of the other characters
   */
  public static String of(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < ' ' || c > '~') {
        return escape(text);
      }
    }
    return text;
  }

  /**
   * Escapes a text of any length for one line.
   *
   * @param text any text; no more of it is looked at than is shown
   * @param mostCharacters how long the result may be, 1 or more
   * @return printable ASCII, with {@code ~} at its end if it was cut
   */
  public static String of(String text, int mostCharacters) {
    boolean isLonger = text.length() > mostCharacters;
    String printable = of(isLonger ? text.substring(0, mostCharacters) : text);
    return isLonger || printable.length() > mostCharacters
        ? printable.substring(0, mostCharacters - 1) + "~"
        : printable;
  }

  private static String escape(String text) {
    StringBuilder out = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= ' ' && c <= '~') {
        out.append(c);
      } else if (c <= 0xff) {
        out.append(String.format("\\x%02x", (int) c));
      } else {
        out.append(String.format("\\u%04x", (int) c));
      }
    }
    return out.toString();
  }
}
