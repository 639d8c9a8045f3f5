package org.pinholed.it.lab;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** A {@link LabDialogue} of SIP messages over one connection, framed by Content-Length. */
public final class SipStream implements LabDialogue {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private final Connection client;
  private final Connection server;
  private final Endpoint local;

  /**
   * Nothing is said yet.
   *
   * @param local the client's end
   */
  SipStream(Connection client, Connection server, Endpoint local) {
    this.client = client;
    this.server = server;
    this.local = local;
  }

  @Override
  public String toServer(String message) {
    client.send(message);
    return next(server);
  }

  @Override
  public String toClient(String message) {
    server.send(message);
    return next(client);
  }

  /** The next message that one end hears; empty lines before it are skipped. */
  public static String next(Connection end) {
    return next(end, PATIENCE)
        .orElseThrow(() -> new PeerException("no message came in " + PATIENCE));
  }

  /** The next message that one end hears, or empty if its head does not come in time. */
  public static Optional<String> next(Connection end, Duration patience) {
    StringBuilder head = new StringBuilder();
    int length = 0;
    try {
      while (true) {
        String line = end.line(head.isEmpty() ? patience : PATIENCE);
        if (line.equals("\r\n") && head.isEmpty()) {
          continue;
        }
        head.append(line);
        if (line.equals("\r\n")) {
          break;
        }
        String[] words = line.toLowerCase(Locale.ROOT).split(":", 2);
        if (words[0].strip().equals("content-length") || words[0].strip().equals("l")) {
          length = Integer.parseInt(words[1].strip());
        }
      }
    } catch (PeerException e) {
      if (head.isEmpty()) {
        return Optional.empty();
      }
      throw e;
    }
    return Optional.of(head + end.take(length, PATIENCE));
  }

  /** The client's end of the connection. */
  public Connection clientConnection() {
    return client;
  }

  /** The server's end of the connection. */
  public Connection serverConnection() {
    return server;
  }

  @Override
  public Endpoint client() {
    return local;
  }

  @Override
  public Endpoint clientSeenByServer() {
    return new Endpoint(server.remoteHost(), server.port());
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
