package org.pinholed.agent.control;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.NumericAddress;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.helper.text.Network;

/** Reads what an operator wants to have explained. Pure. */
final class StoryWords {
  private static final String EXPECTED =
      " (expected: last, a serial of 8 hex digits, the number of an expectation, an address or"
          + " network, or a child as in tcp 198.51.100.2 > 203.0.113.2:40000)";

  private StoryWords() {}

  /**
   * Reads it.
   *
   * @param words as they were typed; {@code >} and {@code ->} may stand between two ends
   * @param most how many stories are told at most
   * @return the filter
   */
  static StoryFilter parse(String words, int most) throws ControlError {
    List<String> left = new ArrayList<>();
    for (String word : words.replace("->", " ").replace('>', ' ').trim().split("\\s+", -1)) {
      if (!word.isEmpty()) {
        left.add(word);
      }
    }
    Transport transport = null;
    if (!left.isEmpty() && (left.get(0).equals("tcp") || left.get(0).equals("udp"))) {
      transport = Transport.valueOf(left.remove(0).toUpperCase(Locale.ROOT));
    }
    if (left.size() == 1 && transport == null) {
      String one = left.get(0);
      if (one.equals("last")) {
        return new StoryFilter(null, null, null, null, null, null, 1);
      }
      if (one.matches("[0-9a-fA-F]{8}")) {
        String serial = one.toLowerCase(Locale.ROOT);
        return new StoryFilter(serial, null, null, null, null, null, most);
      }
      if (one.matches("#?[0-9]{1,15}")) {
        long id = Long.parseLong(one.replace("#", ""));
        return new StoryFilter(null, id, null, null, null, null, most);
      }
    }
    if (left.size() == 1) {
      Endpoint to = endpoint(left.get(0));
      return to == null
          ? new StoryFilter(null, null, transport, network(left.get(0)), null, null, most)
          : new StoryFilter(null, null, transport, null, null, to, most);
    }
    if (left.size() == 2) {
      Endpoint from = endpoint(left.get(0));
      Endpoint to = endpoint(left.get(1));
      if (to == null) {
        throw bad(left.get(1));
      }
      Network source = network(from == null ? left.get(0) : from.address().getHostAddress());
      return new StoryFilter(null, null, transport, null, source, to, most);
    }
    throw bad(words);
  }

  /** An address with a port; null if there is no port. */
  private static @Nullable Endpoint endpoint(String text) {
    int colon = text.lastIndexOf(':');
    boolean isBracketed = text.startsWith("[");
    if (colon < 0
        || (isBracketed ? text.charAt(colon - 1) != ']' : text.indexOf(':') != colon)
        || !text.substring(colon + 1).matches("[0-9]{1,5}|\\*")) {
      return null;
    }
    InetAddress address =
        NumericAddress.parse(isBracketed ? text.substring(1, colon - 1) : text.substring(0, colon));
    String port = text.substring(colon + 1);
    int number = port.equals("*") ? 0 : Integer.parseInt(port);
    return address == null || number > 65535 ? null : new Endpoint(address, number);
  }

  private static Network network(String text) throws ControlError {
    boolean isBracketed = text.startsWith("[") && text.endsWith("]");
    Network network = Network.parse(isBracketed ? text.substring(1, text.length() - 1) : text);
    if (network == null) {
      throw bad(text);
    }
    return network;
  }

  private static ControlError bad(String text) {
    return RequestFields.bad("what: " + RequestFields.cut(text) + EXPECTED);
  }
}
