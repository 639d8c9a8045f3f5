package org.pinholed.helper.sip.rewrite;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;

/**
 * Which endpoints stand for which on the two sides of the translation, beside those of the flow.
 */
public interface Mappings {
  /**
   * What others see of an endpoint of the sender.
   *
   * @param transport what comes there
   * @param own the endpoint as the sender knows it
   * @return null if nothing leads there
   */
  @Nullable Endpoint seenOf(Transport transport, Endpoint own);

  /**
   * What an endpoint that others see leads to.
   *
   * @param transport what comes there
   * @param seen the endpoint as others see it
   * @return null if it is none of ours
   */
  @Nullable Inside insideOf(Transport transport, Endpoint seen);

  /**
   * An endpoint behind the translation, and how it was written.
   *
   * @param endpoint as its owner knows it
   * @param wrote what its owner had written
   */
  record Inside(Endpoint endpoint, Wrote wrote) {}

  /** How an endpoint was written by its owner, so that it is given back in the same way. */
  enum Wrote {
    /** Host and port. */
    HOST_AND_PORT,
    /** The host only; the port was that of the transport. */
    HOST,
    /** The endpoint that others see, which it knows by STUN or the like: nothing was changed. */
    SEEN
  }
}
