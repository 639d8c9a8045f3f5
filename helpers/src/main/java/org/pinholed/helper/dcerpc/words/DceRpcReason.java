package org.pinholed.helper.dcerpc.words;

import org.pinholed.helper.Reason;

/** Why a call of DCE-RPC opens nothing, or why a flow is not read (any more). */
public enum DceRpcReason implements Reason {
  /** The first bytes of a direction are no header of version 5. */
  NOT_DCERPC(Kind.OPAQUE, "the first bytes are no header of DCE-RPC version 5"),

  /** C706 12.6.3.1: nobody can tell where the next PDU begins. */
  BROKEN_HEADER(
      Kind.MALFORMED, "a header has another version, an unknown byte order or a length below 16"),
  /** C706 13.2.6.1. */
  TRAILER_BEYOND_PDU(Kind.MALFORMED, "an authentication trailer is longer than its PDU"),
  /** A datagram of version 4 ends before its header or its body does. */
  BROKEN_DATAGRAM(Kind.MALFORMED, "a datagram is shorter than its header says"),

  /** Packet privacy: MS-RPCE 2.2.1.1.8, level 6. */
  SEALED(
      Kind.PART_OPAQUE,
      "the call is encrypted (packet privacy), so the port that it announces cannot be read"),

  /** A PDU is whole, but shorter than what its type must have. */
  SHORT_PDU(Kind.REFUSED, "a PDU is shorter than the header of its type"),
  /** MS-RPCE 2.2.2.11: the padding before a trailer is a part of the PDU. */
  BAD_PADDING(Kind.REFUSED, "the padding before an authentication trailer is longer than the stub"),
  /** A list of contexts or of results ends too early. */
  BAD_BIND(Kind.REFUSED, "a bind or its answer ends before the last of its elements"),
  /** An answer names a transfer syntax that was not offered. */
  SYNTAX_NOT_OFFERED(Kind.REFUSED, "the server accepted a transfer syntax that was not offered"),
  /** More contexts than one flow may have. */
  TOO_MANY_CONTEXTS(Kind.REFUSED, "the flow has more presentation contexts than are kept"),
  /** More calls that wait for their reply than one flow may have. */
  TOO_MANY_REQUESTS(Kind.REFUSED, "more calls wait for their reply than are kept"),
  /** More calls in fragments than one flow may have. */
  TOO_MANY_FRAGMENTED_CALLS(
      Kind.REFUSED, "more calls arrive in fragments at a time than are put together"),
  /** A call in fragments that is too long. */
  CALL_TOO_LONG(Kind.REFUSED, "the fragments of a call are together longer than is read"),
  /** A fragment that is not the first of a call of which nothing came. */
  FRAGMENT_WITHOUT_FIRST(Kind.REFUSED, "a fragment came of a call whose first one did not"),
  /** The fragments of one call do not agree. */
  FRAGMENTS_DIFFER(Kind.REFUSED, "the fragments of a call have different byte orders"),
  /** Nobody asked. */
  REPLY_WITHOUT_REQUEST(Kind.REFUSED, "a reply came to a call that was not seen"),

  /** A stub ends before what it must have. */
  STUB_TOO_SHORT(Kind.REFUSED, "the arguments of a call end before the last of them"),
  /** A count or a length does not fit to the bytes that are there. */
  BAD_COUNT(Kind.REFUSED, "a count or a length does not fit to the rest of the message"),
  /** C706 appendix L: floors that end too early, or none of the service. */
  BAD_TOWER(Kind.REFUSED, "a protocol tower cannot be read"),
  /** The service of a tower is not the one that was asked for. */
  OTHER_SERVICE(Kind.REFUSED, "the endpoint mapper announced another service than the asked one"),
  /** More towers in a reply than are read. */
  TOO_MANY_TOWERS(Kind.REFUSED, "a reply has more towers than are read"),
  /** More string bindings in an array than are read. */
  TOO_MANY_BINDINGS(Kind.REFUSED, "a reply has more string bindings than are read"),
  /** A string binding that names no port, or one out of range. */
  BAD_BINDING(Kind.REFUSED, "a string binding of TCP names no port from 1 to 65535"),
  /** MS-DCOM 2.2.22: properties of an activation. */
  BAD_ACTIVATION(Kind.REFUSED, "the properties of an activation cannot be read"),
  /** More activation properties than are read. */
  TOO_MANY_PROPERTIES(Kind.REFUSED, "an activation has more properties than are read"),
  /** ept_lookup lists everything that there is. */
  LOOKUP_IGNORED(
      Kind.REFUSED, "ept_lookup lists all services, which opens nothing unless lookup is open"),

  /** Somebody else's address. */
  ADDRESS_NOT_SERVER(Kind.REFUSED, "the announced address is not the one of the server"),
  /** Such ports belong to services that have firewall rules of their own. */
  PORT_BELOW_1024(Kind.REFUSED, "the announced port is below 1024"),
  /** The port is on the deny list. */
  PORT_DENIED(Kind.REFUSED, "the announced port is on the deny list"),
  /** Policy. */
  INTERFACE_DENIED(Kind.REFUSED, "the interface is not one that the entry of the helper allows"),
  /** An address that is translated stays in the message as it was. */
  BINDING_NOT_REWRITTEN(
      Kind.REFUSED,
      "an announced address is translated and was left in the message, because it is signed or the"
          + " new text has another length; its port opens all the same");

  private final Kind kind;
  private final String explanation;

  DceRpcReason(Kind kind, String explanation) {
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
