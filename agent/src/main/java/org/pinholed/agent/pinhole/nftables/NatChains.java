package org.pinholed.agent.pinhole.nftables;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.pinholed.kernel.nftables.NftChain;
import org.pinholed.kernel.nftables.NftClient;

/** Whether anybody but the agent translates addresses. */
public final class NatChains {
  /** What iptables-legacy does, nftables does not show. */
  private static final List<Path> LEGACY =
      List.of(
          Path.of("/proc/thread-self/net/ip_tables_names"),
          Path.of("/proc/thread-self/net/ip6_tables_names"));

  private NatChains() {}

  /**
   * Looks for chains that may translate, in the network namespace of the calling thread.
   *
   * @param ownTable name of the agent's table, whose chains do not count
   * @return true if there are some, though they may be empty
   * @throws IOException if the kernel refuses
   */
  public static boolean existBeside(String ownTable) throws IOException {
    try (NftClient nft = NftClient.open()) {
      for (NftChain chain : nft.chains()) {
        if (chain.translates() && !chain.table().name().equals(ownTable)) {
          return true;
        }
      }
    }
    for (Path names : LEGACY) {
      if (Files.isReadable(names)
          && Files.readAllLines(names, StandardCharsets.US_ASCII).contains("nat")) {
        return true;
      }
    }
    return false;
  }
}
