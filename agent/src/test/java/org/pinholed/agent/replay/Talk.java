package org.pinholed.agent.replay;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.replay.capture.CaptureWriter;

/** Packets of a capture with their times: connections that say what a test wants. */
final class Talk {
  /** A day on which nobody runs this: 2001-09-09 01:46:40 UTC. */
  static final long BEGAN_MICROS = 1_000_000_000L * 1_000_000;

  /** A packet. */
  @SuppressWarnings("ArrayRecordComponent") // never compared, never changed
  record Sent(long epochMicros, byte[] ip) {}

  private final List<Sent> sent = new ArrayList<>();
  private long nowMicros = BEGAN_MICROS;

  /** Goes on in time. */
  Talk after(long millis) {
    nowMicros += millis * 1000;
    return this;
  }

  Talk send(PacketBuilder packet) {
    return send(packet.build());
  }

  Talk send(byte[] ip) {
    sent.add(new Sent(nowMicros, ip));
    nowMicros += 100;
    return this;
  }

  List<Sent> all() {
    return sent;
  }

  /** Mixes up what follows within each piece of so many packets; each keeps its time of capture. */
  void mixUp(int from, int pieces, long seed) {
    Random random = new Random(seed);
    for (int at = from; at < sent.size(); at += pieces) {
      List<Sent> some = sent.subList(at, Math.min(sent.size(), at + pieces));
      List<byte[]> packets = new ArrayList<>(some.stream().map(Sent::ip).toList());
      Collections.shuffle(packets, random);
      for (int i = 0; i < packets.size(); i++) {
        some.set(i, new Sent(some.get(i).epochMicros(), packets.get(i)));
      }
    }
  }

  byte[] captured(CaptureWriter writer) {
    sent.forEach(each -> writer.add(each.epochMicros(), each.ip()));
    return writer.bytes();
  }

  Tcp tcp(InetSocketAddress client, InetSocketAddress server) {
    return new Tcp(client, server);
  }

  /** A TCP connection. */
  final class Tcp {
    private final InetSocketAddress client;
    private final InetSocketAddress server;
    private int clientNext = 1000;
    private int serverNext = 5000;

    private Tcp(InetSocketAddress client, InetSocketAddress server) {
      this.client = client;
      this.server = server;
    }

    Tcp syn() {
      send(PacketBuilder.tcp(client, server).flags(PacketView.SYN).sequence(clientNext));
      clientNext++;
      return this;
    }

    Tcp open() {
      syn();
      send(
          PacketBuilder.tcp(server, client)
              .flags(PacketView.SYN | PacketView.ACK)
              .sequence(serverNext)
              .acknowledgement(clientNext));
      serverNext++;
      send(fromClient(PacketView.ACK));
      return this;
    }

    private PacketBuilder fromClient(int flags) {
      return PacketBuilder.tcp(client, server)
          .flags(flags)
          .sequence(clientNext)
          .acknowledgement(serverNext);
    }

    private PacketBuilder fromServer(int flags) {
      return PacketBuilder.tcp(server, client)
          .flags(flags)
          .sequence(serverNext)
          .acknowledgement(clientNext);
    }

    Tcp client(String text) {
      send(fromClient(PacketView.ACK).payload(text));
      clientNext += text.length();
      return this;
    }

    Tcp server(String text) {
      send(fromServer(PacketView.ACK).payload(text));
      serverNext += text.length();
      return this;
    }

    /** In segments of one byte. */
    Tcp serverByBytes(String text) {
      for (byte each : text.getBytes(StandardCharsets.ISO_8859_1)) {
        server(String.valueOf((char) each));
      }
      return this;
    }

    Tcp close() {
      send(fromClient(PacketView.ACK | PacketView.FIN));
      clientNext++;
      send(fromServer(PacketView.ACK | PacketView.FIN));
      serverNext++;
      send(fromClient(PacketView.ACK));
      return this;
    }

    Tcp login() {
      return open()
          .server("220 ready\r\n")
          .client("USER joe\r\n")
          .server("331 password\r\n")
          .client("PASS secret\r\n")
          .server("230 in\r\n");
    }
  }
}
