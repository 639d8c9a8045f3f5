package org.pinholed.helper;

/** A helper that reads datagrams (UDP). */
public interface DatagramHelper extends SessionHelper {
  /**
   * Reads one datagram.
   *
   * @param direction which way it goes
   * @param datagram the payload; re-used after the call
   * @param out takes the outcomes
   */
  void onDatagram(Direction direction, ByteCursor datagram, OutcomeSink out);
}
