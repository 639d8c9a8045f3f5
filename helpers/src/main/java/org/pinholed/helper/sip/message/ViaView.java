package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.Decimals;
import org.pinholed.helper.text.LineView;

/**
 * The topmost value of Via (RFC 3261 section 20.42, RFC 3581): the first one of the first line. The
 * span is this value. A flyweight like {@link Span}.
 */
public final class ViaView extends Span {
  private static final int PORT_MAX = 65535;
  private static final int DELETE = 127;
  private static final byte[] PROTOCOL = word("sip");
  private static final byte[] VERSION = word("2.0");
  private static final byte[] RECEIVED = word("received");
  private static final byte[] RPORT = word("rport");
  private static final byte[] MADDR = word("maddr");
  private static final byte[] BRANCH = word("branch");

  private final Span transport = new Span();
  private final HostView host = new HostView();
  private final Span portDigits = new Span();
  private final HostView received = new HostView();
  private final Span rport = new Span();
  private final HostView maddr = new HostView();
  private final Span branch = new Span();
  private int rportNumber;

  ViaView() {}

  private static byte[] word(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Reads the first value of a line.
   *
   * @param bytes what the line is over
   * @param line at the first character behind the colon; behind the value afterwards
   * @return false if it is none; then nothing of this view is defined
   */
  boolean read(ByteCursor bytes, LineView line) {
    received.setAbsent();
    rport.setAbsent();
    rportNumber = UriView.NO_PORT;
    maddr.setAbsent();
    branch.setAbsent();
    line.skipSpaces();
    if (!readWord(line, '/') || !line.spanIsWord(PROTOCOL)) {
      return false;
    }
    int from = line.spanFrom();
    if (!readWord(line, '/') || !line.spanIsWord(VERSION) || !readWord(line, ' ')) {
      return false;
    }
    transport.set(bytes, line.spanFrom(), line.spanTo());
    if (!host.read(bytes, line, true, portDigits)) {
      return false;
    }
    int to = portDigits.isAbsent() ? host.to() : portDigits.to();
    line.skipSpaces();
    while (line.accept(';')) {
      if (!readParameter(bytes, line)) {
        return false;
      }
      to = line.spanTo();
      line.skipSpaces();
    }
    set(bytes, from, to);
    return line.current() == ',' || line.current() == LineView.END;
  }

  // Reads a word and what stands behind it, a slash or at least one space, with all spaces.
  private static boolean readWord(LineView line, int behind) {
    line.beginSpan();
    while (isOfValue(line.current()) && line.current() != '/' && line.current() != '=') {
      line.advance();
    }
    line.endSpan();
    if (line.spanLengthBytes() == 0) {
      return false;
    }
    boolean spaced = line.current() == ' ' || line.current() == '\t';
    line.skipSpaces();
    if (behind == ' ') {
      return spaced;
    }
    if (!line.accept(behind)) {
      return false;
    }
    line.skipSpaces();
    return true;
  }

  // Reads one parameter; its last byte is the last one of the line's span afterwards.
  private boolean readParameter(ByteCursor bytes, LineView line) {
    line.skipSpaces();
    line.beginSpan();
    while (isOfValue(line.current()) && line.current() != '=') {
      line.advance();
    }
    line.endSpan();
    @Nullable Span known = known(line);
    if (known != null && !known.isAbsent()) {
      return false;
    }
    int nameTo = line.spanTo();
    line.skipSpaces();
    if (!line.accept('=')) {
      if (known == rport) {
        rport.set(bytes, nameTo, nameTo);
        return true;
      }
      return known == null;
    }
    line.skipSpaces();
    if (known == received || known == maddr) {
      HostView value = known == received ? received : maddr;
      boolean isHost = value.readValue(bytes, line);
      return isHost && isEndOfValue(line.current());
    }
    line.beginSpan();
    if (line.current() == '"') {
      if (!line.skipQuoted()) {
        return false;
      }
    } else if (known == rport) {
      rportNumber = (int) Decimals.read(line, PORT_MAX);
    } else {
      while (isOfValue(line.current())) {
        line.advance();
      }
    }
    line.endSpan();
    if (known == rport && rportNumber < 0) {
      return false;
    }
    if (known != null) {
      if (line.spanLengthBytes() == 0) {
        return false;
      }
      known.set(bytes, line.spanFrom(), line.spanTo());
    }
    return isEndOfValue(line.current());
  }

  private @Nullable Span known(LineView line) {
    if (line.spanIsWord(RECEIVED)) {
      return received;
    }
    if (line.spanIsWord(RPORT)) {
      return rport;
    }
    if (line.spanIsWord(MADDR)) {
      return maddr;
    }
    return line.spanIsWord(BRANCH) ? branch : null;
  }

  private static boolean isEndOfValue(int character) {
    return character == LineView.END
        || character == ';'
        || character == ','
        || character == ' '
        || character == '\t';
  }

  private static boolean isOfValue(int character) {
    return character > ' '
        && character != DELETE
        && character != ';'
        && character != ','
        && character != '"'
        && character != '<'
        && character != '>';
  }

  /**
   * The transport.
   *
   * @return for example {@code UDP}, in capital letters or not
   */
  public Span transport() {
    return transport;
  }

  /**
   * The host where answers go to, as the sender knows it.
   *
   * @return never absent
   */
  public HostView host() {
    return host;
  }

  /**
   * The port of the host.
   *
   * @return 0..65535, or {@link UriView#NO_PORT}
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
   * The value of {@code received}: from where the request came, as its receiver saw it.
   *
   * @return an IPv6 address with or without brackets; absent if there is none
   */
  public HostView received() {
    return received;
  }

  /**
   * The value of {@code rport} (RFC 3581): from which port the request came.
   *
   * @return absent if there is no such parameter; empty, right behind its name, if it has no value
   */
  public Span rport() {
    return rport;
  }

  /**
   * The value of {@code rport} as a number.
   *
   * @return 0..65535, or {@link UriView#NO_PORT} if it has no value, or is absent
   */
  public int rportNumber() {
    return rportNumber;
  }

  /**
   * The value of {@code maddr}: where answers go to instead.
   *
   * @return absent if there is none
   */
  public HostView maddr() {
    return maddr;
  }

  /**
   * The value of {@code branch}: the name of the transaction.
   *
   * @return absent if there is none (RFC 2543)
   */
  public Span branch() {
    return branch;
  }
}
