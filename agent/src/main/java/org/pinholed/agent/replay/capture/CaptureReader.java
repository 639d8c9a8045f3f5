package org.pinholed.agent.replay.capture;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads the packets of a capture one after the other, of whatever size the file is: a bounded part
 * of it is in memory. Not thread-safe; owned by who opened it.
 *
 * <p>What is damaged ends the reading and is never an exception: {@link #damage} says what it is
 * and where, and what came before it counts.
 */
public abstract class CaptureReader implements AutoCloseable {
  private static final int PCAP_MICROS = 0xa1b2c3d4;
  private static final int PCAP_NANOS = 0xa1b23c4d;
  private static final int PCAP_MODIFIED = 0xa1b2cd34;
  private static final int GZIP = 0x1f8b;

  /** The file. */
  final CaptureInput input;

  /** What was read last. */
  final CapturedPacket packet = new CapturedPacket();

  private String damage = "";

  CaptureReader(CaptureInput input) {
    this.input = input;
  }

  /**
   * Opens a file of either format.
   *
   * @param file pcap or pcapng
   * @return a reader before the first packet
   * @throws CaptureException if it is neither
   * @throws IOException if it cannot be read
   */
  public static CaptureReader open(Path file) throws IOException {
    ReadableByteChannel channel = Files.newByteChannel(file);
    boolean opened = false;
    try {
      CaptureReader reader = open(channel);
      opened = true;
      return reader;
    } finally {
      if (!opened) {
        channel.close();
      }
    }
  }

  /**
   * Reads what comes from a channel.
   *
   * @param channel owned by the reader from now on, unless this fails
   * @return a reader before the first packet
   * @throws CaptureException if it is no capture
   * @throws IOException if it cannot be read
   */
  public static CaptureReader open(ReadableByteChannel channel) throws IOException {
    CaptureInput input = new CaptureInput(channel);
    if (input.isAtEnd()) {
      throw new CaptureException("the file is empty");
    }
    if (!input.has(4)) {
      throw new CaptureException("no capture: too short to have a magic number");
    }
    input.order(ByteOrder.BIG_ENDIAN);
    int magic = input.s32(0);
    if (magic == PcapngReader.SECTION_HEADER) {
      return new PcapngReader(input);
    }
    for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN}) {
      input.order(order);
      int swapped = input.s32(0);
      if (swapped == PCAP_MICROS || swapped == PCAP_NANOS) {
        return PcapReader.open(input, swapped == PCAP_NANOS);
      }
      if (swapped == PCAP_MODIFIED) {
        throw new CaptureException(
            "this is the modified pcap of old Linux kernels; convert it with editcap");
      }
    }
    throw new CaptureException(
        magic >>> 16 == GZIP
            ? "no capture but a compressed file: unpack it with gunzip"
            : "neither pcap nor pcapng: it begins with 0x" + String.format("%08x", magic));
  }

  /**
   * Reads the next packet into {@link #packet}.
   *
   * @return false at the end, and where the file is damaged
   * @throws IOException if the file cannot be read
   */
  public abstract boolean next() throws IOException;

  /**
   * The packet that was read last.
   *
   * @return the same at every call
   */
  public CapturedPacket packet() {
    return packet;
  }

  /**
   * What ended the reading too early.
   *
   * @return one sentence with the offset in the file; empty if nothing did
   */
  public String damage() {
    return damage;
  }

  /**
   * How far the file was read.
   *
   * @return a count of bytes
   */
  public long offset() {
    return input.offset();
  }

  /** Notes that nothing more can be read. Returns false for {@link #next}. */
  final boolean damaged(long offset, String what) {
    if (damage.isEmpty()) {
      damage = "damaged at offset " + offset + ": " + what;
    }
    return false;
  }

  final boolean isDamaged() {
    return !damage.isEmpty();
  }

  @Override
  public void close() throws IOException {
    input.close();
  }
}
