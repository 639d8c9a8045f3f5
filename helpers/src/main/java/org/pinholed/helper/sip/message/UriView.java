package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.LineView;

/**
 * A URI (RFC 3261 section 19.1, addr-spec): the span is all of it, from the scheme to the last
 * parameter or header. Of other schemes than sip and sips nothing is read but that.
 *
 * <p>Refused is what one reader takes for one host and another one for another: a second {@code @},
 * white space, and all that {@link org.pinholed.helper.text.HostPortView} refuses. A flyweight like
 * {@link Span}.
 */
public final class UriView extends Span {
  /** What {@link #port()} says if none is named. */
  public static final int NO_PORT = -1;

  private static final int DELETE = 127;
  private static final int SIP = ascii("sip");
  private static final int SIPS = ascii("sips");
  private static final byte[] TRANSPORT = "transport".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] MADDR = "maddr".getBytes(StandardCharsets.US_ASCII);

  private final LineView line = new LineView();
  private final Span user = new Span();
  private final HostView host = new HostView();
  private final Span portDigits = new Span();
  private final Span transport = new Span();
  private final Span maddr = new Span();
  private Scheme scheme = Scheme.OTHER;

  /** The schemes that are told apart. */
  public enum Scheme {
    /** Over whatever. */
    SIP,
    /** Over TLS. */
    SIPS,
    /** A telephone number, a mail address, and so on: names no host that is reached by SIP. */
    OTHER
  }

  UriView() {}

  // The letters of a word of at most four, in lower case.
  private static int ascii(String word) {
    int packed = 0;
    for (int at = 0; at < word.length(); at++) {
      packed = packed << 8 | word.charAt(at);
    }
    return packed;
  }

  /**
   * Reads a URI.
   *
   * @param bytes where it is
   * @param uriFrom index of its first byte
   * @param uriTo index behind its last byte
   * @return false if it is none; then nothing of this view is defined
   */
  boolean read(ByteCursor bytes, int uriFrom, int uriTo) {
    clear();
    set(bytes, uriFrom, uriTo);
    int at = uriFrom;
    int letters = 0;
    while (at < uriTo && isOfScheme(bytes.u8At(at), at == uriFrom)) {
      letters = letters << 8 | bytes.u8At(at) | 0x20;
      at++;
    }
    if (at == uriFrom || at == uriTo || bytes.u8At(at) != ':') {
      return false;
    }
    int length = at - uriFrom;
    at++;
    if (length == 3 && letters == SIP) {
      scheme = Scheme.SIP;
    } else if (length == 4 && letters == SIPS) {
      scheme = Scheme.SIPS;
    }
    int atSign = -1;
    for (int next = at; next < uriTo; next++) {
      int octet = bytes.u8At(next);
      if (octet <= ' ' || octet == DELETE || octet == '"' || octet == '<' || octet == '>') {
        return false;
      }
      if (octet == '@' && scheme != Scheme.OTHER) {
        if (atSign >= 0 || next == at) {
          return false; // for some the host begins behind the first one, for others the last one
        }
        atSign = next;
      }
    }
    if (scheme == Scheme.OTHER) {
      return at < uriTo;
    }
    if (atSign >= 0) {
      user.set(bytes, at, atSign);
      at = atSign + 1;
    }
    line.wrap(bytes, at, uriTo);
    return host.read(bytes, line, false, portDigits) && readParameters(bytes);
  }

  /** Makes all of it absent, so that nothing of the URI before is left. */
  void clear() {
    setAbsent();
    scheme = Scheme.OTHER;
    user.setAbsent();
    host.setAbsent();
    portDigits.setAbsent();
    transport.setAbsent();
    maddr.setAbsent();
  }

  /** Takes what is no URI that can be read for one of another scheme, of which nothing is known. */
  boolean readUnknown(ByteCursor bytes, int uriFrom, int uriTo) {
    clear();
    set(bytes, uriFrom, uriTo);
    for (int at = uriFrom; at < uriTo; at++) {
      int octet = bytes.u8At(at);
      if (octet < ' ' || octet == '<' || octet == '>') {
        return false;
      }
    }
    return true;
  }

  // uri-parameters, and headers that nobody reads.
  private boolean readParameters(ByteCursor bytes) {
    while (line.accept(';')) {
      line.beginSpan();
      while (!isDelimiter(line.current()) && line.current() != '=') {
        line.advance();
      }
      line.endSpan();
      Span known = line.spanIsWord(TRANSPORT) ? transport : line.spanIsWord(MADDR) ? maddr : null;
      line.accept('=');
      line.beginSpan();
      while (!isDelimiter(line.current())) {
        line.advance();
      }
      line.endSpan();
      if (known != null && known.isAbsent()) {
        known.set(bytes, line.spanFrom(), line.spanTo());
      } else if (known != null && !repeats(known)) {
        return false; // one reader takes the first, another one the last
      }
    }
    return line.current() == LineView.END || line.current() == '?';
  }

  // Phones do write the same parameter twice, if it stands in what was dialed and in the account.
  private boolean repeats(Span known) {
    return line.spanLengthBytes() == known.lengthBytes()
        && line.spanIsWord(
            known.text().toLowerCase(Locale.ROOT).getBytes(StandardCharsets.ISO_8859_1));
  }

  private static boolean isDelimiter(int character) {
    return character == LineView.END || character == ';' || character == '?';
  }

  /** Whether a character may stand in the name of a scheme (RFC 3261 section 25.1, scheme). */
  static boolean isOfScheme(int octet, boolean first) {
    return (octet >= 'a' && octet <= 'z')
        || (octet >= 'A' && octet <= 'Z')
        || (!first
            && ((octet >= '0' && octet <= '9') || octet == '+' || octet == '-' || octet == '.'));
  }

  /**
   * The scheme.
   *
   * @return one of three
   */
  public Scheme scheme() {
    return scheme;
  }

  /**
   * The user, with the password if there is one.
   *
   * @return without the {@code @}; absent if there is none
   */
  public Span user() {
    return user;
  }

  /**
   * The host.
   *
   * @return absent only for other schemes than sip and sips
   */
  public HostView host() {
    return host;
  }

  /**
   * The port.
   *
   * @return 0..65535, or {@link #NO_PORT}
   */
  public int port() {
    return host.port();
  }

  /**
   * The digits of the port.
   *
   * @return without the colon; absent if none is named
   */
  public Span portDigits() {
    return portDigits;
  }

  /**
   * The value of the parameter {@code transport}.
   *
   * @return for example {@code tcp}, in capital letters or not; absent if there is none
   */
  public Span transport() {
    return transport;
  }

  /**
   * The value of the parameter {@code maddr}: where requests to the URI go instead of its host.
   *
   * @return absent if there is none
   */
  public Span maddr() {
    return maddr;
  }
}
