package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sends one imagined packet through one base chain and tells what becomes of it.
 *
 * <p>Conditions that cannot be told split nothing: what a rule would do under such a condition is
 * noted, and the packet goes on. So the end is what happens to a packet that no such rule took.
 */
final class FirewallWalk {
  private static final int DEPTH_MAX = 64;

  /** Chains that call each other can make a path longer than anybody has time for. */
  private static final int STEPS_MAX = 200_000;

  private final Ruleset ruleset;
  private final List<FirewallRule> possibleDrops = new ArrayList<>();
  private final List<FirewallRule> possibleAccepts = new ArrayList<>();
  private final List<FirewallRule> overwrites = new ArrayList<>();
  private final List<FirewallRule> possibleUntracks = new ArrayList<>();
  private final List<FirewallRule> possibleZones = new ArrayList<>();
  private @Nullable FirewallRule untrackedBy;
  private @Nullable FirewallRule zonedBy;
  private ImaginedPacket packet;
  private FirewallRule.@Nullable Action end;
  private @Nullable FirewallRule decidedBy;
  private int steps;

  /**
   * What became of the packet.
   *
   * @param end {@code ACCEPT}, {@code DROP} or {@code QUEUE}
   * @param decidedBy the rule that decided; null for the policy of the base chain
   * @param possibleDrops rules before that may drop some such packets
   * @param possibleAccepts rules before that may accept some such packets
   * @param overwrites rules that overwrote its mark, or may
   * @param untrackedBy the rule that kept it from the connection tracking; null for none
   * @param possibleUntracks rules that may keep some such packets from it
   * @param zonedBy the rule that put it into a conntrack zone; null for none
   * @param possibleZones rules that may put some such packets into one
   * @param after the packet as it leaves the chain
   * @param complete false if the walk was too long to be finished
   */
  record Result(
      FirewallRule.Action end,
      @Nullable FirewallRule decidedBy,
      List<FirewallRule> possibleDrops,
      List<FirewallRule> possibleAccepts,
      List<FirewallRule> overwrites,
      @Nullable FirewallRule untrackedBy,
      List<FirewallRule> possibleUntracks,
      @Nullable FirewallRule zonedBy,
      List<FirewallRule> possibleZones,
      ImaginedPacket after,
      boolean complete) {
    /** What decided, for messages. */
    String by() {
      return decidedBy == null
          ? "policy " + (end == FirewallRule.Action.ACCEPT ? "accept" : "drop")
          : decidedBy.text();
    }
  }

  private FirewallWalk(Ruleset ruleset, ImaginedPacket packet) {
    this.ruleset = ruleset;
    this.packet = packet;
  }

  static Result of(Ruleset ruleset, Ruleset.Entry entry, ImaginedPacket packet) {
    FirewallWalk walk = new FirewallWalk(ruleset, packet);
    walk.chain(entry.chain(), true, 0);
    FirewallRule.Action end = walk.end;
    if (end == null) {
      end = entry.accepts() ? FirewallRule.Action.ACCEPT : FirewallRule.Action.DROP;
    }
    return new Result(
        end,
        walk.decidedBy,
        walk.possibleDrops,
        walk.possibleAccepts,
        walk.overwrites,
        walk.untrackedBy,
        walk.possibleUntracks,
        walk.zonedBy,
        walk.possibleZones,
        walk.packet,
        walk.steps <= STEPS_MAX);
  }

  /**
   * Goes through a chain.
   *
   * @param name the chain
   * @param certain whether every such packet comes here
   * @param depth how many jumps led here
   * @return whether the packet's way ended in it
   */
  private boolean chain(String name, boolean certain, int depth) {
    boolean stillCertain = certain;
    for (FirewallRule rule : ruleset.chains().getOrDefault(name, List.of())) {
      if (++steps > STEPS_MAX || depth > DEPTH_MAX) {
        return false;
      }
      Truth truth = rule.test(packet);
      if (truth == Truth.NO) {
        continue;
      }
      boolean sure = stillCertain && truth == Truth.YES;
      switch (rule.action()) {
        case ACCEPT, DROP, QUEUE -> {
          if (sure) {
            end = rule.action();
            decidedBy = rule;
            return true;
          }
          (rule.action() == FirewallRule.Action.DROP ? possibleDrops : possibleAccepts).add(rule);
        }
        case JUMP -> {
          if (chain(rule.target(), sure, depth + 1)) {
            return true;
          }
        }
        case GOTO -> {
          if (chain(rule.target(), sure, depth + 1)) {
            return true;
          }
          if (truth == Truth.YES) {
            return false;
          }
          stillCertain = false;
        }
        case RETURN -> {
          if (truth == Truth.YES) {
            return false;
          }
          stillCertain = false;
        }
        case OVERWRITE_MARK -> {
          overwrites.add(rule);
          if (sure) {
            packet = packet.withMark(ImaginedPacket.Mark.ZERO);
          }
        }
        case MARK_FROM_PACKET -> {
          ImaginedPacket written = packet.withMarkFromPacket(sure);
          if (!written.equals(packet)) { // else the packet's mark was a copy
            overwrites.add(rule);
          }
          packet = written;
        }
        case PACKET_FROM_MARK -> packet = packet.withPacketMarkFromMark(sure);
        case SET_PACKET_MARK -> packet = packet.withPacketMark(ImaginedPacket.Mark.UNKNOWN);
        case UNTRACK -> {
          if (sure) {
            untrackedBy = rule;
            packet = packet.withState(ImaginedPacket.State.UNTRACKED);
          } else {
            possibleUntracks.add(rule);
          }
        }
        case SET_ZONE -> {
          if (sure) {
            zonedBy = rule;
          } else {
            possibleZones.add(rule);
          }
        }
        case TRANSLATE -> packet = packet.withTranslation();
        case ASSIGN_HELPER, NOTHING -> {}
      }
    }
    return false;
  }
}
