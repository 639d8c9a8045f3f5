package org.pinholed.it.lab;

import java.time.Duration;

/**
 * The operator's own firewall on the router: drop by default, accept what is established, accept
 * new connections to port 21 and write policy id {@value #POLICY_ID} into their mark.
 */
public enum RouterFirewall {
  /** One inet table. */
  NFTABLES,
  /** The tables of iptables and ip6tables. */
  IPTABLES;

  /** The policy id that lets control connections in. */
  public static final int POLICY_ID = 25;

  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  /** Puts a firewall of nftables in place that lets this service in, with the rule on the mark. */
  public static void installWithAcceptRule(Lab lab, Service service) {
    install(lab, service);
    NFTABLES.acceptChildren(lab, Backend.ofRun());
  }

  private static void install(Lab lab, Service service) {
    load(
        lab,
        """
        table inet filter {
          chain forward {
            type filter hook forward priority filter; policy drop;
            ct state established accept
            SERVICE ct state new ct mark set ct mark & 0xffff0000 | POLICY accept
          }
        }
        """
            .replace("SERVICE", service.match()),
        "nft",
        "-f",
        "-");
  }

  /** Puts the firewall in place, without the rule on the mark of children. */
  public void install(Lab lab) {
    if (this == NFTABLES) {
      install(lab, Service.FTP);
      return;
    }
    for (String tool : new String[] {"iptables", "ip6tables"}) {
      load(
          lab,
          """
          *mangle
          -A PREROUTING -p tcp --dport 21 -m conntrack --ctstate NEW \
          -j CONNMARK --set-xmark POLICY/0xffff
          COMMIT
          *filter
          :FORWARD DROP
          -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
          -A FORWARD -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
          COMMIT
          """,
          tool + "-restore");
    }
  }

  private static void load(Lab lab, String rules, String... command) {
    String text = rules.replace("POLICY", Integer.toString(POLICY_ID));
    lab.runWithInput(Lab.Host.ROUTER, TIMEOUT, text, command).orFail();
  }

  /**
   * Runs the shipped script for the rule on the mark.
   *
   * @param arguments {@code apply}, {@code check} or {@code remove}, after options
   */
  public CommandResult acceptRule(Lab lab, String... arguments) {
    String script = this == NFTABLES ? "nftables.sh" : "iptables.sh";
    String[] command = new String[arguments.length + 1];
    command[0] = Lab.projectRoot().resolve("iptables-rules").resolve(script).toString();
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    return lab.run(Lab.Host.ROUTER, TIMEOUT, command);
  }

  /** Puts the firewall in place together with the rule on the mark of children. */
  public void installWithAcceptRule(Lab lab) {
    install(lab);
    acceptChildren(lab, Backend.ofRun());
  }

  private void acceptChildren(Lab lab, Backend backend) {
    if (backend.marks()) {
      acceptRule(lab, "apply").orFail();
    }
    if (backend.expects()) {
      acceptRelated(lab);
    }
  }

  /** Lets in what the kernel expects, as most firewalls do. */
  public void acceptRelated(Lab lab) {
    if (this == NFTABLES) {
      load(lab, "add rule inet filter forward ct state related accept", "nft", "-f", "-");
      return;
    }
    for (String tool : new String[] {"iptables", "ip6tables"}) {
      String rule = tool + " -A FORWARD -m conntrack --ctstate RELATED -j ACCEPT";
      lab.run(Lab.Host.ROUTER, TIMEOUT, rule.split(" ")).orFail();
    }
  }

  /**
   * Has the kernel's own FTP helper rewrite what is translated. Who assigns the helper loads only
   * the part that reads.
   */
  public static void loadRewriteOfKernelHelper(Lab lab) {
    lab.loadModule("nf_nat_ftp");
  }

  /** Installs the firewall with the kernel's own FTP helper, which the agent is compared with. */
  public static void installWithKernelHelper(Lab lab) {
    NFTABLES.install(lab);
    loadRewriteOfKernelHelper(lab);
    load(
        lab,
        """
        table inet helpers {
          ct helper ftp4 {
            type "ftp" protocol tcp; l3proto ip;
          }
          ct helper ftp6 {
            type "ftp" protocol tcp; l3proto ip6;
          }
          chain pre {
            type filter hook prerouting priority mangle;
            meta nfproto ipv4 tcp dport 21 ct helper set ftp4
            meta nfproto ipv6 tcp dport 21 ct helper set ftp6
          }
        }
        """,
        "nft",
        "-f",
        "-");
    NFTABLES.acceptRelated(lab);
  }

  /**
   * What {@code iptables-save} says, without what changes by itself: comments with times, counters.
   */
  public static String withoutCounters(String saved) {
    return saved.replaceAll("(?m)^#.*\n", "").replaceAll("\\[\\d+:\\d+]", "");
  }

  /** Takes every rule of the router away, whoever made it. */
  public static void flush(Lab lab) {
    lab.run(Lab.Host.ROUTER, TIMEOUT, "nft", "flush", "ruleset").orFail();
  }
}
