package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
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
 * Fourteen thousand control connections that keep half a line of 8 kB on each side, which is 230
 * MB: the agent lives, its memory for unfinished lines stays within its limit, and others are
 * served, also those who send a line in two halves.
 */
@Tag("alone")
class MemoryAttackIT {
  private static final int ADDRESSES = 7;
  private static final int OF_EACH = 2000;
  private static final int HALF_LINE = 8000;
  private static final long LIMIT_BYTES = 16 << 20;
  private static final String SERVER = Family.V4.server();

  /** Some 3,600 packets wait at a time; what a full queue lets pass is not read. */
  private static final String LONG_QUEUES = "queues: {lengthPackets: 65536}\n";

  private static double metric(Scenario scenario, String begin) {
    return scenario
        .lab()
        .metrics()
        .lines()
        .filter(line -> line.startsWith(begin))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
        .sum();
  }

  /** A session whose lines all come in two segments, with a data connection each way. */
  private static void serveInHalves(Scenario scenario) {
    try (ScriptedSession session = scenario.login(Family.V6)) {
      session.cutLines((fromClient, line) -> List.of(line.length() / 2));
      for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
        try (Announcement announced = session.announce(mode)) {
          announced.connect().close();
        }
      }
    }
  }

  @Test
  void halfLinesOf14000Connections_leaveRoomForOthers() {
    try (Scenario scenario = Scenario.start(LONG_QUEUES)) {
      Peer attackers = Peer.start(scenario.lab(), Lab.Host.CLIENT);
      Peer accomplice = Peer.start(scenario.lab(), Lab.Host.SERVER);
      String half = "x".repeat(HALF_LINE);
      Answerer server = accomplice.answerer(SERVER, 21, "220-" + half, Map.of("*", ""));
      for (int i = 0; i < ADDRESSES; i++) {
        scenario
            .lab()
            .run(
                Lab.Host.CLIENT,
                Duration.ofSeconds(5),
                "ip",
                "address",
                "add",
                source(i) + "/24",
                "dev",
                "c0")
            .orFail();
      }
      serveInHalves(scenario);
      List<Crowd> crowds = new ArrayList<>();
      CompletableFuture<Void> attack =
          CompletableFuture.runAsync(
              () -> {
                for (int i = 0; i < ADDRESSES; i++) {
                  crowds.add(
                      attackers.crowdFrom(
                          source(i), SERVER, 21, OF_EACH, "USER " + half, Duration.ofSeconds(90)));
                }
              });
      int served = 0;
      double most = 0;
      do {
        serveInHalves(scenario);
        most = Math.max(most, metric(scenario, "pinholed_buffered_bytes"));
        served++;
      } while (!attack.isDone());
      attack.join();
      int count = crowds.stream().mapToInt(Crowd::count).sum();
      assertEquals(ADDRESSES * OF_EACH, count);
      // The last ones may wait in the kernel of the server.
      Scenario.await(
          Duration.ofSeconds(30),
          () -> server.accepted() >= count,
          () -> server.accepted() + " accepted");
      serveInHalves(scenario);
      double buffered = metric(scenario, "pinholed_buffered_bytes");
      double gaveWay =
          metric(scenario, "pinholed_opaque_total{helper=\"ftp\",reason=\"bufferBudget\"");
      System.out.printf(
          "%d connections, %d sessions served meanwhile; buffered %.0f, at most %.0f bytes;"
              + " %.0f gave way; resident %d KiB%n",
          count, served, buffered, most, gaveWay, scenario.agent().residentKib());
      assertTrue(scenario.agent().isAlive());
      assertTrue(most > 0.5 * LIMIT_BYTES, "the attack fills the memory");
      assertTrue(buffered <= LIMIT_BYTES, () -> buffered + " bytes");
      assertTrue(gaveWay > count / 2.0, () -> gaveWay + " gave way");
      assertEquals(List.of(), scenario.agent().complaints());
      crowds.forEach(Crowd::close);
      // Most parents end by their RST at once. One whose RST the agent did not read, or could not
      // take for exact, ends when the kernel collects its conntrack: that one closes for 10 s, and
      // then the collector may come a minute later.
      Scenario.await(
          Duration.ofSeconds(100),
          () -> metric(scenario, "pinholed_buffered_bytes") == 0,
          () -> metric(scenario, "pinholed_buffered_bytes") + " bytes after the attack");
    }
  }

  private static String source(int index) {
    return "198.51.100." + (10 + index);
  }
}
