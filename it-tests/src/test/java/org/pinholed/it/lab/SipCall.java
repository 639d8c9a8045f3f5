package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One call over a signalling flow, of which the test moves both phones message by message. A phone
 * knows only what it heard: it sends requests to the Contact and media to the description that came
 * to it, and copies Via, From and To from the request that it answers. Closing it closes the
 * sockets of its media; the flow stays. Not thread-safe.
 */
public final class SipCall implements AutoCloseable {
  /** The two phones of a call. */
  public enum Side {
    /** Who sent the first INVITE. */
    CALLER,
    /** Who was called. */
    CALLEE;

    /** The other one. */
    public Side other() {
      return this == CALLER ? CALLEE : CALLER;
    }
  }

  private static final Pattern TAG = Pattern.compile(";tag=([^;>]+)");
  private static final AtomicInteger BRANCHES = new AtomicInteger();

  /** What one phone is and knows. */
  private static final class Phone {
    final String uri;
    final RtpPeer audio;
    String tag;
    int number = 100;
    int inviteNumber;
    String inviteBranch = "";
    String target;
    String remoteTag = "";
    @Nullable SipMessage heardRequest;
    @Nullable SipMessage heardInvite;

    /** Of the other side: what was offered, and what is agreed on. */
    @Nullable SipSdp offered;

    @Nullable SipSdp agreed;

    Phone(String user, String tag, RtpPeer audio, String target) {
      uri = "sip:" + user + "@example.org";
      this.tag = tag;
      this.audio = audio;
      this.target = target;
    }
  }

  private final Map<Side, Phone> phones = new EnumMap<>(Side.class);
  private final SipLine line;
  private final boolean callerIsClient;
  private final boolean helped;
  private final String callId;

  /**
   * Nothing is said yet.
   *
   * @param callerIsClient whether the client calls; else the server does
   * @param helped whether somebody makes the fields that route right
   * @param target the URI that the caller dials
   */
  SipCall(
      SipLine line,
      String callId,
      boolean callerIsClient,
      boolean helped,
      RtpPeer caller,
      RtpPeer callee,
      String target) {
    this.line = line;
    this.callId = callId;
    this.callerIsClient = callerIsClient;
    this.helped = helped;
    phones.put(Side.CALLER, new Phone("alice", "f" + callId.split("@", 2)[0], caller, target));
    phones.put(Side.CALLEE, new Phone("bob", "t" + callId.split("@", 2)[0], callee, ""));
  }

  /** The flow that it uses. */
  public SipLine line() {
    return line;
  }

  /** Its Call-ID. */
  public String callId() {
    return callId;
  }

  /** The media of one phone. */
  public RtpPeer audio(Side side) {
    return phone(side).audio;
  }

  /** What the other phone said of its media, as it came here; only once both have agreed. */
  public SipSdp heard(Side side) {
    SipSdp agreed = phone(side).agreed;
    if (agreed == null) {
      throw new AssertionError("nothing is agreed on for the " + side);
    }
    return agreed;
  }

  /** Lets one phone speak in the name of another tag, as another branch of a fork does. */
  public void tag(Side side, String tag) {
    phone(side).tag = tag;
  }

  /** The tag of one phone. */
  public String tag(Side side) {
    return phone(side).tag;
  }

  private Phone phone(Side side) {
    Phone phone = phones.get(side);
    if (phone == null) {
      throw new IllegalStateException("no " + side);
    }
    return phone;
  }

  private boolean isClient(Side side) {
    return (side == Side.CALLER) == callerIsClient;
  }

  /** The signalling address of one phone, as it knows itself. */
  public Endpoint own(Side side) {
    return isClient(side) ? line.client() : line.server();
  }

  /** Whence the other side's messages seem to come to this one. */
  private Endpoint sourceSeenBy(Side side) {
    return isClient(side) ? line.dialed() : line.dialogue().clientSeenByServer();
  }

  private static String text(Endpoint endpoint) {
    return Family.inUrl(endpoint.host()) + ":" + endpoint.port();
  }

  /** The Contact that one phone names. */
  public String contact(Side side) {
    String transport = line.transport().equals("TCP") ? ";transport=tcp" : "";
    return "<sip:phone@" + text(own(side)) + transport + ">";
  }

  /** A request, which is not sent yet; every one but ACK and CANCEL takes the next number. */
  public SipMessage build(Side from, String method, @Nullable SipSdp sdp, String... more) {
    Phone me = phone(from);
    boolean ofInvite = method.equals("ACK") || method.equals("CANCEL");
    int number = ofInvite ? me.inviteNumber : ++me.number;
    String branch =
        method.equals("CANCEL") ? me.inviteBranch : "z9hG4bK" + BRANCHES.incrementAndGet();
    if (method.equals("INVITE")) {
      me.inviteNumber = number;
      me.inviteBranch = branch;
    }
    Phone other = phone(from.other());
    String remoteTag = method.equals("CANCEL") ? "" : me.remoteTag;
    List<String> headers = new ArrayList<>();
    headers.add(
        "Via: SIP/2.0/%s %s;branch=%s;rport".formatted(line.transport(), text(own(from)), branch));
    headers.add("Max-Forwards: 70");
    headers.add("From: <%s>;tag=%s".formatted(me.uri, me.tag));
    headers.add("To: <%s>%s".formatted(other.uri, remoteTag.isEmpty() ? "" : ";tag=" + remoteTag));
    headers.add("Call-ID: " + callId);
    headers.add("CSeq: %d %s".formatted(number, method));
    headers.add("Contact: " + contact(from));
    headers.addAll(List.of(more));
    return withSdp(new SipMessage(method + " " + me.target + " SIP/2.0", headers, ""), sdp);
  }

  private static SipMessage withSdp(SipMessage message, @Nullable SipSdp sdp) {
    return sdp == null
        ? message.with("Content-Length", "0")
        : message.withBody("application/sdp", sdp.text());
  }

  /** Sends a request; what the other phone hears. */
  public SipMessage request(Side from, String method, @Nullable SipSdp sdp, String... more) {
    return say(from, build(from, method, sdp, more));
  }

  /** An answer to a request that came, which is not sent yet. */
  public SipMessage buildAnswer(
      Side from, SipMessage request, int status, @Nullable SipSdp sdp, String... more) {
    Endpoint source = sourceSeenBy(from);
    List<String> headers = new ArrayList<>();
    List<String> vias = request.headers("Via");
    headers.add(
        "Via: "
            + vias.get(0)
                .replaceFirst(
                    ";rport$",
                    Matcher.quoteReplacement(
                        ";received=%s;rport=%d".formatted(source.host(), source.port()))));
    vias.stream().skip(1).forEach(via -> headers.add("Via: " + via));
    headers.add("From: " + request.header("From"));
    String to = request.header("To");
    headers.add("To: " + (to.contains(";tag=") ? to : to + ";tag=" + phone(from).tag));
    headers.add("Call-ID: " + request.header("Call-ID"));
    headers.add("CSeq: " + request.header("CSeq"));
    headers.add("Contact: " + contact(from));
    headers.addAll(List.of(more));
    return withSdp(new SipMessage("SIP/2.0 %d Reason".formatted(status), headers, ""), sdp);
  }

  /** Answers a request that came; what the other phone hears. */
  public SipMessage answer(
      Side from, SipMessage request, int status, @Nullable SipSdp sdp, String... more) {
    return say(from, buildAnswer(from, request, status, sdp, more));
  }

  /** Answers the last request that came and is no ACK; what the other phone hears. */
  public SipMessage answer(Side from, int status, @Nullable SipSdp sdp, String... more) {
    SipMessage request = phone(from).heardRequest;
    if (request == null) {
      throw new IllegalStateException("the " + from + " was asked nothing");
    }
    return answer(from, request, status, sdp, more);
  }

  /** Answers the last INVITE that came, whatever came since; what the other phone hears. */
  public SipMessage answerInvite(Side from, int status, @Nullable SipSdp sdp, String... more) {
    SipMessage request = phone(from).heardInvite;
    if (request == null) {
      throw new IllegalStateException("the " + from + " was not invited");
    }
    return answer(from, request, status, sdp, more);
  }

  /** Sends a message, also one again; what the other phone hears, and knows from now on. */
  public SipMessage say(Side from, SipMessage message) {
    SipMessage heard = line.say(isClient(from), message);
    assertUntouched(message, heard);
    if (helped) {
      assertLeadsBack(from, heard);
    }
    note(from.other(), heard);
    return heard;
  }

  /** What nobody may touch. */
  private static void assertUntouched(SipMessage said, SipMessage heard) {
    for (String name : new String[] {"Call-ID", "CSeq", "From", "To"}) {
      if (!said.headers(name).equals(heard.headers(name))) {
        throw new AssertionError(name + " changed\n" + said.text() + heard.text());
      }
    }
    if (heard.body().length() != Integer.parseInt(heard.header("Content-Length"))) {
      throw new AssertionError("Content-Length is not that of the body\n" + heard.text());
    }
  }

  /** What must lead to a phone, whoever has translated its address. */
  private void assertLeadsBack(Side from, SipMessage heard) {
    Endpoint hearer = own(from.other());
    if (!heard.isRequest()) {
      String via = heard.header("Via");
      String sentBy = via.split("[ ;]", 4)[1];
      String received = ";received=" + hearer.host() + ";rport=" + hearer.port();
      if (!SipMessage.hostPort(sentBy).isSameAs(hearer)
          || (via.contains("received=") && !via.endsWith(received))) {
        throw new AssertionError("Via does not lead to " + hearer + "\n" + heard.text());
      }
    } else if (!phone(from).remoteTag.isEmpty()
        && !SipMessage.endpoint(heard.requestUri()).isSameAs(hearer)) {
      throw new AssertionError("Request-URI does not lead to " + hearer + "\n" + heard.text());
    }
    if (heard.has("Contact") && !heard.contact().isSameAs(sourceSeenBy(from.other()))) {
      throw new AssertionError(
          "Contact does not lead to " + sourceSeenBy(from.other()) + "\n" + heard.text());
    }
  }

  /** What a phone learns from a message that it hears. */
  public void note(Side hearer, SipMessage heard) {
    Phone me = phone(hearer);
    Phone sender = phone(hearer.other());
    if (heard.isRequest()) {
      noteRequest(me, sender, heard);
    } else {
      noteAnswer(me, sender, heard);
    }
  }

  private static void noteRequest(Phone me, Phone sender, SipMessage heard) {
    String method = heard.method();
    if (!method.equals("ACK")) {
      me.heardRequest = heard;
    }
    if (method.equals("INVITE")) {
      me.heardInvite = heard;
    }
    if (method.equals("INVITE") || method.equals("UPDATE")) {
      me.target = heard.contactUri();
      me.offered = null;
    }
    me.remoteTag = tagOf(heard.header("From"));
    if (!heard.body().isEmpty()) {
      me.offered = heard.sdp();
      if (sender.offered != null) {
        // the answer to an offer that came in an answer
        agree(me, sender);
      }
    }
  }

  private static void noteAnswer(Phone me, Phone sender, SipMessage heard) {
    boolean dialog = heard.method().equals("INVITE") || heard.method().equals("UPDATE");
    if (dialog && heard.status() < 300 && heard.header("To").contains(";tag=")) {
      me.remoteTag = tagOf(heard.header("To"));
      if (heard.has("Contact")) {
        me.target = heard.contactUri();
      }
    }
    if (dialog && heard.status() >= 300 && heard.status() != 401 && heard.status() != 407) {
      sender.offered = null;
      me.offered = null;
    }
    if (!heard.body().isEmpty() && heard.status() < 300) {
      me.offered = heard.sdp();
      if (sender.offered != null) {
        agree(me, sender);
      } else if (sender.agreed != null && heard.method().equals("INVITE") && me.agreed != null) {
        // repeats what an earlier answer said, if it does
        me.agreed = me.agreed.equals(me.offered) ? me.agreed : me.offered;
        me.offered = null;
      }
    }
  }

  private static void agree(Phone one, Phone other) {
    one.agreed = one.offered;
    other.agreed = other.offered;
    one.offered = null;
    other.offered = null;
  }

  private static String tagOf(String value) {
    Matcher matcher = TAG.matcher(value);
    if (!matcher.find()) {
      throw new AssertionError("no tag: " + value);
    }
    return matcher.group(1);
  }

  /** The whole beginning: INVITE with an offer, 180, 200 with an answer, ACK. */
  public SipCall connect() {
    request(Side.CALLER, "INVITE", audio(Side.CALLER).sdp());
    answer(Side.CALLEE, 180, null);
    answer(Side.CALLEE, 200, audio(Side.CALLEE).sdp());
    request(Side.CALLER, "ACK", null);
    return this;
  }

  /** A whole offer in the dialog, and its answer. */
  public void reoffer(Side from, SipSdp offer, SipSdp answer) {
    request(from, "INVITE", offer);
    answer(from.other(), 200, answer);
    request(from, "ACK", null);
  }

  /** One phone hangs up, and the other one says 200. */
  public void hangUp(Side from) {
    request(from, "BYE", null);
    answer(from.other(), 200, null);
  }

  /** Insists that RTP and RTCP arrive on both sides, from where the other one said. */
  public void assertAudio() {
    assertAudio(Side.CALLER);
    assertAudio(Side.CALLEE);
  }

  /** Insists that what one phone sends arrives, from where it said. */
  public void assertAudio(Side from) {
    audio(from).talkTo(audio(from.other()), heard(from), heard(from.other()));
  }

  @Override
  public void close() {
    phones.values().forEach(phone -> phone.audio.close());
  }
}
