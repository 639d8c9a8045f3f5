package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;

/** The agent ends and another one takes its place, while FTP sessions transfer in a loop. */
class RestartIT {
  private static final int KILLS = 10;
  private static final int REPLACEMENTS = 3;

  /** Sessions that transfer until they are told to stop. */
  private static final class Load {
    private final Path stopFile;
    private final Path output;
    private final Process process;

    Load(Lab lab, FtpServerProcess server, int sessions, int dataTimeoutSeconds)
        throws IOException {
      stopFile = lab.workFolder().resolve("stop");
      output = lab.workFolder().resolve("load.out");
      process =
          lab.start(
              Lab.Host.CLIENT,
              ProcessBuilder.Redirect.to(output.toFile()),
              "/usr/bin/python3",
              lab.resource("ftp_loop.py").toString(),
              "203.0.113.2",
              Integer.toString(sessions),
              FtpServerProcess.FILE,
              Long.toString(Files.size(server.file(FtpServerProcess.FILE))),
              stopFile.toString(),
              Integer.toString(dataTimeoutSeconds));
    }

    JsonNode stop() throws IOException, InterruptedException {
      Files.createFile(stopFile);
      assertTrue(process.waitFor(90, TimeUnit.SECONDS), "sessions hang");
      JsonNode result = new ObjectMapper().readTree(Files.readString(output));
      System.out.println(result);
      return result;
    }
  }

  private static long matches(AgentProcess agent) {
    return agent.events().stream()
        .filter(event -> event.path("event").asText().equals("matched"))
        .count();
  }

  private static void awaitMoreMatches(AgentProcess agent, int more) throws InterruptedException {
    long wanted = matches(agent) + more;
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (matches(agent) < wanted) {
      assertTrue(System.nanoTime() < deadline, agent::log);
      TimeUnit.MILLISECONDS.sleep(50); // the event log is the only sign, so look again
    }
  }

  private static void assertNothingDiffers(AgentProcess agent) {
    CommandResult audit = agent.ctl("audit");
    assertTrue(audit.succeeded(), () -> audit.output() + agent.log());
  }

  @Test
  void replaced_underLoad_noTransferFails() throws Exception {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab, FtpServerProcess.Kind.VSFTPD.agentConfig());
      Load load = new Load(lab, server, 50, 20);
      awaitMoreMatches(agent, 100);
      for (int i = 0; i < REPLACEMENTS; i++) {
        long before = agent.pid();
        agent.replace();
        assertTrue(before != agent.pid());
        awaitMoreMatches(agent, 100);
      }
      JsonNode result = load.stop();

      assertEquals(0, result.path("failed").asInt(), () -> result + agent.log());
      assertEquals(0, result.path("broken").asInt(), () -> result + agent.log());
      assertTrue(result.path("whole").asInt() > 100, result::toString);
      assertNothingDiffers(agent);
    }
  }

  @Test
  void killedTenTimes_underLoad_controlConnectionsGoOnAndNoOrphanStays() throws Exception {
    Random random = new Random(20261123);
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab, FtpServerProcess.Kind.VSFTPD.agentConfig());
      Load load = new Load(lab, server, 20, 3);
      awaitMoreMatches(agent, 20);
      for (int i = 0; i < KILLS; i++) {
        awaitMoreMatches(agent, random.nextInt(40));
        agent.kill();
        agent.startAgain();
      }
      JsonNode result = load.stop();

      System.out.println(
          "killed " + KILLS + " times: " + result.path("failed").asInt() + " transfers failed");
      assertEquals(0, result.path("broken").asInt(), () -> result + agent.log());
      assertTrue(result.path("whole").asInt() > 100, result::toString);
      assertNothingDiffers(agent);
    }
  }

  @Test
  void tablesFlushedAndLinkDown_theNextSessionWorks() throws Exception {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.IPTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab, FtpServerProcess.Kind.VSFTPD.agentConfig());
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
        FtpClient.Transfer transfer =
            FtpClient.CURL.download(lab, server, DataMode.PASV, Family.V4, Duration.ofSeconds(20));
        assertTrue(transfer.intact(), () -> command + transfer.result() + agent.log());
        assertNothingDiffers(agent);
      }
    }
  }
}
