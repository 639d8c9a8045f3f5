package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;

/** What to do where a program writes the firewall, and forgets what was typed into it by hand. */
final class FirewallPrograms {
  private FirewallPrograms() {}

  static List<Finding> advice(List<Ruleset> rulesets, DoctorSettings settings) {
    List<Finding> findings = new ArrayList<>();
    String bit = settings.childBit();
    String match = "-m connmark --mark " + bit + "/" + bit + " -j ACCEPT";
    boolean ufw = false;
    boolean firewalld = false;
    for (Ruleset ruleset : rulesets) {
      ufw |= ruleset.chains().containsKey("ufw-before-forward");
      firewalld |=
          ruleset.name().equals("inet firewalld") || ruleset.chains().containsKey("FWD_public");
    }
    if (ufw) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "ufw",
              "this firewall is written by ufw: add the lines to its files, before COMMIT, then:"
                  + " ufw reload",
              List.of(
                  "/etc/ufw/before.rules:   -A ufw-before-forward " + match,
                  "/etc/ufw/before6.rules:  -A ufw6-before-forward " + match)));
    }
    if (firewalld) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "firewalld",
              "this firewall is written by firewalld: with FirewallBackend=iptables direct rules do"
                  + " it; with nftables they do not reach its own table, so insert the rule there"
                  + " after each of its starts and reloads (NftablesTableOwner=no), for example by"
                  + " ExecStartPost and ExecReload of firewalld.service",
              List.of(
                  "firewall-cmd --permanent --direct --add-rule ipv4 filter FORWARD 0 " + match,
                  "firewall-cmd --permanent --direct --add-rule ipv6 filter FORWARD 0 " + match,
                  "nft insert rule inet firewalld filter_FORWARD ct mark and "
                      + bit
                      + " != 0 accept")));
    }
    return findings;
  }
}
