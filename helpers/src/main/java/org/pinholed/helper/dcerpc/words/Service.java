package org.pinholed.helper.dcerpc.words;

import org.jspecify.annotations.Nullable;

/** The interfaces whose calls announce ports. No other is read. */
public enum Service {
  /** The endpoint mapper (C706 appendix O). */
  ENDPOINT_MAPPER(0xe1af8308_5d1f_11c9L, 0x91a40800_2b14a0faL, 3),
  /** IObjectExporter (MS-DCOM 3.1.2.5.1): where an object exporter is. */
  OBJECT_EXPORTER(0x99fcfec4_5260_101bL, 0xbbcb00aa_0021347aL, 0),
  /** IActivation (MS-DCOM 3.1.2.5.2.1). */
  ACTIVATION(0x4d9f4ab8_7d1c_11cfL, 0x861e0020_af6e7c57L, 0),
  /** IRemoteSCMActivator (MS-DCOM 3.1.2.5.2.2). */
  SCM_ACTIVATOR(0x000001a0_0000_0000L, 0xc0000000_00000046L, 0);

  private static final Service[] ALL = values();

  private final long high;
  private final long low;
  private final int majorVersion;

  Service(long high, long low, int majorVersion) {
    this.high = high;
    this.low = low;
    this.majorVersion = majorVersion;
  }

  /**
   * The service of an interface.
   *
   * @param high the first half of its UUID
   * @param low the other half
   * @param majorVersion its major version
   * @return null if its calls are not read
   */
  public static @Nullable Service of(long high, long low, int majorVersion) {
    for (Service service : ALL) {
      if (service.high == high && service.low == low && service.majorVersion == majorVersion) {
        return service;
      }
    }
    return null;
  }

  /**
   * What a call of it is.
   *
   * @param opnum the number of the operation
   * @return {@link DceRpcWord#OTHER_CALL} for one that announces nothing
   */
  public DceRpcWord call(int opnum) {
    return switch (this) {
      case ENDPOINT_MAPPER ->
          opnum == 2
              ? DceRpcWord.EPT_LOOKUP
              : opnum == 3 ? DceRpcWord.EPT_MAP : DceRpcWord.OTHER_CALL;
      case OBJECT_EXPORTER ->
          opnum == 0
              ? DceRpcWord.RESOLVE_OXID
              : opnum == 4 ? DceRpcWord.RESOLVE_OXID_2 : DceRpcWord.OTHER_CALL;
      case ACTIVATION -> opnum == 0 ? DceRpcWord.REMOTE_ACTIVATION : DceRpcWord.OTHER_CALL;
      case SCM_ACTIVATOR ->
          opnum == 3
              ? DceRpcWord.REMOTE_GET_CLASS_OBJECT
              : opnum == 4 ? DceRpcWord.REMOTE_CREATE_INSTANCE : DceRpcWord.OTHER_CALL;
    };
  }

  /**
   * The first half of its UUID.
   *
   * @return as {@link Uuid} has it
   */
  public long high() {
    return high;
  }

  /**
   * The other half.
   *
   * @return as {@link Uuid} has it
   */
  public long low() {
    return low;
  }

  /**
   * The major version that is read.
   *
   * @return 0 or 3
   */
  public int majorVersion() {
    return majorVersion;
  }
}
