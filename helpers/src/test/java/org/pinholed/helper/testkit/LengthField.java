package org.pinholed.helper.testkit;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a message says how long or how many something is, so that the kit can lie there.
 *
 * @param offset bytes from the start of the message
 * @param width length of the field in bytes: 1, 2, 4 or 8; for a decimal number its digits
 * @param order the order of its bytes; of no meaning for a decimal number
 * @param decimal whether it is a number in text, such as that of Content-Length
 */
public record LengthField(int offset, int width, ByteOrder order, boolean decimal) {
  /**
   * 0, the usual ends of the types, and what becomes below zero or 1 where somebody cuts it off.
   */
  private static final List<String> HOSTILE =
      List.of(
          "0",
          "1",
          "255",
          "256",
          "65535",
          "65536",
          "2147483647",
          "2147483648",
          "4294967295",
          "4294967297",
          "9223372036854775807",
          "18446744073709551615");

  /** In text there is no end, and there may be none at all. */
  private static final List<String> HOSTILE_TEXT =
      List.of(
          "", "-1", "+1", "0x1", "1 1", "18446744073709551617", "9".repeat(100), "0".repeat(99));

  /** Refuses a width that no number has. */
  public LengthField {
    if (offset < 0 || width < 1 || (!decimal && (width > 8 || Integer.bitCount(width) != 1))) {
      throw new IllegalArgumentException("width: " + width + " (expected: 1, 2, 4 or 8)");
    }
  }

  /** Messages that are this one but for this field. */
  List<byte[]> lies(byte[] message) {
    List<byte[]> lies = new ArrayList<>();
    if (decimal) {
      long real = Long.parseLong(new String(message, offset, width, StandardCharsets.US_ASCII));
      List<String> values = new ArrayList<>(HOSTILE);
      values.addAll(HOSTILE_TEXT);
      values.add(Long.toString(real + 1));
      values.add(Long.toString(Math.max(0, real - 1)));
      for (String value : values) {
        lies.add(replaced(message, value.getBytes(StandardCharsets.US_ASCII)));
      }
      return lies;
    }
    long real = 0;
    for (int at = 0; at < width; at++) {
      real |= (message[indexOf(at)] & 0xffL) << (8 * at);
    }
    List<Long> values = new ArrayList<>(List.of(real + 1, real - 1));
    HOSTILE.forEach(value -> values.add(Long.parseUnsignedLong(value)));
    for (long value : values) {
      byte[] field = new byte[width];
      for (int at = 0; at < width; at++) {
        field[indexOf(at) - offset] = (byte) (value >> (8 * at));
      }
      lies.add(replaced(message, field));
    }
    return lies;
  }

  // Index of the byte that counts 256^significance.
  private int indexOf(int significance) {
    return offset + (order == ByteOrder.LITTLE_ENDIAN ? significance : width - 1 - significance);
  }

  private byte[] replaced(byte[] message, byte[] field) {
    byte[] lie = new byte[message.length - width + field.length];
    System.arraycopy(message, 0, lie, 0, offset);
    System.arraycopy(field, 0, lie, offset, field.length);
    System.arraycopy(
        message, offset + width, lie, offset + field.length, message.length - offset - width);
    return lie;
  }
}
