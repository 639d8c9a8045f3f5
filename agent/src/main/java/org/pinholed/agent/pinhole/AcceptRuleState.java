package org.pinholed.agent.pinhole;

import java.util.List;

/**
 * Whether the firewall accepts the children of pinholes, as far as nftables shows it.
 *
 * @param presence whether the rule stands
 * @param text where it stands, where it is missing, or why that cannot be said; one sentence
 * @param dropping the chains that drop by default and have none, as {@code inet filter forward}
 * @param put where the agent put the rule in at this look
 */
public record AcceptRuleState(
    Presence presence, String text, List<String> dropping, List<Put> put) {
  /** Nobody has looked yet. */
  public static final AcceptRuleState UNKNOWN =
      new AcceptRuleState(Presence.UNKNOWN, "nobody has looked yet", List.of(), List.of());

  /**
   * Copies the lists.
   *
   * @param presence as above
   * @param text as above
   * @param dropping as above
   * @param put as above
   */
  public AcceptRuleState {
    dropping = List.copyOf(dropping);
    put = List.copyOf(put);
  }

  /**
   * The agent put the rule in.
   *
   * @param chain where, as {@code inet filter forward}
   * @param again whether this chain had it before, while the agent ran
   */
  public record Put(String chain, boolean again) {}

  /** Whether the rule stands. */
  public enum Presence {
    /** Each chain that drops by default has one. */
    PRESENT,
    /** A chain drops by default and has none. */
    ABSENT,
    /** Nothing that can be seen drops by default. */
    UNKNOWN
  }
}
