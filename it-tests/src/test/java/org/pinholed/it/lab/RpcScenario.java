package org.pinholed.it.lab;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * An {@link RpcRouter} with a scripted peer on either side; what the mapper says is up to the test.
 * Closing it ends everything.
 */
public final class RpcScenario implements AutoCloseable {
  /** Long against a round trip here (under 1 ms), short against the first repeat of a SYN (1 s). */
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(300);

  private static final Duration OPEN_PATIENCE = Duration.ofSeconds(5);

  private final RpcRouter router;
  private final Peer client;
  private final Peer server;
  private final Map<Endpoint, Listener> listeners = new HashMap<>();

  private RpcScenario(RpcRouter router) {
    this.router = router;
    client = Peer.start(router.lab(), Lab.Host.CLIENT);
    server = Peer.start(router.lab(), Lab.Host.SERVER);
  }

  /** Builds it; see {@link RpcRouter#start(String, String)}. */
  public static RpcScenario start(String keys, String yaml) {
    return on(RpcRouter.start(keys, yaml));
  }

  /** Builds it with nobody who helps, and everything passes. */
  public static RpcScenario startOpen() {
    return on(RpcRouter.startOpen());
  }

  private static RpcScenario on(RpcRouter router) {
    try {
      return new RpcScenario(router);
    } catch (RuntimeException | Error e) {
      router.close();
      throw e;
    }
  }

  /** The router with its agent. */
  public RpcRouter router() {
    return router;
  }

  /** The scripted client. */
  public Peer client() {
    return client;
  }

  /** The scripted server. */
  public Peer server() {
    return server;
  }

  private Listener listener(String host, int port) {
    return listeners.computeIfAbsent(
        new Endpoint(host, port), at -> server.listen(at.host(), at.port()));
  }

  /** A free port of the server, on which it listens from now on at the address of a way. */
  public int serve(RpcWay way, Family family) {
    Listener listener = server.listen(way.server(family), 0);
    listeners.put(new Endpoint(way.server(family), listener.port()), listener);
    return listener.port();
  }

  /** A connection from the client to the mapper. */
  public RpcDialogue open(RpcWay way, Family family) {
    return open(way, family, family.client());
  }

  /** A connection from one of the client's addresses to the mapper. */
  public RpcDialogue open(RpcWay way, Family family, String source) {
    Listener mapper = listener(way.server(family), Service.DCERPC_PORT);
    Connection connection = client.connect(source, way.dialed(family), Service.DCERPC_PORT);
    return new RpcDialogue(connection, mapper.accept());
  }

  /** A connection over IPv4 without translation, on which the mapper is bound. */
  public RpcDialogue openMapper(RpcFormat format) {
    return open(RpcWay.ROUTED, Family.V4).bind(format, RpcInterface.MAPPER);
  }

  /**
   * Holds conversations with the mapper over IPv4 without translation, each over a connection of
   * its own, one after the other. Whatever is said must arrive as it was said.
   */
  public void hold(RpcTalk... talks) {
    hold(Family.V4.server(), List.of(talks));
  }

  /** The same with the mapper at an address of the server. */
  public void hold(String host, List<RpcTalk> talks) {
    Listener mapper = listener(host, Service.DCERPC_PORT);
    CompletableFuture<Void> heard = CompletableFuture.runAsync(() -> mapper.converse(talks));
    List<String> problems = new ArrayList<>();
    try {
      client.converse(Family.V4.client(), host, Service.DCERPC_PORT, talks);
    } catch (PeerException e) {
      problems.add("the client: " + e.getMessage());
    }
    try {
      heard.join();
    } catch (CompletionException e) {
      problems.add("the server: " + e.getCause());
    }
    if (!problems.isEmpty()) {
      throw new AssertionError(problems + "\n" + router.state());
    }
  }

  /** Which ports at an address of the server the client comes through to, over IPv4. */
  public Set<Integer> reached(String host, Collection<Integer> ports) {
    return client.reached(Family.V4.client(), host, ports, SHUT_PATIENCE);
  }

  /** Connects from the client to a port that {@link #serve} gave; it must come through. */
  public RpcDialogue connect(RpcWay way, Family family, int port) {
    Connection connection =
        client
            .tryConnect(family.client(), way.dialed(family), port, OPEN_PATIENCE)
            .orElseThrow(() -> new AssertionError("shut: " + port + "\n" + router.state()));
    return new RpcDialogue(connection, listener(way.server(family), port).accept());
  }

  /** Connects as {@link #connect} does, says something in both directions, and closes. */
  public void use(RpcWay way, Family family, int port) {
    try (RpcDialogue child = connect(way, family, port)) {
      child.toServer("asked");
      child.toClient("answered");
    }
  }

  /** Whether one attempt from an address of the client to a port does not come through. */
  public boolean isShut(RpcWay way, Family family, String source, int port) {
    Optional<Connection> connection =
        client.tryConnect(source, way.dialed(family), port, SHUT_PATIENCE);
    connection.ifPresent(Connection::close);
    return connection.isEmpty();
  }

  /** Whether one attempt of the client over IPv4 without translation does not come through. */
  public boolean isShut(int port) {
    return isShut(RpcWay.ROUTED, Family.V4, Family.V4.client(), port);
  }

  @Override
  public void close() {
    router.close();
  }
}
