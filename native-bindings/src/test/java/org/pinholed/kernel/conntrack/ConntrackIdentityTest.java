package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.api.Test;

class ConntrackIdentityTest {
  private static final FlowTuple ORIGINAL = tuple("192.0.2.1", 40001, "203.0.113.1", 21);
  private static final FlowTuple REPLY = tuple("198.51.100.7", 2121, "192.0.2.1", 40001);

  private static FlowTuple tuple(String source, int sourcePort, String destination, int port) {
    return new FlowTuple(
        6,
        ConntrackClientTest.address(source),
        sourcePort,
        ConntrackClientTest.address(destination),
        port);
  }

  private static ConntrackEntry entry(int id, FlowTuple original, FlowTuple reply, int zone) {
    return new ConntrackEntry(
        original,
        reply,
        id,
        25,
        8,
        60,
        3,
        "",
        -1,
        -1,
        -1,
        -1,
        zone,
        ConntrackEntry.TcpCloser.NOBODY);
  }

  private static ConntrackIdentity identity(int id, FlowTuple original, FlowTuple reply, int zone) {
    return entry(id, original, reply, zone).identity();
  }

  @Test
  void equals_idTuplesAndZoneAreTheSame_onlyThen() {
    ConntrackIdentity one = identity(7, ORIGINAL, REPLY, 0);
    assertEquals(one, identity(7, ORIGINAL, REPLY, 0));
    assertNotEquals(one, identity(8, ORIGINAL, REPLY, 0), "the tuples are used again");
    assertNotEquals(one, identity(7, tuple("192.0.2.1", 40002, "203.0.113.1", 21), REPLY, 0));
    assertNotEquals(one, identity(7, ORIGINAL, tuple("198.51.100.8", 2121, "192.0.2.1", 40001), 0));
    assertNotEquals(one, identity(7, ORIGINAL, REPLY, 1));
  }

  @Test
  void equals_theRestOfTheEntryChanged_theSame() {
    ConntrackEntry later =
        new ConntrackEntry(
            ORIGINAL,
            REPLY,
            7,
            26,
            14,
            10,
            7,
            "ftp",
            1,
            2,
            3,
            4,
            0,
            ConntrackEntry.TcpCloser.NOBODY);
    assertEquals(identity(7, ORIGINAL, REPLY, 0), later.identity());
  }

  @Test
  void hashCode_isTheKernelsHash_notOneOfWhatStrangersChoose() {
    assertEquals(7, identity(7, ORIGINAL, REPLY, 0).hashCode());
    assertEquals(7, identity(7, REPLY, ORIGINAL, 3).hashCode());
  }

  @Test
  void serial_eightHexDigits() {
    assertEquals("0000e39a", identity(0xe39a, ORIGINAL, REPLY, 0).serial());
    assertEquals("ffffffff", identity(-1, ORIGINAL, REPLY, 0).serial());
  }
}
