package org.pinholed.helper.dcerpc.words;

import org.jspecify.annotations.Nullable;

/** How the arguments of calls are written: the transfer syntaxes that are read. */
public enum Syntax {
  /** NDR, 8a885d04-1ceb-11c9-9fe8-08002b104860 version 2.0 (C706 chapter 14). */
  NDR(0x8a885d04_1ceb_11c9L, 0x9fe80800_2b104860L, 2),
  /** NDR64, 71710533-beba-4937-8319-b5dbef9ccc36 version 1.0 (MS-RPCE 2.2.5). */
  NDR64(0x71710533_beba_4937L, 0x8319b5db_ef9ccc36L, 1);

  private final long high;
  private final long low;
  private final long version;

  Syntax(long high, long low, long version) {
    this.high = high;
    this.low = low;
    this.version = version;
  }

  /**
   * The syntax of a name.
   *
   * @param high the first eight bytes of its UUID, as {@link Uuid} has them
   * @param low the last eight
   * @param version its version: the major one in the low 16 bits, the minor one above
   * @return null if it is none that is read, such as the one by which features are negotiated
   */
  public static @Nullable Syntax of(long high, long low, long version) {
    if (high == NDR.high && low == NDR.low && version == NDR.version) {
      return NDR;
    }
    return high == NDR64.high && low == NDR64.low && version == NDR64.version ? NDR64 : null;
  }

  /**
   * Its bit in a set of syntaxes.
   *
   * @return 1 or 2
   */
  public int bit() {
    return this == NDR ? 1 : 2;
  }
}
