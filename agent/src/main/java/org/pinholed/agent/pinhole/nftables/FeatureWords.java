package org.pinholed.agent.pinhole.nftables;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.kernel.netlink.KernelPart;
import org.pinholed.kernel.nftables.NftFeatures;

/** What the nf_tables of this kernel can do, in words for the status. */
final class FeatureWords {
  /** What is said where no rule can give packets to a queue. */
  static final String NO_QUEUE =
      KernelPart.missing(List.of(KernelPart.NFT_QUEUE, KernelPart.XT_NFQUEUE))
          + ", or no "
          + KernelPart.NFT_COMPAT.text()
          + ": control packets cannot be diverted";

  private FeatureWords() {}

  /**
   * Says what a kernel can do.
   *
   * @param features what was found by trying
   * @return {@code yes}, or what follows from it that the kernel cannot, by the name of the feature
   */
  static Map<String, String> of(NftFeatures features) {
    Map<String, String> found = new LinkedHashMap<>();
    found.put(
        "nftQueue",
        features.nativeQueue()
            ? "yes"
            : features.targetQueue()
                ? "no, the xtables target NFQUEUE is used instead"
                : "no: " + NO_QUEUE);
    found.put(
        "nftInnerHeader",
        features.innerHeader() ? "yes" : "no: acknowledgements without payload are queued too");
    found.put(
        "nftDestroyElement",
        features.destroyMessages() ? "yes" : "no: closing a pinhole takes two messages");
    found.put(
        "nftTimeoutUpdate",
        features.timeoutUpdate() ? "yes" : "no: renewing a pinhole deletes and adds it");
    found.put(
        "nftFoundOnce",
        features.foundOnce()
            ? "yes"
            : "no: two SYNs at the same instant can both come through a pinhole for one");
    found.put(
        "nftLeaseLimit",
        features.limitsLeases()
            ? "yes"
            : "no: the agent counts the connections of a lease, and may be late for one that comes"
                + " at the same moment as the last");
    found.put(
        "nftSequenceAdjustment",
        features.sequenceAdjustment() != null
            ? "yes"
            : "no: announcements behind address translation are not rewritten");
    return found;
  }
}
