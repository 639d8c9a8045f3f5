package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.Transport;
import org.pinholed.helper.text.Network;

class FtpProtocolTest {
  private final FtpProtocol protocol = new FtpProtocol();

  private String refusal(Map<String, Object> options) {
    return String.valueOf(
        assertThrows(
                IllegalArgumentException.class,
                () -> protocol.configure(options, HelperLimits.DEFAULT))
            .getMessage());
  }

  @Test
  void itIsFtpOverTcp() {
    assertEquals("ftp", protocol.name());
    assertEquals(Set.of(Transport.TCP), protocol.transports());
    assertEquals(
        Set.of(
            "activeOpen",
            "requireLogin",
            "fxpNetworks",
            "deniedPorts",
            "deniedPassivePorts",
            "leaseNetworks",
            "leasePorts",
            "leaseConnections"),
        protocol.options().keySet());
  }

  @Test
  void byDefault_portsOpenAtOnceAndServicesAreDenied() {
    FtpOptions options = FtpOptions.of(Map.of());
    assertTrue(options.opensAtCommand());
    assertTrue(options.requiresLogin());
    assertTrue(options.isDenied(3306));
    assertTrue(options.isDenied(5900));
    assertTrue(options.isDenied(5905));
    assertFalse(options.isDenied(5906));
    assertFalse(options.isDenied(30000));
    assertTrue(options.isDenied(1720));
    assertTrue(options.isDenied(9100));
    assertTrue(options.isDeniedPassive(3306));
    assertTrue(options.isDeniedPassive(3389));
    int refused = 0;
    for (int port = 1024; port <= 65535; port++) {
      assertTrue(options.isDenied(port) || !options.isDeniedPassive(port), port + " is in both");
      refused += options.isDeniedPassive(port) ? 1 : 0;
    }
    assertTrue(refused < 20, refused + " of the ports that vsftpd takes by default");
  }

  @Test
  void lease_isOffByDefault_andIsARangeWithoutDeniedPorts() throws Exception {
    assertEquals(List.of(), protocol.configure(Map.of(), HelperLimits.DEFAULT).leasedPorts());
    assertFalse(FtpOptions.of(Map.of()).lease().allows(address("198.51.100.7")));
    Map<String, Object> some =
        Map.of("leaseNetworks", "198.51.100.0/24", "leasePorts", "4000-4999");
    assertEquals(
        List.of(new LeasedPorts(4000, 4999)),
        protocol.configure(some, HelperLimits.DEFAULT).leasedPorts());
    assertTrue(FtpOptions.of(some).lease().allows(address("198.51.100.7")));
    assertFalse(FtpOptions.of(some).lease().allows(address("198.51.101.7")));
    assertEquals(4, FtpOptions.of(some).lease().connections());
    for (String ports : List.of("1023-1030", "1024-65535", "3306")) {
      String message = refusal(Map.of("leaseNetworks", "198.51.100.0/24", "leasePorts", ports));
      assertTrue(message.startsWith("leasePorts: "), message);
    }
    for (Object connections : List.of(0, 1025, "some")) {
      String message = refusal(Map.of("leaseConnections", connections));
      assertTrue(message.startsWith("leaseConnections: "), message);
    }
  }

  @Test
  void lists_areListsOrOneTextWithCommas() throws Exception {
    for (Object networks :
        List.of(
            List.of("192.0.2.0/25", "2001:db8::/33", "198.51.100.7"),
            "192.0.2.0/25, 2001:db8::/33,198.51.100.7")) {
      FtpOptions options = FtpOptions.of(Map.of("fxpNetworks", networks));
      assertTrue(options.isFxpAllowed(address("192.0.2.127")));
      assertFalse(options.isFxpAllowed(address("192.0.2.128")));
      assertFalse(options.isFxpAllowed(address("193.0.2.1")));
      assertTrue(options.isFxpAllowed(address("2001:db8:7fff::1")));
      assertFalse(options.isFxpAllowed(address("2001:db8:8000::1")));
      assertTrue(options.isFxpAllowed(address("198.51.100.7")));
      assertFalse(options.isFxpAllowed(address("198.51.100.6")));
    }
    for (Object ports : List.of(List.of(2000, "3000-3001"), "2000,3000-3001")) {
      FtpOptions options = FtpOptions.of(Map.of("deniedPorts", ports));
      assertTrue(options.isDenied(2000));
      assertTrue(options.isDenied(3001));
      assertFalse(options.isDenied(3002));
      assertFalse(options.isDenied(3306), "the default list is replaced");
    }
    assertFalse(FtpOptions.of(Map.of("deniedPorts", "")).isDenied(3306));
    assertTrue(FtpOptions.of(Map.of("deniedPorts", "")).isDeniedPassive(3306));
    assertFalse(FtpOptions.of(Map.of("deniedPassivePorts", "")).isDeniedPassive(3306));
    assertTrue(FtpOptions.of(Map.of("deniedPassivePorts", "6000-7000")).isDeniedPassive(6543));
    assertTrue(FtpOptions.of(Map.of("deniedPorts", 65535)).isDenied(65535));
    assertFalse(FtpOptions.of(Map.of("activeOpen", "reply")).opensAtCommand());
    assertFalse(FtpOptions.of(Map.of("requireLogin", false)).requiresLogin());
    assertFalse(FtpOptions.of(Map.of("requireLogin", "false")).requiresLogin());
    assertTrue(
        FtpOptions.of(Map.of("fxpNetworks", "0.0.0.0/0")).isFxpAllowed(address("203.0.113.1")));
  }

  private static InetAddress address(String literal) throws Exception {
    return InetAddress.getByName(literal);
  }

  @Test
  void anUnknownOption_isRefusedWithThoseThatThereAre() {
    assertEquals(
        "passive: true (expected: one of activeOpen, requireLogin, fxpNetworks, deniedPorts, deniedPassivePorts,"
            + " leaseNetworks, leasePorts, leaseConnections)",
        refusal(Map.of("passive", true)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "activeOpen;never;activeOpen: never (expected: command or reply)",
        "requireLogin;no;requireLogin: no (expected: true or false)",
        "deniedPassivePorts;x;deniedPassivePorts: x (expected: ports 0..65535 or ranges of them such"
            + " as 5900-5905)",
        "deniedPorts;65536;deniedPorts: 65536 (expected: ports 0..65535 or ranges of them such as"
            + " 5900-5905)",
      })
  void badValues_areRefusedWithTheirRange(String option, String value, String message) {
    assertEquals(message, refusal(Map.of(option, value)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "1-", "-1", "2-1", "123456", "1,,2", "1x", "9/"})
  void portsThatAreNone_areRefused(String text) {
    assertTrue(refusal(Map.of("deniedPorts", text)).startsWith("deniedPorts: "));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/x",
        "192.0.2/24",
        "192.0.2.0/24x",
        "2001:db8::/129",
        "2001:db8::/1000",
        "2001:db8",
        "192.0.2.0/24,"
      })
  void networksThatAreNone_areRefused(String text) {
    assertTrue(refusal(Map.of("fxpNetworks", text)).startsWith("fxpNetworks: "));
    assertNull(Network.parse(text.endsWith(",") ? "" : text));
  }
}
