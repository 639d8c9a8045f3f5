package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.PeerException;
import org.pinholed.it.lab.RpcClient;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcLevel;
import org.pinholed.it.lab.RpcRouter;
import org.pinholed.it.lab.RpcServer;
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
}
