package org.pinholed.agent.worker;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/** Both ends of one TCP connection through the router, with the sequence numbers they would use. */
public final class TcpDialogue {
  /** The client of these tests. */
  public static final InetSocketAddress CLIENT = new InetSocketAddress("192.0.2.10", 40001);

  /** The server of these tests. */
  public static final InetSocketAddress SERVER = new InetSocketAddress("198.51.100.7", 21);

  private static final int TCP = 6;

  private WorkerBench bench;
  private int clientDevice;
  private int serverDevice;
  private final InetSocketAddress client;
  private final InetSocketAddress server;

  /** The client as the server sees it. */
  private final InetSocketAddress clientSeen;

  /** The server as the client sees it. */
  private final InetSocketAddress serverSeen;

  private Connection connection;
  private int clientNext;
  private int serverNext;
  private int clientInitial;
  private int serverInitial;

  /**
   * Makes a connection between the usual two, with a policy id in its mark.
   *
   * @param bench whose packets it sends
   */
  public TcpDialogue(WorkerBench bench) {
    this(bench, CLIENT, SERVER, 0x1234, 25);
  }

  /**
   * Makes a connection that conntrack knows, of which nothing was queued yet.
   *
   * @param bench whose packets it sends
   * @param client the client
   * @param server the server
   * @param id conntrack id
   * @param mark conntrack mark
   */
  public TcpDialogue(
      WorkerBench bench, InetSocketAddress client, InetSocketAddress server, int id, int mark) {
    this(bench, client, server, client, server, id, mark);
  }

  /**
   * Makes a connection that is translated.
   *
   * @param bench whose packets it sends
   * @param client the client
   * @param server the server
   * @param clientSeen the client as the server sees it
   * @param serverSeen the server as the client sees it
   * @param id conntrack id
   * @param mark conntrack mark
   */
  TcpDialogue(
      WorkerBench bench,
      InetSocketAddress client,
      InetSocketAddress server,
      InetSocketAddress clientSeen,
      InetSocketAddress serverSeen,
      int id,
      int mark) {
    this.bench = bench;
    this.client = client;
    this.server = server;
    this.clientSeen = clientSeen;
    this.serverSeen = serverSeen;
    this.connection = newConnection(id, mark);
    begin(0x7ffffff0, 0xfffffff0); // both wrap around soon, as signed and as unsigned numbers
  }

  private Connection newConnection(int id, int mark) {
    Connection made =
        new Connection(
            id,
            tuple(client, serverSeen),
            tuple(server, clientSeen),
            mark,
            FakeConntrackKernel.SYN_RECV);
    bench.conntrack().add(made);
    return made;
  }

  private static FlowTuple tuple(InetSocketAddress from, InetSocketAddress to) {
    return new FlowTuple(TCP, from.getAddress(), from.getPort(), to.getAddress(), to.getPort());
  }

  private void begin(int clientSequence, int serverSequence) {
    clientInitial = clientSequence;
    serverInitial = serverSequence;
    clientNext = clientSequence + 1;
    serverNext = serverSequence + 1;
  }

  /**
   * Begins another connection between the same ports, as conntrack makes one after TIME_WAIT.
   *
   * @param id conntrack id
   * @param mark conntrack mark
   * @param clientSequence the client's initial sequence number
   * @param serverSequence the server's initial sequence number
   */
  public void reusePorts(int id, int mark, int clientSequence, int serverSequence) {
    connection = newConnection(id, mark);
    begin(clientSequence, serverSequence);
  }

  /**
   * Its conntrack.
   *
   * @return the connection as the kernel has it
   */
  public Connection connection() {
    return connection;
  }

  /** The SYN+ACK, once more or for the first time. */
  byte[] synAck() {
    return synAck(clientInitial, serverInitial);
  }

  byte[] synAck(int clientSequence, int serverSequence) {
    return PacketBuilder.tcp(serverSeen, client)
        .flags(PacketView.SYN | PacketView.ACK)
        .sequence(serverSequence)
        .acknowledgement(clientSequence + 1)
        .build();
  }

  /**
   * Connects.
   *
   * @return this dialogue
   */
  public TcpDialogue connect() {
    deliver(synAck(), serverDevice, clientDevice);
    connection.setTcpState(FakeConntrackKernel.ESTABLISHED);
    return this;
  }

  /**
   * Its packets go to another worker from now on.
   *
   * @param other the other one's bench
   * @return this dialogue
   */
  public TcpDialogue on(WorkerBench other) {
    bench = other;
    return this;
  }

  /** As if all of it had happened before the agent came. */
  TcpDialogue connectUnseen() {
    connection.setTcpState(FakeConntrackKernel.ESTABLISHED);
    return this;
  }

  /** A packet of the client, in turn; it acknowledges in the numbers that the kernel made. */
  byte[] clientSays(String text, int moreFlags) {
    int acknowledged = serverNext + connection.adjustment(true).offsetAfter();
    byte[] packet = segment(clientSeen, server, clientNext, acknowledged, text, moreFlags);
    clientNext += text.length() + numberOf(moreFlags);
    return packet;
  }

  /** A packet of the server, in turn. */
  byte[] serverSays(String text, int moreFlags) {
    int acknowledged = clientNext + connection.adjustment(false).offsetAfter();
    byte[] packet = segment(serverSeen, client, serverNext, acknowledged, text, moreFlags);
    serverNext += text.length() + numberOf(moreFlags);
    return packet;
  }

  /** A packet of the server, in turn, that acknowledges more than the client has said. */
  byte[] serverAcknowledging(int moreBytes, String text) {
    byte[] packet = segment(serverSeen, client, serverNext, clientNext + moreBytes, text, 0);
    serverNext += text.length();
    return packet;
  }

  /** A packet of the client with a sequence number that is off by some bytes. */
  byte[] clientOutOfTurn(int offset, String text, int moreFlags) {
    return segment(clientSeen, server, clientNext + offset, serverNext, text, moreFlags);
  }

  /** A packet of the server with a sequence number that is off by some bytes. */
  byte[] serverOutOfTurn(int offset, String text) {
    return segment(serverSeen, client, serverNext + offset, clientNext, text, 0);
  }

  private static int numberOf(int flags) {
    return (flags & PacketView.FIN) == 0 ? 0 : 1;
  }

  private static byte[] segment(
      InetSocketAddress from,
      InetSocketAddress to,
      int sequence,
      int acknowledgement,
      String text,
      int moreFlags) {
    return PacketBuilder.tcp(from, to)
        .flags(PacketView.ACK | moreFlags)
        .sequence(sequence)
        .acknowledgement(acknowledgement)
        .payload(text)
        .build();
  }

  /**
   * Collects what the server's TCP gets of the client from now on: the kernel shifts a packet when
   * it gets its verdict, and of what comes again only the bytes behind those that are there count.
   */
  StringBuilder receivedByServer() {
    StringBuilder received = new StringBuilder();
    int[] expected = {clientNext + connection.adjustment(false).offsetAfter()};
    PacketView view = new PacketView();
    bench
        .queue()
        .onPassed(
            packet -> {
              view.wrap(ByteBuffer.wrap(packet), 0, packet.length);
              if (view.destinationPort() != server.getPort()) {
                return;
              }
              SequenceAdjustment shift = connection.adjustment(false);
              boolean behind = view.sequence() - shift.position() > 0;
              int sequence =
                  view.sequence() + (behind ? shift.offsetAfter() : shift.offsetBefore());
              int known = expected[0] - sequence;
              if (known >= 0 && known < view.payloadLengthBytes()) {
                received.append(
                    new String(
                        packet,
                        view.payloadOffset() + known,
                        view.payloadLengthBytes() - known,
                        StandardCharsets.ISO_8859_1));
                expected[0] += view.payloadLengthBytes() - known;
              }
            });
    return received;
  }

  /** Delivers a packet and lets the worker read it. */
  TcpDialogue deliver(byte[] packet) {
    return deliver(packet, 0, 0);
  }

  private TcpDialogue deliver(byte[] packet, int in, int out) {
    bench.queue().deliver(packet, FakeQueueKernel.POSTROUTING, in, out);
    bench.turn();
    return this;
  }

  /** Packets of the client come by one device, those of the server by another. */
  TcpDialogue by(int clientsDevice, int serversDevice) {
    clientDevice = clientsDevice;
    serverDevice = serversDevice;
    return this;
  }

  /**
   * The client says something.
   *
   * @param text the payload
   * @return this dialogue
   */
  public TcpDialogue client(String text) {
    return deliver(clientSays(text, 0), clientDevice, serverDevice);
  }

  /**
   * The server says something.
   *
   * @param text the payload
   * @return this dialogue
   */
  public TcpDialogue server(String text) {
    return deliver(serverSays(text, 0), serverDevice, clientDevice);
  }

  /**
   * FTP up to a successful login.
   *
   * @return this dialogue
   */
  public TcpDialogue login() {
    return connect()
        .server("220 ready\r\n")
        .client("USER joe\r\n")
        .server("331 password\r\n")
        .client("PASS secret\r\n")
        .server("230 welcome\r\n");
  }

  /**
   * FTP: the server announces a port of its own.
   *
   * @param port 1024..65535
   * @return this dialogue
   */
  public TcpDialogue passive(int port) {
    return client("PASV\r\n").server(reply227(port));
  }

  /** FTP: queues both sides' last words; the worker has its turn later. */
  public void sayQuit() {
    bench.queue().deliver(clientSays("QUIT\r\n", PacketView.FIN));
    bench.queue().deliver(serverSays("221 bye\r\n", PacketView.FIN));
  }

  /**
   * One side closes, or sends its FIN once more.
   *
   * @param byServer false for the client, true for the server
   */
  public void fin(boolean byServer) {
    deliver(byServer ? serverSays("", PacketView.FIN) : clientSays("", PacketView.FIN));
  }

  /** Both sides close, one after the other. */
  TcpDialogue close() {
    return deliver(clientSays("", PacketView.FIN)).deliver(serverSays("", PacketView.FIN));
  }

  String reply227(int port) {
    return "227 Entering Passive Mode ("
        + server.getAddress().getHostAddress().replace('.', ',')
        + ","
        + port / 256
        + ","
        + port % 256
        + ").\r\n";
  }
}
