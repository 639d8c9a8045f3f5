package org.pinholed.helper.sip.words;

import org.pinholed.helper.Reason;

/**
 * Why a SIP message opens nothing, or why a flow is not read (any more). MALFORMED is only what
 * makes it doubtful where the next message of a stream begins; whatever else is wrong in a message
 * is REFUSED, so that one bad message does not end the reading of a trunk.
 */
public enum SipReason implements Reason {
  /** A TLS handshake record, as on port 5061. */
  TLS_HELLO(Kind.OPAQUE, "the flow begins with a TLS handshake, what follows is encrypted"),
  /** HTTP, also where it is to become WebSocket. */
  HTTP(Kind.OPAQUE, "the flow begins with HTTP, not with SIP"),
  /** The first bytes are no start line of SIP. */
  NOT_SIP(Kind.OPAQUE, "the flow does not begin with a start line of SIP"),

  /** Where a message of the stream should begin there is no start line. */
  NO_START_LINE(Kind.MALFORMED, "no start line of SIP stands where the next message should begin"),
  /** RFC 3261 section 18.3: on a stream the length must be said. */
  CONTENT_LENGTH_MISSING(Kind.MALFORMED, "a message of a stream has no Content-Length"),
  /** No number, a sign, or something behind the number. */
  CONTENT_LENGTH_INVALID(Kind.MALFORMED, "Content-Length is not a number and nothing else"),
  /** Two that differ: two readers would cut the stream differently. */
  CONTENT_LENGTH_DIFFERS(Kind.MALFORMED, "a message has two Content-Length that differ"),
  /** The number is above all that a message may have, or would wrap around. */
  CONTENT_LENGTH_TOO_LARGE(Kind.MALFORMED, "Content-Length is above 65535"),
  /** Head and body together are more than is read. */
  MESSAGE_TOO_LONG(Kind.MALFORMED, "the message is longer than 65535 bytes"),
  /** A datagram that ends before its body does. */
  CONTENT_LENGTH_BEYOND_END(
      Kind.MALFORMED, "Content-Length says more than there is behind the head of the datagram"),
  /** A datagram without the empty line. */
  HEAD_UNFINISHED(Kind.MALFORMED, "the head of the message does not end with an empty line"),

  /** The start line is not as RFC 3261 section 7 says. */
  START_LINE(Kind.REFUSED, "the start line is not one of SIP/2.0"),
  /** More header lines than are read. */
  TOO_MANY_LINES(Kind.REFUSED, "the message has more than 256 header lines"),
  /** A line of the head without a name and a colon. */
  HEADER_LINE(Kind.REFUSED, "a line of the head is no header line"),
  /** A NUL or a CR without LF where receivers read differently. */
  CONTROL_CHARACTER(Kind.REFUSED, "a header line has a NUL or a CR that ends no line"),
  /** From, To, Call-ID, CSeq or Via is not there. */
  HEADER_MISSING(Kind.REFUSED, "From, To, Call-ID, CSeq or Via is missing"),
  /** Two of a header of which there may be one. */
  HEADER_TWICE(Kind.REFUSED, "a header that may be there once is there twice"),
  /** Call-ID is empty or has white space within. */
  CALL_ID(Kind.REFUSED, "Call-ID cannot be read"),
  /** CSeq is no number below 2^31 with a method. */
  CSEQ(Kind.REFUSED, "CSeq is not a number below 2^31 and a method"),
  /** CSeq names another method than the request line. */
  CSEQ_METHOD(Kind.REFUSED, "CSeq names another method than the request"),
  /** The topmost Via is not as its grammar says. */
  VIA(Kind.REFUSED, "the topmost Via cannot be read"),
  /** A URI, or what stands around it, is not as its grammar says. */
  URI(Kind.REFUSED, "a URI of the message cannot be read"),
  /** From or To has no URI, or two tags. */
  FROM_TO(Kind.REFUSED, "From or To cannot be read"),
  /** Parts of a multipart body that cannot be told apart, or two of them are SDP. */
  MULTIPART(Kind.REFUSED, "the parts of the body cannot be told apart, or two of them are SDP"),

  /** A NUL or a CR without LF: some readers end the text or a line there, others do not. */
  SDP_CONTROL_CHARACTER(Kind.REFUSED, "the SDP has a NUL or a CR that ends no line"),
  /** More m= lines, or pairs of ports, than are opened for one description. */
  SDP_TOO_MANY_STREAMS(Kind.REFUSED, "the SDP has more streams than mediaPerCall"),
  /** An m= line without a port, a number of ports or a protocol. */
  SDP_MEDIA(Kind.REFUSED, "an m= line of the SDP cannot be read"),
  /** The port of an m= line, or of the last pair that it asks for, is above 65535. */
  SDP_PORT_OUT_OF_RANGE(Kind.REFUSED, "the port of an m= line is above 65535"),
  /** Several ports of what is not RTP over UDP, or together with a=rtcp: nobody says which. */
  SDP_PORT_COUNT(Kind.REFUSED, "an m= line asks for several ports, and nobody says for which"),
  /** Nobody asks for them between two parties; what stands for one pair stands for no other. */
  SDP_MORE_PAIRS(
      Kind.REFUSED,
      "an m= line asks for several pairs of ports, of which only the first one is opened"),
  /** DCCP and whatever else is neither UDP nor TCP. */
  SDP_PROTOCOL(Kind.REFUSED, "the protocol of an m= line is not known to use UDP or TCP"),
  /** Neither the stream nor the session has a c= line (RFC 8866 section 5.7). */
  SDP_NO_CONNECTION(Kind.REFUSED, "the SDP has no c= line for the stream"),
  /** Two c= lines where one is allowed: readers differ which of them counts. */
  SDP_CONNECTION_TWICE(Kind.REFUSED, "the SDP has two c= lines for the stream"),
  /** Neither an address of its type nor a name. */
  SDP_CONNECTION(Kind.REFUSED, "the c= line cannot be read"),
  /** Names are never looked up. */
  SDP_HOST_NAME(Kind.REFUSED, "the c= line names a host, and names are not looked up"),
  /** Packets to a group go nowhere that a pinhole leads. */
  SDP_MULTICAST(Kind.REFUSED, "the c= line has a multicast address"),
  /** Two a=rtcp lines: readers differ which of them counts. */
  SDP_RTCP_TWICE(Kind.REFUSED, "the stream has two a=rtcp lines"),
  /** RFC 3605 section 2.1. */
  SDP_RTCP(Kind.REFUSED, "the a=rtcp line cannot be read"),

  /** A helper or gateway before this one has changed a part of it. */
  ANOTHER_ALG(
      Kind.REFUSED,
      "somebody else rewrites this SIP before it comes here: its Via says what only the outside"
          + " knows, its Contact still what the inside knows"),
  /** Two streams share a c= line and are reached at different addresses. */
  SDP_ADDRESSES_DIFFER(
      Kind.REFUSED, "streams that share a c= line would need different addresses there"),

  /** Somebody else's address: ports of others could be opened through it. */
  ADDRESS_NOT_SENDER(
      Kind.REFUSED, "the announced address is neither that of the sender nor one of mediaNetworks"),
  /** Such ports belong to services. */
  PORT_BELOW_1024(Kind.REFUSED, "the announced port is below 1024"),
  /** The port is on the deny list. */
  PORT_DENIED(Kind.REFUSED, "the announced port belongs to a service on the deny list"),
  /** One message cannot have whatever ports of a host opened. */
  TOO_MANY_PORTS(
      Kind.REFUSED, "the message names more ports of its sender than are opened for one message"),
  /** The limit {@code calls}. */
  TOO_MANY_CALLS(
      Kind.REFUSED,
      "there are as many calls as calls allows; one of more than 2 KiB counts as several"),
  /** Branches, streams and contacts that all are within their limits, and too many together. */
  CALL_TOO_LARGE(
      Kind.REFUSED,
      "what there is to remember of the call, of all its branches, is more than 32 KiB"),
  /** The limit {@code unansweredPerSource}. */
  TOO_MANY_UNANSWERED(
      Kind.REFUSED,
      "the caller began more calls that nobody has answered yet than unansweredPerSource allows"),
  /** The limit {@code forks}. */
  TOO_MANY_FORKS(Kind.REFUSED, "the call was answered by more branches than forks allows"),
  /** A new call under the Call-ID of another one that goes on. */
  CALL_ID_IN_USE(Kind.REFUSED, "another call goes on that has the same Call-ID"),
  /** An offer, an answer or a BYE within a dialog, from an address that is no end of it. */
  NOT_A_PARTY(Kind.REFUSED, "the sender is no party of the call"),
  /** An answer with SDP to an INVITE that was not seen, or that is over. */
  ANSWER_UNASKED(Kind.REFUSED, "the answer belongs to no INVITE that waits for one"),
  /** An offer within a dialog that nobody here knows. */
  DIALOG_UNKNOWN(Kind.REFUSED, "the offer belongs to a call whose beginning was not seen"),
  /** The limit {@code contacts}. */
  TOO_MANY_CONTACTS(
      Kind.REFUSED,
      "more contacts than contacts allows: nothing of the REGISTER is opened, or of several"
          + " REGISTERs the contact that ends first is shut"),
  /** The limit {@code registrations}. */
  TOO_MANY_REGISTRATIONS(Kind.REFUSED, "there are as many registrations as registrations allows"),
  /** The limit {@code registrationsPerSource}. */
  TOO_MANY_REGISTRATIONS_OF_SOURCE(
      Kind.REFUSED, "the phone has as many registrations as registrationsPerSource allows"),
  /** TLS, WebSocket, SCTP. */
  CONTACT_TRANSPORT(Kind.REFUSED, "the contact takes neither UDP nor plain TCP"),
  /** What came in by a registration registers nobody. */
  REGISTER_IN_CHILD(
      Kind.REFUSED, "the REGISTER came over a connection that a registration or call let in"),
  /** A 2xx to a REGISTER that was not seen, or from another place than it went to. */
  REGISTER_UNASKED(Kind.REFUSED, "the answer belongs to no REGISTER that was seen");

  private final Kind kind;
  private final String explanation;

  SipReason(Kind kind, String explanation) {
    this.kind = kind;
    this.explanation = explanation;
  }

  @Override
  public Kind kind() {
    return kind;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
