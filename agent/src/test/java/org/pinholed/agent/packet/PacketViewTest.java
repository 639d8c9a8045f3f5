package org.pinholed.agent.packet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PacketViewTest {
  private static final InetSocketAddress CLIENT4 = new InetSocketAddress("192.0.2.10", 40001);
  private static final InetSocketAddress SERVER4 = new InetSocketAddress("198.51.100.7", 21);
  private static final InetSocketAddress CLIENT6 = new InetSocketAddress("2001:db8:1::10", 40001);
  private static final InetSocketAddress SERVER6 = new InetSocketAddress("2001:db8:2::7", 21);

  /** Bytes around the packet, which must never be read. */
  private static final int MARGIN = 64;

  private static final int TCP = 6;
  private static final byte UDP = 17;

  private static PacketBuilder tcp4() {
    return PacketBuilder.tcp(CLIENT4, SERVER4)
        .sequence(0xfffffff0)
        .acknowledgement(0x80000001)
        .flags(PacketView.ACK)
        .payload("PASV\r\n");
  }

  private static PacketBuilder tcp6() {
    return PacketBuilder.tcp(CLIENT6, SERVER6)
        .sequence(1)
        .acknowledgement(2)
        .flags(PacketView.ACK)
        .payload("EPSV\r\n");
  }

  static Stream<byte[]> goodPackets() {
    return Stream.of(
        tcp4().build(),
        tcp4().ipOptions(10).tcpOptions(10).build(),
        tcp4().payload("").build(),
        tcp6().build(),
        tcp6().tcpOptions(3).build(),
        tcp6().extensionHeaders(0, extensions(0, 60, 43)).build(),
        tcp6().extensionHeaders(51, authentication()).build(),
        tcp6().extensionHeaders(44, fragment(0)).build(),
        PacketBuilder.udp(CLIENT4, SERVER4).payload("INVITE").build(),
        PacketBuilder.udp(CLIENT6, SERVER6).payload("INVITE").build(),
        PacketBuilder.udp(CLIENT6, SERVER6).build());
  }

  /** One extension header of eight bytes for each type, TCP behind the last. */
  private static byte[] extensions(int... types) {
    byte[] bytes = new byte[types.length * 8];
    for (int i = 0; i < types.length; i++) {
      bytes[i * 8] = (byte) (i + 1 < types.length ? types[i + 1] : TCP);
    }
    return bytes;
  }

  private static byte[] authentication() {
    byte[] bytes = new byte[24];
    bytes[0] = TCP;
    bytes[1] = 24 / 4 - 2;
    return bytes;
  }

  private static byte[] fragment(int offsetUnits) {
    return new byte[] {TCP, 0, (byte) (offsetUnits >> 5), (byte) (offsetUnits << 3), 0, 0, 0, 1};
  }

  /** Wraps a packet that stands in the middle of a buffer of other bytes. */
  private static @Nullable UnreadableReason wrap(PacketView view, byte[] packet, int lengthBytes) {
    ByteBuffer buffer = ByteBuffer.allocate(packet.length + 2 * MARGIN);
    Arrays.fill(buffer.array(), (byte) 0x06);
    buffer.put(MARGIN, packet);
    return view.wrap(buffer, MARGIN, lengthBytes);
  }

  /** Wraps a packet that ends where its buffer ends, so that a read behind it would throw. */
  private static @Nullable UnreadableReason wrapAtEnd(
      PacketView view, byte[] packet, int lengthBytes) {
    ByteBuffer buffer = ByteBuffer.allocate(MARGIN + lengthBytes);
    buffer.put(MARGIN, packet, 0, lengthBytes);
    return view.wrap(buffer, MARGIN, lengthBytes);
  }

  private static PacketView readable(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(wrap(view, packet, packet.length));
    return view;
  }

  private static String payloadOf(PacketView view) {
    byte[] bytes = new byte[view.payloadLengthBytes()];
    view.buffer().get(view.payloadOffset(), bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static byte[] with(byte[] packet, int index, int value) {
    byte[] changed = packet.clone();
    changed[index] = (byte) value;
    return changed;
  }

  private static @Nullable UnreadableReason reasonOf(byte[] packet) {
    return wrapAtEnd(new PacketView(), packet, packet.length);
  }

  @Nested
  class Reads {
    @Test
    void theFieldsOfAnIpv4Segment() {
      PacketView view = readable(tcp4().ipOptions(2).tcpOptions(3).build());

      assertTrue(view.isTcp());
      assertEquals(TCP, view.protocol());
      assertEquals(CLIENT4.getAddress(), view.sourceAddress());
      assertEquals(SERVER4.getAddress(), view.destinationAddress());
      assertEquals(40001, view.sourcePort());
      assertEquals(21, view.destinationPort());
      assertEquals(0xfffffff0, view.sequence());
      assertEquals(0x80000001, view.acknowledgement());
      assertEquals(PacketView.ACK, view.tcpFlags());
      assertEquals("PASV\r\n", payloadOf(view));
      assertEquals(0, view.sourceHigh());
      assertEquals(0x0000ffff_c000020aL, view.sourceLow());
      assertEquals(0, view.destinationHigh());
      assertEquals(0x0000ffff_c6336407L, view.destinationLow());
    }

    @Test
    void theFieldsOfAnIpv6SegmentBehindExtensionHeaders() {
      PacketView view = readable(tcp6().extensionHeaders(0, extensions(0, 43, 60)).build());

      assertTrue(view.isTcp());
      assertEquals(CLIENT6.getAddress(), view.sourceAddress());
      assertEquals(SERVER6.getAddress(), view.destinationAddress());
      assertEquals("EPSV\r\n", payloadOf(view));
      assertEquals(0x20010db8_00010000L, view.sourceHigh());
      assertEquals(0x10, view.sourceLow());
      assertEquals(0x20010db8_00020000L, view.destinationHigh());
      assertEquals(7, view.destinationLow());
    }

    @ParameterizedTest
    @CsvSource({"0, false", "60, false", "43, true"})
    void whetherAnIpv6SegmentMayBeChanged(int header, boolean unalterable) {
      assertEquals(
          unalterable,
          readable(tcp6().extensionHeaders(header, extensions(header)).build()).isUnalterable());
    }

    @Test
    void thatASignedSegmentMayNotBeChanged_andOnlyThatOne() {
      PacketView view = readable(tcp6().extensionHeaders(51, authentication()).build());
      assertTrue(view.isUnalterable());
      byte[] next = tcp6().build();
      assertNull(view.wrap(ByteBuffer.wrap(next), 0, next.length));
      assertFalse(view.isUnalterable());
    }

    @ParameterizedTest
    @CsvSource({
      "01010101, false", // no operation
      "94040000, false", // router alert
      "0194040000000000, false",
      "00830704, false", // what stands behind the end of the list is none
      "83070400000000ff, true", // loose source route
      "01890704000000ff, true", // strict source route, behind a no operation
      "94000000, true", // a length that lies
      "01010194, true"
    })
    void whetherAnIpv4SegmentMayBeChanged(String options, boolean unalterable) {
      byte[] bytes = HexFormat.of().parseHex(options);
      assertEquals(unalterable, readable(tcp4().ipOptions(bytes).build()).isUnalterable());
    }

    @Test
    void anIpv6DatagramWithoutTcpFields() {
      PacketView view =
          readable(PacketBuilder.udp(CLIENT6, SERVER6).payload("REGISTER sip:").build());

      assertFalse(view.isTcp());
      assertEquals(17, view.protocol());
      assertEquals("REGISTER sip:", payloadOf(view));
      assertFalse(view.has(0), "UDP has no flags");
    }

    @Test
    void onlyWhatTheIpLengthCoversAsPayload() {
      // Ethernet pads short frames; the padding is no payload.
      byte[] packet = tcp4().payload("").build();
      byte[] padded = Arrays.copyOf(packet, packet.length + 6);
      PacketView view = new PacketView();

      assertNull(wrapAtEnd(view, padded, padded.length));
      assertEquals(0, view.payloadLengthBytes());
    }

    @Test
    void onlyWhatTheUdpLengthCoversAsPayload() {
      byte[] packet = PacketBuilder.udp(CLIENT4, SERVER4).payload("abcdef").build();
      PacketView view = readable(with(packet, 20 + 5, 8 + 4));

      assertEquals("abcd", payloadOf(view));
    }

    @Test
    void theFieldsOfADatagramBehindIpOptionsAndExtensionHeaders() {
      PacketView four =
          readable(
              PacketBuilder.udp(CLIENT4, SERVER4)
                  .ipOptions(10)
                  .udpChecksum(0xffff)
                  .payload("OPTIONS")
                  .build());
      byte[] headers = extensions(0, 60);
      headers[8] = UDP;
      PacketView six =
          readable(
              PacketBuilder.udp(CLIENT6, SERVER6)
                  .extensionHeaders(0, headers)
                  .payload("OPTIONS")
                  .build());

      for (PacketView view : List.of(four, six)) {
        assertFalse(view.isTcp());
        assertEquals(40001, view.sourcePort());
        assertEquals(21, view.destinationPort());
        assertEquals("OPTIONS", payloadOf(view));
        assertTrue(view.hasUdpChecksum());
      }
    }

    @Test
    void anEmptyDatagram() {
      assertEquals("", payloadOf(readable(PacketBuilder.udp(CLIENT4, SERVER4).build())));
    }

    @Test
    void whetherADatagramHasAChecksum() {
      PacketBuilder datagram = PacketBuilder.udp(CLIENT4, SERVER4);
      assertFalse(readable(datagram.build()).hasUdpChecksum());
      assertTrue(readable(datagram.udpChecksum(1).build()).hasUdpChecksum());
      assertTrue(readable(datagram.udpChecksum(0xff00).build()).hasUdpChecksum());
      assertTrue(readable(PacketBuilder.udp(CLIENT6, SERVER6).build()).hasUdpChecksum());
    }

    @Test
    void whetherItMayBeFragmented() {
      assertTrue(readable(tcp4().fragment(0, 0x4000).build()).isDontFragment());
      assertFalse(readable(tcp4().fragment(7, 0).build()).isDontFragment());
      assertFalse(readable(tcp6().build()).isDontFragment());
    }

    @Test
    void allFlagsAsked() {
      PacketView view = readable(tcp4().flags(PacketView.SYN | PacketView.ACK).build());

      assertTrue(view.has(PacketView.SYN | PacketView.ACK));
      assertFalse(view.has(PacketView.SYN | PacketView.FIN));
      assertFalse(view.has(PacketView.RST));
    }

    @Test
    void anIpv4MappedIpv6AddressAsIpv6() throws UnknownHostException {
      // InetAddress.getByAddress would make an IPv4 address of it, and the tuple two families.
      byte[] packet = tcp6().build();
      byte[] mapped = HexFormat.of().parseHex("00000000000000000000ffffc000020a");
      System.arraycopy(mapped, 0, packet, 8, 16);
      PacketView view = readable(packet);

      assertEquals(Inet6Address.getByAddress(null, mapped, -1), view.sourceAddress());
      assertTrue(view.isIpv6());
      assertFalse(readable(tcp4().build()).isIpv6());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8})
    void upToEightExtensionHeaders(int count) {
      int[] types = new int[count];
      Arrays.fill(types, 60);
      PacketView view = readable(tcp6().extensionHeaders(60, extensions(types)).build());

      assertEquals("EPSV\r\n", payloadOf(view));
    }

    @Test
    void theAddressesOfThePacketAndNotOfTheOneBefore() {
      PacketView view = readable(tcp6().build());
      byte[] packet = tcp4().build();
      wrap(view, packet, packet.length);

      assertEquals(CLIENT4.getAddress(), view.sourceAddress());
      assertEquals(0, view.sourceHigh());
    }
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @MethodSource("org.pinholed.agent.packet.PacketViewTest#goodPackets")
    void everyCut(byte[] packet) {
      for (int length = 0; length < packet.length; length++) {
        assertNotNull(wrapAtEnd(new PacketView(), packet, length), "cut at " + length);
      }
      assertNull(wrapAtEnd(new PacketView(), packet, packet.length));
    }

    @Test
    void anIpv4HeaderShorterThanItsMinimum() {
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(tcp4().build(), 0, 0x44)));
    }

    @Test
    void anIpv4HeaderLongerThanThePacket() {
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(tcp4().build(), 0, 0x4f)));
    }

    @Test
    void aTotalLengthBelowTheHeader() {
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(tcp4().build(), 3, 19)));
    }

    @Test
    void aTotalLengthAboveWhatWasCopied() {
      byte[] packet = tcp4().build();

      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 3, packet.length + 1)));
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 2, 0xff)));
    }

    @Test
    void aPayloadLengthOfIpv6AboveWhatWasCopied() {
      byte[] packet = tcp6().build();

      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 5, packet.length - 40 + 1)));
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 4, 0xff)));
    }

    @Test
    void aJumboPayload() {
      byte[] packet = with(with(tcp6().build(), 4, 0), 5, 0);

      assertEquals(UnreadableReason.TRUNCATED, reasonOf(packet));
    }

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0x40, 0xf0})
    void aDataOffsetThatLies(int dataOffset) {
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(tcp4().build(), 20 + 12, dataOffset)));
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(tcp6().build(), 40 + 12, dataOffset)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 15, 255})
    void aUdpLengthThatLies(int length) {
      byte[] packet = PacketBuilder.udp(CLIENT4, SERVER4).payload("abcdef").build();

      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 20 + 5, length)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0x2000, 0x6000, 0x2001, 0x0001, 0x1fff, 0x3fff})
    void anyFragmentOfIpv4(int flagsAndOffset) {
      assertEquals(
          UnreadableReason.FRAGMENT,
          reasonOf(
              PacketBuilder.udp(CLIENT4, SERVER4)
                  .fragment(7, flagsAndOffset)
                  .payload("INVITE")
                  .build()));
    }

    @Test
    void theFirstFragmentOfIpv6_butNotOneThatIsWhole() {
      byte[] first = fragment(0);
      first[3] |= 1; // IP6_MF
      assertEquals(UnreadableReason.FRAGMENT, reasonOf(tcp6().extensionHeaders(44, first).build()));
      assertNull(reasonOf(tcp6().extensionHeaders(44, fragment(0)).build()));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 15, 255})
    void aUdpLengthOfIpv6ThatLies(int length) {
      byte[] packet = PacketBuilder.udp(CLIENT6, SERVER6).payload("abcdef").build();

      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 40 + 5, length)));
      assertEquals(UnreadableReason.TRUNCATED, reasonOf(with(packet, 40 + 4, 0xff)));
    }

    @Test
    void laterFragmentsOfIpv4() {
      byte[] packet = with(tcp4().build(), 7, 1);

      assertEquals(UnreadableReason.FRAGMENT, reasonOf(packet));
    }

    @Test
    void laterFragmentsOfIpv6() {
      assertEquals(
          UnreadableReason.FRAGMENT, reasonOf(tcp6().extensionHeaders(44, fragment(1)).build()));
      assertEquals(
          UnreadableReason.FRAGMENT,
          reasonOf(tcp6().extensionHeaders(44, fragment(0x1fff)).build()));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 43, 60, 51})
    void anExtensionHeaderThatEndsBehindThePacket(int type) {
      byte[] headers = extensions(type);
      headers[1] = (byte) 255;

      assertEquals(
          UnreadableReason.TRUNCATED, reasonOf(tcp6().extensionHeaders(type, headers).build()));
    }

    @Test
    void moreThanEightExtensionHeaders() {
      int[] types = new int[9];
      Arrays.fill(types, 60);

      assertEquals(
          UnreadableReason.OTHER_PROTOCOL,
          reasonOf(tcp6().extensionHeaders(60, extensions(types)).build()));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 47, 50, 58, 59, 132})
    void otherProtocols(int protocol) {
      assertEquals(UnreadableReason.OTHER_PROTOCOL, reasonOf(with(tcp4().build(), 9, protocol)));
      assertEquals(UnreadableReason.OTHER_PROTOCOL, reasonOf(with(tcp6().build(), 6, protocol)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0x15, 0x55, 0x70, 0xff})
    void otherVersions(int firstByte) {
      assertEquals(UnreadableReason.NOT_IP, reasonOf(with(tcp4().build(), 0, firstByte)));
    }

    @Test
    void nothingAtAll() {
      assertEquals(UnreadableReason.TRUNCATED, new PacketView().wrap(ByteBuffer.allocate(0), 0, 0));
    }
  }

  /** What is readable stays inside of the packet, whatever its bytes say. */
  private static void assertStaysInside(byte[] packet, int lengthBytes) throws Exception {
    PacketView view = new PacketView();
    UnreadableReason reason = wrapAtEnd(view, packet, lengthBytes);
    if (reason != null) {
      return;
    }
    assertTrue(view.payloadOffset() >= MARGIN + 28, "payload in front of the headers");
    assertTrue(view.payloadLengthBytes() >= 0, "negative length");
    assertTrue(
        view.payloadOffset() + view.payloadLengthBytes() <= MARGIN + lengthBytes,
        "payload behind the packet");
    InetAddress source = view.sourceAddress();
    assertEquals(view.isIpv6() ? 16 : 4, source.getAddress().length);
    assertEquals(source.getAddress().length, view.destinationAddress().getAddress().length);
    assertTrue(view.sourcePort() >= 0 && view.destinationPort() <= 65535);
    view.isDontFragment();
    if (!view.isTcp()) {
      view.hasUdpChecksum();
    } else {
      view.sequence();
      view.acknowledgement();
      view.tcpFlags();
    }
  }

  @Property(tries = 3000)
  void randomBytes_neverThrowAndNeverReadOutside(@ForAll @Size(max = 200) byte[] packet)
      throws Exception {
    assertStaysInside(packet, packet.length);
  }

  @Property(tries = 3000)
  void goodPacketWithChangedBytes_neverThrowsAndNeverReadsOutside(
      @ForAll @IntRange(max = 10) int which,
      @ForAll @Size(min = 1, max = 6) int[] changes,
      @ForAll @IntRange(max = 120) int cut)
      throws Exception {
    byte[] packet = goodPackets().skip(which).findFirst().orElseThrow();
    for (int change : changes) {
      packet[Math.floorMod(change >>> 8, packet.length)] = (byte) change;
    }
    assertStaysInside(packet, Math.max(0, packet.length - Math.max(0, cut - 60)));
  }
}
