package org.pinholed.helper.sip;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.call.CallMessage;
import org.pinholed.helper.sip.call.CallNames;
import org.pinholed.helper.sip.call.Calls;
import org.pinholed.helper.sip.call.SeenMedia;
import org.pinholed.helper.sip.call.Signal;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.UriList;
import org.pinholed.helper.sip.message.UriView;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.registration.RegisterMessage;
import org.pinholed.helper.sip.registration.Registrations;
import org.pinholed.helper.sip.registration.SeenContacts;
import org.pinholed.helper.sip.rewrite.BranchMemory;
import org.pinholed.helper.sip.rewrite.HeaderRewriter;
import org.pinholed.helper.sip.rewrite.LengthField;
import org.pinholed.helper.sip.rewrite.Mappings.Inside;
import org.pinholed.helper.sip.rewrite.Sides;
import org.pinholed.helper.sip.sdp.SdpDescription;
import org.pinholed.helper.sip.sdp.SdpMedia;
import org.pinholed.helper.sip.sdp.SdpView;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;

/**
 * What the messages of one flow say to each other, over UDP and TCP alike. A message that was read
 * is told to the calls or to the registrations, which open and close; then, if the flow is
 * translated, it is changed as a whole. Nothing of one that cannot be read is opened or changed.
 *
 * <p>Not thread-safe; owned by its flow.
 */
final class SipDialogue {
  /** Headers whose URIs matter. What cannot be read there is not to be believed anywhere. */
  private static final SipHeader[] LISTS = {
    SipHeader.CONTACT, SipHeader.RECORD_ROUTE, SipHeader.ROUTE, SipHeader.PATH, SipHeader.REFER_TO
  };

  private final FlowFacts facts;
  private final SipText text;
  private final Calls calls;
  private final Registrations registrations;
  private final OwnPorts ownPorts;
  private final Sides fromClient;
  private final Sides fromServer;
  private final SipEvidence evidence = new SipEvidence();
  private final BranchMemory branches = new BranchMemory();

  SipDialogue(FlowFacts facts, SharedState shared, SipSettings settings) {
    this.facts = facts;
    text = new SipText(settings.partiesShown());
    calls = new Calls(facts, shared, settings);
    registrations = new Registrations(facts, shared, settings);
    ownPorts = new OwnPorts(new MediaPolicy(facts, settings));
    fromClient = new Sides(facts, Direction.ORIGINAL);
    fromServer = new Sides(facts, Direction.REPLY);
  }

  String stateWord() {
    return evidence.isComplete() ? "proven" : "begun";
  }

  String snapshot() {
    return evidence.snapshot() + ' ' + branches.snapshot();
  }

  boolean restore(String snapshot) {
    int space = snapshot.indexOf(' ');
    BranchMemory tried = new BranchMemory();
    return space > 0
        && tried.restore(snapshot.substring(space + 1))
        && evidence.restore(snapshot.substring(0, space))
        && branches.restore(snapshot.substring(space + 1));
  }

  /**
   * Takes a message.
   *
   * @param direction which way it goes
   * @param views with the message, which was read
   * @param offset where in the stream it begins; 0 for a datagram
   * @param isDoubtful whether it may open anything only once a request and its answer were read
   * @param nowNs the time
   * @param out takes the outcomes
   */
  void onMessage(
      Direction direction,
      SipViews views,
      long offset,
      boolean isDoubtful,
      long nowNs,
      OutcomeSink out) {
    SipMessage message = views.message;
    out.understood(message.word());
    if (evidence.see(message, direction)) {
      out.proven();
    }
    SipWord method = message.method();
    boolean ofCall = isOfCall(method);
    @Nullable OwnerId owner = ownerOf(message, direction);
    out.concerns(owner);
    boolean mayOpen = !isDoubtful || evidence.isComplete();
    @Nullable SdpView sdp = readSdp(views, offset, out);
    if (out.isTraced()) {
      out.describe(text.line(message, CallNames.call(message.callId().bytes()), sdp));
    }
    if (!ofCall && method != SipWord.REGISTER && !facts.isTranslated()) {
      return;
    }
    @Nullable SipReason problem = problemOfUris(views);
    if (problem != null) {
      out.report(problem, offset);
      return;
    }
    Exchange exchange = new Exchange(direction, views, sdp, offset, mayOpen, nowNs, out);
    views.mappings.begin(out);
    views.edits.clear();
    views.streams.clear();
    exchange.planRepeated();
    if (owner != null && ofCall) {
      exchange.call(owner);
    } else if (owner != null) {
      exchange.register(owner);
    }
    exchange.rewrite();
    views.mappings.end();
  }

  /** The call or registration that a message is about; null if it is about none. */
  private @Nullable OwnerId ownerOf(SipMessage message, Direction direction) {
    SipWord method = message.method();
    if (method == SipWord.REGISTER) {
      Direction fromPhone = message.isRequest() ? direction : direction.opposite();
      return registrations.names().registration(message.toUri().bytes(), fromPhone);
    }
    return isOfCall(method) ? CallNames.call(message.callId().bytes()) : null;
  }

  private static boolean isOfCall(SipWord method) {
    return switch (method) {
      case INVITE, ACK, BYE, CANCEL, PRACK, UPDATE -> true;
      default -> false;
    };
  }

  private static @Nullable SdpView readSdp(SipViews views, long offset, OutcomeSink out) {
    SipMessage message = views.message;
    if (!message.hasSdp()) {
      return null;
    }
    SipReason reason = views.sdp.read(message.cursor(), message.sdpStart(), message.sdpEnd());
    if (reason != null) {
      out.report(reason, offset);
      return null;
    }
    if (views.sdp.isBeyondLimit()) {
      out.report(SipReason.SDP_TOO_MANY_STREAMS, offset);
    }
    return views.sdp;
  }

  private static @Nullable SipReason problemOfUris(SipViews views) {
    UriList uris = views.uris;
    for (SipHeader header : LISTS) {
      uris.begin(views.message, header);
      boolean more = true;
      while (more) {
        more = uris.next();
      }
      if (uris.problem() != null) {
        return uris.problem();
      }
    }
    return null;
  }

  /** One message on its way through the rules. */
  private final class Exchange {
    private final Direction direction;
    private final SipViews views;
    private final SipMessage message;
    private final @Nullable SdpView sdp;
    private final long offset;
    private final boolean mayOpen;
    private final long nowNs;
    private final OutcomeSink out;
    private final Sides side;
    private SeenMedia media = SeenMedia.NONE;

    /** Whether Contact and Record-Route are told to the calls or registrations. */
    private boolean contactsTold;

    Exchange(
        Direction direction,
        SipViews views,
        @Nullable SdpView sdp,
        long offset,
        boolean mayOpen,
        long nowNs,
        OutcomeSink out) {
      this.direction = direction;
      this.views = views;
      this.message = views.message;
      this.sdp = sdp;
      this.offset = offset;
      this.mayOpen = mayOpen;
      this.nowNs = nowNs;
      this.out = out;
      this.side = direction == Direction.ORIGINAL ? fromClient : fromServer;
    }

    // Before anything is closed: an answer that ends something repeats it once more.
    void planRepeated() {
      if (!side.isReceiverTranslated()) {
        return;
      }
      views.headers.repeated(message, direction, side, views.mappings, branches);
      if (sdp == null) {
        return;
      }
      for (int at = 0; at < sdp.streams(); at++) {
        SdpMedia stream = sdp.media(at);
        Transport transport = stream.kind().transport();
        if (stream.port() > 0 && stream.refusal() == null && transport != null) {
          Endpoint inside = insideOf(stream, transport, stream.port());
          if (inside != null) {
            Endpoint control =
                stream.rtcpPort() > 0 ? insideOf(stream, transport, stream.rtcpPort()) : null;
            views.streams.put(at, inside, control);
          }
        }
      }
    }

    private @Nullable Endpoint insideOf(SdpMedia stream, Transport transport, int port) {
      if (stream.connection().is(side.senderAddress())) {
        return null;
      }
      Endpoint named = new Endpoint(stream.connection().address(), port);
      if (!MediaPolicy.isHairpin(facts, direction, transport, named, out)) {
        return null;
      }
      Inside inside = views.mappings.insideOf(transport, named);
      boolean sendersOwn =
          inside != null && inside.endpoint().address().equals(side.sender().address());
      return inside == null || sendersOwn ? null : inside.endpoint();
    }

    void call(OwnerId owner) {
      contactsTold = true;
      List<Signal> signals = new ArrayList<>();
      addSignals(signals, Signal.Kind.CONTACT, SipHeader.CONTACT);
      addSignals(signals, Signal.Kind.RECORD_ROUTE, SipHeader.RECORD_ROUTE);
      media =
          calls.onMessage(
              new CallMessage(
                  message.word(),
                  message.status(),
                  message.method(),
                  message.cseq(),
                  CallNames.branch(SipText.bytes(message.branch())),
                  owner,
                  CallNames.tag(SipText.bytes(message.fromTag())),
                  CallNames.tag(SipText.bytes(message.toTag())),
                  direction,
                  sdp == null ? null : SdpDescription.of(sdp, side.sender().address()),
                  signals,
                  message.sessionExpires(),
                  mayOpen,
                  text.parties(message),
                  offset),
              nowNs,
              out);
      for (int at = 0; at < signals.size(); at++) {
        Endpoint seen = media.signal(at);
        if (seen != null) {
          views.mappings.add(signals.get(at).transport(), signals.get(at).endpoint(), seen);
        }
      }
    }

    private void addSignals(List<Signal> signals, Signal.Kind kind, SipHeader header) {
      UriList uris = views.uris.begin(message, header);
      while (uris.next()) {
        UriView uri = uris.uri();
        Transport transport = HeaderRewriter.transportOf(uri, facts.transport());
        if (!uris.isStar() && transport != null && uri.host().isAddress()) {
          signals.add(new Signal(kind, endpoint(uri), uri.port() != UriView.NO_PORT, transport));
        }
      }
    }

    private Endpoint endpoint(UriView uri) {
      // Mostly its own: then what is remembered of the call shares the address of the flow.
      boolean own = uri.host().isAddress(side.senderAddress());
      return new Endpoint(
          own ? side.sender().address() : uri.host().address(), HeaderRewriter.portOf(uri));
    }

    void register(OwnerId owner) {
      contactsTold = true;
      boolean request = message.isRequest();
      List<RegisterMessage.Contact> contacts = new ArrayList<>();
      boolean all = false;
      boolean others = false;
      UriList uris = views.uris.begin(message, SipHeader.CONTACT);
      while (uris.next()) {
        UriView uri = uris.uri();
        if (uris.isStar()) {
          all = true;
        } else if (uri.scheme() != UriView.Scheme.OTHER && uri.host().isAddress()) {
          contacts.add(
              new RegisterMessage.Contact(
                  endpoint(uri),
                  uri.port() != UriView.NO_PORT,
                  HeaderRewriter.transportOf(uri, facts.transport()),
                  uris.expires()));
        } else {
          others = true;
        }
      }
      RegisterMessage register =
          new RegisterMessage(
              message.status(),
              message.cseq(),
              registrations
                  .names()
                  .transaction(message.callId().bytes(), SipText.bytes(message.branch())),
              owner,
              direction,
              all,
              contacts,
              others,
              message.expires(),
              mayOpen,
              text.party(message.toUri()),
              offset);
      SeenContacts seen =
          request
              ? registrations.onRequest(register, nowNs, out)
              : registrations.onAnswer(register, nowNs, out);
      for (int at = 0; request && at < contacts.size(); at++) {
        RegisterMessage.Contact contact = contacts.get(at);
        Endpoint endpoint = seen.contact(at);
        if (endpoint != null && contact.transport() != null) {
          views.mappings.add(contact.transport(), contact.endpoint(), endpoint);
        }
      }
    }

    void rewrite() {
      if (!facts.isTranslated()) {
        return;
      }
      if (side.isSenderTranslated()) {
        if (message.isRequest() && isAnotherAlg()) {
          out.report(SipReason.ANOTHER_ALG, offset);
        }
        ownPorts.open(views, side, direction, contactsTold, mayOpen, offset, out);
        views.headers.own(message, direction, side, views.mappings, branches);
      }
      if (sdp != null && planStreams(sdp)) {
        SipReason reason = views.descriptions.rewrite(sdp, side, views.streams);
        if (reason != null) {
          out.report(reason, offset);
        }
      }
      LengthField.settle(message, views.edits, facts.transport() == Transport.TCP);
      views.edits.tell(message.cursor(), out);
    }

    // Whether something of the description may change. What the sender takes packets at comes from
    // the call; where it repeats what others were told there is an endpoint already.
    private boolean planStreams(SdpView description) {
      boolean any = !media.streams().isEmpty();
      for (int at = 0; at < description.streams(); at++) {
        SeenMedia.Stream seen = media.stream(at);
        if (seen.rtp() != null && views.streams.rtp(at) == null) {
          views.streams.put(at, seen.rtp(), seen.rtcp());
        }
        any |= views.streams.rtp(at) != null;
      }
      return any;
    }

    // The Via was made by somebody who knows the outside, the Contact by somebody who does not: a
    // phone that knows its outside endpoint writes it into both, and one that does not into none.
    private boolean isAnotherAlg() {
      if (!message.via().host().isAddress(side.senderSeen().address().getAddress())
          || side.sender().address().equals(side.senderSeen().address())) {
        return false;
      }
      UriList uris = views.uris.begin(message, SipHeader.CONTACT);
      while (uris.next()) {
        UriView uri = uris.uri();
        if (!uris.isStar()
            && uri.host().isAddress()
            && (uri.host().isAddress(side.sender().address().getAddress())
                || MediaPolicy.isPrivate(uri.host().address()))) {
          return true;
        }
      }
      return false;
    }
  }
}
