package org.pinholed.helper.sip.registration;

import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OwnerId;

/**
 * Names of registrations. They are made of the message and its flow alone, so that the next process
 * finds in the kernel what this one opened. Immutable; one for each flow.
 */
public final class RegistrationNames {
  private static final OwnerId.Digest REGISTRATIONS = new OwnerId.Digest("sip registration");
  private static final OwnerId.Digest TRANSACTIONS = new OwnerId.Digest("sip register");

  private final FlowFacts facts;

  /**
   * Makes names.
   *
   * @param facts the flow
   */
  public RegistrationNames(FlowFacts facts) {
    this.facts = facts;
  }

  /**
   * The owner of what a registration opens: who is registered, from where, and at which registrar.
   *
   * @param toUri the URI of To
   * @param fromPhone which way requests go: that of a REGISTER, the opposite of that of its answer
   * @return its name
   */
  public OwnerId registration(byte[] toUri, Direction fromPhone) {
    return REGISTRATIONS.of(
        toUri,
        facts.sender(fromPhone).address().getAddress(),
        facts.sender(fromPhone.opposite()).address().getAddress());
  }

  /**
   * Tells what is answered: RFC 3261 sections 17.1.3 and 8.2.6.2.
   *
   * @param callId the value of Call-ID
   * @param branch the branch of the topmost Via
   * @return its name
   */
  public OwnerId transaction(byte[] callId, byte[] branch) {
    return TRANSACTIONS.of(callId, branch);
  }
}
