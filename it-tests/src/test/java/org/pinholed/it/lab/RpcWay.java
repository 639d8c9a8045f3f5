package org.pinholed.it.lab;

/** How a packet of the client gets to the server through an {@link RpcRouter}. */
public enum RpcWay {
  /** Routed as it is. */
  ROUTED,
  /** The server sees the router's address. */
  MASQUERADED,
  /** The client dials the router, which translates to an address of the server's. */
  PUBLISHED;

  /** The server's address behind {@link #PUBLISHED}, whose text is as long as the router's. */
  static final String INSIDE_V4 = "203.0.113.20";

  /** The address that the client dials. */
  public String dialed(Family family) {
    return switch (this) {
      case ROUTED -> family.server();
      case MASQUERADED -> family.otherServer();
      case PUBLISHED -> family.routerToClient();
    };
  }

  /** The server's own address. */
  public String server(Family family) {
    return switch (this) {
      case ROUTED -> family.server();
      case MASQUERADED -> family.otherServer();
      case PUBLISHED -> family == Family.V4 ? INSIDE_V4 : family.server();
    };
  }

  /** The client's address as the server sees it. */
  public String clientSeenByServer(Family family) {
    if (this != MASQUERADED) {
      return family.client();
    }
    return family == Family.V4 ? "203.0.113.1" : "2001:db8:2::1";
  }

  /** What the router translates; the destination says which way is meant. */
  static String rules() {
    StringBuilder rules = new StringBuilder("table inet nat {\n chain pre {\n");
    rules.append("  type nat hook prerouting priority dstnat;\n");
    for (Family family : Family.values()) {
      String ip = family == Family.V4 ? "ip" : "ip6";
      rules
          .append("  %s daddr %s %s ".formatted(ip, PUBLISHED.dialed(family), match()))
          .append("dnat %s to %s\n".formatted(ip, PUBLISHED.server(family)));
    }
    rules.append(" }\n chain post {\n  type nat hook postrouting priority srcnat;\n");
    for (Family family : Family.values()) {
      String ip = family == Family.V4 ? "ip" : "ip6";
      rules.append("  oifname r1 %s daddr %s masquerade\n".formatted(ip, family.otherServer()));
    }
    return rules.append(" }\n}\n").toString();
  }

  private static String match() {
    return Service.DCERPC.match();
  }
}
