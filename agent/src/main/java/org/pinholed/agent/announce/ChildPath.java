package org.pinholed.agent.announce;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;

/**
 * The way of a child that follows its parent's translation: it goes to the announcer's address as
 * the other end of the parent knows it, and comes from the other end's address as the announcer
 * knows it, if it comes from there. What is announced for a third address is not translated.
 *
 * @param outside the destination address as the child's first packet says it
 * @param inside where it really goes
 * @param peerSeen the source that the announcer sees; null if it is the one that the packet says
 */
record ChildPath(InetAddress outside, Endpoint inside, @Nullable InetAddress peerSeen) {
  static ChildPath of(FlowFacts facts, ExpectationRequest request) {
    Direction announcedIn = request.announcedIn();
    Endpoint inside = request.destination();
    if (!inside.address().equals(facts.sender(announcedIn).address())) {
      return new ChildPath(inside.address(), inside, null);
    }
    InetAddress outside = facts.senderSeenByPeer(announcedIn).address();
    InetAddress peer = facts.sender(announcedIn.opposite()).address();
    InetAddress peerSeen = facts.senderSeenByPeer(announcedIn.opposite()).address();
    boolean fromPeer =
        request.source() == ExpectationRequest.Source.PEER || peer.equals(request.sourceAddress());
    return new ChildPath(outside, inside, fromPeer && !peerSeen.equals(peer) ? peerSeen : null);
  }

  /** Whether the other side must see another address than the announced one. */
  boolean isRewritten() {
    return !outside.equals(inside.address());
  }

  /** What translates the child if it comes to a port; null if nothing must. */
  @Nullable ChildTranslation translation(int port) {
    boolean destination = isRewritten() || port != inside.port();
    return destination || peerSeen != null
        ? new ChildTranslation(destination ? inside : null, peerSeen)
        : null;
  }
}
