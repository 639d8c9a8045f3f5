package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * Reads the reply of RemoteActivation (MS-DCOM 3.1.2.5.2.3.1): ORPCTHAT, OXID, a pointer to the
 * bindings of the object exporter, IPID, hint, version, and the result of the activation. What
 * follows is not read: the interfaces, and results of each.
 */
public final class RemoteActivationReply {
  private static final int IPID_BYTES = 16;

  /** Makes a reader of replies. */
  public RemoteActivationReply() {}

  /**
   * Reads a reply. Afterwards texts of {@code ports} can be read by the reader.
   *
   * @param stub at its first byte
   * @param ports holds what the reply announces afterwards
   * @return why not all of it is read; null if it is
   */
  public @Nullable DceRpcReason read(StubReader stub, AnnouncedPorts ports) {
    ports.clear();
    DceRpcReason reason = OrpcThat.skip(stub);
    if (reason != null) {
      return reason;
    }
    stub.align(Long.BYTES);
    stub.skip(Long.BYTES);
    if (!stub.pointer()) {
      return Results.reason(stub);
    }
    reason = DualStringArray.read(stub, 0, ports);
    if (ports.count() == 0) {
      return reason;
    }
    stub.align(Integer.BYTES);
    stub.skip(IPID_BYTES);
    stub.alignedU32();
    stub.alignedU32();
    return Results.isSuccess(stub, ports) ? reason : Results.reason(stub);
  }
}
