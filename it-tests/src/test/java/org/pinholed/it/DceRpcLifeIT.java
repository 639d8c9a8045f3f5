package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Conntracks;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RpcDialogue;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcWay;

/** How long a port that the endpoint mapper announced stays open, and for whom. */
class DceRpcLifeIT {
  private static final RpcInterface SERVICE = RpcInterface.own(1);
  private static final int SERVICES = 16;

  /** What waits for its first connection longer than a test takes, and then 1 s. */
  private static final String SHORT_IDLE = "timeout: 60s, options: {idle: 1s}";

  private static int mapped(RpcScenario scenario) {
    int port = scenario.serve(RpcWay.ROUTED, Family.V4);
    try (RpcDialogue mapper = scenario.openMapper(RpcFormat.LITTLE)) {
      mapper.map(RpcFormat.LITTLE, SERVICE, port);
    }
    return port;
  }

  private static void use(RpcScenario scenario, int port) {
    scenario.use(RpcWay.ROUTED, Family.V4, port);
  }

  @Test
  void port_outlivesTheMapperConnection_andIsShutWhenItIsIdle() {
    try (RpcScenario scenario = RpcScenario.start(SHORT_IDLE, "")) {
      // A connection has ended when the kernel forgets it.
      scenario
          .router()
          .lab()
          .run(
              Lab.Host.ROUTER,
              Lab.SHORT,
              "sysctl",
              "-qw",
              "net.netfilter.nf_conntrack_tcp_timeout_time_wait=1")
          .orFail();
      int port = mapped(scenario);
      assertTrue(
          scenario.isShut(RpcWay.ROUTED, Family.V4, Family.V4.otherClient(), port), "a stranger");
      use(scenario, port);
      try (RpcDialogue child = scenario.connect(RpcWay.ROUTED, Family.V4, port)) {
        child.toServer("asked");
        // A second connection comes and goes while the first one lives.
        use(scenario, port);
        assertEquals(1, scenario.router().announced(port).size());
      }
      scenario
          .router()
          .await(
              () -> {
                Conntracks.to(scenario.router().lab(), port); // the kernel ends those that are over
                return scenario.router().announced(port).isEmpty();
              });
      assertTrue(scenario.isShut(port), scenario.router()::state);

      try (RpcDialogue mapper = scenario.openMapper(RpcFormat.LITTLE)) {
        mapper.map(RpcFormat.LITTLE, SERVICE, port);
        use(scenario, port);
      }
      scenario.router().assertClean();
    }
  }

  @Test
  void twoClients_haveOnePortEach_andAgainRenewsIt() {
    try (RpcScenario scenario = RpcScenario.start("", "")) {
      int port = scenario.serve(RpcWay.ROUTED, Family.V4);
      try (RpcDialogue one = scenario.openMapper(RpcFormat.LITTLE);
          RpcDialogue other =
              scenario
                  .open(RpcWay.ROUTED, Family.V4, Family.V4.otherClient())
                  .bind(RpcFormat.NDR64, RpcInterface.MAPPER)) {
        one.map(RpcFormat.LITTLE, SERVICE, port);
        assertTrue(scenario.isShut(RpcWay.ROUTED, Family.V4, Family.V4.otherClient(), port));
        other.map(RpcFormat.NDR64, SERVICE, port);
        assertEquals(2, scenario.router().announced(port).size(), scenario.router()::state);
        for (int i = 0; i < SERVICES; i++) {
          one.map(RpcFormat.LITTLE, SERVICE, port);
        }
        assertEquals(2, scenario.router().announced(port).size(), scenario.router()::state);
        assertEquals(
            2, scenario.router().agent().printed("expectations").size(), scenario.router()::state);
      }
      // Another connection to the mapper tells the same: still one row.
      try (RpcDialogue again = scenario.openMapper(RpcFormat.BIG)) {
        again.map(RpcFormat.BIG, SERVICE, port);
      }
      assertEquals(2, scenario.router().announced(port).size(), scenario.router()::state);
      use(scenario, port);
      assertFalse(scenario.isShut(RpcWay.ROUTED, Family.V4, Family.V4.otherClient(), port));
      scenario.router().assertClean();
    }
  }

  @Test
  void manyServices_openInOneConnection() {
    try (RpcScenario scenario = RpcScenario.start("", "");
        RpcDialogue mapper = scenario.openMapper(RpcFormat.LITTLE)) {
      List<Integer> ports = new ArrayList<>();
      for (int number = 0; number < SERVICES; number++) {
        ports.add(scenario.serve(RpcWay.ROUTED, Family.V4));
        mapper.map(RpcFormat.LITTLE, RpcInterface.own(number), ports.get(number));
      }
      assertEquals(SERVICES, scenario.router().rows("expectations").size());
      ports.forEach(port -> use(scenario, port));
      scenario.router().assertClean();
    }
  }

  @Test
  void port_staysOpenThroughEachEndOfTheAgent() {
    try (RpcScenario scenario = RpcScenario.start("", "fail: {onStop: keep}\n")) {
      AgentProcess agent = scenario.router().agent();
      List<Runnable> ends =
          List.of(
              () -> {
                agent.kill();
                agent.startAgain();
              },
              agent::replace,
              () -> {
                agent.stop();
                agent.startAgain();
              });
      List<Integer> before = new ArrayList<>();
      for (Runnable end : ends) {
        before.add(mapped(scenario));
        end.run();
        for (int port : before) {
          assertEquals(1, scenario.router().announced(port).size(), scenario.router()::state);
          use(scenario, port);
        }
      }
      int port = mapped(scenario);
      agent.kill();
      use(scenario, port); // the pinhole is the kernel's
      agent.startAgain();
      use(scenario, port);
      scenario.router().assertClean();
    }
  }
}
