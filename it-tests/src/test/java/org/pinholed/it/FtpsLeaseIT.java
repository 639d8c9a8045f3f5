package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * Data connections of control connections that nobody can read (RFC 4217), by a lease of the
 * server's passive ports. {@link OpaqueIT} shows that without the option nothing opens.
 */
class FtpsLeaseIT {
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final Duration SHORT = Duration.ofMillis(400);

  private static String agent(String ports) {
    return """
        helpers:
          - {id: 1, name: ftp, protocol: tcp, port: 21, options: {leasePorts: %s, \
        leaseNetworks: "%s,%s"}}
        """
        .formatted(ports, Family.V4.server(), Family.V6.server());
  }

  private static List<String> command(String client, Family family, Path into) {
    String url = "ftp://" + Family.inUrl(family.server());
    if (client.equals("curl")) {
      String file = url + "/" + FtpServerProcess.FILE;
      return List.of(
          "curl", "-sS", "-v", "-m", "10", "--ssl-reqd", "-k", "-o", into.toString(), file);
    }
    String script =
        "set net:timeout 5; set net:max-retries 1; set ssl:verify-certificate no; "
            + "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ftp:ssl-allow-anonymous yes; open "
            + url
            + "; get "
            + FtpServerProcess.FILE
            + " -o "
            + into;
    return List.of("lftp", "-d", "-c", script);
  }

  @ParameterizedTest
  @CsvSource({
    "curl, V4, false",
    "curl, V6, false",
    "lftp, V4, false",
    "lftp, V6, false",
    "curl, V4, true",
    "curl, V6, true",
    "lftp, V4, true",
    "lftp, V6, true",
  })
  void file_overTls_arrivesWhole(String client, Family family, boolean masquerade)
      throws IOException {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.startVsftpdWithTls(lab)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      if (masquerade) {
        NatMode.MASQUERADE.install(lab, RouterFirewall.NFTABLES);
      }
      AgentProcess agent = AgentProcess.start(lab, agent("40000-49999"));
      Path into = lab.workFolder().resolve("leased.bin");
      CommandResult result =
          lab.run(Lab.Host.CLIENT, PATIENCE, command(client, family, into).toArray(String[]::new));
      assertTrue(result.succeeded(), () -> result + agent.log() + agent.events());
      assertArrayEquals(
          Files.readAllBytes(server.file(FtpServerProcess.FILE)), Files.readAllBytes(into));
      assertTrue(result.output().contains("PROT P"), result::toString);
      agent.awaitEvent("opaque");
      assertEquals(40000, agent.awaitEvent("matched").path("destination").path("port").asInt());
      assertEquals(List.of(), agent.complaints());
    }
  }

  /** A control connection that TLS made opaque, with its peers. */
  private static ScriptedSession opaque(Scenario scenario) {
    ScriptedSession session = scenario.open(Family.V4);
    session.reply("220 ready\r\n");
    session.exchange("AUTH TLS\r\n", "234 go ahead\r\n");
    scenario.agent().awaitEvent("opaque");
    return session;
  }

  private static Optional<Connection> toServer(Scenario scenario, int port, Duration patience) {
    return scenario.client().tryConnect(Family.V4.client(), Family.V4.server(), port, patience);
  }

  @Test
  void lease_isForItsPorts_itsNumberOfConnections_andPassiveModeOnly() {
    try (Scenario scenario = Scenario.start(agent("40000-40010"));
        ScriptedSession session = opaque(scenario);
        Listener within = scenario.server().listen(Family.V4.server(), 40010);
        Listener beyond = scenario.server().listen(Family.V4.server(), 40011);
        Listener active = scenario.client().listen(Family.V4.client(), 40005)) {
      assertTrue(toServer(scenario, beyond.port(), SHORT).isEmpty(), "outside of the range");
      assertTrue(
          scenario
              .server()
              .tryConnect(Family.V4.server(), Family.V4.client(), active.port(), SHORT)
              .isEmpty(),
          "active mode");
      List<Connection> open = new ArrayList<>();
      for (int i = 1; i <= 4; i++) {
        int wanted = i;
        open.add(toServer(scenario, within.port(), PATIENCE).orElseThrow());
        Scenario.await(
            PATIENCE,
            () -> scenario.agent().matches() == wanted,
            () -> "each connection is an event: " + scenario.agent().events());
      }
      Scenario.await(
          PATIENCE,
          () -> toServer(scenario, within.port(), SHORT).isEmpty(),
          () -> "more than leaseConnections");
      open.forEach(Connection::close);
      session.heardByServer("sealed\n");
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"kill", "replace"})
  void lease_outlivesItsAgent_andEndsWithItsControlConnection(String how) {
    try (Scenario scenario = Scenario.start(agent("40000-40010"));
        Listener within = scenario.server().listen(Family.V4.server(), 40010)) {
      try (ScriptedSession session = opaque(scenario)) {
        toServer(scenario, within.port(), PATIENCE).orElseThrow().close();
        if (how.equals("kill")) {
          scenario.agent().kill();
          scenario.agent().startAgain();
        } else {
          scenario.agent().replace();
        }
        assertEquals(1, scenario.rows("expectations").size(), scenario.agent()::log);
        toServer(scenario, within.port(), PATIENCE).orElseThrow().close();
        session.heardByServer("sealed\n");
      }
      // The kernel forgets a connection that is closed after a while; this is that moment.
      scenario.onRouter("conntrack", "-D", "-p", "tcp", "--dport", "21");
      Scenario.await(
          PATIENCE,
          () -> scenario.rows("expectations").isEmpty(),
          () -> "the lease outlives its control connection");
      Scenario.await(
          PATIENCE,
          () -> toServer(scenario, within.port(), SHORT).isEmpty(),
          () ->
              scenario.onRouter("nft", "list", "table", "inet", "pinholed")
                  + scenario.agent().log());
    }
  }
}
