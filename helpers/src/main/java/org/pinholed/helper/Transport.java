package org.pinholed.helper;

import org.jspecify.annotations.Nullable;

/** The transport protocols of parent and child flows. */
public enum Transport {
  /** IP protocol 6. */
  TCP(6),
  /** IP protocol 17. */
  UDP(17);

  private final int protocolNumber;

  Transport(int protocolNumber) {
    this.protocolNumber = protocolNumber;
  }

  /**
   * The transport with a number in the IP header.
   *
   * @param protocolNumber any
   * @return null for other numbers than 6 and 17
   */
  public static @Nullable Transport of(int protocolNumber) {
    return protocolNumber == TCP.protocolNumber
        ? TCP
        : protocolNumber == UDP.protocolNumber ? UDP : null;
  }

  /**
   * The number in the IP header.
   *
   * @return 6 or 17
   */
  public int protocolNumber() {
    return protocolNumber;
  }
}
