package org.pinholed.agent.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Transport;

/** Makes a {@link HelperEntry} of what was typed on a command line. */
public final class HelperEntryParser {
  private HelperEntryParser() {}

  /**
   * Parses the arguments of {@code pinholectl helpers add}. Whether the protocol and its options
   * are known is for the agent to say.
   *
   * @param id its number, 1..65535
   * @param name the protocol, for example {@code ftp}
   * @param protocol {@code tcp} or {@code udp}
   * @param port server port, 1..65535
   * @param timeout for example {@code 30s}, or {@code parent}; null for the default of 30 s
   * @param options {@code key=value}, the value as in the configuration file: {@code true}, a
   *     number, {@code [a, b]} or text
   * @return an enabled entry
   * @throws IllegalArgumentException in the form {@code field: value (expected: range)}
   */
  public static HelperEntry parse(
      int id,
      String name,
      String protocol,
      int port,
      @Nullable String timeout,
      List<String> options) {
    Transport transport =
        switch (protocol) {
          case "tcp" -> Transport.TCP;
          case "udp" -> Transport.UDP;
          default ->
              throw new IllegalArgumentException(
                  "protocol: " + ConfigNode.shown(protocol) + " (expected: tcp, udp)");
        };
    return new HelperEntry(
        id,
        name.toLowerCase(Locale.ROOT),
        transport,
        port,
        true,
        timeout == null ? HelperEntry.DEFAULT_TIMEOUT : DurationParser.parseTimeout(timeout),
        options(options));
  }

  private static Map<String, Object> options(List<String> arguments) {
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
