package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;

/** What the router's conntrack table says of TCP flows, and what an operator does to them. */
public final class Conntracks {
  private static final String[] FAMILIES = {"ipv4", "ipv6"};

  private Conntracks() {}

  /** Those that were begun to a port, as {@code conntrack -L} prints them. */
  public static List<String> to(Lab lab, int port) {
    List<String> lines = new ArrayList<>();
    for (String family : FAMILIES) {
      command(lab, "-L", family, port, "-o", "id")
          .orFail()
          .lines()
          .filter(line -> line.contains("src="))
          .forEach(lines::add);
    }
    return lines;
  }

  /** What the router expects of one family, as {@code conntrack -L expect} prints it. */
  public static List<String> expected(Lab lab, Family family) {
    String word = family == Family.V4 ? "ipv4" : "ipv6";
    return lab.run(Lab.Host.ROUTER, Lab.SHORT, "conntrack", "-L", "expect", "-f", word)
        .orFail()
        .lines()
        .filter(line -> line.contains("proto="))
        .toList();
  }

  /** Lets those that were begun to a port run out in this time if no packet comes. */
  public static void leave(Lab lab, int port, int seconds) {
    for (String family : FAMILIES) {
      command(lab, "-U", family, port, "-t", Integer.toString(seconds)); // fails if there is none
    }
  }

  /** Deletes those that were begun to a port. */
  public static void delete(Lab lab, int port) {
    for (String family : FAMILIES) {
      command(lab, "-D", family, port); // fails if there is none
    }
  }

  private static CommandResult command(
      Lab lab, String what, String family, int port, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "conntrack",
                what,
                "-f",
                family,
                "-p",
                "tcp",
                "--orig-port-dst",
                Integer.toString(port)));
    command.addAll(List.of(more));
    return lab.run(Lab.Host.ROUTER, Lab.SHORT, command.toArray(String[]::new));
  }
}
