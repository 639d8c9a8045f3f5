package org.pinholed.agent.packet;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Writes IPv4 and IPv6 packets with TCP or UDP in them, as the kernel hands them to a queue.
 * Checksums stay zero: nobody on the way to the agent looks at them.
 */
public final class PacketBuilder {
  private static final int TCP = 6;
  private static final int UDP = 17;

  private final InetSocketAddress source;
  private final InetSocketAddress destination;
  private final int protocol;
  private byte[] ipOptions = {};
  private byte[] tcpOptions = {};
  private byte[] extensionHeaders = {};
  private int firstHeader;
  private int sequence;
  private int acknowledgement;
  private int flags;
  private int ipv4Id = 0x1234;
  private int ipv4Flags = 0x4000; // do not fragment
  private int udpChecksum;
  private byte[] payload = {};

  private PacketBuilder(int protocol, InetSocketAddress source, InetSocketAddress destination) {
    this.protocol = protocol;
    this.firstHeader = protocol;
    this.source = source;
    this.destination = destination;
  }

  /**
   * Begins a TCP segment.
   *
   * @param source who sends it
   * @param destination to whom, of the same family
   * @return a builder
   */
  public static PacketBuilder tcp(InetSocketAddress source, InetSocketAddress destination) {
    return new PacketBuilder(TCP, source, destination);
  }

  /**
   * Begins a UDP datagram.
   *
   * @param source who sends it
   * @param destination to whom, of the same family
   * @return a builder
   */
  public static PacketBuilder udp(InetSocketAddress source, InetSocketAddress destination) {
    return new PacketBuilder(UDP, source, destination);
  }

  /**
   * Sets TCP flags.
   *
   * @param value bits as in {@link PacketView}
   * @return this builder
   */
  public PacketBuilder flags(int value) {
    flags = value;
    return this;
  }

  /**
   * Sets the sequence number.
   *
   * @param value of the first byte of payload, or of the flag that takes a number
   * @return this builder
   */
  public PacketBuilder sequence(int value) {
    sequence = value;
    return this;
  }

  /**
   * Sets the acknowledgement number.
   *
   * @param value the number
   * @return this builder
   */
  public PacketBuilder acknowledgement(int value) {
    acknowledgement = value;
    return this;
  }

  /**
   * Sets what the IPv4 header says of fragments.
   *
   * @param id the identification, 0..65535
   * @param flagsAndOffset flags in bits 15..13, offset in units of eight bytes in bits 12..0
   * @return this builder
   */
  public PacketBuilder fragment(int id, int flagsAndOffset) {
    ipv4Id = id;
    ipv4Flags = flagsAndOffset;
    return this;
  }

  /**
   * Sets the checksum of a datagram, whether it is right or not.
   *
   * @param value 0..65535
   * @return this builder
   */
  public PacketBuilder udpChecksum(int value) {
    udpChecksum = value;
    return this;
  }

  /**
   * Sets the payload, byte by byte.
   *
   * @param bytes the payload
   * @return this builder
   */
  public PacketBuilder payload(byte[] bytes) {
    payload = bytes.clone();
    return this;
  }

  /**
   * Sets the payload.
   *
   * @param text in ISO 8859-1
   * @return this builder
   */
  public PacketBuilder payload(String text) {
    payload = text.getBytes(StandardCharsets.ISO_8859_1);
    return this;
  }

  /**
   * Adds IPv4 options.
   *
   * @param words how many words of four bytes, 0..10
   * @return this builder
   */
  public PacketBuilder ipOptions(int words) {
    ipOptions = new byte[words * 4];
    java.util.Arrays.fill(ipOptions, (byte) 1); // no operation
    return this;
  }

  /**
   * Adds IPv4 options.
   *
   * @param bytes all of them, 0..40, a multiple of 4
   * @return this builder
   */
  public PacketBuilder ipOptions(byte[] bytes) {
    ipOptions = bytes.clone();
    return this;
  }

  /**
   * Adds TCP options.
   *
   * @param words how many words of four bytes, 0..10
   * @return this builder
   */
  public PacketBuilder tcpOptions(int words) {
    tcpOptions = new byte[words * 4];
    java.util.Arrays.fill(tcpOptions, (byte) 1);
    return this;
  }

  /**
   * Adds IPv6 extension headers in front of the transport header.
   *
   * @param first the type of the first one, for the fixed header
   * @param bytes all of them; the last one names the transport protocol
   * @return this builder
   */
  public PacketBuilder extensionHeaders(int first, byte[] bytes) {
    firstHeader = first;
    extensionHeaders = bytes.clone();
    return this;
  }

  /**
   * Writes the packet.
   *
   * @return from the IP header on
   */
  public byte[] build() {
    byte[] from = source.getAddress().getAddress();
    byte[] to = destination.getAddress().getAddress();
    int transportHeaderBytes = protocol == TCP ? 20 + tcpOptions.length : 8;
    int transportBytes = transportHeaderBytes + payload.length;
    ByteBuffer packet;
    if (from.length == 4) {
      int headerBytes = 20 + ipOptions.length;
      packet = ByteBuffer.allocate(headerBytes + transportBytes);
      packet.put((byte) (0x40 | headerBytes / 4)).put((byte) 0);
      packet.putShort((short) packet.capacity()).putInt(ipv4Id << 16 | ipv4Flags);
      packet.put((byte) 64).put((byte) protocol).putShort((short) 0).put(from).put(to);
      packet.put(ipOptions);
    } else {
      packet = ByteBuffer.allocate(40 + extensionHeaders.length + transportBytes);
      packet.putInt(0x6000_0000).putShort((short) (packet.capacity() - 40));
      packet.put((byte) firstHeader).put((byte) 64).put(from).put(to).put(extensionHeaders);
    }
    packet.putShort((short) source.getPort()).putShort((short) destination.getPort());
    if (protocol == TCP) {
      packet.putInt(sequence).putInt(acknowledgement);
      packet.put((byte) ((transportHeaderBytes / 4) << 4)).put((byte) flags);
      packet.putShort((short) 65535).putInt(0).put(tcpOptions);
    } else {
      packet.putShort((short) transportBytes).putShort((short) udpChecksum);
    }
    return packet.put(payload).array();
  }
}
