package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.InvalidWatch;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;
import org.pinholed.it.lab.SystemdService;
import org.pinholed.it.lab.TransferLoad;

/** The agent as {@code deploy/pinholed.service} of a real systemd. */
class SystemdIT {
  private static final String FAST_WATCHDOG = "WatchdogSec=3\n";

  /** A lab with the service and one logged-in control connection. */
  private static final class Router implements AutoCloseable {
    private final Lab lab = Lab.create();
    private final SystemdService service;
    private final Peer client;
    private final Peer server;
    private final Listener control;
    private final ScriptedSession session;

    Router(String yaml, String overrides) {
      try {
        RouterFirewall.NFTABLES.installWithAcceptRule(lab);
        service = SystemdService.start(lab, yaml, overrides);
        client = Peer.start(lab, Lab.Host.CLIENT);
        server = Peer.start(lab, Lab.Host.SERVER);
        control = ScriptedSession.controlListener(server, Family.V4);
        session = open();
        session.login();
      } catch (RuntimeException | Error e) {
        lab.close();
        throw e;
      }
    }

    /** Another control connection; nothing is said yet. */
    private ScriptedSession open() {
      try {
        return ScriptedSession.open(client, server, control, Family.V4);
      } catch (RuntimeException | Error e) {
        throw new AssertionError(e.getMessage() + service.log() + ruleset(), e);
      }
    }

    /** After a kill an announcement counts when a command sent since was answered. */
    private void answerOneCommand() {
      session.exchange("NOOP\r\n", "200 yes\r\n");
    }

    private void assertAnnouncementOpens() {
      try (Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect().close();
      } catch (AssertionError e) {
        throw new AssertionError(e.getMessage() + "\n" + service.log(), e);
      }
    }

    private String ruleset() {
      return lab.run(Lab.Host.ROUTER, Duration.ofSeconds(10), "nft", "list", "tables").orFail()
          + lab.run(
                  Lab.Host.ROUTER,
                  Duration.ofSeconds(10),
                  "cat",
                  "/proc/net/netfilter/nfnetlink_queue")
              .output();
    }

    @Override
    public void close() {
      service.close();
      lab.close();
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void life_readyReloadStop() {
    try (Router router = new Router("queues: {count: 2}\n", "")) {
      SystemdService service = router.service;
      // It was ready when systemd thought so: nobody had to ask twice.
      assertEquals("active", service.property("ActiveState"));
      assertEquals("helpers on: 1, packet queues: 2", service.property("StatusText"));
      router.assertAnnouncementOpens();
      JsonNode status = service.json("status");
      assertTrue(status.path("packets").asLong() > 0, status::toString);
      // No right but to the firewall, and a user of its own.
      String process = service.run("cat", "/proc/" + service.mainPid() + "/status").orFail();
      assertTrue(process.contains("CapEff:\t0000000000001000"), process);
      assertFalse(process.contains("Uid:\t0"), process);
      assertFalse(process.contains("Gid:\t0"), process);
      assertFalse(process.matches("(?s).*\nGroups:[^\n]*\\b0\\b.*"), process);
      assertTrue(process.contains("Seccomp:\t2"), process);
      String limits = service.run("cat", "/proc/" + service.mainPid() + "/limits").orFail();
      assertTrue(limits.matches("(?s).*Max core file size +0 +0 .*"), limits);
      assertTrue(limits.matches("(?s).*Max open files +4096 +4096 .*"), limits);
      assertEquals(Long.toString(1L << 30), service.property("MemoryMax"));
      assertEquals(
          "600", service.run("stat", "--format=%a", "/run/pinholed/control.sock").orFail().strip());
      // The kernel's counters of the queues can be read without being root or in root's group.
      assertTrue(
          service
                  .run(
                      "setpriv",
                      "--reuid=65534",
                      "--regid=65534",
                      "--clear-groups",
                      "cat",
                      "/proc/net/netfilter/nfnetlink_queue")
                  .orFail()
                  .lines()
                  .count()
              >= 2);
      String doctor = service.ctl("doctor").output();
      assertTrue(doctor.contains("queue 1 is the agent's"), doctor);
      assertFalse(doctor.lines().anyMatch(line -> line.startsWith("fail")), doctor);
      assertEquals(
          "", service.run("systemd-analyze", "verify", "pinholed.service").orFail().strip());

      service.writeConfig("queues: {count: 2}\nhelpers: []\n");
      service.systemctl("reload", "pinholed").orFail();
      assertEquals("helpers on: 0, packet queues: 2", service.property("StatusText"));
      service.writeConfig("queues: {count: 3}\n");
      assertFalse(service.systemctl("reload", "pinholed").succeeded(), "a refused reload");
      assertEquals("running", service.property("SubState"));

      service.systemctl("stop", "pinholed").orFail();
      assertEquals("success", service.property("Result"), service::log);
      assertFalse(router.ruleset().contains("inet pinholed"), router::ruleset);
      router.session.exchange("NOOP\r\n", "200 still here\r\n");
    }
  }

  @Test
  void configuration_thatIsRefused_isNotTriedAgain() {
    try (Router router = new Router("", "")) {
      router.service.systemctl("stop", "pinholed").orFail();
      router.service.writeConfig("queues: {count: many}\n");
      assertFalse(router.service.systemctl("start", "pinholed").succeeded());
      assertEquals("failed", router.service.property("ActiveState"));
      assertEquals("0", router.service.property("NRestarts"));
    }
  }

  @Test
  void worker_thatStandsStill_isStartedAgain() {
    try (Router router = new Router("queues: {count: 1}\n", FAST_WATCHDOG)) {
      SystemdService service = router.service;
      String before = service.mainPid();
      Path said = router.lab.workFolder().resolve("stopped");
      service.launch(
          said,
          "/usr/bin/python3",
          router.lab.resource("stop_thread.py").toString(),
          before,
          "pinholed-worker-0");
      Scenario.await(
          Duration.ofSeconds(10), () -> read(said).contains("stopped"), () -> read(said));

      service.awaitRestart(1);
      assertNotEquals(before, service.mainPid());
      assertTrue(
          service.log().contains("\"pinholed-worker-0\""), "threads are told before the end");
      // The next process goes on with the line after the first that it sees.
      router.session.exchange("NOOP\r\n", "200 still here\r\n");
      router.answerOneCommand();
      router.assertAnnouncementOpens();
    }
  }

  /**
   * While nobody reads, a command waits in the queue: the next process is the one that lets it
   * pass.
   */
  @Test
  void killed_controlPacketsWaitForTheNextProcess() {
    try (Router router = new Router("queues: {count: 2}\n", "")) {
      SystemdService service = router.service;
      assertKept(service, 2);
      for (int restarts = 1; restarts <= 3; restarts++) {
        service.kill();
        // Heard by the server only when the next process has read it.
        router.session.command("NOOP\r\n");
        service.awaitRestart(restarts);
        assertTrue(service.json("status").path("packets").asLong() > 0, service::log);
        router.session.reply("200 still here\r\n");
        router.answerOneCommand();
        router.assertAnnouncementOpens();
      }
      assertKept(service, 2);
      assertNothingLost(service);
    }
  }

  /** The queues, and the socket by which conntracks know that somebody listens. */
  private static void assertKept(SystemdService service, int queues) {
    assertEquals(Integer.toString(queues + 1), service.property("NFileDescriptorStore"));
  }

  /** A conntrack made while nobody listens would never tell of its end. */
  @Test
  void connection_thatBeganWhileNobodyRan_isForgottenWhenItsConntrackEnds() {
    try (Router router = new Router("queues: {count: 1}\n", "")) {
      SystemdService service = router.service;
      service.kill();
      try (ScriptedSession late = router.open()) {
        service.awaitRestart(1);
        late.login();
        assertEquals(2, service.json("sessions").size());
        router.lab.run(Lab.Host.ROUTER, Duration.ofSeconds(10), "conntrack", "-F").orFail();
        Scenario.await(
            Duration.ofSeconds(10),
            () -> service.json("sessions").isEmpty(),
            () -> service.ctl("sessions").output() + service.log());
      }
    }
  }

  private static void assertNothingLost(SystemdService service) {
    assertEquals(0, service.json("status").path("queueDropped").asLong());
    CommandResult audit = service.ctl("audit");
    assertTrue(audit.succeeded(), () -> audit.output() + service.log());
  }

  /** What the process knew and the kernel does not goes to the next one, too. */
  @Test
  void restarted_betweenACommandAndItsReply_theAnnouncementOpens() {
    String yaml = "queues: {count: 2}\nfail: {onStop: keep}\n";
    try (Router router = new Router(yaml, "")) {
      SystemdService service = router.service;
      String before = service.mainPid();
      try (Announcement announced = router.session.announceWithoutReply(DataMode.PASV)) {
        service.systemctl("restart", "pinholed").orFail();
        assertNotEquals(before, service.mainPid());
        router.session.reply(
            ScriptedSession.replyLine(DataMode.PASV, announced.host(), announced.port()));
        announced.connect().close();
      }
      assertKept(service, 2);
      assertNothingLost(service);

      service.systemctl("stop", "pinholed").orFail();
      assertTrue(router.ruleset().contains("inet pinholed"), router::ruleset);
      // Nobody keeps the queues now, so that control packets pass.
      router.session.exchange("NOOP\r\n", "200 still here\r\n");
    }
  }

  @Test
  void restartedWithOtherQueues_theyAreStored() {
    String keep = "fail: {onStop: keep}\n";
    try (Router router = new Router(keep + "queues: {count: 3}\n", "")) {
      SystemdService service = router.service;
      for (int count : new int[] {1, 2}) {
        service.writeConfig(keep + "queues: {count: " + count + "}\n");
        service.systemctl("restart", "pinholed").orFail();
        assertKept(service, count);
        router.assertAnnouncementOpens();
      }
    }
  }

  static Stream<@Nullable NatMode> translations() {
    return Stream.of(null, NatMode.MASQUERADE);
  }

  @ParameterizedTest
  @MethodSource("translations")
  void restartedUnderLoad_noTransferFails(@Nullable NatMode nat) throws Exception {
    JsonNode result =
        underLoad(nat, 200, 20, service -> service.systemctl("restart", "pinholed").orFail());
    assertEquals(0, result.path("failed").asInt(), result::toString);
  }

  /** A transfer fails only where the announcement was half told: a command, kill, its reply. */
  @Test
  void killedUnderLoad_noControlConnectionBreaks() throws Exception {
    AtomicInteger kills = new AtomicInteger();
    JsonNode result =
        underLoad(
            null,
            50,
            3,
            service -> {
              service.kill();
              service.awaitRestart(kills.incrementAndGet());
            });
    System.out.println("killed " + kills + " times: " + result);
  }

  private static JsonNode underLoad(
      @Nullable NatMode nat, int sessions, int dataTimeoutSeconds, Consumer<SystemdService> disturb)
      throws Exception {
    String yaml = "queues: {count: 2}\nfail: {onStop: keep}\n";
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      try (SystemdService service = SystemdService.start(lab, yaml, "")) {
        if (nat != null) {
          nat.install(lab, RouterFirewall.NFTABLES);
        }
        InvalidWatch watch = nat == null ? null : InvalidWatch.start(lab);
        TransferLoad load = TransferLoad.start(lab, server, sessions, dataTimeoutSeconds);
        for (int i = 0; i < 3; i++) {
          awaitPackets(service, 1000);
          disturb.accept(service);
        }
        awaitPackets(service, 1000);
        JsonNode result = load.stop();
        assertEquals(0, result.path("broken").asInt(), () -> result + service.log());
        assertTrue(result.path("whole").asInt() > 100, result::toString);
        if (watch != null) {
          watch.assertNone(); // no number was shifted wrongly
        }
        assertNothingLost(service);
        return result;
      }
    }
  }

  /** The present process has read so many. */
  private static void awaitPackets(SystemdService service, long packets) {
    Scenario.await(
        Duration.ofSeconds(30),
        () -> service.json("status").path("packets").asLong() >= packets,
        service::log);
  }
}
