package org.pinholed.helper.ftp;

import org.pinholed.helper.Reason;

/** Why an FTP message opens nothing, or why a flow is not read (any more). */
public enum FtpReason implements Reason {
  /** The first line is a request of HTTP or of a protocol that is made like it. */
  HTTP(Kind.OPAQUE, "the client speaks HTTP or the like, not FTP"),
  /** A line begins with a TLS handshake record. */
  TLS_HELLO(Kind.OPAQUE, "a TLS handshake began without AUTH"),
  /** AUTH TLS or SSL was accepted. */
  TLS(Kind.OPAQUE, "the server accepted AUTH TLS, what follows is encrypted"),
  /** AUTH with another mechanism was accepted. */
  AUTH_PROTECTED(Kind.OPAQUE, "the server accepted AUTH, what follows is protected"),
  /** The first bytes are no text. */
  BINARY(Kind.OPAQUE, "the first bytes are not text, so this is not FTP"),
  /** The first line of the client is no FTP command. */
  NOT_FTP(Kind.OPAQUE, "the first line of the client is no FTP command"),

  /** Header lines of HTTP, mail and the like. */
  HEADER_LINE(
      Kind.OPAQUE,
      "the client sent a header line such as Host: before it was logged in, so this is not FTP"),

  /** Somebody else's address; data of others could be drawn or attacked through it. */
  ADDRESS_NOT_ANNOUNCER(Kind.REFUSED, "the announced address is not the one of its announcer"),
  /** A server named another address than its own; its own opens instead. */
  SERVER_ADDRESS_IGNORED(
      Kind.REFUSED,
      "the server named an address that is not its own: that stays shut, the port of the server"
          + " itself is taken instead"),
  /** RFC 2577 section 3: such ports belong to services. */
  PORT_BELOW_1024(Kind.REFUSED, "the announced port is below 1024"),
  /** The port is on the deny list. */
  PORT_DENIED(Kind.REFUSED, "the announced port belongs to a service on the deny list"),
  /** A number of PORT or 227 is above 255. */
  OCTET_OUT_OF_RANGE(Kind.REFUSED, "a number of the host-port is above 255"),
  /** The port of EPRT or 229 is above 65535. */
  PORT_OUT_OF_RANGE(Kind.REFUSED, "the announced port is above 65535"),
  /** The port is 0. */
  PORT_ZERO(Kind.REFUSED, "the announced port is 0"),
  /** The address is of the other family than the flow, or of none. */
  WRONG_FAMILY(Kind.REFUSED, "the announced address family is not the one of the flow"),
  /** The address of EPRT or 229 cannot be read. */
  BAD_ADDRESS(Kind.REFUSED, "the announced address is not an address literal"),
  /** The host-port is not complete. */
  MISSING_FIELDS(Kind.REFUSED, "the host-port has missing or too many fields"),
  /** The line is longer than the limit; it is skipped to its end. */
  LINE_TOO_LONG(Kind.REFUSED, "the line is longer than the limit and was skipped"),
  /** Nothing was asked. */
  REPLY_WITHOUT_COMMAND(Kind.REFUSED, "a reply came without a command"),
  /** 227 or 229 in answer to something else than PASV or EPSV. */
  REPLY_TO_OTHER_COMMAND(Kind.REFUSED, "a passive reply came as the answer to another command"),
  /** LPRT and LPSV (RFC 1639, historic). */
  LONG_FORM(Kind.REFUSED, "LPRT and LPSV are not supported, EPRT and EPSV replaced them"),
  /** RFC 2428 section 4. */
  EPSV_ALL(Kind.REFUSED, "the client said EPSV ALL before and may use nothing else now"),
  /** The server did not say 220. */
  NO_GREETING(Kind.REFUSED, "the server has not sent its greeting, so this is not yet FTP"),
  /** No login was accepted. */
  NO_LOGIN(Kind.REFUSED, "nobody has logged in yet"),
  /** A file name with line feeds in it could be this reply. */
  REPLY_IN_DOUBT(
      Kind.REFUSED,
      "PASV or EPSV was sent while a reply was outstanding that may hold names of files, and such a"
          + " name could pose as its answer"),
  /** More commands wait for their replies than are remembered. */
  TOO_MANY_OUTSTANDING(Kind.REFUSED, "too many commands wait for their replies");

  private final Kind kind;
  private final String explanation;

  FtpReason(Kind kind, String explanation) {
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
