package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * One cell of the matrix of real peers.
 *
 * @param firewall the router's firewall
 * @param server the FTP server
 * @param client the FTP client
 * @param mode how the data connection is announced
 * @param family the addresses of both connections
 * @param upload whether the client sends instead of fetches
 */
public record FtpCase(
    RouterFirewall firewall,
    FtpServerProcess.Kind server,
    FtpClient client,
    DataMode mode,
    Family family,
    boolean upload) {

  /** All cells that the clients can be made to do, neighbours sharing firewall and server. */
  public static List<FtpCase> all() {
    List<FtpCase> cases = new ArrayList<>();
    for (RouterFirewall firewall : RouterFirewall.values()) {
      for (FtpServerProcess.Kind server : FtpServerProcess.Kind.values()) {
        cases.addAll(of(firewall, server));
      }
    }
    return cases;
  }

  /** The cells of one firewall and one server. */
  public static List<FtpCase> of(RouterFirewall firewall, FtpServerProcess.Kind server) {
    List<FtpCase> cases = new ArrayList<>();
    for (Family family : Family.values()) {
      for (FtpClient client : FtpClient.values()) {
        for (DataMode mode : DataMode.values()) {
          for (boolean upload : new boolean[] {false, true}) {
            if (client.cannot(mode, family, upload).isEmpty()) {
              cases.add(new FtpCase(firewall, server, client, mode, family, upload));
            }
          }
        }
      }
    }
    return cases;
  }

  /** The cells that no client of that name can do, one line each with the reason. */
  public static List<String> leftOut() {
    TreeSet<String> lines = new TreeSet<>();
    for (Family family : Family.values()) {
      for (FtpClient client : FtpClient.values()) {
        for (DataMode mode : DataMode.values()) {
          client
              .cannot(mode, family, false)
              .ifPresent(why -> lines.add(client + " " + mode + " " + family + ": " + why));
        }
        client.cannot(DataMode.EPSV, Family.V6, true).ifPresent(lines::add);
      }
    }
    return List.copyOf(lines);
  }

  @Override
  public String toString() {
    return firewall
        + " "
        + server
        + " "
        + client
        + " "
        + mode
        + " "
        + family
        + (upload ? " upload" : " download");
  }
}
