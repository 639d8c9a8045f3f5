package org.pinholed.helper.sip.sdp;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Transport;

/** How the packets of a stream travel, by the protocol of its {@code m=} line. */
public enum StreamKind {
  /** RTP over UDP, secured or not: RTCP has a port of its own unless it is multiplexed. */
  RTP('R', Transport.UDP),
  /** Anything else over UDP, such as {@code udptl} of T.38 or {@code UDP/BFCP}: one port. */
  UDP('U', Transport.UDP),
  /** {@code TCP/...}: one port, and for RTP one for RTCP (RFC 4571). */
  TCP('T', Transport.TCP),
  /** What nobody here knows how it travels; never opened. */
  UNKNOWN('X', null);

  private final char letter;
  private final @Nullable Transport transport;

  StreamKind(char letter, @Nullable Transport transport) {
    this.letter = letter;
    this.transport = transport;
  }

  /**
   * The transport of its packets.
   *
   * @return null for {@link #UNKNOWN}
   */
  public @Nullable Transport transport() {
    return transport;
  }

  char letter() {
    return letter;
  }

  static @Nullable StreamKind ofLetter(char letter) {
    for (StreamKind kind : values()) {
      if (kind.letter == letter) {
        return kind;
      }
    }
    return null;
  }
}
