package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/**
 * impacket on the client host: a DCE-RPC client that is told step by step what to do, at any level
 * of protection, and DCOM over it. Not thread-safe. Closing it ends the program.
 */
public final class RpcClient implements AutoCloseable {
  private final PeerCalls calls;
  private final Map<String, Object> credentials;

  private RpcClient(PeerCalls calls, Map<String, Object> credentials) {
    this.calls = calls;
    this.credentials = credentials;
  }

  /** Starts it with who it says it is where it authenticates. */
  public static RpcClient start(Lab lab, String user, String password) {
    return new RpcClient(
        PeerCalls.start(lab, Lab.Host.CLIENT, "rpc_client.py"),
        Map.of("user", user, "password", password));
  }

  private JsonNode ask(String operation, Map<String, Object> arguments) {
    return calls.call(operation, arguments);
  }

  private Map<String, Object> asking(String host, RpcLevel level) {
    Map<String, Object> arguments = new HashMap<>(credentials);
    arguments.put("host", host);
    arguments.put("level", level.number());
    return arguments;
  }

  /** Connects to a port, or throws {@link PeerException} after 4 s; nothing is said yet. */
  public Association connect(String host, int port, RpcLevel level) {
    Map<String, Object> arguments = asking(host, level);
    arguments.put("port", port);
    return new Association(host, ask("connect", arguments).path("id").asInt());
  }

  /**
   * Asks the mapper of a host for the port of an interface, over a connection of its own.
   *
   * @return the port
   */
  public int map(String host, RpcInterface wanted, RpcLevel level) {
    try (Association mapper = connect(host, Service.DCERPC_PORT, level)) {
      return mapper.map(wanted);
    }
  }

  /** Connects to a port, binds, calls an operation without arguments, and closes. */
  public void call(String host, int port, RpcInterface wanted, RpcLevel level) {
    try (Association service = connect(host, port, level)) {
      service.bind(wanted).call(0, "");
    }
  }

  /**
   * Has an object made by DCOM.
   *
   * @param method {@code RemoteActivation}, {@code RemoteCreateInstance} or {@code
   *     RemoteGetClassObject}
   */
  public Activated activate(String host, RpcLevel level, String method) {
    Map<String, Object> arguments = asking(host, level);
    arguments.put("by", method);
    JsonNode answer = ask("activate", arguments);
    return new Activated(answer.path("id").asInt(), bindings(answer));
  }

  /**
   * Asks the OXID resolver of a host.
   *
   * @param method {@code ResolveOxid} or {@code ResolveOxid2}
   * @return the bindings over TCP
   */
  public List<String> resolve(String host, RpcLevel level, String method) {
    Map<String, Object> arguments = asking(host, level);
    arguments.put("second", method.endsWith("2"));
    return bindings(ask("resolve", arguments));
  }

  private static List<String> bindings(JsonNode answer) {
    return StreamSupport.stream(answer.path("bindings").spliterator(), false)
        .map(JsonNode::asText)
        .toList();
  }

  @Override
  public void close() {
    calls.close();
  }

  /** One connection. */
  public final class Association implements AutoCloseable {
    private final String host;
    private final int id;

    private Association(String host, int id) {
      this.host = host;
      this.id = id;
    }

    /** Binds in NDR. */
    public Association bind(RpcInterface wanted) {
      ask("bind", with(wanted, Map.of("id", id)));
      return this;
    }

    /** Binds the mapper and asks it for the port of an interface. */
    public int map(RpcInterface wanted) {
      return ask("map", with(wanted, Map.of("id", id, "host", host))).path("port").asInt();
    }

    /**
     * Calls an operation.
     *
     * @param stub in hex
     * @return the stub of the answer in hex
     */
    public String call(int operation, String stub) {
      return ask("call", Map.of("id", id, "operation", operation, "stub", stub))
          .path("stub")
          .asText();
    }

    private static Map<String, Object> with(RpcInterface wanted, Map<String, Object> more) {
      Map<String, Object> arguments = new HashMap<>(more);
      arguments.put("interface", wanted.uuid().toString());
      arguments.put("version", wanted.major() + ".0");
      return arguments;
    }

    @Override
    public void close() {
      ask("close", Map.of("id", id));
    }
  }

  /** An object elsewhere. */
  public final class Activated {
    private final int id;
    private final List<String> bindings;

    private Activated(int id, List<String> bindings) {
      this.id = id;
      this.bindings = bindings;
    }

    /** Where it is to be found over TCP. */
    public List<String> bindings() {
      return bindings;
    }

    /** Connects to it, binds and calls it, or throws {@link PeerException}. */
    public void release() {
      ask("release", Map.of("id", id));
    }
  }
}
