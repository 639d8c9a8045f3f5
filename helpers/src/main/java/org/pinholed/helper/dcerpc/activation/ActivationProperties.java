package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * The properties that an activation gives back (MS-DCOM 2.2.18.6 OBJREF_CUSTOM, 2.2.22 properties):
 * a list of CLSIDs with sizes, and behind it the properties. One of them, ScmReplyInfoData
 * (2.2.22.2.8), has the bindings of the object exporter. The objects themselves, in another one,
 * name resolvers and not ports, and are left.
 *
 * <p>Little-endian NDR in any call. The list and each property begin with 16 bytes of their own
 * (MS-RPCE 2.2.6), and alignment counts from behind them.
 */
final class ActivationProperties {
  private static final long SIGNATURE = 0x574f_454dL; // "MEOW"
  private static final long CUSTOM = 4;
  private static final int UUID_BYTES = 16;

  /** 00000339-0000-0000-c000-000000000046, the properties of a reply. */
  private static final long PROPERTIES_OUT_HIGH = 0x00000339_0000_0000L;

  /** 000001b6-0000-0000-c000-000000000046, ScmReplyInfoData. */
  private static final long SCM_REPLY_HIGH = 0x000001b6_0000_0000L;

  private static final long DCOM_LOW = 0xc0000000_00000046L;

  /** How many properties are read. */
  private static final int MOST = 32;

  private static final int SERIALIZATION_BYTES = 16;
  private static final long SERIALIZATION_VERSION = 0x0008_1001L;

  private ActivationProperties() {}

  /**
   * Reads the properties.
   *
   * @param stub at their first byte
   * @param end the position behind their last one, inside of the stub
   * @param ports holds the bindings afterwards
   * @return why not all of it is read; null if it is
   */
  static @Nullable DceRpcReason read(StubReader stub, int end, AnnouncedPorts ports) {
    boolean isCustom = stub.u32() == SIGNATURE && stub.u32() == CUSTOM;
    stub.skip(UUID_BYTES);
    long high = stub.uuidHigh();
    long low = stub.uuidLow();
    if (!isCustom || high != PROPERTIES_OUT_HIGH || low != DCOM_LOW) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    stub.u32(); // length of extensions, always 0
    stub.u32();
    stub.u32(); // length of what follows
    stub.u32();
    int header = stub.position();
    if (!begins(stub, end)) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    int base = stub.position();
    stub.u32(); // total size
    long headerBytes = stub.u32();
    stub.u32();
    stub.u32(); // context
    long properties = stub.u32();
    stub.skip(UUID_BYTES);
    long classes = stub.u32();
    long sizes = stub.u32();
    stub.u32();
    if (!stub.ok() || classes == 0 || sizes == 0) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    if (properties > MOST) {
      return DceRpcReason.TOO_MANY_PROPERTIES;
    }
    int wanted = -1;
    int count = (int) properties;
    if (stub.u32() != count) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    for (int at = 0; at < count; at++) {
      long propertyHigh = stub.uuidHigh();
      long propertyLow = stub.uuidLow();
      boolean isReply = propertyHigh == SCM_REPLY_HIGH && propertyLow == DCOM_LOW;
      wanted = isReply && wanted < 0 ? at : wanted;
    }
    stub.alignFrom(base, Integer.BYTES);
    if (stub.u32() != count || !stub.ok()) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    long start = header + headerBytes;
    long length = 0;
    for (int at = 0; at <= wanted; at++) {
      start += length;
      length = stub.u32();
    }
    if (wanted < 0) {
      return stub.ok() ? null : DceRpcReason.BAD_ACTIVATION;
    }
    if (!stub.ok() || start < stub.position() || start + length > end) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    stub.skip(start - stub.position());
    return scmReply(stub, (int) (start + length), ports);
  }

  // Null, pointer; aligned to 8: OXID, pointer, IPID, hint, version; the array.
  private static @Nullable DceRpcReason scmReply(StubReader stub, int end, AnnouncedPorts ports) {
    if (!begins(stub, end)) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    int base = stub.position();
    stub.u32();
    if (stub.u32() == 0) {
      return null; // nothing is said of the object exporter
    }
    stub.alignFrom(base, Long.BYTES);
    stub.skip(Long.BYTES);
    boolean hasArray = stub.u32() != 0;
    stub.skip(UUID_BYTES);
    stub.u32();
    stub.u32();
    if (!stub.ok() || stub.position() > end) {
      return DceRpcReason.BAD_ACTIVATION;
    }
    if (!hasArray) {
      return null;
    }
    DceRpcReason reason = DualStringArray.read(stub, base, ports);
    if (stub.position() > end) {
      ports.clear();
      return DceRpcReason.BAD_ACTIVATION;
    }
    return reason;
  }

  // The headers of a type that stands for itself (MS-RPCE 2.2.6.1, 2.2.6.2).
  private static boolean begins(StubReader stub, int end) {
    if (stub.position() + SERIALIZATION_BYTES > end) {
      return false;
    }
    boolean isVersion1 = stub.u32() == SERIALIZATION_VERSION;
    stub.u32();
    long length = stub.u32();
    stub.u32();
    return stub.ok() && isVersion1 && length <= end - stub.position();
  }
}
