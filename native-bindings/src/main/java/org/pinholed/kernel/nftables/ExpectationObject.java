package org.pinholed.kernel.nftables;

/**
 * What a {@code ct expectation} object expects of the connection that it is assigned to.
 *
 * @param family {@link NftFamily#IP}, {@link NftFamily#IP6}; the kernel takes no other
 * @param protocol protocol of the child, 1..255; TCP is 6
 * @param destinationPort port of the child, 0..65535
 * @param timeoutMs in milliseconds, 0 or more (kernels before 7.2 take it as seconds)
 * @param size how many children, 0..255; 0 makes no expectation at all before Linux 7.2, which
 *     takes it for 255
 */
public record ExpectationObject(
    NftFamily family, int protocol, int destinationPort, int timeoutMs, int size) {
  private static final int TCP = 6;
  private static final int UDP = 17;

  /** Checks the ranges. */
  public ExpectationObject {
    check("protocol", protocol, 1, 255);
    check("destinationPort", destinationPort, 0, 65535);
    check("timeoutMs", timeoutMs, 0, Integer.MAX_VALUE);
    check("size", size, 0, 255);
  }

  /**
   * Whether no connection can come through what it expects. What was asked for does not tell: ask
   * it of what the kernel kept ({@link NftClient#expectationObject}).
   *
   * @return true if nothing is expected, or what is expected is over at once and for a protocol
   *     that nobody opens ports for
   */
  public boolean opensNothing() {
    return size == 0 || (timeoutMs == 0 && protocol != TCP && protocol != UDP);
  }

  private static void check(String field, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          field + ": " + value + " (expected: " + min + ".." + max + ")");
    }
  }
}
