package org.pinholed.helper;

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
   * The number in the IP header.
   *
   * @return 6 or 17
   */
  public int protocolNumber() {
    return protocolNumber;
  }
}
