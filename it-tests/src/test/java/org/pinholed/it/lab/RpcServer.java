package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A DCE-RPC server of our own on the server host ({@code lab/rpc_server.py}): endpoint mapper, OXID
 * resolver and activator on port 135, and objects on ports of choice. It knows every user by one
 * password. Not thread-safe. Closing it ends the program.
 */
public final class RpcServer implements AutoCloseable {
  /** The password of everybody. */
  public static final String PASSWORD = "Passw0rd";

  private final PeerCalls calls;

  private RpcServer(PeerCalls calls) {
    this.calls = calls;
  }

  /** Starts it on some addresses. */
  public static RpcServer start(Lab lab, List<String> addresses, int... objectPorts) {
    RpcServer server = new RpcServer(PeerCalls.start(lab, Lab.Host.SERVER, "rpc_server.py"));
    for (String address : addresses) {
      server.listen(address, Service.DCERPC_PORT);
      for (int port : objectPorts) {
        server.listen(address, port);
      }
    }
    return server;
  }

  private void listen(String address, int port) {
    calls.call("listen", Map.of("host", address, "port", port));
  }

  /** Says from now on that its objects are to be found there, as in {@code 203.0.113.2[49700]}. */
  public void bindings(String... bindings) {
    calls.call("set", Map.of("bindings", bindings));
  }

  /**
   * Says from now on where an interface is served.
   *
   * @param address the one in its towers
   */
  public void service(RpcInterface served, String address, int... ports) {
    calls.call(
        "set", Map.of("services", Map.of(served.uuid().toString(), ports), "address", address));
  }

  /** Cuts its responses into fragments of so many bytes at most from now on; 0 for none. */
  public void fragments(int bytes) {
    calls.call("set", Map.of("fragment", bytes));
  }

  /**
   * What was called since the last question.
   *
   * @param from the client's address as the server sees it
   * @param level number of the protection
   */
  public record Call(String from, int port, String interfaceUuid, int operation, int level) {}

  /** What was called since the last question; insists that nothing was wrong with it. */
  public List<Call> called() {
    List<Call> called = new ArrayList<>();
    for (JsonNode call : calls.call("called", new HashMap<>()).path("calls")) {
      if (call.has("error")) {
        throw new AssertionError(call.path("error").asText());
      }
      called.add(
          new Call(
              call.path("from").asText(),
              call.path("port").asInt(),
              call.path("interface").asText(),
              call.path("operation").asInt(),
              call.path("level").asInt()));
    }
    return called;
  }

  @Override
  public void close() {
    calls.close();
  }
}
