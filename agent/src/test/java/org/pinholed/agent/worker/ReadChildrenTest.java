package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.lifecycle.Adoption;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/** Children that are read, and what they announce, from one process to the next. */
class ReadChildrenTest {
  private static final String CLIENT = "192.0.2.10";
  private static final String SERVER = "198.51.100.7";
  private static final int MARK = 25 | WorkerBench.MARKS.child() | WorkerBench.MARKS.read();
  private static final int OPAQUE = WorkerBench.MARKS.opaque();

  /** What the helper heard, with the group that announced the flow. */
  private final List<String> heard = new ArrayList<>();

  private WorkerBench bench;

  ReadChildrenTest() throws NetlinkException {
    bench =
        WorkerBench.datagrams(
            new LambdaProtocol(this::read), AgentConfig.Limits.DEFAULT, Clock.SYSTEM);
    bench.queue().allowDrops();
  }

  /** The protocol: {@code once PORT} and {@code many PORT} announce a port of the sender's. */
  private void read(Direction direction, String text, FlowFacts flow, OutcomeSink out) {
    FlowFacts.Announcement announcement = flow.announcement();
    heard.add(text + " by " + (announcement == null ? "nobody" : announcement.group()));
    if (text.equals("cut")) {
      out.cut(LineProtocol.TestReason.BROKEN, 0);
    }
    String[] words = text.split(" ", -1);
    if (words.length < 2) {
      return;
    }
    int port = Integer.parseInt(words[1]);
    ExpectationRequest.Builder request =
        ExpectationRequest.builder(
                "g" + port,
                direction,
                new Endpoint(flow.sender(direction).address(), port),
                LambdaProtocol.Word.SAID)
            .transport(flow.transport())
            .read();
    out.expect(words[0].equals("many") ? request.many().build() : request.build());
  }

  /** A child from the server to a port that the client announced; as many ids as ports. */
  private DatagramDialogue child(int port) {
    InetSocketAddress from = new InetSocketAddress(SERVER, 7000);
    InetSocketAddress to = new InetSocketAddress(CLIENT, port);
    return new DatagramDialogue(bench, from, to, from, to, port, MARK);
  }

  /** The kernel lets the first datagram of a child in, and then tells of it. */
  private DatagramDialogue comes(DatagramDialogue child) {
    FlowTuple first = child.connection().identity().original();
    Pinhole used =
        bench.backend().find("ONCE UDP " + SERVER + " > " + CLIENT + ":" + first.destinationPort());
    if (used != null) {
      bench.backend().use(used);
    }
    child.client("hello");
    assertNotNull(told(child.connection()));
    return child;
  }

  private @Nullable Expectation told(Connection child) {
    FlowTuple first = child.identity().original();
    return bench
        .table()
        .matcher()
        .match(
            first.protocol(),
            first.source(),
            first.destination(),
            first.destinationPort(),
            child.identity(),
            pinhole -> false);
  }

  private void nextProcess(boolean handsOver) throws IOException {
    List<ReadChild> children = bench.table().living().read(bench.worker().flows().readChildren());
    HandOver left =
        handsOver
            ? new HandOver(
                0,
                List.of(),
                bench.worker().flows().states(),
                bench.workers().halfOpenState(),
                new HandOver.Beyond(List.of(), List.of(), children, List.of()))
            : HandOver.NOTHING;
    bench = bench.nextProcess();
    bench.queue().allowDrops();
    new Adoption(
            ConntrackClient.open(bench.conntrack()),
            bench.backend().openSession(),
            bench.table(),
            bench.worker().takeover()::takeOver,
            bench.helpersInForce(),
            WorkerBench.MARKS,
            bench.events(),
            left,
            Clock.SYSTEM)
        .run();
    bench.turn();
    heard.clear();
  }

  private List<String> states() {
    return bench.worker().flows().listing().sessions(ListingFilter.ALL).stream()
        .map(SessionRow::state)
        .sorted()
        .toList();
  }

  /** The pinhole was for one, so it is used up: only the process before knows what it was for. */
  @Test
  void handedOver_isReadOn_thoughItsPinholeIsUsedUp() throws Exception {
    new DatagramDialogue(bench).client("once 5060");
    DatagramDialogue child = comes(child(5060)).server("hi");
    for (int process = 0; process < 2; process++) {
      nextProcess(true);
      child.on(bench).server("hi");
      assertEquals(List.of("hi by g5060"), heard);
    }
    assertEquals(List.of("read1", "read4"), states(), "each goes on where it stood");
  }

  /** What a child announced for itself belongs to it as to any parent. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatItAnnounced_staysOpen_andEndsWithIt(boolean handsOver) throws Exception {
    new DatagramDialogue(bench).client("many 5060");
    DatagramDialogue child = comes(child(5060)).server("once 5070");
    nextProcess(handsOver);
    assertEquals(2, bench.backend().open().size());
    ExpectationRow row =
        bench.rows().stream().filter(each -> each.group().equals("g5070")).findAny().orElseThrow();
    assertEquals(child.connection().identity().serial(), row.parentSerial());
    assertEquals(List.of("once", "read"), row.flags());
    comes(child(5070).on(bench)).server("hi");
    assertEquals(List.of("hello by g5070", "hi by g5070"), heard);

    child.on(bench).server("once 5080");
    bench.conntrack().remove(child.connection());
    bench.endIfGone(child.connection());
    bench.turn();
    assertEquals(List.of("OPEN UDP " + SERVER + " > " + CLIENT + ":5060"), bench.backend().open());
  }

  /** Whichever of them is found first. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void chainOfChildren_isFoundByThePinholesThatStand(boolean backwards) throws Exception {
    new DatagramDialogue(bench).client("many 5060");
    List<DatagramDialogue> chain = new ArrayList<>();
    for (int port = 5060; port < 5068; port++) {
      chain.add(comes(child(port)).server("many " + (port + 1)));
    }
    if (backwards) {
      for (int at = chain.size() - 2; at >= 0; at--) {
        bench.conntrack().remove(chain.get(at).connection());
        bench.conntrack().add(chain.get(at).connection());
      }
    }
    nextProcess(false);
    assertEquals(9, states().size());
    assertEquals(9, bench.rows().size());
    for (DatagramDialogue child : chain) {
      child.on(bench).server("hi");
    }
    assertEquals("hi by g5067", heard.get(7));
  }

  /** After a crash nobody knows what it was announced as; what it announced is shut. */
  @Test
  void killed_isNotRead_ifItsPinholeIsUsedUp() throws Exception {
    new DatagramDialogue(bench).client("once 5060");
    DatagramDialogue child = comes(child(5060)).server("once 5070");
    nextProcess(false);
    child.on(bench).client("hello");

    assertEquals(List.of(), heard);
    assertEquals(List.of(), bench.backend().open());
    assertEquals(OPAQUE, child.connection().mark() & OPAQUE);
    assertTrue(
        bench.log().all().get(0).detail().endsWith("what announced them"),
        bench.log().all().get(0).detail());
  }

  /** The receiver is told, for else it would wait for more as long as it likes. */
  @Test
  void cutOverTcp_endsByAReset_inThePlaceOfThePacket() throws Exception {
    bench =
        new WorkerBench(
            new LambdaProtocol(this::read), AgentConfig.Limits.DEFAULT, Duration.ofSeconds(30));
    bench.queue().allowDrops();
    new TcpDialogue(bench).connect().client("once 5060");
    TcpDialogue child =
        new TcpDialogue(
                bench,
                new InetSocketAddress(SERVER, 7000),
                new InetSocketAddress(CLIENT, 5060),
                0x77,
                MARK)
            .connect()
            .client("hello")
            .server("hi");
    byte[] cut = child.clientSays("cut", 0);
    child.deliver(cut);

    assertEquals(List.of("hello by g5060", "hi by g5060", "cut by g5060"), heard.subList(1, 4));
    List<byte[]> passed = bench.queue().passed();
    PacketView came = view(cut);
    PacketView went = view(passed.get(passed.size() - 1));
    assertEquals(PacketView.RST | PacketView.ACK, went.tcpFlags());
    assertEquals(0, went.payloadLengthBytes());
    assertEquals(came.sequence(), went.sequence());
    assertFalse(bench.conntrack().has(child.connection()));
    assertEquals(1, bench.metrics().of("withheld cut"));
    bench.assertVerdicts();
  }

  private static PacketView view(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return view;
  }

  /** Its pinhole is used up by its SYN, long before there is a flow. */
  @Test
  void handedOverBeforeItsFirstByte_isReadFromThere() throws Exception {
    bench =
        new WorkerBench(
            new LambdaProtocol(this::read), AgentConfig.Limits.DEFAULT, Duration.ofSeconds(30));
    bench.queue().allowDrops();
    new TcpDialogue(bench).connect().client("once 5060");
    bench
        .backend()
        .use(notNull(bench.backend().find("ONCE TCP " + SERVER + " > " + CLIENT + ":5060")));
    TcpDialogue child =
        new TcpDialogue(
            bench,
            new InetSocketAddress(SERVER, 7000),
            new InetSocketAddress(CLIENT, 5060),
            0x77,
            MARK);
    told(child.connection());
    child.connect();
    nextProcess(true);
    child.on(bench).client("hello");

    assertEquals(List.of("hello by g5060"), heard);
  }

  private static Pinhole notNull(@Nullable Pinhole pinhole) {
    assertNotNull(pinhole);
    return pinhole;
  }

  /** One that the kernel has no more is not remembered. */
  @Test
  void thatEndedMeanwhile_isForgotten() throws Exception {
    new DatagramDialogue(bench).client("once 5060");
    DatagramDialogue child = comes(child(5060));
    bench.conntrack().remove(child.connection());
    nextProcess(true);
    assertEquals(List.of(), bench.table().living().read(List.of()));
  }
}
