package org.pinholed.agent.worker;

import java.net.InetSocketAddress;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Both ends of one flow of datagrams through the router. Its conntrack comes into the kernel's
 * table when the first datagram has its verdict, as in the kernel.
 */
final class DatagramDialogue {
  static final InetSocketAddress CLIENT = TcpDialogue.CLIENT;
  static final InetSocketAddress SERVER = TcpDialogue.SERVER;

  private static final int UDP = 17;

  private WorkerBench bench;
  private final InetSocketAddress client;
  private final InetSocketAddress server;
  private final InetSocketAddress clientSeen;
  private final InetSocketAddress serverSeen;
  private Connection connection;
  private boolean confirmed;
  private int hook = FakeQueueKernel.POSTROUTING;
  private int clientDevice;
  private int serverDevice;

  DatagramDialogue(WorkerBench bench) {
    this(bench, CLIENT, SERVER, CLIENT, SERVER, 0x1234, 25);
  }

  DatagramDialogue(WorkerBench bench, InetSocketAddress client, int id) {
    this(bench, client, SERVER, client, SERVER, id, 25);
  }

  DatagramDialogue(
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
    connection = conntrack(id, mark);
  }

  /** Another conntrack between the same ends. */
  Connection conntrack(int id, int mark) {
    return new Connection(id, tuple(client, serverSeen), tuple(server, clientSeen), mark, -1);
  }

  private static FlowTuple tuple(InetSocketAddress from, InetSocketAddress to) {
    return new FlowTuple(UDP, from.getAddress(), from.getPort(), to.getAddress(), to.getPort());
  }

  private static Endpoint endpoint(InetSocketAddress address) {
    return new Endpoint(address.getAddress(), address.getPort());
  }

  Connection connection() {
    return connection;
  }

  /** When the first datagram passes the kernel has this conntrack, not the one it had before. */
  DatagramDialogue becomes(Connection winner) {
    connection = winner;
    return this;
  }

  /** As if all of it had happened before the agent came. */
  DatagramDialogue begunUnseen() {
    bench.conntrack().add(connection);
    confirmed = true;
    return this;
  }

  /** The next datagram begins another conntrack between the same ends. */
  DatagramDialogue again(int id, int mark) {
    connection = conntrack(id, mark);
    confirmed = false;
    return this;
  }

  DatagramDialogue on(WorkerBench other) {
    bench = other;
    return this;
  }

  /** Packets of the client come by one device, those of the server by another. */
  DatagramDialogue by(int clientsDevice, int serversDevice) {
    clientDevice = clientsDevice;
    serverDevice = serversDevice;
    return this;
  }

  /** The server is this machine. */
  DatagramDialogue toThisMachine() {
    hook = FakeQueueKernel.INPUT;
    serverDevice = 0;
    return this;
  }

  byte[] clientSays(String text) {
    return PacketBuilder.udp(clientSeen, server).udpChecksum(1).payload(text).build();
  }

  byte[] serverSays(String text) {
    return PacketBuilder.udp(serverSeen, client).udpChecksum(1).payload(text).build();
  }

  /** Writes down what the next datagram is, with the id that its conntrack has by now. */
  DatagramDialogue writeOrigin(int id) {
    bench
        .backend()
        .write(
            endpoint(clientSeen),
            endpoint(server),
            new FlowOrigin(endpoint(client), endpoint(serverSeen), id, connection.mark()));
    return this;
  }

  /** The client says something; the first datagram is confirmed by its verdict. */
  DatagramDialogue client(String text) {
    return client(text, connection.id());
  }

  /** The same; the first datagram has a conntrack with this id before it is confirmed. */
  DatagramDialogue client(String text, int idBefore) {
    if (!confirmed) {
      writeOrigin(idBefore);
      Connection now = connection;
      bench.atNextVerdict(() -> bench.conntrack().add(now));
      confirmed = true;
    }
    return deliver(clientSays(text), clientDevice, serverDevice);
  }

  /** The client says something that is dropped behind the agent, so that nothing begins. */
  DatagramDialogue clientInVain(String text) {
    writeOrigin(connection.id());
    return deliver(clientSays(text), clientDevice, serverDevice);
  }

  DatagramDialogue server(String text) {
    connection.addStatus(2); // IPS_SEEN_REPLY
    return deliver(serverSays(text), serverDevice, clientDevice);
  }

  DatagramDialogue deliver(byte[] packet, int in, int out) {
    bench.queue().deliver(packet, hook, in, out);
    bench.turn();
    return this;
  }
}
