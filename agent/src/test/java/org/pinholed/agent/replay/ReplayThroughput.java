package org.pinholed.agent.replay;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.replay.capture.CaptureReader;
import org.pinholed.agent.replay.capture.CaptureWriter;

/**
 * Writes a capture of connections that concern no helper, and prints how many of its packets a
 * second are replayed on one core, beside those that are read from the file and no more. A program:
 * {@code java ... org.pinholed.agent.replay.ReplayThroughput [packets]}.
 */
final class ReplayThroughput {
  /** Of the processor, not of the wall: other programs may have the other half of a core. */
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private static final int DEFAULT_PACKETS = 2_000_000;
  private static final int CONNECTIONS = 20_000;
  private static final int ROUNDS = 3;
  private static final int SEGMENT_BYTES = 400;

  private ReplayThroughput() {}

  /**
   * Runs it.
   *
   * @param args how many packets
   * @throws IOException if the capture cannot be written or read
   */
  public static void main(String[] args) throws IOException {
    int packets = args.length > 0 ? Integer.parseInt(args[0]) : DEFAULT_PACKETS;
    for (CaptureWriter.Format format :
        new CaptureWriter.Format[] {CaptureWriter.Format.PCAP, CaptureWriter.Format.PCAPNG}) {
      Path file = Files.createTempFile("replay", ".pcap");
      try {
        write(file, format, packets);
        System.out.printf("%s, %d MiB%n", format, Files.size(file) >> 20);
        for (int round = 1; round <= ROUNDS; round++) {
          System.out.printf(
              "  round %d: read only %,12.0f packets/s, replayed %,12.0f packets/s%n",
              round,
              perSecond(packets, () -> readOnly(file)),
              perSecond(packets, () -> replay(file)));
        }
      } finally {
        Files.delete(file);
      }
    }
  }

  /** Something that reads a file. */
  private interface Reading {
    long run() throws IOException;
  }

  private static double perSecond(int packets, Reading reading) throws IOException {
    long beganNs = THREADS.getCurrentThreadCpuTime();
    long read = reading.run();
    if (read != packets) {
      throw new IllegalStateException(read + " packets instead of " + packets);
    }
    return packets * 1e9 / (THREADS.getCurrentThreadCpuTime() - beganNs);
  }

  private static long readOnly(Path file) throws IOException {
    long packets = 0;
    try (CaptureReader reader = CaptureReader.open(file)) {
      while (reader.next()) {
        packets++;
      }
    }
    return packets;
  }

  private static long replay(Path file) throws IOException {
    Replay replay = new Replay(ReplayBench.PROTOCOLS);
    replay.add(ReplayBench.config(""), decision -> {});
    try (CaptureReader reader = CaptureReader.open(file)) {
      replay.run(reader);
    }
    return replay.packets();
  }

  /** Connections to web servers, ten packets of each in turn. */
  private static void write(Path file, CaptureWriter.Format format, int packets)
      throws IOException {
    InetSocketAddress[] clients = new InetSocketAddress[CONNECTIONS];
    InetSocketAddress[] servers = new InetSocketAddress[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
      clients[i] = new InetSocketAddress("198.18." + (i >> 8) % 256 + "." + i % 256, 30_000 + i);
      servers[i] = new InetSocketAddress("203.0.113." + i % 250, 443);
    }
    String payload = "x".repeat(SEGMENT_BYTES);
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      CaptureWriter writer =
          new CaptureWriter(format, ByteOrder.LITTLE_ENDIAN, CaptureWriter.ETHERNET);
      for (int i = 0; i < packets; i++) {
        int connection = i % CONNECTIONS;
        int turn = i / CONNECTIONS;
        boolean back = turn % 2 == 1;
        PacketBuilder packet =
            PacketBuilder.tcp(
                    back ? servers[connection] : clients[connection],
                    back ? clients[connection] : servers[connection])
                .flags(
                    turn == 0
                        ? PacketView.SYN
                        : turn == 1 ? PacketView.SYN | PacketView.ACK : PacketView.ACK)
                .sequence(1000 + turn * SEGMENT_BYTES)
                .acknowledgement(1);
        writer.add(
            Talk.BEGAN_MICROS + i * 10L, (turn < 3 ? packet : packet.payload(payload)).build());
        if (i % 1000 == 999) {
          out.write(writer.takeBytes());
        }
      }
      out.write(writer.takeBytes());
    }
  }
}
