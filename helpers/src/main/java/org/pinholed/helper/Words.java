package org.pinholed.helper;

import java.util.Locale;

/** Turns enum names into the words of logs, metrics and JSON. */
public final class Words {
  private Words() {}

  /**
   * Lower camel case of an enum name.
   *
   * @param name upper case with underscores, for example {@code PORT_BELOW_1024}
   * @return for example {@code portBelow1024}
   */
  public static String lowerCamel(String name) {
    StringBuilder word = new StringBuilder(name.length());
    for (String part : name.toLowerCase(Locale.ROOT).split("_", -1)) {
      if (word.length() == 0 || part.isEmpty()) {
        word.append(part);
      } else {
        word.append(Character.toUpperCase(part.charAt(0))).append(part, 1, part.length());
      }
    }
    return word.toString();
  }
}
