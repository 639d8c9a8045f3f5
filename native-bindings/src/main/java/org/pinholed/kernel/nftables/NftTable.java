package org.pinholed.kernel.nftables;

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
  public String toString() {
    return family.word() + " " + name;
  }
}
