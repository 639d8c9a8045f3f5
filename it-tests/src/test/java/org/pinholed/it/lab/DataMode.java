package org.pinholed.it.lab;

/** The four ways in which FTP announces a data connection (RFC 959, RFC 2428). */
public enum DataMode {
  /** The server listens; its 227 names an IPv4 address and a port. */
  PASV,
  /** The server listens; its 229 names a port only. */
  EPSV,
  /** The client listens; it names an IPv4 address and a port. */
  PORT,
  /** The client listens; it names a family, an address and a port. */
  EPRT;

  /** Whether the client opens the data connection. */
  public boolean isPassive() {
    return this == PASV || this == EPSV;
  }

  /** Whether the announcement can carry an address of this family at all. */
  public boolean fits(Family family) {
    return family == Family.V4 || this == EPSV || this == EPRT;
  }
}
