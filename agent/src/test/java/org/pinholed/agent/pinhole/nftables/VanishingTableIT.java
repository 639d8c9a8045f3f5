package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * Somebody removes the table between two messages of ours, between any two: each thing is done
 * again at once, and nobody hears of it.
 */
@SuppressWarnings("NullAway.Init")
class VanishingTableIT {
  private static final NftablesOptions OPTIONS =
      new NftablesOptions("pinholed", 7, 1, true, MarkBits.DEFAULT, 10_000);
  private static final HelperPort FTP = new HelperPort(Transport.TCP, 21);

  private NamespaceThread namespace;
  private PinholeBackend backend;
  private PinholeBackend.Session session;

  /** How many messages are sent before the table goes; less than 0 if it stays. */
  private int sendsLeft = -1;

  /** A socket of the kernel; before one of the messages that it sends the table is removed. */
  private final class Interrupted implements NetlinkTransport {
    private final NetlinkSocket socket;

    private Interrupted(NetlinkSocket socket) {
      this.socket = socket;
    }

    @Override
    public void send(NetlinkWriter writer) throws NetlinkException {
      if (sendsLeft-- == 0) {
        removeTable();
      }
      socket.send(writer);
    }

    @Override
    public int receive(ByteBuffer into) throws NetlinkException {
      return socket.receive(into);
    }

    @Override
    public int receiveNow(ByteBuffer into) throws NetlinkException {
      return socket.receiveNow(into);
    }

    @Override
    public int receiveBatch(DatagramBatch batch) throws NetlinkException {
      return socket.receiveBatch(batch);
    }

    @Override
    public void close() {
      socket.close();
    }
  }

  private void removeTable() {
    try {
      namespace.exec("nft", "add table inet pinholed; delete table inet pinholed");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private NftClient client() throws NetlinkException {
    NetlinkSocket socket = NetlinkSocket.open(NetlinkSocketOptions.forRequests());
    return new NftClient(new NetlinkChannel(new Interrupted(socket), 192 * 1024), socket.portId());
  }

  @BeforeEach
  void open() throws IOException {
    namespace = NamespaceThread.open("phv" + ProcessHandle.current().pid());
  }

  /** A new one for each turn: a table may not be made anew very often. */
  private void openBackend() throws IOException {
    backend = namespace.call(() -> new NftablesBackend(OPTIONS, NftFeatures::probe, this::client));
    backend.install(List.of(FTP));
    session = namespace.call(backend::openSession);
  }

  private void closeBackend() throws IOException {
    session.close();
    backend.close();
    removeTable();
  }

  @AfterEach
  void close() throws IOException {
    namespace.close();
  }

  private static Pinhole pinhole(int port) throws IOException {
    return new Pinhole(
        Pinhole.Kind.ONCE,
        Transport.TCP,
        InetAddress.getByName("192.0.2.2"),
        InetAddress.getByName("198.51.100.7"),
        port,
        0x40000019,
        30_000,
        "ftp parent=0000002a policy=25");
  }

  /** What is done, and what has to be so then. */
  private interface Step {
    void run() throws IOException;
  }

  private void atEachPoint(Step action, Step expected) throws IOException {
    int point = 0;
    boolean reached = true;
    while (reached) {
      openBackend();
      sendsLeft = point;
      action.run();
      reached = sendsLeft < 0;
      sendsLeft = -1;
      expected.run();
      closeBackend();
      point++;
    }
    assertTrue(point > 1, "no message was sent");
  }

  private void assertStands(Pinhole pinhole) throws IOException {
    assertEquals(
        List.of(pinhole), session.listOwned().stream().map(OwnedPinhole::pinhole).toList());
    assertTrue(table().contains("elements = { 21 }"));
  }

  private String table() throws IOException {
    return namespace.exec("nft", "list", "table", "inet", "pinholed");
  }

  @Test
  void whileItIsRepaired() throws IOException {
    removeTable();
    atEachPoint(
        () -> {
          backend.repair(List.of(pinhole(2121)));
          if (session.listOwned().isEmpty()) { // it went behind the last message
            backend.repair(List.of(pinhole(2121)));
          }
        },
        () -> assertStands(pinhole(2121)));
  }

  @Test
  void whileAPinholeIsOpened() throws IOException {
    atEachPoint(
        () -> session.apply(List.of(), List.of(pinhole(2121))), () -> assertStands(pinhole(2121)));
  }

  @Test
  void whileOneIsOpened_thatFoundTheTableGoneAlready() throws IOException {
    atEachPoint(
        () -> {
          removeTable();
          session.apply(List.of(), List.of(pinhole(2121)));
        },
        () -> assertStands(pinhole(2121)));
  }

  @Test
  void whilePinholesAreListed() throws IOException {
    atEachPoint(
        () -> {
          session.apply(List.of(), List.of());
          session.listOwned();
        },
        () -> {});
  }

  @Test
  void whilePortsAreChanged() throws IOException {
    HelperPort other = new HelperPort(Transport.TCP, 2100);
    atEachPoint(
        () -> backend.setPorts(List.of(other)),
        () -> assertTrue(table().contains("elements = { 2100 }")));
  }

  @Test
  void whileItIsRemoved() throws IOException {
    atEachPoint(
        () -> backend.remove(),
        () -> assertEquals("", namespace.exec("nft", "list", "tables").strip()));
  }

  @Test
  void whileItIsInstalledAgain() throws IOException {
    atEachPoint(
        () -> backend.install(List.of(FTP)),
        () -> {
          if (!backend.repair(List.of())) {
            return;
          }
          throw new BackendException("it is not whole", 0, new IllegalStateException());
        });
  }
}
