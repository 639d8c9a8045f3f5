package org.pinholed.helper.dcerpc.mapper;

import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Transport;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * One protocol tower, which says how a service is reached (C706 appendices I and L): {@code 0d}
 * interface, {@code 0d} transfer syntax, {@code 0b} connections, {@code 07} port 49667, {@code 09}
 * 203.0.113.10.
 *
 * <p>Its floors have no alignment and are little-endian in each message, but for port and address,
 * which are in network order. A floor is known by its first byte and not by its place. Refused is a
 * tower of which two readers may make two things: one that names two ports or two addresses.
 */
final class Tower {
  private static final int UUID_FLOOR = 0x0d;
  private static final int TCP_FLOOR = 0x07;
  private static final int UDP_FLOOR = 0x08;
  private static final int IPV4_FLOOR = 0x09;

  /** The protocol byte, 16 bytes of UUID and the major version. */
  private static final int UUID_LEFT_BYTES = 19;

  private static final int MINOR_BYTES = 2;
  private static final int PORT_BYTES = 2;
  private static final int IPV4_BYTES = 4;

  private boolean hasInterface;
  private long high;
  private long low;
  private int version;
  private @Nullable Transport transport;
  private int port;
  private int address;
  private int addressAt;

  /**
   * Reads what a pointer to a tower points to: max_count, tower_length, octets.
   *
   * @param stub before it; behind it afterwards, if it can be told where it ends
   * @return why it cannot be read; null if it was
   */
  @Nullable DceRpcReason read(StubReader stub) {
    clear();
    long maxCount = stub.count();
    long lengthBytes = stub.alignedU32();
    if (!stub.ok()) {
      return DceRpcReason.STUB_TOO_SHORT;
    }
    if (maxCount != lengthBytes || lengthBytes > stub.remaining()) {
      return DceRpcReason.BAD_COUNT;
    }
    int end = stub.position() + (int) lengthBytes;
    ByteOrder order = stub.order();
    stub.order(ByteOrder.LITTLE_ENDIAN);
    boolean good = floors(stub, end);
    stub.order(order);
    if (!good || !hasInterface) {
      return DceRpcReason.BAD_TOWER;
    }
    stub.skip(end - stub.position());
    return null;
  }

  private void clear() {
    hasInterface = false;
    high = 0;
    low = 0;
    version = 0;
    transport = null;
    port = 0;
    address = 0;
    addressAt = -1;
  }

  private boolean floors(StubReader stub, int end) {
    int count = left(stub, end) < 2 ? 0 : stub.u16();
    for (int floor = 0; floor < count; floor++) { // each takes four bytes or ends it
      if (!floor(stub, end)) {
        return false;
      }
    }
    return true;
  }

  // No length is believed before it was held against the end of the tower.
  private boolean floor(StubReader stub, int end) {
    int leftBytes = left(stub, end) < 2 ? 0 : stub.u16();
    if (leftBytes == 0 || leftBytes > left(stub, end)) {
      return false;
    }
    int protocol = stub.u8();
    boolean first = protocol == UUID_FLOOR && !hasInterface;
    if (first) {
      if (leftBytes != UUID_LEFT_BYTES) {
        return false;
      }
      high = stub.uuidHigh();
      low = stub.uuidLow();
      version = stub.u16() << 16;
    } else {
      stub.skip(leftBytes - 1);
    }
    int rightBytes = left(stub, end) < 2 ? -1 : stub.u16();
    if (rightBytes < 0 || rightBytes > left(stub, end)) {
      return false;
    }
    if (first) {
      return minorVersion(stub, rightBytes);
    }
    return switch (protocol) {
      case TCP_FLOOR -> leftBytes == 1 && port(stub, Transport.TCP, rightBytes);
      case UDP_FLOOR -> leftBytes == 1 && port(stub, Transport.UDP, rightBytes);
      case IPV4_FLOOR -> leftBytes == 1 && address(stub, rightBytes);
      default -> {
        stub.skip(rightBytes);
        yield true;
      }
    };
  }

  private static int left(StubReader stub, int end) {
    return end - stub.position();
  }

  private boolean minorVersion(StubReader stub, int rightBytes) {
    if (rightBytes != MINOR_BYTES) {
      return false;
    }
    version |= stub.u16();
    hasInterface = true;
    return true;
  }

  private boolean port(StubReader stub, Transport of, int rightBytes) {
    if (rightBytes != PORT_BYTES || transport != null) {
      return false;
    }
    transport = of;
    port = stub.port();
    return true;
  }

  private boolean address(StubReader stub, int rightBytes) {
    if (rightBytes != IPV4_BYTES || addressAt >= 0) {
      return false;
    }
    addressAt = stub.position();
    address = stub.ipv4();
    return true;
  }

  /** The first half of the UUID of the interface. */
  long high() {
    return high;
  }

  /** The other half. */
  long low() {
    return low;
  }

  /** The version of the interface: the major one in the high 16 bits, the minor one below. */
  int version() {
    return version;
  }

  /** What its port is one of; null if it names no port of TCP or UDP. */
  @Nullable Transport transport() {
    return transport;
  }

  /** Its port, 0..65535. */
  int port() {
    return port;
  }

  /** Its IPv4 address; 0 for 0.0.0.0, and if it has none. */
  int address() {
    return address;
  }

  /** Where the four bytes of its address stand in the stub; -1 if it has none. */
  int addressAt() {
    return addressAt;
  }
}
