package org.pinholed.agent.flow;

import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;

/**
 * A flow that an agent before this one vetted, as it is found at the start.
 *
 * @param entry its conntrack, with the vetted bit
 * @param adjustments how the kernel shifts its sequence numbers; null if it does not
 * @param state what that agent said of it; null if it said nothing
 * @param beginning how it began, if it had not sent a byte yet; null else
 * @param childLives whether a data connection between its two hosts lives
 */
public record LeftFlow(
    ConntrackEntry entry,
    ConntrackClient.@Nullable SequenceAdjustments adjustments,
    @Nullable FlowState state,
    HalfOpenFlows.@Nullable Beginning beginning,
    boolean childLives) {
  /**
   * Whether something may still come on it. Of one that the kernel takes for closed by both sides
   * somebody else must say so: who read it before, or a data connection that goes on.
   */
  boolean mayGoOn() {
    return entry.isAlive() || (entry.hasTwoFins() && (state == null ? childLives : state.isOpen()));
  }
}
