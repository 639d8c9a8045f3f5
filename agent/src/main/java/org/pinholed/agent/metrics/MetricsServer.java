package org.pinholed.agent.metrics;

import io.prometheus.client.exporter.HTTPServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.helper.AddressText;

/**
 * Shows the metrics by HTTP at {@code /metrics}. Its threads are daemons; owned by the lifecycle,
 * which closes it.
 */
public final class MetricsServer implements AutoCloseable {
  private final HTTPServer server;
  private final InetAddress address;

  private MetricsServer(HTTPServer server, InetAddress address) {
    this.server = server;
    this.address = address;
  }

  /**
   * Starts a server.
   *
   * @param metrics what it shows
   * @param config where it listens; whether it is enabled is not asked
   * @return the running server
   * @throws IOException if the address or port cannot be had; the message names the key
   */
  public static MetricsServer start(PrometheusMetrics metrics, AgentConfig.Metrics config)
      throws IOException {
    InetAddress address = InetAddress.getByName(config.address());
    try {
      HTTPServer server =
          new HTTPServer.Builder()
              .withInetSocketAddress(new InetSocketAddress(address, config.port()))
              .withRegistry(metrics.collectors())
              .withDaemonThreads(true)
              .build();
      return new MetricsServer(server, address);
    } catch (BindException e) {
      throw new IOException(
          "metrics.address and metrics.port: "
              + show(address, config.port())
              + ": "
              + e.getMessage()
              + " (expected: an address of this host and a free port; metrics.enabled: false does"
              + " without)",
          e);
    }
  }

  /**
   * Where it listens.
   *
   * @return address and port, the port that was taken if 0 was configured
   */
  public String address() {
    return show(address, server.getPort());
  }

  @Override
  public void close() {
    server.close();
  }

  private static String show(InetAddress address, int port) {
    String host = AddressText.of(address);
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
