package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Answerer;
import org.pinholed.it.lab.Blasted;
import org.pinholed.it.lab.Crowd;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * Hostile amounts of control traffic over IPv4, while somebody else's sessions over IPv6 want to be
 * served: they are, memory stays bounded, and nothing is thrown.
 */
@Tag("alone")
class FloodIT {
  private static final long MEMORY_LIMIT_KIB = 192 * 1024;
  private static final int PER_PARENT = 8;
  private static final String SERVER = Family.V4.server();
  private static final String CLIENT = Family.V4.client();
  private static final Map<String, String> REPLIES =
      Map.of(
          "*", "500 what?\r\n",
          "USER", "331 password\r\n",
          "PASS", "230 in\r\n",
          "PORT", "200 command successful.\r\n",
          "EPRT", "200 command successful.\r\n",
          "PASV", "227 Entering Passive Mode (203,0,113,2,200,10).\r\n",
          "EPSV", "229 Entering Extended Passive Mode (|||51210|)\r\n");

  private final Scenario scenario;
  private final Peer attackers;
  private final Answerer victim;

  FloodIT() {
    scenario = Scenario.start("limits: {parentsPerSource: 10000}\n");
    attackers = Peer.start(scenario.lab(), Lab.Host.CLIENT);
    Peer server = Peer.start(scenario.lab(), Lab.Host.SERVER);
    victim = server.answerer(SERVER, 21, "220 ready\r\n", REPLIES);
  }

  @BeforeEach
  void servesBefore() {
    serveSomebodyElse();
  }

  @AfterEach
  void servesAfter_withinMemory_withoutComplaint() {
    try (scenario) {
      serveSomebodyElse();
      assertTrue(scenario.agent().isAlive());
      long resident = scenario.agent().residentKib();
      System.out.println("resident memory after the flood: " + resident + " KiB");
      assertTrue(resident < MEMORY_LIMIT_KIB, () -> resident + " KiB resident");
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  /** A whole session over IPv6 with a data connection in each direction. */
  private void serveSomebodyElse() {
    try (ScriptedSession session = scenario.login(Family.V6)) {
      for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
        try (Announcement announced = session.announce(mode)) {
          announced.connect().close();
        }
      }
    }
  }

  /** Keeps serving somebody else until the flood is over; at least once. */
  private int serveDuring(CompletableFuture<?> flood) {
    int served = 0;
    do {
      serveSomebodyElse();
      served++;
    } while (!flood.isDone());
    flood.join();
    return served;
  }

  @Test
  void malformedControlData_isPassedAndForgotten() {
    CompletableFuture<Void> flood =
        CompletableFuture.runAsync(
            () -> {
              for (int seed = 0; seed < 40; seed++) {
                try (var connection = attackers.connect(CLIENT, SERVER, 21)) {
                  connection.blast(malformed(seed), seed % 2 == 0, 0, Duration.ofSeconds(2));
                }
              }
            });
    int served = serveDuring(flood);
    System.out.println("sessions served during malformed data: " + served);
  }

  /** Good lines broken in one place each, bytes without sense, and lines without end. */
  private static List<String> malformed(int seed) {
    Random random = new Random(seed);
    String[] good = {
      "USER anonymous\r\n",
      "PORT 198,51,100,2,200,10\r\n",
      "EPRT |1|198.51.100.2|51210|\r\n",
      "EPRT |2|2001:db8:1::2|51210|\r\n",
      "EPSV ALL\r\n",
      "PASV\r\n",
      "LPRT 6,16,32,1,13,184,0,1,0,0,0,0,0,0,0,0,0,2,2,200,10\r\n",
      "AUTH \r\n",
    };
    List<String> lines = new ArrayList<>(List.of("USER a\r\n", "PASS b\r\n"));
    for (int i = 0; i < 2000; i++) {
      StringBuilder line = new StringBuilder(good[random.nextInt(good.length)]);
      switch (random.nextInt(5)) {
        case 0 -> line.setCharAt(random.nextInt(line.length()), (char) random.nextInt(256));
        case 1 -> line.deleteCharAt(random.nextInt(line.length()));
        case 2 -> line.insert(random.nextInt(line.length()), "9".repeat(1 + random.nextInt(40)));
        case 3 -> line.insert(random.nextInt(line.length()), "\u00ff\u00fb\u0001");
        default -> line.insert(0, random.nextInt(100) == 0 ? "A".repeat(20_000) : "\r\n");
      }
      lines.add(line.toString());
    }
    return lines;
  }

  @ParameterizedTest(name = "each in a segment of its own: {0}")
  @ValueSource(booleans = {false, true})
  void tenThousandPorts_openAFewPinholes(boolean inSegments) {
    List<String> lines = new ArrayList<>(List.of("USER a\r\n", "PASS b\r\n"));
    for (int i = 0; i < 10_000; i++) {
      int port = 20_000 + i;
      lines.add("PORT 198,51,100,2," + (port >> 8) + "," + (port & 255) + "\r\n");
    }
    try (var connection = attackers.connect(CLIENT, SERVER, 21)) {
      // The greeting is a line, too.
      CompletableFuture<Blasted> flood =
          CompletableFuture.supplyAsync(
              () -> connection.blast(lines, inSegments, lines.size() + 1, Duration.ofSeconds(30)));
      int served = serveDuring(flood);
      Blasted blasted = flood.join();
      System.out.println("10,000 PORTs: " + blasted + ", sessions served meanwhile: " + served);
      assertEquals(lines.size() + 1, blasted.answers(), "every command was passed and answered");
      long open =
          scenario.rows("expectations").stream()
              .filter(r -> r.path("client").path("address").asText().equals(CLIENT))
              .filter(r -> r.path("state").asText().equals("pending"))
              .count();
      assertTrue(open <= PER_PARENT, () -> open + " pinholes of one control connection");
    }
  }

  @Test
  void fiveThousandControlConnections_areCarried() {
    String dialogue = "USER a\r\nPASS b\r\nPASV\r\n";
    CompletableFuture<Crowd> flood =
        CompletableFuture.supplyAsync(
            () -> attackers.crowd(SERVER, 21, 5000, dialogue, Duration.ofSeconds(60)));
    int served = serveDuring(flood);
    try (Crowd crowd = flood.join()) {
      System.out.println("sessions served while 5,000 connections came up: " + served);
      assertEquals(5000, crowd.count());
      Scenario.await(
          Duration.ofSeconds(30), () -> victim.lines() == 15_000, () -> victim.lines() + " lines");
      assertTrue(crowd.drain() > 0);
      assertTrue(scenario.agent().json("status").path("parents").asInt() >= 5000);
      serveSomebodyElse();
    }
  }
}
