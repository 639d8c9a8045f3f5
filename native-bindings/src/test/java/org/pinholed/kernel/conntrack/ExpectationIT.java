package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * Expectations of real connections. The kernel's own FTP helper carries them: every kernel has it,
 * and it reads nothing here, since nobody speaks.
 */
@SuppressWarnings("NullAway.Init")
class ExpectationIT {
  private static final int TCP = 6;
  private static final int UDP = 17;
  private static final String SERVER = "192.0.2.1";
  private static final String CLIENT = "192.0.2.2";
  private static NamespaceThread namespace;
  private ExpectationClient expectations;
  private ConntrackClient conntrack;

  @BeforeAll
  static void openNamespace() throws IOException {
    namespace = NamespaceThread.open("pha-exp");
    for (String address : List.of(SERVER + "/32", CLIENT + "/32")) {
      namespace.exec("ip", "addr", "add", address, "dev", "lo");
    }
    for (String address : List.of("2001:db8::1/128", "2001:db8::2/128")) {
      namespace.exec("ip", "addr", "add", address, "dev", "lo", "nodad");
    }
    namespace.exec("nft", "add", "table", "inet", "t");
    namespace.exec("nft", "add ct helper inet t h { type \"ftp\" protocol tcp; }");
    namespace.exec("nft", "add chain inet t o { type filter hook output priority 0; }");
    namespace.exec("nft", "add rule inet t o ct state related ct mark set 7");
    namespace.exec("nft", "add rule inet t o tcp dport 21 ct helper set \"h\"");
  }

  @AfterAll
  static void closeNamespace() throws IOException {
    namespace.close();
  }

  @BeforeEach
  void open() throws IOException {
    expectations = namespace.call(ExpectationClient::open);
    conntrack = namespace.call(ConntrackClient::open);
  }

  @AfterEach
  void close() throws IOException {
    expectations.removeAllOf("ftp");
    expectations.close();
    conntrack.close();
  }

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (IOException e) {
      throw new AssertionError(text, e);
    }
  }

  /** A connection that stands, and its tuple. */
  private record Parent(ServerSocket listener, Socket client, FlowTuple tuple)
      implements AutoCloseable {
    static Parent begin(String from, String to, int port) throws IOException {
      ServerSocket listener = namespace.call(() -> new ServerSocket(port, 5, address(to)));
      Socket client = namespace.call(() -> new Socket(address(to), port, address(from), 0));
      return new Parent(
          listener,
          client,
          new FlowTuple(TCP, address(from), client.getLocalPort(), address(to), port));
    }

    @Override
    public void close() throws IOException {
      client.close();
      listener.close();
    }
  }

  private List<ExpectationEntry> listed() throws NetlinkException {
    List<ExpectationEntry> found = new ArrayList<>();
    assertTrue(expectations.dump(found::add));
    return found;
  }

  private int markOfConnection(String from, String to, int port) throws IOException {
    try (Parent child = Parent.begin(from, to, port)) {
      return conntrack.get(child.tuple()).orElseThrow().mark();
    }
  }

  private static ConntrackExpectation once(String from, String to, int port, int seconds) {
    return new ConntrackExpectation(TCP, address(from), address(to), port, false, seconds);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void expect_isListed_andTheFirstConnectionIsRelated(boolean ipv6) throws IOException {
    String client = ipv6 ? "2001:db8::2" : CLIENT;
    String server = ipv6 ? "2001:db8::1" : SERVER;
    try (Parent parent = Parent.begin(client, server, 21)) {
      expectations.expect(parent.tuple(), once(client, server, 40000, 20));
      List<ExpectationEntry> all = listed();
      assertEquals(1, all.size());
      ExpectationEntry entry = all.get(0);
      assertEquals(parent.tuple(), entry.parent());
      assertEquals(new FlowTuple(TCP, address(client), 0, address(server), 40000), entry.child());
      assertEquals(0, entry.mask().sourcePort());
      assertEquals("ftp", entry.helperName());
      assertFalse(entry.permanent());
      // the policy of the helper says 300
      assertTrue(entry.timeoutSeconds() >= 18 && entry.timeoutSeconds() <= 20, entry::toString);
      assertEquals(7, markOfConnection(client, server, 40000));
      assertEquals(List.of(), listed());
      assertEquals(0, markOfConnection(client, server, 40000));
    }
  }

  @Test
  void expect_permanent_letsInManyFromAnywhere_untilItIsRemoved() throws IOException {
    try (Parent parent = Parent.begin(CLIENT, SERVER, 21)) {
      ConntrackExpectation any =
          new ConntrackExpectation(TCP, null, address(SERVER), 40001, true, 20);
      expectations.expect(parent.tuple(), any);
      assertEquals(7, markOfConnection(CLIENT, SERVER, 40001));
      assertEquals(7, markOfConnection(SERVER, SERVER, 40001));
      assertTrue(listed().get(0).permanent());
      assertTrue(expectations.remove(any));
      assertFalse(expectations.remove(any));
      assertEquals(0, markOfConnection(CLIENT, SERVER, 40001));
    }
  }

  @Test
  void expect_whatIsExpectedAlready_replacesIt() throws IOException {
    try (Parent first = Parent.begin(CLIENT, SERVER, 21);
        Parent second =
            new Parent(
                first.listener(),
                namespace.call(() -> new Socket(address(SERVER), 21, address(CLIENT), 0)),
                first.tuple())) {
      FlowTuple other =
          new FlowTuple(TCP, address(CLIENT), second.client().getLocalPort(), address(SERVER), 21);
      expectations.expect(first.tuple(), once(CLIENT, SERVER, 40002, 200));
      expectations.expect(first.tuple(), once(CLIENT, SERVER, 40002, 20));
      assertTrue(listed().get(0).timeoutSeconds() <= 20);
      expectations.expect(other, once(CLIENT, SERVER, 40002, 20));
      assertEquals(List.of(other), listed().stream().map(ExpectationEntry::parent).toList());
      expectations.removeAllOf("ftp");
      assertEquals(List.of(), listed());
    }
  }

  /** Whose tuple a narrower one falls under. */
  @Test
  void oneThatAnySourceMayComeBy_isNotTakenForANarrowerOne() throws IOException {
    try (Parent parent = Parent.begin(CLIENT, SERVER, 21)) {
      assertEquals(0, expectations.countOf(parent.tuple()));
      expectations.expect(
          parent.tuple(), new ConntrackExpectation(TCP, null, address(SERVER), 40007, true, 20));
      ConntrackExpectation narrow = once(CLIENT, SERVER, 40007, 200);
      assertFalse(expectations.remove(narrow));
      assertFalse(expectations.prolong(parent.tuple(), narrow));
      assertThrows(NetlinkException.class, () -> expectations.expect(parent.tuple(), narrow));
      assertEquals(1, expectations.countOf(parent.tuple()));
      assertTrue(listed().get(0).permanent());
      assertTrue(listed().get(0).timeoutSeconds() <= 20);
      expectations.removeAllOf("ftp");
      assertEquals(0, expectations.countOf(parent.tuple()));
    }
  }

  @Test
  void expect_endsWithItsParent() throws IOException {
    try (Parent parent = Parent.begin(CLIENT, SERVER, 21)) {
      expectations.expect(
          parent.tuple(),
          new ConntrackExpectation(UDP, address(CLIENT), address(SERVER), 40003, true, 20));
      assertEquals(UDP, listed().get(0).child().protocol());
      conntrack.delete(conntrack.get(parent.tuple()).orElseThrow().identity());
      assertEquals(List.of(), listed());
    }
  }

  @Test
  void expect_ofAParentWithoutHelper_isNotSupported() throws IOException {
    try (Parent parent = Parent.begin(CLIENT, SERVER, 40004)) {
      NetlinkException refused =
          assertThrows(
              NetlinkException.class,
              () -> expectations.expect(parent.tuple(), once(CLIENT, SERVER, 40005, 20)));
      assertEquals(Errno.EOPNOTSUPP, refused.errno());
    }
  }

  @Test
  void expect_ofAParentThatIsNotThere_isNotFound() {
    FlowTuple nobody = new FlowTuple(TCP, address(CLIENT), 9, address(SERVER), 9);
    NetlinkException refused =
        assertThrows(
            NetlinkException.class,
            () -> expectations.expect(nobody, once(CLIENT, SERVER, 40006, 20)));
    assertEquals(Errno.ENOENT, refused.errno());
  }

  @Test
  void removeAllOf_withoutName_isRefused() {
    assertThrows(IllegalArgumentException.class, () -> expectations.removeAllOf(""));
  }
}
