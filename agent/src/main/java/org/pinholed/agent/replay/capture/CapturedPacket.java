package org.pinholed.agent.replay.capture;

import java.nio.ByteBuffer;

/**
 * A flyweight over the packet of a capture that was read last. Re-used for every packet and never
 * stored; the buffer is filled again by the next one.
 */
public final class CapturedPacket {
  private ByteBuffer buffer = ByteBuffer.allocate(0);
  private int offset;
  private int capturedBytes;
  private long originalBytes;
  private long epochNs;
  private int linkType;
  private long fileOffset;

  /** Makes a view of nothing. */
  CapturedPacket() {}

  void set(
      ByteBuffer newBuffer,
      int newOffset,
      int newCapturedBytes,
      long newOriginalBytes,
      long newEpochNs,
      int newLinkType,
      long newFileOffset) {
    buffer = newBuffer;
    offset = newOffset;
    capturedBytes = newCapturedBytes;
    originalBytes = newOriginalBytes;
    epochNs = newEpochNs;
    linkType = newLinkType;
    fileOffset = newFileOffset;
  }

  /**
   * The buffer that the offset is about.
   *
   * @return a buffer whose order says nothing of the packet's
   */
  public ByteBuffer buffer() {
    return buffer;
  }

  /**
   * Where its link layer begins.
   *
   * @return an index into {@link #buffer}
   */
  public int offset() {
    return offset;
  }

  /**
   * How much of it was captured.
   *
   * @return bytes from the link layer on
   */
  public int capturedBytes() {
    return capturedBytes;
  }

  /**
   * How long it was on the wire.
   *
   * @return bytes, {@link #capturedBytes} or more if the capture is honest
   */
  public long originalBytes() {
    return originalBytes;
  }

  /**
   * When it was captured.
   *
   * @return nanoseconds since 1970
   */
  public long epochNs() {
    return epochNs;
  }

  /**
   * What its link layer is.
   *
   * @return a number of <a href="https://www.tcpdump.org/linktypes.html">LINKTYPE_</a>
   */
  public int linkType() {
    return linkType;
  }

  /**
   * Where its record begins in the file.
   *
   * @return a count of bytes
   */
  public long fileOffset() {
    return fileOffset;
  }
}
