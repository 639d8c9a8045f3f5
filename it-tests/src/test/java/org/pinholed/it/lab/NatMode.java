package org.pinholed.it.lab;

import java.time.Duration;
import java.util.stream.Stream;

/**
 * What the router translates, over both families. The host behind the translation is not routed
 * from the other side: who uses an untranslated address gets nowhere.
 */
public enum NatMode {
  /** The client is inside; the server sees the router's address. */
  MASQUERADE,
  /** The client is inside; the server sees one address, whose text is longer than the client's. */
  SNAT,
  /** The client is inside; the server sees one address out of four. */
  SNAT_POOL,
  /** The server is inside; the client dials the router. */
  DNAT,
  /** Neither sees the other: the client dials the router, the server sees the router. */
  TWICE;

  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final String SNAT_V4 = "203.0.113.165";
  private static final String SNAT_V6 = "2001:db8:2:0:1111:2222:3333:4444";

  /** Whether the client's address is translated. */
  public boolean hidesClient() {
    return this != DNAT;
  }

  /** Whether the server's address is translated. */
  public boolean hidesServer() {
    return this == DNAT || this == TWICE;
  }

  /** The address that the client must dial to reach the server. */
  public String dialed(Family family) {
    return hidesServer() ? family.routerToClient() : family.server();
  }

  /**
   * Whether a transfer works through an open firewall with no helper at all: the client is hidden
   * only, and it opens both connections.
   */
  public boolean needsNoHelper(DataMode mode) {
    return !hidesServer() && mode.isPassive();
  }

  /** Puts the rules in place with the tool of the firewall, and takes the routes away. */
  public void install(Lab lab, RouterFirewall firewall) {
    prepare(lab);
    if (firewall == RouterFirewall.NFTABLES) {
      lab.firewall(Lab.Host.ROUTER, nftRules(Service.FTP));
    } else {
      for (Family family : Family.values()) {
        String tool = family == Family.V4 ? "iptables-restore" : "ip6tables-restore";
        String rules = iptablesRules(family);
        lab.runWithInput(Lab.Host.ROUTER, TIMEOUT, rules, tool, "--noflush").orFail();
      }
    }
  }

  /** Puts the rules for a service in place with nftables, and takes the routes away. */
  public void install(Lab lab, Service service) {
    prepare(lab);
    lab.firewall(Lab.Host.ROUTER, nftRules(service));
  }

  private void prepare(Lab lab) {
    if (this == SNAT) {
      addAddresses(lab, SNAT_V4 + "/32", SNAT_V6 + "/128");
    } else if (this == SNAT_POOL) {
      for (int i = 0; i < 4; i++) {
        addAddresses(lab, "203.0.113." + (64 + i) + "/32", "2001:db8:2::" + (40 + i) + "/128");
      }
    }
    if (hidesClient()) {
      dropDefaultRoutes(lab, Lab.Host.SERVER);
    }
    if (hidesServer()) {
      dropDefaultRoutes(lab, Lab.Host.CLIENT);
    }
  }

  private static void addAddresses(Lab lab, String... addresses) {
    lab.ip(
        Lab.Host.ROUTER,
        Stream.of(addresses).map(a -> "addr add " + a + " dev r1").toArray(String[]::new));
  }

  private static void dropDefaultRoutes(Lab lab, Lab.Host host) {
    lab.ip(host, "route del 0.0.0.0/0", "route del ::/0");
  }

  private String nftRules(Service service) {
    StringBuilder rules = new StringBuilder("table inet nat {\n chain pre {\n");
    rules.append("  type nat hook prerouting priority dstnat;\n");
    if (hidesServer()) {
      for (Family family : Family.values()) {
        String ip = family == Family.V4 ? "ip" : "ip6";
        rules
            .append("  %s daddr %s %s ".formatted(ip, family.routerToClient(), service.match()))
            .append("dnat %s to %s\n".formatted(ip, family.server()));
      }
    }
    rules.append(" }\n chain post {\n  type nat hook postrouting priority srcnat;\n");
    if (this == MASQUERADE || this == TWICE) {
      rules.append("  oifname r1 masquerade\n");
    } else if (hidesClient()) {
      for (Family family : Family.values()) {
        rules
            .append(
                "  oifname r1 meta nfproto %s ".formatted(family == Family.V4 ? "ipv4" : "ipv6"))
            .append(family == Family.V4 ? "snat ip to " : "snat ip6 to ")
            .append(sources(family))
            .append('\n');
      }
    }
    return rules.append(" }\n}\n").toString();
  }

  private String iptablesRules(Family family) {
    StringBuilder rules = new StringBuilder("*nat\n");
    if (hidesServer()) {
      rules
          .append("-A PREROUTING -d %s -p tcp --dport 21 ".formatted(family.routerToClient()))
          .append("-j DNAT --to-destination %s\n".formatted(family.server()));
    }
    if (this == MASQUERADE || this == TWICE) {
      rules.append("-A POSTROUTING -o r1 -j MASQUERADE\n");
    } else if (hidesClient()) {
      rules
          .append("-A POSTROUTING -o r1 -j SNAT --to-source ")
          .append(sources(family))
          .append('\n');
    }
    return rules.append("COMMIT\n").toString();
  }

  private String sources(Family family) {
    if (this == SNAT) {
      return family == Family.V4 ? SNAT_V4 : SNAT_V6;
    }
    return family == Family.V4 ? "203.0.113.64-203.0.113.67" : "2001:db8:2::40-2001:db8:2::43";
  }
}
