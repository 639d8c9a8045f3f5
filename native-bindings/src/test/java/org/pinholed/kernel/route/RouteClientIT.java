package org.pinholed.kernel.route;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.kernel.testing.NamespaceThread;

/** A router with a client behind {@code c0} and two uplinks, {@code u1} and {@code u2}. */
@SuppressWarnings("NullAway.Init")
class RouteClientIT {
  private static NamespaceThread namespace;
  private static RouteClient client;

  @BeforeAll
  static void open() throws IOException {
    namespace = NamespaceThread.open("pha-route");
    namespace.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    device("c0", "198.51.100.1/24", "2001:db8:1::1/64");
    device("u1", "192.0.2.1/25", "2001:db8:2::1/64");
    device("u2", "192.0.2.129/25", "2001:db8:3::1/64");
    for (String[] family :
        new String[][] {
          {"-4", "203.0.113.0/24", "203.0.113.128/25", "192.0.2.2", "192.0.2.130"},
          {"-6", "2001:db8:9::/48", "2001:db8:9:8000::/49", "2001:db8:2::2", "2001:db8:3::2"}
        }) {
      ip(family[0], "route", "add", family[1], "via", family[3]);
      ip(
          family[0], "route", "add", family[2], "nexthop", "via", family[3], "dev", "u1", "nexthop",
          "via", family[4], "dev", "u2");
      ip(family[0], "route", "add", "table", "100", "default", "via", family[4]);
      ip(family[0], "rule", "add", "fwmark", "5", "lookup", "100");
    }
    ip("-4", "rule", "add", "from", "198.51.100.66", "lookup", "100");
    client = namespace.call(RouteClient::open);
  }

  private static void device(String name, String... addresses) throws IOException {
    namespace.exec("ip", "link", "add", name, "type", "veth", "peer", "name", name + "p");
    namespace.exec("ip", "link", "set", name, "up");
    namespace.exec("ip", "link", "set", name + "p", "up");
    for (String address : addresses) {
      if (address.contains(":")) {
        namespace.exec("ip", "addr", "add", address, "dev", name, "nodad");
      } else {
        namespace.exec("ip", "addr", "add", address, "dev", name);
      }
    }
  }

  private static void ip(String... arguments) throws IOException {
    String[] command = new String[arguments.length + 1];
    command[0] = "ip";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    namespace.exec(command);
  }

  @AfterAll
  static void close() throws IOException {
    client.close();
    namespace.close();
  }

  private static int index(String device) throws IOException {
    String text = namespace.exec("ip", "-o", "link", "show", "dev", device);
    return Integer.parseInt(text.substring(0, text.indexOf(':')));
  }

  @ParameterizedTest
  @CsvSource({
    "203.0.113.2, 198.51.100.2, 0, u1",
    "203.0.113.2, 198.51.100.2, 5, u2",
    "203.0.113.2, 198.51.100.66, 0, u2",
    "203.0.113.200, 198.51.100.2, 0, u1 u2",
    "198.51.100.2, 203.0.113.2, 0, c0",
    "198.51.100.1, 203.0.113.2, 0, ''",
    "192.0.2.254, 203.0.113.2, 0, u2",
    "100.64.0.1, 198.51.100.2, 0, ''",
    "2001:db8:9::2, 2001:db8:1::2, 0, u1",
    "2001:db8:9::2, 2001:db8:1::2, 5, u2",
    "2001:db8:9:8000::2, 2001:db8:1::2, 0, u1 u2",
    "2001:db8:1::2, 2001:db8:9::2, 0, c0",
    "2001:db8:1::1, 2001:db8:9::2, 0, ''"
  })
  void leadsTo_asTheKernelRoutes(String destination, String source, int mark, String devices)
      throws IOException {
    String in = source.startsWith("198") || source.startsWith("2001:db8:1:") ? "c0" : "u1";
    RouteQuestion question =
        new RouteQuestion(
            InetAddress.getByName(destination), InetAddress.getByName(source), index(in), mark);
    StringBuilder found = new StringBuilder();
    for (String device : new String[] {"c0", "u1", "u2"}) {
      if (client.leadsTo(question, index(device))) {
        found.append(found.isEmpty() ? "" : " ").append(device);
      }
    }
    assertEquals(devices, found.toString());
  }

  @Test
  void leadsTo_whatThisMachineSends() throws IOException {
    RouteQuestion question =
        new RouteQuestion(
            InetAddress.getByName("203.0.113.2"), InetAddress.getByName("198.51.100.1"), 0, 0);
    assertEquals(true, client.leadsTo(question, index("u1")));
    assertEquals(false, client.leadsTo(question, index("u2")));
  }
}
