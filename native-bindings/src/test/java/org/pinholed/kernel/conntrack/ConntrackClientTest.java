package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** Requests byte for byte; the hexadecimal texts are what conntrack-tools sends. */
class ConntrackClientTest {
  // CTA_TUPLE_ORIG: 192.0.2.2:40000 to 198.51.100.21:21, TCP.
  private static final String TUPLE4 =
      "34000180 14000180 08000100 c0000202 08000200 c6336415"
          + "1c000280 05000100 06000000 06000200 9c400000 06000300 00150000";
  // CTA_TUPLE_ORIG: [2001:db8::1]:1 to [2001:db8::2]:2, UDP.
  private static final String TUPLE6 =
      "4c000180 2c000180 14000300 20010db8 00000000 00000000 00000001"
          + "14000400 20010db8 00000000 00000000 00000002"
          + "1c000280 05000100 11000000 06000200 00010000 06000300 00020000";

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final ConntrackClient client = ConntrackClient.open(kernel);

  @AfterEach
  void playedToItsEnd() {
    client.close();
    assertTrue(kernel.isClosed());
  }

  static FlowTuple control() {
    return new FlowTuple(6, address("192.0.2.2"), 40000, address("198.51.100.21"), 21);
  }

  static FlowTuple control6() {
    return new FlowTuple(17, address("2001:db8::1"), 1, address("2001:db8::2"), 2);
  }

  static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  /** An entry as ctnetlink tells it. */
  static NetlinkWriter entry(NetlinkWriter writer, int message, int sequence, int id, int mark) {
    writer.beginNfnetlink(1, message, 0, sequence, 2, 0);
    ConntrackMessages.tuple(writer, ConntrackMessages.CTA_TUPLE_ORIG, control());
    ConntrackMessages.tuple(writer, ConntrackMessages.CTA_TUPLE_REPLY, control().inverse());
    writer.attr32be(ConntrackMessages.CTA_ID, id);
    writer.attr32be(ConntrackMessages.CTA_MARK, mark);
    return writer.endMessage();
  }

  @Test
  void get_ipv4_asksByTheTuple() throws NetlinkException {
    kernel
        .expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4)
        .answer(writer -> entry(writer, 0, 1, 0xd12dd840, 5));
    ConntrackEntry found = client.get(control()).orElseThrow();
    assertEquals("d12dd840", found.identity().serial());
    assertEquals(control(), found.original());
    assertEquals(5, found.mark());
  }

  @Test
  void get_byIdentity_onlyTheVeryConnection() throws NetlinkException {
    String request = "48000000 0101 0100 %02x000000 00000000 02000000" + TUPLE4;
    for (int sequence = 1; sequence <= 3; sequence++) {
      int number = sequence;
      kernel
          .expectHex(String.format(request, sequence))
          .answer(writer -> entry(writer, 0, number, 7, 5));
    }
    FlowTuple reply = control().inverse();
    assertTrue(client.get(new ConntrackIdentity(7, control(), reply, 0)).isPresent());
    assertTrue(client.get(new ConntrackIdentity(8, control(), reply, 0)).isEmpty());
    assertTrue(client.get(new ConntrackIdentity(7, control(), control(), 0)).isEmpty());
  }

  @Test
  void get_ipv6_asksByTheTuple() throws NetlinkException {
    kernel
        .expectHex("60000000 0101 0100 01000000 00000000 0a000000" + TUPLE6)
        .refuse(1, Errno.ENOENT);
    assertTrue(client.get(control6()).isEmpty());
  }

  @Test
  void get_answeredWithNonsense_isEmpty() throws NetlinkException {
    kernel
        .expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4)
        .answer(writer -> writer.beginNfnetlink(1, 0, 0, 1, 2, 0).attr8(1, 1).endMessage());
    assertTrue(client.get(control()).isEmpty());
  }

  @Test
  void get_refused_throws() {
    kernel
        .expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4)
        .refuse(1, Errno.EPERM);
    NetlinkException refused = assertThrows(NetlinkException.class, () -> client.get(control()));
    assertTrue(refused.toString().endsWith("conntrack: get: errno 1 (EPERM)"));
  }

  @Test
  void delete_namesTheIdToo() throws NetlinkException {
    String request =
        "50000000 0201 0500 %02x000000 00000000 02000000" + TUPLE4 + "08000c00 d12dd840";
    kernel.expectHex(String.format(request, 1)).acknowledge(1);
    assertTrue(client.delete(control(), 0xd12dd840));
    kernel.expectHex(String.format(request, 2)).refuse(2, Errno.ENOENT);
    assertFalse(client.delete(control(), 0xd12dd840));
    kernel.expectHex(String.format(request, 3)).refuse(3, Errno.EPERM);
    assertThrows(NetlinkException.class, () -> client.delete(control(), 0xd12dd840));
  }

  @Test
  void setTimeout_looksAtTheIdFirst() throws NetlinkException {
    kernel.expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4);
    kernel.answer(writer -> entry(writer, 0, 1, 0xd12dd840, 0));
    kernel
        .expectHex("50000000 0001 0500 02000000 00000000 02000000" + TUPLE4 + "08000700 00015180")
        .acknowledge(2);
    ConntrackIdentity identity =
        new ConntrackIdentity(0xd12dd840, control(), control().inverse(), 0);
    assertTrue(client.setTimeout(identity, 86_400));
    kernel.expectHex("48000000 0101 0100 03000000 00000000 02000000" + TUPLE4);
    kernel.answer(writer -> entry(writer, 0, 3, 0xd12dd841, 0));
    assertFalse(client.setTimeout(identity, 86_400));
  }

  @Test
  void setMark_sendsNoBitOutsideOfTheMask() throws NetlinkException {
    kernel
        .expectHex(
            "58000000 0001 0500 01000000 00000000 02000000"
                + TUPLE4
                + "08000800 10000000 08001500 30000000")
        .acknowledge(1);
    assertTrue(client.setMark(control(), 0x1000ffff, 0x30000000));
  }

  @Test
  void dump_withAFilter_asksTheKernelAndChecksItsAnswer() throws NetlinkException {
    kernel
        .expectHex(
            "24000000 0101 0103 01000000 00000000 02000000 08000800 20000000 08001500 30000000")
        .answer(
            writer -> {
              entry(writer, 0, 1, 1, 0x20000019);
              entry(writer, 0, 1, 2, 0x30000019);
            })
        .answer(writer -> writer.beginMessage(3, 2, 1).raw32host(0).endMessage());
    List<Integer> ids = new ArrayList<>();
    client.dump(new DumpFilter(2, 0x2000ffff, 0x30000000), entry -> ids.add(entry.id()));
    assertEquals(List.of(1), ids);
  }

  @Test
  void dump_ofAll_asksForNothingInParticular() throws NetlinkException {
    kernel
        .expectHex("14000000 0101 0103 01000000 00000000 00000000")
        .answer(writer -> writer.beginMessage(3, 2, 1).raw32host(0).endMessage());
    client.dump(DumpFilter.ALL, entry -> {});
  }

  @Test
  void records_outsideTheirRange_areRefused() {
    assertThrows(IllegalArgumentException.class, () -> new DumpFilter(7, 0, 0));
    InetAddress four = address("192.0.2.1");
    assertThrows(
        IllegalArgumentException.class, () -> new FlowTuple(6, four, 1, address("2001:db8::1"), 1));
    assertThrows(IllegalArgumentException.class, () -> new FlowTuple(256, four, 1, four, 1));
    assertThrows(IllegalArgumentException.class, () -> new FlowTuple(6, four, 65536, four, 1));
    assertThrows(IllegalArgumentException.class, () -> new FlowTuple(6, four, 1, four, -1));
  }

  @Test
  void removeHelper_saysAnEmptyName() throws NetlinkException {
    kernel
        .expectHex(
            "54000000 0001 0500 01000000 00000000 02000000" + TUPLE4 + "0c000580 05000100 00000000")
        .acknowledge(1);
    assertTrue(client.removeHelper(control()));
  }

  @Test
  void removeHelper_ofWhatIsNotThere_isNot() throws NetlinkException {
    kernel.takeAnything().refuse(1, Errno.ENOENT);
    assertFalse(client.removeHelper(control()));
  }

  @Test
  void removeHelper_fromLinux72On_isRefused() {
    kernel.takeAnything().refuse(1, Errno.EOPNOTSUPP);
    assertThrows(NetlinkException.class, () -> client.removeHelper(control()));
  }

  @Test
  void make_hasBothTuplesAndTheHelper() throws NetlinkException {
    kernel.takeAnything().acknowledge(1);
    client.make(control(), "pinholed", 2);
    assertThrows(IllegalArgumentException.class, () -> client.make(control(), "pinholed", 0));
    assertEquals(1, kernel.sendCount());
  }
}
