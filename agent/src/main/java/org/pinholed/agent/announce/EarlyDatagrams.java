package org.pinholed.agent.announce;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Datagrams between the two ends of a stream that came before its pinholes. A far end sends as soon
 * as it may, a phone before its own answer is through; and a router that accepts them has
 * conntracks of them: of what came to its own address one that leads to the router itself, of what
 * left one from a port that a masquerade chose. The kernel decides once how a conntrack is
 * translated. Each of these would keep its direction from passing for as long as somebody sends,
 * and the other direction too: its packets would be taken for those of another connection with the
 * same tuples, and the kernel drops them.
 *
 * <p>So the kernel is asked when the second of the two ends is opened, of both directions of a
 * stream by one message for all. The ends are those that two expectations of an owner with the same
 * item lead to; a far end that sends from another port than it announced is not found. Owned by one
 * worker.
 */
final class EarlyDatagrams {
  private final Conntrack conntrack;

  EarlyDatagrams(Conntrack conntrack) {
    this.conntrack = conntrack;
  }

  /**
   * Deletes the conntracks that do not have the translation of the pinholes. A child of this very
   * moment has it.
   *
   * @param opened what the kernel has since a moment
   * @throws NetlinkException if the kernel does not answer
   */
  void forget(List<Expectation> opened) throws NetlinkException {
    Map<FlowTuple, FlowTuple> replies = new LinkedHashMap<>();
    for (Expectation one : opened) {
      if (isOfStream(one)) {
        for (Expectation other : one.owner().ofItem(one.request().item())) {
          if (other != one && isOfStream(other) && !other.isOver()) {
            add(one.pinhole(), other.pinhole(), replies);
          }
        }
      }
    }
    if (!replies.isEmpty()) {
      forget(replies);
    }
  }

  private static boolean isOfStream(Expectation expectation) {
    Pinhole.Kind kind = expectation.pinhole().kind();
    return expectation.pinhole().transport() == Transport.UDP
        && (kind == Pinhole.Kind.OPEN || kind == Pinhole.Kind.OPEN_ANY)
        && !expectation.request().isRead();
  }

  private static void add(Pinhole one, Pinhole other, Map<FlowTuple, FlowTuple> replies) {
    boolean isTranslated = one.translation() != null || other.translation() != null;
    Endpoint oneEnd = one.leadsTo();
    Endpoint otherEnd = other.leadsTo();
    if (isTranslated && letsIn(one, otherEnd) && letsIn(other, oneEnd)) {
      Endpoint oneSeen = new Endpoint(one.destination(), one.port());
      Endpoint otherSeen = new Endpoint(other.destination(), other.port());
      replies.put(tuple(oneEnd, otherSeen), tuple(otherEnd, oneSeen));
      replies.put(tuple(otherEnd, oneSeen), tuple(oneEnd, otherSeen));
    }
  }

  private static boolean letsIn(Pinhole pinhole, Endpoint from) {
    return pinhole.source() == null || pinhole.source().equals(from.address());
  }

  private static FlowTuple tuple(Endpoint from, Endpoint to) {
    return new FlowTuple(
        Transport.UDP.protocolNumber(), from.address(), from.port(), to.address(), to.port());
  }

  private void forget(Map<FlowTuple, FlowTuple> replies) throws NetlinkException {
    List<FlowTuple> asked = new ArrayList<>(replies.keySet());
    for (int at = 0; at < asked.size(); at += ConntrackClient.MOST_TUPLES) {
      int end = Math.min(asked.size(), at + ConntrackClient.MOST_TUPLES);
      for (ConntrackEntry found : conntrack.getEach(asked.subList(at, end))) {
        // One that the other end began is found by its reply tuple, too: it is judged by its own.
        FlowTuple right = replies.get(found.original());
        if (right != null && !right.equals(found.reply())) {
          conntrack.delete(found.original(), found.id());
        }
      }
    }
  }
}
