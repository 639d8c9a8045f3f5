package org.pinholed.it.lab;

import java.time.Duration;
import java.util.List;

/**
 * A DCE-RPC connection to port 135 of which the test speaks both sides, PDU by PDU. What is said is
 * heard as it was said, unless the method says otherwise. Closing it closes both ends.
 */
public final class RpcDialogue implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private final Connection client;
  private final Connection server;
  private int calls;

  /**
   * Takes both ends of a connection.
   *
   * @param client the end that asks, on whichever side of the router it is
   */
  public RpcDialogue(Connection client, Connection server) {
    this.client = client;
    this.server = server;
  }

  /** The client's end. */
  public Connection client() {
    return client;
  }

  /** The server's end. */
  public Connection server() {
    return server;
  }

  /** A number that no call had yet. */
  public int nextCall() {
    return ++calls;
  }

  /** The client says something, cut into segments at these offsets; what the server hears. */
  public String heardByServer(String said, List<Integer> cuts) {
    client.sendCut(said, cuts);
    return server.take(said.length(), PATIENCE);
  }

  /** The server says something, cut into segments at these offsets; what the client hears. */
  public String heardByClient(String said, List<Integer> cuts) {
    server.sendCut(said, cuts);
    return client.take(said.length(), PATIENCE);
  }

  /** The client says something. */
  public void toServer(String said) {
    expectSame(said, heardByServer(said, List.of()));
  }

  /** The server says something. */
  public void toClient(String said) {
    expectSame(said, heardByClient(said, List.of()));
  }

  private static void expectSame(String said, String heard) {
    if (!said.equals(heard)) {
      throw new AssertionError("said " + hex(said) + "\nheard " + hex(heard));
    }
  }

  private static String hex(String text) {
    StringBuilder hex = new StringBuilder();
    text.chars().forEach(b -> hex.append("%02x".formatted(b)));
    return hex.toString();
  }

  /** Binds interfaces to the contexts from 0 on. */
  public RpcDialogue bind(RpcFormat format, RpcInterface... interfaces) {
    int call = nextCall();
    toServer(RpcPdu.bind(format, call, interfaces));
    toClient(RpcPdu.bindAck(format, call, interfaces.length));
    return this;
  }

  /** Adds interfaces to the contexts from a number on. */
  public RpcDialogue alter(RpcFormat format, int context, RpcInterface... interfaces) {
    int call = nextCall();
    toServer(RpcPdu.alter(format, call, context, interfaces));
    toClient(RpcPdu.alterResponse(format, call, interfaces.length));
    return this;
  }

  /** The client asks in context 0 for a service over TCP; returns the number of the call. */
  public int ask(RpcFormat format, RpcInterface service) {
    int call = nextCall();
    String stub = RpcPdu.mapRequest(format, service, RpcTower.TCP);
    toServer(RpcPdu.request(format, call, 0, RpcPdu.MAP, stub));
    return call;
  }

  /** The client asks in context 0 and is told these towers; returns the response as it hears it. */
  public String map(RpcFormat format, RpcInterface service, RpcTower... towers) {
    int call = ask(format, service);
    String stub = RpcPdu.mapResponse(format, towers);
    return heardByClient(RpcPdu.response(format, call, 0, stub), List.of());
  }

  /** The client asks in context 0 and is told one port of the server itself. */
  public void map(RpcFormat format, RpcInterface service, int port) {
    map(format, service, RpcTower.own(service, port));
  }

  /** The client resolves an object exporter; returns the response as it hears it. */
  public String resolve(RpcFormat format, int context, String... bindings) {
    int call = nextCall();
    String asked = RpcPdu.resolveRequest(format);
    toServer(RpcPdu.request(format, call, context, RpcPdu.RESOLVE_OXID2, asked));
    String stub = RpcPdu.resolveResponse(format, bindings);
    return heardByClient(RpcPdu.response(format, call, context, stub), List.of());
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
