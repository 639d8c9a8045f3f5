package org.pinholed.helper.sip;

import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.UriList;
import org.pinholed.helper.sip.message.UriView;
import org.pinholed.helper.sip.message.ViaView;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.rewrite.HeaderRewriter;
import org.pinholed.helper.sip.rewrite.Sides;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;

/**
 * Ports of a translated sender that no call and no registration opens: the Via of a phone that
 * sends from another port than it listens on, the Contact of a SUBSCRIBE, Path, Refer-To. What goes
 * there comes from the other end of the flow, and soon: each is open for 32 s from the last message
 * that named it (RFC 3261 section 17.1.1.1, 64 times T1).
 *
 * <p>The same ports are refused as elsewhere, and a message has at most {@value #MOST} opened: the
 * threat is a client of a web page or script that names whatever is to be reached at its host.
 *
 * <p>They belong to the two ends, not to a Call-ID: a phone that asks something every second has
 * one of them, not thirty. Not thread-safe; one per flow.
 */
final class OwnPorts {
  private static final OwnerId.Digest OWNERS = new OwnerId.Digest("sip transaction");
  private static final Lifetime LIFETIME = new Lifetime.Fixed(Duration.ofSeconds(32));

  /** How many ports one message may have opened; each costs a transaction. */
  private static final int MOST = 8;

  private final MediaPolicy policy;

  /** Of the two directions; made when they are needed. */
  private final Map<Direction, OwnerId> owners = new EnumMap<>(Direction.class);

  OwnPorts(MediaPolicy policy) {
    this.policy = policy;
  }

  /**
   * Opens what a message names, and tells its mappings.
   *
   * @param views with the message
   * @param side who is who
   * @param direction which way it goes
   * @param contactsTold whether Contact and Record-Route belong to a call or registration
   * @param mayOpen whether it opens them; else it only takes them, so that they can be named
   * @param offset where the message begins
   * @param out takes the outcomes
   */
  void open(
      SipViews views,
      Sides side,
      Direction direction,
      boolean contactsTold,
      boolean mayOpen,
      long offset,
      OutcomeSink out) {
    Opening opening = new Opening(views, side, direction, mayOpen, offset, out);
    opening.via();
    opening.all(SipHeader.PATH);
    opening.all(SipHeader.REFER_TO);
    if (!contactsTold) {
      opening.all(SipHeader.CONTACT);
      opening.all(SipHeader.RECORD_ROUTE);
    }
  }

  /** The ports of one message. */
  private final class Opening {
    private final SipViews views;
    private final Sides side;
    private final Direction direction;
    private final boolean mayOpen;
    private final long offset;
    private final OutcomeSink out;
    private final Set<String> done = new HashSet<>();
    private final Set<SipReason> reasons = EnumSet.noneOf(SipReason.class);

    Opening(
        SipViews views,
        Sides side,
        Direction direction,
        boolean mayOpen,
        long offset,
        OutcomeSink out) {
      this.views = views;
      this.side = side;
      this.direction = direction;
      this.mayOpen = mayOpen;
      this.offset = offset;
      this.out = out;
    }

    void via() {
      SipMessage message = views.message;
      ViaView via = message.via();
      Transport flow = side.transport();
      if (message.isRequest()
          && via.host().isAddress(side.senderAddress())
          && via.transport().isWord(flow == Transport.UDP ? "udp" : "tcp")) {
        // A registration's port is shut until it is answered, and the answer may come there.
        boolean again = message.method() == SipWord.REGISTER;
        boolean named = via.port() != UriView.NO_PORT;
        one(flow, HeaderRewriter.portOf(via), named, again);
      }
    }

    void all(SipHeader header) {
      UriList uris = views.uris.begin(views.message, header);
      while (uris.next()) {
        UriView uri = uris.uri();
        if (!uris.isStar() && uri.host().isAddress(side.senderAddress())) {
          Transport transport = HeaderRewriter.transportOf(uri, side.transport());
          if (transport != null) {
            boolean named = uri.port() != UriView.NO_PORT;
            one(transport, HeaderRewriter.portOf(uri), named, false);
          }
        }
      }
    }

    private void one(Transport transport, int port, boolean named, boolean again) {
      if (transport == side.transport() && port == side.sender().port()) {
        return; // the flow itself
      }
      Endpoint own = new Endpoint(side.sender().address(), port);
      String group = (transport == Transport.UDP ? "vu" : "vt") + port;
      if ((!again && views.mappings.seenOf(transport, own) != null) || done.contains(group)) {
        return;
      }
      SipReason refusal =
          done.size() == MOST
              ? SipReason.TOO_MANY_PORTS
              : policy.signalling(own, transport, direction, out).refusal();
      if (refusal != null) {
        if (reasons.add(refusal)) {
          out.report(refusal, offset);
        }
        return;
      }
      done.add(group);
      ExpectationRequest.Builder request =
          ExpectationRequest.builder(group, direction, own, views.message.word())
              .owner(owner(side, direction))
              .item(named ? "v" : "vn")
              .transport(transport)
              .many()
              .lifetime(LIFETIME)
              .read()
              .label("sip signalling")
              .field(own.toString())
              .streamOffset(offset);
      Endpoint seen = out.expect((mayOpen ? request : request.inactive()).build());
      if (seen != null && views.mappings.seenOf(transport, own) == null) {
        views.mappings.add(transport, own, seen);
      }
    }
  }

  private OwnerId owner(Sides side, Direction direction) {
    OwnerId owner = owners.get(direction);
    if (owner == null) {
      owner =
          OWNERS.of(side.sender().address().getAddress(), side.receiver().address().getAddress());
      owners.put(direction, owner);
    }
    return owner;
  }
}
