package org.pinholed.helper;

/** A helper that reads a byte stream per direction (TCP). */
public interface StreamHelper extends SessionHelper {
  /**
   * Reads in-order bytes. What is not consumed is presented again, together with what follows it.
   *
   * @param direction which way the bytes go
   * @param bytes the bytes from {@code position} to {@code limit}; re-used after the call
   * @param out takes the outcomes
   * @return how many bytes, from the front, are done with: 0..remaining
   */
  int onBytes(Direction direction, ByteCursor bytes, OutcomeSink out);
}
