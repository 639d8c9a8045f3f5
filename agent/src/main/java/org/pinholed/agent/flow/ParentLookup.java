package org.pinholed.agent.flow;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * What has become of the conntrack of the flow whose datagram is being read. The kernel is asked at
 * most once for each datagram. Owned by one worker.
 */
public final class ParentLookup {
  /** What the kernel said. */
  public enum Answer {
    /** It is there, and nobody but us works on it. */
    STANDS,
    /** It is there, and a helper of the kernel was given to it. */
    HELPED,
    /** It is over: the datagram is one of another flow that has the same addresses and ports. */
    GONE,
    /** The kernel refused to say. */
    UNKNOWN
  }

  private final Conntrack conntrack;
  private final FlowMarks marks;
  private @Nullable Flow asked;
  private Answer answer = Answer.UNKNOWN;

  /**
   * Makes it.
   *
   * @param conntrack the worker's own way to conntrack
   * @param marks reports what the kernel refuses
   */
  public ParentLookup(Conntrack conntrack, FlowMarks marks) {
    this.conntrack = conntrack;
    this.marks = marks;
  }

  /** Another datagram comes: what was true of the last one need not be of this one. */
  public void begin() {
    asked = null;
  }

  /**
   * Looks for the conntrack of a flow.
   *
   * @param flow one whose conntrack is confirmed
   * @return what the kernel says, or said when it was asked of this datagram before
   */
  public Answer of(Flow flow) {
    if (asked != flow) {
      answer = ask(flow);
      asked = flow;
    }
    return answer;
  }

  private Answer ask(Flow flow) {
    try {
      Optional<ConntrackEntry> now = conntrack.get(flow.parent().identity());
      if (now.isEmpty()) {
        return Answer.GONE;
      }
      return now.get().hasForeignHelper() ? Answer.HELPED : Answer.STANDS;
    } catch (NetlinkException e) {
      marks.failed(e);
      return Answer.UNKNOWN;
    }
  }
}
