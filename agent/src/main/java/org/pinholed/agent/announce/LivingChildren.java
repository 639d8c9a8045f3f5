package org.pinholed.agent.announce;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.pinholed.agent.expectation.CutChildren;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which ports of a translated address children that came before still use. Asks conntrack, which
 * knows them also from before a restart. Owned by one worker.
 *
 * <p>It matters where senders let their children come from one port, as FTP servers do from port
 * 20. Two clients behind one address may announce the same port one after the other; without
 * translation the server would connect to two endpoints, with it to one endpoint twice, which its
 * own kernel refuses. And while conntrack knows a child to the same inside endpoint, a new one can
 * only come by the same port: for another one the answers of both would look alike, and the kernel
 * drops it.
 */
public final class LivingChildren {
  private static final Logger LOG = LoggerFactory.getLogger(LivingChildren.class);

  private final Conntrack conntrack;
  private final EarlyDatagrams early;
  private final SampledLog errors = new SampledLog(LOG, "children not looked for");

  private int left = LongWork.REQUESTS_A_TURN;

  /**
   * Knows none yet.
   *
   * @param conntrack the worker's own way to conntrack
   */
  public LivingChildren(Conntrack conntrack) {
    this.conntrack = conntrack;
    this.early = new EarlyDatagrams(conntrack);
  }

  /** A turn of the worker begins, which may ask some questions again. */
  public void beginTurn() {
    left = LongWork.REQUESTS_A_TURN;
  }

  /** The port by which the inside endpoint of a new child is reached already, or its own. */
  int firstPort(ExpectationRequest request, ChildPath path) {
    Endpoint inside = path.inside();
    InetAddress source = path.sourceSeen() == null ? path.source() : path.sourceSeen();
    if (source == null) {
      return inside.port();
    }
    return find(request, inside.address(), inside.port(), source, request.usualSourcePort())
        .map(ConntrackEntry::original)
        .filter(original -> original.destination().equals(path.outside()))
        .map(FlowTuple::destinationPort)
        .orElse(inside.port());
  }

  /**
   * Deletes the conntracks of the children of some expectations that are over, so that no firewall
   * lets them on; those that the kernel has not told of yet follow when it does. A pinhole that
   * somebody holds by now keeps its children.
   *
   * @param over what is over
   * @param table who holds which pinhole, and whose children were cut
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void cut(List<Expectation> over, ExpectationTable table, long nowNs) {
    for (Expectation expectation : over) {
      if (!expectation.pinhole().isObserved() // its children came by rules of the firewall
          && !table.holders().isWaitedFor(expectation.pinhole())) {
        expectation.cut(); // first: what is told from now on is not in the list
        cut(expectation, table.cutChildren(), nowNs);
      }
    }
  }

  private void cut(Expectation expectation, CutChildren memory, long nowNs) {
    try {
      for (ConntrackIdentity child : expectation.knownChildren()) {
        memory.note(expectation, child, nowNs);
        conntrack.delete(child.original(), child.id());
      }
      if (expectation.hasUnknownChildren()) {
        cutUnknown(expectation.pinhole());
      }
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage())); // they end by their own timeouts
    }
  }

  /**
   * Deletes the conntracks of datagrams that came after the end of children, or before there was a
   * pinhole for them, so that those that come now are translated. A child of this very moment may
   * be among the former; its next datagram makes it anew.
   *
   * @param opened what the kernel has since a moment
   * @param memory whose children were cut
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  void forgetUntranslated(List<Expectation> opened, CutChildren memory, long nowNs) {
    try {
      for (Expectation expectation : opened) {
        for (FlowTuple first : memory.take(expectation.pinhole(), nowNs)) {
          Optional<ConntrackEntry> late = conntrack.get(first);
          if (late.isPresent()) {
            conntrack.delete(late.get().identity());
          }
        }
      }
      early.forget(opened);
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage())); // they end by their own timeouts
    }
  }

  /** There were too many to know each of them: they are found by what their first packet said. */
  private void cutUnknown(Pinhole pinhole) throws NetlinkException {
    List<ConntrackEntry> found = new ArrayList<>();
    conntrack.dump(
        new DumpFilter(0, pinhole.mark(), pinhole.mark()),
        entry -> {
          FlowTuple first = entry.original();
          InetAddress source = pinhole.source();
          if (first.protocol() == pinhole.transport().protocolNumber()
              && first.destination().equals(pinhole.destination())
              && first.destinationPort() >= pinhole.port()
              && first.destinationPort() <= pinhole.lastPort()
              && (source == null || source.equals(first.source()))) {
            found.add(entry);
          }
        });
    for (ConntrackEntry entry : found) {
      conntrack.delete(entry.original(), entry.id());
    }
  }

  /** Whether a port is that of a child to another inside endpoint. */
  boolean isTaken(ExpectationRequest request, ChildPath path, int port) {
    InetAddress source = path.source();
    if (source == null) {
      return false;
    }
    return find(request, source, request.usualSourcePort(), path.outside(), port)
        .map(ConntrackEntry::reply)
        .filter(reply -> !path.inside().equals(new Endpoint(reply.source(), reply.sourcePort())))
        .isPresent();
  }

  private Optional<ConntrackEntry> find(
      ExpectationRequest request,
      InetAddress source,
      int sourcePort,
      InetAddress destination,
      int port) {
    if (request.usualSourcePort() == 0) {
      return Optional.empty();
    }
    if (left == 0) {
      errors.warn("too many announcements at a time to ask for each");
      return Optional.empty();
    }
    left--;
    int protocol = request.transport().protocolNumber();
    try {
      return conntrack.get(new FlowTuple(protocol, source, sourcePort, destination, port));
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage())); // a clash is rare, and the server's to refuse
      return Optional.empty();
    }
  }
}
