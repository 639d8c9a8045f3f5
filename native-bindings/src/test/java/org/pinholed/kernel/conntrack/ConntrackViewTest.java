package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Inet6Address;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.kernel.conntrack.ConntrackEntry.TcpCloser;

/** The attributes of an entry, as Linux 6.18 told them, and damaged. */
class ConntrackViewTest {
  // 192.0.2.1:39290 to 192.0.2.1:9, UDP, accounting on, one packet seen.
  private static final String UDP_ENTRY =
      "34000180 14000180 08000100 c0000201 08000200 c0000201"
          + "1c000280 05000100 11000000 06000200 997a0000 06000300 00090000"
          + "34000280 14000180 08000100 c0000201 08000200 c0000201"
          + "1c000280 05000100 11000000 06000200 00090000 06000300 997a0000"
          + "08000300 00000008 08000800 00000000 08000c00 d82dd140 08000b00 00000001"
          + "08000700 0000001e 1c000980 0c000100 00000000 00000001 0c000200 00000000 0000001d"
          + "1c000a80 0c000100 00000000 00000000 0c000200 00000000 00000000";

  static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  private static Optional<ConntrackEntry> parse(byte[] bytes) {
    ByteBuffer buffer =
        ByteBuffer.allocate(bytes.length + 4).order(ByteOrder.nativeOrder()).put(4, bytes);
    return ConntrackView.parse(buffer, 4, bytes.length);
  }

  @Test
  void udpEntry_isRead() {
    FlowTuple tuple =
        new FlowTuple(
            17,
            ConntrackClientTest.address("192.0.2.1"),
            39290,
            ConntrackClientTest.address("192.0.2.1"),
            9);
    assertEquals(
        Optional.of(
            new ConntrackEntry(
                tuple,
                tuple.inverse(),
                0xd82dd140,
                0,
                8,
                30,
                -1,
                "",
                1,
                29,
                0,
                0,
                0,
                TcpCloser.NOBODY)),
        parse(hex(UDP_ENTRY)));
  }

  @Test
  void tcpState_helperAndZone_areRead() {
    String more =
        "10000480 0c000180 05000100 03000000" // CTA_PROTOINFO, TCP, state 3
            + "0c000580 08000100 66747000" // CTA_HELP, name "ftp"
            + "06001200 00070000"; // CTA_ZONE 7
    ConntrackEntry entry = parse(hex(UDP_ENTRY + more)).orElseThrow();
    assertEquals(3, entry.tcpState());
    assertEquals("ftp", entry.helperName());
    assertEquals(7, entry.zone());
  }

  @ParameterizedTest
  @CsvSource({
    "0307, 0303, NOBODY",
    "0b07, 0b03, NOBODY", // IP_CT_TCP_FLAG_BE_LIBERAL is another bit
    "0707, 0303, ORIGINAL",
    "0307, 0707, REPLY"
  })
  void whoClosedFirst_isRead(String original, String reply, TcpCloser closer) {
    String more =
        "20000480 1c000180 05000100 04000000" // CTA_PROTOINFO, TCP, state 4
            + "06000400 %s0000 06000500 %s0000".formatted(original, reply);
    ConntrackEntry entry = parse(hex(UDP_ENTRY + more)).orElseThrow();
    assertEquals(4, entry.tcpState());
    assertEquals(closer, entry.tcpCloser());
  }

  @Test
  void zoneOfOneDirection_isRead() {
    String original =
        "3c000180 14000180 08000100 c0000201 08000200 c0000201"
            + "1c000280 05000100 11000000 06000200 997a0000 06000300 00090000"
            + "06000300 00070000"; // CTA_TUPLE_ZONE 7
    ConntrackEntry entry = parse(hex(original + UDP_ENTRY.substring(115))).orElseThrow();
    assertEquals(39290, entry.original().sourcePort());
    assertEquals(7, entry.zone());
  }

  @Test
  void entryWithoutAccountingAndReply_hasTheInverseAndMinusOne() {
    ConntrackEntry entry = parse(hex(UDP_ENTRY.substring(0, 117))).orElseThrow();
    assertEquals(entry.original().inverse(), entry.reply());
    assertEquals(-1, entry.originalPackets());
    assertEquals(-1, entry.replyBytes());
    assertEquals(-1, entry.timeoutSeconds());
    assertEquals("00000000", entry.identity().serial());
  }

  @Test
  void icmpTuple_hasPortsZero() {
    // CTA_PROTO_NUM 1, ICMP_ID 4711, ICMP_TYPE 8, ICMP_CODE 0
    String icmp =
        "3c000180 14000180 08000100 c0000201 08000200 c0000202"
            + "24000280 05000100 01000000 06000400 12670000 05000500 08000000 05000600 00000000";
    FlowTuple tuple = parse(hex(icmp)).orElseThrow().original();
    assertEquals(1, tuple.protocol());
    assertEquals(0, tuple.sourcePort());
    assertEquals(0, tuple.destinationPort());
  }

  @Test
  void mappedAddress_staysIpv6() throws UnknownHostException {
    String mapped =
        "4c000180 2c000180 14000300 00000000 00000000 0000ffff c0000201"
            + "14000400 00000000 00000000 0000ffff c0000202"
            + "1c000280 05000100 11000000 06000200 00010000 06000300 00020000";
    FlowTuple tuple = parse(hex(mapped)).orElseThrow().original();
    assertTrue(tuple.isIpv6());
    assertTrue(tuple.source() instanceof Inet6Address);
    assertEquals(16, tuple.source().getAddress().length);
  }

  @Test
  void tupleOfTwoFamilies_orWithAnAddressOfFiveBytes_isNone() {
    String mixed =
        "24000180 20000180 08000100 c0000201 14000400 20010db8 00000000 00000000 00000002";
    assertTrue(parse(hex(mixed)).isEmpty());
    String five = "1c000180 18000180 09000100 c0000201 01000000 08000200 c0000202";
    assertTrue(parse(hex(five)).isEmpty());
    assertTrue(parse(new byte[0]).isEmpty());
  }

  @Test
  void entry_cutAnywhereOrWithAnyByteChanged_neverThrows() {
    byte[] whole = hex(UDP_ENTRY);
    int found = 0;
    for (int length = 0; length <= whole.length; length++) {
      found += parse(Arrays.copyOf(whole, length)).isPresent() ? 1 : 0;
    }
    assertTrue(found > 0 && found < whole.length);
    for (int at = 0; at < whole.length; at++) {
      for (int value : new int[] {0, 1, 0x7f, 0x80, 0xff}) {
        byte[] changed = whole.clone();
        changed[at] = (byte) value;
        parse(changed);
      }
    }
  }
}
