package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.Answerer;
import org.pinholed.it.lab.Crowd;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * An agent that gets no processor time under load: its queues or receive buffers fill, control
 * packets are treated as configured, and when it goes on no packet is stuck.
 */
@Tag("alone")
class SlowAgentIT {
  private static final int CONNECTIONS = 400;
  private static final String DIALOGUE = "NOOP\r\nSYST\r\n";
  private static final int QUEUES = 2;

  @ParameterizedTest(name = "{0}, {1} packets, {2} bytes")
  @CsvSource({
    "accept, 64, 8388608",
    "drop, 64, 8388608",
    "accept, 4096, 65536",
    "drop, 4096, 65536"
  })
  void stoppedUnderLoad_thenContinued(String policy, int lengthPackets, int bufferBytes) {
    String yaml =
        "queues: {count: %d, lengthPackets: %d, receiveBufferBytes: %d}\nfail: {queueFull: %s}\n"
            .formatted(QUEUES, lengthPackets, bufferBytes, policy);
    try (Scenario scenario = Scenario.start(yaml)) {
      Peer load = Peer.start(scenario.lab(), Lab.Host.CLIENT);
      Answerer server =
          Peer.start(scenario.lab(), Lab.Host.SERVER)
              .answerer(Family.V4.server(), 21, "220 ready\r\n", Map.of("*", "200 fine\r\n"));
      signal(scenario, "STOP");
      CompletableFuture<Crowd> flood =
          CompletableFuture.supplyAsync(
              () ->
                  load.crowd(
                      Family.V4.server(), 21, CONNECTIONS, DIALOGUE, Duration.ofSeconds(60)));
      if (policy.equals("accept")) {
        // all of it passes although nobody reads the queues
        flood.join();
        awaitLines(server);
        signal(scenario, "CONT");
      } else {
        Scenario.await(Duration.ofSeconds(30), () -> lost(scenario) > 0, () -> queues(scenario));
        signal(scenario, "CONT");
        flood.join();
        awaitLines(server);
        assertTrue(scenario.agent().json("status").path("queueDropped").asLong() > 0);
      }
      assertEquals(CONNECTIONS, flood.join().count());

      Scenario.await(Duration.ofSeconds(10), () -> held(scenario) == 0, () -> queues(scenario));
      if (bufferBytes < 1 << 20) {
        assertTrue(overruns(scenario) > 0, () -> scenario.agent().log());
      }
      for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
        try (ScriptedSession session = scenario.login(Family.V6);
            Announcement announced = session.announce(mode)) {
          announced.connect().close();
        }
      }
      assertTrue(scenario.agent().isAlive());
      assertEquals(List.of(), scenario.agent().complaints());
      flood.join().close();
    }
  }

  private static void awaitLines(Answerer server) {
    Scenario.await(
        Duration.ofSeconds(60),
        () -> server.lines() == 2 * CONNECTIONS,
        () -> server.lines() + " lines");
  }

  private static void signal(Scenario scenario, String name) {
    scenario.onRouter("kill", "-" + name, Long.toString(scenario.agent().pid()));
  }

  /** What the kernel says of the queues; needs no agent. */
  private static String queues(Scenario scenario) {
    return scenario.onRouter("cat", "/proc/net/netfilter/nfnetlink_queue");
  }

  private static long sum(Scenario scenario, int column) {
    return queues(scenario)
        .lines()
        .mapToLong(line -> Long.parseLong(line.trim().split(" +", -1)[column]))
        .sum();
  }

  private static long held(Scenario scenario) {
    return sum(scenario, 2);
  }

  private static long lost(Scenario scenario) {
    return sum(scenario, 5) + sum(scenario, 6);
  }

  private static double overruns(Scenario scenario) {
    JsonNode stats = scenario.agent().json("stats");
    return stats.path("overruns.queue").asDouble();
  }
}
