package org.pinholed.agent.config;

import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.ConfigNode.Kind;

/** One map of the file: reads its values and knows how to complain about them. */
final class ConfigSection {
  private final String file;
  private final String path;
  private final ConfigNode node;

  ConfigSection(String file, String path, ConfigNode node) throws ConfigException {
    this.file = file;
    this.path = path;
    this.node = node;
    if (node.kind() != Kind.MAP) {
      throw new ConfigException(
          file
              + ":"
              + node.line()
              + ": "
              + (path.isEmpty() ? "" : path + ": ")
              + node.shown()
              + " (expected: keys with values)");
    }
  }

  String file() {
    return file;
  }

  /** The keys that the file has here. */
  Set<String> keys() {
    return node.children().keySet();
  }

  /** The value of a key; null if the file leaves it out. */
  @Nullable ConfigNode child(String key) {
    return node.children().get(key);
  }

  ConfigSection section(String key) throws ConfigException {
    return section(key, ConfigLoader.SECTION_KEYS.getOrDefault(key, List.of()));
  }

  ConfigSection section(String key, Collection<String> known) throws ConfigException {
    ConfigNode child = node.children().get(key);
    // A section whose keys are all commented out is null in YAML: the same as no section.
    ConfigSection section =
        new ConfigSection(
            file,
            pathOf(key),
            child == null || child.kind() == Kind.NULL
                ? ConfigNode.absentSection(node.line())
                : child);
    section.requireKeys(known);
    return section;
  }

  void requireKeys(Collection<String> known) throws ConfigException {
    for (Map.Entry<String, ConfigNode> child : node.children().entrySet()) {
      String key = child.getKey();
      if (!known.contains(key)) {
        @Nullable String near = NearestWord.to(key, known);
        throw refused(
            child.getValue(),
            ConfigNode.shown(key),
            "unknown key",
            (known.isEmpty() ? "no keys" : String.join(", ", known))
                + (near == null ? "" : "; did you mean " + near + "?"));
      }
    }
  }

  void require(String key, String expected) throws ConfigException {
    if (!node.children().containsKey(key)) {
      throw refused(node, key, "missing", expected);
    }
  }

  <K> void requireUnused(Map<K, ConfigNode> used, K value, String key, String expected)
      throws ConfigException {
    ConfigNode here = node.children().get(key);
    ConfigNode earlier = here == null ? null : used.put(value, here);
    if (here != null && earlier != null) {
      throw refused(
          here, key, value.toString(), expected + "; line " + earlier.line() + " has it already");
    }
  }

  // A whole number; out of 32 bits it becomes the nearest one, which no range has.
  int number(String key, int or) throws ConfigException {
    ConfigNode child = node.children().get(key);
    if (child == null) {
      return or;
    }
    if (child.kind() != Kind.NUMBER || !child.text().matches("-?(0|[1-9][0-9]{0,17})")) {
      throw refused(child, key, child.shown(), "a whole number");
    }
    long value = Long.parseLong(child.text());
    return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, value));
  }

  // 32 bits, decimal or hexadecimal.
  int mark(String key, int or) throws ConfigException {
    ConfigNode child = node.children().get(key);
    if (child == null) {
      return or;
    }
    if (child.kind() == Kind.NUMBER && child.text().matches("0x[0-9a-fA-F]{1,8}")) {
      return Integer.parseUnsignedInt(child.text().substring(2), 16);
    }
    if (child.kind() == Kind.NUMBER && child.text().matches("0|[1-9][0-9]{0,9}")) {
      long value = Long.parseLong(child.text());
      if (value <= 0xffffffffL) {
        return (int) value;
      }
    }
    throw refused(child, key, child.shown(), "32 bits such as 0x40000000");
  }

  boolean flag(String key, boolean or) throws ConfigException {
    ConfigNode child = node.children().get(key);
    if (child == null) {
      return or;
    }
    if (child.kind() != Kind.BOOLEAN) {
      throw refused(child, key, child.shown(), "true or false");
    }
    return Boolean.parseBoolean(child.text());
  }

  String text(String key, String or) throws ConfigException {
    ConfigNode child = node.children().get(key);
    if (child == null) {
      return or;
    }
    if (child.kind() != Kind.TEXT) {
      throw refused(child, key, child.shown(), "text");
    }
    return child.text();
  }

  <T> T word(String key, Map<String, T> words, T or) throws ConfigException {
    return node.children().containsKey(key) ? known(key, words) : or;
  }

  // One of the words; the key is there.
  <T> T known(String key, Map<String, T> words) throws ConfigException {
    ConfigNode child = node.children().getOrDefault(key, node);
    T value = child.kind() == Kind.TEXT ? words.get(child.text()) : null;
    if (value == null) {
      @Nullable String near = NearestWord.to(child.text(), words.keySet());
      throw refused(
          child,
          key,
          child.shown(),
          String.join(", ", words.keySet()) + (near == null ? "" : "; did you mean " + near + "?"));
    }
    return value;
  }

  @Nullable Duration timeout(String key, Duration or) throws ConfigException {
    ConfigNode child = node.children().get(key);
    if (child == null) {
      return or;
    }
    try {
      // A bare number has no unit and is refused like any other text without one.
      return DurationParser.parseTimeout(
          child.kind() == Kind.TEXT || child.kind() == Kind.NUMBER ? child.text() : "");
    } catch (IllegalArgumentException e) {
      throw refusedByRecord(String.valueOf(e.getMessage()));
    }
  }

  Map<String, Object> plain() throws ConfigException {
    Map<String, Object> plain = new LinkedHashMap<>();
    for (Map.Entry<String, ConfigNode> child : node.children().entrySet()) {
      if (child.getValue().kind() == Kind.NULL) {
        throw refused(child.getValue(), child.getKey(), "nothing", "a value");
      }
      plain.put(child.getKey(), child.getValue().plain());
    }
    return plain;
  }

  // Runs a constructor that refuses by {@code field: value (expected: range)}.
  <T> T build(Supplier<T> constructor) throws ConfigException {
    try {
      return constructor.get();
    } catch (IllegalArgumentException e) {
      throw refusedByRecord(String.valueOf(e.getMessage()));
    }
  }

  /** The message of a record, {@code field: value (expected: range)}, with its line. */
  ConfigException refusedByRecord(String message) {
    int colon = message.indexOf(": ");
    String field = colon < 0 ? "" : message.substring(0, colon);
    int bracket = field.indexOf('[');
    ConfigNode child = node.children().get(bracket < 0 ? field : field.substring(0, bracket));
    int expected = message.indexOf(" (expected: ");
    if (child == null) {
      // The field has its default here, or the complaint is about the section as a whole.
      String prefix = path.isEmpty() || message.startsWith(path + ": ") ? "" : path + ": ";
      return new ConfigException(file + ":" + node.line() + ": " + prefix + message);
    }
    boolean scalar = child.kind() != Kind.LIST && child.kind() != Kind.MAP;
    String rest =
        scalar && expected >= 0
            ? child.shown() + message.substring(expected)
            : message.substring(colon + 2);
    return new ConfigException(file + ":" + child.line() + ": " + pathOf(field) + ": " + rest);
  }

  ConfigException refused(ConfigNode at, String key, String value, String expected) {
    return new ConfigException(
        file
            + ":"
            + at.line()
            + ": "
            + pathOf(key)
            + ": "
            + value
            + " (expected: "
            + expected
            + ")");
  }

  private String pathOf(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
