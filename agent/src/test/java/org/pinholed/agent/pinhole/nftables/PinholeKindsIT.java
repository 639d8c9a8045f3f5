package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * Leases of ranges, children from any source that are translated, and children that are read: with
 * datagrams through a router that drops all new flows without the child bit.
 */
@SuppressWarnings("NullAway.Init")
class PinholeKindsIT {
  private static final int MARK = MarkBits.DEFAULT.childMark(25, false);
  private static final int READ = MarkBits.DEFAULT.childMark(25, true);
  private static final PortRange LEASED = new PortRange(49152, 49160);
  private static final PortRange UP_TO_THE_LAST = new PortRange(65000, 65535);

  /** Longer than any of these tests, however slow the machine. */
  private static final long TIMEOUT_MS = 600_000;

  private static final int TURN_MS = 20;
  private static final int TURNS = 250;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private RoutedNetwork network;
  private PinholeBackend backend;
  private PinholeBackend.Session session;

  @BeforeEach
  void open() throws IOException {
    network = new RoutedNetwork("phk");
    network
        .router()
        .exec(
            "nft",
            """
        table inet operator {
          chain forward {
            type filter hook forward priority filter; policy accept;
            ct state established,related accept
            ct mark & 0x40000000 != 0 accept
            counter drop
          }
          chain input {
            type filter hook input priority filter; policy accept;
            udp dport 30000 counter drop
          }
        }
        """);
    NftablesOptions options = new NftablesOptions("pinholed", 7, 1, true, MarkBits.DEFAULT, 10_000);
    backend = network.router().call(() -> NftablesBackend.open(options));
    backend.install(
        List.of(new HelperPort(Transport.TCP, 21), new HelperPort(Transport.UDP, 5060)),
        List.of(LEASED, UP_TO_THE_LAST));
    session = network.router().call(backend::openSession);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
    session.close();
    backend.close();
    network.close();
  }

  private DatagramSocket client(String address, int port) throws IOException {
    DatagramSocket socket = RoutedNetwork.udp(network.client(), address, port);
    opened.add(socket);
    return socket;
  }

  private DatagramSocket server(String address, int port) throws IOException {
    DatagramSocket socket = RoutedNetwork.udp(network.server(), address, port);
    opened.add(socket);
    return socket;
  }

  private boolean passes(DatagramSocket from, String to, int port, DatagramSocket at)
      throws IOException {
    return seen(from, to, port, at) != null;
  }

  /** Where a datagram came from, as its receiver sees it; null if the firewall refused it. */
  private @Nullable InetSocketAddress seen(
      DatagramSocket from, String to, int port, DatagramSocket at) throws IOException {
    int before = refused();
    RoutedNetwork.send(from, to, port);
    for (int turn = 0; turn < TURNS; turn++) {
      InetSocketAddress source = RoutedNetwork.receive(at, TURN_MS);
      if (source != null) {
        return source;
      }
      if (refused() > before) {
        return null;
      }
    }
    throw new AssertionError("neither came nor was refused: " + to + " " + port);
  }

  private int refused() throws IOException {
    String table = network.router().exec("nft", "list", "table", "inet", "operator");
    return Pattern.compile("counter packets (\\d+)")
        .matcher(table)
        .results()
        .mapToInt(counter -> Integer.parseInt(counter.group(1)))
        .sum();
  }

  private static Pinhole lease(boolean ipv6, PortRange range, int connections) throws IOException {
    return Pinhole.lease(
        Transport.UDP,
        RoutedNetwork.address(ipv6 ? RoutedNetwork.CLIENT6 : RoutedNetwork.CLIENT),
        RoutedNetwork.address(ipv6 ? RoutedNetwork.SERVER6 : RoutedNetwork.SERVER),
        range,
        connections,
        MARK,
        TIMEOUT_MS,
        "a lease");
  }

  private List<Pinhole> owned() throws BackendException {
    return session.listOwned().stream().map(OwnedPinhole::pinhole).toList();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void lease_letsItsSourceIn_toEachPortOfItsRange(boolean ipv6) throws IOException {
    String from = ipv6 ? RoutedNetwork.CLIENT6 : RoutedNetwork.CLIENT;
    String to = ipv6 ? RoutedNetwork.SERVER6 : RoutedNetwork.SERVER;
    DatagramSocket client = client(from, 4000);
    assertFalse(passes(client, to, 49152, server(to, 49152)), "before");
    Pinhole lease = lease(ipv6, LEASED, 0);
    session.apply(List.of(), List.of(lease));
    assertEquals(List.of(lease), owned());
    assertTrue(session.stands(lease));
    // another source port each time: what was refused left no conntrack behind
    assertTrue(passes(client(from, 4001), to, 49153, server(to, 49153)));
    assertTrue(passes(client(from, 4002), to, 49160, server(to, 49160)), "the last port");
    assertFalse(passes(client(from, 4003), to, 49161, server(to, 49161)), "one more");
    assertFalse(passes(client(from, 4004), to, 49151, server(to, 49151)), "one less");
    assertFalse(passes(client(from, 4005), to, 65535, server(to, 65535)), "of another range");
    if (!ipv6) {
      DatagramSocket other = client(RoutedNetwork.CLIENT2, 4006);
      assertFalse(passes(other, to, 49154, server(to, 49154)), "another source");
      String other2 = RoutedNetwork.SERVER2;
      assertFalse(passes(client(from, 4007), other2, 49155, server(other2, 49155)), "destination");
    }
    session.apply(List.of(), List.of(lease(ipv6, UP_TO_THE_LAST, 0)));
    assertTrue(passes(client(from, 4008), to, 65500, server(to, 65500)));
    session.apply(List.of(lease), List.of());
    assertFalse(passes(client(from, 4009), to, 49156, server(to, 49156)), "shut");
  }

  @Test
  void lease_limitOfConnections_holdsOverRenewals() throws IOException {
    Pinhole lease = lease(false, LEASED, 3);
    session.apply(List.of(), List.of(lease));
    assertEquals(List.of(lease), owned(), "the number is read back");
    DatagramSocket at = server(RoutedNetwork.SERVER, 49152);
    int passed = 0;
    for (int port = 4000; port < 4010; port++) {
      if (port == 4002) {
        session.renew(List.of(lease.withConnections(1))); // what is left is the kernel's to know
      }
      passed += passes(client(RoutedNetwork.CLIENT, port), RoutedNetwork.SERVER, 49152, at) ? 1 : 0;
    }
    assertEquals(3, passed);
    assertTrue(session.stands(lease));
    // made anew it lets as many in again
    session.apply(List.of(lease), List.of(lease));
    assertTrue(passes(client(RoutedNetwork.CLIENT, 4020), RoutedNetwork.SERVER, 49152, at));
  }

  /** Until the first answer every datagram is of a new connection for conntrack. */
  @Test
  void laterDatagramsOfAChild_takeNoOtherPlace_andLeaveItsMark() throws IOException {
    Pinhole lease =
        Pinhole.lease(
            Transport.UDP,
            RoutedNetwork.address(RoutedNetwork.CLIENT),
            RoutedNetwork.address(RoutedNetwork.SERVER),
            LEASED,
            2,
            READ,
            TIMEOUT_MS,
            "");
    session.apply(List.of(), List.of(lease, open(Transport.UDP, 7000, READ)));
    DatagramSocket at = server(RoutedNetwork.SERVER, 49152);
    DatagramSocket at7000 = server(RoutedNetwork.SERVER, 7000);
    DatagramSocket client = client(RoutedNetwork.CLIENT, 4000);
    int vetted = MarkBits.DEFAULT.vetted();
    try (ConntrackClient conntrack = network.router().call(ConntrackClient::open)) {
      for (int again = 0; again < 3; again++) {
        assertTrue(passes(client, RoutedNetwork.SERVER, 49152, at));
        assertTrue(passes(client, RoutedNetwork.SERVER, 7000, at7000));
        for (int port : new int[] {49152, 7000}) {
          FlowTuple tuple =
              new FlowTuple(
                  17,
                  RoutedNetwork.address(RoutedNetwork.CLIENT),
                  4000,
                  RoutedNetwork.address(RoutedNetwork.SERVER),
                  port);
          assertEquals(
              again == 0 ? READ : READ | vetted, conntrack.get(tuple).orElseThrow().mark());
          conntrack.setMark(tuple, vetted, vetted);
        }
      }
    }
    assertTrue(passes(client(RoutedNetwork.CLIENT, 4001), RoutedNetwork.SERVER, 49152, at));
    assertFalse(passes(client(RoutedNetwork.CLIENT, 4002), RoutedNetwork.SERVER, 49152, at));
  }

  @Test
  void lease_ofARangeWithoutRule_isRefused() throws IOException {
    Pinhole unknown = lease(false, new PortRange(50000, 50001), 0);
    BackendException e =
        assertThrows(BackendException.class, () -> session.apply(List.of(), List.of(unknown)));
    assertTrue(String.valueOf(e.getMessage()).contains("50000-50001"), e::getMessage);
    assertEquals(List.of(), owned());
  }

  @Test
  void ranges_changeAtRunTime_andTheTableIsWhole() throws IOException {
    Pinhole lease = lease(false, LEASED, 0);
    session.apply(List.of(), List.of(lease));
    PortRange more = new PortRange(50000, 50001);
    backend.setPorts(List.of(), List.of(more));
    assertFalse(backend.repair(List.of(lease)), "nothing was missing");
    DatagramSocket at = server(RoutedNetwork.SERVER, 49152);
    assertFalse(passes(client(RoutedNetwork.CLIENT, 4000), RoutedNetwork.SERVER, 49152, at));
    backend.setPorts(List.of(), List.of(more, LEASED, LEASED));
    assertTrue(passes(client(RoutedNetwork.CLIENT, 4001), RoutedNetwork.SERVER, 49152, at));
    network.router().exec("nft", "delete table inet pinholed");
    assertTrue(backend.repair(List.of(lease)));
    assertEquals(List.of(lease), owned());
    assertTrue(passes(client(RoutedNetwork.CLIENT, 4002), RoutedNetwork.SERVER, 49152, at));
    String listing = network.router().exec("nft", "list", "table", "inet", "pinholed");
    assertTrue(
        listing.contains("udp . 192.0.2.2 . 198.51.100.2 . 49152 . 49160 timeout 10m"), listing);
    assertTrue(listing.contains("th dport 49152-49160"), listing);
  }

  private static Pinhole any(boolean ipv6, int port, @Nullable ChildTranslation translation)
      throws IOException {
    return new Pinhole(
        Pinhole.Kind.OPEN_ANY,
        Transport.UDP,
        null,
        RoutedNetwork.address(ipv6 ? RoutedNetwork.ROUTER_OUTSIDE6 : RoutedNetwork.ROUTER_OUTSIDE),
        port,
        MARK,
        TIMEOUT_MS,
        "any",
        translation);
  }

  private static ChildTranslation inside(String address, int port) throws IOException {
    return new ChildTranslation(new Endpoint(RoutedNetwork.address(address), port), null);
  }

  @ParameterizedTest
  @CsvSource({
    "198.51.100.1, 192.0.2.2, 198.51.100.2, 198.51.100.3",
    "2001:db8:2::1, 2001:db8:1::2, 2001:db8:2::2, 2001:db8:2::3"
  })
  void anySource_isTranslated_andKeepsItsSource_thenNarrowed(
      String outside, String client, String one, String other) throws IOException {
    boolean ipv6 = outside.contains(":");
    DatagramSocket at = client(client, 4000);
    Pinhole any = any(ipv6, 30_000, inside(client, 4000));
    session.apply(List.of(), List.of(any));
    assertEquals(List.of(any), owned());
    InetSocketAddress first = seen(server(one, 5000), outside, 30_000, at);
    InetSocketAddress second = seen(server(other, 5001), outside, 30_000, at);
    assertNotNull(first);
    assertNotNull(second);
    assertEquals(RoutedNetwork.address(one), first.getAddress());
    assertEquals(5000, first.getPort());
    assertEquals(RoutedNetwork.address(other), second.getAddress());
    // narrowed to one, who is not the parent's peer, in one transaction
    Pinhole narrowed =
        new Pinhole(
            Pinhole.Kind.OPEN,
            Transport.UDP,
            RoutedNetwork.address(other),
            any.destination(),
            30_000,
            MARK,
            TIMEOUT_MS,
            "one",
            any.translation());
    session.apply(List.of(any), List.of(narrowed));
    assertEquals(List.of(narrowed), owned());
    assertNull(seen(server(one, 5002), outside, 30_000, at));
    InetSocketAddress third = seen(server(other, 5003), outside, 30_000, at);
    assertNotNull(third);
    assertEquals(new InetSocketAddress(RoutedNetwork.address(other), 5003), third);
    session.apply(List.of(narrowed), List.of());
    assertEquals(List.of(), owned());
    String listing = network.router().exec("nft", "list", "table", "inet", "pinholed");
    assertFalse(Pattern.compile("30000 timeout").matcher(listing).find(), listing);
  }

  /** What a used pinhole leaves behind does not send another one's children to its client. */
  @Test
  void anySource_isNotSentWhereAnEarlierChildFromThereWas() throws IOException {
    String outside = RoutedNetwork.ROUTER_OUTSIDE;
    DatagramSocket at = client(RoutedNetwork.CLIENT, 4000);
    DatagramSocket at2 = client(RoutedNetwork.CLIENT2, 4000);
    Pinhole once =
        new Pinhole(
            Pinhole.Kind.ONCE,
            Transport.UDP,
            RoutedNetwork.address(RoutedNetwork.SERVER),
            RoutedNetwork.address(outside),
            30_000,
            MARK,
            TIMEOUT_MS,
            "once",
            inside(RoutedNetwork.CLIENT, 4000));
    session.apply(List.of(), List.of(once));
    assertNotNull(seen(server(RoutedNetwork.SERVER, 5000), outside, 30_000, at));
    assertFalse(session.stands(once));
    session.apply(List.of(), List.of(any(false, 30_000, inside(RoutedNetwork.CLIENT2, 4000))));
    assertNotNull(seen(server(RoutedNetwork.SERVER, 5001), outside, 30_000, at2));
  }

  private static Pinhole once(String source, String destination, ChildTranslation translation)
      throws IOException {
    return new Pinhole(
        Pinhole.Kind.ONCE,
        Transport.UDP,
        RoutedNetwork.address(source),
        RoutedNetwork.address(destination),
        30_000,
        MARK,
        TIMEOUT_MS,
        "once",
        translation);
  }

  /** The address that is seen in the place of its source is not that of an earlier child's. */
  @Test
  void anySource_keepsItsSource_whereTheOneOfAnEarlierChildWasTranslated() throws IOException {
    String outside = RoutedNetwork.ROUTER_OUTSIDE;
    DatagramSocket at = client(RoutedNetwork.CLIENT, 4000);
    Pinhole once =
        once(
            RoutedNetwork.SERVER,
            outside,
            new ChildTranslation(
                new Endpoint(RoutedNetwork.address(RoutedNetwork.CLIENT), 4000),
                RoutedNetwork.address(RoutedNetwork.ROUTER_INSIDE)));
    session.apply(List.of(), List.of(once));
    InetSocketAddress earlier = seen(server(RoutedNetwork.SERVER, 5000), outside, 30_000, at);
    assertNotNull(earlier);
    assertEquals(RoutedNetwork.address(RoutedNetwork.ROUTER_INSIDE), earlier.getAddress());
    // by another port, so that what opens it does not take out what was left of the earlier one
    session.apply(List.of(), List.of(any(false, 30_002, inside(RoutedNetwork.CLIENT, 4000))));
    InetSocketAddress later = seen(server(RoutedNetwork.SERVER, 5001), outside, 30_002, at);
    assertEquals(new InetSocketAddress(RoutedNetwork.address(RoutedNetwork.SERVER), 5001), later);
  }

  @Test
  void anySource_thatIsNotTranslated_keepsItsSource() throws IOException {
    Pinhole once =
        once(
            RoutedNetwork.CLIENT,
            RoutedNetwork.SERVER,
            new ChildTranslation(null, RoutedNetwork.address(RoutedNetwork.ROUTER_OUTSIDE)));
    DatagramSocket at = server(RoutedNetwork.SERVER, 30_000);
    session.apply(List.of(), List.of(once));
    InetSocketAddress earlier =
        seen(client(RoutedNetwork.CLIENT, 5000), RoutedNetwork.SERVER, 30_000, at);
    assertNotNull(earlier);
    assertEquals(RoutedNetwork.address(RoutedNetwork.ROUTER_OUTSIDE), earlier.getAddress());
    Pinhole any =
        new Pinhole(
            Pinhole.Kind.OPEN_ANY,
            Transport.UDP,
            null,
            RoutedNetwork.address(RoutedNetwork.SERVER),
            30_000,
            MARK,
            TIMEOUT_MS,
            "any");
    session.apply(List.of(), List.of(any));
    assertEquals(
        new InetSocketAddress(RoutedNetwork.address(RoutedNetwork.CLIENT), 5001),
        seen(client(RoutedNetwork.CLIENT, 5001), RoutedNetwork.SERVER, 30_000, at));
  }

  // ---- Leases under translation ----------------------------------------------------------------

  private static Pinhole translated(
      PortRange range, String source, String destination, String inside, String seenAs)
      throws IOException {
    return Pinhole.lease(
            Transport.UDP,
            RoutedNetwork.address(source),
            RoutedNetwork.address(destination),
            range,
            0,
            MARK,
            TIMEOUT_MS,
            "a lease")
        .withTranslation(
            new ChildTranslation(
                inside.isEmpty()
                    ? null
                    : new Endpoint(RoutedNetwork.address(inside), range.first()),
                seenAs.isEmpty() ? null : RoutedNetwork.address(seenAs)));
  }

  /** A server behind port forwarding, a client behind masquerade, and both. */
  @ParameterizedTest
  @CsvSource({
    "198.51.100.2, 198.51.100.1, 192.0.2.2, ''",
    "198.51.100.2, 198.51.100.1, 192.0.2.2, 192.0.2.1",
    "192.0.2.2, 198.51.100.2, '', 198.51.100.1",
    "2001:db8:2::2, 2001:db8:2::1, 2001:db8:1::2, ''",
    "2001:db8:2::2, 2001:db8:2::1, 2001:db8:1::2, 2001:db8:1::1",
    "2001:db8:1::2, 2001:db8:2::2, '', 2001:db8:2::1"
  })
  void lease_isTranslated_andKeepsItsPorts(
      String source, String destination, String inside, String seenAs) throws IOException {
    boolean fromClient = inside.isEmpty();
    String target = fromClient ? destination : inside;
    Pinhole lease = translated(LEASED, source, destination, inside, seenAs);
    session.apply(List.of(), List.of(lease));
    assertEquals(List.of(lease), owned());
    session.renew(List.of(lease));
    for (int port : new int[] {49152, 49155, 49160}) {
      DatagramSocket at = fromClient ? server(target, port) : client(target, port);
      DatagramSocket from = fromClient ? client(source, port) : server(source, port);
      InetSocketAddress seen = seen(from, destination, port, at);
      assertNotNull(seen, "port " + port);
      assertEquals(RoutedNetwork.address(seenAs.isEmpty() ? source : seenAs), seen.getAddress());
      RoutedNetwork.send(at, seen.getHostString(), seen.getPort());
      InetSocketAddress answer = RoutedNetwork.receive(from, TURN_MS * TURNS);
      assertEquals(
          new InetSocketAddress(RoutedNetwork.address(destination), port),
          answer,
          "the answer finds its way back");
    }
    network.router().exec("nft", "delete table inet pinholed");
    assertTrue(backend.repair(List.of(lease)));
    assertEquals(List.of(lease), owned());
    session.apply(List.of(lease), List.of());
    assertEquals(List.of(), owned());
    String listing = network.router().exec("nft", "list", "table", "inet", "pinholed");
    assertFalse(Pattern.compile("49160 timeout").matcher(listing).find(), listing);
    DatagramSocket at = fromClient ? server(target, 49153) : client(target, 49153);
    DatagramSocket from = fromClient ? client(source, 5999) : server(source, 5999);
    if (fromClient) {
      assertNull(seen(from, destination, 49153, at), "shut");
    }
  }

  /** Where an earlier child from the same source went is not where that of a lease goes. */
  @Test
  void lease_isNotSentWhereAnEarlierChildWas_norHasItsSource() throws IOException {
    String outside = RoutedNetwork.ROUTER_OUTSIDE;
    Pinhole once =
        new Pinhole(
            Pinhole.Kind.ONCE,
            Transport.UDP,
            RoutedNetwork.address(RoutedNetwork.SERVER),
            RoutedNetwork.address(outside),
            49_155,
            MARK,
            TIMEOUT_MS,
            "once",
            new ChildTranslation(
                new Endpoint(RoutedNetwork.address(RoutedNetwork.CLIENT), 49_155),
                RoutedNetwork.address(RoutedNetwork.ROUTER_INSIDE)));
    DatagramSocket at = client(RoutedNetwork.CLIENT, 49_155);
    DatagramSocket at2 = client(RoutedNetwork.CLIENT2, 49_155);
    session.apply(List.of(), List.of(once));
    assertNotNull(seen(server(RoutedNetwork.SERVER, 5000), outside, 49_155, at));
    session.apply(
        List.of(),
        List.of(translated(LEASED, RoutedNetwork.SERVER, outside, RoutedNetwork.CLIENT2, "")));
    assertEquals(
        new InetSocketAddress(RoutedNetwork.address(RoutedNetwork.SERVER), 5001),
        seen(server(RoutedNetwork.SERVER, 5001), outside, 49_155, at2));
    // and where that of the same inside endpoint was
    session.apply(List.of(), List.of(once));
    assertNotNull(seen(server(RoutedNetwork.SERVER, 5002), outside, 49_155, at));
    session.apply(
        List.of(),
        List.of(translated(LEASED, RoutedNetwork.SERVER, outside, RoutedNetwork.CLIENT, "")));
    assertEquals(
        new InetSocketAddress(RoutedNetwork.address(RoutedNetwork.SERVER), 5003),
        seen(server(RoutedNetwork.SERVER, 5003), outside, 49_155, at));
  }

  /** What is for one port comes before what is for many. */
  @Test
  void lease_leavesAPinholeOfOneOfItsPortsAlone() throws IOException {
    String outside = RoutedNetwork.ROUTER_OUTSIDE;
    Pinhole open =
        new Pinhole(
            Pinhole.Kind.OPEN,
            Transport.UDP,
            RoutedNetwork.address(RoutedNetwork.SERVER),
            RoutedNetwork.address(outside),
            49_155,
            MARK,
            TIMEOUT_MS,
            "open",
            inside(RoutedNetwork.CLIENT, 4000));
    Pinhole lease = translated(LEASED, RoutedNetwork.SERVER, outside, RoutedNetwork.CLIENT2, "");
    session.apply(List.of(), List.of(lease, open));
    assertEquals(Set.of(lease, open), Set.copyOf(owned()));
    DatagramSocket at = client(RoutedNetwork.CLIENT, 4000);
    assertNotNull(seen(server(RoutedNetwork.SERVER, 5000), outside, 49_155, at));
    session.apply(List.of(open), List.of());
    DatagramSocket at2 = client(RoutedNetwork.CLIENT2, 49_155);
    assertNotNull(seen(server(RoutedNetwork.SERVER, 5001), outside, 49_155, at2));
  }

  @Test
  void anySource_renewedReplacedRepaired() throws IOException {
    Pinhole any = any(false, 30_000, inside(RoutedNetwork.CLIENT, 4000));
    Pinhole other = any(false, 30_000, inside(RoutedNetwork.CLIENT2, 4000));
    session.apply(List.of(), List.of(any));
    session.renew(List.of(any));
    session.apply(List.of(), List.of(other));
    assertEquals(List.of(other), owned());
    session.apply(List.of(), List.of(any(false, 30_000, null)));
    assertEquals(List.of(any(false, 30_000, null)), owned());
    network.router().exec("nft", "delete table inet pinholed");
    assertTrue(backend.repair(List.of(any)));
    assertEquals(Set.of(any), Set.copyOf(owned()));
  }

  // ---- Children that are read ----------------------------------------------------------------

  private int counted(String rule) throws IOException {
    String listing =
        network
            .router()
            .exec("nft", "list", "chain", "inet", "pinholed", "divert")
            .replaceAll("\\s+", " ");
    Matcher matcher =
        Pattern.compile(Pattern.quote(rule) + " counter packets (\\d+)").matcher(listing);
    assertTrue(matcher.find(), listing);
    return Integer.parseInt(matcher.group(1));
  }

  private Pinhole open(Transport transport, int port, int mark) throws IOException {
    return new Pinhole(
        Pinhole.Kind.OPEN,
        transport,
        RoutedNetwork.address(RoutedNetwork.CLIENT),
        RoutedNetwork.address(RoutedNetwork.SERVER),
        port,
        mark,
        TIMEOUT_MS,
        "");
  }

  @Test
  void udpChildThatIsRead_isQueuedOnAnyPort_bothDirections_otherChildrenAreNot()
      throws IOException {
    session.apply(
        List.of(),
        List.of(
            open(Transport.UDP, 7000, READ),
            open(Transport.UDP, 7001, MARK),
            open(Transport.UDP, 5060, MARK)));
    for (int port : new int[] {7000, 7001, 5060}) {
      DatagramSocket client = client(RoutedNetwork.CLIENT, 4000 + port);
      DatagramSocket at = server(RoutedNetwork.SERVER, port);
      assertTrue(passes(client, RoutedNetwork.SERVER, port, at));
      assertTrue(passes(at, RoutedNetwork.CLIENT, 4000 + port, client));
      assertEquals(2, counted("meta l4proto udp"), "port " + port);
    }
    assertNotNull(
        session.originOf(
            new Endpoint(RoutedNetwork.address(RoutedNetwork.CLIENT), 11_000),
            new Endpoint(RoutedNetwork.address(RoutedNetwork.SERVER), 7000)));
  }

  @Test
  void tcpChildThatIsRead_isQueuedAsAParentIs_otherChildrenAreNot() throws Exception {
    session.apply(
        List.of(),
        List.of(
            open(Transport.TCP, 7000, READ),
            open(Transport.TCP, 7001, MARK),
            open(Transport.TCP, 21, MARK)));
    for (int port : new int[] {7000, 7001, 21}) {
      talk(port);
      assertEquals(2, counted("meta l4proto tcp @ih,0,8 >= 0x0"), "payload, port " + port);
      assertEquals(2, counted("tcp flags fin,rst"), "port " + port);
    }
    String begin = network.router().exec("nft", "list", "chain", "inet", "pinholed", "begin");
    assertTrue(begin.contains("tcp flags syn,ack / syn,ack counter packets 1 "), begin);
    String child = network.router().exec("nft", "list", "chain", "inet", "pinholed", "child");
    assertTrue(child.contains("ct expectation set \"seqadj\""), child);
  }

  /** Whoever is read may be rewritten: behind address translation the kernel must take offsets. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void tcpChildThatIsRead_behindTranslation_canHaveItsNumbersShifted(boolean read)
      throws Exception {
    network
        .router()
        .exec(
            "nft",
            """
        table ip nat {
          chain post {
            type nat hook postrouting priority srcnat;
            oif srv masquerade
          }
        }
        """);
    session.apply(List.of(), List.of(open(Transport.TCP, 7000, read ? READ : MARK)));
    try (ConntrackClient conntrack = network.router().call(ConntrackClient::open);
        ServerSocket listening =
            network
                .server()
                .call(
                    () -> new ServerSocket(7000, 5, RoutedNetwork.address(RoutedNetwork.SERVER)));
        Socket socket =
            network
                .client()
                .call(
                    () ->
                        new Socket(
                            RoutedNetwork.address(RoutedNetwork.SERVER),
                            7000,
                            RoutedNetwork.address(RoutedNetwork.CLIENT),
                            4000))) {
      FlowTuple original =
          new FlowTuple(
              6, socket.getLocalAddress(), 4000, socket.getInetAddress(), socket.getPort());
      int id = conntrack.get(original).orElseThrow().id();
      conntrack.setSequenceAdjustment(original, false, new SequenceAdjustment(1, 0, 5), false);
      assertEquals(read, conntrack.sequenceAdjustments(original, id).isPresent());
      assertTrue(listening.isBound() && socket.isConnected());
    }
  }

  /** One line each way, then both close. */
  private void talk(int port) throws Exception {
    try (ServerSocket listening =
        network
            .server()
            .call(() -> new ServerSocket(port, 5, RoutedNetwork.address(RoutedNetwork.SERVER)))) {
      var answered =
          network
              .server()
              .submit(
                  () -> {
                    try (Socket socket = listening.accept()) {
                      assertEquals('a', socket.getInputStream().read());
                      socket.getOutputStream().write('b');
                      assertEquals(-1, socket.getInputStream().read());
                      return true;
                    }
                  });
      network
          .client()
          .call(
              () -> {
                try (Socket socket = new Socket()) {
                  socket.bind(
                      new InetSocketAddress(RoutedNetwork.address(RoutedNetwork.CLIENT), 0));
                  socket.connect(
                      new InetSocketAddress(RoutedNetwork.address(RoutedNetwork.SERVER), port),
                      3000);
                  socket.getOutputStream().write('a');
                  assertEquals('b', socket.getInputStream().read());
                  socket.shutdownOutput();
                  assertEquals(-1, socket.getInputStream().read());
                  return true;
                }
              });
      assertTrue(answered.get(5, TimeUnit.SECONDS));
    }
  }
}
