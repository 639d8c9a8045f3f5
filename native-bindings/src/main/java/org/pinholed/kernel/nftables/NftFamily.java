package org.pinholed.kernel.nftables;

import org.jspecify.annotations.Nullable;

/** The address families of tables that are used here. */
public enum NftFamily {
  /** {@code NFPROTO_INET}: IPv4 and IPv6. */
  INET(1, "inet"),
  /** {@code NFPROTO_IPV4}. */
  IP(2, "ip"),
  /** {@code NFPROTO_IPV6}. */
  IP6(10, "ip6");

  private final int code;
  private final String word;

  NftFamily(int code, String word) {
    this.code = code;
    this.word = word;
  }

  /**
   * The number on the wire, {@code nfgen_family}.
   *
   * @return {@code NFPROTO_*}
   */
  public int code() {
    return code;
  }

  static @Nullable NftFamily of(int code) {
    for (NftFamily family : values()) {
      if (family.code == code) {
        return family;
      }
    }
    return null;
  }

  /**
   * The word that nft(8) uses.
   *
   * @return for example {@code "inet"}
   */
  public String word() {
    return word;
  }
}
