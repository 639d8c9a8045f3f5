package org.pinholed.it.lab;

/**
 * What the server offers: the firewall lets new connections to it in, and a router that hides the
 * server translates them.
 *
 * @param match how nftables knows a packet of it, without the address
 */
public record Service(String match) {
  /** FTP on its usual port. */
  public static final Service FTP = new Service("tcp dport 21");

  /** The port of the laboratory's own protocol. */
  public static final int LAB_PORT = 5959;

  /** The laboratory's own protocol, over both transports. */
  public static final Service LAB = new Service("meta l4proto { tcp, udp } th dport " + LAB_PORT);

  /** The port of SIP. */
  public static final int SIP_PORT = 5060;

  /**
   * SIP over both transports, from the client's side only: what the server begins is a pinhole's.
   */
  public static final Service SIP =
      new Service("iifname r0 meta l4proto { tcp, udp } th dport " + SIP_PORT);

  /** The port of the endpoint mapper and of the OXID resolver. */
  public static final int DCERPC_PORT = 135;

  /** The endpoint mapper over both transports, from either side: servers ask clients, too. */
  public static final Service DCERPC =
      new Service("meta l4proto { tcp, udp } th dport " + DCERPC_PORT);
}
