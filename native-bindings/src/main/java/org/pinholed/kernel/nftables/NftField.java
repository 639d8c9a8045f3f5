package org.pinholed.kernel.nftables;

/**
 * A data type of a set key or map value, with what nft(8) needs to print it: the number of its type
 * (libnftables {@code datatype.h}), its length and its byte order.
 */
public enum NftField {
  /** {@code ipv4_addr}, in network order. */
  IPV4_ADDR(7, 4, NftField.BIG_ENDIAN),
  /** {@code ipv6_addr}, in network order. */
  IPV6_ADDR(8, 16, NftField.BIG_ENDIAN),
  /** {@code inet_proto}: TCP is 6, UDP is 17. */
  INET_PROTO(12, 1, NftField.BIG_ENDIAN),
  /** {@code inet_service}: a port, in network order. */
  INET_SERVICE(13, 2, NftField.BIG_ENDIAN),
  /** {@code mark}: in the byte order of the machine. */
  MARK(19, 4, NftField.HOST_ENDIAN),
  /** {@code typeof ct id}: in network order, as ctnetlink tells it. Only in a concatenation. */
  CT_ID(4, 4, NftField.BIG_ENDIAN, 23),
  /** {@code typeof ct direction}: 0 is original, 1 is reply. Only in a concatenation. */
  CT_DIRECTION(27, 1, NftField.HOST_ENDIAN, 1);

  /** {@code BYTEORDER_HOST_ENDIAN} of nft(8). */
  static final int HOST_ENDIAN = 1;

  /** {@code BYTEORDER_BIG_ENDIAN} of nft(8). */
  static final int BIG_ENDIAN = 2;

  /** Of a concatenation, whose fields know their order themselves. */
  static final int MIXED_ENDIAN = 0;

  /** Of a field that has a type of its own. */
  private static final int NO_CT_KEY = -1;

  private final int typeCode;
  private final int lengthBytes;
  private final int byteOrder;
  private final int ctKey;

  NftField(int typeCode, int lengthBytes, int byteOrder) {
    this(typeCode, lengthBytes, byteOrder, NO_CT_KEY);
  }

  NftField(int typeCode, int lengthBytes, int byteOrder, int ctKey) {
    this.typeCode = typeCode;
    this.lengthBytes = lengthBytes;
    this.byteOrder = byteOrder;
    this.ctKey = ctKey;
  }

  /**
   * Length without padding.
   *
   * @return 1..16 bytes
   */
  public int lengthBytes() {
    return lengthBytes;
  }

  /**
   * Length in a concatenation, where each field starts at a 32-bit register.
   *
   * @return 4..16 bytes, a multiple of 4
   */
  public int paddedLengthBytes() {
    return (lengthBytes + 3) & ~3;
  }

  int typeCode() {
    return typeCode;
  }

  int byteOrder() {
    return byteOrder;
  }

  // Whether nft(8) knows its type only from the expression that loads it.
  boolean isTypeOfCt() {
    return ctKey != NO_CT_KEY;
  }

  // enum nft_ct_keys, if isTypeOfCt.
  int ctKey() {
    return ctKey;
  }
}
