package org.pinholed.it.lab;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A {@link LabDialogue} of datagrams. The server's socket stays open when it is closed. */
public final class UdpDialogue implements LabDialogue {
  private final Datagrams client;
  private final Datagrams server;
  private final Endpoint dialed;
  private @Nullable Endpoint seen;

  /**
   * Nothing is said yet.
   *
   * @param dialed where the client finds the server
   */
  UdpDialogue(Datagrams client, Datagrams server, Endpoint dialed) {
    this.client = client;
    this.server = server;
    this.dialed = dialed;
  }

  @Override
  public String toServer(String message) {
    client.send(dialed, message);
    Datagram heard = server.receive();
    seen = heard.from();
    return heard.data();
  }

  @Override
  public String toClient(String message) {
    server.send(clientSeenByServer(), message);
    Datagram heard = client.receive();
    if (!heard.from().isSameAs(dialed)) {
      throw new AssertionError("an answer of " + dialed + " comes from " + heard.from());
    }
    return heard.data();
  }

  /** Says a message that perhaps does not get to the server. */
  public Optional<String> tryToServer(String message, Duration patience) {
    client.send(dialed, message);
    return server.receive(patience).map(Datagram::data);
  }

  /** The client's socket. */
  public Datagrams clientSocket() {
    return client;
  }

  /** The server's socket. */
  public Datagrams serverSocket() {
    return server;
  }

  /** Where the client finds the server. */
  public Endpoint dialed() {
    return dialed;
  }

  @Override
  public Endpoint client() {
    return client.local();
  }

  @Override
  public Endpoint clientSeenByServer() {
    if (seen == null) {
      throw new IllegalStateException("the client has said nothing");
    }
    return seen;
  }

  @Override
  public void close() {
    client.close();
  }
}
