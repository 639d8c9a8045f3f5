package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcWay;
import org.pinholed.it.lab.Service;

/**
 * A server that asks its client, as one of OPC does when the client has subscribed: it resolves the
 * client's object at port 135 of the client, which the router must let in from that side, too, and
 * connects to the port that it is told.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DceRpcCallbackIT {
  private static final Duration PATIENCE = Duration.ofMillis(300);

  private final RpcScenario scenario = RpcScenario.start("", "");

  @AfterAll
  void close() {
    try (scenario) {
      scenario.router().assertClean();
    }
  }

  private static boolean isShut(Peer peer, String source, String host, int port) {
    return peer.reached(source, host, List.of(port), PATIENCE).isEmpty();
  }

  private Connection connect(Family family, int port) {
    return scenario.server().connect(family.server(), family.client(), port);
  }

  @ParameterizedTest
  @EnumSource
  void server_callsItsClientBack(Family family) {
    int served = scenario.serve(RpcWay.ROUTED, family);
    try (RpcDialogue mapper = scenario.open(RpcWay.ROUTED, family);
        Listener resolver = scenario.client().listen(family.client(), Service.DCERPC_PORT);
        Listener sink = scenario.client().listen(family.client(), 0)) {
      mapper.bind(RpcFormat.LITTLE, RpcInterface.MAPPER);
      mapper.map(RpcFormat.LITTLE, RpcInterface.own(1), served);
      try (RpcDialogue subscription = scenario.connect(RpcWay.ROUTED, family, served)) {
        subscription.toServer("subscribe");
        Peer server = scenario.server();
        assertTrue(isShut(server, family.server(), family.client(), sink.port()), "unasked");
        Connection asking = connect(family, Service.DCERPC_PORT);
        try (RpcDialogue back = new RpcDialogue(asking, resolver.accept())) {
          back.bind(RpcFormat.LITTLE, RpcInterface.RESOLVER);
          String told = family.client() + "[" + sink.port() + "]";
          back.resolve(RpcFormat.LITTLE, 0, "CLIENT[" + sink.port() + "]", told);
        }
        assertOpenForTheServerAlone(family, sink);
        subscription.toClient("subscribed");
      }
    }
  }

  private void assertOpenForTheServerAlone(Family family, Listener sink) {
    int port = sink.port();
    assertEquals(1, scenario.router().announced(port).size(), scenario.router()::state);
    try (RpcDialogue event = new RpcDialogue(connect(family, port), sink.accept())) {
      event.toServer("changed"); // the client serves here
      event.toClient("seen");
    }
    Peer server = scenario.server();
    assertTrue(isShut(server, family.otherServer(), family.client(), port), "another server");
    assertTrue(isShut(server, family.server(), family.otherClient(), port), "another client");
    assertTrue(isShut(server, family.server(), family.client(), port ^ 1), "another port");
    assertTrue(
        isShut(scenario.client(), family.client(), family.server(), port), "the other direction");
    assertFalse(isShut(server, family.server(), family.client(), port), "once more");
  }
}
