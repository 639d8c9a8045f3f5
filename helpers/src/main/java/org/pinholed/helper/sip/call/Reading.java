package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.policy.MediaPolicy.Destination;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;
import org.pinholed.helper.sip.sdp.SdpDescription;
import org.pinholed.helper.sip.sdp.SdpDescription.Stream;
import org.pinholed.helper.sip.words.SipReason;

/** Judges what a message names: what of it may be opened, and why not. Each reason is said once. */
final class Reading {
  private final MediaPolicy policy;
  private final Direction direction;
  private final OutcomeSink out;
  private final Set<SipReason> reasons = EnumSet.noneOf(SipReason.class);

  Reading(MediaPolicy policy, Direction direction, OutcomeSink out) {
    this.policy = policy;
    this.direction = direction;
    this.out = out;
  }

  Set<SipReason> reasons() {
    return reasons;
  }

  Media media(SdpDescription description) {
    Media.Builder media = new Media.Builder(description.streams().size());
    for (Stream stream : description.streams()) {
      add(media, stream);
    }
    return media.build();
  }

  private void add(Media.Builder media, Stream stream) {
    if (stream.refusal() != null) {
      reasons.add(stream.refusal());
    }
    if (stream.count() > 1) {
      reasons.add(SipReason.SDP_MORE_PAIRS);
    }
    InetAddress address = stream.address();
    InetAddress rtcpAddress = stream.rtcpAddress() != null ? stream.rtcpAddress() : address;
    boolean hasRtcp = stream.canOpen() && stream.rtcpPort() > 0 && rtcpAddress != null;
    Transport transport = stream.canOpen() ? stream.kind().transport() : null;
    Destination rtp = destination(address, stream.port(), transport);
    Destination rtcp = destination(hasRtcp ? rtcpAddress : null, stream.rtcpPort(), transport);
    boolean names = stream.port() > 0 && stream.refusal() == null;
    media.add(
        stream.kind(),
        rtp == null ? address : rtp.endpoint().address(),
        rtp == null ? stream.port() : rtp.endpoint().port(),
        rtp == null ? Place.NONE : rtp.place(),
        rtcp == null ? null : rtcp.endpoint().address(),
        rtcp == null ? 0 : rtcp.endpoint().port(),
        // RTCP to a place that may not have RTP would be a hole beside a wall
        rtcp == null || rtp == null || rtp.place() == Place.NONE ? Place.NONE : rtcp.place(),
        stream.muxOffered(),
        stream.isOff(),
        names && address == null && !stream.connects(),
        stream.bundledInto());
  }

  private @Nullable Destination destination(
      @Nullable InetAddress address, int port, @Nullable Transport transport) {
    if (address == null || transport == null) {
      return null;
    }
    Destination destination = policy.media(new Endpoint(address, port), transport, direction, out);
    if (destination.refusal() != null) {
      reasons.add(destination.refusal());
    }
    return destination;
  }

  /** Others' places are no error: mostly those of proxies that stay in the way. */
  Signals signals(List<Signal> named) {
    List<Signals.One> all = new ArrayList<>(Math.min(named.size(), Signals.MOST));
    for (Signal signal : named.subList(0, Math.min(named.size(), Signals.MOST))) {
      Destination destination =
          policy.signalling(signal.endpoint(), signal.transport(), direction, out);
      all.add(new Signals.One(signal, destination.place(), destination.endpoint(), null));
    }
    for (int at = Signals.MOST; at < named.size(); at++) {
      Signal signal = named.get(at);
      Place place =
          policy.signalling(signal.endpoint(), signal.transport(), direction, out).place();
      if (place != Place.NONE && reasons.add(SipReason.TOO_MANY_PORTS)) {
        break;
      }
    }
    return all.isEmpty() ? Signals.NONE : new Signals(all);
  }
}
