package org.pinholed.helper.sip.rewrite;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.Span;
import org.pinholed.helper.sip.message.UriList;
import org.pinholed.helper.sip.message.UriView;
import org.pinholed.helper.sip.message.ViaView;
import org.pinholed.helper.sip.rewrite.Mappings.Inside;
import org.pinholed.helper.sip.rewrite.Mappings.Wrote;
import org.pinholed.helper.sip.words.SipField;
import org.pinholed.helper.sip.words.SipHeader;

/**
 * Changes the fields of the head that route (RFC 3261 sections 18 and 19.1, RFC 3327, RFC 3515, RFC
 * 3581), where they name an endpoint of the flow that is translated:
 *
 * <ul>
 *   <li>of the sender's own (topmost Via of a request; Contact, Record-Route, Path, Refer-To): what
 *       the sender is to itself becomes what the receiver sees;
 *   <li>in which the receiver's is repeated (Request-URI and topmost Route of a request, topmost
 *       Via of an answer; Contact, Record-Route, Path, Refer-To): what the sender sees of the
 *       receiver becomes what that is to itself.
 * </ul>
 *
 * Everything else stays: Call-ID, CSeq, tags, From, To, display names, user parts, parameters of
 * URIs, other Vias and Routes, digests. Not thread-safe; re-used for each message.
 */
public final class HeaderRewriter {
  private static final int SIP_PORT = 5060;

  /** Headers in which either side's endpoint may stand, and what edits of them are counted as. */
  private static final SipHeader[] BOTH_WAYS = {
    SipHeader.CONTACT, SipHeader.RECORD_ROUTE, SipHeader.PATH, SipHeader.REFER_TO
  };

  private static final SipField[] FIELDS = {
    SipField.CONTACT, SipField.RECORD_ROUTE, SipField.PATH, SipField.REFER_TO
  };

  private final UriList uris = new UriList();
  private final HostEdits hosts;

  /**
   * Makes a rewriter.
   *
   * @param edits takes what changes
   */
  public HeaderRewriter(EditList edits) {
    this.hosts = new HostEdits(edits);
  }

  /**
   * The transport over which requests to a URI come.
   *
   * @param uri a URI
   * @param flow the transport of the flow, which is meant if the URI says nothing
   * @return null if it is neither UDP nor plain TCP, or if it is no SIP URI
   */
  public static @Nullable Transport transportOf(UriView uri, Transport flow) {
    if (uri.scheme() != UriView.Scheme.SIP) {
      return null;
    }
    Span named = uri.transport();
    if (named.isAbsent()) {
      return flow;
    }
    return named.isWord("udp") ? Transport.UDP : named.isWord("tcp") ? Transport.TCP : null;
  }

  /**
   * The port to which requests to a URI come.
   *
   * @param uri a SIP URI
   * @return 5060 if none is named
   */
  public static int portOf(UriView uri) {
    return uri.port() == UriView.NO_PORT ? SIP_PORT : uri.port();
  }

  /**
   * The port to which answers come that go by a Via without {@code rport}.
   *
   * @param via a Via
   * @return 5060 if none is named
   */
  public static int portOf(ViaView via) {
    return via.port() == UriView.NO_PORT ? SIP_PORT : via.port();
  }

  /**
   * Plans the edits of the fields in which the receiver's endpoint is repeated.
   *
   * @param message a message that was read, whose URIs can be read
   * @param direction which way it goes
   * @param sides who is who in this direction
   * @param mappings what else stands for what
   * @param branches how the Vias of this flow were written
   */
  public void repeated(
      SipMessage message,
      Direction direction,
      Sides sides,
      Mappings mappings,
      BranchMemory branches) {
    if (!sides.isReceiverTranslated()) {
      return;
    }
    if (message.isRequest()) {
      repeated(message.requestUri(), sides, mappings, SipField.REQUEST_URI);
      uris.begin(message, SipHeader.ROUTE);
      if (uris.next()) {
        repeated(uris.uri(), sides, mappings, SipField.ROUTE);
      }
    } else {
      viaOfAnswer(message, direction, sides, mappings, branches);
    }
    for (int at = 0; at < BOTH_WAYS.length; at++) {
      uris.begin(message, BOTH_WAYS[at]);
      while (uris.next()) {
        if (!uris.isStar() && !isOwn(uris.uri(), sides)) {
          repeated(uris.uri(), sides, mappings, FIELDS[at]);
        }
      }
    }
  }

  /**
   * Plans the edits of the fields in which the sender names endpoints of its own.
   *
   * @param message a message that was read, whose URIs can be read
   * @param direction which way it goes
   * @param sides who is who in this direction
   * @param mappings what else stands for what
   * @param branches remembers how the Vias of this flow are written
   */
  public void own(
      SipMessage message,
      Direction direction,
      Sides sides,
      Mappings mappings,
      BranchMemory branches) {
    if (!sides.isSenderTranslated()) {
      return;
    }
    if (message.isRequest()) {
      viaOfRequest(message, direction, sides, mappings, branches);
    }
    for (int at = 0; at < BOTH_WAYS.length; at++) {
      uris.begin(message, BOTH_WAYS[at]);
      while (uris.next()) {
        if (!uris.isStar() && isOwn(uris.uri(), sides)) {
          own(uris.uri(), sides, mappings, FIELDS[at]);
        }
      }
    }
  }

  // Answers go where the topmost Via says: to the sender as the receiver sees it.
  private void viaOfRequest(
      SipMessage message,
      Direction direction,
      Sides sides,
      Mappings mappings,
      BranchMemory branches) {
    ViaView via = message.via();
    if (!isOf(via.transport(), sides.transport())) {
      return;
    }
    if (via.host().isAddress(sides.senderAddress())) {
      int port = portOf(via);
      Endpoint seen =
          port == sides.sender().port()
              ? sides.senderSeen()
              : mappings.seenOf(sides.transport(), new Endpoint(sides.sender().address(), port));
      if (seen == null) {
        return;
      }
      hosts.put(via.host(), via.portDigits(), port, SIP_PORT, seen, false, SipField.VIA);
      if (via.port() == UriView.NO_PORT && seen.port() != SIP_PORT) {
        branches.add(message.cursor(), direction, via.branch(), Wrote.HOST);
      }
    } else if (via.host().isAddress(sides.senderSeenAddress())) {
      branches.add(message.cursor(), direction, via.branch(), Wrote.SEEN);
      return;
    }
    parameters(via, sides.senderAddress(), sides.sender(), sides.senderSeen());
  }

  // The sender of the request finds its own Via in it, as it wrote it.
  private void viaOfAnswer(
      SipMessage message,
      Direction direction,
      Sides sides,
      Mappings mappings,
      BranchMemory branches) {
    ViaView via = message.via();
    if (!isOf(via.transport(), sides.transport())) {
      return;
    }
    Wrote wrote = branches.find(message.cursor(), direction.opposite(), via.branch());
    if (wrote == Wrote.SEEN) {
      return;
    }
    if (via.host().isAddress(sides.receiverSeenAddress())) {
      int port = portOf(via);
      Inside inside = inside(sides, mappings, sides.transport(), port);
      if (inside != null) {
        hosts.put(
            via.host(),
            via.portDigits(),
            port,
            SIP_PORT,
            inside.endpoint(),
            wrote == Wrote.HOST,
            SipField.VIA);
      }
    }
    parameters(via, sides.receiverSeenAddress(), sides.receiverSeen(), sides.receiver());
  }

  // rport without a value gets none in a request: that is for the receiver to say (RFC 3581).
  private void parameters(ViaView via, byte[] address, Endpoint before, Endpoint after) {
    boolean received = via.received().isAddress(address);
    if (received) {
      hosts.putHost(via.received(), after.address(), SipField.VIA);
    }
    if (via.rportNumber() == before.port() && (received || via.received().isAbsent())) {
      hosts.putNumber(via.rport(), before.port(), after.port(), SipField.VIA);
    }
    if (via.maddr().isAddress(address)) {
      hosts.putHost(via.maddr(), after.address(), SipField.VIA);
    }
  }

  private static boolean isOf(Span transportWord, Transport transport) {
    return transportWord.isWord(transport == Transport.UDP ? "udp" : "tcp");
  }

  // What the sender is to itself is its own also where the receiver is seen at the same address.
  private static boolean isOwn(UriView uri, Sides sides) {
    return sides.isSenderTranslated() && uri.host().isAddress(sides.senderAddress());
  }

  private void own(UriView uri, Sides sides, Mappings mappings, SipField field) {
    Transport transport = transportOf(uri, sides.transport());
    if (transport == null) {
      return;
    }
    int port = portOf(uri);
    Endpoint seen = mappings.seenOf(transport, new Endpoint(sides.sender().address(), port));
    if (seen == null && transport == sides.transport() && port == sides.sender().port()) {
      seen = sides.senderSeen();
    }
    if (seen != null) {
      hosts.put(uri.host(), uri.portDigits(), port, SIP_PORT, seen, false, field);
    }
  }

  private void repeated(UriView uri, Sides sides, Mappings mappings, SipField field) {
    if (!uri.host().isAddress(sides.receiverSeenAddress())) {
      return;
    }
    Transport transport = transportOf(uri, sides.transport());
    if (transport == null) {
      return;
    }
    int port = portOf(uri);
    Inside inside = inside(sides, mappings, transport, port);
    if (inside != null && inside.wrote() != Wrote.SEEN) {
      boolean hostOnly = inside.wrote() == Wrote.HOST;
      hosts.put(uri.host(), uri.portDigits(), port, SIP_PORT, inside.endpoint(), hostOnly, field);
    }
  }

  // What the receiver is to itself at a port of the address that the sender sees of it. What leads
  // to somebody else is none of this flow's endpoints.
  private static @Nullable Inside inside(
      Sides sides, Mappings mappings, Transport transport, int port) {
    Endpoint seen = new Endpoint(sides.receiverSeen().address(), port);
    Inside inside = mappings.insideOf(transport, seen);
    if (inside != null) {
      return inside.endpoint().address().equals(sides.receiver().address()) ? inside : null;
    }
    return transport == sides.transport() && port == sides.receiverSeen().port()
        ? new Inside(sides.receiver(), Wrote.HOST_AND_PORT)
        : null;
  }
}
