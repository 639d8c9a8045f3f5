package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * The router answers SYNs itself ({@code synproxy}) and gives the server's bytes other sequence
 * numbers for the whole connection: the agent reads such connections like others, and what it
 * rewrites comes on top of that.
 */
class SynproxyIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final int ROUNDS = 4;

  /** In a run all are shifted up, and prove nothing, once in 256. */
  private static final int CONNECTIONS = 8;

  /**
   * As nft(8) documents it; with a forwarded port the SYN comes to the router itself. Without time
   * stamps: in those that synproxy writes, new kernels see no answer to theirs.
   */
  private static void install(Lab lab) {
    lab.run(
            Lab.Host.ROUTER,
            TIMEOUT,
            "sysctl",
            "-qw",
            "net.netfilter.nf_conntrack_tcp_loose=0",
            "net.ipv4.tcp_syncookies=1",
            "net.ipv4.tcp_timestamps=1")
        .orFail();
    String rules =
        """
        table inet proxies {
          chain raw {
            type filter hook prerouting priority raw;
            iifname r0 tcp dport 21 tcp flags & (fin|syn|rst|ack) == syn notrack
          }
          chain forward {
            type filter hook forward priority -10;
            tcp dport 21 ct state { invalid, untracked } synproxy mss 1460
          }
          chain input {
            type filter hook input priority -10;
            tcp dport 21 ct state { invalid, untracked } synproxy mss 1460
          }
          chain output {
            type nat hook output priority -100;
            ip daddr ROUTER tcp dport 21 dnat ip to SERVER
          }
        }
        """
            .replace("ROUTER", Family.V4.routerToClient())
            .replace("SERVER", Family.V4.server());
    lab.runWithInput(Lab.Host.ROUTER, TIMEOUT, rules, "nft", "-f", "-").orFail();
  }

  /** To connection tracking the client's answer to the router's SYN+ACK is invalid. */
  private static void endTheWatch(Lab lab) {
    lab.run(Lab.Host.ROUTER, TIMEOUT, "nft", "delete", "table", "inet", "watch").orFail();
  }

  /**
   * Each connection is shifted by another number, up or down; down, the kernel's own check of the
   * window would take the answers to a longer 227 for invalid.
   */
  @ParameterizedTest
  @EnumSource(names = {"MASQUERADE", "DNAT", "TWICE"})
  void translated_everyRewriteComesOnTopOfIt(NatMode nat) {
    try (NatScenario scenario =
        NatScenario.withAgent(
            Links.VETH,
            nat,
            Family.V4,
            lab -> {
              RouterFirewall.NFTABLES.installWithAcceptRule(lab);
              install(lab);
              return AgentProcess.start(lab);
            })) {
      endTheWatch(scenario.lab());
      for (int connection = 0; connection < CONNECTIONS; connection++) {
        try (ScriptedSession session = scenario.login()) {
          for (int round = 0; round < ROUNDS; round++) {
            scenario.transfer(session, DataMode.PASV);
            scenario.transfer(session, DataMode.EPSV);
            if (nat.hidesClient()) {
              scenario.transfer(session, DataMode.PORT);
              scenario.transfer(session, DataMode.EPRT);
            }
          }
          session.exchange("QUIT\r\n", "221 bye\r\n");
        }
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @Test
  void notTranslated_isRead() {
    try (Scenario scenario = Scenario.start("")) {
      install(scenario.lab());
      try (ScriptedSession session = scenario.login(Family.V4)) {
        for (DataMode mode : DataMode.values()) {
          try (var announced = session.announce(mode)) {
            announced.connect().close();
          }
        }
        session.exchange("QUIT\r\n", "221 bye\r\n");
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }
}
