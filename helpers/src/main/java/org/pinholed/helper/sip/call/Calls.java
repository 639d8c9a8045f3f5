package org.pinholed.helper.sip.call;

import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.sip.policy.SipSettings;

/**
 * The calls of a flow. They are shared with all other flows of the protocol, so that any of them
 * can end what another one began. One per flow, used by its thread only.
 */
public final class Calls {
  private final CallNames names = new CallNames();

  /**
   * Makes the calls of a flow.
   *
   * @param facts the flow
   * @param shared what all flows share
   * @param settings what the entry allows
   */
  public Calls(FlowFacts facts, SharedState shared, SipSettings settings) {}

  /**
   * What makes the hashes of its messages.
   *
   * @return the same at every call
   */
  public CallNames names() {
    return names;
  }

  /**
   * Takes a message of any method but REGISTER. Opens, closes and reports what follows from it.
   *
   * @param message what it says
   * @param nowNs the time that the helper was given with its bytes
   * @param out takes the outcomes
   * @return what the receiver must see
   */
  public SeenMedia onMessage(CallMessage message, long nowNs, OutcomeSink out) {
    return SeenMedia.NONE;
  }
}
