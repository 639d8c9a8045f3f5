package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.announce.KernelPorts;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ExpectationClient;
import org.pinholed.kernel.testing.NamespaceThread;

/** What an operator has set in the kernel is what the agent goes by, to its last digit. */
@SuppressWarnings("NullAway.Init")
class KernelSettingsReadIT {
  private NamespaceThread namespace;

  @BeforeEach
  void open() throws IOException {
    namespace = NamespaceThread.open("kset" + ProcessHandle.current().pid());
  }

  @AfterEach
  void close() throws Exception {
    namespace.close();
  }

  @Test
  void timeoutsOfIdleConnections() throws Exception {
    namespace.exec(
        "sysctl",
        "-qw",
        "net.netfilter.nf_conntrack_tcp_timeout_established=86400",
        "net.netfilter.nf_conntrack_tcp_timeout_fin_wait=77",
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait=55");
    TcpTimeouts timeouts = namespace.call(TcpTimeouts::ofThisMachine);
    assertEquals(86_400, timeouts.ofOpenSeconds(ConntrackEntry.TCP_ESTABLISHED));
    assertEquals(77, timeouts.ofOpenSeconds(ConntrackEntry.TCP_FIN_WAIT));
    assertEquals(55, timeouts.shortestSeconds());
  }

  @Test
  void reservedPorts() throws Exception {
    try (KernelPorts ports = namespace.call(KernelPorts::open)) {
      assertEquals("", namespace.call(ports::reserved));
      String reserved = "7000,8000-8010,40000-49999";
      namespace.exec("sysctl", "-qw", "net.ipv4.ip_local_reserved_ports=" + reserved);
      assertEquals(reserved, namespace.call(ports::reserved));
    }
  }

  @Test
  void placesForExpectations() throws Exception {
    String set = namespace.exec("sysctl", "-n", "net.netfilter.nf_conntrack_expect_max").strip();
    assertTrue(set.length() > 1, "one digit shows nothing: " + set);
    try (ExpectationClient client = namespace.call(ExpectationClient::open)) {
      assertEquals(set, "" + namespace.call(ExpectationWatch.Kernel.of(client)::most));
    }
  }
}
