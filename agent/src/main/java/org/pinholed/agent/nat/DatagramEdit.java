package org.pinholed.agent.nat;

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
   * By how many bytes the datagram grows.
   *
   * @return negative if it shrinks
   */
  public int growth() {
    return replacement.length - lengthBytes;
  }
}
