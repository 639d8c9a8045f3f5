package org.pinholed.agent.replay.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both formats of captures, and what is damaged in them. */
class CaptureReaderTest {
  private static final byte[] IP = new byte[60];
  private static final long MICROS = 1_700_000_000_123_456L;

  static {
    IP[0] = 0x45;
  }

  private static CaptureReader read(byte[] file) throws IOException {
    return CaptureReader.open(Channels.newChannel(new ByteArrayInputStream(file)));
  }

  private static CaptureWriter pcapng() {
    return new CaptureWriter(
        CaptureWriter.Format.PCAPNG, ByteOrder.LITTLE_ENDIAN, CaptureWriter.ETHERNET);
  }

  @ParameterizedTest
  @EnumSource(CaptureWriter.Format.class)
  void timesAndLengths_areThoseOfTheFile(CaptureWriter.Format format) throws IOException {
    for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN}) {
      byte[] file = new CaptureWriter(format, order, CaptureWriter.RAW).add(MICROS, IP).bytes();
      try (CaptureReader reader = read(file)) {
        assertTrue(reader.next());
        assertEquals(MICROS * 1000, reader.packet().epochNs());
        assertEquals(IP.length, reader.packet().capturedBytes());
        assertEquals(CaptureWriter.RAW, reader.packet().linkType());
        assertFalse(reader.next());
        assertEquals("", reader.damage());
      }
    }
  }

  @Test
  void interfacesOfOneSection_haveTypesAndTimesOfTheirOwn() throws IOException {
    CaptureWriter writer = pcapng();
    // raw IP, nanoseconds (if_tsresol 9), an hour ahead (if_tsoffset)
    writer.block(
        1,
        writer
            .numbers(8 + 8 + 12)
            .putShort((short) CaptureWriter.RAW)
            .putShort((short) 0)
            .putInt(0)
            .putShort((short) 9)
            .putShort((short) 1)
            .put(new byte[] {9, 0, 0, 0})
            .putShort((short) 14)
            .putShort((short) 8)
            .putLong(3600));
    writer.block(0x0bad, ByteBuffer.allocate(400)); // nobody knows it
    long nanos = 5_000_000_007L;
    writer.block(
        6,
        writer
            .numbers(20 + 60)
            .putInt(1)
            .putInt((int) (nanos >> 32))
            .putInt((int) nanos)
            .putInt(60)
            .putInt(1500)
            .put(IP));
    writer.block(3, writer.numbers(4 + 60).putInt(60).put(IP));
    try (CaptureReader reader = read(writer.bytes())) {
      assertTrue(reader.next());
      assertEquals(nanos + 3600 * 1_000_000_000L, reader.packet().epochNs());
      assertEquals(CaptureWriter.RAW, reader.packet().linkType());
      assertEquals(1500, reader.packet().originalBytes());
      assertTrue(reader.next());
      assertEquals(CaptureWriter.ETHERNET, reader.packet().linkType());
      assertFalse(reader.next());
      assertEquals("", reader.damage());
    }
  }

  @Test
  void sectionsOfBothByteOrders_followEachOther() throws IOException {
    byte[] first = pcapng().add(MICROS, IP).bytes();
    byte[] second =
        new CaptureWriter(CaptureWriter.Format.PCAPNG, ByteOrder.BIG_ENDIAN, CaptureWriter.ETHERNET)
            .add(MICROS, IP)
            .bytes();
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    try (CaptureReader reader = read(both)) {
      assertTrue(reader.next());
      assertTrue(reader.next());
      assertFalse(reader.next());
      assertEquals("", reader.damage());
    }
  }

  @Test
  void resolutionInPowersOfTwo_isCounted() {
    assertEquals(1_500_000_000L, TimeUnits.of(0x80 | 10).epochNs(1536));
    assertEquals(7_000_000_000L, TimeUnits.of(0).epochNs(7));
    assertEquals(0, TimeUnits.of(0x7f).epochNs(-1), "less than a second in all");
  }

  @Nested
  class Damaged {
    private String damageOf(byte[] file, int packets) throws IOException {
      try (CaptureReader reader = read(file)) {
        for (int i = 0; i < packets; i++) {
          assertTrue(reader.next());
        }
        assertFalse(reader.next());
        assertFalse(reader.next(), "and stays so");
        return reader.damage();
      }
    }

    @Test
    void aCapturedLengthThatLies_endsTheReading() throws IOException {
      CaptureWriter writer = CaptureWriter.usual().add(MICROS, IP);
      int at = writer.bytes().length;
      byte[] file = writer.add(MICROS, IP).bytes();
      ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putInt(at + 8, 0x7fffffff);
      assertEquals(
          "damaged at offset " + at + ": a packet claims to have 2147483647 captured bytes",
          damageOf(file, 1));
    }

    @Test
    void blockLengthsThatLie_endTheReading() throws IOException {
      CaptureWriter writer = pcapng().add(MICROS, IP);
      int at = writer.bytes().length;
      for (int lie : new int[] {0, 8, 13, 0x7ffffffc, -4}) {
        CaptureWriter again = pcapng().add(MICROS, IP);
        byte[] file = again.add(MICROS, IP).bytes();
        ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putInt(at + 4, lie);
        String damage = damageOf(file, 1);
        assertTrue(damage.startsWith("damaged at offset " + at + ": "), damage);
      }
    }

    @Test
    void anInterfaceThatIsNotDescribed_endsTheReading() throws IOException {
      CaptureWriter writer = pcapng();
      int at = writer.bytes().length;
      writer.block(6, writer.numbers(20).putInt(5));
      assertEquals(
          "damaged at offset " + at + ": a packet of interface 5, which is not described",
          damageOf(writer.bytes(), 0));
    }

    @ParameterizedTest
    @EnumSource(CaptureWriter.Format.class)
    void anyBytesChanged_neverThrow(CaptureWriter.Format format) throws IOException {
      Random random = new Random(11);
      for (int round = 0; round < 3000; round++) {
        CaptureWriter writer =
            new CaptureWriter(format, ByteOrder.LITTLE_ENDIAN, CaptureWriter.ETHERNET, 0x8100);
        byte[] file = writer.add(MICROS, IP).add(MICROS, IP).bytes();
        for (int change = 0; change < 3; change++) {
          file[4 + random.nextInt(file.length - 4)] = (byte) random.nextInt();
        }
        try (CaptureReader reader = read(file)) {
          while (reader.next()) {
            int at = LinkLayer.ipOffset(reader.packet());
            assertTrue(at <= reader.packet().offset() + reader.packet().capturedBytes());
          }
        } catch (CaptureException e) {
          assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
        }
      }
    }
  }

  @Nested
  class Refuses {
    private void refused(byte[] file, String message) {
      CaptureException e = assertThrows(CaptureException.class, () -> read(file));
      assertTrue(String.valueOf(e.getMessage()).contains(message), e::getMessage);
    }

    @Test
    void whatIsNoCapture() {
      refused(new byte[0], "empty");
      refused(new byte[] {1, 2}, "too short");
      refused("#!/bin/sh\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII), "neither pcap");
      refused(new byte[] {0x1f, (byte) 0x8b, 8, 0, 0}, "gunzip");
    }

    @Test
    void aHeaderThatIsCut() {
      refused(Arrays.copyOf(CaptureWriter.usual().bytes(), 20), "within the header");
    }
  }
}
