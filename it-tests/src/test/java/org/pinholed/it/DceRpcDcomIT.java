package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
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

/** DCOM, driven by impacket, through a router that lets in nothing but port 135. */
class DceRpcDcomIT {
  private static final int PORT = 49700;
  private static final String HOST = Family.V4.server();
  private static final List<String> METHODS =
      List.of("RemoteActivation", "RemoteCreateInstance", "RemoteGetClassObject");

  /** A router, and either side of it. */
  private record Parts(RpcRouter router, RpcServer server, RpcClient client)
      implements AutoCloseable {
    static Parts start(String keys) {
      RpcRouter router = RpcRouter.start(keys, "");
      List<String> addresses = List.of(HOST, Family.V6.server());
      RpcServer server = RpcServer.start(router.lab(), addresses, PORT);
      server.bindings("SRV[" + PORT + "]", HOST + "[" + PORT + "]");
      server.service(RpcInterface.own(1), "0.0.0.0", PORT);
      return new Parts(
          router, server, RpcClient.start(router.lab(), "anybody", RpcServer.PASSWORD));
    }

    void forget() {
      // It says 1 where there was nothing.
      assertTrue(router.agent().ctl("clear", "--all").exitCode() <= 1);
      assertTrue(router.rows("expectations").isEmpty(), router::state);
    }

    @Override
    public void close() {
      router.close();
    }
  }

  @Test
  void objects_areReached_whereTheCallIsInClear() {
    try (Parts parts = Parts.start("")) {
      for (Family family : Family.values()) {
        String host = RpcWay.ROUTED.dialed(family);
        parts.server().bindings("SRV[" + PORT + "]", host + "[" + PORT + "]");
        for (RpcLevel level : List.of(RpcLevel.NONE, RpcLevel.CONNECT, RpcLevel.INTEGRITY)) {
          for (String method : METHODS) {
            parts.forget();
            parts.server().fragments(method.equals(METHODS.get(0)) ? 0 : level.number() * 50);
            parts.client().activate(host, level, method).release();
          }
        }
      }
      parts.server().bindings(HOST + "[" + PORT + "]");
      parts.server().fragments(20);
      parts.forget();
      parts.client().resolve(HOST, RpcLevel.INTEGRITY, "ResolveOxid2");
      parts.client().call(HOST, PORT, RpcInterface.own(1), RpcLevel.NONE);
      assertEquals(1, parts.router().announced(PORT).size(), parts.router()::state);
      // Connections that were closing when they were cleared end in packets of no connection.
      assertEquals(List.of(), parts.router().agent().complaints());
    }
  }

  @Test
  void sealedCalls_openNothing_andSayWhatHelps() {
    try (Parts parts = Parts.start("")) {
      RpcClient.Activated made =
          parts.client().activate(HOST, RpcLevel.PRIVACY, "RemoteCreateInstance");
      assertThrows(PeerException.class, made::release);
      assertTrue(parts.router().rows("expectations").isEmpty(), parts.router()::state);
      List<JsonNode> sealed = parts.router().rows("sessions", "--opaque");
      assertEquals(1, sealed.size(), sealed::toString);
      String detail = sealed.get(0).path("sealedDetail").asText();
      for (String named :
          List.of("000001a0-0000-0000-c000-000000000046", "opnum 4", HOST, "level 6", "way out")) {
        assertTrue(detail.contains(named), sealed::toString);
      }
      parts.router().assertClean();
    }
  }

  @Test
  void sealedCalls_areFollowed_whereALeaseIsAllowed() {
    try (Parts parts = Parts.start("options: {leaseNetworks: 203.0.113.0/24}")) {
      parts.client().activate(HOST, RpcLevel.PRIVACY, "RemoteCreateInstance").release();
      assertFalse(parts.server().called().isEmpty());
      parts.router().assertClean();
    }
  }

  @Test
  void sealedCalls_areFollowed_whereTheServerSaidItInClearBefore() {
    try (Parts parts = Parts.start("options: {learnedNetworks: 203.0.113.0/24}")) {
      assertThrows(
          PeerException.class,
          () -> parts.client().activate(HOST, RpcLevel.PRIVACY, "RemoteCreateInstance").release());
      assertEquals(PORT, parts.client().map(HOST, RpcInterface.own(1), RpcLevel.NONE));
      parts.client().activate(HOST, RpcLevel.PRIVACY, "RemoteCreateInstance").release();
      parts.router().assertClean();
    }
  }
}
