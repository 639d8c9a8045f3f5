package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LeftFlow;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/** Datagrams from the queue to their verdicts. */
class DatagramPathTest {
  private static final int CHILD = WorkerBench.MARKS.child();
  private static final int VETTED = WorkerBench.MARKS.vetted();
  private static final int OPAQUE = WorkerBench.MARKS.opaque();
  private static final InetSocketAddress OUTSIDE = new InetSocketAddress("203.0.113.9", 1025);
  private static final String PIN = "ONCE TCP 192.0.2.10 > 198.51.100.7:30000";

  /** What the helper heard: direction and text. */
  private final List<String> heard = new ArrayList<>();

  private final List<FlowFacts> facts = new ArrayList<>();
  private final Time time = new Time();
  private WorkerBench bench;

  DatagramPathTest() throws NetlinkException {
    bench = bench(AgentConfig.Limits.DEFAULT);
  }

  /** A time that passes when a test says so. */
  private static final class Time implements Clock {
    private long nowNs = 1;

    @Override
    public long nanoTime() {
      return nowNs;
    }

    @Override
    public long epochMicros() {
      return 0;
    }

    void passSeconds(double seconds) {
      nowNs += (long) (seconds * 1e9);
    }
  }

  private WorkerBench bench(AgentConfig.Limits limits) throws NetlinkException {
    WorkerBench made = WorkerBench.datagrams(new LambdaProtocol(this::read), limits, time);
    made.queue().allowDrops();
    return made;
  }

  /** Reasons of these tests. */
  private enum Why implements Reason {
    NONSENSE(Kind.MALFORMED),
    SECRET(Kind.OPAQUE);

    private final Kind kind;

    Why(Kind kind) {
      this.kind = kind;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public String explanation() {
      return "a test says so";
    }
  }

  /** The protocol: what a datagram says is done. */
  private void read(Direction direction, String text, FlowFacts flow, OutcomeSink out) {
    heard.add((direction == Direction.ORIGINAL ? "> " : "< ") + text);
    facts.add(flow);
    out.understood(LambdaProtocol.Word.SAID);
    if (out.isTraced()) {
      out.describe("says " + text);
    }
    String[] words = text.split(" ", -1);
    switch (words[0]) {
      case "open" -> {
        Endpoint seen = out.expect(Announcements.once(flow, 30000).build());
        assertNotNull(seen);
      }
      case "client" -> announceClient(Integer.parseInt(words[1]), words[2], flow, out);
      case "contact" ->
          out.expect(
              ExpectationRequest.builder(
                      "contact",
                      Direction.ORIGINAL,
                      new Endpoint(flow.client().address(), 5060),
                      LambdaProtocol.Word.SAID)
                  .transport(Transport.UDP)
                  .many()
                  .read()
                  .build());
      case "cut" -> out.cut(Why.NONSENSE, 0);
      case "edit" -> out.edit(5, 1, "!".getBytes(StandardCharsets.ISO_8859_1));
      case "outside" -> out.edit(text.length(), 1, new byte[1]);
      case "grow" -> out.edit(0, 4, "grown".getBytes(StandardCharsets.ISO_8859_1));
      case "nonsense" -> out.report(Why.NONSENSE, 0);
      case "secret" -> out.report(Why.SECRET, 0);
      case "throw" -> throw new IllegalStateException("a fault of the helper");
      case "proven" -> out.proven();
      default -> {}
    }
  }

  /** {@code client PORT PORT}: a port of the client, which stands in the message twice. */
  private static void announceClient(int port, String written, FlowFacts flow, OutcomeSink out) {
    Endpoint seen =
        out.expect(
            ExpectationRequest.builder(
                    "client" + port,
                    Direction.ORIGINAL,
                    new Endpoint(flow.client().address(), port),
                    LambdaProtocol.Word.SAID)
                .build());
    if (seen != null && !seen.equals(new Endpoint(flow.client().address(), port))) {
      byte[] replacement =
          (seen.address().getHostAddress() + ":" + seen.port())
              .getBytes(StandardCharsets.ISO_8859_1);
      int at = "client ".length();
      out.edit(at, written.length(), replacement);
      out.edit(at + written.length() + 1, written.length(), replacement);
    }
  }

  private List<SessionRow> sessions() {
    return bench.worker().flows().listing().sessions(ListingFilter.ALL);
  }

  private SessionRow session() {
    assertEquals(1, sessions().size(), sessions().toString());
    return sessions().get(0);
  }

  private static PacketView view(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return view;
  }

  private List<String> passed() {
    return bench.queue().passed().stream()
        .map(
            packet ->
                new String(
                    packet,
                    view(packet).payloadOffset(),
                    view(packet).payloadLengthBytes(),
                    StandardCharsets.ISO_8859_1))
        .toList();
  }

  private void turn() {
    bench.turn();
  }

  @Nested
  class Begins {
    @Test
    void atItsFirstDatagram_whosePinholeIsInTheKernelBeforeTheVerdict() {
      new DatagramDialogue(bench).client("open");

      assertEquals(List.of("> open"), heard);
      assertEquals(FlowFacts.Origin.FIRST_BYTE, facts.get(0).origin());
      assertEquals(List.of(List.of(PIN)), bench.openAtVerdicts());
      SessionRow row = session();
      assertEquals("00001234", row.serial());
      assertEquals("udp", row.protocol());
      assertEquals(25, row.policyId());
      assertEquals(4, row.bytesFromClient());
      bench.assertVerdicts();
    }

    @Test
    void andIsMarkedOnceTheKernelHasIt() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("hello");
      assertEquals(25 | VETTED, dialogue.connection().mark());
      int gets = bench.conntrack().gets();

      dialogue.server("hi").client("how are you");
      assertEquals(List.of("> hello", "< hi", "> how are you"), heard);
      assertEquals(gets, bench.conntrack().gets(), "known flows cost no question");
      assertEquals(2, session().bytesFromServer());
    }

    @Test
    void withTheTranslatedEndpointsThatTheFirstDatagramHad() {
      new DatagramDialogue(
              bench,
              DatagramDialogue.CLIENT,
              DatagramDialogue.SERVER,
              OUTSIDE,
              new InetSocketAddress("203.0.113.10", 21),
              7,
              3)
          .client("hello")
          .server("hi");

      FlowFacts flow = facts.get(1);
      assertEquals("192.0.2.10:40001", flow.client().toString());
      assertEquals("203.0.113.9:1025", flow.clientSeenByServer().toString());
      assertEquals("198.51.100.7:21", flow.server().toString());
      assertEquals("203.0.113.10:21", flow.serverSeenByClient().toString());
      assertEquals(3, flow.policyId());
    }

    @Test
    void withTheNamesOfItsDevices() {
      bench.routes().device(5, "lan0", 1500);
      bench.routes().device(6, "wan0", 1500);
      bench.routes().route("192.0.2.10", 5);
      new DatagramDialogue(bench).by(5, 6).client("hello");

      assertEquals("lan0", facts.get(0).clientDevice());
      assertEquals("wan0", facts.get(0).serverDevice());
    }

    @Test
    void alsoIfItWasNotSeenFromItsFirstOne() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).begunUnseen();
      dialogue.server("hi");

      assertEquals(List.of("< hi"), heard);
      assertEquals(FlowFacts.Origin.RESUMED, facts.get(0).origin());
      assertEquals(25 | VETTED, dialogue.connection().mark());
    }

    @Test
    void andARetransmissionIsReadAgain() {
      new DatagramDialogue(bench).client("open").client("open");

      assertEquals(2, heard.size());
      assertEquals(List.of(PIN), bench.backend().open());
      assertEquals(1, sessions().size());
    }

    @Test
    void andAnEmptyDatagramSaysNothing() {
      new DatagramDialogue(bench).client("");

      assertEquals(List.of(), heard);
      assertEquals(1, sessions().size());
    }
  }

  @Nested
  class LosesAgainstAnother {
    private final DatagramDialogue dialogue = new DatagramDialogue(bench);

    @Test
    void andTakesItsIdentity_soThatItsEndIsFound() {
      Connection winner = dialogue.connection();
      dialogue.client("open", 0x9999);

      assertEquals("00001234", session().serial());
      assertEquals(List.of(PIN), bench.backend().open());
      assertEquals(25 | VETTED, winner.mark());
      bench.conntrack().remove(winner);
      bench.endIfGone(winner);
      turn();
      assertEquals(List.of(), sessions());
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void thatIsAnotherWorkers_soItIsForgotten() {
      bench.backend().moveToAnotherQueue(0x1234);
      dialogue.client("open", 0x9999);

      assertEquals(List.of(), sessions());
      assertEquals(List.of(), bench.backend().open());
      assertEquals(25, dialogue.connection().mark(), "that one marks it");
      assertEquals(0, bench.worker().parents());
    }

    @Test
    void andIsThereForItsAnswerOnly() {
      dialogue.connection().addStatus(ConntrackEntry.IPS_NAT_CLASH);
      dialogue.client("open");

      assertEquals(List.of(), sessions());
    }
  }

  @Nested
  class Ends {
    @Test
    void withItsConntrack_whichIsNoLossAtAll() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("open").server("hi");
      bench.conntrack().remove(dialogue.connection());
      bench.endIfGone(dialogue.connection());
      turn();

      assertEquals(List.of(), sessions());
      assertEquals(List.of(), bench.backend().open());
      assertEquals(0, bench.worker().checks().lost());
    }

    @Test
    void ifItsFirstDatagramNeverPassed() {
      new DatagramDialogue(bench).clientInVain("open");
      assertEquals(1, sessions().size(), "another queue may be behind ours");

      time.passSeconds(0.9);
      turn();
      assertEquals(1, sessions().size());
      time.passSeconds(0.2);
      turn();
      assertEquals(List.of(), sessions());
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void notIfItPassedLate() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).clientInVain("open");
      bench.conntrack().add(dialogue.connection());
      time.passSeconds(1.1);
      turn();

      assertEquals(1, sessions().size());
      assertEquals(25 | VETTED, dialogue.connection().mark());
    }

    @Test
    void afterASilence_ifAnotherOneHasItsTuples() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("open").server("hi");
      bench.conntrack().remove(dialogue.connection());
      time.passSeconds(6);
      dialogue.again(0x5678, 26).client("hello");

      assertEquals("00005678", session().serial());
      assertEquals(26, session().policyId());
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void notAfterASilence_ifItIsStillThere() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("open");
      time.passSeconds(6);
      dialogue.server("hi");

      assertEquals("read2", session().state());
      assertEquals(List.of(PIN), bench.backend().open());
    }
  }

  /** Without a helper for a while: nothing was found in it that forbids to read it. */
  @Nested
  class OutlivesItsHelper {
    private void withoutHelper() {
      bench.worker().setHelpers(bench.helpers());
      CompletableFuture<?> ended = bench.workers().endWithoutHelper();
      turn();
      assertTrue(ended.isDone());
      turn();
      assertEquals(List.of(), sessions());
      heard.clear();
    }

    private LeftFlow left(DatagramDialogue dialogue) throws NetlinkException {
      ConntrackEntry entry =
          ConntrackClient.open(bench.conntrack())
              .get(dialogue.connection().identity())
              .orElseThrow();
      return new LeftFlow(entry, null, null, null, false);
    }

    @Test
    void andIsReadAgainWhenThatIsBack() {
      HelperTable before = bench.helpersInForce();
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("hello").server("hi");
      withoutHelper();
      assertEquals(25, dialogue.connection().mark());
      bench.worker().setHelpers(before);

      dialogue.client("open");
      assertEquals(List.of("> open"), heard);
      assertEquals(List.of(PIN), bench.backend().open());
      assertEquals(25 | VETTED, dialogue.connection().mark());
      assertEquals(FlowFacts.Origin.RESUMED, facts.get(2).origin());
    }

    @Test
    void butNotIfItWasOpaqueBefore() {
      HelperTable before = bench.helpersInForce();
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("secret");
      withoutHelper();
      bench.worker().setHelpers(before);

      assertEquals(25 | OPAQUE, dialogue.connection().mark());
      dialogue.client("open");
      assertEquals(List.of(), heard);
    }

    @Test
    void alsoAcrossAStart() throws NetlinkException {
      HelperTable before = bench.helpersInForce();
      DatagramDialogue dialogue = new DatagramDialogue(bench).begunUnseen();
      dialogue.connection().setMark(25 | VETTED);
      bench.worker().setHelpers(bench.helpers());
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      turn();
      bench.worker().setHelpers(before);

      dialogue.client("open");
      assertEquals(List.of("> open"), heard);
      assertEquals(25 | VETTED, dialogue.connection().mark());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void acrossAStart_notIfItWasOpaqueOrIsAKernelHelpers(boolean isOpaque) throws NetlinkException {
      DatagramDialogue dialogue = new DatagramDialogue(bench).begunUnseen();
      dialogue.connection().setMark(25 | VETTED | (isOpaque ? OPAQUE : 0));
      if (!isOpaque) {
        dialogue.connection().setHelper("sip");
      }
      bench.worker().setHelpers(bench.helpers());
      assertNull(bench.worker().takeover().takeOver(left(dialogue)));
      turn();

      assertEquals(25 | OPAQUE, dialogue.connection().mark());
    }
  }

  @Nested
  class IsNotRead {
    @Test
    void afterAnOpaqueDatagram_andTheKernelQueuesNoMore() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("hello").client("secret");

      assertEquals(OPAQUE, dialogue.connection().mark() & OPAQUE);
      assertEquals("opaque", session().state());
      assertEquals(1, bench.metrics().of("reason secret test"));
      dialogue.client("open");
      assertEquals(2, heard.size());
    }

    @Test
    void afterAnOpaqueFirstDatagram_whichIsMarkedOnceThatIsPossible() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("secret");

      assertEquals(25 | OPAQUE, dialogue.connection().mark());
    }

    @Test
    void whatIsMalformed_butTheNextDatagramIs() {
      new DatagramDialogue(bench).client("nonsense").client("open");

      assertEquals(2, heard.size());
      assertEquals(List.of(PIN), bench.backend().open());
      assertEquals(1, bench.metrics().of("reason nonsense test"));
      assertEquals("nonsense", session().reason());
    }

    @Test
    void onceItsHelperThrew_andItsPinholesAreShut() {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("open").client("throw");

      assertEquals(List.of(), bench.backend().open());
      assertEquals("untrusted", session().state());
      assertEquals("helperFailed", session().reason());
      assertEquals(OPAQUE, dialogue.connection().mark() & OPAQUE);
      assertEquals(2, passed().size());
      bench.assertVerdicts();
    }

    @Test
    void ifItIsAChild() {
      new DatagramDialogue(
              bench,
              DatagramDialogue.CLIENT,
              DatagramDialogue.SERVER,
              DatagramDialogue.CLIENT,
              DatagramDialogue.SERVER,
              7,
              25 | CHILD)
          .client("open");

      assertEquals(List.of(), heard);
      assertEquals(List.of(), sessions());
      assertEquals(1, bench.metrics().of("unreadable noHelper"));
      bench.assertVerdicts();
    }

    @Test
    void ifNoHelperReadsItsPort() {
      InetSocketAddress other = new InetSocketAddress("198.51.100.7", 22);
      new DatagramDialogue(
              bench, DatagramDialogue.CLIENT, other, DatagramDialogue.CLIENT, other, 7, 25)
          .client("open");

      assertEquals(List.of(), heard);
      assertEquals(1, bench.metrics().of("unreadable noHelper"));
    }

    @Test
    void ifNobodyKnowsItsConntrack() {
      bench.queue().deliver(new DatagramDialogue(bench).clientSays("open"));
      turn();

      assertEquals(List.of(), heard);
      assertEquals(1, bench.metrics().of("unreadable noConntrack"));
      bench.assertVerdicts();
    }

    @Test
    void ifAHelperOfTheKernelWorksOnIt() {
      DatagramDialogue dialogue = new DatagramDialogue(bench);
      dialogue.connection().setHelper("sip");
      dialogue.client("open"); // nobody can tell before it is confirmed

      assertEquals("kernelHelper", session().reason());
      assertEquals(List.of(), bench.backend().open());
      assertEquals(OPAQUE, dialogue.connection().mark() & OPAQUE);

      DatagramDialogue other =
          new DatagramDialogue(bench, new InetSocketAddress("192.0.2.11", 1), 8).begunUnseen();
      other.connection().setHelper("sip");
      other.client("hello");
      assertEquals(List.of("> open"), heard);
      assertEquals(OPAQUE, other.connection().mark() & OPAQUE);
    }

    @Test
    void ifItCameByADeviceThatDoesNotLeadToItsSource() {
      bench.routes().route("192.0.2.10", 5);
      new DatagramDialogue(bench).by(6, 6).client("open");

      assertEquals(List.of(), heard);
      assertEquals(List.of(), bench.backend().open());
      assertEquals(1, bench.worker().misrouted());
      assertEquals(List.of("open"), passed());
    }

    @Test
    void answersOfADeviceThatDoesNotLeadToTheServer() {
      bench.routes().route("192.0.2.10", 5);
      bench.routes().route("198.51.100.7", 6);
      DatagramDialogue dialogue = new DatagramDialogue(bench).by(5, 6).client("hello");
      dialogue.deliver(dialogue.serverSays("open"), 5, 5).server("hi");

      assertEquals(List.of("> hello", "< hi"), heard);
      assertEquals(1, bench.worker().misrouted());
    }

    @Test
    void fragmentsThatTheKernelShouldHavePutTogether() {
      bench
          .queue()
          .deliver(
              PacketBuilder.udp(DatagramDialogue.CLIENT, DatagramDialogue.SERVER)
                  .fragment(1, 0x2000)
                  .payload("open")
                  .build());
      turn();
      assertEquals(1, bench.metrics().of("unreadable fragment"));
      bench.assertVerdicts();
    }
  }

  @Nested
  class Limits {
    private DatagramDialogue client(int last, int port) {
      return new DatagramDialogue(
          bench, new InetSocketAddress("192.0.2." + last, port), last * 1000 + port);
    }

    private void limit(int parents, int perSource) throws NetlinkException {
      AgentConfig.Limits all = AgentConfig.Limits.DEFAULT;
      bench =
          bench(
              new AgentConfig.Limits(
                  all.expectationsPerParent(),
                  all.expectationsPerSource(),
                  all.expectations(),
                  parents,
                  perSource,
                  all.halfOpen(),
                  all.bufferedBytes(),
                  all.stream()));
    }

    @Test
    void whoIsNotAnsweredGivesWay_theOldestFirst() throws NetlinkException {
      limit(3, 3);
      DatagramDialogue answered = client(1, 1).client("a").server("b");
      client(2, 1).client("flood");
      client(3, 1).client("flood");
      client(4, 1).client("hello");

      assertEquals(3, sessions().size());
      assertTrue(
          sessions().stream().noneMatch(row -> row.client().address().equals("192.0.2.2")),
          sessions().toString());
      assertEquals(1, bench.metrics().of("limit parents"));
      heard.clear();
      answered.client("still read");
      assertEquals(List.of("> still read"), heard);
      assertEquals(3, bench.worker().parents());
    }

    @Test
    void whoIsAnsweredStays_andTheNewOneIsTriedAgain() throws NetlinkException {
      limit(1, 1);
      DatagramDialogue first = client(1, 1).client("a").server("b");
      DatagramDialogue second = client(2, 1).client("refused");

      assertEquals(List.of("> a", "< b"), heard);
      assertEquals(1, bench.metrics().of("limit parents"));
      assertEquals(25, second.connection().mark(), "it is not given up for good");
      bench.conntrack().remove(first.connection());
      bench.endIfGone(first.connection());
      second.client("now");
      assertEquals("> now", heard.get(2));
    }

    @Test
    void ofOneClient_itsOwnOldestGivesWay() throws NetlinkException {
      limit(10, 2);
      client(1, 1).client("other");
      client(2, 1).client("a").server("b");
      client(2, 2).client("forged");
      client(2, 3).client("forged too");

      assertEquals(3, sessions().size());
      assertTrue(sessions().stream().noneMatch(row -> row.client().port() == 2));
      assertEquals(1, bench.metrics().of("limit parentsPerSource"));
    }
  }

  @Nested
  class LimitsOfTheEntry {
    private DatagramDialogue client(int last, int port) {
      return new DatagramDialogue(
          bench, new InetSocketAddress("192.0.2." + last, port), last * 1000 + port);
    }

    /** Else whoever can forge sources could keep all others out for good. */
    @Test
    void whoIsNotAnsweredGivesWay_theOldestFirst() {
      bench.limitEntry(
          EntryLimits.NONE.with(EntryLimit.PARENTS, 3).with(EntryLimit.PARENTS_PER_SOURCE, 3));
      DatagramDialogue answered = client(1, 1).client("a").server("b");
      for (int flood = 2; flood < 100; flood++) {
        client(flood, 1).client("flood");
      }
      heard.clear();
      client(200, 1).client("hello");
      answered.client("still read");

      assertEquals(List.of("> hello", "> still read"), heard);
      assertEquals(3, bench.worker().parents());
      assertEquals(97, bench.metrics().of("limit helperParents"));
    }

    @Test
    void ofOneClient_itsOwnOldestGivesWay() {
      bench.limitEntry(EntryLimits.NONE.with(EntryLimit.PARENTS_PER_SOURCE, 2));
      client(1, 1).client("other");
      client(2, 1).client("a").server("b");
      client(2, 2).client("forged");
      client(2, 3).client("forged too");

      assertEquals(3, sessions().size());
      assertTrue(sessions().stream().noneMatch(row -> row.client().port() == 2));
      assertEquals(1, bench.metrics().of("limit helperParentsPerSource"));
    }

    @Test
    void oneClientAlone_hasASixteenth() {
      bench.limitEntry(EntryLimits.NONE.with(EntryLimit.PARENTS, 32));
      for (int port = 1; port <= 10; port++) {
        client(2, port).client("a").server("b");
      }
      assertEquals(2, bench.worker().parents());
      client(3, 1).client("a").server("b");
      assertEquals(3, bench.worker().parents());
      bench.limitEntry(EntryLimits.NONE); // a reload
      client(2, 11).client("a").server("b");
      assertEquals(4, bench.worker().parents());
    }
  }

  @Nested
  class Rewrites {
    private DatagramDialogue masqueraded() {
      return new DatagramDialogue(
          bench,
          DatagramDialogue.CLIENT,
          DatagramDialogue.SERVER,
          OUTSIDE,
          DatagramDialogue.SERVER,
          7,
          25);
    }

    @Test
    void allPlacesOfADatagram_onceThePinholeIsIn() {
      masqueraded().client("client 5000 5000");

      assertEquals(List.of("client 203.0.113.9:5000 203.0.113.9:5000"), passed());
      assertEquals(
          List.of(List.of("ONCE TCP 198.51.100.7 > 203.0.113.9:5000")), bench.openAtVerdicts());
      bench.assertVerdicts();
    }

    @Test
    void theSameAgain_forARetransmission() {
      masqueraded().client("client 5000 5000").client("client 5000 5000");

      assertEquals(passed().get(0), passed().get(1));
      assertEquals(1, bench.backend().open().size());
    }

    @Test
    void bothDirections() {
      masqueraded().client("hello").server("edit x");

      assertEquals(List.of("hello", "edit !"), passed());
    }

    @Test
    void noneOfAFlowThatIsNotTranslated() {
      new DatagramDialogue(bench).client("edit x");

      assertEquals(List.of("edit x"), passed());
      assertEquals(1, bench.metrics().of("reason rewriteNotAllowed test"));
    }

    @Test
    void orDropsIfTheKernelRefusesThePinhole() {
      bench.backend().refuse(pinhole -> true);
      masqueraded().client("client 5000 5000");

      assertEquals(List.of(), passed());
      assertEquals(1, bench.metrics().of("withheld backendRefused"));
      bench.assertVerdicts();
    }

    @Test
    void orGivesTheFlowUp_ifTheHelperEditsWhatIsNotThere() {
      masqueraded().client("outside");

      assertEquals(List.of("outside"), passed());
      assertEquals("helperFailed", session().reason());
    }

    @Test
    void orDropsIpv6ThatOutgrowsItsWay() {
      InetSocketAddress client = new InetSocketAddress("2001:db8:1::10", 40001);
      InetSocketAddress server = new InetSocketAddress("2001:db8:2::7", 21);
      InetSocketAddress seen = new InetSocketAddress("2001:db8:3::9", 40001);
      bench.routes().device(6, "wan0", 1280);
      bench.routes().device(5, "lan0", 1500);
      bench.routes().route("2001:db8:1:0:0:0:0:10", 5);
      DatagramDialogue dialogue =
          new DatagramDialogue(bench, client, server, seen, server, 7, 25).by(5, 6);
      dialogue.client("grow" + " ".repeat(1228)).client("grow" + " ".repeat(1227));

      assertEquals(1, passed().size());
      assertEquals(1, bench.metrics().of("withheld tooLong"));
      bench.assertVerdicts();
    }

    /** 65,531 bytes are all that the kernel takes back; the headers have 28, and it grows by 24. */
    @Test
    void notWhatWouldBeLongerThanTheKernelTakes_whichPassesAndIsSaid() {
      String fits = "client 5000 5000 " + "x".repeat(65_479 - 17);
      String tooLong = "client 6000 6000 " + "x".repeat(65_480 - 17);
      masqueraded().client("client 4000 4000").client(fits).client(tooLong);

      assertEquals(65_503, passed().get(1).length());
      assertEquals(tooLong, passed().get(2));
      assertEquals(
          List.of(
              "ONCE TCP 198.51.100.7 > 203.0.113.9:4000",
              "ONCE TCP 198.51.100.7 > 203.0.113.9:5000"),
          bench.backend().open());
      assertEquals("datagramTooLong", session().reason());
      assertEquals(1, bench.metrics().of("reason datagramTooLong test"));
      bench.assertVerdicts();
    }

    @Test
    void notWhatIsMalformed() {
      masqueraded().client("nonsense");

      assertEquals(List.of("nonsense"), passed());
    }

    /** The kernel tells of an end on another socket, so the next flow's datagram may come first. */
    @Test
    void asTheFlowThatHasItsTuplesNow() {
      DatagramDialogue dialogue = masqueraded().client("client 4000 4000");
      bench.conntrack().remove(dialogue.connection());
      dialogue.again(0x5678, 26).client("client 5000 5000");

      assertEquals("client 203.0.113.9:5000 203.0.113.9:5000", passed().get(1));
      assertEquals("00005678", session().serial());
      assertEquals(List.of("ONCE TCP 198.51.100.7 > 203.0.113.9:5000"), bench.backend().open());
    }

    @Test
    void notAsTheOneThatIsOver_ifTheServerBeganAnother() {
      DatagramDialogue dialogue = masqueraded().client("hello");
      bench.conntrack().remove(dialogue.connection());
      dialogue.server("edit x");

      assertEquals(List.of("> hello"), heard);
      assertEquals("edit x", passed().get(1));
      assertEquals(List.of(), sessions());
    }

    @Test
    void notIfTheKernelDoesNotSayWhetherItIsStillThere() {
      DatagramDialogue dialogue = masqueraded().client("hello");
      bench.conntrack().failWith(12);
      dialogue.client("client 5000 5000");

      assertEquals("client 5000 5000", passed().get(1));
      assertEquals(1, bench.metrics().of("reason translationChanged test"));
      assertEquals(List.of(), bench.backend().open());
    }

    @Test
    void notIfAHelperOfTheKernelWorksOnItByNow() {
      DatagramDialogue dialogue = masqueraded().client("hello");
      dialogue.connection().setHelper("sip");
      dialogue.client("client 5000 5000");

      assertEquals("client 5000 5000", passed().get(1));
      assertEquals(1, bench.metrics().of("reason kernelHelper test"));
    }

    @Test
    void askingTheKernelOnceADatagram() {
      DatagramDialogue dialogue = masqueraded().client("hello");
      int gets = bench.conntrack().gets();
      dialogue.client("client 5000 5000");

      assertEquals(gets + 1, bench.conntrack().gets());
    }
  }

  @Nested
  class AChildThatIsRead {
    private final InetSocketAddress peer = new InetSocketAddress("198.51.100.7", 7000);
    private final InetSocketAddress contact = new InetSocketAddress("192.0.2.10", 5060);
    private final int mark = 25 | CHILD | WorkerBench.MARKS.read();

    private DatagramDialogue child() {
      return new DatagramDialogue(bench, peer, contact, peer, contact, 0x77, mark);
    }

    @Test
    void isToldWhatAnnouncedIt() {
      new DatagramDialogue(bench).client("contact");
      DatagramDialogue child = child().client("hello").server("hi");

      assertEquals(List.of("> contact", "> hello", "< hi"), heard);
      assertEquals(new FlowFacts.Announcement(null, "contact", ""), facts.get(2).announcement());
      assertEquals(mark | VETTED, child.connection().mark());
      assertEquals(2, sessions().size());
    }

    @Test
    void isNotRead_ifNobodyKnowsWhatAnnouncedIt() {
      child().client("hello");

      assertEquals(List.of(), heard);
      assertEquals(1, bench.metrics().of("unreadable noHelper"));
      bench.assertVerdicts();
    }

    @Test
    void thatIsNotWhatWasAnnounced_isCut() {
      new DatagramDialogue(bench).client("contact");
      DatagramDialogue child = child().client("hello").client("cut");

      assertEquals(List.of("contact", "hello"), passed());
      assertEquals(1, sessions().size());
      assertFalse(bench.conntrack().has(child.connection()));
      assertEquals(1, bench.metrics().of("reason nonsense test"));
      bench.assertVerdicts();
    }

    @Test
    void aParentIsNotCut_theReasonCounts() {
      new DatagramDialogue(bench).client("cut").client("hello");

      assertEquals(2, heard.size());
      assertEquals(1, bench.metrics().of("reason nonsense test"));
    }
  }

  @Nested
  class NextProcess {
    private LeftFlow left(DatagramDialogue dialogue, List<FlowState> states) throws Exception {
      try (ConntrackClient client = ConntrackClient.open(bench.conntrack())) {
        ConntrackEntry entry =
            client.get(dialogue.connection().identity().original()).orElseThrow();
        return new LeftFlow(entry, null, states.isEmpty() ? null : states.get(0), null, false);
      }
    }

    @Test
    void readsIt_resumed_ifNothingWasHandedOver() throws Exception {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("hello").server("hi");
      LeftFlow left = left(dialogue, List.of());
      bench = bench.nextProcess();
      assertNotNull(bench.worker().takeover().takeOver(left));
      turn();
      dialogue.on(bench).client("open");

      assertEquals("> open", heard.get(2));
      assertEquals(FlowFacts.Origin.RESUMED, facts.get(2).origin());
      assertEquals("read1", session().state());
    }

    @Test
    void goesOnWhereTheHelperStood_ifThatWasHandedOver() throws Exception {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("hello").server("hi");
      LeftFlow left = left(dialogue, bench.worker().flows().states());
      bench = bench.nextProcess();
      assertNotNull(bench.worker().takeover().takeOver(left));
      dialogue.on(bench).client("open");

      assertEquals("read3", session().state());
      assertEquals(FlowFacts.Origin.FIRST_BYTE, facts.get(2).origin());
      assertEquals(9, session().bytesFromClient());
    }

    @Test
    void leavesAnOpaqueOneUnread() throws Exception {
      DatagramDialogue dialogue = new DatagramDialogue(bench).client("hello").client("secret");
      LeftFlow left = left(dialogue, bench.worker().flows().states());
      bench = bench.nextProcess();
      assertNotNull(bench.worker().takeover().takeOver(left));

      assertEquals("opaque", session().state());
    }
  }

  /** All of it: the devices and the translation of the flow, the message, each replacement. */
  @Test
  void aTraceTellsWhatWasReadAndRewritten() {
    bench.routes().device(5, "lan0", 1500);
    bench.routes().device(6, "wan0", 1500);
    bench.routes().route("192.0.2.10", 5);
    bench.routes().route("198.51.100.7", 6);
    List<String> lines = new ArrayList<>();
    bench
        .traces()
        .subscribe(
            ListingFilter.ALL,
            10,
            line -> lines.add(line.packet() + " " + line.step() + ": " + line.text()));
    new DatagramDialogue(
            bench,
            DatagramDialogue.CLIENT,
            DatagramDialogue.SERVER,
            OUTSIDE,
            DatagramDialogue.SERVER,
            7,
            25)
        .by(5, 6)
        .client("client 5000 5000")
        .server("\u001b[31m\u00e9" + "x".repeat(300));

    assertEquals(
        """
        1 received: UDP 203.0.113.9:1025 -> 198.51.100.7:21, 16 bytes of payload
        1 session: new session of helper test, direction original, policy 25, in by lan0, out by wan0, \
        SNAT 192.0.2.10:40001->203.0.113.9:1025
        1 helper: reads 16 bytes, state read0
        1 understood: said
        1 message: says client 5000 5000
        1 expectation: opens TCP 198.51.100.7:any -> 203.0.113.9:5000 once for 30 s (expectation 1)
        1 rewrite: "5000" -> "203.0.113.9:5000"
        1 rewrite: "5000" -> "203.0.113.9:5000"
        1 verdict: accept, changed in 2 places
        2 received: UDP 198.51.100.7:21 -> 192.0.2.10:40001, 306 bytes of payload
        2 session: existing session, direction reply, policy 25, in by lan0, out by wan0, \
        SNAT 192.0.2.10:40001->203.0.113.9:1025
        2 helper: reads 306 bytes, state read1
        2 understood: said
        2 message: says \\x1b[31m\\xe9\
        """
            + "x".repeat(240 - 18)
            + """
            ~
            2 verdict: accept, as it came
            """,
        String.join("\n", lines) + "\n");
  }
}
