package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;

class DatagramRewriterTest {
  private static final InetSocketAddress CLIENT4 = new InetSocketAddress("192.0.2.10", 5060);
  private static final InetSocketAddress SERVER4 = new InetSocketAddress("198.51.100.7", 5060);
  private static final InetSocketAddress CLIENT6 = new InetSocketAddress("2001:db8:1::10", 5060);
  private static final InetSocketAddress SERVER6 = new InetSocketAddress("2001:db8:2::7", 5060);

  /** Hop-by-hop options with padding, then UDP. */
  private static final byte[] HOP_BY_HOP = {17, 0, 1, 4, 0, 0, 0, 0};

  private static final int DF = 0x4000;

  private final DatagramRewriter rewriter = new DatagramRewriter();

  private static PacketBuilder packet(boolean ipv6, boolean options) {
    PacketBuilder builder =
        ipv6 ? PacketBuilder.udp(CLIENT6, SERVER6) : PacketBuilder.udp(CLIENT4, SERVER4);
    builder.udpChecksum(0x1111);
    if (!options) {
      return builder;
    }
    return ipv6 ? builder.extensionHeaders(0, HOP_BY_HOP) : builder.ipOptions(2);
  }

  private static PacketView view(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return view;
  }

  private byte[] rewrite(byte[] packet, DatagramEdit... edits) {
    assertNull(rewriter.rewrite(view(packet), List.of(edits), DatagramRewriter.NO_MTU));
    return made();
  }

  private byte[] made() {
    byte[] result = new byte[rewriter.lengthBytes()];
    rewriter.buffer().get(0, result);
    return result;
  }

  private static byte[] payload(byte[] packet) {
    PacketView view = view(packet);
    return Arrays.copyOfRange(
        packet, view.payloadOffset(), view.payloadOffset() + view.payloadLengthBytes());
  }

  private static DatagramEdit edit(int from, int lengthBytes, String replacement) {
    return new DatagramEdit(from, lengthBytes, replacement.getBytes(ISO_8859_1));
  }

  /** Any number of edits, each at some distance from the one before. */
  private static List<DatagramEdit> edits(byte[] payload, int[] numbers, List<DatagramEdit> back) {
    List<DatagramEdit> edits = new ArrayList<>();
    int at = 0;
    int shift = 0;
    for (int number : numbers) {
      int from = Math.min(payload.length, at + (number & 15));
      int gone = Math.min(payload.length - from, number >>> 4 & 15);
      byte[] replacement = new byte[number >>> 8 & 31];
      Arrays.fill(replacement, (byte) number);
      edits.add(new DatagramEdit(from, gone, replacement));
      back.add(
          new DatagramEdit(
              from + shift, replacement.length, Arrays.copyOfRange(payload, from, from + gone)));
      shift += replacement.length - gone;
      at = from + gone;
    }
    return edits;
  }

  @Property
  void rewrittenAndBack_isTheOriginal_withRightLengthsAndChecksums(
      @ForAll boolean ipv6,
      @ForAll boolean options,
      @ForAll @Size(max = 300) byte[] payload,
      @ForAll @Size(max = 12) int[] numbers) {
    byte[] original = packet(ipv6, options).payload(payload).build();
    byte[] unchanged = rewrite(original);
    List<DatagramEdit> undo = new ArrayList<>();
    List<DatagramEdit> edits = edits(payload, numbers, undo);
    byte[] there = rewrite(original, edits.toArray(new DatagramEdit[0]));
    byte[] back = rewrite(there, undo.toArray(new DatagramEdit[0]));

    assertArrayEquals(unchanged, back);
    assertArrayEquals(payload, payload(back));
    assertIsSound(there, ipv6);
    assertIsSound(back, ipv6);
    assertSameHeaders(original, there, ipv6);
    int growth = edits.stream().mapToInt(DatagramEdit::growth).sum();
    assertEquals(original.length + growth, there.length);
  }

  @Property(tries = 2000)
  void editsOfAnyKind_areMadeOrRefused_andNeverLeaveThePayload(
      @ForAll @Size(max = 40) byte[] payload,
      @ForAll @IntRange(min = -3, max = 44) int from,
      @ForAll @IntRange(min = -3, max = 44) int lengthBytes,
      @ForAll @IntRange(min = -3, max = 44) int next) {
    byte[] original = packet(false, false).payload(payload).build();
    boolean fits =
        from >= 0
            && lengthBytes >= 0
            && from + lengthBytes <= payload.length
            && next >= from + lengthBytes
            && next <= payload.length;
    DatagramEdit[] edits = {edit(from, lengthBytes, "new"), edit(next, 0, "!")};
    if (fits) {
      assertIsSound(rewrite(original, edits), false);
    } else {
      assertThrows(IllegalArgumentException.class, () -> rewrite(original, edits));
    }
  }

  @Test
  void manyEditsInOneDatagram() {
    byte[] original = packet(true, false).payload("Via: A;Contact: B;c=C").build();
    byte[] there = rewrite(original, edit(5, 1, "203.0.113.9"), edit(16, 1, ""), edit(20, 1, "x"));

    assertEquals("Via: 203.0.113.9;Contact: ;c=x", new String(payload(there), ISO_8859_1));
    assertIsSound(there, true);
  }

  @Test
  void anIpv4DatagramWithoutAChecksum_staysWithout() {
    byte[] original = packet(false, true).udpChecksum(0).payload("abc").build();
    byte[] there = rewrite(original, edit(0, 1, "xyz"));

    assertFalse(view(there).hasUdpChecksum());
    assertEquals("xyzbc", new String(payload(there), ISO_8859_1));
  }

  @Test
  void anIpv6DatagramWithoutAChecksum_getsOne() {
    byte[] original = packet(true, false).udpChecksum(0).payload("abc").build();
    assertIsSound(rewrite(original, edit(0, 1, "xyz")), true);
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void aChecksumThatComesOutAsZero_isWrittenAsAllOnes(boolean ipv6) {
    // The word that makes the sum 0xffff stands last; find it by looking at what is missing.
    byte[] original = packet(ipv6, false).payload("abcd").build();
    byte[] probe = rewrite(original, new DatagramEdit(2, 2, new byte[2]));
    int transport = view(probe).transportOffset();
    int missing = ByteBuffer.wrap(probe).getShort(transport + 6);
    byte[] word = {(byte) (missing >> 8), (byte) missing};
    byte[] there = rewrite(original, new DatagramEdit(2, 2, word));

    assertEquals((short) 0xffff, ByteBuffer.wrap(there).getShort(transport + 6));
    assertIsSound(there, ipv6);
  }

  @Test
  void ipv4ThatOutgrowsItsWay_mayBeFragmented_andHasAnId() {
    byte[] original = packet(false, false).fragment(0, DF).payload("x".repeat(1472)).build();
    assertEquals(1500, original.length);

    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 1, "yy")), 1500));
    PacketView there = view(made());
    assertFalse(there.isDontFragment());
    assertNotEquals(0, ByteBuffer.wrap(made()).getShort(4));
    assertIsSound(made(), false);

    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 1, "y")), 1500));
    assertTrue(view(made()).isDontFragment(), "it fits as its sender knows");
    assertEquals(0, ByteBuffer.wrap(made()).getShort(4));
  }

  /** Its sender knows the way, perhaps, and made it just so long. */
  @Test
  void ipv4ThatGrew_mayBeFragmentedFurtherOn_ifItIsNotShort() {
    byte[] original = packet(false, false).fragment(0, DF).payload("x".repeat(1252)).build();
    assertEquals(1280, original.length);

    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 1, "yy")), 1500));
    assertFalse(view(made()).isDontFragment());
    assertIsSound(made(), false);
    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 2, "yy")), 1500));
    assertTrue(view(made()).isDontFragment(), "it did not grow");

    byte[] small = packet(false, false).fragment(0, DF).payload("x".repeat(1251)).build();
    assertNull(rewriter.rewrite(view(small), List.of(edit(0, 1, "yy")), 1500));
    assertTrue(view(made()).isDontFragment(), "it fits everywhere");
  }

  @Test
  void anIdThatIsThere_stays() {
    byte[] original = packet(false, false).fragment(0x4711, DF).payload("x".repeat(1472)).build();
    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 1, "yy")), 1500));

    assertEquals(0x4711, ByteBuffer.wrap(made()).getShort(4));
  }

  @Test
  void ipv6ThatOutgrowsItsWay_isNotMade() {
    byte[] original = packet(true, false).payload("x".repeat(1452)).build();
    assertEquals(1500, original.length);

    assertEquals(
        WithheldReason.TOO_LONG, rewriter.rewrite(view(original), List.of(edit(0, 1, "yy")), 1500));
    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 1, "y")), 1500));
  }

  @Test
  void ipv6ThatCameInFragments_mayGrow_becauseTheKernelFragmentsItAgain() {
    byte[] original = packet(true, false).payload("x".repeat(2000)).build();
    assertNull(rewriter.rewrite(view(original), List.of(edit(0, 1, "yy")), 1500));
    assertIsSound(made(), true);
  }

  @Test
  void theLongestPacketThatTheKernelTakes() {
    byte[] original = packet(false, false).payload("x".repeat(65_531 - 28)).build();
    assertEquals(65_531, rewrite(original, edit(5, 1, "y")).length);
    assertEquals(
        WithheldReason.TOO_LONG,
        rewriter.rewrite(view(original), List.of(edit(0, 1, "yy")), DatagramRewriter.NO_MTU));
    assertEquals(
        WithheldReason.TOO_LONG,
        rewriter.rewrite(
            view(packet(false, false).payload("x").build()),
            List.of(new DatagramEdit(0, 1, new byte[65_508])),
            DatagramRewriter.NO_MTU));
  }

  @Test
  void whatStandsBehindTheDatagram_isLeftOut() {
    byte[] datagram = packet(false, false).payload("abcdOPTS").build();
    datagram[20 + 5] = 8 + 4;
    byte[] there = rewrite(datagram, edit(0, 1, "A"));

    assertEquals("Abcd", new String(payload(there), ISO_8859_1));
    assertEquals(20 + 8 + 4, there.length);
    assertIsSound(there, false);
  }

  private static void assertSameHeaders(byte[] original, byte[] there, boolean ipv6) {
    byte[] before = Arrays.copyOf(original, view(original).payloadOffset());
    byte[] after = Arrays.copyOf(there, view(there).payloadOffset());
    for (byte[] headers : new byte[][] {before, after}) {
      int transport = view(headers == before ? original : there).transportOffset();
      ByteBuffer view = ByteBuffer.wrap(headers);
      view.putShort(ipv6 ? 4 : 2, (short) 0).putInt(transport + 4, 0);
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
    assertEquals(transportBytes, Short.toUnsignedInt(buffer.getShort(transport + 4)));
    assertNotEquals(0, buffer.getShort(transport + 6));
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
    covered.put(addresses).putInt(transportBytes).putInt(17).put(packet, transport, transportBytes);
    assertEquals(0xffff, onesComplementSum(covered.array()));
  }

  /** The one's complement sum of 16-bit words is the number modulo 65535 (RFC 1071 section 1). */
  private static int onesComplementSum(byte[] bytes) {
    byte[] even = Arrays.copyOf(bytes, bytes.length + (bytes.length & 1));
    int rest = new BigInteger(1, even).mod(BigInteger.valueOf(0xffff)).intValue();
    return rest == 0 ? 0xffff : rest;
  }
}
