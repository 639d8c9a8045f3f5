package org.pinholed.helper;

/** The state of one protocol for one parent flow. Used by one thread only, owned by its flow. */
public interface SessionHelper {
  /**
   * Where the dialogue stands, for listings.
   *
   * @return one lower camel case word, for example {@code ready}
   */
  String stateWord();

  /**
   * How much it keeps of messages that are not whole, beside what it leaves in the stream: real
   * sizes of what it allocated for them. Asked after each feed, and accounted in {@code
   * limits.bufferedBytes} together with what the streams of the flow keep. If that is spent the
   * flow is not read any more, and the helper is dropped with all it keeps. So the bounds of a
   * single message must be the helper's own.
   *
   * @return bytes, 0 or more
   */
  default int keptBytes() {
    return 0;
  }

  /**
   * Where the dialogue stands, for another process that goes on with it at the very next byte.
   *
   * @return text for {@link #restore} of the same version, at most 1000 characters of ASCII; empty
   *     if it cannot be said
   */
  default String snapshot() {
    return "";
  }

  /**
   * Goes on where another helper stood. Only before the first byte is read.
   *
   * @param snapshot what {@link #snapshot} said, or anything else
   * @return false if it is not understood; then nothing changed
   */
  default boolean restore(String snapshot) {
    return false;
  }
}
