package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcPdu;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcTower;
import org.pinholed.it.lab.RpcWay;

/** Ports that are announced over UDP, and addresses that the router translates. */
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

  private static String wide(String text) {
    StringBuilder units = new StringBuilder();
    text.chars().forEach(unit -> units.append((char) unit).append('\0'));
    return units.toString();
  }
}
