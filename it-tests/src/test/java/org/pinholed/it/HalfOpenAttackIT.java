package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * SYNs with forged addresses whose answers nobody takes: they take no place of {@code
 * limits.parents}, and whoever begins too many loses his own.
 */
@Tag("alone")
class HalfOpenAttackIT {
  private static final int FLOOD = 65_536;
  private static final int ADDRESSES = 128;
  private static final String SERVER = Family.V4.server();

  /** A session over IPv4 with a data connection in each direction. */
  private static void serve(Scenario scenario) {
    try (ScriptedSession session = scenario.login(Family.V6)) {
      for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
        try (Announcement announced = session.announce(mode)) {
          announced.connect().close();
        }
      }
    }
  }

  private static double metric(Scenario scenario, String begin) {
    return scenario
        .lab()
        .metrics()
        .lines()
        .filter(line -> line.startsWith(begin))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
        .sum();
  }

  @Test
  void synsOfForgedAddresses_shutNobodyOut() {
    // Fewer places than there are SYNs, so that the flood has to give way to itself.
    try (Scenario scenario =
        Scenario.start("limits: {parents: 64, parentsPerSource: 32, halfOpen: 16384}\n")) {
      Lab lab = scenario.lab();
      // The server answers each SYN by a cookie, keeps nothing and sends its answer once; the
      // client's kernel says nothing about answers to SYNs that it did not send.
      for (String setting :
          List.of("net.ipv4.tcp_syncookies=2", "net.ipv4.tcp_max_syn_backlog=64")) {
        lab.run(Lab.Host.SERVER, Duration.ofSeconds(5), "sysctl", "-q", "-w", setting).orFail();
      }
      Peer peer = Peer.start(lab, Lab.Host.SERVER);
      peer.answerer(SERVER, 21, "220 ready\r\n", java.util.Map.of("*", "500 what?\r\n"));
      List<String> command =
          new ArrayList<>(
              List.of(
                  "/usr/bin/python3",
                  lab.resource("syn_flood.py").toString(),
                  SERVER,
                  "21",
                  String.valueOf(FLOOD)));
      for (int i = 0; i < ADDRESSES; i++) {
        command.add("198.51.100." + (100 + i));
      }
      serve(scenario);
      long before = scenario.agent().residentKib();
      String said =
          lab.run(Lab.Host.CLIENT, Duration.ofSeconds(60), command.toArray(String[]::new)).orFail();
      double lost = metric(scenario, "pinholed_limits_total{limit=\"halfOpen\"");
      System.out.printf(
          "%s; %.0f lost their places to others; resident %d KiB before, %d KiB after%n",
          said.strip(), lost, before, scenario.agent().residentKib());
      serve(scenario);
      assertTrue(4 * lost > FLOOD, () -> lost + " gave way");
      assertEquals(0, metric(scenario, "pinholed_limits_total{limit=\"parents"));
      assertTrue(scenario.agent().json("status").path("parents").asInt() <= 2);
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }
}
