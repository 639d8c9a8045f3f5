package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RpcClient;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcLevel;
import org.pinholed.it.lab.RpcRouter;
import org.pinholed.it.lab.RpcWay;
import org.pinholed.it.lab.SambaProcess;

/** Samba behind a router that lets in nothing but port 135, used by clients of two makers. */
class DceRpcSambaIT {
  private static final List<String> PROTECTIONS = List.of("", "[sign]", "[seal]", "[bigendian]");

  /** Arguments of SamrConnect: no server name, the most access that there is. */
  private static final String SAMR_CONNECT = "0000000000000002";

  @Test
  void standaloneServer_isUsedInEveryWay() {
    try (RpcRouter router = RpcRouter.start();
        SambaProcess samba = SambaProcess.startStandalone(router.lab());
        RpcClient impacket = RpcClient.start(router.lab(), "root", SambaProcess.PASSWORD)) {
      for (Family family : Family.values()) {
        for (RpcWay way : RpcWay.values()) {
          useBySamba(router, samba, way.dialed(family), "LABSRV");
          useByImpacket(router, impacket, way.dialed(family));
        }
        samba.smbtorture(family.server(), "[135,bigendian]", mapSimple()).orFail();
      }
      for (String options : List.of("", "[bigendian]")) {
        forget(router);
        samba.smbtorture(Family.V4.server(), options, "rpc.mgmt").orFail();
      }
      // Connections that were closing when they were cleared end in packets of no connection.
      assertEquals(List.of(), router.agent().complaints());
    }
  }

  @Test
  void domainController_isUsedInEveryWay() {
    try (RpcRouter router = RpcRouter.start();
        SambaProcess samba = SambaProcess.startDomainController(router.lab());
        RpcClient impacket =
            RpcClient.start(router.lab(), "Administrator", SambaProcess.PASSWORD)) {
      for (RpcWay way : RpcWay.values()) {
        useBySamba(router, samba, way.dialed(Family.V4), "BUILTIN");
        useByImpacket(router, impacket, way.dialed(Family.V4));
      }
      useBySamba(router, samba, Family.V6.server(), "BUILTIN");
      samba.smbtorture(Family.V4.server(), "[bigendian]", "rpc.mgmt").orFail();
      // Connections that were closing when they were cleared end in packets of no connection.
      assertEquals(List.of(), router.agent().complaints());
    }
  }

  private static String mapSimple() {
    return "rpc.epmapper.epmapper.Map_simple";
  }

  private static void useBySamba(
      RpcRouter router, SambaProcess samba, String host, String expected) {
    for (String protection : PROTECTIONS) {
      // What one protection opened shall not let the next one in.
      forget(router);
      String heard = samba.rpcclient(host, protection, "enumdomains").orFail();
      assertTrue(heard.contains(expected), heard);
    }
  }

  private static void useByImpacket(RpcRouter router, RpcClient impacket, String host) {
    forget(router);
    int port = impacket.map(host, RpcInterface.SAMR, RpcLevel.NONE);
    try (RpcClient.Association samr = impacket.connect(host, port, RpcLevel.INTEGRITY)) {
      samr.bind(RpcInterface.SAMR).call(0, SAMR_CONNECT);
    }
  }

  private static void forget(RpcRouter router) {
    // It says 1 where there was nothing.
    assertTrue(router.agent().ctl("clear", "--all").exitCode() <= 1);
    assertTrue(router.rows("expectations").isEmpty(), router::state);
  }
}
