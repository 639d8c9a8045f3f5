package org.pinholed.helper.sip.policy;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.ExpectationRequest.Source;

/**
 * Who may come through a pinhole; any port.
 *
 * @param scope the other end of the flow, one address, or anybody
 * @param address the one address; null for the others
 */
public record MediaSource(Source scope, @Nullable InetAddress address) {
  /** The other end of the flow. */
  public static final MediaSource PEER = new MediaSource(Source.PEER, null);

  /** Anybody. */
  public static final MediaSource ANY = new MediaSource(Source.ANY, null);

  /**
   * One address.
   *
   * @param address the address
   * @return that one
   */
  public static MediaSource of(InetAddress address) {
    return new MediaSource(Source.ADDRESS, address);
  }

  /**
   * Says it in a request.
   *
   * @param request its builder, that lets in the other end of the flow
   */
  public void addTo(ExpectationRequest.Builder request) {
    if (address != null) {
      request.from(address);
    } else if (scope == Source.ANY) {
      request.fromAny();
    }
  }
}
