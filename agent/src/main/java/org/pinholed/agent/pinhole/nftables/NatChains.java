package org.pinholed.agent.pinhole.nftables;

import java.io.IOException;
import org.pinholed.kernel.nftables.NftChain;
import org.pinholed.kernel.nftables.NftClient;

/** Whether anybody but the agent translates addresses. */
public final class NatChains {
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
    return LegacyIptables.has("nat");
  }
}
