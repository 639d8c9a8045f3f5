package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.FlowFacts;

/** What opens where nobody can read which port a server announces. */
class FtpLeaseTest {
  private static final String LEASE = "expect 198.51.100.20:4000 by AUTH unusual from server @11";

  private static FtpDialogue greeted(String networks, boolean ipv6) {
    Map<String, Object> options = new HashMap<>();
    options.put("leaseNetworks", networks);
    options.put("leasePorts", "4000-4999");
    return new FtpDialogue(options, FlowFacts.Origin.FIRST_BYTE, ipv6).server("220 ready\r\n");
  }

  @Test
  void authThatIsAccepted_leasesThePassivePortsOfTheServer() {
    FtpDialogue ftp = greeted("198.51.100.0/24", false).client("AUTH TLS\r\n");
    assertEquals(List.of(), ftp.outcomes());
    assertEquals(List.of(LEASE, "TLS @11"), ftp.server("234 go ahead\r\n").outcomes());
  }

  @Test
  void overIpv6_too() {
    FtpDialogue ftp = greeted("2001:db8:2::/64", true).client("AUTH TLS\r\n");
    assertTrue(
        ftp.server("234 go ahead\r\n")
            .outcomes()
            .get(0)
            .startsWith("expect [2001:db8:2::20]:4000"));
  }

  @Test
  void anotherMechanism_too() {
    FtpDialogue ftp = greeted("198.51.100.20", false).client("AUTH GSSAPI\r\n");
    ftp.server("334 go on\r\n");
    assertEquals(List.of(), ftp.outcomes());
    ftp.client("ADAT xyz\r\n").server("235 accepted\r\n");
    assertEquals("AUTH_PROTECTED @22", ftp.outcomes().get(1));
  }

  @Test
  void serverOutsideOfTheNetworks_leasesNothing() {
    FtpDialogue ftp = greeted("198.51.100.21/32", false).client("AUTH TLS\r\n");
    assertEquals(List.of("TLS @11"), ftp.server("234 go ahead\r\n").outcomes());
  }

  @Test
  void withoutTheOption_nothingIsLeased() {
    FtpDialogue ftp = FtpDialogue.greeted().client("AUTH TLS\r\n");
    assertEquals(List.of("TLS @11"), ftp.server("234 go ahead\r\n").outcomes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"500", "502", "504", "530", "534", "334"})
  void authThatIsNotAccepted_leasesNothing(String code) {
    FtpDialogue ftp = greeted("198.51.100.0/24", false).client("AUTH TLS\r\n");
    assertEquals(List.of(), ftp.server(code + " no\r\n").outcomes());
  }

  @Test
  void whoDoesNotGreet_leasesNothing() {
    FtpDialogue ftp =
        new FtpDialogue(
            Map.of("leaseNetworks", "198.51.100.0/24"), FlowFacts.Origin.FIRST_BYTE, false);
    ftp.client("AUTH TLS\r\n").server("234 go ahead\r\n");
    assertTrue(
        ftp.outcomes().stream().noneMatch(outcome -> outcome.startsWith("expect")),
        () -> "opened by who is no FTP server");
  }
}
