package org.pinholed.agent.flow;

import java.util.List;
import java.util.Optional;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks whether the kernel still has the conntracks of parents, ends those that are gone, and puts
 * our bits back where another rule took them out. For the worker's thread only.
 */
public final class ParentChecks implements LongWork.Checker, ParentSweep.Parents {
  private static final Logger LOG = LoggerFactory.getLogger(ParentChecks.class);

  private final WorkerFlows flows;
  private final Conntrack conntrack;
  private final FlowMarks marks;
  private final LongWork longWork;
  private final AgentEvents events;
  private final SampledLog overwritten = new SampledLog(LOG, "ct mark of a parent was overwritten");
  private final ParentSweep sweep;
  private int lost;

  /**
   * Makes it.
   *
   * @param flows the parents
   * @param conntrack the worker's own way to conntrack
   * @param marks writes what is known of a flow into its conntrack mark
   * @param longWork does what is too much for one turn
   * @param events log and counters, shared
   * @param clock what time it is
   */
  public ParentChecks(
      WorkerFlows flows,
      Conntrack conntrack,
      FlowMarks marks,
      LongWork longWork,
      AgentEvents events,
      Clock clock) {
    this.sweep = new ParentSweep(clock.nanoTime());
    this.flows = flows;
    this.conntrack = conntrack;
    this.marks = marks;
    this.longWork = longWork;
    this.events = events;
  }

  /**
   * Whether the end of a parent's conntrack is a surprise: it is read, neither side has closed, and
   * no operator is clearing it.
   *
   * @param flow one that is known
   * @return false also if it is no longer read, and for flows of datagrams
   */
  private static boolean isRead(Flow flow) {
    return flow.facts().transport()
            == Transport.TCP // others end so, when nothing comes for a while
        && !flow.readingEnded()
        && !flow.isCleared()
        && !flow.reading().isClosed(Direction.ORIGINAL)
        && !flow.reading().isClosed(Direction.REPLY);
  }

  /**
   * Ends a parent whose conntrack is said to be gone, unless the kernel has one with the same tuple
   * and id that carries our mark: then what was said was about an earlier connection between the
   * same ports. Counts it as lost if it was not closed before.
   *
   * @param check which; unknown ones are ignored
   */
  @Override
  public void check(LongWork.Check check) {
    Flow flow = flows.find(check.identity());
    if (flow != null) {
      checkGone(flow, check.closed());
    }
  }

  /**
   * As {@link #check}, at once.
   *
   * @param flow the parent
   * @param closed whether its connection had been closed before, by FIN or RST
   * @return whether it is ended now
   */
  public boolean checkGone(Flow flow, boolean closed) {
    if (!flow.isConfirmed() || isInKernel(flow)) {
      return false;
    }
    endGone(flow, closed);
    return true;
  }

  private void endGone(Flow flow, boolean closed) {
    if (isRead(flow) && !closed) {
      lost++;
    }
    flows.end(flow, AgentEvent.Kind.PARENT_CLOSED);
  }

  /**
   * Parents that were being read when the kernel took their conntracks away, with neither FIN nor
   * RST before.
   *
   * @return a count since the start, modulo 2^32
   */
  public int lost() {
    return lost;
  }

  /**
   * Looks for some parents in the kernel, if it is time.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void sweep(long nowNs) {
    sweep.turn(nowNs, this);
  }

  @Override
  public List<ConntrackEntry> entries() {
    return flows.listing().entries(ListingFilter.ALL);
  }

  /**
   * Looks for a parent of which nothing was told. An entry without our bits is not taken for
   * another one, as after an event: a rule may have taken them out.
   */
  @Override
  @SuppressWarnings("ReferenceEquality") // a flow that began since with the same numbers is another
  public void look(ConntrackEntry entry) {
    Flow flow = flows.find(entry.identity());
    if (flow == null || flow.entry() != entry || !flow.isConfirmed()) {
      return;
    }
    try {
      Optional<ConntrackEntry> now = conntrack.get(flow.parent().identity());
      if (now.isEmpty()) {
        endGone(flow, false);
      } else if (!marks.isOurs(now.get())) {
        putMarkBack(flow);
      }
    } catch (NetlinkException e) {
      marks.failed(e); // looked for again in the next round
    }
  }

  /**
   * Puts our bits back into the mark of a parent, from which another rule took them.
   *
   * @param identity which conntrack it is; unknown ones are ignored
   */
  public void putMarkBack(ConntrackIdentity identity) {
    Flow flow = flows.find(identity);
    if (flow != null) {
      putMarkBack(flow);
    }
  }

  private void putMarkBack(Flow flow) {
    // After conntrack -F the next entry of a flow has no bits either: it is not believed, and its
    // parent is about to be ended.
    if (longWork.hasChecks()) {
      return;
    }
    marks.putBack(flow);
    overwritten.warn(
        flow.parent().logName()
            + ": a rule sets the whole mark after the first packet; it should match ct state new");
    events.marksPutBack(flow.parent());
  }

  /**
   * After {@code conntrack -F} the next packet of a connection makes a new entry for it, often with
   * the old id (it is made of the tuple and of where the entry lies in memory). Nobody has vetted
   * that one, and its end would not be told, because it has no mark: only a marked one is ours.
   */
  private boolean isInKernel(Flow flow) {
    try {
      return conntrack.get(flow.parent().identity()).filter(marks::isOurs).isPresent();
    } catch (NetlinkException e) {
      marks.failed(e);
      return false;
    }
  }
}
