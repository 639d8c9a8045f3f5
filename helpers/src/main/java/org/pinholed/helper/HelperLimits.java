package org.pinholed.helper;

/**
 * All limits on what strangers may make a helper keep, in one place.
 *
 * @param lineBytes longest control line that is read, its line end included, 256..65536
 * @param streamBufferBytes most bytes kept per direction for unfinished messages and for segments
 *     that came early, 1024..1048576, not less than lineBytes
 * @param earlySegments most segments kept per direction that came before their turn, 1..1024
 * @param historyBytes how far behind the next byte a retransmission is still compared with what was
 *     read (digests are kept for that, not bytes), 0..65536; 0 compares none
 */
public record HelperLimits(
    int lineBytes, int streamBufferBytes, int earlySegments, int historyBytes) {
  /** What is used where nothing is configured. */
  public static final HelperLimits DEFAULT = new HelperLimits(8192, 16384, 32, 512);

  private static final int STREAM_BUFFER_MAX = 1 << 20;

  /** How many bytes a segment usually has at most (Ethernet, IPv4, TCP without options). */
  private static final int SEGMENT_BYTES = 1460;

  /** Refuses values outside their ranges. */
  public HelperLimits {
    Ranges.require("lineBytes", lineBytes, 256, 65536);
    Ranges.require(
        "streamBufferBytes", streamBufferBytes, Math.max(1024, lineBytes), STREAM_BUFFER_MAX);
    Ranges.require("earlySegments", earlySegments, 1, 1024);
    Ranges.require("historyBytes", historyBytes, 0, 65536);
  }

  /**
   * The same with room for messages of a length, and for the segments behind one that come early
   * because one of its own was lost.
   *
   * @param messageBytes length of the longest message, 0..65536
   * @return with a {@code streamBufferBytes} that is large enough
   */
  public HelperLimits forMessages(int messageBytes) {
    int bytes = Math.min(STREAM_BUFFER_MAX, messageBytes + earlySegments * SEGMENT_BYTES);
    return messageBytes <= lineBytes || bytes <= streamBufferBytes
        ? this
        : new HelperLimits(lineBytes, bytes, earlySegments, historyBytes);
  }

  /**
   * How much memory one flow can take for what its two streams keep: for a moment a buffer that
   * grows stands beside the one that it replaces.
   *
   * @return bytes, with everything that stands around them
   */
  public long mostBytesPerFlow() {
    return 2L * (3L * streamBufferBytes + 112L * earlySegments + 256);
  }
}
