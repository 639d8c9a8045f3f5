package org.pinholed.agent.pinhole.nftables;

import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.AgentConfig.OnFailure;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.helper.Ranges;

/**
 * What the table is made from.
 *
 * @param table its name in the family inet
 * @param firstQueue the first of the queues that control packets go to, 0..65535
 * @param queues how many there are, numbered from the first upwards, 1..16
 * @param bypass whether control packets pass while nobody reads the queue
 * @param marks the bits of the conntrack mark
 * @param mapSizeElements how many pinholes each map takes, 1..16777216
 */
public record NftablesOptions(
    String table, int firstQueue, int queues, boolean bypass, MarkBits marks, int mapSizeElements) {
  /** The name of the table, where nothing else was asked for. */
  public static final String TABLE = "pinholed";

  private static final int MAX_ELEMENTS = 1 << 24;

  /** Refuses values outside their ranges. */
  public NftablesOptions {
    Ranges.require("firstQueue", firstQueue, 0, 65535);
    Ranges.require("queues", queues, 1, Math.min(AgentConfig.Queues.MOST, 65536 - firstQueue));
    Ranges.require("mapSizeElements", mapSizeElements, 1, MAX_ELEMENTS);
  }

  /**
   * What a configuration asks for.
   *
   * @param config the configuration
   * @return the options
   */
  public static NftablesOptions of(AgentConfig config) {
    // the kernel counts elements that have expired until it collects them, and renewed ones twice
    // during a transaction on kernels that delete and add: room for both
    int elements = config.limits().expectations() * 4;
    return new NftablesOptions(
        TABLE,
        config.queues().first(),
        config.queues().workers(),
        config.fail().agentDown() == OnFailure.PASS,
        config.marks(),
        elements);
  }
}
