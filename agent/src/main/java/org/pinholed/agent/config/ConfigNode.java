package org.pinholed.agent.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * One value of the configuration file and the line it stands on.
 *
 * @param kind what it is
 * @param line from 1; of the key where there is one
 * @param text a scalar as it was written, empty for others
 * @param children values by key of a {@link Kind#MAP}, in the order of the file
 * @param items values of a {@link Kind#LIST}
 */
record ConfigNode(
    Kind kind, int line, String text, Map<String, ConfigNode> children, List<ConfigNode> items) {
  private static final int SHOWN_CHARS = 64;
  private static final Pattern LOOKS_TYPED =
      Pattern.compile("|[-+]?[0-9][0-9_]*(\\.[0-9]*)?|0x[0-9a-fA-F]+|true|false|null|~");

  /** What a value is. */
  enum Kind {
    TEXT,
    NUMBER,
    BOOLEAN,
    NULL,
    MAP,
    LIST
  }

  static ConfigNode scalar(Kind kind, int line, String text) {
    return new ConfigNode(kind, line, text, Map.of(), List.of());
  }

  static ConfigNode absentSection(int line) {
    return new ConfigNode(Kind.MAP, line, "", Map.of(), List.of());
  }

  // How the value is named in a message: escaped, cut, text in quotes if it looks like another.
  String shown() {
    return switch (kind) {
      case NULL -> "nothing";
      case MAP -> "a map";
      case LIST -> "a list";
      case NUMBER, BOOLEAN -> shown(text);
      case TEXT -> LOOKS_TYPED.matcher(text).matches() ? '"' + shown(text) + '"' : shown(text);
    };
  }

  // Text from outside for a message of one line.
  static String shown(String text) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (shown.length() >= SHOWN_CHARS) {
        return shown.append("...").toString();
      }
      char c = text.charAt(i);
      if (c >= ' ' && c < 0x7f) {
        shown.append(c);
      } else {
        shown.append(String.format("\\u%04x", (int) c));
      }
    }
    return shown.toString();
  }

  // The value as helper options want it: text, numbers, booleans, lists, maps.
  Object plain() {
    return switch (kind) {
      case NULL, TEXT -> text;
      case BOOLEAN -> Boolean.valueOf(text);
      case NUMBER -> plainNumber();
      case LIST -> {
        List<Object> plain = new ArrayList<>(items.size());
        for (ConfigNode item : items) {
          plain.add(item.plain());
        }
        yield List.copyOf(plain);
      }
      case MAP -> {
        Map<String, Object> plain = new java.util.LinkedHashMap<>();
        children.forEach((key, child) -> plain.put(key, child.plain()));
        yield Map.copyOf(plain);
      }
    };
  }

  private Object plainNumber() {
    try {
      long number = Long.parseLong(text);
      if (number == (int) number) {
        return (int) number;
      }
      return number;
    } catch (NumberFormatException e) {
      // Hexadecimal, a fraction, or out of 64 bits: the helper says what it wants.
      return text;
    }
  }
}
