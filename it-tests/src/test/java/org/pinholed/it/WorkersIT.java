package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** Several queues and workers: each flow has one of them, whatever is translated, and all work. */
class WorkersIT {
  private static final String MASQUERADE =
      "table inet nat { chain out { type nat hook postrouting priority srcnat; oifname r1"
          + " masquerade; }; }";

  @Test
  void sessions_areSpreadOverAllWorkers_andListedAndClearedTogether() {
    try (Scenario scenario = Scenario.start("queues: {first: 3, count: 3}\n")) {
      List<ScriptedSession> sessions = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        sessions.add(scenario.login(i % 2 == 0 ? Family.V4 : Family.V6));
      }
      JsonNode status = scenario.agent().json("status");
      List<Integer> parents = new ArrayList<>();
      long packets = 0;
      for (JsonNode queue : status.path("queues")) {
        assertEquals(3 + parents.size(), queue.path("queue").asInt());
        parents.add(queue.path("parents").asInt());
        packets += queue.path("packets").asLong();
      }
      System.out.println("30 sessions over three workers: " + parents);
      assertEquals(3, parents.size(), status::toString);
      // 30 sessions that all miss one of three workers: one in 60,000
      assertFalse(parents.contains(0), status::toString);
      assertEquals(30, parents.stream().mapToInt(Integer::intValue).sum());
      assertEquals(30, status.path("parents").asInt());
      assertEquals(status.path("packets").asLong(), packets);
      assertEquals(30, scenario.rows("sessions").size());

      try (Announcement announced = sessions.get(7).announce(DataMode.EPSV)) {
        scenario.agent().ctl("clear", "--all").orFail();
        assertFalse(announced.isOpen());
      }
      assertEquals(List.of(), scenario.rows("sessions"));
      assertEquals(0, scenario.agent().json("status").path("parents").asInt());
      sessions.forEach(ScriptedSession::close);
    }
  }

  @Test
  void bothDirections_meetTheSameWorker_alsoBehindMasquerade() {
    try (Scenario scenario = Scenario.start("queues: {count: 4}\n")) {
      scenario.onRouter("nft", MASQUERADE);
      Set<Integer> used = new TreeSet<>();
      for (int i = 0; i < 24; i++) {
        Family family = i % 2 == 0 ? Family.V4 : Family.V6;
        List<Long> before = packets(scenario);
        try (ScriptedSession session = scenario.login(family)) {
          session.exchange("NOOP\r\n", "200 fine\r\n");
          List<Long> after = packets(scenario);
          List<Integer> changed = new ArrayList<>();
          for (int queue = 0; queue < after.size(); queue++) {
            if (after.get(queue) > before.get(queue)) {
              changed.add(queue);
            }
          }
          assertEquals(1, changed.size(), () -> before + " -> " + after);
          int queue = changed.get(0);
          used.add(queue);
          // the SYN+ACK, and each line of either side
          assertTrue(after.get(queue) - before.get(queue) >= 10, () -> before + " -> " + after);
          long sent = scenario.rows("sessions").get(0).path("bytesFromClient").asLong();
          long heard = scenario.rows("sessions").get(0).path("bytesFromServer").asLong();
          assertTrue(sent > 0 && heard > 0, () -> sent + " and " + heard + " bytes read");
        }
        // the last words are of this session, not of the next one
        Scenario.await(
            Duration.ofSeconds(5),
            () -> scenario.rows("sessions").isEmpty(),
            () -> scenario.rows("sessions").toString());
      }
      String masqueraded =
          scenario.onRouter("conntrack", "-L", "-p", "tcp", "--orig-port-dst", "21");
      assertTrue(masqueraded.contains("dst=203.0.113.1 "), masqueraded);
      System.out.println("24 sessions behind masquerade used the queues " + used);
      assertTrue(used.size() > 1, used::toString);
    }
  }

  private static List<Long> packets(Scenario scenario) {
    List<Long> packets = new ArrayList<>();
    for (JsonNode queue : scenario.agent().json("status").path("queues")) {
      packets.add(queue.path("packets").asLong());
    }
    return packets;
  }

  @Test
  void realTransfers_inEveryMode_withTwoWorkers_manyAtATime() throws InterruptedException {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab, "queues: {count: 2}\n");
      List<String> failures = new ArrayList<>();
      List<Thread> clients = new ArrayList<>();
      for (Family family : Family.values()) {
        for (DataMode mode : DataMode.values()) {
          if (FtpClient.CURL.cannot(mode, family, false).isEmpty()) {
            Thread client =
                new Thread(
                    () -> transfer(lab, server, mode, family, failures), mode + " " + family);
            client.start();
            clients.add(client);
          }
        }
      }
      assertTrue(clients.size() >= 6, clients::toString);
      for (Thread client : clients) {
        client.join();
      }
      assertEquals(List.of(), failures, agent::log);
      for (JsonNode queue : agent.json("status").path("queues")) {
        assertTrue(queue.path("packets").asLong() > 0, queue::toString);
        assertEquals(0, queue.path("held").asInt());
      }
      assertEquals(List.of(), agent.complaints());
    }
  }

  private static void transfer(
      Lab lab, FtpServerProcess server, DataMode mode, Family family, List<String> failures) {
    for (int i = 0; i < 5; i++) {
      FtpClient.Transfer transfer =
          FtpClient.CURL.download(lab, server, mode, family, Duration.ofSeconds(20));
      if (!transfer.intact()) {
        synchronized (failures) {
          failures.add(mode + " " + family + ": " + transfer.result());
        }
      }
    }
  }
}
