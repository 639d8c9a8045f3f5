package org.pinholed.agent.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Writes a configuration as the file that would set it, with a comment behind each key that says
 * whether its value is the default. Pure.
 */
public final class ConfigText {
  /** What YAML takes for a text, whatever it is. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z/][A-Za-z0-9_./-]*");

  /** Texts that YAML takes for something else. */
  private static final Pattern WORDS = Pattern.compile("(?i)true|false|yes|no|on|off|null|y|n|~");

  private ConfigText() {}

  /**
   * The whole of it.
   *
   * @param config a checked configuration
   * @return YAML, whole lines
   */
  public static String yaml(AgentConfig config) {
    StringBuilder out = new StringBuilder();
    if (config.helpers().isEmpty()) {
      out.append("helpers: []\n");
    } else {
      out.append("helpers:");
      out.append(config.helpers().equals(AgentConfig.DEFAULT.helpers()) ? "  # default\n" : "\n");
      config.helpers().forEach(entry -> out.append(entry(entry, "  ")));
    }
    Map<String, Object> defaults = ConfigKeys.of(AgentConfig.DEFAULT);
    // Without the key it is a share of another one.
    defaults.put("limits.parentsPerSource", AgentConfig.Limits.shareOf(config.limits().parents()));
    String section = "";
    for (Map.Entry<String, Object> key : ConfigKeys.of(config).entrySet()) {
      int dot = key.getKey().indexOf('.');
      String own = dot < 0 ? "" : key.getKey().substring(0, dot);
      if (!own.isEmpty() && !own.equals(section)) {
        out.append(own).append(":\n");
      }
      section = own;
      out.append(own.isEmpty() ? "" : "  ").append(key.getKey().substring(dot + 1)).append(": ");
      out.append(value(key.getValue()));
      Object byDefault = defaults.get(key.getKey());
      out.append(
          key.getValue().equals(byDefault)
              ? "  # default\n"
              : "  # set, default: " + value(String.valueOf(byDefault), byDefault) + "\n");
    }
    return out.toString();
  }

  private static String value(String text, @org.jspecify.annotations.Nullable Object value) {
    return value == null ? text : value(value);
  }

  /**
   * One entry of {@code helpers}.
   *
   * @param entry the entry
   * @param indent what stands before its dash
   * @return YAML, whole lines
   */
  public static String entry(HelperEntry entry, String indent) {
    StringBuilder out = new StringBuilder();
    String before = indent + "- ";
    for (Map.Entry<String, Object> key : ConfigKeys.of(entry).entrySet()) {
      boolean isUsual =
          (key.getKey().equals("enabled") && key.getValue().equals(true))
              || (key.getKey().equals("mode") && key.getValue().equals("enforce"))
              || (key.getKey().equals("timeout")
                  && key.getValue()
                      .equals(DurationParser.formatTimeout(HelperEntry.DEFAULT_TIMEOUT)));
      if (isUsual) {
        continue;
      }
      out.append(before).append(key.getKey()).append(':');
      before = indent + "  ";
      if (key.getValue() instanceof Map<?, ?> options) {
        out.append('\n');
        for (Map.Entry<?, ?> option : options.entrySet()) {
          out.append(before).append("  ").append(option.getKey()).append(": ");
          out.append(value(option.getValue())).append('\n');
        }
      } else {
        out.append(' ').append(value(key.getValue())).append('\n');
      }
    }
    return out.toString();
  }

  /**
   * The value of {@code acceptRule}.
   *
   * @param rules the chains
   * @return YAML in one line
   */
  public static String acceptRules(List<AgentConfig.AcceptRule> rules) {
    return value(ConfigKeys.acceptRules(rules));
  }

  /**
   * One value.
   *
   * @param value a text, number, truth value, list or map of them; a map whose order nobody chose
   *     is sorted
   * @return YAML in one line
   */
  static String value(Object value) {
    if (value instanceof List<?> list) {
      return "[" + String.join(", ", list.stream().map(ConfigText::value).toList()) + "]";
    }
    if (value instanceof Map<?, ?> map) {
      StringBuilder out = new StringBuilder();
      Map<?, ?> ordered = map instanceof LinkedHashMap ? map : new TreeMap<>(map);
      for (Map.Entry<?, ?> entry : ordered.entrySet()) {
        out.append(out.length() == 0 ? "{" : ", ");
        out.append(entry.getKey()).append(": ").append(value(entry.getValue()));
      }
      return out.length() == 0 ? "{}" : out.append('}').toString();
    }
    if (!(value instanceof String text)) {
      return String.valueOf(value);
    }
    boolean isPlain =
        (PLAIN.matcher(text).matches() && !WORDS.matcher(text).matches())
            || text.matches("0x[0-9a-f]{8}|[0-9]+(ms|s|m|h)");
    return isPlain ? text : "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }
}
