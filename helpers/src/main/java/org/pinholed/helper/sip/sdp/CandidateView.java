package org.pinholed.helper.sip.sdp;

import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.Decimals;

/**
 * The host candidates of a stream that name the address and port of its {@code c=} and {@code m=}
 * lines, or those of its RTCP (RFC 8839 section 5.1). Only these are the default ones, to which a
 * peer without ICE sends, and of which a translation is known; all others stay as they are.
 *
 * <p>A flyweight of {@link SdpView}.
 */
public final class CandidateView {
  private static final byte[] CANDIDATE = {
    'a', '=', 'c', 'a', 'n', 'd', 'i', 'd', 'a', 't', 'e', ':'
  };
  private static final byte[] UDP = {'u', 'd', 'p'};
  private static final byte[] TCP = {'t', 'c', 'p'};
  private static final byte[] TYP = {'t', 'y', 'p'};
  private static final byte[] HOST = {'h', 'o', 's', 't'};
  private static final ByteCursor NOTHING = new ByteCursor();
  private static final int PORT_MAX = 65535;
  private static final int RTP = 1;
  private static final int RTCP = 2;

  private final SdpLine line = new SdpLine();
  private final SdpAddress address = new SdpAddress();
  private ByteCursor bytes = NOTHING;
  private SdpMedia media = new SdpMedia();
  private int at;
  private int to;
  private boolean rtcp;
  private int portFrom = SdpView.NONE;
  private int portTo = SdpView.NONE;

  CandidateView() {}

  CandidateView over(ByteCursor source, SdpMedia section) {
    bytes = source;
    media = section;
    at = section.linesFrom;
    to = section.port() > 0 && section.refusal() == null ? section.linesTo : at;
    return this;
  }

  /**
   * Goes to the next one.
   *
   * @return false if there is none
   */
  public boolean next() {
    while (at < to) {
      int start = at;
      int lineFeed = SdpLine.indexOfLineFeed(bytes, at, to);
      int end = lineFeed < 0 ? to : lineFeed;
      at = lineFeed < 0 ? to : lineFeed + 1;
      if (end > start && bytes.u8At(end - 1) == '\r') {
        end--;
      }
      if (begins(start, end) && matches(line.over(bytes, start + CANDIDATE.length, end))) {
        return true;
      }
    }
    return false;
  }

  private boolean begins(int start, int end) {
    if (end - start < CANDIDATE.length) {
      return false;
    }
    for (int i = 0; i < CANDIDATE.length; i++) {
      if (bytes.u8At(start + i) != CANDIDATE[i]) {
        return false;
      }
    }
    return true;
  }

  private boolean matches(SdpLine candidate) {
    if (!candidate.token()) {
      return false;
    }
    candidate.skipSpaces();
    long component = Decimals.read(candidate, RTCP);
    boolean transport = candidate.acceptToken(media.kind() == StreamKind.TCP ? TCP : UDP);
    if (component < RTP || !transport || !candidate.token()) {
      return false;
    }
    address.readBare(candidate);
    candidate.skipSpaces();
    candidate.beginSpan();
    long port = Decimals.read(candidate, PORT_MAX);
    candidate.endSpan();
    portFrom = candidate.spanFrom();
    portTo = candidate.spanTo();
    rtcp = component == RTCP;
    return isPair(port) && candidate.acceptToken(TYP) && candidate.acceptToken(HOST);
  }

  private boolean isPair(long port) {
    if (!rtcp) {
      return port == media.port() && address.same(media.connection());
    }
    SdpAddress of = media.rtcpAddress().isAddress() ? media.rtcpAddress() : media.connection();
    return port > 0 && port == media.rtcpPort() && address.same(of);
  }

  /**
   * Whether it is the one of RTCP.
   *
   * @return false for the one of the {@code m=} line
   */
  public boolean isRtcp() {
    return rtcp;
  }

  /**
   * Its address.
   *
   * @return a flyweight of this view
   */
  public SdpAddress address() {
    return address;
  }

  /**
   * Where its port begins.
   *
   * @return index of its first byte
   */
  public int portFrom() {
    return portFrom;
  }

  /**
   * Where its port ends.
   *
   * @return index behind its last byte
   */
  public int portTo() {
    return portTo;
  }
}
