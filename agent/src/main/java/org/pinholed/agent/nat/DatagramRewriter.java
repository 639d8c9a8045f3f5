package org.pinholed.agent.nat;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;

/**
 * Builds a UDP datagram with other payload: lengths and checksums are made anew, everything else,
 * with IP options and extension headers, stays as it is. What stands behind the datagram in its
 * packet (RFC 9868) is left out: it was made for the bytes in front of it. Not thread-safe; its
 * buffer is used again for the next packet.
 *
 * <p>A datagram that outgrows the MTU of its way out cannot be answered with "too big": its sender
 * did nothing wrong and would not know what to make smaller. IPv4 is fragmented by the kernel
 * instead, IPv6 cannot be, unless it came in fragments already: those the kernel makes again. The
 * way behind the device may be narrower, by its route or by a tunnel far away: so IPv4 that grew
 * may be fragmented wherever that is needed, unless it is so short that it fits everywhere.
 */
public final class DatagramRewriter {
  /** No limit by the way out. */
  public static final int NO_MTU = Integer.MAX_VALUE;

  private static final int UDP_LENGTH = 4;
  private static final int UDP_CHECKSUM = 6;
  private static final int IPV4_ID = 4;
  private static final int IPV4_FLAGS = 6;
  private static final int IPV4_DF_HIGH = 0x40;

  /** What all ways carry but for odd ones: the least MTU of IPv6 (RFC 8200 section 5). */
  private static final int FITS_EVERYWHERE_BYTES = 1280;

  private final PacketDraft draft = new PacketDraft();
  private int nextId = new SecureRandom().nextInt();

  /**
   * Whether no packet is long enough for what a datagram becomes, or none that the kernel takes.
   *
   * @param packet a readable UDP packet
   * @param edits what is replaced
   * @return true if {@link #rewrite} cannot make it, whatever its way out is
   */
  public static boolean isTooLong(PacketView packet, List<DatagramEdit> edits) {
    int headerBytes = packet.payloadOffset() - packet.offset();
    long newBytes = (long) headerBytes + packet.payloadLengthBytes();
    for (DatagramEdit edit : edits) {
      newBytes += edit.growth();
    }
    return newBytes > PacketDraft.MAX_PACKET_BYTES;
  }

  /** Makes a rewriter. */
  public DatagramRewriter() {}

  /**
   * Builds the packet.
   *
   * @param packet a readable UDP packet
   * @param edits what is replaced, in ascending order, not overlapping, inside of the payload
   * @param mtuBytes the longest packet that its way out takes, or {@link #NO_MTU}
   * @return null if it is made, to be found at index 0 of {@link #buffer}; else why it cannot be
   * @throws IllegalArgumentException for edits that are out of order or outside of the payload
   */
  public @Nullable WithheldReason rewrite(
      PacketView packet, List<DatagramEdit> edits, int mtuBytes) {
    int headerBytes = packet.payloadOffset() - packet.offset();
    int payloadBytes = packet.payloadLengthBytes();
    long newBytes = (long) headerBytes + payloadBytes;
    int behind = 0;
    for (DatagramEdit edit : edits) {
      if (edit.from() < behind
          || edit.lengthBytes() < 0
          || edit.from() > payloadBytes
          || edit.lengthBytes() > payloadBytes - edit.from()) {
        throw new IllegalArgumentException(
            "edit: "
                + edit.lengthBytes()
                + " bytes at "
                + edit.from()
                + " (expected: ascending, apart, and within "
                + payloadBytes
                + " bytes)");
      }
      behind = edit.to();
      newBytes += edit.growth();
    }
    if (newBytes > PacketDraft.MAX_PACKET_BYTES) {
      return WithheldReason.TOO_LONG;
    }
    boolean outgrown = newBytes > mtuBytes;
    if (outgrown && packet.isIpv6() && headerBytes + payloadBytes <= mtuBytes) {
      return WithheldReason.TOO_LONG;
    }
    draft.begin(packet);
    int from = 0;
    for (DatagramEdit edit : edits) {
      draft.keep(from, edit.from() - from);
      draft.put(edit.replacement());
      from = edit.to();
    }
    draft.keep(from, payloadBytes - from);
    boolean grew = newBytes > headerBytes + payloadBytes;
    if (packet.isDontFragment() && (outgrown || (grew && newBytes > FITS_EVERYWHERE_BYTES))) {
      allowFragments();
    }
    draft.put16(draft.transportAt() + UDP_LENGTH, draft.lengthBytes() - draft.transportAt());
    draft.finishIp();
    if (packet.hasUdpChecksum()) {
      draft.writeTransportChecksum(UDP_CHECKSUM);
    }
    return null;
  }

  /** Whoever forbids fragments may leave their id at 0 (RFC 6864), but fragments need one. */
  private void allowFragments() {
    draft.put8(IPV4_FLAGS, draft.u8(IPV4_FLAGS) & ~IPV4_DF_HIGH);
    if (draft.u16(IPV4_ID) == 0) {
      nextId++;
      draft.put16(IPV4_ID, (nextId & 0xffff) == 0 ? 1 : nextId);
    }
  }

  /**
   * How long the packet is.
   *
   * @return bytes from the IP header on
   */
  public int lengthBytes() {
    return draft.lengthBytes();
  }

  /**
   * Where the packet is.
   *
   * @return valid until the next {@link #rewrite}
   */
  public ByteBuffer buffer() {
    return draft.buffer();
  }
}
