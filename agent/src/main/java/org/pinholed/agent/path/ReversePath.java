package org.pinholed.agent.path;

import java.util.concurrent.atomic.AtomicLong;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowDevices;
import org.pinholed.agent.flow.NetworkDevices;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.QueuedPacketView;
import org.pinholed.kernel.route.RouteQuestion;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds packets that nobody but a forger sends: those that come in by a device that does not lead
 * back to their source (docs/adr/0009). A server could send "the client's" PORT on its own wire;
 * the router would send it back, and conntrack takes it for the client's, since it goes by
 * addresses.
 *
 * <p>What the router does with the packets of the same flow is the measure, so that routing by
 * marks, by source, by VRF or through tunnels needs no rules here. Only if a packet comes by
 * another device than the one that leads to its sender, the routing table is asked, since there may
 * be several ways. No answer is no. For the worker's thread, but for {@link #misrouted}.
 */
public final class ReversePath {
  private static final Logger LOG = LoggerFactory.getLogger(ReversePath.class);

  /** {@code NF_INET_LOCAL_IN}: what is queued there ends on this machine. */
  private static final int HOOK_INPUT = 1;

  /** How long the routing table's no counts; a route may come back. */
  private static final long REFUSAL_NS = 1_000_000_000L;

  /**
   * How often the routing table is asked within {@link #REFUSAL_NS}; each time takes some 20 us.
   */
  private static final int QUESTIONS_MAX = 1000;

  private static final long PAUSE_NS = 60_000_000_000L;

  private final boolean asymmetricRouting;
  private final RouteLookup routes;
  private final NetworkDevices names;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final SampledLog misroutedLog = new SampledLog(LOG, "packet not read");
  private final SampledLog errors = new SampledLog(LOG, "routing table");
  private final AtomicLong misrouted = new AtomicLong();
  private long questionsSinceNs;
  private int questions;

  /** Asks the kernel's routing tables. */
  @FunctionalInterface
  public interface RouteLookup {
    /**
     * Whether a packet may leave by a device.
     *
     * @param question the packet
     * @param interfaceIndex the device
     * @return false if it takes another way, or none
     * @throws NetlinkException if the kernel does not answer
     */
    public boolean leadsTo(RouteQuestion question, int interfaceIndex) throws NetlinkException;
  }

  /** What a packet is worth. */
  public enum Finding {
    /** It is read. */
    HONEST,
    /** It passes and is not read. */
    MISROUTED,
    /**
     * It shows that the server's first words, which were read, came from elsewhere: the whole flow
     * is not to be trusted.
     */
    BEGAN_ELSEWHERE
  }

  /**
   * Makes the judge of one worker.
   *
   * @param asymmetricRouting whether the operator says that honest packets come by any device
   * @param routes the worker's own way to the routing tables
   * @param names knows the names of devices
   * @param events log and counters
   * @param metrics counters
   */
  public ReversePath(
      boolean asymmetricRouting,
      RouteLookup routes,
      NetworkDevices names,
      AgentEvents events,
      AgentMetrics metrics) {
    this.asymmetricRouting = asymmetricRouting;
    this.routes = routes;
    this.names = names;
    this.events = events;
    this.metrics = metrics;
  }

  /**
   * Judges a packet, and learns from an honest one where the other end is.
   *
   * @param flow its flow
   * @param direction its direction
   * @param queued what the kernel says of it
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return what it is worth
   */
  public Finding judge(Flow flow, Direction direction, QueuedPacketView queued, long nowNs) {
    if (asymmetricRouting) {
      return Finding.HONEST;
    }
    FlowDevices devices = flow.devices();
    int in = queued.inInterfaceIndex();
    int out = queued.hook() == HOOK_INPUT ? FlowDevices.LOCAL : queued.outInterfaceIndex();
    if (in != 0
        && !devices.isHome(direction, in)
        && !beginsHere(flow, direction, in)
        && !leadsTo(flow, direction, in, out, queued.mark(), nowNs)) {
      misrouted(flow, direction, in, nowNs);
      return Finding.MISROUTED;
    }
    devices.noteLeaving(direction, out);
    int unconfirmed = devices.unconfirmed();
    if (unconfirmed != 0 && direction == Direction.ORIGINAL && out != 0) {
      devices.setUnconfirmed(0);
      if (unconfirmed != out
          && !leadsTo(flow, Direction.REPLY, unconfirmed, in, queued.mark(), nowNs)) {
        misrouted(flow, Direction.REPLY, unconfirmed, nowNs);
        return Finding.BEGAN_ELSEWHERE;
      }
    }
    return Finding.HONEST;
  }

  /**
   * The server of TCP speaks before anything that is queued goes to it: SYN+ACK and greeting. Its
   * first packet of the client says where the server is, and until then there is nothing to be
   * opened.
   */
  private static boolean beginsHere(Flow flow, Direction direction, int in) {
    FlowDevices devices = flow.devices();
    if (direction != Direction.REPLY
        || flow.facts().transport() != Transport.TCP
        || devices.isFound(direction)
        || flow.facts().origin() != FlowFacts.Origin.FIRST_BYTE) {
      return false;
    }
    if (devices.unconfirmed() == 0) {
      devices.setUnconfirmed(in);
    }
    return devices.unconfirmed() == in;
  }

  /** Asks whether what goes to the sender of a direction may leave by a device. */
  private boolean leadsTo(
      Flow flow, Direction direction, int device, int towards, int mark, long nowNs) {
    FlowDevices devices = flow.devices();
    FlowFacts facts = flow.facts();
    if (devices.isHere(direction) // this machine sends on no wire of its own to itself
        || facts.sender(direction).address().isLinkLocalAddress() // the route is to every link
        || devices.wasRefused(direction, device, nowNs, REFUSAL_NS)
        || !(isFirstQuestion(flow, direction) || mayAsk(nowNs))) {
      return false;
    }
    RouteQuestion question =
        new RouteQuestion(
            facts.sender(direction).address(),
            facts.sender(direction.opposite()).address(),
            Math.max(0, towards),
            mark);
    boolean leads;
    try {
      leads = routes.leadsTo(question, device);
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
      leads = false;
    }
    devices.routed(direction, device, leads, nowNs);
    return leads;
  }

  /**
   * A flow of datagrams begins with a packet of the client, of which nothing is known, so each
   * costs a question. They are not counted: otherwise a flood of first datagrams with forged
   * sources, each of which costs the kernel more than this, would keep everybody else unread.
   */
  private static boolean isFirstQuestion(Flow flow, Direction direction) {
    return flow.facts().transport() == Transport.UDP
        && direction == Direction.ORIGINAL
        && !flow.devices().wasAsked(direction);
  }

  private boolean mayAsk(long nowNs) {
    if (questions == 0 || nowNs - questionsSinceNs >= REFUSAL_NS) {
      questionsSinceNs = nowNs;
      questions = 0;
    }
    if (questions >= QUESTIONS_MAX) {
      return false;
    }
    questions++;
    return true;
  }

  private void misrouted(Flow flow, Direction direction, int device, long nowNs) {
    misrouted.lazySet(misrouted.get() + 1);
    metrics.misroutedPacket();
    if (!flow.devices().countMisrouted(nowNs, PAUSE_NS)) {
      return;
    }
    flow.refused(AgentReason.MISROUTED);
    String detail =
        "a packet of the "
            + (direction == Direction.ORIGINAL ? "client" : "server")
            + " came in by "
            + names.text(device)
            + ", which does not lead back to it";
    events.misrouted(flow.parent(), AgentReason.MISROUTED, detail);
    misroutedLog.warn(flow.parent().logName() + ": " + detail);
  }

  /**
   * What is known of the flow of a packet, for the trace: its devices, and its translation as
   * others write it.
   *
   * @param flow the flow
   * @param towards the direction of the packet
   * @param begins whether the flow begins with it
   * @return one line, as {@code existing session, direction reply, policy 25, in by lan0, out by
   *     wan0, SNAT 192.0.2.10:40000->203.0.113.9:53541}
   */
  String session(Flow flow, Direction towards, boolean begins) {
    FlowFacts facts = flow.facts();
    StringBuilder text = new StringBuilder(128);
    text.append(begins ? "new session of helper " + flow.parent().helper() : "existing session")
        .append(", direction ")
        .append(towards == Direction.ORIGINAL ? "original" : "reply")
        .append(", policy ")
        .append(flow.parent().policyId())
        .append(device(", in by ", facts.clientDevice(), flow, Direction.ORIGINAL))
        .append(device(", out by ", facts.serverDevice(), flow, Direction.REPLY));
    if (!facts.client().equals(facts.clientSeenByServer())) {
      text.append(", SNAT ").append(facts.client()).append("->").append(facts.clientSeenByServer());
    }
    if (!facts.server().equals(facts.serverSeenByClient())) {
      text.append(", DNAT ").append(facts.serverSeenByClient()).append("->").append(facts.server());
    }
    return text.append(flow.readingEnded() ? ", not read" : "").toString();
  }

  /** The device by which packets of a direction come in. */
  private String device(String word, String known, Flow flow, Direction from) {
    int seen = flow.devices().leavesBy(from.opposite());
    if (!known.isEmpty()) {
      return word + known;
    }
    if (seen == FlowDevices.LOCAL) {
      return word + "this machine";
    }
    return seen == 0 ? "" : word + names.text(seen);
  }

  /**
   * Why a packet is not read, for the trace.
   *
   * @param finding not {@link Finding#HONEST}
   * @param queued what the kernel says of it
   * @return a clause
   */
  String notReadBecause(Finding finding, QueuedPacketView queued) {
    return finding == Finding.MISROUTED
        ? "it came in by "
            + names.text(queued.inInterfaceIndex())
            + ", which does not lead back to its source"
        : AgentReason.BEGAN_ELSEWHERE.explanation();
  }

  /**
   * Packets that were not read. From any thread.
   *
   * @return a count since the start
   */
  public long misrouted() {
    return misrouted.get();
  }
}
