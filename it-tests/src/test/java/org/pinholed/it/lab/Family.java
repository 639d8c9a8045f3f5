package org.pinholed.it.lab;

/** The two address families, each with the documentation addresses that the laboratory uses. */
public enum Family {
  /** IPv4 (RFC 5737 addresses). */
  V4("198.51.100.2", "198.51.100.3", "203.0.113.2", "203.0.113.3", "198.51.100.1"),
  /** IPv6 (RFC 3849 addresses). */
  V6("2001:db8:1::2", "2001:db8:1::3", "2001:db8:2::2", "2001:db8:2::3", "2001:db8:1::1");

  private final String client;
  private final String otherClient;
  private final String server;
  private final String otherServer;
  private final String routerToClient;

  Family(
      String client, String otherClient, String server, String otherServer, String routerToClient) {
    this.client = client;
    this.otherClient = otherClient;
    this.server = server;
    this.otherServer = otherServer;
    this.routerToClient = routerToClient;
  }

  /** The client's address. */
  public String client() {
    return client;
  }

  /** A second address of the client host: a stranger to the client's sessions. */
  public String otherClient() {
    return otherClient;
  }

  /** The server's address. */
  public String server() {
    return server;
  }

  /** A second address of the server host: a stranger to the server's sessions. */
  public String otherServer() {
    return otherServer;
  }

  /** The router's address on the client's link. */
  public String routerToClient() {
    return routerToClient;
  }

  /** An address as it stands in a URL. */
  public static String inUrl(String address) {
    return address.contains(":") ? "[" + address + "]" : address;
  }
}
