package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * Reads the reply of ResolveOxid and ResolveOxid2 (MS-DCOM 3.1.2.5.1.1, 3.1.2.5.1.5): a pointer to
 * the bindings of an object exporter, an IPID, a hint, a version in ResolveOxid2, and a status.
 */
public final class ResolveOxidReply {
  private static final int IPID_BYTES = 16;

  /** Makes a reader of replies. */
  public ResolveOxidReply() {}

  /**
   * Reads a reply. Afterwards texts of {@code ports} can be read by the reader.
   *
   * @param stub at its first byte
   * @param hasVersion whether it is one of ResolveOxid2
   * @param ports holds what the reply announces afterwards
   * @return why not all of it is read; null if it is
   */
  public @Nullable DceRpcReason read(StubReader stub, boolean hasVersion, AnnouncedPorts ports) {
    ports.clear();
    DceRpcReason reason = stub.pointer() ? DualStringArray.read(stub, 0, ports) : null;
    if (reason != null && ports.count() == 0) {
      return reason;
    }
    stub.align(Integer.BYTES);
    stub.skip(IPID_BYTES);
    stub.alignedU32();
    if (hasVersion) {
      stub.alignedU32();
    }
    DceRpcReason unread = ports.readStatus(stub);
    return unread == null ? reason : unread;
  }
}
