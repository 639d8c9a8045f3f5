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
 * @param source the source address as the child's first packet says it; null for any
 * @param sourceSeen the source address that the announcer sees instead; null if it is the same
 */
record ChildPath(
    InetAddress outside,
    Endpoint inside,
    @Nullable InetAddress source,
    @Nullable InetAddress sourceSeen) {
  static ChildPath of(FlowFacts facts, ExpectationRequest request) {
    Direction announcedIn = request.announcedIn();
    Endpoint inside = request.destination();
    InetAddress peer = facts.sender(announcedIn.opposite()).address();
    InetAddress peerSeen = facts.senderSeenByPeer(announcedIn.opposite()).address();
    InetAddress named = request.sourceAddress();
    // The announcer may name the other end by the only address that it knows of it.
    boolean fromPeer =
        request.source() == ExpectationRequest.Source.PEER
            || peer.equals(named)
            || peerSeen.equals(named);
    InetAddress source = fromPeer ? peer : named;
    if (!inside.address().equals(facts.sender(announcedIn).address())) {
      return new ChildPath(inside.address(), inside, source, null);
    }
    InetAddress outside = facts.senderSeenByPeer(announcedIn).address();
    boolean otherSource = fromPeer && !peerSeen.equals(peer);
    return new ChildPath(outside, inside, source, otherSource ? peerSeen : null);
  }

  /** Whether the other side must see another address than the announced one. */
  boolean isRewritten() {
    return !outside.equals(inside.address());
  }

  /** What translates the child if it comes to a port; null if nothing must. */
  @Nullable ChildTranslation translation(int port) {
    boolean destination = isRewritten() || port != inside.port();
    return destination || sourceSeen != null
        ? new ChildTranslation(destination ? inside : null, sourceSeen)
        : null;
  }
}
