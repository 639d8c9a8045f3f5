package org.pinholed.helper.text;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;

/** A network in CIDR notation, IPv4 or IPv6. Immutable. */
public final class Network {
  private static final int PREFIX_DIGITS_MAX = 3;

  private final byte[] address;
  private final int prefixBits;

  private Network(byte[] address, int prefixBits) {
    this.address = address;
    this.prefixBits = prefixBits;
  }

  /**
   * Reads {@code 192.0.2.0/24}, {@code 2001:db8::/32} or a single address.
   *
   * @param text address, or address, slash and prefix length
   * @return null if the text is none of these
   */
  public static @Nullable Network parse(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    byte[] address = new byte[AddressParser.IPV6_BYTES];
    ByteCursor cursor = new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
    LineView line = new LineView().wrap(cursor, 0, bytes.length);
    int length =
        text.indexOf(':') < 0
            ? AddressParser.parseIpv4(line, address)
            : AddressParser.parseIpv6(line, address);
    if (length == AddressParser.NONE) {
      return null;
    }
    int prefixBits = length * Byte.SIZE;
    if (line.accept('/')) {
      line.beginSpan();
      prefixBits = (int) Decimals.read(line, prefixBits);
      line.endSpan();
      if (prefixBits < 0 || line.spanLengthBytes() > PREFIX_DIGITS_MAX) {
        return null;
      }
    }
    return line.current() == LineView.END
        ? new Network(Arrays.copyOf(address, length), prefixBits)
        : null;
  }

  /**
   * Whether an address is one of this network.
   *
   * @param candidate an address; one of the other family is in no network of this one
   * @return true if it is
   */
  public boolean contains(InetAddress candidate) {
    byte[] other = candidate.getAddress();
    if (other.length != address.length) {
      return false;
    }
    int whole = prefixBits / Byte.SIZE;
    if (!Arrays.equals(address, 0, whole, other, 0, whole)) {
      return false;
    }
    int rest = prefixBits % Byte.SIZE;
    return rest == 0 || ((address[whole] ^ other[whole]) & 0xff) >>> (Byte.SIZE - rest) == 0;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Network network
        && prefixBits == network.prefixBits
        && Arrays.equals(address, network.address);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(address) + prefixBits;
  }
}
