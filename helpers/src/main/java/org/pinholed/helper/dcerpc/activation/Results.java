package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/** What a call says of its own success. */
final class Results {
  private static final long FAILURE = 0x8000_0000L;

  private Results() {}

  /**
   * Reads an HRESULT (MS-ERREF 2.1), aligned. If it is a failure, or is not there, nothing was
   * announced.
   *
   * @param stub before it
   * @param ports is emptied then
   * @return whether it says success
   */
  static boolean isSuccess(StubReader stub, AnnouncedPorts ports) {
    long result = stub.alignedU32();
    boolean isSuccess = stub.ok() && (result & FAILURE) == 0;
    if (!isSuccess) {
      ports.clear();
    }
    return isSuccess;
  }

  /** Why there is no success: null if the server said so. */
  static @Nullable DceRpcReason reason(StubReader stub) {
    return stub.ok() ? null : DceRpcReason.STUB_TOO_SHORT;
  }
}
