package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/** Which ports of a translated address stand for which endpoints inside. */
class SharedPortsTest {
  private static final OwnerId CALL = new OwnerId(1, 2);
  private static final OwnerId OTHER = new OwnerId(3, 4);
  private static final String OUTSIDE = "203.0.113.9";

  private final Queue<BiConsumer<FlowFacts, OutcomeSink>> next = new ArrayDeque<>();
  private final AtomicLong time = new AtomicLong(1);
  private final WorkerBench bench;
  private int flows;

  SharedPortsTest() throws NetlinkException {
    bench =
        WorkerBench.datagrams(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  BiConsumer<FlowFacts, OutcomeSink> what = next.poll();
                  if (what != null) {
                    what.accept(facts, out);
                  }
                }),
            AgentConfig.Limits.DEFAULT,
            new Clock() {
              @Override
              public long nanoTime() {
                return time.get();
              }

              @Override
              public long epochMicros() {
                return 0;
              }
            });
  }

  private DatagramDialogue flow(String client, int port, int seenPort) {
    flows++;
    return new DatagramDialogue(
        bench,
        new InetSocketAddress(client, port),
        DatagramDialogue.SERVER,
        new InetSocketAddress(OUTSIDE, seenPort),
        DatagramDialogue.SERVER,
        flows,
        25);
  }

  private static Endpoint at(String address, int port) {
    return new Endpoint(new InetSocketAddress(address, 0).getAddress(), port);
  }

  private static ExpectationRequest.Builder media(String group, Endpoint inside) {
    return ExpectationRequest.builder(group, Direction.ORIGINAL, inside, LambdaProtocol.Word.SAID)
        .transport(Transport.UDP)
        .many()
        .lifetime(new Lifetime.WithOwner(Duration.ofHours(1)));
  }

  private int port(
      DatagramDialogue flow,
      OwnerId owner,
      String group,
      Endpoint inside,
      UnaryOperator<ExpectationRequest.Builder> more) {
    int[] seen = new int[1];
    next.add(
        (facts, out) -> {
          Endpoint told = out.expect(more.apply(media(group, inside).owner(owner)).build());
          seen[0] = told == null ? 0 : told.port();
        });
    flow.client("message");
    return seen[0];
  }

  private int port(DatagramDialogue flow, OwnerId owner, String group, Endpoint inside) {
    return port(flow, owner, group, inside, request -> request);
  }

  private void say(DatagramDialogue flow, BiConsumer<FlowFacts, OutcomeSink> what) {
    next.add(what);
    flow.client("message");
  }

  @Test
  void sameInsideEndpoint_hasOneOutsidePort_whoeverAnnouncesIt() {
    DatagramDialogue one = flow("192.0.2.10", 5060, 5060);
    DatagramDialogue two = flow("192.0.2.10", 5062, 5062);
    Endpoint phone = at("192.0.2.10", 30000);
    port(flow("192.0.2.11", 5060, 1024), OTHER, "m", at("192.0.2.11", 30000));
    int seen = port(one, CALL, "m", phone);
    assertEquals(30001, seen);
    assertEquals(seen, port(one, CALL, "p", phone, request -> request.item("other")));
    assertEquals(seen, port(two, OTHER, "n", phone));
    assertEquals(seen, port(two, OTHER, "a", phone, ExpectationRequest.Builder::fromAny));
    assertEquals(
        seen,
        port(two, OTHER, "b", phone, request -> request.from(at("198.51.100.99", 1).address())));
    say(one, (facts, out) -> out.endOwner(CALL, OutcomeSink.Children.KEEP));
    assertEquals(seen, port(one, CALL, "m", phone));
    bench.assertVerdicts();
  }

  @Test
  void twoInsideEndpoints_neverShareAPort_evenFromOtherSources() {
    DatagramDialogue one = flow("192.0.2.10", 5060, 5060);
    DatagramDialogue two = flow("192.0.2.11", 5060, 1024);
    UnaryOperator<ExpectationRequest.Builder> elsewhere =
        request -> request.from(at("198.51.100.99", 1).address());
    int first = port(one, CALL, "m", at("192.0.2.10", 30000));
    int second = port(two, OTHER, "m", at("192.0.2.11", 30000), elsewhere);
    assertNotEquals(first, second);
    // also if the text must stay: then it is refused
    assertEquals(
        0,
        port(
            two,
            OTHER,
            "s",
            at("192.0.2.11", first),
            request -> elsewhere.apply(request).text(ExpectationRequest.Text.STAYS)));
  }

  @Test
  void ownEndpointOfTheFlow_hasThePortThatTheFlowHasOutside() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 61000);
    assertEquals(61000, port(flow, CALL, "c", at("192.0.2.10", 5060)));
    // another port of the phone is its own affair
    assertEquals(5070, port(flow, CALL, "d", at("192.0.2.10", 5070)));
    // what stands already comes first
    DatagramDialogue later = flow("192.0.2.10", 5060, 61001);
    assertEquals(61000, port(later, OTHER, "c", at("192.0.2.10", 5060)));
  }

  @Test
  void pendingOffer_thatBecomesTheAcceptedOne_keepsItsPorts() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    Endpoint phone = at("192.0.2.10", 30000);
    port(
        flow("192.0.2.11", 5060, 1024),
        OTHER,
        "m",
        phone.port() == 0 ? phone : at("192.0.2.11", 30000));
    int pending = port(flow, CALL, "p", phone);
    next.add(
        (facts, out) -> {
          Endpoint told =
              out.expect(
                  media("m", phone).owner(CALL).from(at("198.51.100.99", 1).address()).build());
          assertNotNull(told);
          assertEquals(pending, told.port());
          out.close(CALL, "p");
        });
    flow.client("accepted");
    assertEquals(
        1,
        bench.rows().stream()
            .filter(row -> "m".equals(row.group()) && CALL.text().equals(row.owner()))
            .count());
    assertEquals(pending, port(flow, CALL, "m", phone), "and when it is narrowed back");
  }

  /** What the router itself answers, or forwards for its operator, no phone may take away. */
  @Test
  void portsOfThisMachine_areNotFree() {
    FakePorts machine = bench.ports();
    machine.listen(Transport.UDP, at(OUTSIDE, 51820));
    machine.listen(Transport.UDP, at("0.0.0.0", 5060));
    machine.listen(Transport.UDP, at("::", 3478));
    machine.listen(Transport.UDP, at("192.0.2.1", 6000)); // another address of it
    machine.listen(Transport.TCP, at(OUTSIDE, 6100)); // another protocol
    machine.reserve("7000,8000-8002");
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);

    assertEquals(51821, port(flow, CALL, "a", at("192.0.2.10", 51820)));
    assertEquals(3479, port(flow, CALL, "b", at("192.0.2.10", 3478)));
    assertEquals(6000, port(flow, CALL, "c", at("192.0.2.10", 6000)));
    assertEquals(6100, port(flow, CALL, "d", at("192.0.2.10", 6100)));
    assertEquals(7001, port(flow, CALL, "e", at("192.0.2.10", 7000)));
    assertEquals(8003, port(flow, CALL, "f", at("192.0.2.10", 8000)));
    assertEquals(5061, port(flow, CALL, "g", at("192.0.2.10", 5060)), "also that of the flow");
    UnaryOperator<ExpectationRequest.Builder> stays =
        request -> request.text(ExpectationRequest.Text.STAYS);
    assertEquals(0, port(flow, CALL, "h", at("192.0.2.10", 8001), stays));
    assertEquals(0, bench.worker().flows().unread());
  }

  @Test
  void pairs_leaveOutPortsOfThisMachine() {
    bench.ports().listen(Transport.UDP, at(OUTSIDE, 20003));
    List<Integer> seen = new ArrayList<>();
    next.add(
        (facts, out) ->
            out.expectGroup(
                    List.of(
                        media("m", at("192.0.2.10", 20002)).owner(CALL).item("0").build(),
                        media("m", at("192.0.2.10", 20003))
                            .owner(CALL)
                            .item("0c")
                            .pairedWith("0")
                            .build()))
                .forEach(one -> seen.add(one.orElseThrow().port())));
    flow("192.0.2.10", 5060, 5060).client("message");
    assertEquals(List.of(20004, 20005), seen);
  }

  @Test
  void portOfThisMachine_isKept_ifItWasOpenBeforeSomethingListenedThere() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    assertEquals(30000, port(flow, CALL, "m", at("192.0.2.10", 30000)));
    bench.ports().listen(Transport.UDP, at(OUTSIDE, 30000));
    time.addAndGet(1_000_000_000L);
    assertEquals(30000, port(flow, OTHER, "m", at("192.0.2.10", 30000)));
  }

  @Test
  void portsOfThisMachine_areAskedForOnceASecond_andNoneIfTheKernelDoesNotSay() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    for (int at = 0; at < 5; at++) {
      port(flow, CALL, "m" + at, at("192.0.2.10", 30000 + at));
    }
    assertEquals(1, bench.ports().questions());
    bench.ports().fail();
    time.addAndGet(1_000_000_000L);
    assertEquals(30010, port(flow, CALL, "n", at("192.0.2.10", 30010)));
    assertEquals(2, bench.ports().questions());
  }

  @Test
  void pairs_goUpwardsByTwo_andManyOfThemAreFound() {
    int pairs = 600; // more than are tried one by one
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    for (int at = 0; at < pairs; at++) {
      Endpoint rtp = at("192.0.2." + (20 + at % 200), 20000);
      Endpoint unique = at("192.0.2." + (20 + at % 200), 20000 + 2 * (at / 200));
      OwnerId owner = new OwnerId(7, at);
      int expected = 20000 + 2 * at;
      next.add(
          (facts, out) -> {
            List<Optional<Endpoint>> seen =
                out.expectGroup(
                    List.of(
                        media("m", unique).owner(owner).item("0").build(),
                        media("m", at(unique.address().getHostAddress(), unique.port() + 1))
                            .owner(owner)
                            .item("0c")
                            .pairedWith("0")
                            .build()));
            int first = seen.get(0).orElseThrow().port();
            assertEquals(0, first % 2);
            assertEquals(first + 1, seen.get(1).orElseThrow().port());
            assertTrue(first >= rtp.port() && first <= expected, first + " of " + expected);
          });
      // each is about its own host, which is what a trunk's flow says of its phones
      flowOf(unique).client("offer");
    }
    assertEquals(2 * pairs, bench.rows().size());
    assertNotNull(flow);
  }

  private DatagramDialogue flowOf(Endpoint phone) {
    return flow(phone.address().getHostAddress(), 5060 + flows % 7, 1024 + flows);
  }

  /**
   * To its own two ends, and to whom it is open for; to nobody else, not even the asking flow's.
   */
  @Test
  void whatIsAnnounced_isKnownToThoseWhoHaveToDoWithIt() {
    Endpoint phone = at("192.0.2.10", 30000);
    InetAddress media = at("198.51.100.99", 1).address();
    int seen =
        port(flow("192.0.2.10", 5060, 5060), CALL, "m", phone, request -> request.from(media));
    Endpoint outside = at(OUTSIDE, seen);
    say(
        flow("192.0.2.12", 5060, 61002),
        (facts, out) -> {
          assertTrue(out.isKnownTo(Transport.UDP, outside, media));
          assertTrue(out.isKnownTo(Transport.UDP, outside, phone.address()));
          assertTrue(out.isKnownTo(Transport.UDP, outside, DatagramDialogue.SERVER.getAddress()));
          assertFalse(out.isKnownTo(Transport.UDP, outside, facts.client().address()));
          assertFalse(out.isKnownTo(Transport.TCP, outside, media));
          assertFalse(out.isKnownTo(Transport.UDP, at(OUTSIDE, seen + 1), media));
          out.close(CALL, "m");
          assertFalse(out.isKnownTo(Transport.UDP, outside, media));
        });
    assertTrue(next.isEmpty());
    bench.assertVerdicts();
  }

  private static FlowTuple udp(Endpoint from, Endpoint to) {
    return new FlowTuple(17, from.address(), from.port(), to.address(), to.port());
  }

  private FakeConntrackKernel.Connection standing(FlowTuple original, FlowTuple reply) {
    FakeConntrackKernel.Connection connection =
        new FakeConntrackKernel.Connection(0x700 + flows++, original, reply, 0, -1);
    bench.conntrack().add(connection);
    return connection;
  }

  /** Both ways between the ends of one stream; the far end announces its own. */
  private void openStream(DatagramDialogue flow, Endpoint near, Endpoint far) {
    port(flow, CALL, "near", near, request -> request.item("0"));
    next.add(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder("far", Direction.REPLY, far, LambdaProtocol.Word.SAID)
                    .transport(Transport.UDP)
                    .many()
                    .owner(CALL)
                    .item("0")
                    .lifetime(new Lifetime.WithOwner(Duration.ofHours(1)))
                    .build()));
    flow.server("message");
  }

  /** The kernel translates a conntrack once: what came before the pinholes would never pass. */
  @Test
  void conntracksFromBeforeThePinholes_areDeletedWhenTheseStand() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    Endpoint near = at("192.0.2.10", 30000);
    Endpoint far = at("198.51.100.7", 40000);
    Endpoint seen = at(OUTSIDE, 30000);
    Endpoint stranger = at("198.51.100.8", 40000);
    var toTheRouter = standing(udp(far, seen), udp(seen, far));
    var fromElsewhere = standing(udp(near, far), udp(far, at(OUTSIDE, 1025)));
    var strangers = standing(udp(stranger, seen), udp(seen, stranger));
    openStream(flow, near, far);
    assertFalse(bench.conntrack().has(toTheRouter), "it leads to the router");
    assertFalse(bench.conntrack().has(fromElsewhere), "it leaves from another port than announced");
    assertTrue(bench.conntrack().has(strangers));
    bench.assertVerdicts();
  }

  @Test
  void conntracksWithTheTranslationOfThePinholes_goOn() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    Endpoint near = at("192.0.2.10", 30000);
    Endpoint far = at("198.51.100.7", 40000);
    Endpoint seen = at(OUTSIDE, 30000);
    var inwards = standing(udp(far, seen), udp(near, far));
    openStream(flow, near, far);
    assertTrue(bench.conntrack().has(inwards));
    say(flow, (facts, out) -> out.endOwner(CALL, OutcomeSink.Children.KEEP));
    bench.conntrack().remove(inwards);
    var outwards = standing(udp(near, far), udp(far, seen));
    openStream(flow, near, far);
    assertTrue(bench.conntrack().has(outwards));
  }

  /** Two questions for a stream, when its second end opens, and none for what stands already. */
  @Test
  void earlyDatagrams_areAskedForOnceAStream() {
    DatagramDialogue flow = flow("192.0.2.10", 5060, 5060);
    Endpoint near = at("192.0.2.10", 30000);
    Endpoint far = at("198.51.100.7", 40000);
    port(flow, CALL, "near", near, request -> request.item("0"));
    int before = bench.conntrack().gets();
    port(flow, CALL, "near", near, request -> request.item("0"));
    int ofOneMessage = bench.conntrack().gets() - before;
    before = bench.conntrack().gets();
    openStream(flow, near, far);
    assertEquals(before + 2 * ofOneMessage + 2, bench.conntrack().gets());
    before = bench.conntrack().gets();
    openStream(flow, near, far);
    assertEquals(before + 2 * ofOneMessage, bench.conntrack().gets());
  }

  @Test
  void announced_tellsWhatAPortLeadsTo_alsoInactiveAndOfAnotherFlow() {
    DatagramDialogue one = flow("192.0.2.10", 5060, 61000);
    Endpoint phone = at("192.0.2.10", 5060);
    port(one, CALL, "c", phone, request -> request.inactive().item("c0"));
    say(
        flow("192.0.2.12", 5060, 61002),
        (facts, out) -> {
          Announced announced = out.announced(Transport.UDP, at(OUTSIDE, 61000));
          assertEquals(new Announced(phone, CALL, "c", "c0"), announced);
          assertNull(out.announced(Transport.TCP, at(OUTSIDE, 61000)));
          assertNull(out.announced(Transport.UDP, at(OUTSIDE, 61002)));
          assertTrue(out.stands(CALL, "c"));
          assertTrue(!out.stands(CALL, "d") && !out.stands(OTHER, "c"));
          out.close(CALL, "c");
          assertNull(out.announced(Transport.UDP, at(OUTSIDE, 61000)));
          assertTrue(!out.stands(CALL, "c"));
        });
    assertTrue(next.isEmpty());
    bench.assertVerdicts();
  }

  /** What a helper would have opened is known to those that observe, and leads to nobody else. */
  @Test
  void observed_tellsWhatAPortWouldLeadTo() {
    bench.observe();
    Endpoint phone = at("192.0.2.10", 30000);
    InetAddress media = at("198.51.100.99", 1).address();
    assertEquals(
        30000,
        port(flow("192.0.2.10", 5060, 5060), CALL, "m", phone, request -> request.from(media)));
    say(
        flow("192.0.2.12", 5060, 61002),
        (facts, out) -> {
          Endpoint outside = at(OUTSIDE, 30000);
          assertEquals(new Announced(phone, CALL, "m", ""), out.announced(Transport.UDP, outside));
          assertTrue(out.isKnownTo(Transport.UDP, outside, media));
          assertFalse(out.isKnownTo(Transport.UDP, outside, facts.client().address()));
        });
    assertTrue(next.isEmpty());
    bench.assertVerdicts();
  }
}
