package org.pinholed.agent.pinhole.nftables;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What iptables-legacy does in the network namespace of the thread; nftables does not show it. */
final class LegacyIptables {
  private static final List<Path> NAMES =
      List.of(
          Path.of("/proc/thread-self/net/ip_tables_names"),
          Path.of("/proc/thread-self/net/ip6_tables_names"));

  private LegacyIptables() {}

  /** Whether its kernel modules are there, so that it may have rules. */
  static boolean isThere() {
    return NAMES.stream().anyMatch(Files::exists);
  }

  /** Whether one of its tables is in use. */
  static boolean has(String table) throws IOException {
    for (Path names : NAMES) {
      if (Files.isReadable(names)
          && Files.readAllLines(names, StandardCharsets.US_ASCII).contains(table)) {
        return true;
      }
    }
    return false;
  }
}
