package org.pinholed.helper.dcerpc.activation;

import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * Reads the reply of RemoteCreateInstance and RemoteGetClassObject (MS-DCOM 3.1.2.5.2.3.2 and 3):
 * ORPCTHAT, a pointer to the properties of the activation as mere bytes, and a result.
 */
public final class ActivationReply {
  /** Makes a reader of replies. */
  public ActivationReply() {}

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
    if (!stub.pointer()) {
      return ports.readStatus(stub);
    }
    long maxCount = stub.count();
    long lengthBytes = stub.alignedU32();
    if (!stub.ok()) {
      return DceRpcReason.STUB_TOO_SHORT;
    }
    if (maxCount != lengthBytes || lengthBytes > stub.remaining()) {
      return DceRpcReason.BAD_COUNT;
    }
    int start = stub.position();
    int end = start + (int) lengthBytes;
    ByteOrder order = stub.order();
    Syntax syntax = stub.syntax();
    // Whatever the call is written in, the properties are not.
    stub.order(ByteOrder.LITTLE_ENDIAN);
    stub.syntax(Syntax.NDR);
    reason = ActivationProperties.read(stub, end, ports);
    stub.order(order);
    stub.syntax(syntax);
    if (reason != null && ports.count() == 0) {
      return reason;
    }
    stub.skip(end - stub.position());
    DceRpcReason unread = ports.readStatus(stub);
    stub.order(ByteOrder.LITTLE_ENDIAN); // that of the texts
    return unread == null ? reason : unread;
  }
}
