package org.pinholed.helper.dcerpc.mapper;

import java.nio.ByteOrder;
import java.util.List;
import org.pinholed.helper.dcerpc.stub.StubWriter;
import org.pinholed.helper.dcerpc.words.Syntax;

/** Writes requests and replies of the endpoint mapper for tests. */
final class TowerText {
  static final String NETLOGON = "12345678-1234-abcd-ef00-01234567cffb";
  static final String SAMR = "12345778-1234-abcd-ef00-0123456789ac";

  private TowerText() {}

  /** A floor of one protocol byte. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Floor(int protocol, byte... right) {}

  /** A tower of the service with these floors behind its two UUIDs; bytes of the octets. */
  static StubWriter octets(String uuid, int major, int minor, Floor... floors) {
    StubWriter octets = new StubWriter(ByteOrder.LITTLE_ENDIAN, Syntax.NDR);
    octets.length16(2 + floors.length);
    uuidFloor(octets, uuid, major, minor);
    uuidFloor(octets, "8a885d04-1ceb-11c9-9fe8-08002b104860", 2, 0);
    for (Floor floor : floors) {
      octets.length16(1).u8(floor.protocol());
      octets.length16(floor.right().length).raw(floor.right());
    }
    return octets;
  }

  private static void uuidFloor(StubWriter octets, String uuid, int major, int minor) {
    octets.length16(19).u8(0x0d).uuid(uuid).u16(major);
    octets.length16(2).u16(minor);
  }

  static Floor port(int protocol, int port) {
    return new Floor(protocol, (byte) (port >> 8), (byte) port);
  }

  static Floor address(int... bytes) {
    return new Floor(0x09, (byte) bytes[0], (byte) bytes[1], (byte) bytes[2], (byte) bytes[3]);
  }

  static byte[] tcp(String uuid, int port) {
    return octets(
            uuid,
            1,
            0,
            new Floor(0x0b, (byte) 0, (byte) 0),
            port(7, port),
            address(203, 0, 113, 10))
        .toBytes();
  }

  static byte[] udp(String uuid, int port) {
    return octets(
            uuid, 1, 0, new Floor(0x0a, (byte) 0, (byte) 0), port(8, port), address(0, 0, 0, 0))
        .toBytes();
  }

  static byte[] pipe(String uuid) {
    return octets(
            uuid,
            1,
            0,
            new Floor(0x0b, (byte) 0, (byte) 0),
            new Floor(0x0f, "\\pipe\\lsass\0".getBytes(java.nio.charset.StandardCharsets.US_ASCII)),
            new Floor(0x11, "DC1\0".getBytes(java.nio.charset.StandardCharsets.US_ASCII)))
        .toBytes();
  }

  static byte[] http(String uuid) {
    return octets(
            uuid,
            1,
            0,
            new Floor(0x0b, (byte) 0, (byte) 0),
            port(0x1f, 593),
            address(203, 0, 113, 10))
        .toBytes();
  }

  /** What a pointer to a tower points to; its lengths are counted among those of the stub. */
  static void tower(StubWriter stub, byte[] octets) {
    stub.count(octets.length).length32(octets.length).raw(octets);
  }

  static StubWriter request(ByteOrder order, Syntax syntax, boolean object, byte[] octets) {
    StubWriter stub = new StubWriter(order, syntax).pointer(object ? 1 : 0);
    if (object) {
      stub.uuid("11111111-2222-3333-4444-555555555555");
    }
    stub.pointer(2);
    tower(stub, octets);
    return stub.align(4).raw(new byte[20]).u32(4);
  }

  /** A reply; an empty array of octets is a null pointer. */
  static StubWriter mapReply(
      ByteOrder order, Syntax syntax, int maxCount, long status, List<byte[]> towers) {
    StubWriter stub = new StubWriter(order, syntax).raw(new byte[20]).length32(towers.size());
    stub.count(maxCount).count(0).count(towers.size());
    for (byte[] octets : towers) {
      stub.pointer(octets.length == 0 ? 0 : 0xfeed_0001L);
    }
    return deferred(stub, towers).u32(status);
  }

  /** A reply; an empty array of octets is a null pointer. */
  static StubWriter lookupReply(
      ByteOrder order, Syntax syntax, int maxCount, long status, List<byte[]> towers) {
    StubWriter stub = new StubWriter(order, syntax).raw(new byte[20]).length32(towers.size());
    stub.count(maxCount).count(0).count(towers.size());
    int length = 0;
    for (byte[] octets : towers) {
      stub.align(syntax == Syntax.NDR ? 4 : 8).uuid("11111111-2222-3333-4444-555555555555");
      stub.pointer(octets.length == 0 ? 0 : 7);
      stub.count(0).count(length).raw(new byte[length]);
      length++;
    }
    return deferred(stub, towers).u32(status);
  }

  private static StubWriter deferred(StubWriter stub, List<byte[]> towers) {
    for (byte[] octets : towers) {
      if (octets.length > 0) {
        tower(stub, octets);
      }
    }
    return stub;
  }
}
