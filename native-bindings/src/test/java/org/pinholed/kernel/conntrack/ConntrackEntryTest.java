package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConntrackEntryTest {
  private static FlowTuple tuple(
      int protocol, String source, int sourcePort, String destination, int destinationPort) {
    try {
      return new FlowTuple(
          protocol,
          InetAddress.getByName(source),
          sourcePort,
          InetAddress.getByName(destination),
          destinationPort);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static ConntrackEntry entry(int protocol, int tcpState, String helper) {
    FlowTuple original = tuple(protocol, "192.0.2.10", 40001, "198.51.100.7", 5060);
    return new ConntrackEntry(
        original,
        original.inverse(),
        7,
        0,
        0,
        30,
        tcpState,
        helper,
        -1,
        -1,
        -1,
        -1,
        3,
        ConntrackEntry.TcpCloser.NOBODY);
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.10,40001,198.51.100.7,5060,0",
    "203.0.113.1,40001,198.51.100.7,5060,16",
    "192.0.2.10,40002,198.51.100.7,5060,16",
    "192.0.2.10,40001,203.0.113.7,5060,32",
    "192.0.2.10,40001,198.51.100.7,5061,32",
    "203.0.113.1,40001,203.0.113.7,5060,48",
  })
  void unconfirmed_isTranslatedWhereItsTuplesDiffer(
      String client, int clientPort, String server, int serverPort, int status) {
    FlowTuple original = tuple(17, "192.0.2.10", 40001, "198.51.100.7", 5060);
    FlowTuple reply = tuple(17, server, serverPort, client, clientPort);
    ConntrackEntry entry = ConntrackEntry.unconfirmed(original, reply, 9, 25);
    assertEquals(status, entry.status());
    assertEquals(status != 0, entry.isTranslated());
    assertEquals(new ConntrackIdentity(9, original, reply, 0), entry.identity());
    assertEquals(25, entry.mark());
    assertTrue(entry.isAlive());
  }

  @ParameterizedTest
  @CsvSource({"1,false", "2,true", "3,true", "5,true", "6,false", "-1,false"})
  void tcp_isAliveFromTheAnswerToItsSynUntilBothHaveClosed(int state, boolean alive) {
    ConntrackEntry entry = entry(6, state, "");
    assertEquals(alive, entry.isTcpAlive());
    assertEquals(alive, entry.isAlive());
  }

  @ParameterizedTest
  @CsvSource({"5,false", "6,true", "7,true", "8,false"})
  void twoFins_mayBeOneThatWasSentTwice(int state, boolean two) {
    assertEquals(two, entry(6, state, "").hasTwoFins());
  }

  @Test
  void foreignHelper_isNotTheNameOfAnExpectationObject() {
    assertFalse(entry(6, 3, "").hasForeignHelper());
    assertFalse(entry(6, 3, "nft_ct_expect").hasForeignHelper());
    assertTrue(entry(6, 3, "ftp").hasForeignHelper());
    assertTrue(entry(6, 3, "nft_ct_expect2").hasForeignHelper(), "of a program, perhaps");
    assertEquals(3, entry(17, -1, "").identity().zone());
  }
}
