package org.pinholed.agent.replay.capture;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes captures of both formats, in either byte order, for tests. */
public final class CaptureWriter {
  /** A format of files. */
  public enum Format {
    /** pcap with microseconds. */
    PCAP,
    /** pcap with nanoseconds. */
    PCAP_NANOS,
    /** pcapng with one interface. */
    PCAPNG
  }

  /** Ethernet. */
  public static final int ETHERNET = 1;

  /** Bare IP. */
  public static final int RAW = 101;

  /** Linux cooked, version 1. */
  public static final int SLL = 113;

  /** Linux cooked, version 2. */
  public static final int SLL2 = 276;

  private final Format format;
  private final ByteOrder order;
  private final int linkType;
  private final int[] vlans;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /**
   * Begins a capture.
   *
   * @param format of the file
   * @param order of its numbers
   * @param linkType one of those above
   * @param vlans ethertypes of the tags that each packet has, the outermost first
   */
  public CaptureWriter(Format format, ByteOrder order, int linkType, int... vlans) {
    this.format = format;
    this.order = order;
    this.linkType = linkType;
    this.vlans = vlans;
    if (format == Format.PCAPNG) {
      block(
          0x0a0d0d0a,
          numbers(16).putInt(0x1a2b3c4d).putShort((short) 1).putShort((short) 0).putLong(-1));
      block(1, numbers(8).putShort((short) linkType).putShort((short) 0).putInt(262_144));
    } else {
      int magic = format == Format.PCAP ? 0xa1b2c3d4 : 0xa1b23c4d;
      write(
          numbers(24)
              .putInt(magic)
              .putShort((short) 2)
              .putShort((short) 4)
              .putInt(0)
              .putInt(0)
              .putInt(262_144)
              .putInt(linkType));
    }
  }

  /**
   * Begins a capture as most are.
   *
   * @return pcap of Ethernet
   */
  public static CaptureWriter usual() {
    return new CaptureWriter(Format.PCAP, ByteOrder.LITTLE_ENDIAN, ETHERNET);
  }

  /**
   * Adds a packet.
   *
   * @param epochMicros when it was captured
   * @param ip from its IP header on
   * @return this
   */
  public CaptureWriter add(long epochMicros, byte[] ip) {
    byte[] frame = frame(ip);
    return add(epochMicros, frame, frame.length);
  }

  /**
   * Adds a packet of which the end was not captured.
   *
   * @param epochMicros when it was captured
   * @param frame from its link layer on
   * @param originalBytes how long it was
   * @return this
   */
  public CaptureWriter add(long epochMicros, byte[] frame, int originalBytes) {
    if (format == Format.PCAPNG) {
      block(
          6,
          numbers(20 + (frame.length + 3) / 4 * 4)
              .putInt(0)
              .putInt((int) (epochMicros >> 32))
              .putInt((int) epochMicros)
              .putInt(frame.length)
              .putInt(originalBytes)
              .put(frame));
    } else {
      int fraction = (int) (epochMicros % 1_000_000) * (format == Format.PCAP ? 1 : 1000);
      write(
          numbers(16)
              .putInt((int) (epochMicros / 1_000_000))
              .putInt(fraction)
              .putInt(frame.length)
              .putInt(originalBytes));
      out.writeBytes(frame);
    }
    return this;
  }

  /**
   * A packet with its link layer.
   *
   * @param ip from its IP header on
   * @return a new array
   */
  public byte[] frame(byte[] ip) {
    int type = ip[0] >> 4 == 4 ? 0x0800 : 0x86dd;
    int tags = 4 * vlans.length;
    ByteBuffer bytes = ByteBuffer.allocate(64 + ip.length);
    switch (linkType) {
      case ETHERNET -> {
        bytes.put(new byte[12]);
        tags(bytes, type);
      }
      case SLL -> {
        bytes.put(new byte[14]);
        tags(bytes, type);
      }
      case SLL2 -> {
        bytes.putShort((short) (tags > 0 ? vlans[0] : type)).put(new byte[18]);
        for (int at = 0; at < vlans.length; at++) {
          bytes.putShort((short) 7);
          bytes.putShort((short) (at + 1 < vlans.length ? vlans[at + 1] : type));
        }
      }
      default -> {}
    }
    bytes.put(ip);
    byte[] frame = new byte[bytes.position()];
    bytes.get(0, frame);
    return frame;
  }

  private void tags(ByteBuffer bytes, int type) {
    for (int vlan : vlans) {
      bytes.putShort((short) vlan).putShort((short) 7);
    }
    bytes.putShort((short) type);
  }

  /**
   * Adds a block of pcapng.
   *
   * @param type its type
   * @param body its body, a multiple of 4 bytes long
   * @return this
   */
  public CaptureWriter block(int type, ByteBuffer body) {
    int length = 12 + body.capacity();
    write(numbers(8).putInt(type).putInt(length));
    write(body);
    write(numbers(4).putInt(length));
    return this;
  }

  /**
   * A place for numbers in the order of the file.
   *
   * @param bytes how many bytes
   * @return a new buffer
   */
  public ByteBuffer numbers(int bytes) {
    return ByteBuffer.allocate(bytes).order(order);
  }

  private void write(ByteBuffer bytes) {
    byte[] copy = new byte[bytes.capacity()];
    bytes.get(0, copy);
    out.writeBytes(copy);
  }

  /**
   * The file so far.
   *
   * @return a copy
   */
  public byte[] bytes() {
    return out.toByteArray();
  }

  /**
   * The file since the last time.
   *
   * @return what was written, which is forgotten here
   */
  public byte[] takeBytes() {
    byte[] taken = out.toByteArray();
    out.reset();
    return taken;
  }
}
