package org.pinholed.helper.sip.registration;

import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.sip.policy.SipSettings;

/**
 * The registrations of a flow, shared with all other flows of the protocol. One per flow, used by
 * its thread only.
 */
public final class Registrations {
  private final RegistrationNames names;

  /**
   * Makes the registrations of a flow.
   *
   * @param facts the flow
   * @param shared what all flows share
   * @param settings what the entry allows
   */
  public Registrations(FlowFacts facts, SharedState shared, SipSettings settings) {
    names = new RegistrationNames(facts);
  }

  /**
   * What makes the hashes of its messages.
   *
   * @return the same at every call
   */
  public RegistrationNames names() {
    return names;
  }

  /**
   * Takes a REGISTER. Takes ports for its contacts, which open at the answer.
   *
   * @param message what it says
   * @param nowNs the time that the helper was given with its bytes
   * @param out takes the outcomes
   * @return what the registrar must see
   */
  public SeenContacts onRequest(RegisterMessage message, long nowNs, OutcomeSink out) {
    return SeenContacts.NONE;
  }

  /**
   * Takes an answer to a REGISTER.
   *
   * @param message what it says
   * @param nowNs the time that the helper was given with its bytes
   * @param out takes the outcomes
   * @return what the phone must see
   */
  public SeenContacts onAnswer(RegisterMessage message, long nowNs, OutcomeSink out) {
    return SeenContacts.NONE;
  }
}
