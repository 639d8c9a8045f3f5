package org.pinholed.helper.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.Transport;

class LeaseOptionsTest {
  private enum Said implements HelperWord {
    AUTH;

    @Override
    public String word() {
      return name();
    }
  }

  private static LeaseOptions of(Map<String, Object> options) {
    return LeaseOptions.of(
        new Options(
            options, Set.of(LeaseOptions.NETWORKS, LeaseOptions.PORTS, LeaseOptions.CONNECTIONS)),
        "deniedPorts",
        PortSet.of("deniedPorts", List.of("3389")));
  }

  private static InetAddress address(String text) throws UnknownHostException {
    return InetAddress.getByName(text);
  }

  @Test
  void byDefault_nothingIsLeased() throws Exception {
    LeaseOptions lease = of(Map.of());
    assertFalse(lease.allows(address("198.51.100.20")));
    assertEquals(List.of(), lease.leasedPorts());
    assertEquals(new LeasedPorts(49152, 65535), lease.ports());
    assertEquals(4, lease.connections());
  }

  @Test
  void connections_areInTheirRange() {
    assertEquals(1024, of(Map.of(LeaseOptions.CONNECTIONS, 1024)).connections());
    for (int bad : List.of(0, 1025)) {
      assertThrows(IllegalArgumentException.class, () -> of(Map.of(LeaseOptions.CONNECTIONS, bad)));
    }
  }

  /** It ends with its flow, leads to the server as it is, and changes no text. */
  @Test
  void request_isOfTheFlow_forSoManyConnectionsToTheServer() throws Exception {
    LeaseOptions lease =
        of(Map.of(LeaseOptions.NETWORKS, "198.51.100.0/24", LeaseOptions.PORTS, "4000-4999"));
    Endpoint client = new Endpoint(address("192.0.2.10"), 40000);
    Endpoint server = new Endpoint(address("198.51.100.20"), 21);
    FlowFacts facts =
        new FlowFacts(
            Transport.TCP,
            client,
            new Endpoint(address("203.0.113.1"), 40000),
            server,
            new Endpoint(address("203.0.113.200"), 21),
            FlowFacts.Origin.FIRST_BYTE,
            0,
            "",
            "",
            null);
    assertTrue(lease.allows(server.address()));
    assertEquals(List.of(new LeasedPorts(4000, 4999)), lease.leasedPorts());
    ExpectationRequest request = lease.request("data", facts, Said.AUTH).build();
    assertEquals(new Endpoint(server.address(), 4000), request.destination());
    assertEquals(4999, request.lastPort());
    assertEquals(4, request.connections());
    assertEquals(ExpectationRequest.Use.MANY, request.use());
    assertEquals(ExpectationRequest.Source.PEER, request.source());
    assertEquals(new Lifetime.WithOwner(null), request.lifetime());
    assertEquals(ExpectationRequest.Text.STAYS, request.text());
    assertEquals(Direction.REPLY, request.announcedIn());
    assertNull(request.owner());
  }
}
