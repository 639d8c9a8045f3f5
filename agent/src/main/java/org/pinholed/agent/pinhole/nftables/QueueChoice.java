package org.pinholed.agent.pinhole.nftables;

import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftTable;

/**
 * The rules that give a diverted packet to one of several queues, and the same reckoned here.
 * Immutable.
 *
 * <p>A flow has one queue: by its conntrack id, which is the same for both directions whatever is
 * translated. (The balancing that the queue statement has itself hashes the addresses of the
 * packet.)
 */
final class QueueChoice {
  /**
   * Any number, the same in each rule. Conntrack ids are a keyed hash: nobody can aim at a queue.
   */
  private static final int HASH_SEED = 1;

  private final NftTable table;
  private final NftablesOptions options;
  private final NftFeatures features;

  QueueChoice(NftTable table, NftablesOptions options, NftFeatures features) {
    this.table = table;
    this.options = options;
    this.features = features;
  }

  /** One rule for each queue; what no rule before it takes is for the first queue. */
  void addRules(NftBatch batch, String chain, boolean bypass) {
    for (int index = options.queues() - 1; index >= 0; index--) {
      NftExpressions rule = batch.addRule(table, chain);
      if (index > 0) {
        share(rule, index);
      }
      int number = options.firstQueue() + index;
      rule.counter();
      if (features.nativeQueue()) {
        rule.queue(number, bypass);
      } else {
        rule.queueByTarget(number, bypass);
      }
      rule.endRule();
    }
  }

  /** The least conntrack id that a queue has where the kernel does not hash. */
  private int firstId(int index) {
    return (int) (((long) index << 32) / options.queues());
  }

  /** The queue that the rules choose for a flow, 0 being the first. */
  int queueOf(int conntrackId) {
    if (features.hash()) {
      // reciprocal_scale() of include/linux/math.h
      long hash = Integer.toUnsignedLong(JenkinsHash.of(conntrackId, HASH_SEED));
      return (int) ((hash * options.queues()) >>> 32);
    }
    int index = options.queues() - 1;
    while (index > 0 && Integer.compareUnsigned(conntrackId, firstId(index)) < 0) {
      index--;
    }
    return index;
  }

  /** Goes on with the flows of one queue, after those of the queues behind it. */
  private void share(NftExpressions rule, int index) {
    rule.loadCt(Ct.ID, 0);
    if (features.hash()) {
      rule.hash(0, options.queues(), HASH_SEED, 0).compare32host(0, Compare.EQUAL, index);
    } else {
      // the id is a hash itself, so equal ranges are equal shares
      rule.compare32be(0, Compare.AT_LEAST, firstId(index));
    }
  }
}
