package org.pinholed.agent.operate.doctor;

import java.util.Locale;

/** What writes the rules of a firewall, or what they are written with. */
public enum FrontEnd {
  /** Tables of nftables that none of the others wrote. */
  NFTABLES,
  /** iptables and ip6tables with tables of nftables. */
  IPTABLES_NFT,
  /** iptables and ip6tables with tables of their own. */
  IPTABLES_LEGACY,
  /** Ubuntu's firewall, with iptables. */
  UFW,
  /** The daemon firewalld, with nftables or iptables. */
  FIREWALLD,
  /** Shorewall and Shorewall6, with iptables. */
  SHOREWALL,
  /** The engine of Docker, with iptables. */
  DOCKER;

  /** In its words, as firewalld names the chain for its default zone. */
  private static final String FIREWALLD_CHAIN = "FWD_public";

  /**
   * The word of the command line.
   *
   * @return for example {@code iptables-legacy}
   */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * Whether a table is one of its own.
   *
   * @param table one of the firewall
   * @param legacy whether a tool of iptables has tables of its own
   */
  boolean isOf(Ruleset table, boolean legacy) {
    boolean nftables = table.kind().equals("nftables");
    boolean firewalld =
        table.name().equals("inet firewalld") || table.chains().containsKey(FIREWALLD_CHAIN);
    return switch (this) {
      case NFTABLES ->
          nftables
              && !firewalld
              && table.entries().stream().anyMatch(entry -> !entry.families().isEmpty());
      case IPTABLES_NFT -> !nftables && !legacy;
      case IPTABLES_LEGACY -> !nftables && legacy;
      case UFW ->
          table.chains().containsKey("ufw-before-forward")
              || table.chains().containsKey("ufw6-before-forward");
      case FIREWALLD -> firewalld;
      case SHOREWALL -> table.chains().containsKey("shorewall");
      case DOCKER -> table.chains().containsKey(FirewallPrograms.DOCKER);
    };
  }
}
