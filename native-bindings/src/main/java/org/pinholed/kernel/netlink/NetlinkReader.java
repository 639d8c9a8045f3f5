package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * A sticky cursor over received netlink messages: messages, their attributes, nested attributes.
 *
 * <p>Read all that is wanted, ask {@link #ok()} once. A length that lies makes {@code ok()} false
 * for good and ends every loop; nothing throws and nothing is read outside the wrapped bytes. Not
 * thread-safe; re-used by {@link #wrap}; what it returns as a number is a copy, what it returns as
 * an offset is valid until the buffer is filled again.
 */
public final class NetlinkReader {
  private static final int MAX_NESTING = 12;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).order(ByteOrder.nativeOrder());

  private ByteBuffer buffer = NOTHING;
  private int end;
  private int messageAt;
  private int messageEnd;
  private int nextMessageAt;
  private int attributeAt;
  private int attributeEnd;
  private int nextAttributeAt;
  private int scopeEnd;
  private final int[] savedNext = new int[MAX_NESTING];
  private final int[] savedEnd = new int[MAX_NESTING];
  private int depth;
  private boolean ok;

  /**
   * Starts before the first message.
   *
   * @param source a buffer in the byte order of the machine; its position and limit are not used
   * @param offset index of the first byte
   * @param lengthBytes how many bytes were received
   * @return this reader
   */
  public NetlinkReader wrap(ByteBuffer source, int offset, int lengthBytes) {
    if (source.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException("buffer must be in native byte order");
    }
    Objects.checkFromIndexSize(offset, lengthBytes, source.capacity());
    buffer = source;
    end = offset + lengthBytes;
    nextMessageAt = offset;
    messageAt = offset;
    messageEnd = offset;
    depth = 0;
    attributeAt = offset;
    attributeEnd = offset;
    nextAttributeAt = offset;
    scopeEnd = offset;
    ok = true;
    return this;
  }

  /**
   * Starts inside one nested attribute that was found before, without a message around it.
   *
   * @param source a buffer in the byte order of the machine
   * @param offset index of the first attribute header
   * @param lengthBytes length of all attributes
   * @return this reader, before the first attribute
   */
  public NetlinkReader wrapAttributes(ByteBuffer source, int offset, int lengthBytes) {
    wrap(source, offset, lengthBytes);
    messageEnd = end;
    nextMessageAt = end;
    scopeEnd = end;
    return this;
  }

  /**
   * Goes to the next message. The last message of a datagram may have a length that is no multiple
   * of four (docs/kernel.md: the payload comes last).
   *
   * @return false if there is none, or if its length lies
   */
  public boolean nextMessage() {
    if (!ok || nextMessageAt >= end) {
      return false;
    }
    messageAt = nextMessageAt;
    if (end - messageAt < NetlinkConstants.HEADER_BYTES) {
      return fail();
    }
    int lengthBytes = buffer.getInt(messageAt);
    if (lengthBytes < NetlinkConstants.HEADER_BYTES || lengthBytes > end - messageAt) {
      return fail();
    }
    messageEnd = messageAt + lengthBytes;
    nextMessageAt = Math.min(end, messageAt + NetlinkConstants.align(lengthBytes));
    depth = 0;
    enterScope(messageAt + NetlinkConstants.HEADER_BYTES, messageEnd);
    return true;
  }

  /**
   * {@code nlmsg_type} of the message.
   *
   * @return 0..65535; for netfilter the subsystem in bits 15..8 and the message in bits 7..0
   */
  public int type() {
    return Short.toUnsignedInt(buffer.getShort(messageAt + 4));
  }

  /**
   * {@code nlmsg_flags} of the message.
   *
   * @return 0..65535
   */
  public int flags() {
    return Short.toUnsignedInt(buffer.getShort(messageAt + 6));
  }

  /**
   * {@code nlmsg_seq} of the message.
   *
   * @return any 32 bits
   */
  public int sequence() {
    return buffer.getInt(messageAt + 8);
  }

  /**
   * {@code nlmsg_pid} of the message: the port id of the requesting socket.
   *
   * @return any 32 bits
   */
  public int portId() {
    return buffer.getInt(messageAt + 12);
  }

  /**
   * Index of the first byte behind {@code struct nlmsghdr}.
   *
   * @return an index into the wrapped buffer
   */
  public int payloadOffset() {
    return messageAt + NetlinkConstants.HEADER_BYTES;
  }

  /**
   * Length of the message without {@code struct nlmsghdr}.
   *
   * @return length in bytes
   */
  public int payloadLengthBytes() {
    return messageEnd - payloadOffset();
  }

  /**
   * {@code nfgen_family}; steps behind {@code struct nfgenmsg}, so that {@link #nextAttribute}
   * finds the first attribute. Call it once per netfilter message.
   *
   * @return the family, or 0 if the message is too short
   */
  public int enterNfnetlink() {
    int at = payloadOffset();
    if (messageEnd - at < NetlinkConstants.NFGENMSG_BYTES) {
      fail();
      return 0;
    }
    enterScope(at + NetlinkConstants.NFGENMSG_BYTES, messageEnd);
    return Byte.toUnsignedInt(buffer.get(at));
  }

  /**
   * {@code res_id} of a netfilter message, in the order of the machine.
   *
   * @return 0..65535; 0 if the message is too short
   */
  public int resourceId() {
    int at = payloadOffset();
    return messageEnd - at < NetlinkConstants.NFGENMSG_BYTES ? 0 : be16At(at + 2);
  }

  /**
   * Begins with the attributes behind a fixed header that is not {@code struct nfgenmsg}.
   *
   * @param fixedBytes length of the fixed header
   */
  public void enterAttributes(int fixedBytes) {
    int at = payloadOffset();
    if (fixedBytes < 0 || messageEnd - at < fixedBytes) {
      fail();
      return;
    }
    enterScope(at + fixedBytes, messageEnd);
  }

  /**
   * Goes to the next attribute of the present scope.
   *
   * @return false at the end of the scope, or if a length lies
   */
  public boolean nextAttribute() {
    if (!ok || scopeEnd - nextAttributeAt < 4) {
      return false;
    }
    int at = nextAttributeAt;
    int lengthBytes = Short.toUnsignedInt(buffer.getShort(at));
    if (lengthBytes < 4 || lengthBytes > scopeEnd - at) {
      return fail();
    }
    attributeAt = at;
    attributeEnd = at + lengthBytes;
    nextAttributeAt = Math.min(scopeEnd, at + NetlinkConstants.align(lengthBytes));
    return true;
  }

  /**
   * {@code nla_type} of the attribute without its flag bits.
   *
   * @return 0..16383
   */
  public int attributeType() {
    return Short.toUnsignedInt(buffer.getShort(attributeAt + 2)) & NetlinkConstants.NLA_TYPE_MASK;
  }

  /**
   * Index of the first byte of the attribute's payload.
   *
   * @return an index into the wrapped buffer
   */
  public int attributeOffset() {
    return attributeAt + 4;
  }

  /**
   * Length of the attribute's payload.
   *
   * @return length in bytes
   */
  public int attributeLengthBytes() {
    return attributeEnd - attributeAt - 4;
  }

  /**
   * Goes into the attribute, whose payload is attributes. Nesting deeper than 12 makes {@link #ok}
   * false.
   */
  public void enterNested() {
    if (depth >= MAX_NESTING) {
      depth++; // counted, so that as many levels may be left as were entered
      fail();
      return;
    }
    savedNext[depth] = nextAttributeAt;
    savedEnd[depth] = scopeEnd;
    depth++;
    enterScope(attributeOffset(), attributeEnd);
  }

  /**
   * Goes behind the attribute that {@link #enterNested} entered; {@link #nextAttribute} finds the
   * next one, and until then there is no present attribute.
   */
  public void leaveNested() {
    depth--;
    if (depth < MAX_NESTING) {
      nextAttributeAt = savedNext[depth];
      scopeEnd = savedEnd[depth];
      attributeAt = nextAttributeAt;
      attributeEnd = nextAttributeAt;
    }
  }

  /**
   * The attribute as one byte.
   *
   * @return 0..255; 0 if it is shorter
   */
  public int u8() {
    return has(1) ? Byte.toUnsignedInt(buffer.get(attributeOffset())) : 0;
  }

  /**
   * The attribute as two bytes in network order.
   *
   * @return 0..65535; 0 if it is shorter
   */
  public int u16be() {
    return has(2) ? be16At(attributeOffset()) : 0;
  }

  /**
   * The attribute as four bytes in network order.
   *
   * @return any 32 bits; 0 if it is shorter
   */
  public int s32be() {
    return has(4) ? be32At(attributeOffset()) : 0;
  }

  /**
   * The attribute as four bytes in network order, unsigned.
   *
   * @return 0..2^32-1; 0 if it is shorter
   */
  public long u32be() {
    return Integer.toUnsignedLong(s32be());
  }

  /**
   * The attribute as four bytes in the order of the machine.
   *
   * @return any 32 bits; 0 if it is shorter
   */
  public int s32host() {
    return has(4) ? buffer.getInt(attributeOffset()) : 0;
  }

  /**
   * The attribute as eight bytes in network order.
   *
   * @return any 64 bits; 0 if it is shorter
   */
  public long s64be() {
    if (!has(8)) {
      return 0;
    }
    int at = attributeOffset();
    return Integer.toUnsignedLong(be32At(at)) << 32 | Integer.toUnsignedLong(be32At(at + 4));
  }

  /**
   * A copy of the attribute's bytes.
   *
   * @return a new array, empty if there is no present attribute
   */
  public byte[] bytes() {
    if (!has(0)) {
      return new byte[0];
    }
    byte[] bytes = new byte[attributeLengthBytes()];
    buffer.get(attributeOffset(), bytes);
    return bytes;
  }

  /**
   * The attribute as a text, without the NUL behind it.
   *
   * @return a new string
   */
  public String string() {
    byte[] bytes = bytes();
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  /**
   * Whether everything read so far was inside its bounds.
   *
   * @return false for good once a length lied or a value was too short
   */
  public boolean ok() {
    return ok;
  }

  /**
   * The wrapped buffer, to read at the offsets that this reader returned.
   *
   * @return the buffer that was given to {@link #wrap}
   */
  public ByteBuffer buffer() {
    return buffer;
  }

  private boolean has(int lengthBytes) {
    return attributeLengthBytes() >= lengthBytes || fail();
  }

  private void enterScope(int offset, int scopeEndOffset) {
    nextAttributeAt = offset;
    scopeEnd = scopeEndOffset;
    attributeAt = offset;
    attributeEnd = offset;
  }

  private boolean fail() {
    ok = false;
    return false;
  }

  private int be16At(int at) {
    return Byte.toUnsignedInt(buffer.get(at)) << 8 | Byte.toUnsignedInt(buffer.get(at + 1));
  }

  private int be32At(int at) {
    return be16At(at) << 16 | be16At(at + 2);
  }
}
