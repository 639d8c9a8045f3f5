package org.pinholed.agent.replay.capture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;

/**
 * Bytes of a file, of which a bounded part is in memory. Whoever reads asks first whether so many
 * are there; what a length in the file says is never allocated. Not thread-safe.
 */
final class CaptureInput implements AutoCloseable {
  /** The longest record that is looked at as a whole; a longer one is a lie or of no use. */
  static final int MOST_BYTES = 1 << 20;

  private static final int BUFFER_BYTES = 2 * MOST_BYTES;

  private final ReadableByteChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
  private long bufferAt;
  private boolean ended;

  CaptureInput(ReadableByteChannel channel) {
    this.channel = channel;
    buffer.limit(0);
  }

  /** How far it was read. */
  long offset() {
    return bufferAt + buffer.position();
  }

  /**
   * Whether so many bytes are there from here on.
   *
   * @param bytes at most {@link #MOST_BYTES}
   * @return false if the file ends before
   * @throws IOException if the file cannot be read
   */
  boolean has(int bytes) throws IOException {
    while (buffer.remaining() < bytes) {
      if (ended) {
        return false;
      }
      fill();
    }
    return true;
  }

  private void fill() throws IOException {
    bufferAt += buffer.position();
    buffer.compact();
    ended = channel.read(buffer) < 0;
    buffer.flip();
  }

  /** Whether the file ends here. */
  boolean isAtEnd() throws IOException {
    return !has(1);
  }

  /** The bytes; valid until {@link #has} is asked next. */
  ByteBuffer buffer() {
    return buffer;
  }

  /** Index into {@link #buffer} of a byte that is there. */
  int index(int ahead) {
    return buffer.position() + ahead;
  }

  void order(ByteOrder order) {
    buffer.order(order);
  }

  boolean isBigEndian() {
    return buffer.order() == ByteOrder.BIG_ENDIAN;
  }

  int u16(int ahead) {
    return Short.toUnsignedInt(buffer.getShort(index(ahead)));
  }

  int s32(int ahead) {
    return buffer.getInt(index(ahead));
  }

  long u32(int ahead) {
    return Integer.toUnsignedLong(s32(ahead));
  }

  int u8(int ahead) {
    return Byte.toUnsignedInt(buffer.get(index(ahead)));
  }

  /**
   * Goes on behind some bytes, however many.
   *
   * @return false if the file ends before; then all of it was read
   */
  boolean skip(long bytes) throws IOException {
    long left = bytes;
    while (left > buffer.remaining()) {
      left -= buffer.remaining();
      buffer.position(buffer.limit());
      if (ended) {
        return false;
      }
      fill();
    }
    buffer.position(buffer.position() + (int) left);
    return true;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
