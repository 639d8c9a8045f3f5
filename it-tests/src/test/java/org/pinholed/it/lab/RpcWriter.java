package org.pinholed.it.lab;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;

/** Writes the bytes of a PDU or of a stub, which travel as Latin-1 text. Not thread-safe. */
final class RpcWriter {
  private final RpcFormat format;
  private byte[] bytes = new byte[256];
  private int length;

  /** Nothing is written yet. */
  RpcWriter(RpcFormat format) {
    this.format = format;
  }

  /** How many bytes there are. */
  int length() {
    return length;
  }

  RpcWriter u8(int value) {
    if (length == bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * length);
    }
    bytes[length++] = (byte) value;
    return this;
  }

  private RpcWriter number(long value, int size) {
    align(size);
    for (int i = 0; i < size; i++) {
      int shift = 8 * (format.isBigEndian() ? size - 1 - i : i);
      u8((int) (value >> shift));
    }
    return this;
  }

  RpcWriter u16(int value) {
    return number(value, 2);
  }

  RpcWriter u32(long value) {
    return number(value, 4);
  }

  RpcWriter u64(long value) {
    return number(value, 8);
  }

  /** A count or a pointer: 4 bytes, in NDR64 8. */
  RpcWriter wide(long value) {
    return number(value, format.isNdr64() ? 8 : 4);
  }

  /** Zeros up to a multiple of so many bytes. */
  RpcWriter align(int size) {
    while (length % size != 0) {
      u8(0);
    }
    return this;
  }

  RpcWriter zeros(int count) {
    for (int i = 0; i < count; i++) {
      u8(0);
    }
    return this;
  }

  /** Bytes as Latin-1 text. */
  RpcWriter raw(String text) {
    for (byte b : text.getBytes(StandardCharsets.ISO_8859_1)) {
      u8(b);
    }
    return this;
  }

  RpcWriter uuid(UUID uuid) {
    u32(uuid.getMostSignificantBits() >>> 32);
    u16((int) (uuid.getMostSignificantBits() >> 16));
    u16((int) uuid.getMostSignificantBits());
    for (int shift = 56; shift >= 0; shift -= 8) {
      u8((int) (uuid.getLeastSignificantBits() >> shift));
    }
    return this;
  }

  /** Writes a number of 2 bytes over what stands there. */
  RpcWriter u16At(int offset, int value) {
    int end = length;
    length = offset;
    u16(value);
    length = end;
    return this;
  }

  /** What was written. */
  String text() {
    return new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
  }
}
