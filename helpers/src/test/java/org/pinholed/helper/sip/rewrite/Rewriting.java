package org.pinholed.helper.sip.rewrite;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.sdp.SdpMedia;
import org.pinholed.helper.sip.sdp.SdpView;
import org.pinholed.helper.sip.words.SipReason;

/**
 * One translated flow, and what stands for what on it beside its own endpoints. Says what becomes
 * of a message.
 */
final class Rewriting implements Mappings {
  final EditList edits = new EditList();
  private final FlowFacts facts;
  private final Map<String, Endpoint> seen = new HashMap<>();
  private final Map<String, Inside> inside = new HashMap<>();
  private final BranchMemory branches = new BranchMemory();
  private final SipMessage message = new SipMessage();
  private final SdpView sdp = new SdpView(16);
  private final StreamEndpoints streams = new StreamEndpoints(16);
  private final HeaderRewriter headers = new HeaderRewriter(edits);
  private final SdpRewriter descriptions = new SdpRewriter(edits);
  @Nullable SipReason sdpReason;

  Rewriting(Transport transport, String client, String clientSeen, String server, String asSeen) {
    facts =
        new FlowFacts(
            transport,
            endpoint(client),
            endpoint(clientSeen),
            endpoint(server),
            endpoint(asSeen),
            FlowFacts.Origin.FIRST_BYTE);
  }

  /** Another process goes on with the flow. */
  Rewriting handOver() {
    Rewriting next =
        new Rewriting(
            facts.transport(),
            facts.client().toString(),
            facts.clientSeenByServer().toString(),
            facts.server().toString(),
            facts.serverSeenByClient().toString());
    if (!next.branches.restore(branches.snapshot())) {
      throw new AssertionError(branches.snapshot());
    }
    next.seen.putAll(seen);
    next.inside.putAll(inside);
    return next;
  }

  /** A phone behind masquerade and a server, as in the cases. */
  static Rewriting masqueraded(Transport transport) {
    return new Rewriting(
        transport, "192.0.2.10:5062", "203.0.113.1:5062", "203.0.113.10:5060", "203.0.113.10:5060");
  }

  /** Has a port of an inside address stand for one outside, for one transport. */
  Rewriting map(Transport transport, String own, String outside) {
    return map(transport, own, outside, Wrote.HOST_AND_PORT);
  }

  Rewriting map(Transport transport, String own, String outside, Wrote wrote) {
    seen.put(transport + own, endpoint(outside));
    inside.put(transport + outside, new Inside(endpoint(own), wrote));
    return this;
  }

  @Override
  public @Nullable Endpoint seenOf(Transport transport, Endpoint own) {
    return seen.get(transport.name() + own);
  }

  @Override
  public @Nullable Inside insideOf(Transport transport, Endpoint outside) {
    return inside.get(transport.name() + outside);
  }

  String client(String text) {
    return rewrite(Direction.ORIGINAL, text);
  }

  String server(String text) {
    return rewrite(Direction.REPLY, text);
  }

  /** What becomes of a message; each char of it is one byte. */
  String rewrite(Direction direction, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    ByteCursor cursor = new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
    SipReason reason = message.readDatagram(cursor, 0, bytes.length);
    if (reason != null) {
      throw new AssertionError(reason + ": " + text);
    }
    Sides sides = new Sides(facts, direction);
    edits.clear();
    headers.repeated(message, direction, sides, this, branches);
    headers.own(message, direction, sides, this, branches);
    sdpReason = null;
    if (message.hasSdp() && sdp.read(cursor, message.sdpStart(), message.sdpEnd()) == null) {
      streams(sides);
      sdpReason = descriptions.rewrite(sdp, sides, streams);
    }
    LengthField.settle(message, edits, facts.transport() == Transport.TCP);
    return apply(bytes);
  }

  private void streams(Sides sides) {
    streams.clear();
    for (int at = 0; at < sdp.streams(); at++) {
      SdpMedia media = sdp.media(at);
      if (media.port() <= 0 || media.refusal() != null || media.connection().isUnspecified()) {
        continue;
      }
      boolean own = media.connection().is(sides.senderAddress());
      Endpoint target = of(own, new Endpoint(media.connection().address(), media.port()));
      Endpoint control =
          media.rtcpPort() == 0
              ? null
              : of(own, new Endpoint(media.connection().address(), media.rtcpPort()));
      if (target != null) {
        streams.put(at, target, control);
      }
    }
  }

  private @Nullable Endpoint of(boolean own, Endpoint text) {
    if (own) {
      return seenOf(Transport.UDP, text);
    }
    Inside found = insideOf(Transport.UDP, text);
    return found == null ? null : found.endpoint();
  }

  private String apply(byte[] bytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int at = 0;
    for (int edit = 0; edit < edits.size(); edit++) {
      out.write(bytes, at, edits.from(edit) - at);
      out.writeBytes(edits.text(edit));
      at = edits.to(edit);
    }
    out.write(bytes, at, bytes.length - at);
    return out.toString(ISO_8859_1);
  }

  static Endpoint endpoint(String text) {
    int colon = text.lastIndexOf(':');
    String host = text.substring(0, colon).replace("[", "").replace("]", "");
    try {
      return new Endpoint(InetAddress.getByName(host), Integer.parseInt(text.substring(colon + 1)));
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }
}
