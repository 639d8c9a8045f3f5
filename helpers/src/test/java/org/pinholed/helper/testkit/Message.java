package org.pinholed.helper.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import org.pinholed.helper.Direction;

/**
 * What one side says at once: a message of a stream, or a datagram.
 *
 * @param direction which way it goes
 * @param bytes what is said; nobody changes the array
 * @param lengths where it says how long or how many something is
 * @param afterNs how long after the message before it, in nanoseconds
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Message(Direction direction, byte[] bytes, List<LengthField> lengths, long afterNs) {
  Message with(byte[] other) {
    return new Message(direction, other, List.of(), afterNs);
  }

  /** For the reader of a failed check. */
  String text() {
    String side = direction == Direction.ORIGINAL ? "client" : "server";
    String said = new String(bytes, 0, Math.min(bytes.length, 60), ISO_8859_1);
    StringBuilder text = new StringBuilder(side).append(" \"");
    for (int at = 0; at < said.length(); at++) {
      char octet = said.charAt(at);
      boolean printable = octet >= ' ' && octet < 0x7f;
      text.append(printable ? Character.toString(octet) : String.format("\\x%02x", (int) octet));
    }
    return text.append(bytes.length > 60 ? "...\"" : "\"").toString();
  }
}
