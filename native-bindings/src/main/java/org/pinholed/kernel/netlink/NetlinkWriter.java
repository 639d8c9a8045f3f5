package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Writes netlink messages, several behind one another, into one direct buffer that is re-used.
 *
 * <p>Headers are in the byte order of the machine; attribute values in the order that the method
 * names. Not thread-safe; one per socket and thread. Running out of room is a fault of the caller
 * (a batch that was not split) and throws {@link IllegalStateException}.
 *
 * <p>It is long because each width and byte order of a value is a method.
 */
public final class NetlinkWriter {
  private static final int MAX_NESTING = 12;
  private static final int MAX_ATTRIBUTE_BYTES = 0xffff;

  private final ByteBuffer buffer;
  private final Pointer pointer;
  private final int[] nestedAt = new int[MAX_NESTING];
  private int depth;
  private int messageAt = -1;

  /**
   * Makes an empty writer.
   *
   * @param capacityBytes room for all messages of one send; 64 or more
   */
  public NetlinkWriter(int capacityBytes) {
    Ranges.requireAtLeast("capacityBytes", capacityBytes, 64);
    buffer = ByteBuffer.allocateDirect(capacityBytes).order(ByteOrder.nativeOrder());
    pointer = Pointer.wrap(Runtime.getSystemRuntime(), buffer);
  }

  /**
   * Forgets everything that was written.
   *
   * @return this writer
   */
  public NetlinkWriter reset() {
    buffer.clear();
    depth = 0;
    messageAt = -1;
    return this;
  }

  /**
   * Starts a message that has no family header.
   *
   * @param type {@code nlmsg_type}
   * @param flags {@code nlmsg_flags}
   * @param sequence {@code nlmsg_seq}
   * @return this writer
   */
  public NetlinkWriter beginMessage(int type, int flags, int sequence) {
    if (messageAt >= 0) {
      throw new IllegalStateException("message not ended");
    }
    messageAt = buffer.position();
    room(NetlinkConstants.HEADER_BYTES);
    buffer.putInt(0).putShort((short) type).putShort((short) flags).putInt(sequence).putInt(0);
    return this;
  }

  /**
   * Starts a message of a netfilter subsystem, with its {@code struct nfgenmsg}.
   *
   * @param subsystem {@code NFNL_SUBSYS_*}, 0..255
   * @param message the message of the subsystem, 0..255
   * @param flags {@code nlmsg_flags}
   * @param sequence {@code nlmsg_seq}
   * @param family {@code nfgen_family}, for example {@code AF_INET}
   * @param resourceId {@code res_id} in the byte order of the machine, for example a queue number
   * @return this writer
   */
  public NetlinkWriter beginNfnetlink(
      int subsystem, int message, int flags, int sequence, int family, int resourceId) {
    beginMessage(subsystem << 8 | message, flags, sequence);
    room(NetlinkConstants.NFGENMSG_BYTES);
    buffer.put((byte) family).put((byte) 0);
    return be16(resourceId);
  }

  /**
   * Ends the message and writes its length and the padding behind it.
   *
   * @return this writer
   */
  public NetlinkWriter endMessage() {
    if (messageAt < 0 || depth != 0) {
      throw new IllegalStateException("message " + messageAt + ", nesting " + depth);
    }
    buffer.putInt(messageAt, buffer.position() - messageAt);
    pad();
    messageAt = -1;
    return this;
  }

  /**
   * Starts an attribute whose payload is attributes; sets {@code NLA_F_NESTED}.
   *
   * @param type {@code nla_type} without flags
   * @return this writer
   */
  public NetlinkWriter beginNested(int type) {
    if (depth == MAX_NESTING) {
      throw new IllegalStateException("nested deeper than " + MAX_NESTING);
    }
    nestedAt[depth++] = buffer.position();
    room(4);
    buffer.putShort((short) 0).putShort((short) (type | NetlinkConstants.NLA_F_NESTED));
    return this;
  }

  /**
   * Ends the attribute that {@link #beginNested} started last.
   *
   * @return this writer
   */
  public NetlinkWriter endNested() {
    int at = nestedAt[--depth];
    int lengthBytes = buffer.position() - at;
    if (lengthBytes > MAX_ATTRIBUTE_BYTES) {
      throw new IllegalStateException("nested attribute of " + lengthBytes + " bytes");
    }
    buffer.putShort(at, (short) lengthBytes);
    return this;
  }

  /**
   * Writes an attribute of one byte.
   *
   * @param type {@code nla_type}
   * @param value 0..255
   * @return this writer
   */
  public NetlinkWriter attr8(int type, int value) {
    header(type, 1).put((byte) value);
    return pad();
  }

  /**
   * Writes an attribute of two bytes in network order.
   *
   * @param type {@code nla_type}
   * @param value 0..65535
   * @return this writer
   */
  public NetlinkWriter attr16be(int type, int value) {
    header(type, 2);
    return be16(value).pad();
  }

  /**
   * Writes an attribute of four bytes in network order.
   *
   * @param type {@code nla_type}
   * @param value any 32 bits
   * @return this writer
   */
  public NetlinkWriter attr32be(int type, int value) {
    header(type, 4);
    return be32(value);
  }

  /**
   * Writes an attribute of four bytes in the byte order of the machine.
   *
   * @param type {@code nla_type}
   * @param value any 32 bits
   * @return this writer
   */
  public NetlinkWriter attr32host(int type, int value) {
    header(type, 4).putInt(value);
    return this;
  }

  /**
   * Writes an attribute of eight bytes in network order.
   *
   * @param type {@code nla_type}
   * @param value any 64 bits
   * @return this writer
   */
  public NetlinkWriter attr64be(int type, long value) {
    header(type, 8);
    return be32((int) (value >>> 32)).be32((int) value);
  }

  /**
   * Writes an attribute that is a text, with the NUL that the kernel wants.
   *
   * @param type {@code nla_type}
   * @param text ASCII
   * @return this writer
   */
  public NetlinkWriter attrString(int type, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    header(type, bytes.length + 1).put(bytes).put((byte) 0);
    return pad();
  }

  /**
   * Writes an attribute of any bytes.
   *
   * @param type {@code nla_type}
   * @param bytes the payload
   * @return this writer
   */
  public NetlinkWriter attrBytes(int type, byte[] bytes) {
    header(type, bytes.length).put(bytes);
    return pad();
  }

  /**
   * Writes an attribute of any bytes, from a buffer whose position and limit stay as they are.
   *
   * @param type {@code nla_type}
   * @param source where the bytes are
   * @param offset index of the first byte
   * @param lengthBytes how many
   * @return this writer
   */
  public NetlinkWriter attrBytes(int type, ByteBuffer source, int offset, int lengthBytes) {
    header(type, lengthBytes);
    buffer.put(buffer.position(), source, offset, lengthBytes);
    buffer.position(buffer.position() + lengthBytes);
    return pad();
  }

  /**
   * Starts an attribute whose payload is written by the {@code raw} methods.
   *
   * @param type {@code nla_type}
   * @param lengthBytes length of the payload that will follow
   * @return this writer
   */
  public NetlinkWriter attrHeader(int type, int lengthBytes) {
    header(type, lengthBytes);
    return this;
  }

  /**
   * Writes one byte without a header.
   *
   * @param value 0..255
   * @return this writer
   */
  public NetlinkWriter raw8(int value) {
    room(1);
    buffer.put((byte) value);
    return this;
  }

  /**
   * Writes two bytes in network order without a header.
   *
   * @param value 0..65535
   * @return this writer
   */
  public NetlinkWriter raw16be(int value) {
    return be16(value);
  }

  /**
   * Writes four bytes in network order without a header.
   *
   * @param value any 32 bits
   * @return this writer
   */
  public NetlinkWriter raw32be(int value) {
    return be32(value);
  }

  /**
   * Writes two bytes in the byte order of the machine without a header.
   *
   * @param value 0..65535
   * @return this writer
   */
  public NetlinkWriter raw16host(int value) {
    room(2);
    buffer.putShort((short) value);
    return this;
  }

  /**
   * Writes four bytes in the byte order of the machine without a header.
   *
   * @param value any 32 bits
   * @return this writer
   */
  public NetlinkWriter raw32host(int value) {
    room(4);
    buffer.putInt(value);
    return this;
  }

  /**
   * Writes bytes without a header.
   *
   * @param bytes what to write
   * @return this writer
   */
  public NetlinkWriter rawBytes(byte[] bytes) {
    room(bytes.length);
    buffer.put(bytes);
    return this;
  }

  /**
   * Writes zeros up to the next multiple of four.
   *
   * @return this writer
   */
  public NetlinkWriter pad() {
    while ((buffer.position() & 3) != 0) {
      room(1);
      buffer.put((byte) 0);
    }
    return this;
  }

  /**
   * What was written so far, of all messages.
   *
   * @return length in bytes
   */
  public int lengthBytes() {
    return buffer.position();
  }

  /**
   * What still fits.
   *
   * @return length in bytes
   */
  public int remainingBytes() {
    return buffer.remaining();
  }

  /**
   * The buffer itself; its position is the end of what was written.
   *
   * @return the direct buffer, owned by this writer
   */
  public ByteBuffer buffer() {
    return buffer;
  }

  /**
   * The start of the buffer, for a system call.
   *
   * @return a pointer that stays valid as long as this writer
   */
  public Pointer pointer() {
    return pointer;
  }

  /**
   * A copy of what was written, for tests and logs.
   *
   * @return the bytes of all messages
   */
  public byte[] toBytes() {
    byte[] bytes = new byte[buffer.position()];
    buffer.get(0, bytes);
    return bytes;
  }

  private ByteBuffer header(int type, int payloadBytes) {
    int lengthBytes = payloadBytes + 4;
    if (lengthBytes > MAX_ATTRIBUTE_BYTES) {
      throw new IllegalStateException("attribute " + type + " of " + payloadBytes + " bytes");
    }
    room(NetlinkConstants.align(lengthBytes));
    return buffer.putShort((short) lengthBytes).putShort((short) type);
  }

  private NetlinkWriter be16(int value) {
    room(2);
    buffer.put((byte) (value >> 8)).put((byte) value);
    return this;
  }

  private NetlinkWriter be32(int value) {
    room(4);
    buffer.put((byte) (value >> 24)).put((byte) (value >> 16));
    buffer.put((byte) (value >> 8)).put((byte) value);
    return this;
  }

  private void room(int lengthBytes) {
    if (buffer.remaining() < lengthBytes) {
      throw new IllegalStateException(
          "no room for " + lengthBytes + " bytes in " + buffer.capacity() + "; split the batch");
    }
  }
}
