package org.pinholed.helper.text;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.helper.LeasedPorts;

/**
 * The options of one configured helper, read in the form in which a configuration file gives them:
 * text, numbers, booleans, lists. What is wrong is refused by its name, with what is expected;
 * nothing is corrected. A list may be one text with commas.
 */
public final class Options {
  private static final int PORT_MAX = 65535;

  private final Map<String, Object> values;

  /**
   * Takes the options that were configured.
   *
   * @param values by their names
   * @param known the names of all that there are
   * @throws IllegalArgumentException if one is not known
   */
  public Options(Map<String, Object> values, Collection<String> known) {
    for (Map.Entry<String, Object> option : values.entrySet()) {
      if (!known.contains(option.getKey())) {
        throw refused(option.getKey(), option.getValue(), "one of " + String.join(", ", known));
      }
    }
    this.values = new LinkedHashMap<>(values);
  }

  /**
   * An option that is one of several words.
   *
   * @param name its name
   * @param usual the word that is taken if it is not configured
   * @param others the other ones
   * @return one of the words
   * @throws IllegalArgumentException if it is none of them
   */
  public String word(String name, String usual, String... others) {
    String word = String.valueOf(values.getOrDefault(name, usual));
    if (!word.equals(usual) && !List.of(others).contains(word)) {
      throw refused(name, word, usual + " or " + String.join(" or ", others));
    }
    return word;
  }

  /**
   * An option that is true or false.
   *
   * @param name its name
   * @param usual what it is if it is not configured
   * @return its value
   * @throws IllegalArgumentException if it is anything else
   */
  public boolean flag(String name, boolean usual) {
    Object value = values.getOrDefault(name, usual);
    String text = String.valueOf(value);
    if (!text.equals("true") && !text.equals("false")) {
      throw refused(name, value, "true or false");
    }
    return text.equals("true");
  }

  /**
   * An option that is a number.
   *
   * @param name its name
   * @param usual what it is if it is not configured
   * @param min the least that is allowed, 0 or more
   * @param max the most that is allowed
   * @return its value
   * @throws IllegalArgumentException if it is no number, or outside the range
   */
  public int number(String name, int usual, int min, int max) {
    Object value = values.getOrDefault(name, usual);
    long number = Decimals.parse(String.valueOf(value), max);
    if (number < min) {
      throw refused(name, value, min + ".." + max);
    }
    return (int) number;
  }

  /**
   * An option that is a duration, such as {@code 30s} or {@code 10m}.
   *
   * @param name its name
   * @param usual what it is if it is not configured
   * @param min the shortest that is allowed
   * @param max the longest that is allowed
   * @return its value
   * @throws IllegalArgumentException if it is none, or outside the range
   */
  public Duration duration(String name, Duration usual, Duration min, Duration max) {
    Object value = values.getOrDefault(name, Durations.format(usual));
    Duration duration = Durations.parse(String.valueOf(value));
    if (duration == null || duration.compareTo(min) < 0 || duration.compareTo(max) > 0) {
      throw refused(name, value, Durations.format(min) + ".." + Durations.format(max));
    }
    return duration;
  }

  /**
   * An option that is a list of networks.
   *
   * @param name its name
   * @return the networks, none if it is not configured
   * @throws IllegalArgumentException if one is none
   */
  public List<Network> networks(String name) {
    List<Network> networks = new ArrayList<>();
    for (String text : items(values.getOrDefault(name, List.of()))) {
      Network network = Network.parse(text);
      if (network == null) {
        throw refused(name, text, "networks such as 192.0.2.0/24 or 2001:db8::/32");
      }
      networks.add(network);
    }
    return List.copyOf(networks);
  }

  /**
   * Whether one of several networks contains an address.
   *
   * @param networks the networks
   * @param address the address
   * @return true if one does
   */
  public static boolean anyContains(List<Network> networks, InetAddress address) {
    for (Network network : networks) {
      if (network.contains(address)) {
        return true;
      }
    }
    return false;
  }

  /**
   * An option that is a set of ports.
   *
   * @param name its name
   * @param usual what it is if it is not configured, in the form of the option
   * @return the ports
   * @throws IllegalArgumentException if it is none
   */
  public PortSet ports(String name, String usual) {
    return PortSet.of(name, items(values.getOrDefault(name, usual)));
  }

  /**
   * An option that is one range of ports.
   *
   * @param name its name
   * @param usual what it is if it is not configured, in the form of the option
   * @return the range; a port alone is one
   * @throws IllegalArgumentException if it is none
   */
  public LeasedPorts portRange(String name, String usual) {
    String text = String.valueOf(values.getOrDefault(name, usual));
    int dash = text.indexOf('-');
    long first = Decimals.parse(dash < 0 ? text : text.substring(0, dash), PORT_MAX);
    long last = dash < 0 ? first : Decimals.parse(text.substring(dash + 1), PORT_MAX);
    if (first < 1 || last < first) {
      throw refused(name, text, "a range of ports such as 49152-65535");
    }
    return new LeasedPorts((int) first, (int) last);
  }

  /**
   * An option that is a list of words.
   *
   * @param name its name
   * @param usual what it is if it is not configured, in the form of the option
   * @return the words as they are written
   */
  public List<String> words(String name, String usual) {
    return List.copyOf(items(values.getOrDefault(name, usual)));
  }

  private static List<String> items(Object value) {
    List<String> items = new ArrayList<>();
    if (value instanceof Iterable<?> values) {
      for (Object item : values) {
        items.add(String.valueOf(item).trim());
      }
    } else {
      for (String item : String.valueOf(value).split(",", -1)) {
        items.add(item.trim());
      }
      if (items.size() == 1 && items.get(0).isEmpty()) {
        items.clear(); // an empty text is an empty list
      }
    }
    return items;
  }

  /**
   * What is thrown for a bad value.
   *
   * @param name name of the option
   * @param value what is configured
   * @param expected what it should be
   * @return not thrown yet
   */
  public static IllegalArgumentException refused(String name, Object value, String expected) {
    return new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
  }
}
