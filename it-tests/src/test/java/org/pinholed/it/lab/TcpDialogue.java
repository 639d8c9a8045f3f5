package org.pinholed.it.lab;

/** A {@link LabDialogue} of lines. */
public final class TcpDialogue implements LabDialogue {
  private final Connection client;
  private final Connection server;
  private final Endpoint local;

  TcpDialogue(Connection client, Connection server, Endpoint local) {
    this.client = client;
    this.server = server;
    this.local = local;
  }

  @Override
  public String toServer(String message) {
    client.send(message + "\n");
    return withoutEnd(server.line());
  }

  @Override
  public String toClient(String message) {
    server.send(message + "\n");
    return withoutEnd(client.line());
  }

  private static String withoutEnd(String line) {
    return line.substring(0, line.length() - 1);
  }

  /** The client's end of the connection, to say what no line is. */
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
