package org.pinholed.helper.sip.policy;

import java.net.InetAddress;
import java.util.Arrays;
import org.pinholed.helper.OwnerId;

/** Names of those whose calls and registrations are counted together. */
public final class SourceName {
  private static final OwnerId.Digest SOURCES = new OwnerId.Digest("sip source");
  private static final int IPV6_BYTES = 16;
  private static final int IPV6_SOURCE_BYTES = 8;

  private SourceName() {}

  /**
   * The name of an address; of IPv6 that of its /64, because a host has as many addresses there as
   * it likes.
   *
   * @param source the address
   * @return its name
   */
  public static OwnerId of(InetAddress source) {
    byte[] bytes = source.getAddress();
    return SOURCES.of(bytes.length == IPV6_BYTES ? Arrays.copyOf(bytes, IPV6_SOURCE_BYTES) : bytes);
  }
}
