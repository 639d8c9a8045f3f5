package org.pinholed.helper.sip.call;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.sip.sdp.SdpDescription;
import org.pinholed.helper.sip.sdp.SdpView;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;
import org.pinholed.helper.testkit.PinholeModel;
import org.pinholed.helper.testkit.SimpleState;
import org.pinholed.helper.text.Options;

/** Phones that speak with each other over flows, and the firewall between them, for tests. */
final class CallBench {
  static final String PHONE = "198.51.100.10";
  static final String SERVER = "203.0.113.10";
  static final String INSIDE = "192.0.2.10";
  static final String OUTSIDE = "203.0.113.1";

  final PinholeModel model = new PinholeModel();
  SimpleState shared = new SimpleState();
  SipSettings settings = settings(MediaFrom.PEER, "");

  static SipSettings settings(MediaFrom media, String networks) {
    return settings(media, networks, 20_000, 1000, 16);
  }

  static SipSettings settings(
      MediaFrom media, String networks, int calls, int unanswered, int forks) {
    Map<String, Object> values = Map.of("networks", networks, "denied", "3389,5060-5061");
    Options options = new Options(values, Set.of("networks", "denied"));
    return new SipSettings(
        media,
        options.networks("networks"),
        options.ports("denied", ""),
        true,
        false,
        Duration.ofHours(12),
        calls,
        unanswered,
        forks,
        16,
        10_000,
        100,
        8);
  }

  static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  /** A flow that is not translated. */
  static FlowFacts routed(String client, String server) {
    return translated(client, 5060, client, 5060, server);
  }

  /** A flow whose client others see as somebody else. */
  static FlowFacts translated(String client, int port, String seen, int seenPort, String server) {
    Endpoint other = new Endpoint(address(server), 5060);
    return new FlowFacts(
        Transport.UDP,
        new Endpoint(address(client), port),
        new Endpoint(address(seen), seenPort),
        other,
        other,
        FlowFacts.Origin.FIRST_BYTE);
  }

  /** A description with the same address for all streams. */
  static SdpDescription sdp(String address, String... lines) {
    String family = address.indexOf(':') < 0 ? "IP4 " : "IP6 ";
    StringBuilder text = new StringBuilder("v=0\r\no=- 1 1 IN ").append(family).append(address);
    text.append("\r\ns=-\r\nc=IN ").append(family).append(address).append("\r\nt=0 0\r\n");
    for (String line : lines) {
      text.append(line).append("\r\n");
    }
    byte[] bytes = text.toString().getBytes(US_ASCII);
    ByteCursor cursor = new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
    SdpView view = new SdpView(16);
    SipReason reason = view.read(cursor, 0, bytes.length);
    if (reason != null) {
      throw new AssertionError(reason);
    }
    return SdpDescription.of(view, InetAddress.getLoopbackAddress());
  }

  static SdpDescription audio(String address, int port) {
    return sdp(address, "m=audio " + port + " RTP/AVP 0");
  }

  Talk flow(FlowFacts facts) {
    return new Talk(facts);
  }

  /** The agent dies, and the next one knows nothing but what is open. */
  void kill() {
    shared = new SimpleState();
    model.kill();
  }

  /** Another process goes on. */
  void handOver() {
    shared = shared.handOver();
  }

  /** One flow. */
  final class Talk {
    final FlowFacts facts;
    final List<SeenMedia> seen = new ArrayList<>();
    boolean mayOpen = true;

    private Talk(FlowFacts facts) {
      this.facts = facts;
    }

    Say client(SipWord method) {
      return new Say(this, Direction.ORIGINAL, method, 0);
    }

    Say server(SipWord method) {
      return new Say(this, Direction.REPLY, method, 0);
    }

    Say clientAnswers(int status, SipWord method) {
      return new Say(this, Direction.ORIGINAL, method, status);
    }

    Say serverAnswers(int status, SipWord method) {
      return new Say(this, Direction.REPLY, method, status);
    }
  }

  /** A message, by default of caller {@code f} and callee {@code t} of one call. */
  final class Say {
    private final Talk flow;
    private final Direction direction;
    private final SipWord method;
    private final int status;
    private long cseq = 1;
    private String call = "call-1";
    private String from = "f";
    private String to = "t";
    private String branch = "z9hG4bK1";
    private long sessionExpires = -1;
    private @Nullable SdpDescription description;
    private final List<Signal> signals = new ArrayList<>();

    private Say(Talk flow, Direction direction, SipWord method, int status) {
      this.flow = flow;
      this.direction = direction;
      this.method = method;
      this.status = status;
    }

    Say cseq(long value) {
      cseq = value;
      return this;
    }

    Say call(String value) {
      call = value;
      return this;
    }

    Say tags(String fromTag, String toTag) {
      from = fromTag;
      to = toTag;
      return this;
    }

    Say branch(String value) {
      branch = value;
      return this;
    }

    Say expires(long seconds) {
      sessionExpires = seconds;
      return this;
    }

    Say sdp(@Nullable SdpDescription value) {
      description = value;
      return this;
    }

    Say audio(String address, int port) {
      return sdp(CallBench.audio(address, port));
    }

    Say contact(String address, int port) {
      signals.add(
          new Signal(
              Signal.Kind.CONTACT,
              new Endpoint(address(address), port),
              true,
              flow.facts.transport()));
      return this;
    }

    Say route(String address, int port) {
      signals.add(
          new Signal(
              Signal.Kind.RECORD_ROUTE,
              new Endpoint(address(address), port),
              true,
              flow.facts.transport()));
      return this;
    }

    SeenMedia say() {
      Calls calls = new Calls(flow.facts, shared, settings);
      SipWord word = status == 0 ? method : SipWord.ofStatus(status);
      CallMessage message =
          new CallMessage(
              word,
              status,
              method,
              cseq,
              CallNames.branch(branch.getBytes(US_ASCII)),
              CallNames.call(call.getBytes(US_ASCII)),
              CallNames.tag(from.getBytes(US_ASCII)),
              CallNames.tag(to.getBytes(US_ASCII)),
              direction,
              description,
              signals,
              sessionExpires,
              flow.mayOpen,
              "sip:***@a > sip:***@b",
              0);
      SeenMedia seen = calls.onMessage(message, model.nowNs(), model.sink(flow.facts));
      flow.seen.add(seen);
      return seen;
    }
  }
}
