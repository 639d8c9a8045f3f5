package org.pinholed.helper.sip.sdp;

import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.sip.words.SipReason;

/**
 * A session description as SIP carries it in offers and answers (RFC 8866, RFC 3264): its addresses
 * and ports, and where they stand.
 *
 * <p>Lines end with LF, with or without a CR before it, or with the text; their order within the
 * session and within a section does not matter. Lines that are not known here say nothing. What two
 * readers may take for two different things is refused: for the stream that it is about, or for all
 * of them.
 *
 * <p>Each byte is looked at a few times at most, and nothing is allocated but for the first
 * description with so many streams. A flyweight: not thread-safe, one per flow, re-used by {@link
 * #read}, and of use only as long as the bytes under it. Its places are indices of the cursor's
 * buffer.
 */
public final class SdpView {
  /** There is no such place or number. */
  public static final int NONE = -1;

  private static final ByteCursor NOTHING = new ByteCursor();

  private static final int PORTS_MAX = 65536;
  private static final int ORIGIN_TOKENS = 6;
  private static final byte[] RTCP = ascii("rtcp");
  private static final byte[] RTCP_MUX = ascii("rtcp-mux");
  private static final byte[] RTCP_MUX_ONLY = ascii("rtcp-mux-only");
  private static final byte[] SENDRECV = ascii("sendrecv");
  private static final byte[] RECVONLY = ascii("recvonly");
  private static final byte[] SENDONLY = ascii("sendonly");
  private static final byte[] INACTIVE = ascii("inactive");
  private static final byte[] SETUP = ascii("setup");
  private static final byte[] ACTIVE = ascii("active");
  private static final byte[] MID = ascii("mid");
  private static final byte[] GROUP = ascii("group");

  /** Made when they are needed first: most flows never see more than two. */
  private final @Nullable SdpMedia[] sections;

  private final SdpLine line = new SdpLine();
  private final SdpProtocol protocol = new SdpProtocol();
  private final SdpAddress origin = new SdpAddress();
  private final SdpAddress connection = new SdpAddress();
  private final BundleGroups groups;
  private final CandidateView candidates = new CandidateView();
  private ByteCursor bytes = NOTHING;

  /** How many {@code m=} lines were seen, also those above the limit. */
  private int mediaLines;

  private int streams;
  private int origins;
  private int connections;
  private boolean held;
  private boolean connects;

  /** The section whose lines are read; null before the first one, and above the limit. */
  private @Nullable SdpMedia current;

  /**
   * Makes a view of nothing; see {@link #read}.
   *
   * @param maxStreams how many streams, or pairs of ports, are opened for one description, 1..64
   */
  public SdpView(int maxStreams) {
    Ranges.require("maxStreams", maxStreams, 1, 64);
    sections = new @Nullable SdpMedia[maxStreams];
    groups = new BundleGroups(maxStreams);
  }

  /**
   * Reads a description.
   *
   * @param source where it is; its own position and limit are not used
   * @param from index of its first byte
   * @param to index behind its last one
   * @return null if it was read, which does not say that any stream can be opened; else why nothing
   *     of it may be opened or changed, and {@link #streams} is 0
   */
  public @Nullable SipReason read(ByteCursor source, int from, int to) {
    bytes = source;
    mediaLines = 0;
    streams = 0;
    origins = 0;
    connections = 0;
    held = false;
    connects = false;
    origin.clear();
    connection.clear();
    groups.clear();
    current = null;
    int at = from;
    while (at < to) {
      int lineFeed = endOfLine(at, to);
      if (lineFeed < 0) {
        streams = 0;
        mediaLines = 0;
        origin.clear();
        connection.clear();
        return SipReason.SDP_CONTROL_CHARACTER;
      }
      int end = lineFeed > at && bytes.u8At(lineFeed - 1) == '\r' ? lineFeed - 1 : lineFeed;
      int behind = Math.min(to, lineFeed + 1);
      if (end - at > 1 && bytes.u8At(at + 1) == '=') {
        readLine(at, end, behind);
      }
      at = behind;
    }
    finish(to);
    return null;
  }

  // Index of the next line feed, or the end; NONE if a NUL or a CR stands before it that some
  // readers take for an end.
  private int endOfLine(int from, int to) {
    int previous = 0;
    int at = from;
    while (at < to) {
      int octet = bytes.u8At(at);
      if (octet == '\n') {
        return at;
      }
      if (octet == 0 || previous == '\r') {
        return NONE;
      }
      previous = octet;
      at++;
    }
    return at;
  }

  private void readLine(int start, int end, int behind) {
    line.over(bytes, start + 2, end);
    switch (bytes.u8At(start)) {
      case 'o' -> readOrigin();
      case 'c' -> readConnection();
      case 'm' -> beginMedia(start, behind);
      case 'a' -> readAttribute();
      default -> {} // says nothing about addresses or ports
    }
  }

  // RFC 8866 section 5.2. Some phones write a user name with spaces, so its end counts.
  private void readOrigin() {
    int third = NONE;
    int second = NONE;
    int first = NONE;
    int tokens = 0;
    while (line.token()) {
      third = second;
      second = first;
      first = line.spanFrom();
      tokens++;
    }
    origin.clear();
    if (++origins == 1 && tokens >= ORIGIN_TOKENS) {
      line.goTo(third);
      origin.read(line);
    }
  }

  private void readConnection() {
    if (mediaLines == 0) {
      connections++;
      connection.readOnly(line, connections);
    } else if (current != null) {
      current.ownConnections++;
      current.ownConnection.readOnly(line, current.ownConnections);
    }
  }

  private void beginMedia(int start, int behind) {
    endLines(start);
    mediaLines++;
    if (mediaLines > sections.length) {
      current = null;
      return;
    }
    SdpMedia section = sections[streams];
    if (section == null) {
      section = new SdpMedia();
      sections[streams] = section;
    }
    streams++;
    section.begin(line, protocol);
    section.linesFrom = behind;
    section.held = held;
    section.connects = connects;
    current = section;
  }

  private void endLines(int at) {
    if (current != null) {
      current.linesTo = at;
    }
  }

  private void readAttribute() {
    line.beginSpan();
    int next = line.current();
    while (next != ':' && next != ' ' && next != '\t' && next != SdpLine.END) {
      line.advance();
      next = line.current();
    }
    line.endSpan();
    if (line.spanIs(SENDRECV) || line.spanIs(RECVONLY)) {
      hold(false);
    } else if (line.spanIs(SENDONLY) || line.spanIs(INACTIVE)) {
      hold(true);
    } else if (line.spanIs(SETUP) && line.accept(':')) {
      setUp(line.acceptToken(ACTIVE));
    } else if (mediaLines == 0) {
      if (line.spanIs(GROUP) && line.accept(':')) {
        groups.add(line);
      }
    } else if (current != null) {
      readAttributeOf(current);
    }
  }

  // Those that have no meaning for the session as a whole (RFC 8859 section 5).
  private void readAttributeOf(SdpMedia section) {
    if (line.spanIs(RTCP_MUX)) {
      section.muxOffered = true;
    } else if (line.spanIs(RTCP_MUX_ONLY)) {
      section.muxOffered = true;
      section.muxOnly = true;
    } else if (line.spanIs(RTCP) && line.accept(':')) {
      section.readRtcp(line);
    } else if (line.spanIs(MID) && line.accept(':')) {
      section.readMid(line);
    }
  }

  private void hold(boolean on) {
    if (mediaLines == 0) {
      held = on;
    } else if (current != null) {
      current.held = on;
    }
  }

  private void setUp(boolean active) {
    if (mediaLines == 0) {
      connects = active;
    } else if (current != null) {
      current.connects = active;
    }
  }

  private void finish(int to) {
    endLines(to);
    int ports = 0;
    for (int at = 0; at < streams; at++) {
      SdpMedia section = media(at);
      section.finish(connection, connections);
      if (section.port() > 0 && section.refusal() == null) {
        ports = Math.min(ports, PORTS_MAX) + section.count();
        if (ports > sections.length) {
          section.refuse(SipReason.SDP_TOO_MANY_STREAMS);
        }
      }
    }
    groups.resolve(bytes, line, this);
  }

  /**
   * How many streams there are, also those that are off or refused.
   *
   * @return 0..maxStreams; the stream of the same index answers it, or is answered by it
   */
  public int streams() {
    return streams;
  }

  /**
   * Whether there are more {@code m=} lines than {@link #streams} may be. They are not opened, and
   * not one byte of them is to be changed.
   *
   * @return true if so
   */
  public boolean isBeyondLimit() {
    return mediaLines > sections.length;
  }

  /**
   * A stream.
   *
   * @param index 0..{@link #streams}-1, in the order of the {@code m=} lines
   * @return a flyweight of this view
   * @throws IndexOutOfBoundsException if there is none
   */
  public SdpMedia media(int index) {
    return Objects.requireNonNull(sections[Objects.checkIndex(index, streams)]);
  }

  /**
   * The address of {@code o=}. It leads nowhere, but many compare it with the one of {@code c=}.
   *
   * @return never null; without an address if there is no such line, or two of them
   */
  public SdpAddress origin() {
    return origin;
  }

  /**
   * The address of the {@code c=} line of the session.
   *
   * @return never null; without an address if there is no such line, or two of them, and then every
   *     stream that has none of its own is refused
   */
  public SdpAddress connection() {
    return connection;
  }

  /**
   * The host candidates of a stream that name the same address and port as its {@code c=} and
   * {@code m=} lines, or as its RTCP.
   *
   * @param index 0..{@link #streams}-1
   * @return a flyweight of this view, before the first one, and of use until this is called again
   * @throws IndexOutOfBoundsException if there is no such stream
   */
  public CandidateView candidates(int index) {
    return candidates.over(bytes, media(index));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
