package org.pinholed.agent.flow;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.Direction;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * The parent flows of one worker, found by packet and by conntrack. Not thread-safe.
 *
 * <p>At the hooks where packets are queued (after source NAT, docs/kernel.md) the inverse of a
 * packet's tuple is always one of the two conntrack tuples, so each flow stands here under two
 * keys.
 */
public final class FlowTable {
  /**
   * One direction of a flow.
   *
   * @param flow the flow
   * @param direction the direction of packets with this key
   */
  public record End(Flow flow, Direction direction) {}

  private final Map<FlowKey, End> byPacket = new HashMap<>();
  private final Map<ConntrackIdentity, Flow> byIdentity = new HashMap<>();
  private final FlowKey probe = new FlowKey();

  /**
   * Finds the flow of a packet without allocating.
   *
   * @param packet a readable packet
   * @return flow and direction, null if it is not known
   */
  public @Nullable End find(PacketView packet) {
    return byPacket.get(probe.set(packet));
  }

  /**
   * Finds a flow by its conntrack.
   *
   * @param identity which conntrack it is
   * @return the flow, null if it is not known
   */
  public @Nullable Flow find(ConntrackIdentity identity) {
    return byIdentity.get(identity);
  }

  /**
   * The flows that must be over if a conntrack lives: the kernel has each tuple once.
   *
   * @param entry a conntrack that lives
   * @return those with one of its tuples, itself included if it is known; mostly none
   */
  public List<Flow> withTuplesOf(ConntrackEntry entry) {
    End first = byPacket.get(keyOf(entry.reply().inverse()));
    End second = byPacket.get(keyOf(entry.original().inverse()));
    if (first == null) {
      return second == null ? List.of() : List.of(second.flow());
    }
    return second == null || second.flow() == first.flow()
        ? List.of(first.flow())
        : List.of(first.flow(), second.flow());
  }

  /**
   * Adds a flow. The caller removes {@link #withTuplesOf} its conntrack first.
   *
   * @param flow the flow
   */
  public void add(Flow flow) {
    byIdentity.put(flow.parent().identity(), flow);
    byPacket.put(keyOf(flow.entry().reply().inverse()), new End(flow, Direction.ORIGINAL));
    byPacket.put(keyOf(flow.entry().original().inverse()), new End(flow, Direction.REPLY));
  }

  /**
   * Removes a flow.
   *
   * @param flow the flow
   */
  public void remove(Flow flow) {
    byIdentity.remove(flow.parent().identity(), flow);
    removeEnd(keyOf(flow.entry().reply().inverse()), flow);
    removeEnd(keyOf(flow.entry().original().inverse()), flow);
  }

  private void removeEnd(FlowKey key, Flow flow) {
    End end = byPacket.get(key);
    if (end != null && end.flow() == flow) {
      byPacket.remove(key);
    }
  }

  /**
   * All flows.
   *
   * @return a live view, not to be kept
   */
  public Collection<Flow> flows() {
    return byIdentity.values();
  }

  /**
   * How many flows there are.
   *
   * @return 0 or more
   */
  public int size() {
    return byIdentity.size();
  }

  private static FlowKey keyOf(FlowTuple tuple) {
    return FlowKey.of(
        tuple.protocol(),
        tuple.source(),
        tuple.sourcePort(),
        tuple.destination(),
        tuple.destinationPort());
  }
}
