package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;

/**
 * The way of an imagined packet through all base chains that a forwarded packet meets, in the order
 * of the kernel. It goes on behind a chain that drops it, so that each obstacle is found.
 */
final class ForwardedPath {
  /** Where the connection tracking sees a packet ({@code NF_IP_PRI_CONNTRACK}). */
  private static final int CONNTRACK = -200;

  /** Where the agent's table marks the first packet of a child ({@code NF_IP_PRI_MANGLE}). */
  private static final int AGENT = -150;

  private static final List<String> HOOKS =
      List.of("ingress", "prerouting", "forward", "postrouting", "egress");

  private static final int PREROUTING = HOOKS.indexOf("prerouting");

  private ForwardedPath() {}

  /**
   * A base chain that the packet met.
   *
   * @param ruleset its table
   * @param entry the chain
   * @param packet the packet as it came there
   * @param result what became of it
   */
  record Stop(
      Ruleset ruleset, Ruleset.Entry entry, ImaginedPacket packet, FirewallWalk.Result result) {
    String chain() {
      return ruleset.kind() + " " + ruleset.name() + " " + entry.chain();
    }

    /** Which packets, for messages: empty where the chain sees only those. */
    String packets() {
      return entry.families().size() == 1 ? "" : " (IPv" + packet.family() + ")";
    }

    boolean isAt(Ruleset otherRuleset, Ruleset.Entry otherEntry) {
      return chain()
          .equals(otherRuleset.kind() + " " + otherRuleset.name() + " " + otherEntry.chain());
    }

    /** Whether the agent has marked what comes here, in whatever order the tables were made. */
    boolean isBehindTheAgent() {
      int order = HOOKS.indexOf(entry.hook());
      return order > PREROUTING || (order == PREROUTING && entry.priority() > AGENT);
    }

    boolean isForward() {
      return entry.hook().equals("forward");
    }

    /**
     * Whether other such packets go another way: the chain stands at some of the devices only.
     *
     * @param devices all that can forward
     */
    boolean isOnlyFor(Set<String> devices) {
      return !entry.devices().isEmpty() && !entry.devices().containsAll(devices);
    }

    /** Whether no such packet comes through. */
    boolean stopsAll() {
      return stopsSome() && result.possibleAccepts().isEmpty();
    }

    /** Whether a packet comes through only if a rule takes it that asks for more than is known. */
    boolean stopsSome() {
      return result.complete() && result.end() == Action.DROP;
    }
  }

  /** The devices that can forward, of all that there are. */
  static Set<String> forwarding(Set<String> devices) {
    Set<String> forwarding = new TreeSet<>(devices);
    forwarding.remove("lo");
    return forwarding;
  }

  private record Place(Ruleset ruleset, Ruleset.Entry entry) {
    int order() {
      return HOOKS.indexOf(entry.hook());
    }

    /** Whether it is at a priority of prerouting, or behind. */
    boolean isFrom(int priority) {
      return order() > PREROUTING || (order() == PREROUTING && entry.priority() >= priority);
    }
  }

  /**
   * Sends the child of a pinhole.
   *
   * @param rulesets all tables but the agent's
   * @param child the child, with its mark; its state is set here for the first packet
   * @return all chains that it meets
   */
  static List<Stop> ofChild(List<Ruleset> rulesets, ImaginedPacket child) {
    return walk(rulesets, child, true);
  }

  /**
   * Sends the first packet of a control connection, or the answer to it.
   *
   * @param rulesets all tables but the agent's
   * @param packet the packet
   * @return all chains that it meets
   */
  static List<Stop> ofControl(List<Ruleset> rulesets, ImaginedPacket packet) {
    return walk(rulesets, packet, false);
  }

  private static List<Stop> walk(
      List<Ruleset> rulesets, ImaginedPacket packet, boolean agentMarks) {
    List<Stop> stops = new ArrayList<>();
    // Each packet comes unseen and without a mark. The agent's table gives the first of a child
    // one.
    ImaginedPacket now =
        packet.withState(ImaginedPacket.State.UNSEEN).withMark(ImaginedPacket.Mark.ZERO);
    boolean marked = false;
    int marks =
        agentMarks && packet.state() != ImaginedPacket.State.ESTABLISHED ? AGENT : CONNTRACK + 1;
    for (Place place : places(rulesets, packet.family())) {
      if (now.state() == ImaginedPacket.State.UNSEEN && place.isFrom(CONNTRACK + 1)) {
        now = now.withState(packet.state());
      }
      // Of two chains of one priority the one that was made last is first: the agent's, usually.
      if (!marked && now.isTracked() && place.isFrom(marks)) {
        now = now.withMark(packet.mark());
        marked = true;
      }
      FirewallWalk.Result result = FirewallWalk.of(place.ruleset(), place.entry(), now);
      stops.add(new Stop(place.ruleset(), place.entry(), now, result));
      now = result.after();
    }
    return stops;
  }

  private static List<Place> places(List<Ruleset> rulesets, int family) {
    List<Place> places = new ArrayList<>();
    for (Ruleset ruleset : rulesets) {
      for (Ruleset.Entry entry : ruleset.entries()) {
        if (HOOKS.contains(entry.hook()) && entry.families().contains(family)) {
          places.add(new Place(ruleset, entry));
        }
      }
    }
    places.sort(
        Comparator.comparingInt(Place::order).thenComparingInt(place -> place.entry().priority()));
    return places;
  }
}
