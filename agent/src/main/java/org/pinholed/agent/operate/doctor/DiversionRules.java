package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.pinholed.helper.Transport;

/**
 * The rules with which a firewall gives control packets to the agent's queue by itself, for {@code
 * rules: external}. The same as those of the agent's own table, as far as these front ends can say
 * it: every packet of a control connection is queued, also those without payload. Pure.
 */
public final class DiversionRules {
  private static final String IPTABLES_CHAIN = "PINHOLED";

  private final DoctorSettings settings;
  private final String child;
  private final String read;
  private final String opaque;

  /**
   * Makes it.
   *
   * @param settings what the agent is configured for
   */
  public DiversionRules(DoctorSettings settings) {
    this.settings = settings;
    child = bits(settings.marks().child());
    read = bits(settings.marks().child() | settings.marks().read());
    opaque = bits(settings.marks().opaque());
  }

  private static String bits(int mark) {
    return String.format(Locale.ROOT, "0x%08x", mark);
  }

  /**
   * For {@code iptables-restore} and {@code ip6tables-restore}.
   *
   * @return lines
   */
  public List<String> iptables() {
    String queue =
        " -j NFQUEUE --queue-num "
            + settings.queue()
            + (settings.diversion().bypass() ? " --queue-bypass" : "");
    String rule = "-A " + IPTABLES_CHAIN;
    List<String> lines =
        new ArrayList<>(
            List.of(
                "*mangle",
                ":" + IPTABLES_CHAIN + " - [0:0]",
                "-A POSTROUTING ! -o lo -j " + IPTABLES_CHAIN,
                "-A INPUT ! -i lo -j " + IPTABLES_CHAIN,
                rule + " -m connmark --mark " + child + "/" + read + " -j RETURN",
                rule
                    + " -p tcp -m tcp ! --tcp-flags SYN SYN -m connmark --mark "
                    + opaque
                    + "/"
                    + opaque
                    + " -j RETURN",
                rule + " -p udp -m connmark --mark " + opaque + "/" + opaque + " -j RETURN",
                rule + " -m connmark --mark " + read + "/" + read + queue));
    for (Transport transport : Transport.values()) {
      for (int port : ports(transport)) {
        lines.add(
            rule + " -p " + word(transport) + " -m conntrack --ctorigdstport " + port + queue);
      }
    }
    lines.add("COMMIT");
    return lines;
  }

  /**
   * For {@code nft -f}. Loaded twice it is there once.
   *
   * @return lines
   */
  public List<String> nftables() {
    String queue =
        "queue num " + settings.queue() + (settings.diversion().bypass() ? " bypass" : "");
    List<String> lines =
        new ArrayList<>(
            List.of(
                "table inet pinholed_diversion",
                "delete table inet pinholed_diversion",
                "table inet pinholed_diversion {",
                "  chain postrouting {",
                "    type filter hook postrouting priority -150; policy accept;",
                "    oifname != \"lo\" jump divert",
                "  }",
                "  chain input {",
                "    type filter hook input priority -150; policy accept;",
                "    iifname != \"lo\" jump divert",
                "  }",
                "  chain divert {",
                "    ct mark and " + read + " == " + child + " return",
                "    tcp flags & syn == 0 ct mark and " + opaque + " != 0 return",
                "    meta l4proto udp ct mark and " + opaque + " != 0 return",
                "    ct mark and " + read + " == " + read + " " + queue));
    for (Transport transport : Transport.values()) {
      List<Integer> ports = ports(transport);
      if (!ports.isEmpty()) {
        lines.add(
            "    meta l4proto "
                + word(transport)
                + " ct original proto-dst { "
                + ports.stream().map(String::valueOf).collect(Collectors.joining(", "))
                + " } "
                + queue);
      }
    }
    lines.add("  }");
    lines.add("}");
    return lines;
  }

  private List<Integer> ports(Transport transport) {
    return settings.helpers().stream()
        .filter(helper -> helper.transport() == transport)
        .map(helper -> helper.port())
        .sorted()
        .toList();
  }

  private static String word(Transport transport) {
    return transport.name().toLowerCase(Locale.ROOT);
  }
}
