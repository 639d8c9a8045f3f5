package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.EventRing;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.operate.Stories;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.agent.worker.LambdaProtocol;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Reason;
import org.pinholed.helper.text.Network;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.netlink.NetlinkException;

/** Stories of pinholes and control connections, told from what real workers did. */
class StoriesTest {
  private final FakeEventsKernel kernel = new FakeEventsKernel();
  private final ConntrackEvents socket = ConntrackEvents.open(kernel);
  private final Queue<BiConsumer<FlowFacts, OutcomeSink>> next = new ArrayDeque<>();
  private final WorkerBench bench;
  private final KernelEvents events;
  private final TcpDialogue dialogue;

  private enum Why implements Reason {
    PORT_DENIED(Kind.REFUSED),
    TLS(Kind.OPAQUE);

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
      return "a reason of a test";
    }
  }

  StoriesTest() throws NetlinkException {
    bench =
        new WorkerBench(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  out.understood(LambdaProtocol.Word.SAID);
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

  private void expect(int port) {
    message(
        (facts, out) ->
            out.expect(
                ExpectationRequest.builder(
                        "media",
                        Direction.REPLY,
                        new Endpoint(facts.server().address(), port),
                        LambdaProtocol.Word.SAID)
                    .item("a")
                    .field("port " + port)
                    .streamOffset(7)
                    .build()));
  }

  private void tickAfter(long millis) {
    events.tick(System.nanoTime() + Duration.ofMillis(millis).toNanos());
  }

  private List<StoryRow> explain(StoryFilter filter) throws ControlException {
    EventRing ring = new EventRing(EventListener.NONE);
    bench.log().all().forEach(ring::onEvent);
    bench.log().traffic().forEach(ring::onEvent);
    return new Stories(
            bench.table(),
            bench.events().history(),
            ring,
            rows -> bench.worker().flows().listing().sessions(rows),
            bench.backend(),
            WorkerBench.MARKS,
            Clock.SYSTEM)
        .explain(filter);
  }

  private StoryRow last() throws ControlException {
    List<StoryRow> stories = explain(new StoryFilter(null, null, null, null, null, null, 1));
    assertEquals(1, stories.size());
    return stories.get(0);
  }

  private static StoryFilter to(int port) {
    return new StoryFilter(
        null, null, null, null, null, new Endpoint(TcpDialogue.SERVER.getAddress(), port), 10);
  }

  private static List<String> steps(StoryRow row) {
    return row.steps().stream().map(StoryRow.Step::step).toList();
  }

  @Test
  void used_fromTheAnnouncementToItsChild() throws Exception {
    expect(30000);
    kernel.began(EventsBench.child(0x99, 50000, 30000));
    socket.receive(events);

    StoryRow row = last();
    assertEquals("used", row.outcome());
    assertEquals("opened, and used by 1 connection", row.summary());
    assertEquals("00000099", row.childSerial());
    assertEquals(1, row.use());
    assertEquals("tcp", row.protocol());
    assertEquals("198.51.100.7:30000", String.valueOf(row.destination()));
    assertEquals(
        List.of("parent", "announced", "decision", "pinhole", "used", "ended"), steps(row));
    assertEquals(
        "the server said said at byte 7, read as tcp 198.51.100.7:30000 (port 30000)",
        row.steps().get(1).text());
    assertEquals("child 00000099 from 192.0.2.10:50000", row.steps().get(4).text());
    assertEquals(List.of(), row.advice());
    assertEquals(1, explain(new StoryFilter("00000099", null, null, null, null, null, 10)).size());
    assertEquals(1, explain(new StoryFilter(null, 1L, null, null, null, null, 10)).size());
    assertEquals(1, explain(to(30000)).size());
  }

  @Test
  void ended_withTheEndOfItsChild() throws Exception {
    expect(30000);
    kernel.began(EventsBench.child(0x99, 50000, 30000));
    socket.receive(events);
    kernel.ended(EventsBench.child(0x99, 50000, 30000));
    socket.receive(events);

    StoryRow row = last();
    StoryRow.Step traffic =
        row.steps().stream().filter(step -> step.step().equals("traffic")).findFirst().get();
    assertTrue(traffic.text().startsWith("child 00000099 ended, "), traffic.text());
  }

  @Test
  void nobodyCame_whileItWaitsAndAfterwards() throws ControlException {
    expect(30000);
    assertEquals("open", last().outcome());
    tickAfter(29_500);
    tickAfter(31_000);
    StoryRow row = last();
    assertEquals("unused", row.outcome());
    assertEquals(0, row.use());
    assertTrue(row.advice().get(0).contains("doctor"), row.advice()::toString);
  }

  @Test
  void taken_andNoConnectionWasMadeOfIt_isLaidToTheFirewall() throws Exception {
    expect(30000);
    // As the kernel does it: the first packet takes the pinhole, and a rule drops that packet.
    try (PinholeBackend.Session session = bench.backend().openSession()) {
      session.apply(List.of(Objects.requireNonNull(bench.table().row(1)).pinhole()), List.of());
    }
    assertEquals("dropped", last().outcome(), "seen while its time lasts");
    tickAfter(29_500);
    tickAfter(31_000);
    StoryRow row = last();
    assertEquals("dropped", row.outcome());
    assertTrue(row.summary().contains("firewall dropped who came"), row.summary());
    assertTrue(row.advice().get(0).contains("doctor (acceptRule)"), row.advice()::toString);
    AgentEvent expired = bench.log().all().get(bench.log().all().size() - 1);
    assertEquals(AgentEvent.Kind.EXPIRED, expired.kind());
    assertTrue(expired.detail().contains("a rule behind the mark"), expired.detail());
  }

  /** Neither listed any more nor over yet: there is no moment at which nothing is known of it. */
  @Test
  void ending_isKnown_untilItIsOver() throws ControlException {
    expect(30000);
    Expectation expectation = Objects.requireNonNull(bench.table().row(1));
    assertTrue(bench.table().beginEnd(expectation));
    assertEquals(List.of(), bench.table().list(ListingFilter.ALL, System.nanoTime()));
    StoryRow row = last();
    assertEquals("ending", row.outcome());
    assertEquals(1, explain(to(30000)).size());
    assertTrue(bench.table().endUnused(expectation));
    bench.events().expectation(AgentEvent.Kind.EXPIRED, expectation, "");
    assertEquals("unused", last().outcome());
  }

  @Test
  void refused_withWhatWasReadAndWhatToSet() throws ControlException {
    message((facts, out) -> out.report(Why.PORT_DENIED, 1, "port 3306"));
    StoryRow row = last();
    assertEquals("refused", row.outcome());
    assertEquals("portDenied", row.reason());
    assertEquals("not opened, portDenied: port 3306", row.summary());
    assertTrue(row.advice().get(0).contains("deniedPorts"), row.advice()::toString);
    assertNull(row.destination());
  }

  @Test
  void notRead_isToldForWhoAsksForAPortOfItsServer() throws ControlException {
    message((facts, out) -> out.report(Why.TLS, 1));
    List<StoryRow> rows = explain(to(31000));
    assertEquals(1, rows.size());
    assertEquals("unread", rows.get(0).outcome());
    assertTrue(rows.get(0).advice().get(0).contains("leaseNetworks"), rows::toString);
    assertEquals(List.of(), explain(new StoryFilter("ffffffff", null, null, null, null, null, 9)));
  }

  @Test
  void most_theNewestOnes_andOthersAreNotMeant() throws ControlException {
    for (int port = 30000; port < 30005; port++) {
      expect(port);
    }
    Network client = Network.parse("192.0.2.10");
    List<StoryRow> two = explain(new StoryFilter(null, null, null, client, null, null, 2));
    assertEquals(2, two.size());
    assertEquals("198.51.100.7:30004", String.valueOf(two.get(1).destination()));
    Network other = Network.parse("192.0.2.11");
    assertEquals(List.of(), explain(new StoryFilter(null, null, null, other, null, null, 9)));
    TcpDialogue second =
        new TcpDialogue(
                bench, new InetSocketAddress("192.0.2.11", 40001), TcpDialogue.SERVER, 0x1300, 25)
            .connect();
    second.server("nothing to open");
    List<StoryRow> silent = explain(new StoryFilter(null, null, null, other, null, null, 9));
    assertEquals(List.of("silent"), silent.stream().map(StoryRow::outcome).toList());
  }
}
