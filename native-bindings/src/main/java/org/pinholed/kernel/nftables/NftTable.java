package org.pinholed.kernel.nftables;

import org.jspecify.annotations.Nullable;

/** The name of a table in its family. Immutable; may be shared between threads. */
public final class NftTable {
  private final NftFamily family;
  private final String name;
  private final byte[] nameBytes;

  /**
   * Names a table; nothing happens in the kernel.
   *
   * @param family its family
   * @param name 1..255 ASCII characters
   */
  public NftTable(NftFamily family, String name) {
    this.family = family;
    this.name = name;
    this.nameBytes = Nft.nameBytes("table", name);
  }

  // What the kernel lists, whose names may be others than we give; null if it is none of ours.
  static @Nullable NftTable named(NftFamily family, String name) {
    return Nft.isName(name) ? new NftTable(family, name) : null;
  }

  /**
   * The family.
   *
   * @return its family
   */
  public NftFamily family() {
    return family;
  }

  /**
   * The name.
   *
   * @return without the family
   */
  public String name() {
    return name;
  }

  byte[] nameBytes() {
    return nameBytes;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof NftTable table && table.family == family && table.name.equals(name);
  }

  @Override
  public int hashCode() {
    return 31 * family.hashCode() + name.hashCode();
  }

  @Override
  public String toString() {
    return family.word() + " " + name;
  }
}
