package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * Reads the reply of RemoteActivation (MS-DCOM 3.1.2.5.2.3.1): ORPCTHAT, OXID, a pointer to the
 * bindings of the object exporter, IPID, hint, version, the result of the activation, the
 * interfaces with a result of each, and a status.
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
    reason = stub.pointer() ? DualStringArray.read(stub, 0, ports) : null;
    if (reason != null && ports.count() == 0) {
      return reason;
    }
    stub.align(Integer.BYTES);
    stub.skip(IPID_BYTES);
    stub.alignedU32();
    stub.alignedU32();
    DceRpcReason unread = ports.readStatus(stub);
    if (unread != null || ports.status() != 0) {
      return unread;
    }
    skipInterfaces(stub);
    unread = ports.readStatus(stub);
    return unread == null ? reason : unread;
  }

  // MInterfacePointers (MS-DCOM 2.2.14), each behind a pointer, and a result of each.
  private static void skipInterfaces(StubReader stub) {
    long interfaces = stub.count();
    long present = 0;
    for (long at = 0; at < interfaces && stub.ok(); at++) {
      present += stub.pointer() ? 1 : 0;
    }
    for (long at = 0; at < present && stub.ok(); at++) {
      stub.count();
      stub.skip(stub.alignedU32());
    }
    long results = stub.count();
    if (results > stub.remaining()) {
      stub.fail();
    }
    stub.skip(Integer.BYTES * results);
  }
}
