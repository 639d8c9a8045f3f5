package org.pinholed.helper.sip.rewrite;

import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;

/**
 * Who sends the messages of one direction and who gets them, and how each is known on the other
 * side of the translation. Immutable; made once for each direction of a flow.
 */
public final class Sides {
  private final Transport transport;
  private final Endpoint sender;
  private final Endpoint senderSeen;
  private final Endpoint receiver;
  private final Endpoint receiverSeen;
  private final byte[] senderAddress;
  private final byte[] senderSeenAddress;
  private final byte[] receiverSeenAddress;

  /**
   * Takes what is known of a flow.
   *
   * @param facts the flow
   * @param direction which way the messages go
   */
  public Sides(FlowFacts facts, Direction direction) {
    transport = facts.transport();
    sender = facts.sender(direction);
    senderSeen = facts.senderSeenByPeer(direction);
    receiver = facts.sender(direction.opposite());
    receiverSeen = facts.senderSeenByPeer(direction.opposite());
    senderAddress = sender.address().getAddress();
    senderSeenAddress = senderSeen.address().getAddress();
    receiverSeenAddress = receiverSeen.address().getAddress();
  }

  /**
   * What the flow runs over.
   *
   * @return TCP or UDP
   */
  public Transport transport() {
    return transport;
  }

  /**
   * The sender as it knows itself: what it writes into fields of its own.
   *
   * @return its endpoint
   */
  public Endpoint sender() {
    return sender;
  }

  /**
   * The sender as the receiver sees it: what must stand in these fields.
   *
   * @return the same as {@link #sender} if it is not translated
   */
  public Endpoint senderSeen() {
    return senderSeen;
  }

  /**
   * The receiver as it knows itself.
   *
   * @return its endpoint
   */
  public Endpoint receiver() {
    return receiver;
  }

  /**
   * The receiver as the sender sees it: what it was told, and repeats.
   *
   * @return the same as {@link #receiver} if it is not translated
   */
  public Endpoint receiverSeen() {
    return receiverSeen;
  }

  /**
   * Whether the receiver sees another endpoint than the sender knows.
   *
   * @return true if fields of the sender's own change
   */
  public boolean isSenderTranslated() {
    return !sender.equals(senderSeen);
  }

  /**
   * Whether the sender sees another endpoint than the receiver knows.
   *
   * @return true if fields change in which the receiver's is repeated
   */
  public boolean isReceiverTranslated() {
    return !receiver.equals(receiverSeen);
  }

  /**
   * The address of the sender as it knows itself.
   *
   * @return its bytes, not a copy
   */
  public byte[] senderAddress() {
    return senderAddress;
  }

  byte[] senderSeenAddress() {
    return senderSeenAddress;
  }

  byte[] receiverSeenAddress() {
    return receiverSeenAddress;
  }
}
