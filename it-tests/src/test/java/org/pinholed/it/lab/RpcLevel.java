package org.pinholed.it.lab;

/** How much of a DCE-RPC association is protected (MS-RPCE section 2.2.1.1.8). */
public enum RpcLevel {
  /** Nothing. */
  NONE(1),
  /** The client is known; no PDU behind the bind is protected. */
  CONNECT(2),
  /** Each PDU is signed, in clear. */
  INTEGRITY(5),
  /** Each PDU is signed, and its stub is encrypted. */
  PRIVACY(6);

  private final int number;

  RpcLevel(int number) {
    this.number = number;
  }

  /** The number in the trailer. */
  public int number() {
    return number;
  }
}
