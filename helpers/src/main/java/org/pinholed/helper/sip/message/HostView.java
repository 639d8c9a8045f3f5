package org.pinholed.helper.sip.message;

import java.net.InetAddress;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.HostPortView;
import org.pinholed.helper.text.LineView;

/**
 * A host of a URI or a Via, with its brackets if it has some, and the port behind it. A flyweight
 * like {@link Span}.
 */
public final class HostView extends Span {
  private final HostPortView hostPort = new HostPortView();
  private boolean isAddress;

  HostView() {}

  /**
   * Reads a host and its port.
   *
   * @param bytes what the line is over
   * @param line at the first character; behind host and port afterwards
   * @param spaced whether white space may stand around the colon
   * @param port takes where the port stands
   * @return false if there is no host that all readers take for the same one
   */
  boolean read(ByteCursor bytes, LineView line, boolean spaced, Span port) {
    HostPortView.Found found = hostPort.read(line, spaced);
    isAddress = found == HostPortView.Found.ADDRESS;
    if (!isAddress && found != HostPortView.Found.NAME) {
      setAbsent();
      return false;
    }
    int from = line.start() + hostPort.hostOffset();
    set(bytes, from, from + hostPort.hostLengthBytes());
    if (hostPort.port() == HostPortView.NO_PORT) {
      port.setAbsent();
    } else {
      int portFrom = line.start() + hostPort.portOffset();
      port.set(bytes, portFrom, portFrom + hostPort.portLengthBytes());
    }
    return true;
  }

  /** Reads a host that is the value of {@code received} or {@code maddr}. */
  boolean readValue(ByteCursor bytes, LineView line) {
    HostPortView.Found found = hostPort.readHost(line);
    isAddress = found == HostPortView.Found.ADDRESS;
    int from = line.start() + hostPort.hostOffset();
    set(bytes, from, from + hostPort.hostLengthBytes());
    return isAddress || found == HostPortView.Found.NAME;
  }

  /**
   * Whether it is this address. Allocates nothing.
   *
   * @param address 4 or 16 bytes
   * @return false for another address, for a name, and if there is none
   */
  public boolean isAddress(byte[] address) {
    return !isAbsent() && isAddress && hostPort.isAddress(address);
  }

  /**
   * Whether it is an address.
   *
   * @return false for a name, and if there is none
   */
  public boolean isAddress() {
    return !isAbsent() && isAddress;
  }

  /**
   * Whether it stands in brackets, as an IPv6 address mostly does.
   *
   * @return false also if there is none
   */
  public boolean isBracketed() {
    return !isAbsent() && source().u8At(from()) == '[';
  }

  /**
   * Whether it is a name, not an address.
   *
   * @return false also if there is none
   */
  public boolean isName() {
    return !isAbsent() && !isAddress;
  }

  /**
   * The address. An IPv4 address in the disguise of an IPv6 one is given as IPv4.
   *
   * @return a new object
   * @throws IllegalStateException if it is a name, or absent
   */
  public InetAddress address() {
    if (isAbsent() || !isAddress) {
      throw new IllegalStateException("host: a name or none (expected: an address)");
    }
    return hostPort.address();
  }

  /**
   * The port behind it.
   *
   * @return 0..65535, -1 if none is named
   */
  int port() {
    return isAbsent() ? HostPortView.NO_PORT : hostPort.port();
  }
}
