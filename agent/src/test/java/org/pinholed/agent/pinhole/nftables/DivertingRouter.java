package org.pinholed.agent.pinhole.nftables;

import java.io.IOException;
import java.util.List;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;

/** The router of a network with the agent's table, which diverts datagrams to port 5060. */
public final class DivertingRouter implements AutoCloseable {
  /** The queue that they are given to; whether it is read is up to the test. */
  public static final int QUEUE = 7;

  private final PinholeBackend backend;
  private final PinholeBackend.Session session;
  private final ConntrackClient conntrack;

  /**
   * Installs the table.
   *
   * @param network has the router
   * @param mapSizeElements how many elements its maps hold
   * @throws IOException if the kernel refuses
   */
  public DivertingRouter(RoutedNetwork network, int mapSizeElements) throws IOException {
    NftablesOptions options =
        new NftablesOptions("pinholed", QUEUE, 1, true, MarkBits.DEFAULT, mapSizeElements);
    backend = network.router().call(() -> NftablesBackend.open(options));
    backend.install(List.of(new HelperPort(Transport.UDP, 5060)));
    session = network.router().call(backend::openSession);
    conntrack = network.router().call(ConntrackClient::open);
  }

  /**
   * A way to the table.
   *
   * @return open until {@link #close}
   */
  public PinholeBackend.Session session() {
    return session;
  }

  /**
   * A way to the router's connections.
   *
   * @return open until {@link #close}
   */
  public ConntrackClient conntrack() {
    return conntrack;
  }

  /** Removes the table. */
  void remove() throws BackendException {
    backend.remove();
  }

  @Override
  public void close() {
    session.close();
    backend.close();
    conntrack.close();
  }
}
