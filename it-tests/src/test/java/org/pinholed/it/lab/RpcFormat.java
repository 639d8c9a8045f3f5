package org.pinholed.it.lab;

import java.util.UUID;

/** How numbers stand in a PDU and in its stub. */
public enum RpcFormat {
  /** NDR, little-endian. */
  LITTLE,
  /** NDR, big-endian. */
  BIG,
  /** NDR64, little-endian. */
  NDR64;

  private static final UUID NDR_UUID = UUID.fromString("8a885d04-1ceb-11c9-9fe8-08002b104860");
  private static final UUID NDR64_UUID = UUID.fromString("71710533-beba-4937-8319-b5dbef9ccc36");

  boolean isBigEndian() {
    return this == BIG;
  }

  boolean isNdr64() {
    return this == NDR64;
  }

  /** The UUID of the transfer syntax. */
  UUID syntax() {
    return this == NDR64 ? NDR64_UUID : NDR_UUID;
  }

  /** The version of the transfer syntax. */
  int syntaxVersion() {
    return this == NDR64 ? 1 : 2;
  }
}
