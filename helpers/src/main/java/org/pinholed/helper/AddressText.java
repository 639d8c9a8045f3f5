package org.pinholed.helper;

import java.net.InetAddress;

/** Writes addresses the way operators and other tools do. */
public final class AddressText {
  private AddressText() {}

  /**
   * The text of an address: dotted decimal for IPv4, the one recommended form for IPv6 (RFC 5952
   * section 4: lower case, no leading zeros, the longest run of two or more zero groups as {@code
   * ::}, the first of equally long ones).
   *
   * @param address an address
   * @return for example {@code 2001:db8:1::2}; never a zone id
   */
  public static String of(InetAddress address) {
    byte[] bytes = address.getAddress();
    if (bytes.length == 4) {
      return address.getHostAddress();
    }
    int[] groups = new int[8];
    for (int i = 0; i < 8; i++) {
      groups[i] = (bytes[2 * i] & 0xff) << 8 | (bytes[2 * i + 1] & 0xff);
    }
    int zerosAt = -1;
    int zeros = 1;
    for (int i = 0; i < 8; i++) {
      int run = 0;
      while (i + run < 8 && groups[i + run] == 0) {
        run++;
      }
      if (run > zeros) {
        zerosAt = i;
        zeros = run;
      }
    }
    StringBuilder text = new StringBuilder(39);
    for (int i = 0; i < 8; i++) {
      if (i == zerosAt) {
        text.append("::");
        i += zeros - 1;
        continue;
      }
      if (i > 0 && i != zerosAt + zeros) {
        text.append(':');
      }
      text.append(Integer.toHexString(groups[i]));
    }
    return text.toString();
  }
}
