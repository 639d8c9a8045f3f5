package org.pinholed.helper.sip.call;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.sip.sdp.SdpDescription;
import org.pinholed.helper.sip.words.SipWord;

/**
 * What a message says that matters to a call. Hashes are made by {@link CallNames}.
 *
 * @param word the method of a request, the class of an answer
 * @param status 100..699; 0 for a request
 * @param method the method of a request; of an answer that of its CSeq
 * @param cseq the number of CSeq, 0 or more
 * @param branch hash of the topmost branch; {@link CallNames#NONE} if there is none
 * @param call the owner, by its Call-ID
 * @param fromTag hash of the tag of From
 * @param toTag hash of the tag of To
 * @param direction which way it goes
 * @param description its session description; null if it has none, or that cannot be read
 * @param signals its URIs of Contact and Record-Route whose host is an address, in their order
 * @param sessionExpires Session-Expires in seconds (RFC 4028); below zero if there is none
 * @param mayOpen false for a stream that is read from somewhere in its middle and where no request
 *     and its answer were both read yet: then a message may close, and take ports, but opens
 *     nothing
 * @param label who speaks with whom, for operators
 * @param streamOffset where it begins; 0 for a datagram
 */
public record CallMessage(
    SipWord word,
    int status,
    SipWord method,
    long cseq,
    long branch,
    OwnerId call,
    long fromTag,
    long toTag,
    Direction direction,
    @Nullable SdpDescription description,
    List<Signal> signals,
    long sessionExpires,
    boolean mayOpen,
    String label,
    long streamOffset) {
  /** Copies the list. */
  public CallMessage {
    signals = List.copyOf(signals);
  }

  boolean isRequest() {
    return status == 0;
  }

  boolean isProvisional() {
    return status >= 100 && status < 200;
  }

  boolean isSuccess() {
    return status >= 200 && status < 300;
  }

  boolean isFailure() {
    return status >= 300;
  }

  /** A challenge: the request comes again, with credentials (RFC 3261 section 22). */
  boolean isChallenge() {
    return status == 401 || status == 407;
  }

  /** The party that sent it, by its tag: of an answer it is the one of To. */
  long senderTag() {
    return isRequest() ? fromTag : toTag;
  }

  long receiverTag() {
    return isRequest() ? toTag : fromTag;
  }
}
