package org.pinholed.helper.sip.rewrite;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.sip.sdp.CandidateView;
import org.pinholed.helper.sip.sdp.SdpAddress;
import org.pinholed.helper.sip.sdp.SdpMedia;
import org.pinholed.helper.sip.sdp.SdpView;
import org.pinholed.helper.sip.words.SipField;
import org.pinholed.helper.sip.words.SipReason;

/**
 * Changes the addresses and ports of a description (RFC 8866, RFC 3605, RFC 8839), all together or
 * not at all: who reads half of the old and half of the new ones sends to nobody.
 *
 * <p>Addresses that are of nobody here stay, and so do 0.0.0.0 and names. Not thread-safe; re-used
 * for each message.
 */
public final class SdpRewriter {
  private final EditList edits;

  /**
   * Makes a rewriter.
   *
   * @param edits takes what changes
   */
  public SdpRewriter(EditList edits) {
    this.edits = edits;
  }

  /**
   * Plans the edits of a description.
   *
   * @param sdp a description that was read
   * @param sides who is who
   * @param streams what is to stand for its streams
   * @return null if that was done; else why it stays as it is: streams that share an address would
   *     need different ones
   */
  public @Nullable SipReason rewrite(SdpView sdp, Sides sides, StreamEndpoints streams) {
    for (int at = 0; at < sdp.streams(); at++) {
      if (!agrees(sdp, at, sides, streams)) {
        return SipReason.SDP_ADDRESSES_DIFFER;
      }
    }
    @Nullable InetAddress session = null;
    boolean changes = false;
    boolean refused = sdp.isBeyondLimit();
    for (int at = 0; at < sdp.streams(); at++) {
      Endpoint target = streams.rtp(at);
      changes |= target != null;
      refused |= target == null && isExpected(sdp.media(at));
      if (target != null && !sdp.media(at).hasOwnConnection()) {
        session = target.address();
      }
    }
    if (!changes && refused) {
      return null; // nothing is open, so nothing may lead there
    }
    origin(sdp, sides, streams);
    connection(sdp.connection(), session, sides);
    for (int at = 0; at < sdp.streams(); at++) {
      stream(sdp, at, sides, streams.rtp(at), streams.rtcp(at));
    }
    return null;
  }

  // Whether something stands for a stream unless it was refused.
  private static boolean isExpected(SdpMedia media) {
    return media.port() > 0 && !media.connection().isUnspecified();
  }

  // Streams that share the c= line of the session go to one address. Where it is the sender's own,
  // one that was refused goes along; else it may be of somebody who is reached there.
  private static boolean agrees(SdpView sdp, int stream, Sides sides, StreamEndpoints streams) {
    Endpoint target = streams.rtp(stream);
    SdpMedia media = sdp.media(stream);
    if (target == null || media.hasOwnConnection()) {
      return true;
    }
    boolean own = media.connection().is(sides.senderAddress());
    for (int other = 0; other < sdp.streams(); other++) {
      SdpMedia with = sdp.media(other);
      if (!with.hasOwnConnection()) {
        Endpoint others = streams.rtp(other);
        boolean same =
            others == null ? own || !isExpected(with) : others.address().equals(target.address());
        if (!same) {
          return false;
        }
      }
    }
    return true;
  }

  // It leads nowhere, but many compare it with c=. To the inside it becomes what c= becomes.
  private void origin(SdpView sdp, Sides sides, StreamEndpoints streams) {
    SdpAddress origin = sdp.origin();
    if (origin.is(sides.senderAddress())) {
      address(origin, sides.senderSeen().address(), SipField.SDP_ORIGIN);
      return;
    }
    for (int at = 0; at < sdp.streams(); at++) {
      Endpoint target = streams.rtp(at);
      SdpAddress connection = sdp.media(at).connection();
      if (target != null
          && connection.isAddress()
          && origin.is(sides.receiverSeenAddress())
          && connection.is(sides.receiverSeenAddress())) {
        address(origin, target.address(), SipField.SDP_ORIGIN);
        return;
      }
    }
  }

  private void connection(SdpAddress connection, @Nullable InetAddress target, Sides sides) {
    if (connection.isUnspecified()) {
      return; // on hold
    }
    if (target != null) {
      address(connection, target, SipField.SDP_CONNECTION);
    } else if (connection.is(sides.senderAddress())) {
      address(connection, sides.senderSeen().address(), SipField.SDP_CONNECTION);
    }
  }

  private void stream(
      SdpView sdp, int index, Sides sides, @Nullable Endpoint target, @Nullable Endpoint rtcp) {
    SdpMedia media = sdp.media(index);
    if (media.hasOwnConnection()) {
      connection(media.connection(), target == null ? null : target.address(), sides);
    }
    if (target == null) {
      return;
    }
    Endpoint control = rtcp == null ? target : rtcp;
    number(media.portFrom(), media.portTo(), media.port(), target.port(), SipField.SDP_MEDIA);
    if (media.rtcpPortFrom() != SdpView.NONE && media.rtcpPort() > 0) {
      boolean shared = media.rtcpPort() == media.port();
      if (rtcp != null || shared) {
        number(
            media.rtcpPortFrom(),
            media.rtcpPortTo(),
            media.rtcpPort(),
            control.port(),
            SipField.SDP_RTCP);
      }
      if (media.rtcpAddress().isAddress() && !media.rtcpAddress().isUnspecified()) {
        address(media.rtcpAddress(), control.address(), SipField.SDP_RTCP);
      }
    }
    CandidateView candidates = sdp.candidates(index);
    while (candidates.next()) {
      if (!candidates.isRtcp() || rtcp != null) {
        Endpoint of = candidates.isRtcp() ? control : target;
        address(candidates.address(), of.address(), SipField.SDP_CANDIDATE);
        int port = candidates.isRtcp() ? media.rtcpPort() : media.port();
        number(candidates.portFrom(), candidates.portTo(), port, of.port(), SipField.SDP_CANDIDATE);
      }
    }
  }

  private void address(SdpAddress address, InetAddress target, SipField field) {
    if (address.isAddress() && !address.is(target.getAddress())) {
      edits.replace(address.from(), address.to(), AddressText.of(target), field);
    }
  }

  private void number(int from, int to, int number, int target, SipField field) {
    if (number != target) {
      edits.replace(from, to, Integer.toString(target), field);
    }
  }
}
