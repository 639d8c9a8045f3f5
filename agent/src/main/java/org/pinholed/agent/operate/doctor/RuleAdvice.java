package org.pinholed.agent.operate.doctor;

import java.util.List;
import java.util.Locale;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;

/** Lines to type that let something pass a chain, inserted at its beginning. */
final class RuleAdvice {
  private RuleAdvice() {}

  /** Lets the children of pinholes pass, where the kernel expects all of them. */
  static String acceptRelated(Ruleset ruleset, Ruleset.Entry entry) {
    return insert(
        ruleset, entry, "ct state related accept", "-m conntrack --ctstate RELATED -j ACCEPT");
  }

  /** Lets the children of pinholes pass. */
  static String acceptMark(Ruleset ruleset, Ruleset.Entry entry, String bit) {
    return insert(
        ruleset,
        entry,
        "ct mark and " + bit + " != 0 accept",
        "-m connmark --mark " + bit + "/" + bit + " -j ACCEPT");
  }

  /** Lets the later packets of all connections pass; nothing where their state is not known yet. */
  static List<String> acceptEstablished(Stop stop) {
    return stop.packet().isTracked()
        ? List.of(acceptEstablished(stop.ruleset(), stop.entry()))
        : List.of();
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
  static List<String> acceptPort(Stop stop, HelperEntry helper) {
    String transport = helper.transport().name().toLowerCase(Locale.ROOT);
    boolean tracked = stop.packet().isTracked();
    return List.of(
        insert(
            stop.ruleset(),
            stop.entry(),
            transport + " dport " + helper.port() + (tracked ? " ct state new accept" : " accept"),
            "-p "
                + transport
                + " --dport "
                + helper.port()
                + (tracked ? " -m conntrack --ctstate NEW -j ACCEPT" : " -j ACCEPT")));
  }

  /** The same line, with a comment of one word in its rule. */
  static String withComment(String line, String comment) {
    if (line.startsWith("nft ")) {
      return line + " comment \"" + comment + "\"";
    }
    int target = line.lastIndexOf(" -j ");
    return line.substring(0, target) + " -m comment --comment " + comment + line.substring(target);
  }

  /** Takes a rule out. Its text is its line, or its chain and handle. */
  static String delete(Ruleset ruleset, FirewallRule rule) {
    if (ruleset.kind().equals("nftables")) {
      return "nft delete rule " + rule.text();
    }
    String table = ruleset.name().equals("filter") ? "" : " -t " + ruleset.name();
    return ruleset.kind() + table + " -D " + rule.text().substring("-A ".length());
  }

  private static String insert(
      Ruleset ruleset, Ruleset.Entry entry, String nftables, String iptables) {
    if (ruleset.kind().equals("nftables")) {
      return "nft insert rule " + ruleset.name() + " " + entry.chain() + " " + nftables;
    }
    String table = ruleset.name().equals("filter") ? "" : " -t " + ruleset.name();
    // Docker puts its own jumps before all else at each start, but leaves this chain to operators.
    boolean docker =
        entry.chain().equals("FORWARD") && ruleset.chains().containsKey(FirewallPrograms.DOCKER);
    String chain = docker ? FirewallPrograms.DOCKER : entry.chain();
    return ruleset.kind() + table + " -I " + chain + " 1 " + iptables;
  }
}
