package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A message as the rules see it: what it says, between whom, and what of it may be opened.
 *
 * @param message what it says
 * @param sender the end of the flow that it comes from
 * @param receiver the other end
 * @param senderPlace name of the way from the sender to the receiver
 * @param receiverPlace name of the way back
 * @param media what its description says; null without one
 * @param signals where the sender takes requests
 * @param evidence what of its call stands in the kernel; nothing if its call is known
 */
record Incoming(
    CallMessage message,
    InetAddress sender,
    InetAddress receiver,
    int senderPlace,
    int receiverPlace,
    @Nullable Media media,
    Signals signals,
    Evidence evidence) {
  /**
   * What an earlier process opened for a call, which only the kernel knows now.
   *
   * @param offer whether the ports of an INVITE stand that the receiver has sent
   * @param invite whether these or the places stand where the receiver takes requests
   * @param dialog whether ports of a dialog between the two stand
   * @param rings whether the call was not answered when that process was killed
   * @param others who else is in a dialog with the sender ({@code ofOne}) or the receiver; empty
   *     while it rings
   */
  record Evidence(
      boolean offer, boolean invite, boolean dialog, boolean rings, Groups.Others others) {
    static final Evidence NONE = new Evidence(false, false, false, false, Groups.Others.NONE);
  }
}
