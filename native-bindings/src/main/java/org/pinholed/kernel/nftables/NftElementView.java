package org.pinholed.kernel.nftables;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.pinholed.kernel.netlink.NetlinkReader;

/**
 * One element of a set or map, as the kernel listed it. A flyweight: valid during the call that
 * hands it over, not thread-safe.
 */
public final class NftElementView {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).order(ByteOrder.nativeOrder());

  private ByteBuffer buffer = NOTHING;
  private int keyOffset;
  private int keyLengthBytes;
  private int valueOffset;
  private int valueLengthBytes;
  private int userdataOffset;
  private int userdataLengthBytes;
  private boolean hasExpression;
  private int lookups;
  private long timeoutMs;
  private long expirationMs;

  NftElementView() {}

  // Reads the element that the reader stands on.
  boolean wrap(NetlinkReader reader) {
    buffer = reader.buffer();
    keyLengthBytes = 0;
    valueLengthBytes = 0;
    userdataLengthBytes = 0;
    hasExpression = false;
    lookups = 0;
    timeoutMs = 0;
    expirationMs = 0;
    reader.enterNested();
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case Nft.NFTA_SET_ELEM_KEY -> {
          if (enterValue(reader)) {
            keyOffset = reader.attributeOffset();
            keyLengthBytes = reader.attributeLengthBytes();
          }
          reader.leaveNested();
        }
        case Nft.NFTA_SET_ELEM_DATA -> {
          if (enterValue(reader)) {
            valueOffset = reader.attributeOffset();
            valueLengthBytes = reader.attributeLengthBytes();
          }
          reader.leaveNested();
        }
        case Nft.NFTA_SET_ELEM_TIMEOUT -> timeoutMs = reader.s64be();
        case Nft.NFTA_SET_ELEM_EXPIRATION -> expirationMs = reader.s64be();
        case Nft.NFTA_SET_ELEM_EXPR -> {
          hasExpression = true;
          reader.enterNested();
          readExpression(reader);
          reader.leaveNested();
        }
        case Nft.NFTA_SET_ELEM_USERDATA -> {
          userdataOffset = reader.attributeOffset();
          userdataLengthBytes = reader.attributeLengthBytes();
        }
        default -> {}
      }
    }
    reader.leaveNested();
    return reader.ok() && keyLengthBytes > 0;
  }

  // A limit's burst, whatever other expression there may be; the reader stands before its name.
  private void readExpression(NetlinkReader reader) {
    while (reader.nextAttribute()) {
      if (reader.attributeType() == Nft.NFTA_EXPR_NAME && !reader.string().equals("limit")) {
        return; // its attributes have other numbers
      }
      if (reader.attributeType() == Nft.NFTA_EXPR_DATA) {
        reader.enterNested();
        while (reader.nextAttribute()) {
          if (reader.attributeType() == Nft.NFTA_LIMIT_BURST) {
            lookups = reader.s32be();
          }
        }
        reader.leaveNested();
      }
    }
  }

  private static boolean enterValue(NetlinkReader reader) {
    reader.enterNested();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == Nft.NFTA_DATA_VALUE) {
        return true;
      }
    }
    return false;
  }

  /**
   * Length of the key.
   *
   * @return in bytes, with the padding of each field
   */
  public int keyLengthBytes() {
    return keyLengthBytes;
  }

  /**
   * A byte of the key.
   *
   * @param index 0..{@link #keyLengthBytes} - 1
   * @return 0..255
   */
  public int key8(int index) {
    return Byte.toUnsignedInt(buffer.get(keyOffset + checked(index, 1, keyLengthBytes)));
  }

  /**
   * Two bytes of the key in network order, for example a port.
   *
   * @param index of the first of them
   * @return 0..65535
   */
  public int key16be(int index) {
    return key8(index) << 8 | key8(index + 1);
  }

  /**
   * A copy of some bytes of the key, for example an address.
   *
   * @param index of the first
   * @param lengthBytes how many
   * @return a new array
   */
  public byte[] keyBytes(int index, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    buffer.get(keyOffset + checked(index, lengthBytes, keyLengthBytes), bytes);
    return bytes;
  }

  /**
   * The value in the byte order of the machine, for example a mark.
   *
   * @return any 32 bits; 0 if this is no map or its values are shorter
   */
  public int value32host() {
    return valueLengthBytes < 4 ? 0 : buffer.getInt(valueOffset);
  }

  /**
   * Four bytes of the value in the byte order of the machine.
   *
   * @param index of the first of them
   * @return any 32 bits
   */
  public int value32host(int index) {
    return buffer.getInt(valueOffset + checked(index, 4, valueLengthBytes));
  }

  /**
   * Length of the value.
   *
   * @return in bytes, with the padding of each field; 0 if this is no map
   */
  public int valueLengthBytes() {
    return valueLengthBytes;
  }

  /**
   * A copy of some bytes of the value, for example an address.
   *
   * @param index of the first
   * @param lengthBytes how many
   * @return a new array
   */
  public byte[] valueBytes(int index, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    buffer.get(valueOffset + checked(index, lengthBytes, valueLengthBytes), bytes);
    return bytes;
  }

  /**
   * The timeout that the element was made with.
   *
   * @return in milliseconds; 0 if it has none
   */
  public long timeoutMs() {
    return timeoutMs;
  }

  /**
   * What is left of the timeout.
   *
   * @return in milliseconds; 0 if it has none
   */
  public long expirationMs() {
    return expirationMs;
  }

  /**
   * Whether the element has one stateful expression, for example a limit.
   *
   * @return false also if it has several, which the kernel lists otherwise
   */
  public boolean hasExpression() {
    return hasExpression;
  }

  /**
   * How many lookups by rules the element was made for. Not how many are left: the kernel does not
   * tell that.
   *
   * @return 0 if it has no limit
   */
  public int lookups() {
    return lookups;
  }

  /**
   * The comment.
   *
   * @return a new string; empty if there is none
   */
  public String comment() {
    return comment(buffer, userdataOffset, userdataLengthBytes);
  }

  // Finds the comment in the TLVs of libnftnl: one byte type, one byte length, then the value.
  static String comment(ByteBuffer buffer, int offset, int lengthBytes) {
    int at = offset;
    int end = offset + lengthBytes;
    while (end - at >= 2) {
      int length = Byte.toUnsignedInt(buffer.get(at + 1));
      if (length > end - at - 2) {
        return ""; // userdata is opaque to the kernel: anybody may have written anything
      }
      if (buffer.get(at) == Nft.UDATA_COMMENT) {
        byte[] bytes = new byte[length];
        buffer.get(at + 2, bytes);
        int textLength = 0;
        while (textLength < length && bytes[textLength] != 0) {
          textLength++;
        }
        return new String(bytes, 0, textLength, StandardCharsets.US_ASCII);
      }
      at += 2 + length;
    }
    return "";
  }

  private static int checked(int index, int lengthBytes, int limit) {
    return java.util.Objects.checkFromIndexSize(index, lengthBytes, limit);
  }
}
