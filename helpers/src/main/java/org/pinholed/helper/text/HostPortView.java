package org.pinholed.helper.text;

import java.net.InetAddress;

/**
 * A host with or without a port, as URIs and header fields name it: {@code 192.0.2.1:5060}, {@code
 * [2001:db8::1]}, {@code pbx.example.com:5062} (RFC 3261 section 25.1, hostport; RFC 3986 section
 * 3.2.2). Names are never looked up.
 *
 * <p>Refused is what one reader takes for one address and another one for another: octets with
 * zeros before them, fewer or more of them than four, zone ids, ports that wrap around.
 *
 * <p>A flyweight: not thread-safe, one per flow, re-used by {@link #read}.
 */
public final class HostPortView {
  /** What {@link #port()} says if none is named. */
  public static final int NO_PORT = -1;

  private static final int OCTET_MAX = 255;
  private static final int PORT_MAX = 65535;

  private final byte[] address = new byte[AddressParser.IPV6_BYTES];
  private int addressLength;
  private int hostOffset;
  private int hostLengthBytes;
  private int port = NO_PORT;
  private int portOffset;
  private int portLengthBytes;

  /** What was read. */
  public enum Found {
    /** A host that is an address, and its port if one is named. */
    ADDRESS,
    /** A host that is a name, and its port if one is named. */
    NAME,
    /** No host begins here. */
    NONE,
    /** Something like an address that is none, or a name that ends with a number. */
    BAD_HOST,
    /** A colon without a number, or a port above 65535. */
    BAD_PORT
  }

  /** Makes a view of nothing; see {@link #read}. */
  public HostPortView() {}

  /**
   * Reads a host and its port.
   *
   * @param line at the first character of the host; behind the last one of host or port afterwards,
   *     or where it went wrong; its span is not kept
   * @param spaced whether spaces may stand on both sides of the colon, as in the Via of SIP; then
   *     the view is behind the spaces afterwards
   * @return what it is; anything but ADDRESS and NAME leaves this view undefined
   */
  public Found read(LineView line, boolean spaced) {
    begin(line);
    Found found = line.current() == '[' ? bracketed(line) : unbracketed(line);
    endHost(line);
    if (found != Found.ADDRESS && found != Found.NAME) {
      return found;
    }
    if (spaced) {
      line.skipSpaces();
    }
    if (!line.accept(':')) {
      return found;
    }
    if (spaced) {
      line.skipSpaces();
    }
    line.beginSpan();
    port = (int) Decimals.read(line, PORT_MAX);
    line.endSpan();
    portOffset = line.spanOffset();
    portLengthBytes = line.spanLengthBytes();
    if (spaced) {
      line.skipSpaces();
    }
    return port < 0 ? Found.BAD_PORT : found;
  }

  /**
   * Reads a host that stands alone, with no port behind it, as values of parameters do. There an
   * IPv6 address may also stand without brackets (RFC 5118 section 4.5).
   *
   * @param line at the first character of the host; behind the last one afterwards, or where it
   *     went wrong; its span is the host
   * @return what it is; anything but ADDRESS and NAME leaves this view undefined
   */
  public Found readHost(LineView line) {
    begin(line);
    Found found;
    if (line.current() == '[') {
      found = bracketed(line);
    } else if (isBareIpv6(line)) {
      addressLength = Math.max(0, AddressParser.parseIpv6(line, address));
      found = addressLength > 0 ? Found.ADDRESS : Found.BAD_HOST;
    } else {
      found = unbracketed(line);
    }
    endHost(line);
    return found;
  }

  private void begin(LineView line) {
    addressLength = 0;
    port = NO_PORT;
    portOffset = 0;
    portLengthBytes = 0;
    line.beginSpan();
  }

  private void endHost(LineView line) {
    line.endSpan();
    hostOffset = line.spanOffset();
    hostLengthBytes = line.spanLengthBytes();
  }

  private Found bracketed(LineView line) {
    line.advance();
    addressLength = Math.max(0, AddressParser.parseIpv6(line, address));
    return addressLength > 0 && line.accept(']') ? Found.ADDRESS : Found.BAD_HOST;
  }

  // A colon behind hexadecimal digits or none: the view goes forward only, so we look ahead.
  private static boolean isBareIpv6(LineView line) {
    int ahead = 0;
    while (AddressParser.isHex(line.ahead(ahead))) {
      ahead++;
    }
    return line.ahead(ahead) == ':';
  }

  // An IPv4 address is told from a name while it is read, because the view goes forward only. The
  // last label of a name begins with no digit, so 192.0.2.0x1 is none, which some take for a
  // number.
  private Found unbracketed(LineView line) {
    boolean octets = true; // whether all labels are numbers 0..255 so far
    boolean beginsWithDigit = true; // the last label that is not empty
    int labels = 0;
    int length = 0;
    int octet = 0;
    while (isOfHost(line.current())) {
      if (line.current() == '.') {
        octets &= length > 0 && labels < AddressParser.IPV4_BYTES - 1;
        if (octets) {
          address[labels] = (byte) octet;
        }
        labels++;
        length = 0;
        octet = 0;
      } else {
        if (length == 0) {
          beginsWithDigit = line.atDigit();
        }
        octets &= line.atDigit() && (length == 0 || octet > 0); // 010 is 10 for some, 8 for others
        octet = octets ? octet * 10 + line.current() - '0' : 0;
        octets &= octet <= OCTET_MAX;
        length++;
      }
      line.advance();
    }
    if (length == 0 && labels == 0) {
      return Found.NONE;
    }
    if (!beginsWithDigit) {
      return Found.NAME;
    }
    if (!octets || length == 0 || labels != AddressParser.IPV4_BYTES - 1) {
      return Found.BAD_HOST;
    }
    address[labels] = (byte) octet;
    addressLength = AddressParser.IPV4_BYTES;
    return Found.ADDRESS;
  }

  // Underlines are in no host name of the RFCs, and in those of many networks.
  private static boolean isOfHost(int character) {
    return (character >= '0' && character <= '9')
        || (character >= 'a' && character <= 'z')
        || (character >= 'A' && character <= 'Z')
        || character == '.'
        || character == '-'
        || character == '_';
  }

  /**
   * The host as an address. An IPv4 address in the disguise of an IPv6 one is given as IPv4.
   *
   * @return a new object
   * @throws IllegalStateException if the host is no address
   */
  public InetAddress address() {
    if (addressLength == 0) {
      throw new IllegalStateException("host: a name (expected: an address)");
    }
    return AddressParser.toAddress(address, addressLength);
  }

  /**
   * Whether the host is this address. Allocates nothing.
   *
   * @param other the bytes of an address, 4 or 16
   * @return false for another address, and for a name
   */
  public boolean isAddress(byte[] other) {
    if (other.length != addressLength) {
      return false;
    }
    for (int at = 0; at < addressLength; at++) {
      if (address[at] != other[at]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Where the host begins.
   *
   * @return bytes from the start of the line
   */
  public int hostOffset() {
    return hostOffset;
  }

  /**
   * How long the host is, its brackets included.
   *
   * @return length in bytes
   */
  public int hostLengthBytes() {
    return hostLengthBytes;
  }

  /**
   * The port.
   *
   * @return 0..65535, or {@link #NO_PORT}
   */
  public int port() {
    return port;
  }

  /**
   * Where the port begins.
   *
   * @return bytes from the start of the line; 0 if there is none
   */
  public int portOffset() {
    return portOffset;
  }

  /**
   * How long the port is.
   *
   * @return length in bytes, without the colon; 0 if there is none
   */
  public int portLengthBytes() {
    return portLengthBytes;
  }
}
