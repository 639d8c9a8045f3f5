package org.pinholed.agent.operate.doctor;

import java.util.List;

/**
 * One rule of a firewall, reduced to what concerns control connections and the children of
 * pinholes.
 *
 * @param text what the rule is called in a message: its line, or its chain and handle
 * @param conditions all of them must hold
 * @param action what it does then
 * @param target the chain of a jump or goto, the helper of a helper assignment, the number of a
 *     queue (empty if the rule does not say it), otherwise empty
 * @param asksMark whether one of the conditions asks for the agent's child bit
 */
record FirewallRule(
    String text, List<Condition> conditions, Action action, String target, boolean asksMark) {
  /** What a rule does with a packet. */
  enum Action {
    /** Lets it through this chain and those that it was called from. */
    ACCEPT,
    /** Drops or rejects it. */
    DROP,
    /** Hands it to a program. */
    QUEUE,
    /** Goes on in another chain and comes back. */
    JUMP,
    /** Goes on in another chain and does not come back. */
    GOTO,
    /** Goes back to where this chain was called. */
    RETURN,
    /** Writes a conntrack mark that does not keep the bits that were there. */
    OVERWRITE_MARK,
    /** Writes the conntrack mark from the packet's mark. */
    MARK_FROM_PACKET,
    /** Writes the packet's mark from the conntrack mark. */
    PACKET_FROM_MARK,
    /** Writes something else to the packet's mark. */
    SET_PACKET_MARK,
    /** Keeps the packet from the connection tracking. */
    UNTRACK,
    /** Puts the connection into a conntrack zone. */
    SET_ZONE,
    /** Gives the packet another destination, and maybe another port. */
    TRANSLATE,
    /** Gives the flow to a helper of the kernel. */
    ASSIGN_HELPER,
    /** Nothing that matters here. */
    NOTHING
  }

  /** A condition of a rule. */
  interface Condition {
    /**
     * Whether it holds.
     *
     * @param packet the packet
     * @return as far as it can be told
     */
    Truth test(ImaginedPacket packet);
  }

  Truth test(ImaginedPacket packet) {
    Truth all = Truth.YES;
    for (Condition condition : conditions) {
      Truth one = condition.test(packet);
      if (one == Truth.NO) {
        return Truth.NO;
      }
      if (one == Truth.MAYBE) {
        all = Truth.MAYBE;
      }
    }
    return all;
  }
}
