package org.pinholed.helper.dcerpc.mapper;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * Reads the request of ept_map (C706 appendix O): which service a client asks for, by a tower
 * without an endpoint.
 *
 * <p>What stands behind the tower is not read, so a verification trailer (MS-RPCE 2.2.2.13) does
 * not matter. Not thread-safe.
 */
public final class MapRequest {
  private static final int OBJECT_BYTES = 16;

  private final Tower tower = new Tower();

  /** Makes a reader of requests. */
  public MapRequest() {}

  /**
   * Reads a request.
   *
   * @param stub at its first byte
   * @return why it cannot be read; null if it was
   */
  public @Nullable DceRpcReason read(StubReader stub) {
    if (stub.pointer()) {
      stub.align(4);
      stub.skip(OBJECT_BYTES);
    }
    boolean asks = stub.pointer();
    if (!stub.ok()) {
      return DceRpcReason.STUB_TOO_SHORT;
    }
    return asks ? tower.read(stub) : DceRpcReason.BAD_TOWER;
  }

  /**
   * The first half of the UUID of the asked interface.
   *
   * @return as it is written; of use if the request could be read
   */
  public long high() {
    return tower.high();
  }

  /**
   * The other half.
   *
   * @return as it is written; of use if the request could be read
   */
  public long low() {
    return tower.low();
  }

  /**
   * The version of the asked interface.
   *
   * @return the major version in the high 16 bits, the minor one below
   */
  public int version() {
    return tower.version();
  }
}
