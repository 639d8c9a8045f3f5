package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;

class PacketRewriterTest {
  private static final InetSocketAddress CLIENT4 = new InetSocketAddress("192.0.2.10", 40001);
  private static final InetSocketAddress SERVER4 = new InetSocketAddress("198.51.100.7", 21);
  private static final InetSocketAddress CLIENT6 = new InetSocketAddress("2001:db8:1::10", 40001);
  private static final InetSocketAddress SERVER6 = new InetSocketAddress("2001:db8:2::7", 21);

  /** Hop-by-hop options with padding, then TCP. */
  private static final byte[] HOP_BY_HOP = {6, 0, 1, 4, 0, 0, 0, 0};

  private final PacketRewriter rewriter = new PacketRewriter();

  private static PacketBuilder packet(boolean ipv6, boolean options) {
    PacketBuilder builder =
        ipv6 ? PacketBuilder.tcp(CLIENT6, SERVER6) : PacketBuilder.tcp(CLIENT4, SERVER4);
    builder.sequence(-3).acknowledgement(77).flags(PacketView.ACK | PacketView.FIN);
    if (!options) {
      return builder;
    }
    builder.tcpOptions(3);
    return ipv6 ? builder.extensionHeaders(0, HOP_BY_HOP) : builder.ipOptions(2);
  }

  private static PacketView view(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return view;
  }

  private byte[] rewrite(byte[] packet, int keptBytes, List<PayloadEdit> edits) {
    PacketView view = view(packet);
    int length = rewriter.rewrite(view, view.sequence() + keptBytes, edits);
    byte[] result = new byte[length];
    rewriter.buffer().get(0, result);
    return result;
  }

  private static byte[] payload(byte[] packet) {
    PacketView view = view(packet);
    return Arrays.copyOfRange(
        packet, view.payloadOffset(), view.payloadOffset() + view.payloadLengthBytes());
  }

  @Property
  void rewrittenAndBack_isTheOriginal_withRightLengthsAndChecksums(
      @ForAll boolean ipv6,
      @ForAll boolean options,
      @ForAll @Size(max = 200) byte[] payload,
      @ForAll @Size(max = 60) byte[] replacement,
      @ForAll @IntRange(max = 200) int at,
      @ForAll @IntRange(max = 200) int lengthBytes) {
    int from = Math.min(at, payload.length);
    int gone = Math.min(lengthBytes, payload.length - from);
    byte[] original = packet(ipv6, options).payload(new String(payload, ISO_8859_1)).build();
    byte[] unchanged = rewrite(original, payload.length, List.of());
    byte[] there =
        rewrite(original, payload.length, List.of(new PayloadEdit(-3 + from, gone, replacement)));
    byte[] back =
        rewrite(
            there,
            payload.length - gone + replacement.length,
            List.of(
                new PayloadEdit(
                    -3 + from,
                    replacement.length,
                    Arrays.copyOfRange(payload, from, from + gone))));

    assertArrayEquals(unchanged, back);
    assertArrayEquals(payload, payload(back));
    assertIsSound(there, ipv6);
    assertIsSound(back, ipv6);
    byte[] changed = payload(there);
    assertArrayEquals(replacement, Arrays.copyOfRange(changed, from, from + replacement.length));
    assertSameHeaders(original, there, ipv6);
  }

  @Test
  void aCut_leavesThePayloadUpToThere_withoutFin() {
    byte[] original = packet(false, true).payload("one\r\nPORT 1,2").build();
    byte[] cut = rewrite(original, 5, List.of());

    assertEquals("one\r\n", new String(payload(cut), ISO_8859_1));
    assertEquals(PacketView.ACK, view(cut).tcpFlags());
    assertIsSound(cut, false);
  }

  @Property
  void reset_isTheHeadersOnly_withAnotherNumber(
      @ForAll boolean ipv6, @ForAll boolean options, @ForAll int sequence) {
    byte[] original =
        packet(ipv6, options)
            .flags(PacketView.ACK | PacketView.FIN | 0x38) // and PSH, URG
            .payload("GET / HTTP/1.1")
            .build();
    PacketView view = view(original);
    byte[] reset = new byte[rewriter.reset(view, sequence)];
    rewriter.buffer().get(0, reset);

    assertEquals(0, payload(reset).length);
    assertEquals(PacketView.RST | PacketView.ACK, view(reset).tcpFlags());
    assertEquals(sequence, view(reset).sequence());
    assertEquals(77, view(reset).acknowledgement());
    assertIsSound(reset, ipv6);
  }

  @Test
  void severalEdits() {
    byte[] original = packet(true, false).payload("a1b22c333d").build();
    byte[] there =
        rewrite(
            original,
            10,
            List.of(
                new PayloadEdit(-3 + 1, 1, new byte[] {'x', 'y', 'z'}),
                new PayloadEdit(-3 + 3, 2, new byte[0]),
                new PayloadEdit(-3 + 6, 3, new byte[] {'Q'})));

    assertEquals("axyzbcQd", new String(payload(there), ISO_8859_1));
    assertTrue(view(there).has(PacketView.FIN));
    assertIsSound(there, true);
  }

  @Test
  void aPacketLongerThanTheKernelTakes_isNotMade() {
    byte[] original = packet(false, false).payload("x".repeat(65_531 - 40)).build();
    assertEquals(65_531, rewrite(original, 65_491, List.of()).length);
    List<PayloadEdit> longer = List.of(new PayloadEdit(-3, 1, new byte[2]));
    assertThrows(IllegalArgumentException.class, () -> rewrite(original, 65_491, longer));
  }

  private static void assertSameHeaders(byte[] original, byte[] there, boolean ipv6) {
    byte[] before = Arrays.copyOf(original, view(original).payloadOffset());
    byte[] after = Arrays.copyOf(there, view(there).payloadOffset());
    for (byte[] headers : new byte[][] {before, after}) {
      int transport = view(headers == before ? original : there).transportOffset();
      ByteBuffer view = ByteBuffer.wrap(headers);
      view.putShort(ipv6 ? 4 : 2, (short) 0).putShort(transport + 16, (short) 0);
      if (!ipv6) {
        view.putShort(10, (short) 0);
      }
    }
    assertArrayEquals(before, after);
  }

  /** Lengths and checksums, each computed in another way than the program does. */
  private static void assertIsSound(byte[] packet, boolean ipv6) {
    ByteBuffer buffer = ByteBuffer.wrap(packet);
    int transport = view(packet).transportOffset();
    int transportBytes = packet.length - transport;
    byte[] addresses;
    if (ipv6) {
      assertEquals(packet.length - 40, Short.toUnsignedInt(buffer.getShort(4)));
      addresses = Arrays.copyOfRange(packet, 8, 40);
    } else {
      assertEquals(packet.length, Short.toUnsignedInt(buffer.getShort(2)));
      assertEquals(0xffff, onesComplementSum(Arrays.copyOf(packet, transport)));
      addresses = Arrays.copyOfRange(packet, 12, 20);
    }
    ByteBuffer covered = ByteBuffer.allocate(addresses.length + 8 + transportBytes);
    covered.put(addresses).putInt(transportBytes).putInt(6).put(packet, transport, transportBytes);
    assertEquals(0xffff, onesComplementSum(covered.array()));
  }

  /** The one's complement sum of 16-bit words is the number modulo 65535 (RFC 1071 section 1). */
  private static int onesComplementSum(byte[] bytes) {
    byte[] even = Arrays.copyOf(bytes, bytes.length + (bytes.length & 1));
    int rest = new BigInteger(1, even).mod(BigInteger.valueOf(0xffff)).intValue();
    return rest == 0 ? 0xffff : rest;
  }
}
