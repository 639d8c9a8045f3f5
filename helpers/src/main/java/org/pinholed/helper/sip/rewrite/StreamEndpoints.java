package org.pinholed.helper.sip.rewrite;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Ranges;

/**
 * What the receiver of a description must read in the place of the endpoints of its streams. Used
 * again for the next one. Not thread-safe; one per flow.
 */
public final class StreamEndpoints {
  private final @Nullable Endpoint[] rtp;
  private final @Nullable Endpoint[] rtcp;

  /**
   * Makes one in which nothing is said.
   *
   * @param maxStreams how many streams a description may have
   */
  public StreamEndpoints(int maxStreams) {
    Ranges.require("maxStreams", maxStreams, 1, 64);
    rtp = new Endpoint[maxStreams];
    rtcp = new Endpoint[maxStreams];
  }

  /** Says nothing of any stream. */
  public void clear() {
    Arrays.fill(rtp, null);
    Arrays.fill(rtcp, null);
  }

  /**
   * Says what is to stand for a stream.
   *
   * @param stream its index
   * @param seen in the place of the addresses and ports of {@code m=} and {@code c=}
   * @param seenRtcp the same for RTCP; null if it has no port of its own
   */
  public void put(int stream, Endpoint seen, @Nullable Endpoint seenRtcp) {
    rtp[stream] = seen;
    rtcp[stream] = seenRtcp;
  }

  /**
   * What is to stand for a stream.
   *
   * @param stream its index
   * @return null if nothing was said
   */
  public @Nullable Endpoint rtp(int stream) {
    return rtp[stream];
  }

  @Nullable Endpoint rtcp(int stream) {
    return rtcp[stream];
  }
}
