package org.pinholed.helper.sip.sdp;

/**
 * What the protocol of an {@code m=} line says about the transport. Profiles are not looked at, so
 * a new one of RTP is read like the old ones.
 *
 * <p>A flyweight: re-used by {@link #read}.
 */
final class SdpProtocol {
  private static final int LETTERS_MAX = 7;
  private static final long TOO_LONG = -1;
  private static final long RTP = part("rtp");
  private static final long UDP = part("udp");
  private static final long TCP = part("tcp");

  /** T.38 (RFC 3362). */
  private static final long UDPTL = part("udptl");

  /** Modems over IP (ITU-T V.150.1 annex E). */
  private static final long UDPSPRT = part("udpsprt");

  /** {@code DTLS/SCTP}, as it was written before RFC 8841 made it {@code UDP/DTLS/SCTP}. */
  private static final long DTLS = part("dtls");

  private StreamKind kind = StreamKind.UNKNOWN;
  private boolean rtp;

  SdpProtocol() {}

  /**
   * Reads a protocol, in capital letters or not.
   *
   * @param line at its first character; behind its last one afterwards
   * @return false if there is none
   */
  boolean read(SdpLine line) {
    line.skipSpaces();
    if (line.current() == SdpLine.END) {
      return false;
    }
    long first = part(line);
    rtp = first == RTP;
    while (line.accept('/')) {
      rtp |= part(line) == RTP;
    }
    if (first == TCP) {
      kind = StreamKind.TCP;
    } else if (first == RTP || (first == UDP && rtp)) {
      kind = StreamKind.RTP;
    } else if (first == UDP || first == UDPTL || first == UDPSPRT || first == DTLS) {
      kind = StreamKind.UDP;
    } else {
      kind = StreamKind.UNKNOWN;
    }
    return true;
  }

  /**
   * How its packets travel.
   *
   * @return the kind
   */
  StreamKind kind() {
    return kind;
  }

  /**
   * Whether it is a profile of RTP, over whatever transport.
   *
   * @return true if RTCP belongs to it
   */
  boolean isRtp() {
    return rtp;
  }

  // The letters of a part in lower case, each in eight bits.
  private static long part(SdpLine line) {
    long letters = 0;
    for (int count = 0; !endsPart(line.current()); count++) {
      letters = count < LETTERS_MAX ? letters << 8 | lowerCase(line.current()) : TOO_LONG;
      line.advance();
    }
    return letters;
  }

  private static long part(String lowerCase) {
    long letters = 0;
    for (int at = 0; at < lowerCase.length(); at++) {
      letters = letters << 8 | lowerCase.charAt(at);
    }
    return letters;
  }

  private static boolean endsPart(int character) {
    return character == '/' || character == ' ' || character == '\t' || character == SdpLine.END;
  }

  private static int lowerCase(int character) {
    return character >= 'A' && character <= 'Z' ? character | 0x20 : character;
  }
}
