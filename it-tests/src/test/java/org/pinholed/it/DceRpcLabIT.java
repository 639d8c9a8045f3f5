package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.PeerException;
import org.pinholed.it.lab.RpcClient;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcLevel;
import org.pinholed.it.lab.RpcPdu;
import org.pinholed.it.lab.RpcRouter;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcServer;
import org.pinholed.it.lab.RpcTower;
import org.pinholed.it.lab.RpcWay;
import org.pinholed.it.lab.SambaProcess;
import org.pinholed.it.lab.Service;

/** The laboratory of DCE-RPC itself: what its programs do without pinholed. */
class DceRpcLabIT {
  private static final int PORT = 49700;

  @Test
  void openRouter_letsEachClientAndServerSpeak() {
    try (RpcRouter router = RpcRouter.startOpen()) {
      try (SambaProcess samba = SambaProcess.startStandalone(router.lab())) {
        String server = RpcWay.ROUTED.dialed(Family.V4);
        String heard = samba.rpcclient(server, "[seal]", "enumdomains").orFail();
        assertTrue(heard.contains("LABSRV"), heard);
        samba.smbtorture(server, "[135,bigendian]", "rpc.epmapper.epmapper.Map_simple").orFail();
      }
      List<String> addresses =
          List.of(RpcWay.ROUTED.server(Family.V4), RpcWay.ROUTED.server(Family.V6));
      try (RpcServer server = RpcServer.start(router.lab(), addresses, PORT);
          RpcClient client = RpcClient.start(router.lab(), "anybody", RpcServer.PASSWORD)) {
        for (Family family : Family.values()) {
          String host = RpcWay.ROUTED.dialed(family);
          server.bindings("SRV[" + PORT + "]", host + "[" + PORT + "]");
          server.service(RpcInterface.own(1), "0.0.0.0", PORT);
          for (RpcLevel level : RpcLevel.values()) {
            assertSpoken(server, client, host, level);
          }
        }
      }
      router.assertClean();
    }
  }

  private static void assertSpoken(
      RpcServer server, RpcClient client, String host, RpcLevel level) {
    assertEquals(PORT, client.map(host, RpcInterface.own(1), level));
    client.call(host, PORT, RpcInterface.own(1), level);
    server.fragments(level.number() * 50);
    for (String method :
        List.of("RemoteActivation", "RemoteCreateInstance", "RemoteGetClassObject")) {
      client.activate(host, level, method).release();
    }
    for (String method : List.of("ResolveOxid", "ResolveOxid2")) {
      assertTrue(client.resolve(host, level, method).contains(host + "[" + PORT + "]"));
    }
    List<RpcServer.Call> called = server.called();
    assertEquals(10, called.size(), called.toString());
    // impacket speaks to an object at the level integrity at least.
    assertEquals(
        6,
        called.stream()
            .filter(call -> call.port() == Service.DCERPC_PORT)
            .filter(call -> call.level() == level.number())
            .count(),
        called.toString());
  }

  @Test
  void closedRouter_letsTheMapperInOnly() {
    try (RpcRouter router = RpcRouter.startWithoutHelp();
        SambaProcess samba = SambaProcess.startStandalone(router.lab());
        RpcClient client = RpcClient.start(router.lab(), "anybody", RpcServer.PASSWORD)) {
      String server = RpcWay.ROUTED.dialed(Family.V4);
      int port = client.map(server, RpcInterface.SAMR, RpcLevel.NONE);
      assertThrows(
          PeerException.class, () -> client.call(server, port, RpcInterface.SAMR, RpcLevel.NONE));
      assertFalse(samba.rpcclient(server, "", "epmlookup").output().isEmpty());
      router.assertClean();
    }
  }

  /** Samba understands what the scripted client says, in both byte orders. */
  @ParameterizedTest
  @EnumSource(names = {"LITTLE", "BIG"})
  void scriptedQuestion_isAnsweredBySamba(RpcFormat format) {
    try (RpcRouter router = RpcRouter.startWithoutHelp();
        SambaProcess samba = SambaProcess.startStandalone(router.lab());
        Peer peer = Peer.start(router.lab(), Lab.Host.CLIENT);
        Connection client =
            peer.connect(
                Family.V4.client(), RpcWay.ROUTED.dialed(Family.V4), Service.DCERPC_PORT)) {
      client.send(RpcPdu.bind(format, 1, RpcInterface.MAPPER));
      assertEquals(12, RpcPdu.next(client).charAt(2), "bind_ack");
      String asked = RpcPdu.mapRequest(format, RpcInterface.SAMR, RpcTower.TCP);
      client.send(RpcPdu.request(format, 2, 0, RpcPdu.MAP, asked));
      String answer = RpcPdu.next(client);
      assertEquals(2, answer.charAt(2), "response");
      String samr = RpcTower.own(RpcInterface.SAMR, 0).octets();
      assertTrue(answer.contains(samr.substring(0, 46)), "the floors before the port");
      assertFalse(samba.rpcclient(Family.V4.server(), "", "epmlookup").output().isEmpty());
    }
  }

  /** What the mapper of a script says passes whole, whichever way it takes. */
  @Test
  void scriptedSides_hearEachOther() {
    try (RpcScenario scenario = RpcScenario.startOpen()) {
      for (RpcFormat format : RpcFormat.values()) {
        for (RpcWay way : RpcWay.values()) {
          try (RpcDialogue dialogue = scenario.open(way, Family.V4)) {
            dialogue.bind(format, RpcInterface.MAPPER).alter(format, 1, RpcInterface.RESOLVER);
            dialogue.map(format, RpcInterface.own(7), 49700);
            dialogue.resolve(format, 1, way.server(Family.V4) + "[49700]");
          }
        }
      }
      int port = scenario.serve(RpcWay.MASQUERADED, Family.V6);
      scenario.use(RpcWay.MASQUERADED, Family.V6, port);
      scenario.router().assertClean();
    }
  }

  @Test
  void domainController_servesItsUsers() {
    try (RpcRouter router = RpcRouter.startOpen();
        SambaProcess samba = SambaProcess.startDomainController(router.lab())) {
      for (String options : List.of("", "[sign]", "[seal]", "[bigendian]")) {
        String heard = samba.rpcclient(Family.V6.server(), options, "enumdomains").orFail();
        assertTrue(heard.contains("BUILTIN"), heard);
      }
      router.assertClean();
    }
  }
}
