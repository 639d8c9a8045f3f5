package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.sip.call.Step.Opening;
import org.pinholed.helper.sip.policy.MediaPolicy;

/** Who may come to which stream of a party, by what both parties said. Pure. */
final class StreamOpenings {
  private final MediaPolicy policy;

  StreamOpenings(MediaPolicy policy) {
    this.policy = policy;
  }

  /**
   * Who may come to each stream of a party. Shut is what either party shut (RFC 3264 section 6),
   * and what uses the port of another stream (RFC 9143 section 7.3); RTCP has no port of its own if
   * both multiplex it (RFC 5761 section 5.1.1).
   *
   * @param other what the other party said; null before it said anything
   * @param otherEnd the other end of the flow
   * @return one for each stream; null for one that is shut
   */
  List<@Nullable Opening> of(Media own, @Nullable Media other, InetAddress otherEnd) {
    List<@Nullable Opening> openings = new ArrayList<>(own.streams());
    for (int at = 0; at < own.streams(); at++) {
      openings.add(own.isOff(at) ? null : opening(own, other, at, otherEnd));
    }
    return openings;
  }

  /**
   * Who may come to each stream of an offer that is not answered yet. What the other party said
   * before it is no answer to it: a stream that is new, or was off until now, is open as in the
   * first offer of a call.
   *
   * @param other what the other party said last; null before it said anything
   * @param otherEnd the other end of the flow
   * @return one for each stream; null for one that is off, or uses the port of another one
   */
  List<@Nullable Opening> ofOffer(Media own, @Nullable Media other, InetAddress otherEnd) {
    List<@Nullable Opening> openings = new ArrayList<>(own.streams());
    for (int at = 0; at < own.streams(); at++) {
      boolean isNew =
          other != null && other != Media.UNKNOWN && (at >= other.streams() || other.isOff(at));
      openings.add(own.isOff(at) ? null : opening(own, isNew ? null : other, at, otherEnd));
    }
    return openings;
  }

  private @Nullable Opening opening(
      Media own, @Nullable Media other, int stream, InetAddress otherEnd) {
    if (other == null) {
      return new Opening(policy.beforeAnswer(), true);
    }
    if (other == Media.UNKNOWN) {
      return new Opening(policy.after(null, MediaPolicy.Place.NONE, otherEnd), true);
    }
    boolean shut =
        stream >= other.streams()
            || other.isOff(stream)
            || (own.bundledInto(stream) >= 0 && other.bundledInto(stream) >= 0);
    if (shut) {
      return null;
    }
    boolean mux = own.isMux(stream) && other.isMux(stream);
    return new Opening(policy.after(other.address(stream), other.place(stream), otherEnd), !mux);
  }
}
