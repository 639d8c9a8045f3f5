package org.pinholed.helper.sip.sdp;

import java.net.InetAddress;
import java.util.Arrays;
import org.pinholed.helper.text.AddressParser;
import org.pinholed.helper.text.Decimals;

/**
 * An address as {@code o=}, {@code c=} and {@code a=rtcp} name it: {@code IN IP4 192.0.2.1}, {@code
 * IN IP6 2001:db8::1}, a multicast one with what stands behind its slash (RFC 8866 section 5.7).
 * Names are never looked up.
 *
 * <p>Refused is what one reader takes for one address and another one for another, as in {@link
 * org.pinholed.helper.text.HostPortView}; and an address that is not of the type that stands before
 * it.
 *
 * <p>A flyweight of {@link SdpView}: of use until its next {@link SdpView#read}.
 */
public final class SdpAddress {
  private static final byte[] IN = {'i', 'n'};
  private static final byte[] IP4 = {'i', 'p', '4'};
  private static final byte[] IP6 = {'i', 'p', '6'};
  private static final int NUMBER_MAX = 65535;

  private final byte[] address = new byte[AddressParser.IPV6_BYTES];
  private Found found = Found.ABSENT;
  private int lengthBytes;
  private int from = SdpView.NONE;
  private int to = SdpView.NONE;

  /** What stands where an address is looked for. */
  public enum Found {
    /** Nothing. */
    ABSENT,
    /** An address of one host, or 0.0.0.0 or {@code ::}. */
    ADDRESS,
    /** An address of a group of receivers. */
    MULTICAST,
    /** The name of a host. */
    NAME,
    /** None of them, or what readers may differ about. */
    UNREADABLE
  }

  SdpAddress() {}

  void clear() {
    found = Found.ABSENT;
    lengthBytes = 0;
    from = SdpView.NONE;
    to = SdpView.NONE;
  }

  /**
   * Reads an address where one is allowed: of two readers may take either, so neither is changed.
   *
   * @param line before the network type
   * @param count the how many of them it is, 1 for the first one
   */
  void readOnly(SdpLine line, int count) {
    if (count == 1) {
      read(line);
    } else {
      clear();
    }
  }

  /**
   * Reads the network type, the address type and the address, which must be the rest of the line.
   *
   * @param line before the network type
   */
  void read(SdpLine line) {
    clear();
    found = Found.UNREADABLE;
    if (!line.acceptToken(IN) || !line.token()) {
      return;
    }
    boolean six = line.spanIsWord(IP6);
    if (!six && !line.spanIsWord(IP4)) {
      return;
    }
    line.skipSpaces();
    from = line.index();
    boolean address = six ? six(line) : four(line);
    if (!address) {
      line.goTo(from);
      boolean name = line.name();
      to = line.index();
      found = name && line.atEnd() ? Found.NAME : Found.UNREADABLE;
      lengthBytes = 0;
      return;
    }
    to = line.index();
    // A time to live and a number of addresses. Behind the address of one host, where they mean
    // nothing, some old phones write the former.
    boolean group = isOfGroup();
    boolean numbers = true;
    for (int most = group ? 2 : 1; most > 0 && line.accept('/'); most--) {
      numbers &= Decimals.read(line, NUMBER_MAX) >= 0;
    }
    if (numbers && line.atEnd()) {
      found = group ? Found.MULTICAST : Found.ADDRESS;
    }
  }

  private boolean four(SdpLine line) {
    lengthBytes = Math.max(0, AddressParser.parseIpv4(line, address));
    return lengthBytes > 0 && endsHere(line);
  }

  // An IPv4 address in the disguise of an IPv6 one is of the other type for some readers.
  private boolean six(SdpLine line) {
    lengthBytes = Math.max(0, AddressParser.parseIpv6(line, address));
    return lengthBytes == AddressParser.IPV6_BYTES && endsHere(line);
  }

  private static boolean endsHere(SdpLine line) {
    int next = line.current();
    return next == SdpLine.END || next == ' ' || next == '\t' || next == '/';
  }

  private boolean isOfGroup() {
    int first = Byte.toUnsignedInt(address[0]);
    return lengthBytes == AddressParser.IPV4_BYTES ? first >= 224 && first < 240 : first == 255;
  }

  /**
   * Reads an address without its type, as a candidate has it; one in disguise counts as what it is.
   *
   * @param line at its first character; behind it afterwards
   */
  void readBare(SdpLine line) {
    clear();
    found = Found.UNREADABLE;
    line.skipSpaces();
    from = line.index();
    if (!four(line)) {
      line.goTo(from);
      if (!six(line)) {
        lengthBytes = 0;
        return;
      }
    }
    to = line.index();
    found = isOfGroup() ? Found.MULTICAST : Found.ADDRESS;
  }

  /**
   * What stands here.
   *
   * @return what was found
   */
  public Found found() {
    return found;
  }

  /**
   * Where the address or name begins.
   *
   * @return index of its first byte; {@link SdpView#NONE} if nothing was found
   */
  public int from() {
    return from;
  }

  /**
   * Where the address or name ends.
   *
   * @return index behind its last byte; {@link SdpView#NONE} if nothing was found
   */
  public int to() {
    return to;
  }

  /**
   * Whether it is this address. Allocates nothing.
   *
   * @param other the bytes of an address, 4 or 16
   * @return false for another address, and if none was found
   */
  public boolean is(byte[] other) {
    return isAddress() && Arrays.equals(address, 0, lengthBytes, other, 0, other.length);
  }

  /**
   * Whether it is the same address as another one.
   *
   * @param other to compare with
   * @return false if either is none
   */
  boolean same(SdpAddress other) {
    return isAddress()
        && other.isAddress()
        && Arrays.equals(address, 0, lengthBytes, other.address, 0, other.lengthBytes);
  }

  /**
   * Whether an address was found that one host can have, 0.0.0.0 and {@code ::} included.
   *
   * @return true for {@link Found#ADDRESS}
   */
  public boolean isAddress() {
    return found == Found.ADDRESS;
  }

  /**
   * Whether it is 0.0.0.0 or {@code ::}: receives nothing for now (RFC 3264 section 8.4).
   *
   * @return false for any other address, and if none was found
   */
  public boolean isUnspecified() {
    if (!isAddress()) {
      return false;
    }
    for (int at = 0; at < lengthBytes; at++) {
      if (address[at] != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * The address.
   *
   * @return a new object
   * @throws IllegalStateException if it is none
   */
  public InetAddress address() {
    if (!isAddress()) {
      throw new IllegalStateException("address: " + found + " (expected: ADDRESS)");
    }
    return AddressParser.toAddress(address, lengthBytes);
  }
}
