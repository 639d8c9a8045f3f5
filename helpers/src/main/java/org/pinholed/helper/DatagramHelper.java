package org.pinholed.helper;

/** A helper that reads datagrams (UDP). */
public interface DatagramHelper extends SessionHelper {
  /**
   * Reads one datagram. After a reason of kind OPAQUE was reported a helper says nothing more.
   *
   * @param direction which way it goes
   * @param datagram the payload, whole; offsets count from its first byte; re-used after the call
   * @param nowNs the time, in nanoseconds from any moment; only differences mean something
   * @param out takes the outcomes
   */
  void onDatagram(Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out);
}
