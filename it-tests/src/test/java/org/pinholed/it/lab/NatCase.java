package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * One cell of the matrix of real peers behind a router that translates.
 *
 * @param nat what the router translates
 * @param cell who transfers how
 */
public record NatCase(NatMode nat, FtpCase cell) {
  /**
   * The whole matrix behind masquerading and behind port forwarding, and behind the other
   * translations, which differ in the addresses only, under one firewall every client with one
   * server and two with the other. Neighbours share translation, firewall and server.
   */
  public static List<NatCase> all() {
    List<NatCase> cases = new ArrayList<>();
    for (NatMode nat : NatMode.values()) {
      boolean whole = nat == NatMode.MASQUERADE || nat == NatMode.DNAT;
      for (FtpCase cell : FtpCase.all()) {
        boolean chosen =
            cell.firewall() == RouterFirewall.NFTABLES
                && (cell.server() == FtpServerProcess.Kind.VSFTPD
                    || cell.client() == FtpClient.CURL
                    || cell.client() == FtpClient.FTPLIB);
        if (whole || chosen) {
          cases.add(new NatCase(nat, cell));
        }
      }
    }
    return cases;
  }

  @Override
  public String toString() {
    return nat + " " + cell;
  }
}
