package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Real programs that write the router's firewall, with a configuration of their own that lets
 * control connections of FTP through and nothing else ({@code lab/front_end.sh}).
 */
public enum FrontEnd {
  /** With its own system bus, and its tables in nftables. */
  FIREWALLD("firewalld", false),
  /** Shorewall and Shorewall6. */
  SHOREWALL("shorewall", false),
  /** For both families. */
  UFW("ufw", true);

  /** They are made of interpreted programs, and a machine may be busy. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final String word;
  private final boolean keepsTypedRules;

  FrontEnd(String word, boolean keepsTypedRules) {
    this.word = word;
    this.keepsTypedRules = keepsTypedRules;
  }

  /** Its name for {@code pinholectl firewall --front-end}. */
  public String word() {
    return word;
  }

  /** Whether rules that somebody typed stand after its reload. */
  public boolean keepsTypedRules() {
    return keepsTypedRules;
  }

  /** The chains that drop, as {@code acceptRule} takes them. */
  public String chains() {
    return this == FIREWALLD
        ? "[{family: inet, table: firewalld, chain: filter_FORWARD}]"
        : "[{family: ip, table: filter, chain: FORWARD},"
            + " {family: ip6, table: filter, chain: FORWARD}]";
  }

  /** Programs that it needs and that this machine does not have. */
  public List<String> missing(Lab lab) {
    List<String> missing = new ArrayList<>();
    List<String> needed =
        switch (this) {
          case FIREWALLD -> List.of("firewalld", "firewall-cmd", "dbus-daemon");
          case SHOREWALL -> List.of("shorewall", "shorewall6");
          case UFW -> List.of("ufw");
        };
    for (String program : needed) {
      if (!lab.run(Lab.Host.ROUTER, Lab.SHORT, "sh", "-c", "command -v " + program).succeeded()) {
        missing.add(program);
      }
    }
    return missing;
  }

  /** Puts its firewall in force. */
  public void start(Lab lab) {
    switch (this) {
      case FIREWALLD -> {
        Path log = lab.workFolder().resolve("firewalld.log");
        lab.start(
            Lab.Host.ROUTER,
            ProcessBuilder.Redirect.to(log.toFile()),
            command(lab, "firewalld --nofork --nopid --log-target console"));
        Scenario.await(
            PATIENCE,
            () ->
                lab.run(Lab.Host.ROUTER, PATIENCE, command(lab, "firewall-cmd --state"))
                    .succeeded(),
            () -> read(log));
      }
      case SHOREWALL -> {
        run(lab, "shorewall start");
        run(lab, "shorewall6 start");
      }
      case UFW -> {
        run(lab, "ufw route allow proto tcp from any to any port 21");
        run(lab, "ufw --force enable");
      }
    }
  }

  /** Has it write its rules anew, as its operator does. */
  public void reload(Lab lab) {
    switch (this) {
      case FIREWALLD -> run(lab, "firewall-cmd --reload");
      case SHOREWALL -> {
        run(lab, "shorewall reload");
        run(lab, "shorewall6 reload");
      }
      case UFW -> run(lab, "ufw reload");
    }
  }

  /** All its rules, without counters. */
  public String rules(Lab lab) {
    if (this == FIREWALLD) {
      return lab.run(Lab.Host.ROUTER, Lab.SHORT, "nft", "-s", "list", "table", "inet", "firewalld")
          .orFail();
    }
    StringBuilder all = new StringBuilder();
    for (String tool : List.of("iptables-save", "ip6tables-save")) {
      all.append(lab.run(Lab.Host.ROUTER, Lab.SHORT, tool).orFail());
    }
    return RouterFirewall.withoutCounters(all.toString());
  }

  private void run(Lab lab, String line) {
    lab.run(Lab.Host.ROUTER, PATIENCE, command(lab, line)).orFail();
  }

  private String[] command(Lab lab, String line) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "bash", script(lab).toString(), word, lab.workFolder().resolve(word).toString()));
    command.addAll(List.of(line.split(" ", -1)));
    return command.toArray(String[]::new);
  }

  private static Path script(Lab lab) {
    Path there = lab.workFolder().resolve("front_end.sh");
    return Files.exists(there) ? there : lab.resource("front_end.sh");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
