package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/** What operators set in their kernels: connections are read, opened and shut all the same. */
class KernelSettingsIT {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "net.netfilter.nf_conntrack_events=0",
        "net.netfilter.nf_conntrack_events=1",
        "net.netfilter.nf_conntrack_acct=1",
        "net.netfilter.nf_conntrack_timestamp=1",
        "net.netfilter.nf_conntrack_tcp_loose=0",
        "net.netfilter.nf_conntrack_tcp_be_liberal=1",
        "net.ipv4.conf.all.rp_filter=1",
        "net.ipv4.conf.all.rp_filter=2"
      })
  void transfersBothWays_andTheEndShutsWhatIsOpen(String setting) {
    try (NatScenario scenario =
        NatScenario.withAgent(
            Links.VETH,
            NatMode.MASQUERADE,
            Family.V4,
            lab -> {
              lab.sysctl(Lab.Host.ROUTER, setting);
              RouterFirewall.NFTABLES.installWithAcceptRule(lab);
              return AgentProcess.start(lab);
            })) {
      try (ScriptedSession session = scenario.login();
          Listener listener = scenario.listen(DataMode.PORT, Family.V4.client(), 0)) {
        for (DataMode mode : DataMode.values()) {
          scenario.transfer(session, mode);
        }
        scenario.announce(session, DataMode.PORT, Family.V4.client(), listener);
        assertEquals(1, pending(scenario));
        session.exchange("QUIT\r\n", "221 bye\r\n");
      }
      Scenario.await(
          Duration.ofSeconds(10), () -> pending(scenario) == 0, () -> scenario.agent().log());
      CommandResult doctor = scenario.agent().ctl("doctor");
      boolean named = doctor.output().contains("fail  sysctl");
      assertEquals(setting.endsWith("_events=0"), named, doctor::output);
      assertEquals(named ? 1 : 0, doctor.exitCode(), doctor::output);
      scenario.watch().assertNone();
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static long pending(NatScenario scenario) {
    long count = 0;
    for (var row : scenario.agent().json("expectations")) {
      count += row.path("state").asText().equals("pending") ? 1 : 0;
    }
    return count;
  }
}
