package org.pinholed.agent.pinhole;

/**
 * Whether the firewall accepts the children of pinholes, as far as nftables shows it.
 *
 * @param presence whether the rule stands
 * @param text where it stands, where it is missing, or why that cannot be said; one sentence
 * @param put the chain in which the agent put the rule at this look; empty if it put none in
 */
public record AcceptRuleState(Presence presence, String text, String put) {
  /** Nobody has looked yet. */
  public static final AcceptRuleState UNKNOWN =
      new AcceptRuleState(Presence.UNKNOWN, "nobody has looked yet", "");

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
