package org.pinholed.agent.pinhole.conntrack;

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
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.Applied;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.ForwardingBackend;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.pinhole.RecordingBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackExpectation;
import org.pinholed.kernel.conntrack.ExpectationClient;
import org.pinholed.kernel.conntrack.ExpectationEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * What stands beside pinholes in the kernel. Its own FTP helper carries the expectations here, so
 * this runs on kernels without {@code nfnetlink_cthelper}, too; it has room for one of each parent.
 */
@SuppressWarnings("NullAway.Init")
class ConntrackSessionIT {
  private static final String SERVER = "192.0.2.1";
  private static final String CLIENT = "192.0.2.2";
  private static final int PORT = 40000;
  private static final String HELPER = "ftp";
  private static final int MARK = 0x40000019;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private final List<NoExpectation> without = new ArrayList<>();
  private NamespaceThread namespace;
  private ExpectationClient expectations;
  private FlowTuple parent;

  @BeforeEach
  void open() throws IOException {
    namespace = keep(NamespaceThread.open("pha-cts"));
    for (String each : List.of(SERVER + "/32", CLIENT + "/32")) {
      namespace.exec("ip", "addr", "add", each, "dev", "lo");
    }
    namespace.exec("nft", "add", "table", "inet", "t");
    namespace.exec("nft", "add ct helper inet t h { type \"ftp\" protocol tcp; }");
    namespace.exec("nft", "add chain inet t o { type filter hook output priority 0; }");
    namespace.exec("nft", "add rule inet t o tcp dport 21 ct helper set \"h\"");
    expectations = keep(namespace.call(ExpectationClient::open));
    parent = connectTo(21);
  }

  @AfterEach
  void close() throws Exception {
    for (int i = opened.size() - 1; i >= 0; i--) {
      opened.get(i).close();
    }
  }

  private <T extends AutoCloseable> T keep(T resource) {
    opened.add(resource);
    return resource;
  }

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (IOException e) {
      throw new AssertionError(text, e);
    }
  }

  private FlowTuple connectTo(int port) throws IOException {
    keep(namespace.call(() -> new ServerSocket(port, 5, address(SERVER))));
    Socket client =
        keep(namespace.call(() -> new Socket(address(SERVER), port, address(CLIENT), 0)));
    return new FlowTuple(6, address(CLIENT), client.getLocalPort(), address(SERVER), port);
  }

  private PinholeBackend.Session session(boolean only) throws IOException {
    return session(new RecordingBackend(null), only, ExpectationRoom.MOST);
  }

  private PinholeBackend.Session session(PinholeBackend pinholes, boolean only, int most)
      throws IOException {
    ExpectationRoom room = new ExpectationRoom(most);
    PinholeBackend backend =
        keep(new ConntrackBackend(pinholes, only, HELPER, "", null, room, without::add));
    return keep(namespace.call(backend::openSession));
  }

  private static Pinhole once(int port, @Nullable FlowTuple parent) {
    return new Pinhole(
            Pinhole.Kind.ONCE,
            Transport.TCP,
            address(CLIENT),
            address(SERVER),
            port,
            MARK,
            30_999,
            "test " + port)
        .withParent(parent);
  }

  private List<ExpectationEntry> expected() throws IOException {
    List<ExpectationEntry> found = new ArrayList<>();
    assertTrue(expectations.dump(found::add));
    return found;
  }

  private static int standing(PinholeBackend.Session session) throws IOException {
    return session.listOwned().size();
  }

  @Test
  void apply_expectsWhatIsOpened_notLongerThanThePinholeStands() throws IOException {
    PinholeBackend.Session session = session(false);
    session.apply(List.of(), List.of(once(PORT, parent)));
    ExpectationEntry entry = expected().get(0);
    assertEquals(parent, entry.parent());
    assertEquals(new FlowTuple(6, address(CLIENT), 0, address(SERVER), PORT), entry.child());
    assertTrue(entry.timeoutSeconds() >= 28 && entry.timeoutSeconds() <= 30, entry::toString);
    session.renew(List.of(once(PORT, parent).withTimeoutMs(20_000)));
    assertTrue(expected().get(0).timeoutSeconds() <= 19, "it was made after its pinhole");
    session.apply(List.of(once(PORT, null)), List.of());
    assertEquals(List.of(), expected());
    assertEquals(0, standing(session));
    assertEquals(List.of(), without);
  }

  @Test
  void apply_ofAPinholeForMany_expectsMoreThanOne() throws IOException {
    PinholeBackend.Session session = session(true);
    Pinhole any =
        new Pinhole(
                Pinhole.Kind.OPEN_ANY,
                Transport.UDP,
                null,
                address(SERVER),
                PORT,
                MARK,
                30_000,
                "test")
            .withParent(parent);
    session.apply(List.of(), List.of(any));
    assertTrue(expected().get(0).permanent());
    assertEquals(17, expected().get(0).child().protocol());
    session.renew(List.of(any.withTimeoutMs(120_000)));
    assertTrue(expected().get(0).timeoutSeconds() > 100, () -> expectedText());
    expectations.removeAllOf(HELPER);
    session.renew(List.of(any));
    assertEquals(1, expected().size());
  }

  private String expectedText() {
    try {
      return expected().toString();
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  void apply_whatCannotBeExpected_standsAlone_andSaysWhy() throws IOException {
    PinholeBackend.Session session = session(false);
    Pinhole lease =
        Pinhole.lease(
                Transport.TCP,
                address(CLIENT),
                address(SERVER),
                new PortRange(PORT, PORT + 9),
                0,
                MARK,
                30_000,
                "test")
            .withParent(parent);
    Pinhole translated =
        once(PORT + 10, parent).withTranslation(new ChildTranslation(null, address(SERVER)));
    session.apply(List.of(), List.of(lease));
    session.apply(List.of(), List.of(translated));
    session.apply(List.of(), List.of(once(PORT + 11, null)));
    session.apply(List.of(), List.of(once(PORT + 12, connectTo(2121))));
    FlowTuple gone = new FlowTuple(6, address(CLIENT), 9, address(SERVER), 9);
    session.apply(List.of(), List.of(once(PORT + 13, gone)));
    session.renew(List.of(lease, translated, once(PORT + 12, connectTo(2122))));
    assertEquals(
        List.of(
            NoExpectation.RANGE,
            NoExpectation.TRANSLATED,
            NoExpectation.TRANSLATED,
            NoExpectation.NO_HELPER,
            NoExpectation.UNCONFIRMED),
        without);
    assertEquals(5, standing(session));
    assertEquals(List.of(), expected());
  }

  /** A firewall that is loaded after the agent, on a kernel that does not let go of a helper. */
  @Test
  void recheck_whereOthersBeginToTranslate_opensWithoutExpectations() throws IOException {
    List<String> given = new ArrayList<>();
    PinholeBackend pinholes =
        new ForwardingBackend(new RecordingBackend(null)) {
          @Override
          public void withdrawExpectations() {
            given.add("withdrawn");
          }
        };
    ConntrackBackend backend =
        keep(
            new ConntrackBackend(
                pinholes, false, HELPER, "", "pinholed", new ExpectationRoom(1), without::add));
    assertTrue(backend.expects());
    PinholeBackend.Session session = keep(namespace.call(backend::openSession));
    namespace.exec("nft", "add table inet pinholed");
    namespace.exec("nft", "add chain inet pinholed n { type nat hook postrouting priority 100; }");
    recheck(backend, 10);
    session.apply(List.of(), List.of(once(PORT, parent)));
    assertEquals(List.of(), without);
    assertEquals("yes, as long as nobody translates addresses", said(backend));

    namespace.exec("nft", "add chain inet t n { type nat hook postrouting priority 100; }");
    recheck(backend, 11);
    recheck(backend, 12);
    session.apply(List.of(), List.of(once(PORT + 1, parent)));
    assertEquals(List.of(NoExpectation.WITHDRAWN), without);
    assertEquals(List.of("withdrawn"), given);
    assertEquals(2, standing(session));
    assertFalse(backend.expects());
    assertTrue(said(backend).startsWith("no: this kernel"), said(backend));
  }

  /** The table cannot be written just then, and another thread is about to expect one more. */
  @Test
  void recheck_whereOthersBeginToTranslate_endsAllExpectations_andLateOnesAtTheNextLook()
      throws IOException {
    PinholeBackend pinholes =
        new ForwardingBackend(new RecordingBackend(null)) {
          @Override
          public void withdrawExpectations() throws BackendException {
            throw new BackendException("refused", 28, new IOException());
          }
        };
    ConntrackBackend backend =
        keep(
            new ConntrackBackend(
                pinholes, false, HELPER, "", "pinholed", new ExpectationRoom(1), without::add));
    PinholeBackend.Session session = keep(namespace.call(backend::openSession));
    session.apply(List.of(), List.of(once(PORT, parent)));
    assertEquals(1, expected().size());
    namespace.exec("nft", "add chain inet t n { type nat hook postrouting priority 100; }");
    assertThrows(BackendException.class, () -> recheck(backend, 10));
    assertEquals(List.of(), expected());
    ConntrackExpectation late =
        Objects.requireNonNull(ConntrackBackend.expectationOf(once(PORT + 1, parent)));
    expectations.expect(parent, late);
    recheck(backend, 11);
    assertEquals(List.of(), expected());
    assertEquals(1, standing(session));
  }

  private void recheck(ConntrackBackend backend, int second) throws IOException {
    namespace.call(
        () -> {
          backend.recheck(second * 1_000_000_000L);
          return true;
        });
  }

  private static String said(ConntrackBackend backend) {
    return String.valueOf(backend.probe().get("expectations"));
  }

  @Test
  void apply_whereAllMustBeExpected_takesTheOthersBack_andTellsWhatIsDone() throws IOException {
    PinholeBackend.Session session = session(true);
    BackendException refused =
        assertThrows(
            BackendException.class,
            () ->
                session.apply(
                    List.of(),
                    List.of(once(PORT, parent), once(PORT + 1, null), once(PORT + 2, parent))));
    assertEquals(1, refused.done().opened());
    assertThrows(
        BackendException.class, () -> session.apply(List.of(), List.of(once(PORT + 1, null))));
    assertEquals(List.of(NoExpectation.TRANSLATED), without, "tried again at once, counted once");
    assertTrue(
        String.valueOf(refused.getMessage()).contains("parent is not known any more"),
        refused::getMessage);
    assertEquals(1, standing(session));
    assertEquals(PORT, expected().get(0).child().destinationPort());
  }

  /** The kernel would take the first one away for the second, and say nothing. */
  @Test
  void apply_ofMoreThanTheParentMayHave_leavesTheOthers_untilThereIsRoom() throws IOException {
    PinholeBackend.Session session = session(new RecordingBackend(null), false, 1);
    session.apply(List.of(), List.of(once(PORT, parent), once(PORT + 1, parent)));
    assertEquals(List.of(NoExpectation.FULL), without);
    assertEquals(PORT, expected().get(0).child().destinationPort());
    session.apply(List.of(), List.of(once(PORT, parent)));
    session.renew(List.of(once(PORT + 1, parent)));
    assertEquals(List.of(NoExpectation.FULL, NoExpectation.FULL), without);
    assertEquals(PORT, expected().get(0).child().destinationPort());
    session.apply(List.of(once(PORT, parent)), List.of());
    session.renew(List.of(once(PORT + 1, parent)));
    assertEquals(PORT + 1, expected().get(0).child().destinationPort());
    assertEquals(2, without.size());
  }

  /** Hundreds of pinholes take several transactions, and one of them is refused. */
  @Test
  void apply_ofWhichOnlyAPartWasDone_expectsThatPart_andTakesBackWhatCannotBe() throws IOException {
    RecordingBackend pinholes = new RecordingBackend(null);
    PinholeBackend half =
        new ForwardingBackend(pinholes) {
          @Override
          public Session openSession() throws BackendException {
            return new ForwardingSession(super.openSession()) {
              @Override
              public List<Pinhole> apply(
                  List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
                  throws BackendException {
                List<Pinhole> unused = super.apply(close, open, rewritten);
                if (open.isEmpty()) {
                  return unused;
                }
                throw new BackendException(
                    "refused", 28, new IOException(), new Applied(0, open.size(), 0, unused));
              }
            };
          }
        };
    PinholeBackend.Session session = session(half, true, 1);
    BackendException refused =
        assertThrows(
            BackendException.class,
            () -> session.apply(List.of(), List.of(once(PORT, parent), once(PORT + 1, null))));
    assertEquals(1, refused.done().opened());
    assertEquals(1, standing(session));
    assertEquals(1, expected().size());
    assertThrows(
        BackendException.class, () -> session.apply(List.of(), List.of(once(PORT, parent))));
    assertEquals(1, standing(session), "stands, as the caller is told");
  }

  @Test
  void child_thatComes_isMarkedAsItsParentIs() throws IOException {
    namespace.exec("nft", "add rule inet t o ct state related ct mark set ct mark or 0x100");
    try (ConntrackClient conntrack = namespace.call(ConntrackClient::open)) {
      conntrack.setMark(parent, 7, -1);
      session(true).apply(List.of(), List.of(once(PORT, parent)));
      ConntrackEntry child = conntrack.get(connectTo(PORT)).orElseThrow();
      assertEquals(0x107, child.mark(), "the kernel hands the parent's mark down");
    }
  }
}
