package org.pinholed.helper.sip.registration;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;

/**
 * What a REGISTER or an answer to one says.
 *
 * @param status 100..699; 0 for a request
 * @param cseq the number of CSeq, 0 or more
 * @param transaction hash of Call-ID and topmost branch, by {@link RegistrationNames#transaction}
 * @param registration the owner, by {@link RegistrationNames#registration}
 * @param direction which way it goes
 * @param all whether Contact is {@code *}
 * @param contacts its URIs of Contact whose host is an address, in their order
 * @param othersListed whether it has URIs of Contact that are not among these
 * @param expires Expires in seconds; below zero if there is none
 * @param mayOpen false for a stream that is read from somewhere in its middle and where no request
 *     and its answer were both read yet: then a message may close, and take ports, but opens
 *     nothing
 * @param label who registers, for operators
 * @param streamOffset where it begins; 0 for a datagram
 */
public record RegisterMessage(
    int status,
    long cseq,
    OwnerId transaction,
    OwnerId registration,
    Direction direction,
    boolean all,
    List<Contact> contacts,
    boolean othersListed,
    long expires,
    boolean mayOpen,
    String label,
    long streamOffset) {
  /** Copies the list. */
  public RegisterMessage {
    contacts = List.copyOf(contacts);
  }

  /**
   * One URI of Contact.
   *
   * @param endpoint its address and port as they stand there; 5060 if the text has no port
   * @param portNamed whether the text has a port
   * @param transport by its {@code transport} parameter, else that of the flow; null if it is
   *     neither UDP nor plain TCP
   * @param expires the {@code expires} parameter in seconds; below zero if there is none
   */
  public record Contact(
      Endpoint endpoint, boolean portNamed, @Nullable Transport transport, long expires) {}

  boolean isRequest() {
    return status == 0;
  }

  boolean isSuccess() {
    return status >= 200 && status < 300;
  }
}
