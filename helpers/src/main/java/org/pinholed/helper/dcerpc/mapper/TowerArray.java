package org.pinholed.helper.dcerpc.mapper;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Transport;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * What the replies of ept_map and ept_lookup have in common: an entry handle of 20 bytes, a count,
 * the head of a conformant and varying array of so many elements (C706 14.3.3.4), the elements,
 * then the towers that they point to, and a status.
 */
final class TowerArray {
  /** How many towers of one reply are read. */
  static final int MOST = 16;

  /** Attributes and a UUID. */
  static final int HANDLE_BYTES = 20;

  private final Tower tower = new Tower();
  private int count;

  /**
   * Reads up to the first element.
   *
   * @param stub at its first byte
   * @return why it cannot be read; null if it was
   */
  @Nullable DceRpcReason head(StubReader stub) {
    count = 0;
    stub.skip(HANDLE_BYTES);
    long said = stub.alignedU32();
    long maxCount = stub.count();
    long offset = stub.count();
    long actualCount = stub.count();
    if (!stub.ok()) {
      return DceRpcReason.STUB_TOO_SHORT;
    }
    if (offset != 0 || actualCount != said || actualCount > maxCount) {
      return DceRpcReason.BAD_COUNT;
    }
    if (actualCount > MOST) {
      return DceRpcReason.TOO_MANY_TOWERS;
    }
    count = (int) actualCount;
    return null;
  }

  /** How many elements there are, 0..{@link #MOST}. */
  int count() {
    return count;
  }

  /**
   * Reads the towers and the status.
   *
   * @param stub behind the last element
   * @param towers how many elements point to one
   * @param ports takes those that have a port; nothing if the status is not 0
   * @return why it cannot be read; null if it was
   */
  @Nullable DceRpcReason towers(StubReader stub, int towers, AnnouncedPorts ports) {
    for (int at = 0; at < towers; at++) {
      @Nullable DceRpcReason reason = tower.read(stub);
      if (reason != null) {
        ports.clear();
        return reason;
      }
      add(ports);
    }
    return ports.readStatus(stub);
  }

  private void add(AnnouncedPorts ports) {
    @Nullable Transport transport = tower.transport();
    if (transport != null) {
      ports.addTower(
          tower.high(),
          tower.low(),
          tower.version(),
          transport,
          tower.port(),
          tower.address(),
          tower.addressAt());
    }
  }
}
