package org.pinholed.helper.dcerpc.mapper;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * Reads the reply of ept_map (C706 appendix O): where the service that was asked for is reached.
 *
 * <p>Towers of pipes, of HTTP and of other protocols than TCP and UDP announce nothing and are no
 * error. One that cannot be read is: then nothing of the reply is announced. Not thread-safe.
 */
public final class MapReply {
  private final TowerArray array = new TowerArray();

  /** Makes a reader of replies. */
  public MapReply() {}

  /**
   * Reads a reply.
   *
   * @param stub at its first byte
   * @param ports holds what the reply announces afterwards: nothing if it cannot be read, or if the
   *     mapper says that it failed
   * @return why it cannot be read; null if it was
   */
  public @Nullable DceRpcReason read(StubReader stub, AnnouncedPorts ports) {
    ports.clear();
    @Nullable DceRpcReason reason = array.head(stub);
    if (reason != null) {
      return reason;
    }
    int towers = 0;
    for (int at = 0; at < array.count(); at++) {
      towers += stub.pointer() ? 1 : 0;
    }
    return array.towers(stub, towers, ports);
  }
}
