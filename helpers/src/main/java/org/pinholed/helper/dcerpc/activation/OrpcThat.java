package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/** The ORPCTHAT that most replies of DCOM begin with (MS-DCOM 2.2.13.4): flags and extensions. */
final class OrpcThat {
  /** More extensions than anybody sends. */
  private static final int EXTENTS_MOST = 32;

  private static final int UUID_BYTES = 16;

  private OrpcThat() {}

  /**
   * Goes behind it.
   *
   * @param stub at its first byte
   * @return why that cannot be done; null if it was
   */
  static @Nullable DceRpcReason skip(StubReader stub) {
    stub.alignedU32(); // flags
    if (stub.pointer()) {
      return extensions(stub);
    }
    return stub.ok() ? null : DceRpcReason.STUB_TOO_SHORT;
  }

  // ORPC_EXTENT_ARRAY (MS-DCOM 2.2.21.2): size, reserved, pointer to pointers to extents.
  private static @Nullable DceRpcReason extensions(StubReader stub) {
    stub.alignedU32();
    stub.alignedU32();
    int extents = 0;
    if (stub.pointer()) {
      long pointers = stub.count();
      if (pointers > EXTENTS_MOST) {
        return DceRpcReason.BAD_COUNT;
      }
      for (int at = 0; at < pointers; at++) {
        extents += stub.pointer() ? 1 : 0;
      }
    }
    for (int at = 0; at < extents; at++) {
      long length = stub.count();
      stub.skip(UUID_BYTES);
      stub.alignedU32();
      stub.skip(length);
    }
    return stub.ok() ? null : DceRpcReason.STUB_TOO_SHORT;
  }
}
