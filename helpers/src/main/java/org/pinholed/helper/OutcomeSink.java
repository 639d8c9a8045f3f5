package org.pinholed.helper;

import org.jspecify.annotations.Nullable;

/**
 * Where a helper puts what it concluded from a message. Calling nothing means: pass. Calls are
 * valid only while the helper is being fed, on the same thread.
 *
 * <p>A sink, not a returned object, because one segment may carry any number of messages and most
 * carry none of interest: those must cost no allocation.
 */
public interface OutcomeSink {
  /**
   * Announces a child. A request with the key of an unused one replaces it.
   *
   * @param request what was announced, with addresses as the payload says
   * @return what the other side must see as the child's destination: the announced endpoint itself
   *     without translation; null if nothing is opened because of a limit or policy (already
   *     counted), and then nothing is to be rewritten. If it is another endpoint than the announced
   *     one the helper must {@link #edit} the message accordingly in the same call
   */
  @Nullable Endpoint expect(ExpectationRequest request);

  /**
   * Opens what was announced inactive.
   *
   * @param key the key of the request; unknown keys are ignored
   */
  void activate(String key);

  /**
   * Shuts everything that was announced under a key and did not come yet, and with it the right to
   * new connections.
   *
   * @param key the key of the request; unknown keys are ignored
   */
  void close(String key);

  /**
   * Changes bytes of the message that is being read. Edits of one message come in ascending order
   * and do not overlap.
   *
   * @param streamOffset first byte to replace, counted from the first byte of the direction's
   *     stream (of the datagram for UDP)
   * @param lengthBytes how many bytes go
   * @param replacement what comes instead; the sink keeps the array
   */
  void edit(long streamOffset, int lengthBytes, byte[] replacement);

  /**
   * Says that the message whose end is awaited may announce a child, so that it may have to be
   * changed as a whole: on a translated flow what is there of it is kept from the receiver, once,
   * until the sender sends it again together with the rest.
   *
   * @param streamOffset where in the direction's stream the message began
   */
  default void incomplete(long streamOffset) {}

  /**
   * Says why something opens nothing, or why reading ends; the kind of the reason decides.
   *
   * @param reason the reason
   * @param streamOffset where in the direction's stream it was seen
   */
  void report(Reason reason, long streamOffset);

  /**
   * Says what was understood, for the trace.
   *
   * @param word a command, reply or method
   */
  void understood(HelperWord word);

  /**
   * Says that the evidence of the protocol is complete: what was read in order, from the first byte
   * of each direction, can only come from a client and a server that speak it to each other. From
   * then on the flow may be resumed by an agent that did not see its beginning; before, never.
   * Saying it again does nothing.
   */
  default void proven() {}
}
