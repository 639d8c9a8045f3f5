package org.pinholed.it.protocol;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OwnerId;

/**
 * One command: a word and its fields, such as {@code item group=g to=203.0.113.2:4000 many}. Bad
 * text ends in an {@link IllegalArgumentException}, which {@link LabMessage} catches.
 */
final class LabCommand {
  private final LabWord word;

  /** Where it begins in the stream or datagram. */
  private final long offset;

  private final Map<String, String> values = new HashMap<>();
  private final Map<String, Long> offsets = new HashMap<>();

  /**
   * Takes a command apart.
   *
   * @param text without the separator
   * @param offset where it begins in the stream or datagram
   */
  LabCommand(String text, long offset) {
    this.offset = offset;
    LabWord found = null;
    int at = 0;
    while (at < text.length()) {
      int end = text.indexOf(' ', at);
      end = end < 0 ? text.length() : end;
      if (end > at && found == null) {
        found = LabWord.valueOf(text.substring(at, end).toUpperCase(Locale.ROOT));
      } else if (end > at) {
        int equals = text.indexOf('=', at);
        boolean named = equals >= 0 && equals < end;
        int value = named ? equals + 1 : end;
        String name = text.substring(at, named ? equals : end);
        values.put(name, text.substring(value, end));
        offsets.put(name, offset + value);
      }
      at = end + 1;
    }
    if (found == null) {
      throw new IllegalArgumentException("no word");
    }
    word = found;
  }

  LabWord word() {
    return word;
  }

  long offset() {
    return offset;
  }

  boolean has(String name) {
    return values.containsKey(name);
  }

  String get(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no " + name);
    }
    return value;
  }

  /** Where the value of a field begins in the stream or datagram. */
  long offsetOf(String name) {
    get(name);
    return offsets.get(name);
  }

  /** The owner by this name; the same name is the same owner on every flow. */
  static OwnerId owner(String name) {
    return new OwnerId.Digest("lab").of(name.getBytes(StandardCharsets.UTF_8));
  }

  int number(String name) {
    return Integer.parseInt(get(name)); // NumberFormatException is an IllegalArgumentException
  }

  Duration duration(String name) {
    return duration(get(name), 0);
  }

  /** One of several times, as in {@code idle:5s:2s:60s}. */
  static Duration duration(String text, int part) {
    String[] parts = text.split(":", -1);
    String time = part < parts.length ? parts[part] : "";
    if (time.endsWith("ms")) {
      return Duration.ofMillis(Long.parseLong(time.substring(0, time.length() - 2)));
    }
    if (time.endsWith("s")) {
      return Duration.ofSeconds(Long.parseLong(time.substring(0, time.length() - 1)));
    }
    throw new IllegalArgumentException("no time: " + text);
  }

  /** {@code 192.0.2.1:80} or {@code [2001:db8::1]:80}. */
  Endpoint endpoint(String name) {
    String text = get(name);
    int colon = text.lastIndexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException("no port: " + text);
    }
    String host = text.substring(0, colon).replaceAll("^\\[|\\]$", "");
    return new Endpoint(address(host), Integer.parseInt(text.substring(colon + 1)));
  }

  /** Of a numeric address only: nothing is asked of a name server. */
  static InetAddress address(String text) {
    if (!text.matches("[0-9]+[.][0-9.]+|[0-9a-f]*:[0-9a-f:.]*")) {
      throw new IllegalArgumentException("no address: " + text);
    }
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("no address: " + text, e);
    }
  }
}
