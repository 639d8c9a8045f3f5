package org.pinholed.it.lab;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The media of one party: a socket for RTP and one for RTCP on the next port. What comes is
 * counted, with the address and port from which it seems to come.
 */
public final class RtpPeer implements AutoCloseable {
  /** Longer than anything takes here that comes at all, but for a machine that stands still. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private static final int PACKETS = 3;

  private final Datagrams rtp;
  private final Datagrams rtcp;
  private int sequence;

  private RtpPeer(Datagrams rtp, Datagrams rtcp) {
    this.rtp = rtp;
    this.rtcp = rtcp;
  }

  /** Binds both sockets on a host, at a port and the next one. */
  public static RtpPeer open(Peer peer, String host, int port) {
    return new RtpPeer(peer.datagrams(host, port), peer.datagrams(host, port + 1));
  }

  /** Where RTP comes to. */
  public Datagrams rtp() {
    return rtp;
  }

  /** Where RTCP comes to. */
  public Datagrams rtcp() {
    return rtcp;
  }

  /** Its own description: one audio stream. */
  public SipSdp sdp() {
    return SipSdp.audio(rtp.local());
  }

  /**
   * Sends a few packets of RTP and one of RTCP, and insists that each of them arrives.
   *
   * @param heard what the other side's description said when it came here
   * @param told what this side's own description said when it came there: from there its packets
   *     must seem to come
   */
  public void talkTo(RtpPeer other, SipSdp heard, SipSdp told) {
    for (int i = 0; i < PACKETS; i++) {
      rtp.send(heard.rtp(), rtpPacket());
    }
    expect(other.rtp, PACKETS, told.rtp());
    rtcp.send(heard.rtcp(), rtcpPacket());
    expect(other.rtcp, 1, told.rtcp());
  }

  private static void expect(Datagrams socket, int count, Endpoint source) {
    List<Datagram> came = socket.receive(count, PATIENCE);
    List<Endpoint> wrong = new ArrayList<>();
    came.stream().map(Datagram::from).filter(from -> !from.isSameAs(source)).forEach(wrong::add);
    if (came.size() != count || !wrong.isEmpty()) {
      throw new AssertionError(
          "of %d packets to %s came %d; sources %s instead of %s"
              .formatted(count, socket.local(), came.size(), wrong, source));
    }
  }

  /** RFC 3550 section 5.1: version 2, PCMU, and no extensions. */
  private String rtpPacket() {
    sequence++;
    return "\u0080\u0000"
        + u16(sequence)
        + u32(sequence * 160)
        + u32(0x70686e65)
        + "\u00ff".repeat(160);
  }

  /** RFC 3550 section 6.4.2: a receiver report without blocks. */
  private String rtcpPacket() {
    sequence++;
    return "\u0080\u00c9" + u16(1) + u32(sequence);
  }

  private static String u16(int value) {
    return "" + (char) (value >> 8 & 0xff) + (char) (value & 0xff);
  }

  private static String u32(int value) {
    return u16(value >>> 16) + u16(value & 0xffff);
  }

  @Override
  public void close() {
    rtp.close();
    rtcp.close();
  }
}
