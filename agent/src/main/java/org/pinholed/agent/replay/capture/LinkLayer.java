package org.pinholed.agent.replay.capture;

import java.nio.ByteBuffer;

/**
 * Finds the IP header behind a link layer: Ethernet with up to eight VLAN tags and PPPoE, Linux
 * cooked captures of both versions, PPP, loopback and bare IP.
 */
public final class LinkLayer {
  /** The packet is none of IP: ARP, LLDP and the like. */
  public static final int NOT_IP = -1;

  /** The link type is none of those that are known. */
  public static final int UNKNOWN_TYPE = -2;

  private static final int NULL = 0; // LINKTYPE_NULL
  private static final int ETHERNET = 1;
  private static final int PPP = 9;
  private static final int RAW_BSD = 12;
  private static final int RAW_OPENBSD = 14;
  private static final int RAW = 101;
  private static final int LOOP = 108;
  private static final int LINUX_SLL = 113;
  private static final int IPV4 = 228;
  private static final int IPV6 = 229;
  private static final int LINUX_SLL2 = 276;

  private static final int ETHERTYPE_IPV4 = 0x0800;
  private static final int ETHERTYPE_IPV6 = 0x86dd;
  private static final int ETHERTYPE_PPPOE_SESSION = 0x8864;
  private static final int PPP_IPV4 = 0x0021;
  private static final int PPP_IPV6 = 0x0057;
  private static final int MAC_BYTES = 12;
  private static final int SLL_BYTES = 16;
  private static final int SLL2_BYTES = 20;
  private static final int PPPOE_BYTES = 6;

  /** More than any network has; a packet must not be read for ever. */
  private static final int MOST_TAGS = 8;

  private LinkLayer() {}

  /**
   * Whether a packet may be of any device, as with {@code tcpdump -i any}.
   *
   * @param packet the packet
   * @return true for Linux cooked captures of both versions
   */
  public static boolean isOfAnyDevice(CapturedPacket packet) {
    return packet.linkType() == LINUX_SLL || packet.linkType() == LINUX_SLL2;
  }

  /**
   * Finds the IP header of a packet.
   *
   * @param packet the packet
   * @return index of the header in the packet's buffer, which may be its end; {@link #NOT_IP} or
   *     {@link #UNKNOWN_TYPE}
   */
  public static int ipOffset(CapturedPacket packet) {
    ByteBuffer bytes = packet.buffer();
    int at = packet.offset();
    int end = at + packet.capturedBytes();
    return switch (packet.linkType()) {
      case ETHERNET -> end - at < MAC_BYTES + 2 ? NOT_IP : behindType(bytes, at + MAC_BYTES, end);
      case LINUX_SLL -> end - at < SLL_BYTES ? NOT_IP : behindType(bytes, at + SLL_BYTES - 2, end);
      case LINUX_SLL2 -> cooked2(bytes, at, end);
      case RAW, RAW_BSD, RAW_OPENBSD, IPV4, IPV6 -> at;
      case NULL, LOOP -> end - at < 4 ? NOT_IP : version(bytes, at + 4, end);
      case PPP -> ppp(bytes, at, end);
      default -> UNKNOWN_TYPE;
    };
  }

  /** The protocol stands first there, and a tag of a VLAN behind the whole of the header. */
  private static int cooked2(ByteBuffer bytes, int at, int end) {
    if (end - at < SLL2_BYTES) {
      return NOT_IP;
    }
    int type = u16(bytes, at);
    int behind = at + SLL2_BYTES;
    if (isTag(type)) {
      return end - behind < 4 ? NOT_IP : behindType(bytes, behind + 2, end);
    }
    return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 ? behind : NOT_IP;
  }

  /** Goes on at an ethertype, of which two bytes are there. */
  private static int behindType(ByteBuffer bytes, int typeAt, int end) {
    int at = typeAt;
    for (int tags = 0; tags <= MOST_TAGS; tags++) {
      int type = u16(bytes, at);
      if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6) {
        return at + 2;
      }
      if (type == ETHERTYPE_PPPOE_SESSION && end - at >= 2 + PPPOE_BYTES) {
        return ppp(bytes, at + 2 + PPPOE_BYTES, end);
      }
      if (!isTag(type) || end - at < 6) {
        return NOT_IP;
      }
      at += 4;
    }
    return NOT_IP;
  }

  /** 802.1Q, 802.1ad, and what was used before that. */
  private static boolean isTag(int type) {
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
  }

  private static int ppp(ByteBuffer bytes, int start, int end) {
    int at = start;
    if (end - at >= 4 && u16(bytes, at) == 0xff03) {
      at += 2; // address and control field of HDLC (RFC 1662)
    }
    if (end - at < 2) {
      return NOT_IP;
    }
    int protocol = u16(bytes, at);
    return protocol == PPP_IPV4 || protocol == PPP_IPV6 ? at + 2 : NOT_IP;
  }

  /** The number of the family differs from system to system: the header says it as well. */
  private static int version(ByteBuffer bytes, int at, int end) {
    if (at >= end) {
      return NOT_IP;
    }
    int version = Byte.toUnsignedInt(bytes.get(at)) >> 4;
    return version == 4 || version == 6 ? at : NOT_IP;
  }

  private static int u16(ByteBuffer bytes, int at) {
    return Byte.toUnsignedInt(bytes.get(at)) << 8 | Byte.toUnsignedInt(bytes.get(at + 1));
  }
}
