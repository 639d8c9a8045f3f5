package org.pinholed.agent.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;

class HelperTableTest {
  private static final List<HelperProtocol> PROTOCOLS = List.of(new FtpProtocol());

  private static HelperEntry entry(int id, String name, Transport transport, boolean enabled) {
    return new HelperEntry(id, name, transport, 20 + id, enabled, null, Map.of());
  }

  private static HelperTable table(HelperEntry... entries) {
    return new HelperTable(List.of(entries), PROTOCOLS, HelperLimits.DEFAULT, new SharedStates());
  }

  private static String refused(HelperEntry entry) {
    return String.valueOf(
        assertThrows(IllegalArgumentException.class, () -> table(entry)).getMessage());
  }

  @Test
  void find_enabledAndDisabledEntries_onlyTheEnabled() {
    HelperEntry enabled = entry(1, "ftp", Transport.TCP, true);
    HelperEntry disabled = entry(2, "ftp", Transport.TCP, false);
    HelperTable table = table(enabled, disabled);

    HelperTable.ActiveHelper found = table.find(Transport.TCP, 21);
    assertNotNull(found);
    assertEquals(enabled.withLimitsOf(new FtpProtocol().limits()), found.entry());
    assertNull(table.find(Transport.TCP, 22));
    assertNull(table.find(Transport.UDP, 21));
    assertEquals(Set.of(new HelperPort(Transport.TCP, 21)), table.ports());
    assertEquals(List.of(enabled, disabled), table.entries());
    assertEquals(HelperLimits.DEFAULT, found.limits());
    assertEquals(List.of(HelperLimits.DEFAULT), table.ofStreams());
  }

  @Test
  void new_unknownProtocol_refusedEvenIfDisabled() {
    assertEquals("name: gopher (expected: ftp)", refused(entry(1, "gopher", Transport.TCP, false)));
  }

  @Test
  void new_protocolOverTheWrongTransport_refused() {
    assertEquals(
        "protocol: UDP (expected for ftp: [TCP])", refused(entry(1, "ftp", Transport.UDP, true)));
  }

  @Test
  void new_optionThatTheProtocolDoesNotTake_refused() {
    assertThrows(
        IllegalArgumentException.class,
        () ->
            table(
                new HelperEntry(
                    1, "ftp", Transport.TCP, 21, true, null, Map.of("noSuchOption", 1))));
  }
}
