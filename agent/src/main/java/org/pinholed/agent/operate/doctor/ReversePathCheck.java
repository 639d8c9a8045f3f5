package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.control.JsonFields;

/**
 * Whether packets with a forged source get as far as conntrack. The agent does not read them, but
 * what conntrack makes of them counts (docs/adr/0009). Pure.
 */
final class ReversePathCheck {
  private static final String COST =
      "; it costs: what comes by another way than the answers take is dropped, so leave it where"
          + " routing is asymmetric, or goes by marks that only one direction gets";

  private final DoctorProbe probe;
  private final List<Finding> findings = new ArrayList<>();

  private ReversePathCheck(DoctorProbe probe) {
    this.probe = probe;
  }

  /**
   * Looks at both families.
   *
   * @param probe the machine
   * @param settings what the agent is configured for
   * @return the findings
   */
  static List<Finding> of(DoctorProbe probe, DoctorSettings settings) {
    ReversePathCheck check = new ReversePathCheck(probe);
    check.agent(settings);
    check.ipv4();
    check.ipv6();
    return check.findings;
  }

  private void agent(DoctorSettings settings) {
    if (settings.asymmetricRouting()) {
      findings.add(
          Finding.warn(
              "reversePath",
              "asymmetricRouting is true: packets are read whatever device they come in by, so that"
                  + " a server can announce in its client's name, and a client in a server's"));
    }
    long misrouted = probe.agentStatus().map(ReversePathCheck::misrouted).orElse(0L);
    if (misrouted > 0) {
      findings.add(
          Finding.warn(
              "reversePath",
              misrouted
                  + " control packets were not read, because they came in by a device that does not"
                  + " lead back to their source: somebody forges them, or routing is asymmetric",
              "pinholectl sessions   # MISROUTED shows whose",
              "asymmetricRouting: true in pinholed.yaml, if these wires are to be trusted"));
    }
  }

  private static long misrouted(JsonFields status) {
    return status.value("misroutedPackets") == null ? 0 : status.number("misroutedPackets");
  }

  private void ipv4() {
    boolean forwards = probe.sysctl("net.ipv4.ip_forward").orElse("0").equals("1");
    // a device has the greater of its own and that of all; 2 is the loose mode
    String all = probe.sysctl("net.ipv4.conf.all.rp_filter").orElse("0");
    String byDefault = probe.sysctl("net.ipv4.conf.default.rp_filter").orElse("0");
    boolean strict = all.equals("1") || (all.equals("0") && byDefault.equals("1"));
    if (forwards && !strict && !isFiltered(4)) {
      findings.add(
          Finding.warn(
              "reversePath",
              "IPv4 packets with a forged source pass to conntrack: net.ipv4.conf.all.rp_filter is"
                  + " not 1, nor that of new devices, and no rule looks at the way back. The agent"
                  + " does not read them, but a forged reset ends a connection for conntrack"
                  + COST,
              "sysctl -w net.ipv4.conf.all.rp_filter=1"));
    }
  }

  private void ipv6() {
    boolean forwards = probe.sysctl("net.ipv6.conf.all.forwarding").orElse("0").equals("1");
    if (forwards && !isFiltered(6)) {
      findings.add(
          Finding.warn(
              "reversePath",
              "IPv6 packets with a forged source pass to conntrack: IPv6 has no rp_filter, and no"
                  + " rule looks at the way back. The agent does not read them, but a forged reset"
                  + " ends a connection for conntrack"
                  + COST,
              "nft add table inet reversepath",
              "nft add chain inet reversepath pre { type filter hook prerouting priority raw; }",
              "nft add rule inet reversepath pre meta nfproto ipv6 fib saddr . mark . iif oif"
                  + " missing drop"));
    }
  }

  /** Whether any rule asks for the way back; what it does then is the operator's. */
  private boolean isFiltered(int family) {
    String nft = probe.nftRuleset().text();
    return (nft.contains("\"fib\"") && nft.contains("\"saddr\"") && nft.contains("\"iif\""))
        || probe.iptablesRules(family).stream()
            .anyMatch(rules -> rules.text().contains("-m rpfilter"));
  }
}
