package org.pinholed.kernel.nftables;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * A key or value as it stands in registers: fields behind one another, each padded to four bytes.
 *
 * <p>Mutable and re-used, so that the hot path does not allocate; not thread-safe.
 */
public final class NftValue {
  /** {@code NFT_DATA_VALUE_MAXLEN}. */
  static final int MAX_BYTES = 64;

  private final ByteBuffer buffer = ByteBuffer.allocate(MAX_BYTES).order(ByteOrder.nativeOrder());

  /** Makes an empty value. */
  public NftValue() {}

  /**
   * Forgets what was put.
   *
   * @return this value, empty
   */
  public NftValue reset() {
    buffer.clear();
    return this;
  }

  /**
   * Puts a field of one byte, for example {@link NftField#INET_PROTO}.
   *
   * @param value 0..255
   * @return this value
   */
  public NftValue put8(int value) {
    align();
    buffer.put((byte) value);
    return this;
  }

  /**
   * Puts a field of two bytes in network order, for example {@link NftField#INET_SERVICE}.
   *
   * @param value 0..65535
   * @return this value
   */
  public NftValue put16be(int value) {
    align();
    buffer.put((byte) (value >> 8)).put((byte) value);
    return this;
  }

  /**
   * Puts a field of four bytes in network order, for example a {@code ct id}.
   *
   * @param value any 32 bits
   * @return this value
   */
  public NftValue put32be(int value) {
    align();
    buffer.put((byte) (value >> 24)).put((byte) (value >> 16));
    buffer.put((byte) (value >> 8)).put((byte) value);
    return this;
  }

  /**
   * Puts a field of four bytes in the byte order of the machine, for example {@link NftField#MARK}.
   *
   * @param value any 32 bits
   * @return this value
   */
  public NftValue put32host(int value) {
    align();
    buffer.putInt(value);
    return this;
  }

  /**
   * Puts bytes as they are, for example an address in network order.
   *
   * @param bytes 1..64 bytes that fit behind what was put before
   * @return this value
   */
  public NftValue putBytes(byte[] bytes) {
    align();
    buffer.put(bytes);
    return this;
  }

  /**
   * Whether an element has this key.
   *
   * @param element an element of the set that the key was put together for
   * @return true if all bytes are the same
   */
  public boolean isKeyOf(NftElementView element) {
    int lengthBytes = buffer.position();
    int missing = element.keyLengthBytes() - lengthBytes;
    if (missing < 0 || missing > 3) {
      return false;
    }
    for (int i = 0; i < lengthBytes; i++) {
      if (element.key8(i) != Byte.toUnsignedInt(buffer.get(i))) {
        return false;
      }
    }
    return true;
  }

  // Writes the value as an attribute of the length that the set wants, with the padding behind the
  // last of several fields.
  void writeTo(NetlinkWriter writer, int type, int lengthBytes) {
    int missing = lengthBytes - buffer.position();
    if (missing < 0 || missing > 3) {
      throw new IllegalArgumentException(
          "value: " + buffer.position() + " bytes (expected: " + lengthBytes + ")");
    }
    for (int i = buffer.position(); i < lengthBytes; i++) {
      buffer.put(i, (byte) 0);
    }
    writer.attrBytes(type, buffer, 0, lengthBytes);
  }

  private void align() {
    while ((buffer.position() & 3) != 0) {
      buffer.put((byte) 0); // what an earlier use left behind must not become part of the key
    }
  }
}
