package org.pinholed.agent.packet;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A flyweight over one IPv4 or IPv6 packet with TCP or UDP in it.
 *
 * <p>Re-used by {@link #wrap}, never stored, one per worker. Reads network order by single bytes,
 * so the order of the buffer does not matter. All header lengths are checked by {@code wrap}; after
 * one that is readable every other method stays inside the packet.
 *
 * <p>It is long because each header field that anybody reads is a method; what is checked is in
 * {@code wrap} alone.
 */
public final class PacketView {
  /** {@code TCP_FLAG_FIN}. */
  public static final int FIN = 0x01;

  /** {@code TCP_FLAG_SYN}. */
  public static final int SYN = 0x02;

  /** {@code TCP_FLAG_RST}. */
  public static final int RST = 0x04;

  /** {@code TCP_FLAG_ACK}. */
  public static final int ACK = 0x10;

  /** {@code IPPROTO_TCP}. */
  public static final int TCP = 6;

  /** {@code IPPROTO_UDP}. */
  public static final int UDP = 17;

  private static final int IPV4_MIN_HEADER_BYTES = 20;
  private static final int IPV6_HEADER_BYTES = 40;
  private static final int TCP_MIN_HEADER_BYTES = 20;
  private static final int UDP_HEADER_BYTES = 8;
  private static final int ROUTING = 43; // IPPROTO_ROUTING
  private static final int IPOPT_END = 0;
  private static final int IPOPT_NOOP = 1;
  private static final int IPOPT_LSRR = 0x83;
  private static final int IPOPT_SSRR = 0x89;
  private static final int IP_DF = 0x4000;

  /** {@code IP_MF} and {@code IP_OFFSET}: it is one of several pieces. */
  private static final int FRAGMENT_MASK = 0x3fff;

  /**
   * {@code IP6_MF} and {@code IP6_OFFSET}; a fragment header without either is whole (RFC 6946).
   */
  private static final int FRAGMENT6_MASK = 0xfff9;

  private static final int UDP_CHECKSUM = 6;

  /** Extension headers are skipped up to this many; more is no packet that a helper reads. */
  private static final int MAX_EXTENSION_HEADERS = 8;

  private ByteBuffer buffer = ByteBuffer.allocate(0);
  private int offset;
  private boolean ipv6;
  private boolean unalterable;
  private int protocol;
  private int transportOffset;
  private int payloadOffset;
  private int payloadLengthBytes;
  private long sourceHigh;
  private long sourceLow;
  private long destinationHigh;
  private long destinationLow;

  /**
   * Looks at a packet.
   *
   * @param source where it is; position and limit are not used
   * @param packetOffset index of the IP header
   * @param lengthBytes bytes that were captured
   * @return why it is none that can be read; null if it is one, and the other methods may be called
   */
  public @Nullable UnreadableReason wrap(ByteBuffer source, int packetOffset, int lengthBytes) {
    buffer = source;
    offset = packetOffset;
    unalterable = false;
    if (lengthBytes < 1) {
      return UnreadableReason.TRUNCATED;
    }
    int version = u8(packetOffset) >> 4;
    int end;
    if (version == 4) {
      ipv6 = false;
      if (lengthBytes < IPV4_MIN_HEADER_BYTES) {
        return UnreadableReason.TRUNCATED;
      }
      int headerBytes = (u8(packetOffset) & 0xf) * 4;
      int totalBytes = u16(packetOffset + 2);
      if (headerBytes < IPV4_MIN_HEADER_BYTES
          || totalBytes < headerBytes
          || totalBytes > lengthBytes) {
        return UnreadableReason.TRUNCATED;
      }
      if ((u16(packetOffset + 6) & FRAGMENT_MASK) != 0) {
        return UnreadableReason.FRAGMENT;
      }
      unalterable =
          headerBytes > IPV4_MIN_HEADER_BYTES
              && hasSourceRoute(packetOffset + IPV4_MIN_HEADER_BYTES, packetOffset + headerBytes);
      protocol = u8(packetOffset + 9);
      transportOffset = packetOffset + headerBytes;
      end = packetOffset + totalBytes;
      sourceHigh = 0;
      sourceLow = AddressHalves.IPV4_MAPPED_PREFIX | u32(packetOffset + 12);
      destinationHigh = 0;
      destinationLow = AddressHalves.IPV4_MAPPED_PREFIX | u32(packetOffset + 16);
    } else if (version == 6) {
      ipv6 = true;
      if (lengthBytes < IPV6_HEADER_BYTES) {
        return UnreadableReason.TRUNCATED;
      }
      int totalBytes = IPV6_HEADER_BYTES + u16(packetOffset + 4);
      if (totalBytes > lengthBytes) {
        return UnreadableReason.TRUNCATED;
      }
      end = packetOffset + totalBytes;
      UnreadableReason extensions = skipExtensionHeaders(u8(packetOffset + 6), end);
      if (extensions != null) {
        return extensions;
      }
      sourceHigh = u64(packetOffset + 8);
      sourceLow = u64(packetOffset + 16);
      destinationHigh = u64(packetOffset + 24);
      destinationLow = u64(packetOffset + 32);
    } else {
      return UnreadableReason.NOT_IP;
    }
    return wrapTransport(end);
  }

  /** Whether IPv4 options say another destination than the header (RFC 791 section 3.1). */
  private boolean hasSourceRoute(int from, int end) {
    int at = from;
    while (at < end) {
      int option = u8(at);
      if (option == IPOPT_LSRR || option == IPOPT_SSRR) {
        return true;
      }
      if (option == IPOPT_END) {
        return false;
      }
      int optionBytes = option == IPOPT_NOOP ? 1 : end - at < 2 ? 0 : u8(at + 1);
      if (optionBytes < 1 || (option != IPOPT_NOOP && optionBytes < 2)) {
        return true; // nobody knows what it says
      }
      at += optionBytes;
    }
    return false;
  }

  private @Nullable UnreadableReason skipExtensionHeaders(int firstHeader, int end) {
    int header = firstHeader;
    int at = offset + IPV6_HEADER_BYTES;
    for (int skipped = 0; skipped <= MAX_EXTENSION_HEADERS; skipped++) {
      switch (header) {
        case 0, ROUTING, 60 -> { // hop-by-hop, routing, destination options (RFC 8200 section 4)
          if (end - at < 8) {
            return UnreadableReason.TRUNCATED;
          }
          unalterable |= header == ROUTING;
          header = u8(at);
          at += (u8(at + 1) + 1) * 8;
        }
        case 44 -> { // fragment header
          if (end - at < 8) {
            return UnreadableReason.TRUNCATED;
          }
          if ((u16(at + 2) & FRAGMENT6_MASK) != 0) {
            return UnreadableReason.FRAGMENT;
          }
          header = u8(at);
          at += 8;
        }
        case 51 -> { // authentication header, length in words of four less two (RFC 4302)
          if (end - at < 8) {
            return UnreadableReason.TRUNCATED;
          }
          unalterable = true;
          header = u8(at);
          at += (u8(at + 1) + 2) * 4;
        }
        default -> {
          protocol = header;
          transportOffset = at;
          return at > end ? UnreadableReason.TRUNCATED : null;
        }
      }
    }
    return UnreadableReason.OTHER_PROTOCOL;
  }

  private @Nullable UnreadableReason wrapTransport(int end) {
    int remaining = end - transportOffset;
    if (protocol == TCP) {
      if (remaining < TCP_MIN_HEADER_BYTES) {
        return UnreadableReason.TRUNCATED;
      }
      int headerBytes = (u8(transportOffset + 12) >> 4) * 4;
      if (headerBytes < TCP_MIN_HEADER_BYTES || headerBytes > remaining) {
        return UnreadableReason.TRUNCATED;
      }
      payloadOffset = transportOffset + headerBytes;
      payloadLengthBytes = remaining - headerBytes;
      return null;
    }
    if (protocol == UDP) {
      if (remaining < UDP_HEADER_BYTES) {
        return UnreadableReason.TRUNCATED;
      }
      int datagramBytes = u16(transportOffset + 4);
      if (datagramBytes < UDP_HEADER_BYTES || datagramBytes > remaining) {
        return UnreadableReason.TRUNCATED;
      }
      payloadOffset = transportOffset + UDP_HEADER_BYTES;
      payloadLengthBytes = datagramBytes - UDP_HEADER_BYTES;
      return null;
    }
    return UnreadableReason.OTHER_PROTOCOL;
  }

  /**
   * Index of the IP header.
   *
   * @return an index of {@link #buffer()}
   */
  public int offset() {
    return offset;
  }

  /**
   * Index of the TCP or UDP header.
   *
   * @return an index of {@link #buffer()}
   */
  public int transportOffset() {
    return transportOffset;
  }

  /**
   * The buffer under the packet.
   *
   * @return the buffer of {@link #wrap}
   */
  public ByteBuffer buffer() {
    return buffer;
  }

  /**
   * Whether it is IPv6.
   *
   * @return false for IPv4
   */
  public boolean isIpv6() {
    return ipv6;
  }

  /**
   * Whether its payload must stay as it is: an authentication header signs it, or its transport
   * checksum is made with another destination address than the one in the header.
   *
   * @return true with an IPv6 authentication or routing header, or an IPv4 source route
   */
  public boolean isUnalterable() {
    return unalterable;
  }

  /**
   * Whether it is TCP.
   *
   * @return false for UDP
   */
  public boolean isTcp() {
    return protocol == TCP;
  }

  /**
   * The protocol in the IP header.
   *
   * @return 6 or 17
   */
  public int protocol() {
    return protocol;
  }

  /**
   * Upper half of the source address.
   *
   * @return bits 127..64; 0 for IPv4
   */
  public long sourceHigh() {
    return sourceHigh;
  }

  /**
   * Lower half of the source address.
   *
   * @return bits 63..0; {@code ::ffff:a.b.c.d} for IPv4
   */
  public long sourceLow() {
    return sourceLow;
  }

  /**
   * Upper half of the destination address.
   *
   * @return bits 127..64; 0 for IPv4
   */
  public long destinationHigh() {
    return destinationHigh;
  }

  /**
   * Lower half of the destination address.
   *
   * @return bits 63..0; {@code ::ffff:a.b.c.d} for IPv4
   */
  public long destinationLow() {
    return destinationLow;
  }

  /**
   * Source port.
   *
   * @return 0..65535
   */
  public int sourcePort() {
    return u16(transportOffset);
  }

  /**
   * Destination port.
   *
   * @return 0..65535
   */
  public int destinationPort() {
    return u16(transportOffset + 2);
  }

  /**
   * TCP sequence number.
   *
   * @return any 32 bits
   */
  public int sequence() {
    return (int) u32(transportOffset + 4);
  }

  /**
   * TCP acknowledgement number.
   *
   * @return any 32 bits; means something only with {@link #ACK}
   */
  public int acknowledgement() {
    return (int) u32(transportOffset + 8);
  }

  /**
   * TCP flags.
   *
   * @return the bits {@link #FIN}, {@link #SYN}, {@link #RST}, {@link #ACK} and others
   */
  public int tcpFlags() {
    return u8(transportOffset + 13);
  }

  /**
   * Whether all of some TCP flags are set.
   *
   * @param flags bits of {@link #tcpFlags()}
   * @return true if TCP and all are set
   */
  public boolean has(int flags) {
    return protocol == TCP && (tcpFlags() & flags) == flags;
  }

  /**
   * Whether it is IPv4 and must not be fragmented. An IPv6 packet is never fragmented on its way.
   *
   * @return the flag {@code IP_DF}
   */
  public boolean isDontFragment() {
    return !ipv6 && (u16(offset + 6) & IP_DF) != 0;
  }

  /**
   * Whether its sender made a checksum of a datagram (RFC 768: 0 says none; RFC 8200 section 8.1:
   * IPv6 has one).
   *
   * @return false only for an IPv4 datagram that says so
   */
  public boolean hasUdpChecksum() {
    return ipv6 || u16(transportOffset + UDP_CHECKSUM) != 0;
  }

  /**
   * Index of the first payload byte.
   *
   * @return an index of {@link #buffer()}
   */
  public int payloadOffset() {
    return payloadOffset;
  }

  /**
   * Length of the payload.
   *
   * @return bytes behind the TCP or UDP header
   */
  public int payloadLengthBytes() {
    return payloadLengthBytes;
  }

  /**
   * A copy of the source address. Allocates: once per flow, not per packet.
   *
   * @return the address
   */
  public InetAddress sourceAddress() {
    return address(ipv6 ? offset + 8 : offset + 12);
  }

  /**
   * A copy of the destination address. Allocates: once per flow, not per packet.
   *
   * @return the address
   */
  public InetAddress destinationAddress() {
    return address(ipv6 ? offset + 24 : offset + 16);
  }

  private InetAddress address(int at) {
    byte[] bytes = new byte[ipv6 ? 16 : 4];
    buffer.get(at, bytes);
    try {
      // The general method would turn ::ffff:192.0.2.1 into an IPv4 address.
      return ipv6 ? Inet6Address.getByAddress(null, bytes, -1) : InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e); // thrown for other lengths than 4 and 16 only
    }
  }

  private int u8(int at) {
    return Byte.toUnsignedInt(buffer.get(at));
  }

  private int u16(int at) {
    return u8(at) << 8 | u8(at + 1);
  }

  private long u32(int at) {
    return (long) u16(at) << 16 | u16(at + 2);
  }

  private long u64(int at) {
    return u32(at) << 32 | u32(at + 4);
  }
}
