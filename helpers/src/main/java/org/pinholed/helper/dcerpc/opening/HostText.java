package org.pinholed.helper.dcerpc.opening;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.AddressParser;
import org.pinholed.helper.text.LineView;

/** What the host of a string binding is: a name, an address, or what looks like one and is none. */
final class HostText {
  private HostText() {}

  /**
   * Whether it is a name of a host: that means the server.
   *
   * @param text the text before {@code [port]}
   * @return false for all that could be an address, in any form that some system reads as one
   */
  static boolean isName(String text) {
    boolean hasLetter = false;
    for (int at = 0; at < text.length(); at++) {
      char unit = text.charAt(at);
      if (unit == ':' || unit == '%' || unit == '[') {
        return false;
      }
      hasLetter |= !(unit >= '0' && unit <= '9') && unit != '.';
    }
    return hasLetter && !text.startsWith("0x") && !text.startsWith("0X");
  }

  /**
   * Reads an address.
   *
   * @param text the text before {@code [port]}
   * @return null if it is no address literal
   */
  static @Nullable InetAddress address(String text) {
    byte[] ascii = text.getBytes(StandardCharsets.ISO_8859_1);
    ByteCursor bytes = new ByteCursor().wrap(ByteBuffer.wrap(ascii), 0, ascii.length, 0);
    byte[] address = new byte[AddressParser.IPV6_BYTES];
    LineView line = new LineView();
    line.wrap(bytes, 0, ascii.length);
    int length = AddressParser.parseIpv4(line, address);
    if (length == AddressParser.NONE || line.current() != LineView.END) {
      line.rewind();
      length = AddressParser.parseIpv6(line, address);
    }
    return length == AddressParser.NONE || line.current() != LineView.END
        ? null
        : AddressParser.toAddress(address, length);
  }
}
