package org.pinholed.agent.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Options of a helper as they are typed on a command line: {@code key=value}. */
public final class OptionArguments {
  private OptionArguments() {}

  /**
   * Parses the arguments of {@code --option}. Whether the protocol knows the options is for the
   * agent to say.
   *
   * @param arguments {@code key=value}, the value as in the configuration file: {@code true}, a
   *     number, {@code [a, b]} or text
   * @return the options in the order given
   * @throws IllegalArgumentException in the form {@code option: value (expected: range)}
   */
  public static Map<String, Object> parse(List<String> arguments) {
    Map<String, Object> options = new LinkedHashMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (equals < 1 || equals == argument.length() - 1) {
        throw new IllegalArgumentException(
            "option: " + ConfigNode.shown(argument) + " (expected: key=value)");
      }
      String key = argument.substring(0, equals);
      if (options.put(key, value(key, argument.substring(equals + 1))) != null) {
        throw new IllegalArgumentException(
            "option: " + ConfigNode.shown(key) + " (expected: each key once)");
      }
    }
    return options;
  }

  private static Object value(String key, String text) {
    try {
      return ConfigReader.read("option " + key, text).plain();
    } catch (ConfigException e) {
      throw new IllegalArgumentException(
          "option: "
              + ConfigNode.shown(key)
              + "="
              + ConfigNode.shown(text)
              + " (expected: a number, true, false, text or [a, b])",
          e);
    }
  }
}
