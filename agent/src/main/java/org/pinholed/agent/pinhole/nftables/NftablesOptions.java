package org.pinholed.agent.pinhole.nftables;

import java.util.List;
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
 * @param openSizeElements the same of the maps of pinholes for many connections, which owners
 *     beyond flows have, 1..16777216
 * @param acceptRules where the accept rule is kept
 * @param diverts whether the table has the rules that give control packets to the queues, or the
 *     firewall does
 * @param expects whether parents get the helper that expectations of the kernel belong to ({@link
 *     org.pinholed.kernel.conntrack.AssignedHelper#OWN_NAME}), which must exist
 */
public record NftablesOptions(
    String table,
    int firstQueue,
    int queues,
    boolean bypass,
    MarkBits marks,
    int mapSizeElements,
    int openSizeElements,
    List<AgentConfig.AcceptRule> acceptRules,
    boolean diverts,
    boolean expects) {
  /** The name of the table, where nothing else was asked for. */
  public static final String TABLE = "pinholed";

  private static final int MAX_ELEMENTS = 1 << 24;

  /** A call has two streams with two ports for each side as a rule. */
  private static final int ELEMENTS_OF_AN_OWNER = 8;

  /** The kernel has 16 bytes for each of them from the start, in each of the maps. */
  private static final int MOST_RESERVED = 1 << 18;

  /**
   * All maps of one size, no accept rule, and a diversion of its own.
   *
   * @param table its name in the family inet
   * @param firstQueue the first of the queues that control packets go to, 0..65535
   * @param queues how many there are, numbered from the first upwards, 1..16
   * @param bypass whether control packets pass while nobody reads the queue
   * @param marks the bits of the conntrack mark
   * @param mapSizeElements how many pinholes each map takes, 1..16777216
   */
  public NftablesOptions(
      String table,
      int firstQueue,
      int queues,
      boolean bypass,
      MarkBits marks,
      int mapSizeElements) {
    this(
        table,
        firstQueue,
        queues,
        bypass,
        marks,
        mapSizeElements,
        mapSizeElements,
        List.of(),
        true,
        false);
  }

  /** Refuses values outside their ranges. */
  public NftablesOptions {
    acceptRules = List.copyOf(acceptRules);
    Ranges.require("firstQueue", firstQueue, 0, 65535);
    Ranges.require("queues", queues, 1, Math.min(AgentConfig.Queues.MOST, 65536 - firstQueue));
    Ranges.require("mapSizeElements", mapSizeElements, 1, MAX_ELEMENTS);
    Ranges.require("openSizeElements", openSizeElements, 1, MAX_ELEMENTS);
  }

  /**
   * What a configuration asks for.
   *
   * @param config the configuration
   * @return the options, without owners beyond flows
   */
  public static NftablesOptions of(AgentConfig config) {
    return of(config, 0);
  }

  /**
   * What a configuration asks for.
   *
   * @param config the configuration
   * @param owners how many owners beyond flows its entries may have together, 0 or more
   * @return the options
   */
  public static NftablesOptions of(AgentConfig config, long owners) {
    // the kernel counts elements that have expired until it collects them, and renewed ones twice
    // during a transaction on kernels that delete and add: room for both
    int elements = config.limits().expectations() * 4;
    long open = Math.min(MOST_RESERVED, ELEMENTS_OF_AN_OWNER * owners) + elements;
    return new NftablesOptions(
        TABLE,
        config.queues().first(),
        config.queues().workers(),
        config.fail().agentDown() == OnFailure.PASS,
        config.marks(),
        elements,
        (int) open,
        config.acceptRules(),
        config.rules() == AgentConfig.Rules.AGENT,
        false);
  }

  /**
   * The same options, with or without the helper for expectations.
   *
   * @param gives whether parents get it
   * @return a copy
   */
  public NftablesOptions withExpectations(boolean gives) {
    return new NftablesOptions(
        table,
        firstQueue,
        queues,
        bypass,
        marks,
        mapSizeElements,
        openSizeElements,
        acceptRules,
        diverts,
        gives);
  }
}
