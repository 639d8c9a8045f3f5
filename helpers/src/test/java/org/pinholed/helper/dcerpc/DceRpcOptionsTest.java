package org.pinholed.helper.dcerpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.dcerpc.opening.DceRpcSettings;
import org.pinholed.helper.dcerpc.words.Interfaces;
import org.pinholed.helper.dcerpc.words.Uuid;

class DceRpcOptionsTest {
  private static final String UNKNOWN = "00112233-4455-6677-8899-aabbccddeeff";

  private static DceRpcSettings of(String name, Object value) {
    return DceRpcOptions.of(Map.of(name, value));
  }

  private static boolean allows(DceRpcSettings settings, String text) {
    Uuid parsed = Uuid.parse(text);
    Uuid uuid = parsed == null ? Interfaces.named(text).get(0) : parsed;
    return settings.interfaces().allows(uuid.high(), uuid.low());
  }

  private static InetAddress address(String text) throws UnknownHostException {
    return InetAddress.getByName(text);
  }

  @Test
  void of_nothing_theDefaults() throws UnknownHostException {
    DceRpcSettings settings = DceRpcOptions.of(Map.of());
    assertTrue(allows(settings, UNKNOWN));
    assertTrue(allows(settings, "netlogon"));
    assertFalse(settings.opensLookup());
    assertEquals(Duration.ofMinutes(10), settings.idle());
    assertEquals(Duration.ofDays(1), settings.longest());
    assertEquals(Duration.ofHours(1), settings.learnedFor());
    assertEquals(new LeasedPorts(49152, 65535), settings.lease().ports());
    assertEquals(4, settings.lease().connections());
    assertTrue(settings.deniedPorts().contains(3389));
    assertFalse(settings.deniedPorts().contains(49152));
    InetAddress server = address("203.0.113.10");
    assertFalse(settings.isForeignAllowed(server));
    assertFalse(settings.isLearned(server));
    assertFalse(settings.lease().allows(server));
  }

  @Test
  void interfaces_namesAndUuids_onlyThose() {
    DceRpcSettings settings =
        of("interfaces", List.of("NetLogon", "samr", UNKNOWN.toUpperCase(Locale.ROOT)));
    assertTrue(allows(settings, "netlogon"));
    assertTrue(allows(settings, "samr"));
    assertTrue(allows(settings, UNKNOWN));
    assertFalse(allows(settings, "drsuapi"));
  }

  @Test
  void interfaces_aNameOfSeveral_allOfThem() {
    DceRpcSettings settings = of("interfaces", "dcom");
    for (String name : List.of("IObjectExporter", "IRemoteSCMActivator", "IActivation")) {
      assertTrue(allows(settings, name), name);
    }
    assertFalse(allows(settings, "epmapper"));
  }

  @Test
  void interfaces_empty_none() {
    assertFalse(allows(of("interfaces", List.of()), "netlogon"));
  }

  @Test
  void deniedInterfaces_whatIsAllowedToo_denied() {
    DceRpcSettings settings =
        DceRpcOptions.of(
            Map.of("interfaces", "netlogon,efsrpc", "deniedInterfaces", List.of("EFSRPC")));
    assertTrue(allows(settings, "netlogon"));
    for (Uuid uuid : Interfaces.named("efsrpc")) {
      assertFalse(settings.interfaces().allows(uuid.high(), uuid.low()), uuid::toString);
    }
    assertFalse(allows(of("deniedInterfaces", UNKNOWN), UNKNOWN));
    assertTrue(allows(of("deniedInterfaces", UNKNOWN), "netlogon"));
  }

  @Test
  void networks_eachForItsOwn() throws UnknownHostException {
    DceRpcSettings settings =
        DceRpcOptions.of(
            Map.of(
                "foreignNetworks", "192.0.2.0/24",
                "learnedNetworks", List.of("2001:db8::/32"),
                "leaseNetworks", "203.0.113.10"));
    assertTrue(settings.isForeignAllowed(address("192.0.2.9")));
    assertFalse(settings.isForeignAllowed(address("203.0.113.10")));
    assertTrue(settings.isLearned(address("2001:db8::1")));
    assertFalse(settings.isLearned(address("192.0.2.9")));
    assertTrue(settings.lease().allows(address("203.0.113.10")));
    assertFalse(settings.lease().allows(address("203.0.113.11")));
  }

  @Test
  void others_asTheySay() {
    DceRpcSettings settings =
        DceRpcOptions.of(
            Map.of(
                "lookup", "open",
                "deniedPorts", "50000-50010",
                "idle", "2s",
                "longest", "168h",
                "learnedFor", "5m",
                "leasePorts", "50000-50999",
                "leaseConnections", 1));
    assertTrue(settings.opensLookup());
    assertTrue(settings.deniedPorts().contains(50010));
    assertFalse(settings.deniedPorts().contains(3389));
    assertEquals(Duration.ofSeconds(2), settings.idle());
    assertEquals(Duration.ofDays(7), settings.longest());
    assertEquals(Duration.ofMinutes(5), settings.learnedFor());
    assertEquals(new LeasedPorts(50000, 50999), settings.lease().ports());
    assertEquals(1, settings.lease().connections());
  }

  /** A lease opens each of its ports, so what no announcement may open is none of them. */
  @ParameterizedTest
  @CsvSource({"1000-2000,1000", "3000-4000,3306", "50000-60000,"})
  void leasePorts_holdNoPortThatIsDenied(String ports, String first) throws Exception {
    Map<String, Object> options = Map.of("leaseNetworks", "203.0.113.0/24", "leasePorts", ports);
    if (first == null) {
      assertTrue(DceRpcOptions.of(options).lease().allows(address("203.0.113.10")));
      return;
    }
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> DceRpcOptions.of(options));
    assertEquals(
        "leasePorts: "
            + ports
            + " (expected: ports above 1023 that deniedPorts does not name; "
            + first
            + " is one)",
        refused.getMessage());
  }

  @Test
  void described_eachOption_isOneThatIsTaken() {
    for (String name : DceRpcOptions.DESCRIBED.keySet()) {
      String message =
          Objects.requireNonNull(
              assertThrows(
                      IllegalArgumentException.class,
                      () -> of(name, List.of("?")),
                      () -> name + " takes anything")
                  .getMessage());
      assertTrue(message.startsWith(name + ": "), message);
    }
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @CsvSource(
        delimiter = ';',
        value = {
          "interfaces; nobody;"
              + " any alone, or UUIDs and names of interfaces such as netlogon or drsuapi",
          "deniedInterfaces; e1af8308; UUIDs and names of interfaces such as netlogon or drsuapi",
          "deniedInterfaces; any; UUIDs and names of interfaces such as netlogon or drsuapi",
          "lookup; yes; ignore or open",
          "idle; 0s; 1s..24h",
          "idle; 25h; 1s..24h",
          "longest; 169h; 1s..168h",
          "learnedFor; 500ms; 1s..24h",
          "leasePorts; 0-10; a range of ports such as 49152-65535",
          "leasePorts; 20-10; a range of ports such as 49152-65535",
          "leasePorts; 1-65536; a range of ports such as 49152-65535",
          "leasePorts; 1-2-3; a range of ports such as 49152-65535",
          "leasePorts; ''; a range of ports such as 49152-65535",
          "leaseConnections; 0; 1..1024",
          "leaseConnections; 1025; 1..1024"
        })
    void aBadValue(String name, String value, String expected) {
      assertEquals(
          name + ": " + value + " (expected: " + expected + ")",
          assertThrows(IllegalArgumentException.class, () -> of(name, value)).getMessage());
    }

    @Test
    void anyBesideOthers() {
      assertThrows(IllegalArgumentException.class, () -> of("interfaces", "any,netlogon"));
    }

    @Test
    void anUnknownOption() {
      assertThrows(IllegalArgumentException.class, () -> of("interface", "any"));
    }
  }
}
