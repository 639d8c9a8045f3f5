package org.pinholed.agent.flow;

import java.io.IOException;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of parent flows, written into their conntrack marks, where it outlives the agent.
 * {@link MarkBits} tells what the bits say. Owned by one worker.
 *
 * <p>Each change is in the kernel before the verdict of the packet that brought it about. A
 * conntrack that is gone is no error: nothing can be resumed then.
 */
public final class FlowMarks {
  private static final Logger LOG = LoggerFactory.getLogger(FlowMarks.class);

  private final Conntrack conntrack;
  private final MarkBits bits;
  private final AgentEvents events;
  private final SampledLog errors = new SampledLog(LOG, "conntrack");

  /**
   * Makes it.
   *
   * @param conntrack the worker's own way to conntrack
   * @param bits which bits of the mark are ours
   * @param events told what the kernel refuses
   */
  public FlowMarks(Conntrack conntrack, MarkBits bits, AgentEvents events) {
    this.conntrack = conntrack;
    this.bits = bits;
    this.events = events;
  }

  boolean isVetted(ConntrackEntry entry) {
    return (entry.mark() & bits.vetted()) != 0;
  }

  boolean isChild(ConntrackEntry entry) {
    return (entry.mark() & bits.child()) != 0;
  }

  boolean isOpaque(ConntrackEntry entry) {
    return (entry.mark() & bits.opaque()) != 0;
  }

  /** Whether its first bytes passed unread, so that its SYN+ACK begins nothing. */
  boolean isBegunUnseen(ConntrackEntry entry) {
    int both = bits.opaque() | bits.proven();
    return (entry.mark() & both) == both;
  }

  /**
   * Whether an agent that has not seen its beginning may read it. A datagram is whole by itself: of
   * what came before it nothing has to be proven.
   */
  boolean isResumable(ConntrackEntry entry) {
    int all = bits.vetted();
    if (entry.original().protocol() == Transport.TCP.protocolNumber()) {
      all |= bits.proven();
    }
    return (entry.mark() & (all | bits.opaque())) == all;
  }

  /** Whether it is one of ours: after {@code conntrack -F} the next entry of a flow is not. */
  boolean isOurs(ConntrackEntry entry) {
    return (entry.mark() & (bits.vetted() | bits.opaque())) != 0;
  }

  /** The flow begins now; what an earlier connection with this conntrack was says nothing of it. */
  void begin(ConntrackEntry entry) {
    set(entry, bits.vetted());
  }

  /** The flow begins now, and its first bytes were not seen. */
  void beginUnseen(ConntrackEntry entry) {
    set(entry, bits.opaque() | bits.proven());
  }

  /**
   * Its helper has seen all the evidence. Only what the kernel knows can be resumed.
   *
   * @param flow the flow
   */
  public void prove(Flow flow) {
    if (flow.isProven()) {
      return;
    }
    // What is not in the kernel's table yet gets all its bits when it is (putBack).
    if (!flow.isConfirmed() || change(flow.entry(), bits.proven(), bits.proven())) {
      flow.prove();
    }
  }

  /** The diversion takes the evidence back at each SYN+ACK; this one began nothing. */
  void proveAgain(Flow flow) {
    if (flow.isProven() && !flow.readingEnded()) {
      change(flow.entry(), bits.proven(), bits.proven());
    }
  }

  /** Reading has ended, but its packets are needed for a while. */
  void disprove(ConntrackEntry entry) {
    change(entry, 0, bits.proven());
  }

  /** Reading has ended, and its packets are not needed; it stays known. */
  void endReading(ConntrackEntry entry) {
    change(entry, bits.opaque(), bits.opaque() | bits.proven());
  }

  /** Nobody knows the flow any more: nothing in it is believed until it begins anew. */
  void distrust(ConntrackEntry entry) {
    set(entry, bits.opaque());
  }

  /** The same, unless another connection has its tuple by now: marks are set by that alone. */
  void distrustIfThere(ConntrackEntry entry) {
    try {
      if (conntrack.get(entry.identity()).isPresent()) {
        distrust(entry);
      }
    } catch (NetlinkException e) {
      failed(e);
    }
  }

  /**
   * Nobody reads the flow any more, for no reason that lies in it. A stream is not to be believed
   * from then on: what passes unread may change what the rest of it says. A datagram is whole by
   * itself: the next one that is diverted begins the flow anew.
   */
  void leaveUnread(ConntrackEntry entry) {
    boolean isStream = entry.original().protocol() == Transport.TCP.protocolNumber();
    set(entry, isStream ? bits.opaque() : 0);
  }

  /**
   * Another rule took all of our bits out, or there was no place for them before. A flow that is
   * not read gets no more than it needs to stay unread, and to keep the pinholes that it announced
   * before.
   *
   * @return false if the conntrack is gone, or the kernel refused
   */
  boolean putBack(Flow flow) {
    int value;
    if (!flow.readingEnded()) {
      value = bits.vetted() | (flow.isProven() ? bits.proven() : 0);
    } else if (flow.mayHaveToRepeat()) {
      value = bits.vetted();
    } else {
      value = bits.opaque() | (flow.announced().isEmpty() ? 0 : bits.vetted());
    }
    return set(flow.entry(), value);
  }

  /**
   * Ends a connection: no firewall lets its packets on any more as those of one that it knows.
   *
   * @param entry its conntrack
   */
  void delete(ConntrackEntry entry) {
    try {
      conntrack.delete(entry.original(), entry.id());
    } catch (NetlinkException e) {
      failed(e);
    }
  }

  private boolean set(ConntrackEntry entry, int value) {
    return change(entry, value, bits.vetted() | bits.opaque() | bits.proven());
  }

  private boolean change(ConntrackEntry entry, int value, int mask) {
    try {
      return conntrack.setMark(entry.original(), value, mask);
    } catch (NetlinkException e) {
      failed(e);
      return false;
    }
  }

  /**
   * Reports that the kernel did not do what it was asked about a conntrack.
   *
   * @param e what it said
   */
  public void failed(IOException e) {
    String message = String.valueOf(e.getMessage());
    errors.warn(message);
    events.agent(AgentEvent.Kind.BACKEND_ERROR, "conntrack", message);
  }
}
