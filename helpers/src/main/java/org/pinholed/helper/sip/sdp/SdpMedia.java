package org.pinholed.helper.sip.sdp;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.text.Decimals;

/**
 * One media section of a description: its {@code m=} line and what belongs to it (RFC 8866 section
 * 5.14). Its places are indices of the cursor's buffer.
 *
 * <p>A flyweight of {@link SdpView}: of use until its next {@link SdpView#read}.
 */
public final class SdpMedia {
  private static final int PORT_MAX = 65535;
  private static final int PORTS_OF_A_PAIR = 2;

  final SdpAddress ownConnection = new SdpAddress();
  final SdpAddress rtcpAddress = new SdpAddress();

  /** Where the lines behind the {@code m=} line begin, and where they end. */
  int linesFrom;

  int linesTo;

  int ownConnections;
  int rtcpLines;
  int rtcpPort;
  int rtcpPortFrom;
  int rtcpPortTo;
  int mids;
  int midFrom;
  int midTo;
  int group;
  boolean muxOffered;
  boolean muxOnly;
  boolean held;
  boolean connects;
  int bundledInto;

  private SdpAddress connection = ownConnection;
  private StreamKind kind = StreamKind.UNKNOWN;
  private boolean rtp;
  private int port;
  private int portFrom;
  private int portTo;
  private int count;
  private int typeFrom;
  private int typeTo;
  private @Nullable SipReason refusal;

  SdpMedia() {}

  /**
   * Reads the value of the {@code m=} line: type, port, number of ports, protocol. Formats are not
   * looked at.
   *
   * @param line before the type
   * @param protocol reads the protocol
   */
  void begin(SdpLine line, SdpProtocol protocol) {
    ownConnection.clear();
    rtcpAddress.clear();
    connection = ownConnection;
    ownConnections = 0;
    rtcpLines = 0;
    rtcpPort = 0;
    rtcpPortFrom = SdpView.NONE;
    rtcpPortTo = SdpView.NONE;
    mids = 0;
    group = SdpView.NONE;
    bundledInto = SdpView.NONE;
    muxOffered = false;
    muxOnly = false;
    kind = StreamKind.UNKNOWN;
    rtp = false;
    port = SdpView.NONE;
    portFrom = SdpView.NONE;
    portTo = SdpView.NONE;
    count = 1;
    refusal = readLine(line, protocol);
  }

  private @Nullable SipReason readLine(SdpLine line, SdpProtocol protocol) {
    boolean type = line.token();
    typeFrom = line.spanFrom();
    typeTo = line.spanTo();
    line.skipSpaces();
    line.beginSpan();
    long number = type ? Decimals.read(line, PORT_MAX) : Decimals.NONE;
    line.endSpan();
    if (number < 0) {
      return number == Decimals.TOO_LARGE ? SipReason.SDP_PORT_OUT_OF_RANGE : SipReason.SDP_MEDIA;
    }
    int from = line.spanFrom();
    int to = line.spanTo();
    long ports = line.accept('/') ? Decimals.read(line, PORT_MAX) : 1;
    boolean space = line.current() == ' ' || line.current() == '\t';
    if (ports < 1 || !space || !protocol.read(line)) {
      return SipReason.SDP_MEDIA;
    }
    port = (int) number;
    portFrom = from;
    portTo = to;
    count = (int) ports;
    kind = protocol.kind();
    rtp = protocol.isRtp();
    return null;
  }

  /**
   * Reads {@code a=rtcp}: a port, and perhaps an address (RFC 3605 section 2.1).
   *
   * @param line before the port
   */
  void readRtcp(SdpLine line) {
    if (++rtcpLines > 1) {
      rtcpAddress.clear();
      rtcpPort = 0;
      rtcpPortFrom = SdpView.NONE;
      rtcpPortTo = SdpView.NONE;
      return;
    }
    line.skipSpaces();
    line.beginSpan();
    rtcpPort = (int) Decimals.read(line, PORT_MAX);
    line.endSpan();
    rtcpPortFrom = line.spanFrom();
    rtcpPortTo = line.spanTo();
    int next = line.current();
    rtcpAddress.clear();
    if (!line.atEnd()) {
      rtcpAddress.read(line);
      if (next != ' ' && next != '\t') {
        rtcpPort = SdpView.NONE; // 4010x is no number
      }
    }
  }

  /**
   * Reads {@code a=mid}: by which name a group knows the section (RFC 5888 section 4).
   *
   * @param line before the name
   */
  void readMid(SdpLine line) {
    mids++;
    line.token();
    midFrom = line.spanFrom();
    midTo = line.spanTo();
  }

  /**
   * Says what follows from all lines of the section and of the session.
   *
   * @param session the {@code c=} line of the session
   * @param sessionConnections how many the session has
   */
  void finish(SdpAddress session, int sessionConnections) {
    boolean own = ownConnections > 0;
    connection = own ? ownConnection : session;
    held |= connection.isUnspecified();
    if (refusal == null && port != 0) {
      refusal = refusalOf(own ? ownConnections : sessionConnections);
    }
  }

  private @Nullable SipReason refusalOf(int connections) {
    if (kind == StreamKind.UNKNOWN) {
      return SipReason.SDP_PROTOCOL;
    }
    if (count > 1 && (kind != StreamKind.RTP || rtcpLines > 0)) {
      return SipReason.SDP_PORT_COUNT;
    }
    if (count > 1 && count > (PORT_MAX + 1 - port) / PORTS_OF_A_PAIR) {
      return SipReason.SDP_PORT_OUT_OF_RANGE;
    }
    if (connections > 1) {
      return SipReason.SDP_CONNECTION_TWICE;
    }
    @Nullable SipReason address =
        switch (connection.found()) {
          case ADDRESS -> null;
          case ABSENT -> SipReason.SDP_NO_CONNECTION;
          case NAME -> SipReason.SDP_HOST_NAME;
          case MULTICAST -> SipReason.SDP_MULTICAST;
          case UNREADABLE -> SipReason.SDP_CONNECTION;
        };
    return address == null ? refusalOfRtcp() : address;
  }

  private @Nullable SipReason refusalOfRtcp() {
    if (!rtp || rtcpLines == 0) {
      return null;
    }
    if (rtcpLines > 1) {
      return SipReason.SDP_RTCP_TWICE;
    }
    boolean address = rtcpAddress.isAddress() || rtcpAddress.found() == SdpAddress.Found.ABSENT;
    return rtcpPort < 0 || !address ? SipReason.SDP_RTCP : null;
  }

  void refuse(SipReason reason) {
    refusal = reason;
  }

  /**
   * Why nothing may be opened for it, and nothing of it changed.
   *
   * @return null if it can be opened, or is off
   */
  public @Nullable SipReason refusal() {
    return refusal;
  }

  /**
   * How its packets travel.
   *
   * @return the kind
   */
  public StreamKind kind() {
    return kind;
  }

  /**
   * Where its type begins, such as {@code audio}.
   *
   * @return index of its first byte
   */
  public int typeFrom() {
    return typeFrom;
  }

  /**
   * Where its type ends.
   *
   * @return index behind its last byte
   */
  public int typeTo() {
    return typeTo;
  }

  /**
   * The port of the {@code m=} line.
   *
   * @return 0..65535; {@link SdpView#NONE} if it cannot be read
   */
  public int port() {
    return port;
  }

  /**
   * Where the port begins.
   *
   * @return index of its first byte; {@link SdpView#NONE} if it cannot be read
   */
  public int portFrom() {
    return portFrom;
  }

  /**
   * Where the port ends.
   *
   * @return index behind its last byte; {@link SdpView#NONE} if it cannot be read
   */
  public int portTo() {
    return portTo;
  }

  /**
   * How many ports, or for RTP pairs of ports, there are from {@link #port} on.
   *
   * @return 1 or more; if there is no refusal, more than 1 only for {@link StreamKind#RTP}, and all
   *     pairs are below 65536
   */
  public int count() {
    return count;
  }

  /**
   * Its address: of its own {@code c=} line, else of the one of the session.
   *
   * @return never null; if there is no refusal, and it is not off, an address
   */
  public SdpAddress connection() {
    return connection;
  }

  /**
   * Whether {@link #connection} is of the section, not of the session.
   *
   * @return true if it has a {@code c=} line of its own
   */
  public boolean hasOwnConnection() {
    return connection == ownConnection && ownConnections > 0;
  }

  /**
   * The port on which it takes RTCP, unless that is multiplexed: of {@code a=rtcp}, else one above
   * {@link #port} (RFC 3605, RFC 3550 section 11).
   *
   * @return 1..65535; 0 for none: no RTP, only multiplexed (RFC 8858), off, or said to be nowhere
   */
  public int rtcpPort() {
    if (!rtp || muxOnly || port <= 0) {
      return 0;
    }
    if (rtcpLines > 0) {
      return rtcpAddress.isUnspecified() ? 0 : Math.max(0, rtcpPort);
    }
    return port == PORT_MAX ? 0 : port + 1;
  }

  /**
   * Where the port of {@code a=rtcp} begins.
   *
   * @return index of its first byte; {@link SdpView#NONE} if there is none
   */
  public int rtcpPortFrom() {
    return rtcpPortFrom;
  }

  /**
   * Where the port of {@code a=rtcp} ends.
   *
   * @return index behind its last byte; {@link SdpView#NONE} if there is none
   */
  public int rtcpPortTo() {
    return rtcpPortTo;
  }

  /**
   * The address of {@code a=rtcp}.
   *
   * @return never null; {@link SdpAddress.Found#ABSENT} if that is the one of {@link #connection}
   */
  public SdpAddress rtcpAddress() {
    return rtcpAddress;
  }

  /**
   * Whether RTP and RTCP can share a port (RFC 5761).
   *
   * @return true if it has {@code a=rtcp-mux} or {@code a=rtcp-mux-only}
   */
  public boolean muxOffered() {
    return muxOffered;
  }

  /**
   * Whether it takes no packets for now: {@code sendonly}, {@code inactive}, or an address of
   * 0.0.0.0 or {@code ::}.
   *
   * @return true while it is on hold
   */
  public boolean isHeld() {
    return held;
  }

  /**
   * Whether it only opens connections itself: {@code a=setup:active} over TCP (RFC 4145). Its port
   * is then a placeholder.
   *
   * @return false for UDP, whatever is said there of DTLS
   */
  public boolean connects() {
    return connects && kind == StreamKind.TCP;
  }

  /**
   * The section whose port it shares, or wants to share, in a BUNDLE group (RFC 9143).
   *
   * @return index of another section of the same description; {@link SdpView#NONE} if it is in no
   *     group, or the first of it that has a port
   */
  public int bundledInto() {
    return bundledInto;
  }

  /**
   * Whether it is refused or has ended: port 0, and not for a BUNDLE group.
   *
   * @return true if so
   */
  public boolean isOff() {
    return port == 0 && bundledInto == SdpView.NONE;
  }
}
