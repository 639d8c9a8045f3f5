package org.pinholed.agent.flow;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The parent flows of one worker: which there are, how they stop being read, and how they end. For
 * the worker's thread only, or while that does not run; others get there by its inbox.
 */
public final class WorkerFlows {
  private static final HeldPackets NONE_HELD =
      new HeldPackets() {
        @Override
        public void readingEnds(Flow flow, Reason why) {}

        @Override
        public void flowEnds(Flow flow) {}
      };

  private static final Logger LOG = LoggerFactory.getLogger(WorkerFlows.class);

  private final FlowOwner owner;
  private final AnnouncedByFlow announced;
  private final ParentOwners owners;
  private final FlowMarks marks;
  private final AgentEvents events;
  private final FlowTable flows = new FlowTable();
  private final OneWayFlows oneWay = new OneWayFlows();
  private final SampledLog unreadable = new SampledLog(LOG, "flow no longer read");
  private final UnreadFlows unread;
  private final FlowListing listing;

  private HeldPackets heldPackets = NONE_HELD;

  /**
   * Makes the flows of a worker, none yet.
   *
   * @param owner whose they are
   * @param announced what the flows announced
   * @param owners who reads which parent, shared
   * @param marks writes what is known of a flow into its conntrack mark
   * @param events log and counters, shared
   * @param clock what time it is
   */
  public WorkerFlows(
      FlowOwner owner,
      AnnouncedByFlow announced,
      ParentOwners owners,
      FlowMarks marks,
      AgentEvents events,
      Clock clock) {
    this.owner = owner;
    this.announced = announced;
    this.owners = owners;
    this.marks = marks;
    this.events = events;
    this.unread = new UnreadFlows(owners);
    this.listing = new FlowListing(this, clock);
  }

  /** Packets of flows that wait in the kernel's queue. */
  public interface HeldPackets {
    /**
     * Lets go what waits for the end of a message, which is not read any more.
     *
     * @param flow its flow
     * @param why why not
     */
    void readingEnds(Flow flow, Reason why);

    /**
     * Lets go all that waits; the flow is over.
     *
     * @param flow the flow
     */
    void flowEnds(Flow flow);
  }

  /**
   * Says who is to be told before a flow is not read any more, or ends.
   *
   * @param packets holds packets of flows
   */
  public void setHeldPackets(HeldPackets packets) {
    heldPackets = packets;
  }

  /**
   * Finds the flow of a packet.
   *
   * @param packet the packet
   * @return the flow and the packet's direction; null if it is not known
   */
  public FlowTable.@Nullable End find(PacketView packet) {
    return flows.find(packet);
  }

  /**
   * Finds a flow by its conntrack.
   *
   * @param identity which conntrack it is
   * @return null if it is not known
   */
  public @Nullable Flow find(ConntrackIdentity identity) {
    return flows.find(identity);
  }

  /**
   * Flows that are read.
   *
   * @return a number
   */
  public int read() {
    return flows.size() - unread.size();
  }

  /**
   * Flows that are known and no longer read.
   *
   * @return a number
   */
  public int unread() {
    return unread.size();
  }

  /**
   * What is asked about the flows.
   *
   * @return the same at every call
   */
  public FlowListing listing() {
    return listing;
  }

  /**
   * What another process needs to go on with the flows. On the worker's thread, or after its end.
   *
   * @return the states of those that are read
   */
  public List<FlowState> states() {
    List<FlowState> states = new ArrayList<>();
    for (Flow flow : flows.flows()) {
      FlowState state = flow.state();
      if (state != null) {
        states.add(state);
      }
    }
    return states;
  }

  /**
   * What announced those that are children. On the worker's thread, or after its end.
   *
   * @return one for each child that has a flow
   */
  public List<ReadChild> readChildren() {
    List<ReadChild> children = new ArrayList<>();
    for (Flow flow : flows.flows()) {
      ReadChild child = flow.readChild();
      if (child != null) {
        children.add(child);
      }
    }
    return children;
  }

  /**
   * Puts a flow into the table. Those that had one of its tuples before are over.
   *
   * @param flow one whose conntrack the kernel has
   * @return false if a limit is reached; then it is not known, and the kernel is to be told so
   */
  public boolean add(Flow flow) {
    for (Flow stale : flows.withTuplesOf(flow.entry())) {
      end(stale, AgentEvent.Kind.PARENT_CLOSED); // its conntrack is gone: the tuple is another's
    }
    if (flow.helper() != null) {
      Limit reached = takePlace(flow.parent());
      if (reached != null) {
        events.limit(flow.parent(), reached);
        flow.close();
        return false;
      }
      if (!flow.parent().isAnswered()) {
        oneWay.add(flow);
      }
    }
    owners.put(flow.parent().identity(), owner);
    flows.add(flow);
    return true;
  }

  /** Where there is no place, the oldest flow gives way whose source may be forged. */
  private @Nullable Limit takePlace(Parent parent) {
    Limit reached = owners.takePlace(parent);
    if (reached == null) {
      return null;
    }
    Flow oldest = oneWay.oldest(reached, parent);
    if (oldest == null) {
      return reached;
    }
    events.limit(oldest.parent(), reached);
    end(oldest, AgentEvent.Kind.CLOSED);
    return owners.takePlace(parent);
  }

  /**
   * Notes that a flow was answered: its source is not forged.
   *
   * @param flow of datagrams
   */
  public void answered(Flow flow) {
    if (!flow.parent().isAnswered()) {
      flow.parent().answered();
      oneWay.remove(flow);
    }
  }

  /**
   * Gives a flow the conntrack that it really has.
   *
   * @param flow one that stands in the table with what was known before its first datagram passed
   * @param confirmed as the kernel's table has it
   */
  void confirm(Flow flow, ConntrackEntry confirmed) {
    if (confirmed.identity().equals(flow.parent().identity())) {
      flow.confirm(confirmed);
      return;
    }
    flows.remove(flow);
    owners.remove(flow.parent().identity(), owner);
    for (Flow stale : flows.withTuplesOf(confirmed)) {
      end(stale, AgentEvent.Kind.PARENT_CLOSED);
    }
    flow.confirm(confirmed);
    owners.put(flow.parent().identity(), owner);
    flows.add(flow);
  }

  /**
   * Keeps a flow that is not read for the listing; if there are too many, an older one goes.
   *
   * @param flow it stays in the table
   * @param reason why it is not read
   */
  void keepUnread(Flow flow, Reason reason) {
    flow.endReading(reason);
    Flow tooMany = unread.add(flow);
    if (tooMany != null) {
      tooMany.parent().end();
      flows.remove(tooMany);
      owners.remove(tooMany.parent().identity(), owner);
    }
  }

  /**
   * Ends the reading of a flow for what was found in it.
   *
   * @param flow it stays in the table
   * @param reason why
   */
  public void endReading(Flow flow, Reason reason) {
    endReading(flow, reason, "");
  }

  /**
   * Ends the reading of a flow for what was found in it.
   *
   * @param flow it stays in the table
   * @param reason why
   * @param detail what exactly, printable; empty for the explanation of the reason
   */
  public void endReading(Flow flow, Reason reason, String detail) {
    events.reason(flow.parent(), reason, detail);
    // What a broken flow announced is not to be trusted; what an encrypted one announced before is.
    endReading(flow, reason, reason.kind() == Reason.Kind.MALFORMED);
  }

  /**
   * Ends the reading of a flow.
   *
   * @param flow it stays in the table
   * @param reason why
   * @param shut whether its pinholes are shut, too
   */
  public void endReading(Flow flow, Reason reason, boolean shut) {
    if (shut) {
      announced.endAll(flow, AgentEvent.Kind.CLOSED);
      announced.endFirstOwned(flow, AgentEvent.Kind.CLOSED);
      TranslatedFlow translation = flow.translation();
      if (translation != null) {
        translation.cancelPlanned(); // it would announce what is shut
      }
    }
    heldPackets.readingEnds(flow, reason);
    if (flow.mayHaveToRepeat()) {
      marks.disprove(flow.entry());
    } else {
      marks.endReading(flow.entry());
    }
    stopReading(flow, reason);
  }

  /**
   * Reads no more of a flow, whose mark says so already.
   *
   * @param flow it stays in the table
   * @param reason why
   */
  void stopReading(Flow flow, Reason reason) {
    if (flow.helper() != null) {
      owners.givePlaceBack(flow.parent());
      oneWay.remove(flow);
    }
    keepUnread(flow, reason);
    unreadable.warn(flow.parent().logName() + ": " + reason.word() + ", " + reason.explanation());
  }

  /**
   * Ends a parent by what its sides said or an operator did, while its conntrack may live on: what
   * comes on it from now on is not believed. If its ports are another connection's by now, which
   * may be read by another worker, that one stays as it is.
   *
   * @param flow leaves the table
   * @param kind why, for log and counters
   */
  public void endAndDistrust(Flow flow, AgentEvent.Kind kind) {
    end(flow, kind);
    marks.distrustIfThere(flow.entry());
  }

  /**
   * Ends a child that is not what was announced, with its conntrack.
   *
   * @param flow leaves the table
   */
  public void cut(Flow flow) {
    end(flow, AgentEvent.Kind.CLOSED);
    marks.delete(flow.entry());
  }

  /**
   * Ends a parent and everything that hangs on it.
   *
   * @param flow leaves the table
   * @param kind why, for log and counters
   */
  public void end(Flow flow, AgentEvent.Kind kind) {
    heldPackets.flowEnds(flow);
    flow.parent().end();
    flow.close();
    announced.endAll(flow, flow.isCleared() ? AgentEvent.Kind.CLEARED : kind);
    flows.remove(flow);
    owners.remove(flow.parent().identity(), owner);
    if (flow.helper() != null) {
      owners.givePlaceBack(flow.parent());
      oneWay.remove(flow);
    }
    unread.remove(flow);
  }

  /**
   * Has the kernel queue no more packets of a flow that is not read any more.
   *
   * @param flow the flow
   */
  public void queueNoMore(Flow flow) {
    marks.endReading(flow.entry());
  }

  /**
   * All flows.
   *
   * @return a copy
   */
  public List<Flow> all() {
    return new ArrayList<>(flows.flows());
  }

  /**
   * Ends those parents whose helper is no longer in force. What they say from now on is not seen,
   * so streams are not resumed when such a helper is in force again, nor anything that could not be
   * read before. Other flows of datagrams begin anew then.
   *
   * @param some parents of this worker; each may cost a request to the kernel
   * @param helpers those in force
   */
  public void endWithoutHelper(List<Flow> some, HelperTable helpers) {
    for (Flow flow : some) {
      HelperTable.ActiveHelper active =
          helpers.find(flow.helperEntry().transport(), flow.helperEntry().port());
      if (active == null || active.entry().id() != flow.helperEntry().id()) {
        end(flow, AgentEvent.Kind.CLOSED);
        if (flow.readingEnded()) {
          marks.distrust(flow.entry());
        } else {
          marks.leaveUnread(flow.entry());
        }
      }
    }
  }
}
