package org.pinholed.helper.dcerpc.call;

/** Writes what is known of a flow for another process: numbers, hexadecimal, with commas. */
final class SnapshotWriter {
  private final StringBuilder text = new StringBuilder(64);

  void number(long value) {
    if (!text.isEmpty()) {
      text.append(',');
    }
    text.append(Long.toHexString(value));
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
