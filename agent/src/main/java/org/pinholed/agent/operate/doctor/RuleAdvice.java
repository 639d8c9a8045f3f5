package org.pinholed.agent.operate.doctor;

import java.util.Locale;
import org.pinholed.agent.config.HelperEntry;

/** Lines to type that let something pass a chain, inserted at its beginning. */
final class RuleAdvice {
  private RuleAdvice() {}

  /** Lets the children of pinholes pass. */
  static String acceptMark(Ruleset ruleset, Ruleset.Entry entry, String bit) {
    return insert(
        ruleset,
        entry,
        "ct mark and " + bit + " != 0 accept",
        "-m connmark --mark " + bit + "/" + bit + " -j ACCEPT");
  }

  /** Lets the later packets of all connections pass. */
  static String acceptEstablished(Ruleset ruleset, Ruleset.Entry entry) {
    return insert(
        ruleset,
        entry,
        "ct state established,related accept",
        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT");
  }

  /** Lets the first packets of what a helper reads pass. */
  static String acceptPort(Ruleset ruleset, Ruleset.Entry entry, HelperEntry helper) {
    String port = helper.transport().name().toLowerCase(Locale.ROOT) + " %sdport " + helper.port();
    return insert(
        ruleset,
        entry,
        port.formatted("") + " ct state new accept",
        "-p " + port.formatted("--") + " -m conntrack --ctstate NEW -j ACCEPT");
  }

  private static String insert(
      Ruleset ruleset, Ruleset.Entry entry, String nftables, String iptables) {
    if (ruleset.kind().equals("nftables")) {
      return "nft insert rule " + ruleset.name() + " " + entry.chain() + " " + nftables;
    }
    String table = ruleset.name().equals("filter") ? "" : " -t " + ruleset.name();
    return ruleset.kind() + table + " -I " + entry.chain() + " 1 " + iptables;
  }
}
