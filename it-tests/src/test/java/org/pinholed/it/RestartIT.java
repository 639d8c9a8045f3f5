package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.InvalidWatch;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Patience;
import org.pinholed.it.lab.PeerException;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.TransferLoad;

/** The agent ends and another one takes its place, while FTP sessions transfer in a loop. */
class RestartIT {
  private static final int KILLS = 10;
  private static final int REPLACEMENTS = 2;

  private static void awaitMoreMatches(AgentProcess agent, int more) {
    long wanted = agent.matches() + more;
    Scenario.await(Duration.ofSeconds(30), () -> agent.matches() >= wanted, agent::log);
  }

  private static void assertNothingDiffers(AgentProcess agent) {
    CommandResult audit = agent.ctl("audit");
    assertTrue(audit.succeeded(), () -> audit.output() + agent.log());
  }

  private static final String AGENT = "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21}]\n";

  /** A router with an agent of two workers, direct or translating, and a server. */
  private static final class Stage implements AutoCloseable {
    private final Lab lab = Lab.create();
    private final FtpServerProcess server;
    private final AgentProcess agent;
    private final @Nullable InvalidWatch watch;

    Stage(@Nullable NatMode nat) {
      try {
        // What was dropped while nobody ran waits up to 26 s to be sent again otherwise, and then
        // meets the next kill.
        lab.repeatSoon();
        server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD);
        RouterFirewall.NFTABLES.installWithAcceptRule(lab);
        agent = AgentProcess.start(lab, AGENT + workers(2));
        if (nat != null) {
          nat.install(lab, RouterFirewall.NFTABLES);
        }
        watch = nat == null ? null : InvalidWatch.start(lab);
      } catch (RuntimeException | Error e) {
        lab.close();
        throw e;
      }
    }

    /** Nothing came that conntrack has no place for: no number was shifted wrongly. */
    void assertNothingInvalid() {
      if (watch != null) {
        watch.assertNone();
      }
    }

    @Override
    public void close() {
      server.close();
      lab.close();
    }
  }

  private static String workers(int count) {
    return "queues: {count: " + count + "}\n";
  }

  /** A flow whose packets come to another worker than its own would be there twice. */
  private static void assertSessions(AgentProcess agent, int count) {
    JsonNode sessions = agent.json("sessions");
    assertEquals(count, sessions.size(), sessions::toString);
  }

  static Stream<@Nullable NatMode> translations() {
    return Stream.of(null, NatMode.MASQUERADE);
  }

  @ParameterizedTest
  @MethodSource("translations")
  void replaced_underLoad_noTransferFails(@Nullable NatMode nat) throws Exception {
    try (Stage stage = new Stage(nat)) {
      AgentProcess agent = stage.agent;
      TransferLoad load = TransferLoad.start(stage.lab, stage.server, 200, 20);
      awaitMoreMatches(agent, 200);
      for (int i = 0; i < REPLACEMENTS; i++) {
        long before = agent.pid();
        agent.replace();
        assertTrue(before != agent.pid());
        awaitMoreMatches(agent, 200);
        assertSessions(agent, 200);
      }
      JsonNode result = load.stop();

      assertEquals(0, result.path("failed").asInt(), () -> result + agent.log());
      assertEquals(0, result.path("broken").asInt(), () -> result + agent.log());
      assertTrue(result.path("whole").asInt() > 200, result::toString);
      assertEquals(0, result.path("short").asInt(), result::toString);
      stage.assertNothingInvalid();
      assertNothingDiffers(agent);
    }
  }

  @Test
  void replacedWithOtherNumbersOfWorkers_underLoad_noTransferFails() throws Exception {
    try (Stage stage = new Stage(null)) {
      AgentProcess agent = stage.agent;
      int sessions = Patience.load(50);
      TransferLoad load = TransferLoad.start(stage.lab, stage.server, sessions, 20);
      awaitMoreMatches(agent, sessions);
      for (int workers : new int[] {3, 1, 2}) {
        agent.writeConfig(AGENT + workers(workers));
        agent.replace();
        awaitMoreMatches(agent, sessions);
        assertSessions(agent, sessions);
      }
      JsonNode result = load.stop();

      assertEquals(0, result.path("failed").asInt(), () -> result + agent.log());
      assertEquals(0, result.path("broken").asInt(), () -> result + agent.log());
      assertNothingDiffers(agent);
    }
  }

  @ParameterizedTest
  @MethodSource("translations")
  void killedTenTimes_underLoad_controlConnectionsGoOnAndNoOrphanStays(@Nullable NatMode nat)
      throws Exception {
    Random random = new Random(20261123);
    try (Stage stage = new Stage(nat)) {
      AgentProcess agent = stage.agent;
      TransferLoad load = TransferLoad.start(stage.lab, stage.server, 200, 1);
      awaitMoreMatches(agent, 200);
      for (int i = 0; i < KILLS; i++) {
        awaitMoreMatches(agent, random.nextInt(50));
        agent.kill();
        agent.startAgain();
      }
      JsonNode result = load.stop();

      System.out.printf(
          "killed %d times: %d transfers came whole, %d failed%n",
          KILLS, result.path("whole").asInt(), result.path("failed").asInt());
      assertEquals(0, result.path("broken").asInt(), () -> result + agent.log());
      assertTrue(result.path("whole").asInt() > 200, result::toString);
      assertEquals(0, result.path("short").asInt(), result::toString);
      assertNothingDiffers(agent);
    }
  }

  /** What is lost between the router and the server while the agent is killed. */
  private enum Lost {
    /** The line: the server has nothing of it, but the kernel shifts numbers as if it had. */
    LINE("input", "dport"),
    /** Its acknowledgement: the server has it as it was rewritten, the client sends it again. */
    ACKNOWLEDGEMENT("output", "sport");

    private final String hook;
    private final String port;

    Lost(String hook, String port) {
      this.hook = hook;
      this.port = port;
    }

    void begin(Lab lab) {
      String rules =
          """
          table inet loss {
            counter said {
            }
            chain lost {
              type filter hook %s priority 0;
              tcp %s 21 tcp flags & psh == psh counter name said
              tcp %s 21 drop
            }
          }
          """
              .formatted(hook, port, port);
      lab.run(Lab.Host.SERVER, Duration.ofSeconds(10), "nft", rules).orFail();
    }

    /**
     * Whether a message was lost by now: so it has left the agent, changed, as the kernel knows.
     */
    boolean wasSaid(Lab lab) {
      return lab.counter(Lab.Host.SERVER, "inet loss", "said") > 0;
    }

    void end(Lab lab) {
      lab.run(Lab.Host.SERVER, Duration.ofSeconds(10), "nft", "delete table inet loss").orFail();
    }
  }

  /** A line that gets longer, and one that gets shorter. */
  static Stream<Arguments> rewritesOnTheirWay() {
    return Stream.of(Lost.values())
        .flatMap(
            lost ->
                Stream.of(NatMode.SNAT, NatMode.MASQUERADE).map(nat -> Arguments.of(lost, nat)));
  }

  @ParameterizedTest
  @MethodSource("rewritesOnTheirWay")
  void killedWithARewriteOnItsWay_theConnectionGoesOn(Lost lost, NatMode nat) {
    try (NatScenario scenario = NatScenario.withAgent(nat, Family.V4, "");
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      lost.begin(scenario.lab());
      String port = "PORT 198,51,100,2,200,1";
      session.client().send(port + "\r\n");
      Duration patience = Duration.ofSeconds(10);
      Scenario.await(
          patience, () -> rewritten(scenario.lab()).contains(" . original "), agent::log);
      if (lost == Lost.ACKNOWLEDGEMENT) {
        assertNotEquals(port + "\r\n", session.server().line());
      } else {
        Scenario.await(patience, () -> lost.wasSaid(scenario.lab()), agent::log);
      }
      agent.kill();
      agent.startAgain();
      lost.end(scenario.lab());

      if (lost == Lost.LINE) {
        assertEquals(port + "\r\n", awaitLine(session.server()));
      }
      session.reply("500 not now\r\n");
      session.exchange("NOOP\r\n", "200 ok\r\n");
      scenario.transfer(session, DataMode.PORT);
      scenario.watch().assertNone();
    }
  }

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /**
   * The second agent passes what stands before the change, and is killed before the rest comes: so
   * the third one sees a segment that begins right at the change, again and again.
   */
  @ParameterizedTest
  @EnumSource(names = {"SNAT", "MASQUERADE"})
  void killedAgainBeforeTheRest_theConnectionGoesOn(NatMode nat) {
    try (NatScenario scenario =
            NatScenario.withAgent(
                Links.VETH,
                nat,
                Family.V4,
                lab -> {
                  lab.repeatSoon();
                  RouterFirewall.NFTABLES.installWithAcceptRule(lab);
                  return AgentProcess.start(lab);
                });
        ScriptedSession session = scenario.login()) {
      Lab lab = scenario.lab();
      AgentProcess agent = scenario.agent();
      String port = "PORT 198,51,100,2,200,1";
      Lost.LINE.begin(lab);
      session.client().send(port + "\r\n");
      Scenario.await(PATIENCE, () -> rewritten(lab).contains(" original "), agent::log);
      Scenario.await(PATIENCE, () -> Lost.LINE.wasSaid(lab), agent::log);
      agent.kill();
      int whole = 20 + 32 + port.length() + 2;
      lab.firewall(
          Lab.Host.CLIENT,
          """
          table inet rest {
            counter dropped {
            }
            chain out {
              type filter hook output priority 0;
              tcp dport 21 tcp flags & psh == psh ip length < %d counter name dropped drop
            }
          }
          """
              .formatted(whole));
      agent.startAgain();
      Lost.LINE.end(lab);
      Scenario.await(
          PATIENCE, () -> lab.counter(Lab.Host.CLIENT, "inet rest", "dropped") > 0, agent::log);
      agent.kill();
      lab.run(Lab.Host.CLIENT, PATIENCE, "nft", "delete table inet rest").orFail();
      agent.startAgain();

      assertEquals(port + "\r\n", awaitLine(session.server()));
      session.reply("500 not now\r\n");
      session.exchange("NOOP\r\n", "200 ok\r\n");
      scenario.transfer(session, DataMode.PORT);
      scenario.watch().assertNone();
    }
  }

  /** A line that may have been sent in vain so often that the next time is some seconds away. */
  private static String awaitLine(Connection connection) {
    try {
      return connection.line();
    } catch (PeerException e) {
      return connection.line();
    }
  }

  private static String rewritten(Lab lab) {
    return lab.run(
            Lab.Host.ROUTER, Duration.ofSeconds(10), "nft", "list set inet pinholed rewritten")
        .orFail();
  }

  @Test
  void tablesFlushedAndLinkDown_theNextSessionWorks() throws Exception {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.IPTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab);
      for (String command :
          new String[] {
            "conntrack -F",
            "iptables -F; iptables -t nat -F",
            "ip link set r0 down; ip link set r0 up",
            "nft delete table inet pinholed",
          }) {
        lab.run(Lab.Host.ROUTER, Duration.ofSeconds(10), "bash", "-c", command);
        if (command.startsWith("iptables")) {
          RouterFirewall.IPTABLES.installWithAcceptRule(lab);
        }
        if (command.startsWith("nft")) {
          // What begins before the table is there again is not seen from its first byte.
          agent.awaitEvent("tableRepaired");
        }
        FtpClient.Transfer transfer =
            FtpClient.CURL.download(lab, server, DataMode.PASV, Family.V4, Duration.ofSeconds(20));
        assertTrue(transfer.intact(), () -> command + transfer.result() + agent.log());
        assertNothingDiffers(agent);
      }
    }
  }
}
