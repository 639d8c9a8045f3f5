package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.LambdaProtocol;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.netlink.NetlinkException;

/** How long expectations of owners beyond flows stay. */
class LifetimesTest {
  private static final OwnerId SERVICE = new OwnerId(1, 2);
  private static final String OPEN = "OPEN TCP 192.0.2.10 > 198.51.100.7:30000";
  private static final Lifetime IDLE =
      new Lifetime.Idle(Duration.ofSeconds(30), Duration.ofSeconds(100), Duration.ofSeconds(1000));

  private static final Lifetime AN_HOUR = new Lifetime.WithOwner(Duration.ofHours(1));

  private final FakeEventsKernel kernel = new FakeEventsKernel();
  private final ConntrackEvents socket = ConntrackEvents.open(kernel);
  private final Queue<BiConsumer<FlowFacts, OutcomeSink>> next = new ArrayDeque<>();
  private final WorkerBench bench;
  private final KernelEvents events;
  private final TcpDialogue dialogue;

  LifetimesTest() throws NetlinkException {
    bench =
        new WorkerBench(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  BiConsumer<FlowFacts, OutcomeSink> what = next.poll();
                  if (what != null) {
                    what.accept(facts, out);
                  }
                }),
            AgentConfig.Limits.DEFAULT,
            Duration.ofSeconds(30));
    events = EventsBench.events(socket, bench);
    dialogue = new TcpDialogue(bench).connect();
  }

  private void message(BiConsumer<FlowFacts, OutcomeSink> outcomes) {
    next.add(outcomes);
    dialogue.server("message");
  }

  private void announce(Lifetime lifetime) {
    announce(lifetime, 30000);
  }

  private void announce(Lifetime lifetime, int port) {
    message(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder(
                        "tcp/" + port,
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), port),
                        LambdaProtocol.Word.SAID)
                    .owner(SERVICE)
                    .many()
                    .lifetime(lifetime)
                    .build()));
  }

  private void tickAfter(int seconds) {
    events.tick(System.nanoTime() + Duration.ofSeconds(seconds).toNanos());
  }

  private Pinhole pinhole() {
    Pinhole found = bench.backend().find(OPEN);
    assertNotNull(found, bench.backend().open().toString());
    return found;
  }

  private Connection childComes(int id) throws NetlinkException {
    return childComes(id, 30000);
  }

  private Connection childComes(int id, int port) throws NetlinkException {
    Connection child = EventsBench.child(id, 50_000 + id, port);
    bench.conntrack().add(child);
    kernel.began(child);
    socket.receive(events);
    return child;
  }

  /** Also those of a pinhole that the owner had before, and of no other owner. */
  @Test
  void ownerThatIsKeptForATime_withACut_endsWithAllItsChildren() throws NetlinkException {
    announce(AN_HOUR, 30000);
    announce(AN_HOUR, 30001);
    Connection before = childComes(1, 30000);
    Connection now = childComes(2, 30001);
    message((facts, out) -> out.close(SERVICE, "tcp/30000"));
    announce(AN_HOUR, 30000); // another one with the same key
    message((facts, out) -> out.close(SERVICE, "tcp/30000"));
    message(
        (facts, out) -> out.keepOwner(SERVICE, Duration.ofSeconds(20), OutcomeSink.Children.CUT));
    tickAfter(19);
    assertTrue(bench.conntrack().has(before) && bench.conntrack().has(now));
    tickAfter(21);
    assertFalse(bench.conntrack().has(before) || bench.conntrack().has(now));
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void groupThatIsClosed_withACut_leavesOtherGroupsAlone() throws NetlinkException {
    announce(AN_HOUR, 30000);
    announce(AN_HOUR, 30001);
    Connection cut = childComes(1, 30000);
    Connection other = childComes(2, 30001);
    message((facts, out) -> out.close(SERVICE, "tcp/30000", OutcomeSink.Children.CUT));
    assertFalse(bench.conntrack().has(cut));
    assertTrue(bench.conntrack().has(other));
    // the kernel may tell of a child after the cut
    assertFalse(bench.conntrack().has(childComes(3, 30000)));
    announce(AN_HOUR, 30000);
    assertTrue(bench.conntrack().has(childComes(4, 30000)), "it came by the new pinhole");
  }

  /** It carries messages of other owners, too, and perhaps the very last ones of this one. */
  @Test
  void connectionThatIsRead_isNotCut() throws NetlinkException {
    message(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder(
                        "signalling",
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), 30000),
                        LambdaProtocol.Word.SAID)
                    .owner(SERVICE)
                    .many()
                    .read()
                    .lifetime(AN_HOUR)
                    .build()));
    Connection child = childComes(1, 30000);
    message((facts, out) -> out.endOwner(SERVICE, OutcomeSink.Children.CUT));
    assertEquals(List.of(), bench.backend().open());
    assertTrue(bench.conntrack().has(child));
    assertTrue(bench.conntrack().has(childComes(2, 30000)), "it began before the end");
  }

  /** A child of a pinhole that another owner holds, too, may be that one's. */
  @Test
  void childOfASharedPinhole_isCutWithTheLastOwner() throws NetlinkException {
    announce(AN_HOUR, 30000);
    message(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder(
                        "other",
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), 30000),
                        LambdaProtocol.Word.SAID)
                    .owner(new OwnerId(3, 4))
                    .many()
                    .lifetime(AN_HOUR)
                    .build()));
    Connection child = childComes(1, 30000);
    message((facts, out) -> out.endOwner(SERVICE, OutcomeSink.Children.CUT));
    assertTrue(bench.conntrack().has(child));
    message((facts, out) -> out.endOwner(new OwnerId(3, 4), OutcomeSink.Children.CUT));
    assertFalse(bench.conntrack().has(child));
  }

  @Test
  void idle_withoutAChild_endsAfterItsFirstTime() {
    announce(IDLE);
    tickAfter(29);
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(31);
    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), bench.rows());
    assertEquals(0, bench.table().owners().size());
    assertEquals(List.of("created said", "expired said"), bench.log().words());
  }

  @Test
  void idle_withoutAFirstTime_waitsForItsFirstChildAsLongAsItsEntrySays() {
    announce(new Lifetime.Idle(null, Duration.ofSeconds(100), Duration.ofSeconds(1000)));
    tickAfter(29);
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(31); // the entry of the bench has 30 s
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void idle_withAChildThatLives_staysUntilItsEndAtTheLatest() throws NetlinkException {
    announce(IDLE);
    childComes(1);
    assertEquals(1, bench.rows().get(0).children());
    tickAfter(999);
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(1001);
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void idle_endsSomeTimeAfterItsLastChild() throws NetlinkException {
    announce(IDLE);
    Connection one = childComes(1);
    Connection other = childComes(2);
    kernel.ended(one);
    socket.receive(events);
    tickAfter(200);
    assertEquals(List.of(OPEN), bench.backend().open(), "the other one lives");
    kernel.ended(other);
    socket.receive(events);
    tickAfter(99);
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(101);
    assertEquals(List.of(), bench.backend().open());
  }

  private void announceFor(OwnerId owner, String group) {
    message(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder(
                        group,
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), 30000),
                        LambdaProtocol.Word.SAID)
                    .owner(owner)
                    .many()
                    .text(ExpectationRequest.Text.STAYS)
                    .lifetime(IDLE)
                    .build()));
  }

  /** Several services share a port: nobody can tell for which of them a child came. */
  @Test
  void idle_ofTwoGroupsWithOnePinhole_areBothUsedByItsChildren() throws NetlinkException {
    announceFor(SERVICE, "tcp/30000/one");
    announceFor(SERVICE, "tcp/30000/two");
    assertHoldersLiveAsLongAsTheChildren();
  }

  @Test
  void idle_ofTwoOwnersWithOnePinhole_areBothUsedByItsChildren() throws NetlinkException {
    announceFor(SERVICE, "tcp/30000/one");
    announceFor(new OwnerId(3, 4), "tcp/30000/one");
    assertHoldersLiveAsLongAsTheChildren();
  }

  private void assertHoldersLiveAsLongAsTheChildren() throws NetlinkException {
    assertEquals(2, bench.rows().size());
    assertEquals(List.of(OPEN), bench.backend().open());
    Connection child = childComes(1);
    tickAfter(200);
    assertEquals(2, bench.rows().size(), "a child lives");
    kernel.ended(child);
    socket.receive(events);
    tickAfter(99);
    assertEquals(2, bench.rows().size());
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(101);
    assertEquals(List.of(), bench.rows());
    assertEquals(List.of(), bench.backend().open());
  }

  /** Who comes later finds children that live already; they are his, too. */
  @Test
  void idle_ofAGroupThatFindsAPinholeInUse_isUsedByItsChildren() throws NetlinkException {
    announceFor(SERVICE, "tcp/30000/one");
    Connection child = childComes(1);
    announceFor(SERVICE, "tcp/30000/two");
    tickAfter(200);
    assertEquals(2, bench.rows().size(), "a child lives by the pinhole that it holds");
    kernel.ended(child);
    socket.receive(events);
    tickAfter(99);
    assertEquals(List.of(OPEN), bench.backend().open());
  }

  /** The mapper is asked again and again, over other connections, too. */
  @Test
  void idle_announcedAgainByAnotherParent_hasOneRowAndItsUses() throws NetlinkException {
    announceFor(SERVICE, "tcp/30000/one");
    childComes(1);
    dialogue.sayQuit();
    TcpDialogue other =
        new TcpDialogue(
                bench, new InetSocketAddress("192.0.2.10", 40099), TcpDialogue.SERVER, 0x99, 25)
            .connect();
    next.add(
        (facts, out) -> {
          for (int i = 0; i < 100; i++) {
            out.expect(
                ExpectationRequest.builder(
                        "tcp/30000/one",
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), 30000),
                        LambdaProtocol.Word.SAID)
                    .owner(SERVICE)
                    .many()
                    .text(ExpectationRequest.Text.STAYS)
                    .lifetime(IDLE)
                    .build());
          }
        });
    other.server("message");
    assertEquals(1, bench.rows().size());
    assertEquals(1, bench.rows().get(0).use());
    assertEquals(1, bench.rows().get(0).children());
    assertEquals(List.of("created said", "matched said"), bench.log().words());
  }

  @Test
  void lease_isRenewed_thoughTheParentIsGone_andTheCommentKnowsItsLastAnnouncement() {
    announce(IDLE);
    dialogue.sayQuit();
    announce(new Lifetime.Idle(Duration.ofMinutes(5), Duration.ofSeconds(5), Duration.ofHours(1)));
    tickAfter(45);
    PinholeComment comment = PinholeComment.parse(pinhole().comment());
    assertNotNull(comment);
    assertEquals(300_000, comment.stay().firstMs());
    assertEquals(SERVICE, comment.owner());
    assertEquals(60_000, pinhole().timeoutMs());
  }

  // ---- Leases of ranges, of which the kernel does not count the connections ---------------------

  private static final String LEASE = "LEASE TCP 192.0.2.10 > 198.51.100.7:49152";

  private void lease(int connections) {
    bench.table().holders().setLeased(List.of(new PortRange(49152, 49160)));
    message(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder(
                        "lease",
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), 49152),
                        LambdaProtocol.Word.SAID)
                    .many()
                    .lifetime(new Lifetime.WithOwner(null))
                    .portsUpTo(49160, connections)
                    .build()));
  }

  private void leasedChildComes(int id) throws NetlinkException {
    Connection child = EventsBench.child(id, 50_000 + id, 49152 + id);
    bench.conntrack().add(child);
    kernel.began(child);
    socket.receive(events);
  }

  private int stillIn(String text) {
    Pinhole found = bench.backend().find(text);
    assertNotNull(found, bench.backend().open().toString());
    PinholeComment comment = PinholeComment.parse(found.comment());
    assertNotNull(comment);
    assertEquals(found.connections(), comment.connections());
    return found.connections();
  }

  @Test
  void lease_isForTheRestAfterEachConnection_andShutWithTheLast() throws NetlinkException {
    lease(3);
    assertEquals(3, stillIn(LEASE));
    leasedChildComes(1);
    assertEquals(2, stillIn(LEASE));
    leasedChildComes(1);
    assertEquals(2, stillIn(LEASE), "the same one, told twice");
    leasedChildComes(2);
    assertEquals(1, stillIn(LEASE));
    tickAfter(45);
    assertEquals(1, stillIn(LEASE), "renewed");
    bench.backend().loseTable();
    events.repair();
    assertEquals(1, stillIn(LEASE), "repaired");
    leasedChildComes(3);
    assertEquals(List.of(), bench.backend().open());
    assertEquals("matched", bench.rows().get(0).state());
    assertEquals(3, bench.rows().get(0).children(), "they live on");
    assertEquals(3, bench.metrics().of("event matched test"));

    leasedChildComes(4);
    tickAfter(46);
    bench.backend().loseTable();
    events.repair();
    assertEquals(List.of(), bench.backend().open(), "nor by a renewal or a repair");
    assertEquals(3, bench.metrics().of("event matched test"));
  }

  @Test
  void lease_forAnyNumber_isNotWrittenAtEachConnection() throws NetlinkException {
    lease(0);
    for (int id = 1; id < 6; id++) {
      leasedChildComes(id);
    }
    assertEquals(0, stillIn(LEASE));
    assertEquals(1, bench.backend().transactions().size());
  }

  @Test
  void lease_thatTheKernelDoesNotTakeAnew_isShutWithTheLastAllTheSame() throws NetlinkException {
    lease(2);
    bench.backend().refuse(pinhole -> true);
    leasedChildComes(1);
    assertEquals(2, stillIn(LEASE));
    leasedChildComes(2);
    assertEquals(List.of(), bench.backend().open());
  }

  @Test
  void deadline_standsInTheKernel_andIsSetAnewWhenItIsGrantedAgain() {
    announce(new Lifetime.Until(Duration.ofMinutes(10)));
    assertEquals(600_000, pinhole().timeoutMs());
    announce(new Lifetime.Until(Duration.ofMinutes(15)));
    assertEquals(900_000, pinhole().timeoutMs());
    assertEquals(1, bench.rows().size());
    assertEquals(List.of("created said"), bench.log().words());
  }

  @Test
  void owner_endsAtItsDeadline_withAllThatIsItsOwn() {
    announce(new Lifetime.WithOwner(Duration.ofHours(1)));
    message((facts, out) -> out.keepOwner(SERVICE, Duration.ofSeconds(32)));
    tickAfter(31);
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(33);
    assertEquals(List.of(), bench.backend().open());
    assertEquals(0, bench.table().owners().size());
  }

  @Test
  void withOwner_endsAtItsEndAtTheLatest() {
    announce(new Lifetime.WithOwner(Duration.ofSeconds(500)));
    tickAfter(499);
    assertEquals(List.of(OPEN), bench.backend().open());
    tickAfter(501);
    assertEquals(List.of(), bench.backend().open());
  }
}
