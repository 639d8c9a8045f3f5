package org.pinholed.agent.replay.capture;

import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads pcapng (draft-ietf-opsawg-pcapng): sections of either byte order with interfaces of any
 * link type and resolution of time. Packets are in enhanced, simple and the obsolete packet blocks;
 * other blocks are skipped, whatever they are.
 */
final class PcapngReader extends CaptureReader {
  /** The type of a section header block, a palindrome: the same in either byte order. */
  static final int SECTION_HEADER = 0x0a0d0d0a;

  private static final int BYTE_ORDER_MAGIC = 0x1a2b3c4d;
  private static final int INTERFACE_DESCRIPTION = 1;
  private static final int OBSOLETE_PACKET = 2;
  private static final int SIMPLE_PACKET = 3;
  private static final int ENHANCED_PACKET = 6;
  private static final int OPTION_IF_TSRESOL = 9;
  private static final int OPTION_IF_TSOFFSET = 14;

  /** Type and total length in front, the total length once more behind. */
  private static final int FRAME_BYTES = 12;

  private static final int BODY = 8;
  private static final int PACKET_HEADER_BYTES = 20;

  /** No router has more; a file that says so would only fill memory. */
  private static final int MOST_INTERFACES = 65_536;

  /** One interface of the section. */
  private record Interface(int linkType, long snapBytes, TimeUnits units) {}

  private final List<Interface> interfaces = new ArrayList<>();
  private long lastEpochNs;
  private boolean began;

  PcapngReader(CaptureInput input) {
    super(input);
  }

  @Override
  public boolean next() throws IOException {
    while (!isDamaged()) {
      long at = input.offset();
      if (!input.has(FRAME_BYTES)) {
        return input.isAtEnd() ? false : damaged(at, "the file ends within a block's header");
      }
      int type = input.s32(0);
      if (type == SECTION_HEADER && !beginSection(at)) {
        return false;
      }
      long blockBytes = input.u32(4);
      if (blockBytes < FRAME_BYTES || blockBytes % 4 != 0) {
        return damaged(at, "a block claims to have " + blockBytes + " bytes");
      }
      boolean wanted = isRead(type);
      if (wanted && blockBytes > CaptureInput.MOST_BYTES) {
        return damaged(at, "a block that should be read claims to have " + blockBytes + " bytes");
      }
      if (!wanted) {
        if (!input.skip(blockBytes)) {
          return damaged(at, "the file ends within a block of " + blockBytes + " bytes");
        }
        continue;
      }
      int bytes = (int) blockBytes;
      if (!input.has(bytes)) {
        return damaged(at, "the file ends within a block of " + bytes + " bytes");
      }
      if (input.u32(bytes - 4) != blockBytes) {
        return damaged(
            at,
            "the two lengths of a block differ: " + blockBytes + " and " + input.u32(bytes - 4));
      }
      boolean isPacket = read(type, at, bytes - FRAME_BYTES);
      if (isDamaged()) {
        return false;
      }
      input.skip(bytes);
      if (isPacket) {
        return true;
      }
    }
    return false;
  }

  private static boolean isRead(int type) {
    return type == INTERFACE_DESCRIPTION
        || type == OBSOLETE_PACKET
        || type == SIMPLE_PACKET
        || type == ENHANCED_PACKET;
  }

  private boolean beginSection(long at) throws IOException {
    if (!input.has(BODY + 8)) {
      return damaged(at, "the file ends within a section header");
    }
    input.order(ByteOrder.BIG_ENDIAN);
    if (input.s32(BODY) != BYTE_ORDER_MAGIC) {
      input.order(ByteOrder.LITTLE_ENDIAN);
      if (input.s32(BODY) != BYTE_ORDER_MAGIC) {
        return damaged(at, "a section header without a byte order magic");
      }
    }
    if (input.u16(BODY + 4) != 1) {
      return damaged(at, "pcapng of version " + input.u16(BODY + 4) + ", not 1");
    }
    interfaces.clear();
    began = true;
    return true;
  }

  /** Reads one block; true if it is a packet. */
  private boolean read(int type, long at, int bodyBytes) {
    if (!began) {
      return damaged(at, "a block before the first section header");
    }
    return switch (type) {
      case INTERFACE_DESCRIPTION -> addInterface(at, bodyBytes);
      case ENHANCED_PACKET -> enhanced(at, bodyBytes, input.u32(BODY));
      case OBSOLETE_PACKET -> enhanced(at, bodyBytes, input.u16(BODY));
      default -> simple(at, bodyBytes);
    };
  }

  private boolean addInterface(long at, int bodyBytes) {
    if (bodyBytes < 8) {
      return damaged(at, "an interface description of " + bodyBytes + " bytes");
    }
    if (interfaces.size() == MOST_INTERFACES) {
      return damaged(at, "more than " + MOST_INTERFACES + " interfaces");
    }
    TimeUnits units = TimeUnits.MICROS;
    long offsetSeconds = 0;
    int option = BODY + 8;
    int end = BODY + bodyBytes;
    while (end - option >= 4 && input.u16(option) != 0) {
      int length = input.u16(option + 2);
      if (length > end - option - 4) {
        return damaged(at, "an option of an interface is longer than its block");
      }
      if (input.u16(option) == OPTION_IF_TSRESOL && length == 1) {
        units = TimeUnits.of(input.u8(option + 4));
      } else if (input.u16(option) == OPTION_IF_TSOFFSET && length == 8) {
        offsetSeconds = input.buffer().getLong(input.index(option + 4));
      }
      option += 4 + (length + 3) / 4 * 4;
    }
    interfaces.add(
        new Interface(input.u16(BODY), input.u32(BODY + 4), units.withOffset(offsetSeconds)));
    return false;
  }

  private boolean enhanced(long at, int bodyBytes, long interfaceId) {
    if (bodyBytes < PACKET_HEADER_BYTES) {
      return damaged(at, "a packet block of " + bodyBytes + " bytes");
    }
    if (interfaceId >= interfaces.size()) {
      return damaged(at, "a packet of interface " + interfaceId + ", which is not described");
    }
    Interface from = interfaces.get((int) interfaceId);
    long captured = input.u32(BODY + 12);
    if (captured > bodyBytes - PACKET_HEADER_BYTES || captured > PcapReader.MOST_CAPTURED_BYTES) {
      return damaged(at, "a packet claims to have " + captured + " captured bytes");
    }
    lastEpochNs = from.units().epochNs(input.u32(BODY + 4) << 32 | input.u32(BODY + 8));
    packet.set(
        input.buffer(),
        input.index(BODY + PACKET_HEADER_BYTES),
        (int) captured,
        Math.max(captured, input.u32(BODY + 16)),
        lastEpochNs,
        from.linkType(),
        at);
    return true;
  }

  /** A packet of the first interface, without a time: that of the one before it. */
  private boolean simple(long at, int bodyBytes) {
    if (bodyBytes < 4) {
      return damaged(at, "a packet block of " + bodyBytes + " bytes");
    }
    if (interfaces.isEmpty()) {
      return damaged(at, "a packet before the first interface");
    }
    Interface from = interfaces.get(0);
    long original = input.u32(BODY);
    long captured = Math.min(original, bodyBytes - 4);
    if (from.snapBytes() != 0) {
      captured = Math.min(captured, from.snapBytes());
    }
    if (captured > PcapReader.MOST_CAPTURED_BYTES) {
      return damaged(at, "a packet claims to have " + captured + " captured bytes");
    }
    packet.set(
        input.buffer(),
        input.index(BODY + 4),
        (int) captured,
        Math.max(original, captured),
        lastEpochNs,
        from.linkType(),
        at);
    return true;
  }
}
