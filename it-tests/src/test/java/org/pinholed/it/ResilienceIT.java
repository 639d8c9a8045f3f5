package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * What operators do to a running router, its conntrack, its own firewall and its network devices:
 * nothing stays open that nobody waits for, the log says what happened, and the next transfer
 * works. {@link TableRepairIT} is about the agent's own table.
 */
class ResilienceIT {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final int SESSIONS = 20;

  @ParameterizedTest
  @EnumSource
  void conntrackFlushed_pinholesAreShut_saidOnce_andNewSessionsWork(Family family) {
    // Pinholes that live as long as their parents: nothing but the parents' end shuts them.
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("parent"))) {
      List<ScriptedSession> sessions = new ArrayList<>();
      List<Announcement> announcements = new ArrayList<>();
      for (int i = 0; i < SESSIONS; i++) {
        ScriptedSession session = scenario.login(family);
        sessions.add(session);
        announcements.add(session.announce(DataMode.EPSV));
      }
      assertEquals(SESSIONS, pinholes(scenario.lab()));
      scenario.onRouter("conntrack", "-F");

      JsonNode lost = scenario.agent().awaitEvent("parentsLost");
      String all = SESSIONS + " of " + SESSIONS;
      assertTrue(lost.path("detail").asText().contains(all), lost::toString);
      awaitLogLine(scenario.agent(), "conntrack lost " + all);
      awaitNoPinhole(scenario.lab(), scenario.agent());
      assertEquals(List.of(), scenario.rows("expectations"));
      assertEquals(List.of(), scenario.rows("sessions"));
      assertFalse(announcements.get(0).isOpen());

      // The connection goes on, and conntrack takes it up in mid-stream: nobody vetted that.
      ScriptedSession goesOn = sessions.get(0);
      goesOn.exchange("NOOP\r\n", "200 still here\r\n");
      try (Announcement unread = goesOn.announce(DataMode.EPSV)) {
        assertFalse(unread.isOpen());
      }
      JsonNode opaque = scenario.agent().awaitEvent("opaque");
      assertEquals("midStream", opaque.path("reason").asText());
      assertEquals(0, pinholes(scenario.lab()));

      try (ScriptedSession fresh = scenario.login(family);
          Announcement announced = fresh.announce(DataMode.EPSV)) {
        announced.connect().close();
      }
      assertEquals(List.of(), scenario.agent().complaints());
      announcements.forEach(Announcement::close);
      sessions.forEach(ScriptedSession::close);
    }
  }

  @ParameterizedTest
  @EnumSource
  void conntrackFlushed_behindTranslation_leavesNothingBehind_andNewSessionsWork(NatMode nat) {
    try (NatScenario scenario = translating(nat);
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      DataMode mode = nat.hidesClient() ? DataMode.PORT : DataMode.PASV;
      scenario.transfer(session, mode); // rewritten: its sequence numbers are shifted from now on
      String host = mode.isPassive() ? Family.V4.server() : Family.V4.client();
      try (var listener = scenario.listen(mode, host, 0)) {
        scenario.announce(session, mode, host, listener);
        assertTrue(pinholes(scenario.lab()) > 0, "no pinhole before the flush");
        onRouter(scenario.lab(), "conntrack", "-F");
        agent.awaitEvent("parentsLost");
        awaitNoPinhole(scenario.lab(), agent);
      }
      try (ScriptedSession fresh = scenario.login()) {
        for (int i = 0; i < 3; i++) {
          scenario.transfer(fresh, mode);
        }
      }
      assertEquals(List.of(), agent.complaints());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MASQUERADE", "DNAT"})
  void conntrackFlushed_behindTranslation_beforeARewrite_goesOnUnread(NatMode nat) {
    try (NatScenario scenario = translating(nat);
        ScriptedSession session = scenario.login()) {
      onRouter(scenario.lab(), "conntrack", "-F");
      scenario.agent().awaitEvent("parentsLost");
      session.exchange("NOOP\r\n", "200 still here\r\n");
      String line = nat.hidesClient() ? "PORT 198,51,100,2,200,10\r\n" : "PASV\r\n";
      session.command(line); // not rewritten: nobody vetted what is said here
      session.reply("227 Entering Passive Mode (203,0,113,2,200,10)\r\n");
      assertEquals("midStream", scenario.agent().awaitEvent("opaque").path("reason").asText());
      assertEquals(0, pinholes(scenario.lab()));
      scenario.watch().assertNone();
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  /** The rules of the old iptables and of the one that is made of nftables. */
  enum Iptables {
    /** {@code iptables-nft}. */
    NFT,
    /** {@code iptables-legacy}, of whose changes the kernel tells nobody. */
    LEGACY;

    private String tool(boolean ipv6) {
      return (ipv6 ? "ip6tables-" : "iptables-") + name().toLowerCase(Locale.ROOT);
    }

    /** Drops by default, lets control connections and the children of pinholes in. */
    private void install(Lab lab) {
      for (boolean ipv6 : new boolean[] {false, true}) {
        String rules =
            """
            *filter
            :FORWARD DROP
            -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
            -A FORWARD -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
            -A FORWARD -m connmark --mark 0x40000000/0x40000000 -j ACCEPT
            COMMIT
            """;
        lab.runWithInput(Lab.Host.ROUTER, PATIENCE, rules, tool(ipv6) + "-restore").orFail();
      }
    }

    private void flush(Lab lab) {
      for (boolean ipv6 : new boolean[] {false, true}) {
        onRouter(lab, tool(ipv6), "-F");
        onRouter(lab, tool(ipv6), "-t", "nat", "-F");
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void iptablesFlushed_theSameSessionGoesOnAsSoonAsTheOperatorsRulesAreBack(Iptables iptables) {
    try (NatScenario scenario =
            NatScenario.withAgent(
                Links.VETH,
                NatMode.TWICE,
                Family.V4,
                lab -> {
                  iptables.install(lab);
                  // As a router has them beside those of the lab, for the flush to take away.
                  onRouter(
                      lab,
                      iptables.tool(false),
                      "-t",
                      "nat",
                      "-A",
                      "POSTROUTING",
                      "-p",
                      "udp",
                      "-j",
                      "MASQUERADE");
                  return AgentProcess.start(lab);
                });
        ScriptedSession session = scenario.login();
        var listener = scenario.listen(DataMode.PORT, Family.V4.client(), 0)) {
      AgentProcess agent = scenario.agent();
      var to = scenario.announce(session, DataMode.PORT, Family.V4.client(), listener);
      iptables.flush(scenario.lab());
      if (iptables == Iptables.NFT) {
        awaitLogLine(agent, "firewall rules were removed by iptables-nft");
      }
      assertEquals(1, pinholes(scenario.lab()));
      iptables.install(scenario.lab());
      scenario.connect(session, DataMode.PORT, to, listener);
      scenario.transfer(session, DataMode.PASV);
      scenario.transfer(session, DataMode.EPRT);
      scenario.watch().assertNone();
      assertEquals(List.of(), agent.complaints());
    }
  }

  @Test
  void noConntrackEntryLeft_theNextSessionWorks() {
    try (Scenario scenario = Scenario.start("")) {
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect().close();
      }
      flush(scenario);
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.PORT)) {
        announced.connect().close();
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @ParameterizedTest
  @EnumSource
  void networkDeviceDownAndUp_theSameSessionGoesOn_withItsPinholes(Family family) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(DataMode.EPSV)) {
      downAndUp(scenario.lab(), "r1", "2001:db8:2::1/64");
      awaitLogLine(scenario.agent(), "network device r1 went down");
      awaitLogLine(scenario.agent(), "network device r1 is up again");
      announced.connect().close();
      downAndUp(scenario.lab(), "r0", "2001:db8:1::1/64");
      try (Announcement next = session.announce(DataMode.EPRT)) {
        next.connect().close();
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @Test
  void networkDeviceOfAMasqueradeDownAndUp_endsItsParents_saysSo_andNewSessionsWork() {
    try (NatScenario scenario = translating(NatMode.MASQUERADE);
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      scenario.transfer(session, DataMode.PORT);
      // The kernel deletes what is masqueraded behind the addresses of a device that goes down.
      downAndUp(scenario.lab(), "r1", "2001:db8:2::1/64");
      agent.awaitEvent("parentsLost");
      awaitNoPinhole(scenario.lab(), agent);
      try (ScriptedSession fresh = scenario.login()) {
        scenario.transfer(fresh, DataMode.PORT);
        scenario.transfer(fresh, DataMode.PASV);
      }
      assertEquals(List.of(), agent.complaints());
    }
  }

  private static NatScenario translating(NatMode nat) {
    return NatScenario.withAgent(nat, Family.V4, Scenario.ftpWithTimeout("parent"));
  }

  private static void downAndUp(Lab lab, String device, String address6) {
    onRouter(lab, "ip", "link", "set", device, "down");
    onRouter(lab, "ip", "link", "set", device, "up");
    // The kernel has taken it away with the device; the operator's network configuration is here.
    onRouter(lab, "ip", "addr", "replace", address6, "dev", device, "nodad");
  }

  private static String onRouter(Lab lab, String... command) {
    return lab.run(Lab.Host.ROUTER, PATIENCE, command).orFail();
  }

  /** How many pinholes the kernel holds; a translation without a pinhole lets nothing through. */
  private static long pinholes(Lab lab) {
    long count = 0;
    for (String kind : List.of("once", "open", "openany")) {
      for (String family : List.of("4", "6")) {
        String map = onRouter(lab, "nft", "list", "map", "inet", "pinholed", kind + family);
        count += map.split("expires", -1).length - 1;
      }
    }
    return count;
  }

  /**
   * Flushes until nothing is left: the last packets of an ended connection may come after a flush,
   * as a new entry.
   */
  private static void flush(Scenario scenario) {
    Scenario.await(
        PATIENCE,
        () -> {
          scenario.onRouter("conntrack", "-F");
          return scenario.onRouter("conntrack", "-C").trim().equals("0");
        },
        () -> scenario.onRouter("conntrack", "-L"));
  }

  /** Until it runs again nobody logs in, and whoever asks is told that nobody answers. */
  @Test
  void agentThatDied_whereThatIsClosed_letsNoLoginThrough() {
    try (Scenario scenario = Scenario.start("fail: {agentDown: closed}\n")) {
      scenario.login(Family.V4).close(); // somebody listens there from now on
      scenario.agent().kill();
      CommandResult status = scenario.agent().ctl("status");
      assertEquals(3, status.exitCode(), status::toString);
      assertTrue(status.output().contains("nobody answers on "), status::toString);
      assertTrue(
          scenario
              .client()
              .tryConnect(Family.V4.client(), Family.V4.server(), 21, Duration.ofMillis(700))
              .isEmpty(),
          "the kernel drops the answer to the SYN");
      scenario.agent().startAgain();
      scenario.login(Family.V4).close();
    }
  }

  private static void awaitNoPinhole(Lab lab, AgentProcess agent) {
    Scenario.await(
        PATIENCE,
        () -> pinholes(lab) == 0,
        () -> onRouter(lab, "nft", "list", "table", "inet", "pinholed") + agent.log());
  }

  /** Waits for the line, which must be there once. */
  private static void awaitLogLine(AgentProcess agent, String text) {
    Scenario.await(PATIENCE, () -> logLines(agent, text) > 0, agent::log);
    assertEquals(1, logLines(agent, text), agent::log);
  }

  private static long logLines(AgentProcess agent, String text) {
    return agent.log().lines().filter(line -> line.contains(text)).count();
  }
}
