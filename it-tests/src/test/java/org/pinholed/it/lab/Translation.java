package org.pinholed.it.lab;

import java.time.Duration;

/**
 * Address translation on the router, over both families. The server host has two addresses, so that
 * clients can keep to {@link Family#server()} while it means the other one.
 */
public enum Translation {
  /** The client is hidden behind the router's address: masquerade. */
  MASQUERADE(
      """
        chain post {
          type nat hook postrouting priority srcnat; policy accept;
          oifname "r1" masquerade
        }
      """),
  /** The client is hidden behind one of several addresses that the router has. */
  POOL(
      """
        chain post {
          type nat hook postrouting priority srcnat; policy accept;
          oifname "r1" ip saddr 198.51.100.0/24 snat ip to 203.0.113.101-203.0.113.109
          oifname "r1" ip6 saddr 2001:db8:1::/64 snat ip6 to 2001:db8:2::101-2001:db8:2::109
        }
      """),
  /** What the client takes for the server is forwarded to another address: port forwarding. */
  PORT_FORWARDING(
      """
        chain pre {
          type nat hook prerouting priority dstnat; policy accept;
          ip daddr 203.0.113.2 tcp dport 21 dnat ip to 203.0.113.3
          ip6 daddr 2001:db8:2::2 tcp dport 21 dnat ip6 to 2001:db8:2::3
        }
      """),
  /** Both at once. */
  TWICE(
      """
        chain pre {
          type nat hook prerouting priority dstnat; policy accept;
          ip daddr 203.0.113.2 tcp dport 21 dnat ip to 203.0.113.3
          ip6 daddr 2001:db8:2::2 tcp dport 21 dnat ip6 to 2001:db8:2::3
        }
        chain post {
          type nat hook postrouting priority srcnat; policy accept;
          oifname "r1" masquerade
        }
      """);

  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final String chains;

  Translation(String chains) {
    this.chains = chains;
  }

  /** Puts it in place, with a rule before all others that counts and drops what is invalid. */
  public void install(Lab lab) {
    String rules =
        """
        table inet translation {
          counter invalid { }
          chain forward {
            type filter hook forward priority filter - 5; policy accept;
            ct state invalid counter name "invalid" drop
          }
        """
            + chains
            + "}\n";
    lab.runWithInput(Lab.Host.ROUTER, TIMEOUT, rules, "nft", "-f", "-").orFail();
    if (this == POOL) {
      for (int last = 101; last < 110; last++) {
        lab.run(
                Lab.Host.ROUTER,
                TIMEOUT,
                "sh",
                "-c",
                "ip addr add 203.0.113.%d/32 dev r1 && ip addr add 2001:db8:2::%d/128 dev r1 nodad"
                    .formatted(last, last))
            .orFail();
      }
    }
  }

  /** How many packets conntrack took for invalid. */
  public static long invalidPackets(Lab lab) {
    String text =
        lab.run(
                Lab.Host.ROUTER,
                TIMEOUT,
                "nft",
                "list",
                "counter",
                "inet",
                "translation",
                "invalid")
            .orFail();
    String[] words = text.substring(text.indexOf("packets")).split("\\s+", 3);
    return Long.parseLong(words[1]);
  }
}
