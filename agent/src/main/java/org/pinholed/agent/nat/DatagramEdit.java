package org.pinholed.agent.nat;

import java.nio.ByteBuffer;

/**
 * Bytes of a datagram that are replaced by others.
 *
 * @param from the first byte that goes, counted from the first byte of the payload
 * @param lengthBytes how many bytes go, 0 or more
 * @param replacement what comes instead; kept, and not changed by anybody
 */
@SuppressWarnings(
    "ArrayRecordComponent") // it comes from a helper, whose array it is, and is only copied
public record DatagramEdit(int from, int lengthBytes, byte[] replacement) {
  /**
   * The first byte behind what goes.
   *
   * @return counted from the first byte of the payload
   */
  public int to() {
    return from + lengthBytes;
  }

  /**
   * What goes and what comes, for the trace.
   *
   * @param datagram the packet that has the old text; its position and limit are not used
   * @param payloadOffset index of the first byte of the payload
   * @return {@code "old" -> "new"}, each in plain ASCII, other bytes as {@code \\xNN}, at most 64
   *     bytes of it
   */
  public String describe(ByteBuffer datagram, int payloadOffset) {
    byte[] old = new byte[Math.min(lengthBytes, QuotedText.MOST_BYTES)];
    datagram.get(payloadOffset + from, old);
    return QuotedText.replaced(old, lengthBytes, replacement);
  }

  /**
   * By how many bytes the datagram grows.
   *
   * @return negative if it shrinks
   */
  public int growth() {
    return replacement.length - lengthBytes;
  }
}
