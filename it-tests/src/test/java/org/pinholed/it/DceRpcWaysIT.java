package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcPdu;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcTower;
import org.pinholed.it.lab.RpcWay;

/** Ports that are announced over UDP, and addresses that the router translates. */
@Tag("containers")
class DceRpcWaysIT {
  private static final RpcInterface SERVICE = RpcInterface.own(1);
  private static final int PORT = 49700;

  @Test
  void datagrams_openThePortThatTheyAnnounce() {
    try (RpcScenario scenario = RpcScenario.start("", "");
        Datagrams mapper = scenario.server().datagrams(Family.V4.server(), 135);
        Datagrams service = scenario.server().datagrams(Family.V4.server(), PORT);
        Datagrams client = scenario.client().datagrams(Family.V4.client(), 0)) {
      UUID activity = new UUID(1, 2);
      String asked = RpcPdu.mapRequest(RpcFormat.LITTLE, SERVICE, RpcTower.UDP);
      client.send(mapper.local(), datagram(0, activity, asked));
      Endpoint seen = mapper.receive().from();
      RpcTower tower = new RpcTower(SERVICE, RpcTower.UDP, PORT, "0.0.0.0");
      mapper.send(seen, datagram(2, activity, RpcPdu.mapResponse(RpcFormat.LITTLE, tower)));
      client.receive();
      client.send(service.local(), "asked");
      assertEquals("asked", service.receive().data());
      service.send(client.local(), "answered");
      assertEquals("answered", client.receive().data());
      scenario.router().assertClean();
    }
  }

  private static String datagram(int type, UUID activity, String stub) {
    return RpcPdu.datagram(
        RpcFormat.LITTLE, type, RpcInterface.MAPPER, activity, 0, RpcPdu.MAP, stub);
  }

  @Test
  void publishedServer_isNamedByTheAddressThatTheClientDials() {
    String inside = RpcWay.PUBLISHED.server(Family.V4);
    String outside = RpcWay.PUBLISHED.dialed(Family.V4);
    try (RpcScenario scenario = RpcScenario.start("", "");
        RpcDialogue dialogue = scenario.open(RpcWay.PUBLISHED, Family.V4)) {
      int port = scenario.serve(RpcWay.PUBLISHED, Family.V4);
      dialogue
          .bind(RpcFormat.LITTLE, RpcInterface.MAPPER)
          .alter(RpcFormat.LITTLE, 1, RpcInterface.RESOLVER);
      String heard =
          dialogue.map(
              RpcFormat.LITTLE, SERVICE, new RpcTower(SERVICE, RpcTower.TCP, port, inside));
      assertTrue(heard.contains(new RpcTower(SERVICE, RpcTower.TCP, port, outside).octets()));
      scenario.use(RpcWay.PUBLISHED, Family.V4, port);

      String bound = dialogue.resolve(RpcFormat.LITTLE, 1, inside + "[" + port + "]");
      assertTrue(bound.contains(wide(outside + "[" + port + "]")), "the binding");
      scenario.router().assertClean();
    }
  }

  /** The address that the client dials is longer than the server's own. */
  @Test
  void bindingOfAnotherLength_isLeftAndCounted_andItsPortOpens() {
    String inside = RpcWay.PUBLISHED.server(Family.V4);
    String outside = "198.51.100.100";
    try (RpcScenario scenario = RpcScenario.start("", "")) {
      Lab lab = scenario.router().lab();
      lab.run(Lab.Host.ROUTER, Lab.SHORT, "ip", "addr", "add", outside + "/24", "dev", "r0")
          .orFail();
      lab.firewall(
          Lab.Host.ROUTER,
          "add rule inet nat pre ip daddr %s tcp dport 135 dnat ip to %s"
              .formatted(outside, inside));
      try (Listener resolver = scenario.server().listen(inside, 135);
          Listener service = scenario.server().listen(inside, 0);
          RpcDialogue dialogue = connect(scenario, outside, resolver)) {
        dialogue.bind(RpcFormat.LITTLE, RpcInterface.RESOLVER);
        String binding = inside + "[" + service.port() + "]";
        String bound = dialogue.resolve(RpcFormat.LITTLE, 0, binding);
        assertTrue(bound.contains(wide(binding)), "the binding as it was");
        assertEquals(Map.of("bindingNotRewritten", 1L), scenario.router().reasons());
        try (RpcDialogue child = connect(scenario, outside, service)) {
          child.toServer("asked");
          child.toClient("answered");
        }
      }
      scenario.router().assertClean();
    }
  }

  private static RpcDialogue connect(RpcScenario scenario, String outside, Listener listener) {
    Connection client = scenario.client().connect(Family.V4.client(), outside, listener.port());
    return new RpcDialogue(client, listener.accept());
  }

  private static String wide(String text) {
    StringBuilder units = new StringBuilder();
    text.chars().forEach(unit -> units.append((char) unit).append('\0'));
    return units.toString();
  }
}
