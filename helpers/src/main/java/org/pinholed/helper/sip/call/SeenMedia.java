package org.pinholed.helper.sip.call;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * What the receiver of a message must see in it. Where there is no endpoint the text stays as it
 * is: nothing is opened there, or what the sender wrote is right already.
 *
 * <p>A stream on hold (0.0.0.0) has the endpoint of before; its address stays as it stands in the
 * text, only its port is that of the endpoint.
 *
 * @param streams one for each {@code m=} line; empty if all of the description stays
 * @param signals one for each of {@link CallMessage#signals}; empty if all of them stay
 */
public record SeenMedia(List<Stream> streams, List<Signalled> signals) {
  /** Nothing changes. */
  public static final SeenMedia NONE = new SeenMedia(List.of(), List.of());

  /**
   * What the receiver must see of a stream.
   *
   * @param rtp of its {@code m=} line and what goes with it; null to leave it
   * @param rtcp of its RTCP; null to leave it, and if it has none of its own
   */
  public record Stream(@Nullable Endpoint rtp, @Nullable Endpoint rtcp) {
    static final Stream LEFT = new Stream(null, null);
  }

  /**
   * What the receiver must see of a URI.
   *
   * @param endpoint null to leave it
   */
  public record Signalled(@Nullable Endpoint endpoint) {
    static final Signalled LEFT = new Signalled(null);
  }

  /** Copies the lists. */
  public SeenMedia {
    streams = List.copyOf(streams);
    signals = List.copyOf(signals);
  }

  /**
   * What the receiver must see of a stream.
   *
   * @param index index of its {@code m=} line
   * @return nothing to be changed if that line was not looked at
   */
  public Stream stream(int index) {
    return index < streams.size() ? streams.get(index) : Stream.LEFT;
  }

  /**
   * What the receiver must see of a URI.
   *
   * @param index its index in {@link CallMessage#signals}
   * @return null to leave it
   */
  public @Nullable Endpoint signal(int index) {
    return index < signals.size() ? signals.get(index).endpoint() : null;
  }
}
