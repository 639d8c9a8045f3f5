package org.pinholed.helper.dcerpc.mapper;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * Reads the reply of ept_lookup (C706 appendix O): services of a host, whoever asked for them, each
 * with the UUID of an object, a tower and a note for people.
 *
 * <p>Towers count as in {@link MapReply}. Not thread-safe.
 */
public final class LookupReply {
  private static final int OBJECT_BYTES = 16;

  /** ept_max_annotation_size, with the zero at the end. */
  private static final int ANNOTATION_MOST_BYTES = 64;

  private final TowerArray array = new TowerArray();

  /** Makes a reader of replies. */
  public LookupReply() {}

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
      stub.align(stub.syntax() == Syntax.NDR ? 4 : 8);
      stub.skip(OBJECT_BYTES);
      towers += stub.pointer() ? 1 : 0;
      long offset = stub.count();
      long lengthBytes = stub.count();
      if (!stub.ok()) {
        return DceRpcReason.STUB_TOO_SHORT;
      }
      if (offset != 0 || lengthBytes > ANNOTATION_MOST_BYTES) {
        return DceRpcReason.BAD_COUNT;
      }
      stub.skip(lengthBytes);
    }
    return array.towers(stub, towers, ports);
  }
}
