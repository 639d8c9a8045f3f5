package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.Applied;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.KernelPart;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * The backend against the kernel. The operator's firewall refuses every new connection that has not
 * the child bit; client and server are two addresses of one namespace, and a second namespace sends
 * control packets.
 */
@SuppressWarnings("NullAway.Init")
class NftablesBackendIT {
  private static final int CHILD = 0x40000000;
  private static final int MARK = CHILD | 25;
  private static final String CLIENT = "192.0.2.1";
  private static final String SERVER = "192.0.2.2";
  private static final String OTHER = "192.0.2.3";
  private static final String CLIENT6 = "2001:db8::1";
  private static final String SERVER6 = "2001:db8::2";
  private static final HelperPort FTP = new HelperPort(Transport.TCP, 21);
  private static final NftablesOptions OPTIONS = options(true);
  private static final long PID = ProcessHandle.current().pid();
  private static NamespaceThread namespace;
  private static NamespaceThread peer;
  private static NftFeatures features;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private PinholeBackend backend;
  private PinholeBackend.Session session;

  private static NftablesOptions options(boolean bypass) {
    return options(bypass, 1);
  }

  private static NftablesOptions options(boolean bypass, int queues) {
    return new NftablesOptions("pinholed", 7, queues, bypass, MarkBits.DEFAULT, 10_000);
  }

  @BeforeAll
  static void openNamespaces() throws IOException {
    namespace = NamespaceThread.open("phb-agent" + PID);
    peer = NamespaceThread.open("phb-peer" + PID);
    for (String address : List.of(CLIENT, SERVER, OTHER)) {
      namespace.exec("ip", "address", "add", address + "/32", "dev", "lo");
    }
    for (String address : List.of(CLIENT6, SERVER6)) {
      namespace.exec("ip", "address", "add", address + "/128", "dev", "lo", "nodad");
    }
    namespace.exec(
        "ip",
        "link",
        "add",
        "phb0",
        "type",
        "veth",
        "peer",
        "name",
        "phb1",
        "netns",
        "phb-peer" + PID);
    namespace.exec("ip", "address", "add", "198.51.100.1/24", "dev", "phb0");
    namespace.exec("ip", "link", "set", "phb0", "up");
    peer.exec("ip", "address", "add", "198.51.100.2/24", "dev", "phb1");
    peer.exec("ip", "link", "set", "phb1", "up");
    try (NftClient client = namespace.call(NftClient::open)) {
      features = NftFeatures.probe(client);
    }
  }

  @AfterAll
  static void closeNamespaces() throws IOException {
    namespace.close();
    peer.close();
  }

  @BeforeEach
  void open() throws IOException {
    namespace.exec(
        "nft",
        """
        table inet operator {
          chain out {
            type filter hook output priority filter; policy accept;
            ct mark 0x40000019 ct state new counter accept
            ct mark & 0x40000000 != 0 accept
            oifname lo tcp flags syn reject with tcp reset
          }
        }
        """);
    backend = namespace.call(() -> NftablesBackend.open(OPTIONS));
    backend.install(List.of(FTP));
    session = namespace.call(() -> backend.openSession());
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
    session.close();
    backend.close();
    namespace.exec("nft", "flush", "ruleset");
  }

  private static InetAddress address(String text) throws IOException {
    return InetAddress.getByName(text);
  }

  private static Pinhole pinhole(
      Pinhole.Kind kind, @Nullable String source, String destination, int port) throws IOException {
    return new Pinhole(
        kind,
        Transport.TCP,
        source == null ? null : address(source),
        address(destination),
        port,
        MARK,
        30_000,
        "ftp parent=0000002a policy=25");
  }

  private static Pinhole once(int port) throws IOException {
    return pinhole(Pinhole.Kind.ONCE, CLIENT, SERVER, port);
  }

  private ServerSocket listen(String address) throws IOException {
    ServerSocket server =
        namespace.call(() -> new ServerSocket(0, 50, InetAddress.getByName(address)));
    opened.add(server);
    return server;
  }

  /** Whether a connection gets through; it is refused at once where no pinhole is. */
  private static boolean connects(String from, ServerSocket server) throws IOException {
    Callable<Boolean> attempt =
        () -> {
          try (Socket socket = new Socket()) {
            socket.bind(new InetSocketAddress(address(from), 0));
            socket.connect(server.getLocalSocketAddress(), 2000);
            return true;
          } catch (java.net.ConnectException e) {
            return false;
          }
        };
    return namespace.call(attempt);
  }

  private List<Pinhole> owned() throws BackendException {
    return session.listOwned().stream().map(OwnedPinhole::pinhole).toList();
  }

  /** What nft prints, without what its libxtables complains about (on stderr) in inet tables. */
  private static String lines() throws IOException {
    return namespace
        .exec("nft", "list", "table", "inet", "pinholed")
        .replaceAll("libxtables: [^\\n]*\\n", "");
  }

  private static String listing() throws IOException {
    return lines().replaceAll("\\s+", " ");
  }

  @Test
  void once_letsOneConnectionIn_withItsMark_andNoSecondOne() throws IOException {
    ServerSocket server = listen(SERVER);
    assertFalse(connects(CLIENT, server), "without pinhole");
    session.apply(List.of(), List.of(once(server.getLocalPort())));
    assertEquals(List.of(once(server.getLocalPort())), owned());
    assertFalse(connects(OTHER, server), "another source");
    assertTrue(connects(CLIENT, server));
    assertEquals(List.of(), owned(), "taken out by the first packet");
    assertFalse(connects(CLIENT, server), "a second connection");
    String operator = namespace.exec("nft", "list", "table", "inet", "operator");
    assertTrue(operator.contains("ct mark 0x40000019 ct state new counter packets 1"), operator);
  }

  @Test
  void apply_tellsWhichOfTheClosedStood_usedOnesDidNot() throws Exception {
    ServerSocket server = listen(SERVER);
    Pinhole unused = once(5001);
    Pinhole unused6 = pinhole(Pinhole.Kind.ONCE, "2001:db8::1", "2001:db8::2", 5001);
    Pinhole used = once(server.getLocalPort());
    Pinhole many = pinhole(Pinhole.Kind.OPEN, CLIENT, SERVER, 5003);
    session.apply(List.of(), List.of(unused, unused6, used, many));
    assertTrue(session.stands(used));
    assertTrue(connects(CLIENT, server));
    assertFalse(session.stands(used));

    // opened again in the same transaction: what stood is the old one
    assertEquals(
        told(List.of(unused, unused6)),
        session.apply(List.of(used, unused, unused6, many), List.of(unused)));
    assertTrue(session.stands(unused));
    assertFalse(session.stands(unused6));
    assertEquals(told(List.of(unused)), session.apply(List.of(unused), List.of()));
    assertEquals(List.of(), session.apply(List.of(unused), List.of()));
  }

  /** What a session tells of pinholes that stood unused: nothing, if the kernel does not tell. */
  private static List<Pinhole> told(List<Pinhole> unused) {
    return features.destroyMessages() ? unused : List.of();
  }

  @Test
  void once_overIpv6() throws IOException {
    ServerSocket server = listen(SERVER6);
    Pinhole pinhole = pinhole(Pinhole.Kind.ONCE, CLIENT6, SERVER6, server.getLocalPort());
    session.apply(List.of(), List.of(pinhole));
    assertEquals(List.of(pinhole), owned());
    assertTrue(connects(CLIENT6, server));
    assertFalse(connects(CLIENT6, server));
  }

  @Test
  void open_letsManyIn_untilItIsShut() throws IOException {
    ServerSocket server = listen(SERVER);
    Pinhole pinhole = pinhole(Pinhole.Kind.OPEN, CLIENT, SERVER, server.getLocalPort());
    session.apply(List.of(), List.of(pinhole));
    assertTrue(connects(CLIENT, server));
    assertTrue(connects(CLIENT, server));
    assertFalse(connects(OTHER, server));
    session.apply(List.of(pinhole), List.of());
    assertFalse(connects(CLIENT, server));
  }

  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER6})
  void openAny_takesEverySource_inBothFamilies(String destination) throws IOException {
    ServerSocket server = listen(destination);
    Pinhole pinhole = pinhole(Pinhole.Kind.OPEN_ANY, null, destination, server.getLocalPort());
    session.apply(List.of(), List.of(pinhole));
    assertEquals(List.of(pinhole), owned());
    boolean ipv6 = destination.equals(SERVER6);
    assertTrue(connects(ipv6 ? CLIENT6 : CLIENT, server));
    assertTrue(connects(ipv6 ? CLIENT6 : OTHER, server));
    assertFalse(connects(ipv6 ? CLIENT6 : CLIENT, listen(destination)), "another port");
  }

  @Test
  void timeout_shutsWithoutAnybodyDoingAnything() throws IOException {
    ServerSocket server = listen(SERVER);
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.OPEN,
            Transport.TCP,
            address(CLIENT),
            address(SERVER),
            server.getLocalPort(),
            MARK,
            400,
            "");
    session.apply(List.of(), List.of(pinhole));
    assertTrue(connects(CLIENT, server));
    Instant deadline = Instant.now().plus(Duration.ofSeconds(5));
    while (!owned().isEmpty() && Instant.now().isBefore(deadline)) {
      Thread.onSpinWait();
    }
    assertFalse(connects(CLIENT, server));
  }

  @Test
  void apply_closingWhatIsGone_andReplacingWhatStands() throws IOException {
    Pinhole first = once(2121);
    Pinhole second =
        new Pinhole(
            first.kind(),
            first.transport(),
            first.source(),
            first.destination(),
            first.port(),
            CHILD | 7,
            9000,
            "other");
    session.apply(List.of(first), List.of());
    session.apply(List.of(first, once(2122)), List.of(first, first));
    assertEquals(List.of(first), owned());
    session.apply(List.of(), List.of(second));
    assertEquals(List.of(second), owned());
    session.apply(List.of(first), List.of());
    assertEquals(List.of(), owned());
  }

  @Test
  void renew_givesTheFullTimeoutAgain_keepsTheComment_andMakesWhatIsGone() throws IOException {
    Pinhole pinhole = once(2121);
    session.apply(List.of(), List.of(pinhole, once(2122)));
    long before = remainingMs(pinhole);
    while (remainingMs(pinhole) > before - 50) {
      Thread.onSpinWait();
    }
    session.renew(List.of(pinhole, once(2123)));
    assertTrue(remainingMs(pinhole) > before - 50, () -> "" + before);
    assertEquals(3, owned().size());
    assertTrue(owned().contains(pinhole));
    assertTrue(owned().contains(once(2123)));
  }

  private long remainingMs(Pinhole pinhole) throws BackendException {
    for (OwnedPinhole owned : session.listOwned()) {
      if (owned.pinhole().port() == pinhole.port()) {
        return owned.expiresInMs();
      }
    }
    throw new AssertionError("not there: " + pinhole);
  }

  @Test
  void zones_areLeftAlone_andSaidOnlyIfThereAreAny() throws Exception {
    String listing = listing();
    assertTrue(listing.contains("ct zone != 0"), listing);
    assertFalse(backend.leavesZonesAlone());
    assertFalse(backend.repair(List.of()), "the table is not as it is expected");
  }

  @Test
  void closed_otherThreadsThatStillAskAreToldNothing() throws Exception {
    backend.close(); // as at a hand-over, where the thread for events is still running
    assertFalse(backend.leavesZonesAlone());
    assertFalse(backend.repair(List.of()));
  }

  private interface OnOlderKernel {
    void run() throws IOException;
  }

  private static NftFeatures older(NftClient client) throws NetlinkException {
    NftFeatures now = NftFeatures.probe(client);
    return new NftFeatures(
        now.nativeQueue(),
        now.targetQueue(),
        false,
        false,
        false,
        false,
        false,
        false,
        now.sequenceAdjustment(),
        now.missing());
  }

  /** Goes the ways of Linux 6.1: no DESTROYSETELEM, no update of timeouts. */
  private void onOlderKernel(OnOlderKernel test) throws Exception {
    try (PinholeBackend older =
            namespace.call(() -> new NftablesBackend(OPTIONS, NftablesBackendIT::older));
        PinholeBackend.Session olderSession = namespace.call(older::openSession)) {
      older.install(List.of(FTP));
      session.close();
      session = olderSession;
      test.run();
    }
    session = namespace.call(() -> backend.openSession());
  }

  @Test
  void olderKernels_withoutDestroyAndTimeoutUpdate_behaveTheSame() throws Exception {
    onOlderKernel(
        () -> {
          apply_closingWhatIsGone_andReplacingWhatStands();
          renew_givesTheFullTimeoutAgain_keepsTheComment_andMakesWhatIsGone();
        });
  }

  static Stream<ChildTranslation> translations() throws IOException {
    Endpoint inside = new Endpoint(address(OTHER), 2200);
    Endpoint inside6 = new Endpoint(address("2001:db8::3"), 2200);
    return Stream.of(
        new ChildTranslation(inside, null),
        new ChildTranslation(null, address("203.0.113.1")),
        new ChildTranslation(inside, address("203.0.113.1")),
        new ChildTranslation(inside6, null),
        new ChildTranslation(null, address("2001:db8:1::1")),
        new ChildTranslation(inside6, address("2001:db8:1::1")));
  }

  private static Pinhole translated(int port, @Nullable ChildTranslation translation, boolean ipv6)
      throws IOException {
    return pinhole(Pinhole.Kind.ONCE, ipv6 ? CLIENT6 : CLIENT, ipv6 ? SERVER6 : SERVER, port)
        .withTranslation(translation);
  }

  private static boolean isIpv6(ChildTranslation translation) {
    Endpoint inside = translation.inside();
    InetAddress source = translation.source();
    return (inside == null ? source : inside.address()) instanceof Inet6Address;
  }

  /** Everything that stands in the maps of pinholes and translations. */
  private static long elements() throws IOException {
    return lines().lines().filter(line -> line.contains("expires")).count();
  }

  @ParameterizedTest
  @MethodSource("translations")
  void translated_isOpenedReplacedRenewedAndShut(ChildTranslation translation) throws IOException {
    boolean ipv6 = isIpv6(translation);
    Pinhole first = translated(2121, translation, ipv6);
    Pinhole second = translated(2122, translation, ipv6);
    session.apply(List.of(), List.of(first, second));
    assertEquals(Set.of(first, second), Set.copyOf(owned()));
    session.apply(List.of(first), List.of(second));
    assertEquals(List.of(second), owned());
    session.renew(List.of(first, second));
    assertEquals(Set.of(first, second), Set.copyOf(owned()));
    session.apply(List.of(first, second, translated(2123, translation, ipv6)), List.of());
    assertEquals(List.of(), owned());
    assertEquals(0, elements(), () -> "left: " + translation);
  }

  @ParameterizedTest
  @MethodSource("translations")
  void translated_inPlaceOfOneThatStands_andTheOtherWayRound(ChildTranslation translation)
      throws IOException {
    boolean ipv6 = isIpv6(translation);
    Pinhole plain = translated(2121, null, ipv6);
    Pinhole old = plain.withTranslation(translation);
    Endpoint inside = translation.inside();
    InetAddress source = translation.source();
    Pinhole other =
        plain.withTranslation(
            new ChildTranslation(
                inside == null ? null : new Endpoint(inside.address(), 2299),
                source == null ? null : address(ipv6 ? "2001:db8:1::2" : "203.0.113.2")));
    session.apply(List.of(), List.of(old));
    session.apply(List.of(), List.of(other));
    assertEquals(List.of(other), owned());
    // Its translation stays behind when a packet takes the pinhole out; the next child with the
    // same key must not be sent there.
    session.apply(List.of(other.withTranslation(null)), List.of());
    session.apply(List.of(), List.of(plain));
    assertEquals(List.of(plain), owned());
  }

  @ParameterizedTest
  @MethodSource("translations")
  void olderKernels_translateTheSame(ChildTranslation translation) throws Exception {
    onOlderKernel(() -> translated_isOpenedReplacedRenewedAndShut(translation));
    onOlderKernel(() -> translated_inPlaceOfOneThatStands_andTheOtherWayRound(translation));
  }

  @Test
  void apply_ofThousands_opensAll() throws IOException {
    List<Pinhole> many = new ArrayList<>();
    for (int port = 10_000; port < 13_000; port++) {
      many.add(once(port));
    }
    session.apply(List.of(), many);
    assertEquals(3000, owned().size());
    session.apply(many, List.of());
    assertEquals(List.of(), owned());
  }

  private List<Pinhole> onces(int firstPort, int count) throws IOException {
    List<Pinhole> pinholes = new ArrayList<>();
    for (int port = firstPort; port < firstPort + count; port++) {
      pinholes.add(once(port));
    }
    return pinholes;
  }

  /** The map takes 2,500: of many more the first transactions are made, a later one is not. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void apply_thatFailsInALaterTransaction_tellsWhatWasDone(boolean oldKernel) throws Exception {
    backend.remove();
    NftablesOptions small = new NftablesOptions("pinholed", 7, 1, true, MarkBits.DEFAULT, 2500);
    try (PinholeBackend full =
            namespace.call(
                () ->
                    new NftablesBackend(
                        small, oldKernel ? NftablesBackendIT::older : NftFeatures::probe));
        PinholeBackend.Session fullSession = namespace.call(full::openSession)) {
      full.install(List.of(FTP));
      List<Pinhole> old = onces(2000, 300);
      fullSession.apply(List.of(), old);
      List<Pinhole> many = onces(10_000, 6000);
      BackendException e = assertThrows(BackendException.class, () -> fullSession.apply(old, many));
      Applied done = e.done();
      assertEquals(300, done.closed());
      assertEquals(oldKernel ? List.of() : told(old), done.unused());
      assertTrue(done.opened() > 0 && done.opened() <= 2500, () -> done.opened() + " opened");
      assertEquals(many.subList(0, done.opened()), ownedOf(fullSession));
      String said = String.valueOf(e.getMessage());
      assertTrue(
          said.endsWith(
              "; before that 300 of 300 pinholes were shut, " + done.opened() + " of 6000 opened"),
          said);

      fullSession.apply(ownedOf(fullSession), List.of());
      BackendException renewed =
          assertThrows(BackendException.class, () -> fullSession.renew(many));
      assertTrue(renewed.done().opened() > 0, () -> renewed.done().opened() + " renewed");
      assertEquals(many.subList(0, renewed.done().opened()), ownedOf(fullSession));

      fullSession.apply(ownedOf(fullSession), List.of());
      BackendException repaired =
          assertThrows(BackendException.class, () -> full.repair(onces(20_000, 6000)));
      assertTrue(repaired.done().opened() > 0, () -> repaired.done().opened() + " put back");
      assertEquals(onces(20_000, repaired.done().opened()), ownedOf(fullSession));
      assertTrue(String.valueOf(repaired.getMessage()).contains("of 6000 opened"), "told");

      // what fails next tells of itself only
      fullSession.apply(ownedOf(fullSession), List.of());
      full.remove();
      BackendException gone =
          assertThrows(BackendException.class, () -> fullSession.apply(List.of(), onces(2000, 1)));
      assertEquals(Applied.NOTHING, gone.done());
      assertFalse(String.valueOf(gone.getMessage()).contains("before"), "of another change");
    }
    backend.install(List.of(FTP));
  }

  private static List<Pinhole> ownedOf(PinholeBackend.Session session) throws IOException {
    return session.listOwned().stream()
        .map(OwnedPinhole::pinhole)
        .sorted(Comparator.comparingInt(Pinhole::port))
        .toList();
  }

  @Test
  void apply_thatShutsThousands_tellsOfEachWhetherItStood() throws IOException {
    List<Pinhole> many = onces(10_000, 1000);
    session.apply(List.of(), many.subList(0, 600));
    assertEquals(told(many.subList(0, 600)), session.apply(many, List.of()));
  }

  @Test
  void apply_toAFullMap_isRefused_andSaysWhy() throws IOException {
    List<Pinhole> many = new ArrayList<>();
    for (int port = 1; port < 10_500; port++) {
      many.add(once(port));
    }
    BackendException e = assertThrows(BackendException.class, () -> session.apply(List.of(), many));
    assertEquals(23, e.errno(), "ENFILE");
  }

  @Test
  void listOwned_leavesOutWhatNoAgentMade() throws IOException {
    namespace.exec(
        "nft",
        "add element inet pinholed openany4 { icmp . 192.0.2.2 . 5 timeout 9s : 0x1,"
            + " tcp . 192.0.2.2 . 0 timeout 9s : 0x1, tcp . 192.0.2.2 . 6 : 0x1,"
            + " udp . 192.0.2.2 . 7 timeout 9s : 0x2 }");
    List<Pinhole> found = owned();
    assertEquals(1, found.size(), found::toString);
    assertEquals(Transport.UDP, found.get(0).transport());
    assertEquals(2, found.get(0).mark());
  }

  private static final Pattern HELD =
      Pattern.compile("305419896 \\. (original|reply) timeout 10s expires [89]s");

  @Test
  void rewritten_isForTenSeconds_againAndAgain_togetherWithAPinholeOrAlone() throws Exception {
    RewrittenDirection client = new RewrittenDirection(0x12345678, false);
    RewrittenDirection server = new RewrittenDirection(0x12345678, true);
    session.apply(List.of(), List.of(once(2121)), List.of(client));
    for (int again = 0; again < 2; again++) {
      session.apply(List.of(), List.of(), List.of(client, server));
    }
    assertEquals(List.of(once(2121)), owned());
    String listing = listing();
    assertEquals(
        Set.of("original", "reply"),
        HELD.matcher(listing).results().map(found -> found.group(1)).collect(Collectors.toSet()),
        listing);
    assertTrue(
        Pattern.compile("chain strict \\{ counter packets 0 bytes 0 queue (num|to) 7 \\}")
            .matcher(listing)
            .find(),
        listing);
  }

  @Test
  void rewritten_onOlderKernels() throws Exception {
    onOlderKernel(
        () -> {
          RewrittenDirection server = new RewrittenDirection(0x12345678, true);
          session.apply(List.of(), List.of(), List.of(server));
          session.apply(List.of(), List.of(once(2121)), List.of(server));
          assertEquals(List.of(once(2121)), owned());
          assertEquals(1, HELD.matcher(listing()).results().count());
        });
  }

  @Test
  void install_isListedByNft_asAnOperatorWouldWriteIt() throws IOException {
    String listing = listing();
    for (String words :
        List.of(
            "type inet_proto . ipv4_addr . ipv4_addr . inet_service : mark size 10000 flags"
                + " dynamic,timeout limit rate 1/day burst 1 packets comment \"protocol . source . destination . port; one"
                + " connection each\"",
            "set tcpports { type inet_service comment \"ports of TCP helpers\" elements = { 21 } }",
            "ct mark set meta l4proto . ip saddr . ip daddr . th dport map @once4 delete @once4"
                + " { meta l4proto . ip saddr . ip daddr . th dport : ct mark } counter packets 0"
                + " bytes 0 goto child",
            "ct mark set meta l4proto . ip6 daddr . th dport map @openany6 delete @dnat6"
                + " { meta l4proto . ip6 saddr . ip6 daddr . th dport : ip6 daddr . th dport }"
                + " delete @snat6 { meta l4proto . ip6 saddr . ip6 daddr . th dport : ip6 daddr }"
                + " counter packets 0 bytes 0 goto child",
            "map lease6 { type inet_proto . ipv6_addr . ipv6_addr . inet_service . inet_service"
                + " : mark",
            "chain child { ct mark & 0x08000000 != 0x00000000 meta l4proto tcp ct expectation set"
                + " \"seqadj\"",
            "goto leases } chain prerouting",
            "dnat ip to meta l4proto . ip saddr . ip daddr . th dport map @dnat4",
            "dnat ip6 to meta l4proto . ip6 daddr . th dport map @dnatany6",
            "meta l4proto tcp ct mark & 0x40000000 != 0x00000000 counter packets 0 bytes 0 snat ip"
                + " to meta l4proto . ct original ip saddr . ct original ip daddr . ct original"
                + " proto-dst map @snat4",
            "goto leasednat } chain natoutput",
            "goto leasesnat }",
            "map flowsrc4 { type ipv4_addr . inet_service . ipv4_addr . inet_service : ipv4_addr ."
                + " inet_service . mark size 10000 flags dynamic,timeout",
            "add @flowsrc6 { ip6 saddr . th sport . ip6 daddr . th dport timeout 30s : ct original"
                + " ip6 saddr . ct original proto-src . ct id }",
            "add @flowdst4 { ip saddr . th sport . ip daddr . th dport timeout 30s : ct original ip"
                + " daddr . ct original proto-dst . ct mark }",
            "meta l4proto udp ct status ! confirmed jump flows",
            "chain prerouting { type filter hook prerouting priority mangle; policy accept;"
                + " ct state new jump pinholes }",
            "chain output { type filter hook output priority mangle; policy accept;"
                + " ct state new jump pinholes }",
            "chain postrouting { type filter hook postrouting priority 300; policy accept;"
                + " meta oiftype loopback return"
                + " ct mark & 0x48000000 == 0x48000000 goto divert comment \"a child that is read\""
                + " meta l4proto tcp ct original proto-dst @tcpports jump divert"
                + " meta l4proto udp ct original proto-dst @udpports jump divert }",
            "chain input { type filter hook input priority 300; policy accept;"
                + " meta iiftype loopback return",
            "chain divert { ct zone != 0 update @zoned { meta l4proto timeout 1h } counter",
            " return comment \"in a conntrack zone\" ct zone != 0 return",
            " ct mark & 0x48000000 == 0x40000000 return comment \"a child\""
                + " tcp flags & syn == syn goto begin"
                + " ct mark & 0x10000000 != 0x00000000 return comment \"opaque\"",
            "tcp flags syn / syn,ack @ih,0,8 >= 0x0 ct mark & 0x30000000 != 0x20000000"
                + " ct mark set ct mark & 0xdfffffff | 0x14000000 counter",
            "tcp flags syn / syn,ack @ih,0,8 >= 0x0 counter packets 0 bytes 0 goto queues",
            "tcp flags syn,ack / syn,ack ct mark & 0x14000000 == 0x04000000"
                + " ct mark set ct mark & 0xfbffffff",
            "chain strict { counter packets 0 bytes 0 queue",
            "chain queues { ct status snat,dnat ct id . ct direction @rewritten goto strict"
                + " counter packets 0 bytes 0 queue",
            "meta l4proto tcp ct id . ct direction ^ reply @rewritten"
                + " counter packets 0 bytes 0 goto queues",
            "set rewritten { typeof ct id . ct direction size 10000 flags timeout",
            "tcp flags fin,rst counter packets 0 bytes 0 goto queues",
            "tcp flags syn,ack / syn,ack counter packets 0 bytes 0 goto queues")) {
      assertTrue(listing.contains(words), () -> words + "\n" + listing);
    }
  }

  @Test
  void severalQueues_haveARuleEach_byTheIdOfTheFlow() throws Exception {
    try (PinholeBackend three = namespace.call(() -> NftablesBackend.open(options(true, 3)))) {
      three.install(List.of(FTP));
      String listing = listing();
      assertTrue(
          Pattern.compile(
                  "goto strict jhash ct id mod 3 seed 0x1 2 counter packets 0 bytes 0 queue[^}]*"
                      + "jhash ct id mod 3 seed 0x1 1 counter packets 0 bytes 0 queue[^}]*[^1] "
                      + "counter packets 0 bytes 0 queue")
              .matcher(listing)
              .find(),
          listing);
    }
  }

  /** Linux 7.2 and later make an expectation of what expected nothing before. */
  @Test
  void withoutAnObjectThatOpensNothing_thereIsNoRule_andTheProbeSaysWhatIsLost() throws Exception {
    backend.remove();
    try (PinholeBackend without =
        namespace.call(
            () ->
                new NftablesBackend(
                    OPTIONS, client -> NftFeatures.probe(client).withoutSequenceAdjustment()))) {
      without.install(List.of(FTP));
      assertFalse(listing().contains("expectation"), "a rule or an object");
      assertFalse(without.repair(List.of()), "the table is whole");
      assertEquals(
          "no: announcements behind address translation are not rewritten",
          without.probe().get("nftSequenceAdjustment"));
    }
    backend.remove();
    backend.install(List.of(FTP));
    assertTrue(listing().contains("ct expectation set \"seqadj\""));
    assertEquals("yes", backend.probe().get("nftSequenceAdjustment"));
  }

  @Test
  void withdrawn_theRuleIsGone_pinholesStand_andARepairFindsNothingMissing() throws Exception {
    session.apply(List.of(), List.of(once(2121)));
    assertTrue(backend.expectsForSequenceAdjustment(33, 1));
    assertFalse(backend.expectsForSequenceAdjustment(6, 1));
    backend.withdrawSequenceAdjustment();
    assertFalse(listing().contains("ct expectation set"));
    assertFalse(backend.repair(List.of(once(2121))), "the table is whole");
    assertEquals(List.of(once(2121)), owned());
    assertFalse(backend.expectsForSequenceAdjustment(33, 1));
    assertEquals(
        "no: announcements behind address translation are not rewritten",
        backend.probe().get("nftSequenceAdjustment"));
  }

  @Test
  void withoutPartsThatNothingWorksWithout_isRefused_inWords() throws Exception {
    try (PinholeBackend without =
        namespace.call(
            () ->
                new NftablesBackend(
                    OPTIONS,
                    client -> {
                      NftFeatures now = NftFeatures.probe(client);
                      assertEquals(List.of(), now.missing());
                      return new NftFeatures(
                          now.nativeQueue(),
                          now.targetQueue(),
                          true,
                          true,
                          true,
                          true,
                          true,
                          true,
                          now.sequenceAdjustment(),
                          List.of(KernelPart.NFT_CHAIN_NAT, KernelPart.NFT_NAT));
                    }))) {
      BackendException refused =
          assertThrows(BackendException.class, () -> without.install(List.of(FTP)));
      assertEquals(
          "nftables: this kernel has no nft_chain_nat (CONFIG_NFT_NAT; modprobe nft_chain_nat),"
              + " no nft_nat (CONFIG_NFT_NAT; modprobe nft_nat): no pinhole can be opened",
          refused.getMessage());
    }
  }

  @Test
  void severalQueues_withoutTheHash_shareTheIdsInRanges() throws Exception {
    try (PinholeBackend older =
        namespace.call(
            () ->
                new NftablesBackend(
                    options(true, 2),
                    client -> {
                      NftFeatures now = NftFeatures.probe(client);
                      return new NftFeatures(
                          now.nativeQueue(),
                          now.targetQueue(),
                          true,
                          true,
                          true,
                          true,
                          false,
                          true,
                          now.sequenceAdjustment(),
                          now.missing());
                    }))) {
      older.install(List.of(FTP));
      String listing = listing();
      assertTrue(
          Pattern.compile("goto strict ct id >= (0x80000000|2147483648) counter")
              .matcher(listing)
              .find(),
          listing);
    }
  }

  @Test
  void listing_isGoodInputForNft() throws IOException {
    session.apply(List.of(), List.of(once(2121)));
    Path file = Files.createTempFile("phb", ".nft");
    try {
      // nft prints the xtables target as the queue statement, which this kernel may not have
      String rules = lines().replaceAll("queue (num 7( bypass)?|flags bypass to 7|to 7)", "");
      // nft 1.0.6 aborts when it is to read "delete" from a map with two IPv6 addresses in its key
      rules = rules.replaceAll("delete @(once6|dnat6|snat6) \\{[^}]*\\}", "");
      // nor can it read what rules put into a map as more than one value
      rules = rules.replaceAll("(delete|add) @(flow...|dnat)[46] \\{[^}]*\\}", "");
      // nft refuses an expectation object of size 0, which only the kernel knows what to do with
      rules = rules.replaceAll("ct expectation seqadj ?\\{[^}]*\\}", "");
      rules = rules.replaceAll("ct expectation set \"seqadj\"", "");
      Files.writeString(file, "delete table inet pinholed\n" + rules);
      namespace.exec("nft", "-c", "-f", file.toString());
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void install_again_keepsPinholes_butReplacesAnotherLayout() throws IOException {
    session.apply(List.of(), List.of(once(2121)));
    String before = listing().replaceAll("expires [0-9a-z]+", "");
    backend.install(List.of(FTP));
    assertEquals(before, listing().replaceAll("expires [0-9a-z]+", ""));
    namespace.exec(
        "nft",
        "delete table inet pinholed; add table inet pinholed; add set inet"
            + " pinholed once4 { type inet_service; }");
    backend.install(List.of(FTP));
    assertEquals(List.of(), owned());
    session.apply(List.of(), List.of(once(2121)));
    assertEquals(1, owned().size());
  }

  @Test
  void setPorts_changesTheSetsOnly() throws IOException {
    backend.setPorts(
        List.of(new HelperPort(Transport.UDP, 5060), new HelperPort(Transport.TCP, 2121)));
    String listing = listing();
    assertTrue(listing.contains("TCP helpers\" elements = { 2121 }"), listing);
    assertTrue(listing.contains("UDP helpers\" elements = { 5060 }"), listing);
    backend.setPorts(List.of());
    assertFalse(listing().contains("2121"));
  }

  @Test
  void remove_leavesNothing_andAgainIsNoError() throws IOException {
    backend.remove();
    backend.remove();
    assertFalse(namespace.exec("nft", "list", "ruleset").contains("pinholed"));
    assertEquals(List.of(), owned());
    assertFalse(backend.repair(List.of(once(2121))), "nothing is repaired that was removed");
    assertThrows(BackendException.class, () -> session.apply(List.of(), List.of(once(2121))));
  }

  /** Watches, repairs with one pinhole, and says whether something was missing. */
  private BlockingQueue<Boolean> watchAndRepair() throws IOException {
    BlockingQueue<Boolean> repairs = new LinkedBlockingQueue<>();
    namespace.call(
        () -> {
          backend.watch(
              () -> {
                try {
                  repairs.add(backend.repair(List.of(once(2121))));
                } catch (IOException e) {
                  // the table vanished once more: the watch finds that it does not stand
                }
              },
              () -> {});
          return true;
        });
    return repairs;
  }

  @Test
  void flushedRuleset_isNoticedAtOnce_andRepairedWithItsPinholes() throws Exception {
    BlockingQueue<Boolean> repairs = watchAndRepair();
    session.apply(List.of(), List.of(once(2121)));
    assertNull(repairs.poll(100, TimeUnit.MILLISECONDS), "own changes are not told");
    String before = listing().replaceAll("expires [0-9a-z]+", "");
    namespace.exec("nft", "flush", "ruleset");
    assertEquals(true, repairs.poll(4, TimeUnit.SECONDS), "noticed");
    assertEquals(before, listing().replaceAll("expires [0-9a-z]+", ""));
    namespace.exec("nft", "flush", "chain", "inet", "pinholed", "divert");
    assertEquals(true, repairs.poll(4, TimeUnit.SECONDS), "noticed");
    assertEquals(before, listing().replaceAll("expires [0-9a-z]+", ""));
    assertFalse(backend.repair(List.of(once(2121))), "nothing is missing");
    assertNull(repairs.poll(100, TimeUnit.MILLISECONDS), "repairs are not told");
  }

  @Test
  void manySessions_doNotEndTheWatch() throws Exception {
    BlockingQueue<Boolean> repairs = watchAndRepair();
    for (int round = 0; round < 2; round++) {
      List<PinholeBackend.Session> many = new ArrayList<>();
      for (int i = 0; i < 150; i++) { // more than the filter of the watch holds
        many.add(namespace.call(backend::openSession));
      }
      namespace.exec("nft", "delete table inet pinholed");
      assertEquals(true, repairs.poll(4, TimeUnit.SECONDS), "noticed");
      assertEquals(List.of(once(2121)), owned());
      many.forEach(PinholeBackend.Session::close);
    }
    while (!backend.watchProblem().isEmpty()) {
      Thread.onSpinWait();
    }
    repairs.clear();
    session.apply(List.of(), List.of(once(2122)));
    assertNull(repairs.poll(100, TimeUnit.MILLISECONDS), "own changes are not told");
  }

  @Test
  void tableDeletedWhileItIsRepaired_isRepairedAllTheSame() throws Exception {
    AtomicInteger deletions = new AtomicInteger();
    Thread deleter =
        new Thread(
            () -> {
              for (int i = 0; i < 300; i++) {
                try {
                  namespace.exec("nft", "add table inet pinholed; delete table inet pinholed");
                  deletions.incrementAndGet();
                } catch (IOException e) {
                  // nft lost the race itself: the table changed between its reading and writing
                }
              }
            });
    deleter.start();
    int refused = 0;
    int repairs = 0;
    while (deleter.isAlive()) {
      try {
        backend.repair(List.of(once(2121)));
        repairs++;
      } catch (BackendException e) {
        refused++; // lost the race three times in a row
      }
    }
    backend.repair(List.of(once(2121)));
    assertEquals(List.of(once(2121)), owned());
    assertTrue(deletions.get() > 200, () -> deletions.get() + " deletions");
    assertTrue(repairs > 10 * refused, repairs + " repairs, " + refused + " refused");
  }

  @Test
  void tableDeletedAgainAndAgain_isRepaired_butNotEachTime() throws Exception {
    AtomicInteger repairs = new AtomicInteger();
    Semaphore repaired = new Semaphore(0);
    Runnable repair =
        () -> {
          try {
            backend.repair(List.of());
            repairs.incrementAndGet();
            repaired.release();
          } catch (BackendException e) {
            // it vanished once more meanwhile: the watch finds that it does not stand
          }
        };
    namespace.call(
        () -> {
          backend.watch(repair, () -> {});
          return true;
        });
    int deletions = 40;
    long beganNs = System.nanoTime();
    for (int i = 0; i < deletions; i++) {
      namespace.exec("nft", "add table inet pinholed; delete table inet pinholed");
      repaired.tryAcquire(20, TimeUnit.MILLISECONDS); // lets the first ones be repaired one by one
    }
    int soon = repairs.get();
    assertTrue(soon >= 8, "repaired at once: " + soon);
    long seconds = (System.nanoTime() - beganNs) / 1_000_000_000 + 1;
    assertTrue(soon <= 8 + seconds, "but not each time: " + soon + " in " + seconds + " s");
    repaired.drainPermits();
    assertTrue(repaired.tryAcquire(3, TimeUnit.SECONDS), "repaired in the end");
    assertTrue(listing().contains("elements = { 21 }"));
  }

  @Test
  void apply_rightAfterAFlush_makesTheTableItself() throws IOException {
    namespace.exec("nft", "flush", "ruleset");
    session.apply(List.of(), List.of(once(2121)));
    assertEquals(List.of(once(2121)), owned());
    assertTrue(listing().contains("elements = { 21 }"));
  }

  private static int counted(String rule) throws IOException {
    Matcher matcher =
        Pattern.compile(Pattern.quote(rule) + " counter packets (\\d+)").matcher(listing());
    assertTrue(matcher.find(), rule);
    return Integer.parseInt(matcher.group(1));
  }

  /** Connects from the other namespace, sends one line, closes. */
  private static void talk(int port, int timeoutMs) throws IOException {
    peer.call(
        () -> {
          try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address("198.51.100.1"), port), timeoutMs);
            socket
                .getOutputStream()
                .write("NOOP\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            socket.shutdownOutput();
            assertEquals(-1, socket.getInputStream().read());
            return true;
          }
        });
  }

  private ServerSocket serve() throws IOException {
    ServerSocket server = namespace.call(() -> new ServerSocket(0, 50, address("198.51.100.1")));
    opened.add(server);
    Thread thread =
        new Thread(
            () -> {
              try {
                while (true) {
                  try (Socket socket = server.accept()) {
                    socket.getInputStream().readAllBytes();
                  }
                }
              } catch (IOException e) {
                // closed: the test is over
              }
            });
    thread.setDaemon(true);
    thread.start();
    return server;
  }

  @Test
  void diversion_takesPayloadSynAckAndFin_butNoPureAcksNorOtherPorts() throws IOException {
    ServerSocket server = serve();
    talk(server.getLocalPort(), 2000);
    assertEquals(0, counted("meta l4proto tcp @ih,0,8 >= 0x0"), "not a helper's port");
    backend.setPorts(List.of(new HelperPort(Transport.TCP, server.getLocalPort())));
    talk(server.getLocalPort(), 2000);
    assertEquals(1, counted("meta l4proto tcp @ih,0,8 >= 0x0"));
    assertEquals(1, counted("tcp flags syn,ack / syn,ack"));
    assertEquals(2, counted("tcp flags fin,rst"));
  }

  @Test
  void diversion_withoutBypass_dropsWhileNobodyReadsTheQueue() throws Exception {
    ServerSocket server = serve();
    try (PinholeBackend closed = namespace.call(() -> NftablesBackend.open(options(false)))) {
      closed.install(List.of(new HelperPort(Transport.TCP, server.getLocalPort())));
      assertThrows(java.net.SocketTimeoutException.class, () -> talk(server.getLocalPort(), 300));
    }
  }

  @Test
  void probe_saysWhatIsLost() {
    assertEquals(
        List.of(
            "nftQueue",
            "nftInnerHeader",
            "nftDestroyElement",
            "nftTimeoutUpdate",
            "nftFoundOnce",
            "nftLeaseLimit",
            "nftSequenceAdjustment"),
        List.copyOf(backend.probe().keySet()));
  }
}
