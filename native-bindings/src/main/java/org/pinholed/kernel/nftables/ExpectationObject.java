package org.pinholed.kernel.nftables;

/**
 * What a {@code ct expectation} object expects of the connection that it is assigned to.
 *
 * @param family {@link NftFamily#IP}, {@link NftFamily#IP6}; the kernel takes no other
 * @param protocol protocol of the child, 1..255; TCP is 6
 * @param destinationPort port of the child, 0..65535
 * @param timeoutMs in milliseconds, 0 or more (kernels before 7.2 take it as seconds)
 * @param size how many children, 0..255; 0 makes no expectation at all
 */
public record ExpectationObject(
    NftFamily family, int protocol, int destinationPort, int timeoutMs, int size) {
  /** Checks the ranges. */
  public ExpectationObject {
    check("protocol", protocol, 1, 255);
    check("destinationPort", destinationPort, 0, 65535);
    check("timeoutMs", timeoutMs, 0, Integer.MAX_VALUE);
    check("size", size, 0, 255);
  }

  private static void check(String field, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          field + ": " + value + " (expected: " + min + ".." + max + ")");
    }
  }
}
