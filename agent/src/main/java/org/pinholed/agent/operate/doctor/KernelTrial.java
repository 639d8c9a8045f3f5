package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.KernelPart;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueFeatures;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFeatures;

/** Tries what the kernel can do; what a trial makes is gone when it ends. */
final class KernelTrial {
  /** A queue that nobody uses is opened for a moment to learn what queues can do. */
  private static final int TRIAL_QUEUE_LAST = 65535;

  private static final String NO_PINHOLES = "no pinhole can be opened";

  /** What nothing works without, by the name of its line. */
  private static final Map<String, KernelPart> NEEDED = needed();

  private KernelTrial() {}

  private static Map<String, KernelPart> needed() {
    Map<String, KernelPart> needed = new LinkedHashMap<>();
    needed.put("nftCt", KernelPart.NFT_CT);
    needed.put("nftChainNat", KernelPart.NFT_CHAIN_NAT);
    needed.put("nftNat", KernelPart.NFT_NAT);
    return needed;
  }

  /**
   * Tries everything.
   *
   * @param takenQueues numbers of packet queues that others use
   * @return feature to {@code yes}, or why not
   */
  static Map<String, String> features(List<Integer> takenQueues) {
    Map<String, String> features = new LinkedHashMap<>();
    List<KernelPart> missing;
    try {
      missing = KernelPart.missingSubsystems();
    } catch (NetlinkException e) {
      missing = List.of(); // each says below what it is
    }
    if (missing.contains(KernelPart.NFNETLINK)) {
      features.put("nfnetlink", missing(KernelPart.NFNETLINK, "nothing of netfilter can be asked"));
      return features;
    }
    if (missing.contains(KernelPart.CONNTRACK)) {
      features.put("conntrack", missing(KernelPart.CONNTRACK, "flows cannot be looked up"));
    } else {
      probeConntrack(features);
    }
    if (missing.contains(KernelPart.QUEUE)) {
      features.put("nfqueue", missing(KernelPart.QUEUE, "control packets cannot be queued"));
    } else {
      probeQueue(features, takenQueues);
    }
    if (missing.contains(KernelPart.NFTABLES)) {
      features.put("nftables", missing(KernelPart.NFTABLES, NO_PINHOLES));
    } else {
      probeNftables(features);
    }
    return features;
  }

  private static String missing(KernelPart part, String consequence) {
    return Doctor.MISSING + KernelPart.missing(List.of(part)) + ": " + consequence;
  }

  private static void probeConntrack(Map<String, String> features) {
    try (ConntrackClient client = ConntrackClient.open()) {
      InetAddress none = InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1});
      client.get(new FlowTuple(6, none, 9, none, 9));
      features.put("conntrack", "yes");
    } catch (NetlinkException e) {
      features.put(
          "conntrack",
          Doctor.MISSING
              + "flows cannot be looked up (CONFIG_NF_CT_NETLINK, and the right to): "
              + e.getMessage());
    } catch (IOException e) {
      throw new IllegalStateException(e); // four bytes are an address
    }
  }

  private static void probeQueue(Map<String, String> features, List<Integer> taken) {
    int number = TRIAL_QUEUE_LAST;
    while (taken.contains(number)) {
      number--;
    }
    try (PacketQueue queue =
        PacketQueue.open(
            new QueueOptions(number, 1, 128, true, true, 65536, 1, Duration.ofMillis(1)))) {
      QueueFeatures found = queue.features();
      features.put("nfqueue", "yes");
      features.put(
          "queueFailOpen", found.failOpen() ? "yes" : "no: a full queue drops control packets");
    } catch (NetlinkException e) {
      features.put(
          "nfqueue",
          Doctor.MISSING
              + "control packets cannot be queued (CONFIG_NETFILTER_NETLINK_QUEUE, and the right"
              + " to): "
              + e.getMessage());
    }
  }

  private static void probeNftables(Map<String, String> features) {
    try (NftClient client = NftClient.open()) {
      NftFeatures found = NftFeatures.probe(client);
      if (found.missing().contains(KernelPart.NFTABLES_INET)) {
        features.put("nftables", missing(KernelPart.NFTABLES_INET, NO_PINHOLES));
        return;
      }
      features.put("nftables", "yes");
      for (Map.Entry<String, KernelPart> part : NEEDED.entrySet()) {
        features.put(
            part.getKey(),
            found.missing().contains(part.getValue())
                ? missing(part.getValue(), NO_PINHOLES)
                : "yes");
      }
      features.put(
          "nftQueue",
          found.nativeQueue()
              ? "yes"
              : found.targetQueue()
                  ? "no: the xtables target NFQUEUE is used instead"
                  : Doctor.MISSING
                      + KernelPart.missing(List.of(KernelPart.NFT_QUEUE, KernelPart.XT_NFQUEUE))
                      + ", or no "
                      + KernelPart.NFT_COMPAT.text()
                      + ": nothing can be diverted");
      features.put(
          "nftInnerHeader",
          found.innerHeader() ? "yes" : "no: acknowledgements without payload are queued too");
      features.put(
          "nftDestroyElement",
          found.destroyMessages() ? "yes" : "no: closing a pinhole takes two messages");
      features.put(
          "nftTimeoutUpdate",
          found.timeoutUpdate() ? "yes" : "no: renewing a pinhole deletes and adds it");
      features.put(
          "nftFoundOnce",
          found.foundOnce()
              ? "yes"
              : "no: two SYNs at the same instant can both come through a pinhole for one"
                  + " (before Linux 5.11, or "
                  + KernelPart.missing(List.of(KernelPart.NFT_LIMIT))
                  + ")");
      features.put(
          "nftLeaseLimit",
          found.limitsLeases()
              ? "yes"
              : "no: the agent counts the connections of a lease, and may be late for one that comes"
                  + " at the same moment as the last");
      features.put(
          "nftSequenceAdjustment",
          found.sequenceAdjustment() != null
              ? "yes"
              : Doctor.MISSING
                  + "no ct expectation object that opens nothing: announcements behind address"
                  + " translation are not rewritten");
    } catch (NetlinkException e) {
      features.put(
          "nftables",
          Doctor.MISSING
              + "pinholes cannot be opened (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, and the right"
              + " to): "
              + e.getMessage());
    }
  }
}
