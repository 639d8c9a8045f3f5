package org.pinholed.agent.path;

import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.limit.ClientCounts;
import org.pinholed.agent.nat.HeldSegment;
import org.pinholed.agent.nat.HoldReason;
import org.pinholed.agent.nat.MessageHold;
import org.pinholed.helper.Reason;
import org.pinholed.helper.stream.StreamReason;

/**
 * How many packets of one worker may wait in the kernel's queue, in all and of each client, and the
 * memory for them. For the worker's thread only.
 */
final class HoldRoom {
  /** No client holds more than this part of what all may hold, but always a whole message. */
  private static final int CLIENT_SHARE = 4;

  private final int mostPackets;
  private final int mostPacketsPerClient;
  private final Set<HeldSegment> held = new HashSet<>();
  private final ClientCounts heldByClient = new ClientCounts();

  /**
   * Makes it.
   *
   * @param mostPackets how many packets of all flows may wait at a time, 1 or more
   */
  HoldRoom(int mostPackets) {
    this.mostPackets = mostPackets;
    this.mostPacketsPerClient =
        Math.min(mostPackets, Math.max(MessageHold.MAX_SEGMENTS, mostPackets / CLIENT_SHARE));
  }

  /**
   * Takes room for a packet.
   *
   * @param flow its flow
   * @param segment the packet
   * @return null if there was room, else which bound is reached
   */
  @Nullable Reason take(Flow flow, HeldSegment segment) {
    if (held.size() >= mostPackets) {
      return HoldReason.HOLD_QUEUE;
    }
    if (heldByClient.change(flow.facts().client().address(), 1) > mostPacketsPerClient) {
      heldByClient.change(flow.facts().client().address(), -1);
      return HoldReason.HOLD_CLIENT;
    }
    if (!flow.reading().buffers().reserve(segment.sizeBytes())) {
      heldByClient.change(flow.facts().client().address(), -1);
      return StreamReason.BUFFER_BUDGET;
    }
    held.add(segment);
    return null;
  }

  /** Gives the room of a packet back that got its verdict; does nothing if it took none. */
  void giveBack(Flow flow, HeldSegment segment) {
    if (held.remove(segment)) {
      heldByClient.change(flow.facts().client().address(), -1);
      flow.reading().buffers().release(segment.sizeBytes());
    }
  }
}
