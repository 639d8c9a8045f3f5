package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.worker.LambdaProtocol;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/** What is remembered of expectations that are over, however they end, and of refused ones. */
class ExpectationHistoryTest {
  private static final OwnerId CALL = new OwnerId(1, 2);

  private final FakeEventsKernel kernel = new FakeEventsKernel();
  private final ConntrackEvents socket = ConntrackEvents.open(kernel);
  private final Queue<BiConsumer<FlowFacts, OutcomeSink>> next = new ArrayDeque<>();
  private WorkerBench bench;
  private KernelEvents events;

  ExpectationHistoryTest() throws NetlinkException {
    bench = bench(AgentConfig.Limits.DEFAULT);
    events = EventsBench.events(socket, bench);
  }

  private WorkerBench bench(AgentConfig.Limits limits) throws NetlinkException {
    return new WorkerBench(
        new LambdaProtocol(
            (direction, text, facts, out) -> {
              out.understood(LambdaProtocol.Word.SAID);
              BiConsumer<FlowFacts, OutcomeSink> what = next.poll();
              if (what != null) {
                what.accept(facts, out);
              }
            }),
        limits,
        Duration.ofSeconds(30));
  }

  private void limited(AgentConfig.Limits limits) throws NetlinkException {
    bench = bench(limits);
    events = EventsBench.events(socket, bench);
  }

  private TcpDialogue connect(int lastOctet) {
    return new TcpDialogue(
            bench,
            new InetSocketAddress("192.0.2." + lastOctet, 40001),
            TcpDialogue.SERVER,
            0x1200 + lastOctet,
            25)
        .connect();
  }

  private void message(TcpDialogue dialogue, BiConsumer<FlowFacts, OutcomeSink> outcomes) {
    next.add(outcomes);
    dialogue.server("message");
  }

  private static ExpectationRequest.Builder request(FlowFacts facts, String item, int port) {
    return ExpectationRequest.builder(
            "media",
            Direction.REPLY,
            new Endpoint(facts.server().address(), port),
            LambdaProtocol.Word.SAID)
        .item(item)
        .label("call " + item)
        .field("port " + port)
        .streamOffset(7);
  }

  private void expect(TcpDialogue dialogue, String item, int port) {
    message(dialogue, (facts, out) -> out.expect(request(facts, item, port).build()));
  }

  private void tickAfter(int seconds) {
    events.tick(System.nanoTime() + Duration.ofSeconds(seconds).toNanos());
  }

  private ExpectationHistory history() {
    return bench.events().history();
  }

  private List<String> ended() {
    return history().ended().stream().map(ExpectationHistoryTest::text).toList();
  }

  private List<String> refused() {
    return history().refused().stream().map(ExpectationHistoryTest::text).toList();
  }

  private static String text(PastExpectation past) {
    Pinhole pinhole = past.pinhole();
    ExpectationRequest request = past.request();
    return past.id()
        + " "
        + past.end().word()
        + (past.reason().isEmpty() ? "" : " " + past.reason())
        + (request == null ? "" : " " + request.group() + "/" + request.item())
        + (request == null ? "" : " to " + request.destination().port())
        + (pinhole == null ? "" : " by " + pinhole.port())
        + (past.opened() ? " opened" : "")
        + " used "
        + past.uses()
        + (past.detail().isEmpty() ? "" : ": " + past.detail());
  }

  /** Each way to end, through the table and the transaction of the worker. */
  @Nested
  class Ended {
    @Test
    void byUse_withItsChildAndWhatAnnouncedIt() throws NetlinkException {
      long beforeMicros = Instant.now().toEpochMilli() * 1000 - 1000;
      TcpDialogue dialogue = new TcpDialogue(bench).connect();
      expect(dialogue, "a", 30000);
      assertEquals(List.of(), ended(), "it is not over");
      kernel.began(EventsBench.child(0x99, 50000, 30000));
      socket.receive(events);

      assertEquals(
          List.of("1 matched media/a to 30000 by 30000 opened used 1: from 192.0.2.10:50000"),
          ended());
      PastExpectation past = history().ended().get(0);
      assertEquals("00000099", past.childSerial());
      assertEquals("192.0.2.10:40001", past.parent().client().toString());
      assertEquals("198.51.100.7:21", past.parent().server().toString());
      assertEquals("test", past.parent().helper());
      assertEquals(25, past.parent().policyId());
      assertEquals(
          new PastExpectation.Announcement("said", Direction.REPLY, 7), past.announcement());
      ExpectationRequest request = past.request();
      assertNotNull(request);
      assertEquals("call a", request.label());
      assertEquals("port 30000", request.field());
      assertTrue(past.announcedMicros() >= beforeMicros, past::toString);
      assertTrue(past.endedMicros() >= past.announcedMicros(), past::toString);
      assertTrue(past.endedMicros() - past.announcedMicros() < 60_000_000, past::toString);
      dialogue.sayQuit();
      bench.turn();
      assertEquals(1, ended().size(), "the end of its parent is not a second one");
    }

    @Test
    void byTime() {
      expect(connect(10), "a", 30000);
      tickAfter(31);
      assertEquals(List.of("1 expired media/a to 30000 by 30000 opened used 0"), ended());
    }

    @Test
    void byTheEndOfItsParent_alsoBeforeItWasOpened() {
      TcpDialogue dialogue = connect(10);
      message(
          dialogue,
          (facts, out) ->
              out.expectGroup(
                  List.of(
                      request(facts, "a", 30000).build(),
                      request(facts, "b", 30001).inactive().build())));
      dialogue.sayQuit();
      bench.turn();
      assertEquals(
          List.of(
              "2 parentClosed media/b to 30001 by 30001 used 0",
              "1 parentClosed media/a to 30000 by 30000 opened used 0"),
          ended());
    }

    @Test
    void byAnOperator() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      bench.end(dialogue.connection(), AgentEvent.Kind.CLEARED);
      bench.turn();
      assertEquals(List.of("1 cleared media/a to 30000 by 30000 opened used 0"), ended());
    }

    @Test
    void byAnotherAnnouncement_alsoWithinOneBatch() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      expect(dialogue, "a", 30001);
      message(
          dialogue,
          (facts, out) -> {
            out.expect(request(facts, "a", 30002).build());
            out.expect(request(facts, "a", 30003).build());
          });
      assertEquals(
          List.of(
              "3 replaced media/a to 30002 by 30002 used 0",
              "1 replaced media/a to 30000 by 30000 opened used 0",
              "2 replaced media/a to 30001 by 30001 opened used 0"),
          ended().stream().sorted(Comparator.comparing(text -> text.contains("opened"))).toList());
    }

    @Test
    void byTheHelper_alsoWhatItNeverOpened() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      message(dialogue, (facts, out) -> out.close(null, "media"));
      message(dialogue, (facts, out) -> out.expect(request(facts, "a", 30001).inactive().build()));
      message(dialogue, (facts, out) -> out.close(null, "media"));
      assertEquals(
          List.of(
              "1 closed media/a to 30000 by 30000 opened used 0",
              "2 closed media/a to 30001 by 30001 used 0"),
          ended());
    }

    @Test
    void byTheEndOfItsOwner_saidOrDue_withTheChildrenThatCame() throws NetlinkException {
      TcpDialogue dialogue = new TcpDialogue(bench).connect();
      message(dialogue, (facts, out) -> out.expect(ofCall(facts, "a", 30000)));
      kernel.began(EventsBench.child(0x99, 50000, 30000));
      kernel.began(EventsBench.child(0x9a, 50001, 30000));
      socket.receive(events);
      assertEquals(List.of(), ended(), "it lets in many");
      message(dialogue, (facts, out) -> out.endOwner(CALL, OutcomeSink.Children.KEEP));
      message(
          dialogue,
          (facts, out) -> {
            out.expect(ofCall(facts, "b", 30001));
            out.keepOwner(CALL, Duration.ofMinutes(5));
          });
      tickAfter(301);
      assertEquals(
          List.of(
              "1 closed media/a to 30000 by 30000 opened used 2: its owner ended",
              "2 expired media/b to 30001 by 30001 opened used 0: its owner ended"),
          ended());
      ExpectationRequest request = history().ended().get(0).request();
      assertNotNull(request);
      assertEquals(CALL, request.owner());
    }

    private ExpectationRequest ofCall(FlowFacts facts, String item, int port) {
      return request(facts, item, port)
          .owner(CALL)
          .many()
          .lifetime(new Lifetime.WithOwner(Duration.ofHours(1)))
          .build();
    }
  }

  private enum Why implements Reason {
    UNWANTED(Kind.REFUSED),
    HIDDEN(Kind.PART_OPAQUE);

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

  /** Each way to be refused. */
  @Nested
  class Refused {
    @Test
    void byALimit() throws NetlinkException {
      limited(new AgentConfig.Limits(1, 8, 8, 8, 8, 64, 16 << 20, HelperLimits.DEFAULT));
      TcpDialogue dialogue = connect(10);
      message(
          dialogue,
          (facts, out) ->
              out.expectGroup(
                  List.of(request(facts, "a", 30000).build(), request(facts, "b", 30001).build())));
      assertEquals(1, refused().size(), refused()::toString);
      assertTrue(
          refused().get(0).startsWith("0 refused limitPerParent media/b to 30001 used 0: "),
          refused()::toString);
      assertEquals(List.of(), ended());
    }

    @Test
    void byTheHelper_withTheWordOfTheMessage() {
      TcpDialogue dialogue = connect(10);
      message(dialogue, (facts, out) -> out.report(Why.HIDDEN, 3));
      assertEquals(List.of(), refused(), "that refuses no announcement");
      message(dialogue, (facts, out) -> out.report(Why.UNWANTED, 11));
      assertEquals(List.of("0 refused unwanted used 0: a reason of a test"), refused());
      PastExpectation past = history().refused().get(0);
      assertNull(past.request());
      assertEquals("192.0.2.10:40001", past.parent().client().toString());
      assertEquals(
          new PastExpectation.Announcement("said", Direction.REPLY, 11), past.announcement());
    }

    @Test
    void becauseAHelperReadsOnThatPort() {
      expect(connect(10), "a", 21);
      assertEquals(
          List.of(
              "0 refused helperPort media/a to 21 used 0:"
                  + " the announced port is one on which a helper reads"),
          refused());
    }

    @Test
    void byTheKernel_withWhatItSaid() {
      bench.backend().refuse(pinhole -> pinhole.port() == 30001);
      TcpDialogue dialogue = connect(10);
      message(
          dialogue,
          (facts, out) ->
              out.expectGroup(
                  List.of(request(facts, "a", 30000).build(), request(facts, "b", 30001).build())));
      assertEquals(1, refused().size(), refused()::toString);
      assertTrue(
          refused()
              .get(0)
              .startsWith("2 refused backendRefused media/b to 30001 by 30001 used 0: "),
          refused()::toString);
      assertFalse(history().refused().get(0).detail().isEmpty());
    }

    @Test
    void becauseNobodyAnswered() {
      TcpDialogue dialogue = connect(10);
      message(dialogue, (facts, out) -> out.expect(request(facts, "a", 30000).inactive().build()));
      tickAfter(31);
      assertEquals(
          List.of(
              "1 refused neverAnswered media/a to 30000 by 30000 used 0:"
                  + " the announcement waited for its answer for longer than its timeout"),
          refused());
      assertEquals(List.of(), ended());
    }

    @Test
    void detail_isBounded() {
      bench.backend().refuse(pinhole -> true);
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      PastExpectation past = history().refused().get(0);
      PastExpectation longer =
          new PastExpectation(
              0,
              AgentEvent.Kind.REFUSED,
              "why",
              "x".repeat(100_000),
              0,
              0,
              past.parent(),
              past.announcement(),
              null,
              null,
              false,
              0,
              null,
              false);
      assertEquals("x".repeat(199) + "~", longer.detail());
    }
  }

  /** Whatever one client does, what others did stays. */
  @Nested
  class Bounded {
    @Test
    void aClientWithThousandsOfRefusals_pushesOutNothingOfOthers_andNoEnds() {
      TcpDialogue honest = connect(10);
      for (int port = 30000; port < 30100; port++) {
        expect(honest, "a", port);
        message(honest, (facts, out) -> out.report(Why.UNWANTED, 1));
      }
      assertEquals(99, ended().size(), "the last one is open");
      TcpDialogue hostile = connect(66);
      for (int i = 0; i < 5000; i++) {
        int offset = i;
        message(hostile, (facts, out) -> out.report(Why.UNWANTED, offset));
      }
      assertEquals(99, ended().size());
      assertEquals(MemoryNeed.PAST_EXPECTATIONS, refused().size());
      assertEquals(100, of(10).size());
      List<PastExpectation> last = of(66);
      assertEquals(MemoryNeed.PAST_EXPECTATIONS - 100, last.size());
      assertEquals(4999, last.get(last.size() - 1).announcement().streamOffset(), "its last ones");
    }

    private List<PastExpectation> of(int lastOctet) {
      return history().refused().stream()
          .filter(
              past ->
                  past.parent().client().address().getHostAddress().equals("192.0.2." + lastOctet))
          .toList();
    }

    /** The bound that the class states, with the longest texts and a parent for each entry. */
    @Test
    void memory_isWithinWhatIsStated() {
      // The middle of several: what else is on the heap comes and goes, whoever left it there.
      long each = LongStream.generate(this::bytesOfAnEntry).limit(5).sorted().toArray()[2];

      assertTrue(each <= MemoryNeed.PAST_EXPECTATION_BYTES, () -> each + " bytes each");
      assertTrue(each >= MemoryNeed.PAST_EXPECTATION_BYTES / 3, () -> each + " bytes each");
    }

    private long bytesOfAnEntry() {
      int entries = MemoryNeed.PAST_EXPECTATIONS;
      ExpectationHistory full = new ExpectationHistory(Clock.SYSTEM);
      long before = usedHeapBytes();
      for (int i = 0; i < 2 * entries; i++) {
        full.ended(largest(20_000 + i), AgentEvent.Kind.EXPIRED, "");
      }
      long each = (usedHeapBytes() - before) / entries;
      assertEquals(entries, full.ended().size());
      return each;
    }

    /** What a parser reads is an address of its own; the parent's are shared, as in a flow. */
    private Expectation largest(int port) {
      InetAddress client = host(port, 1);
      InetAddress server = host(port, 2);
      FlowTuple original = new FlowTuple(6, client, port, server, 21);
      Parent parent =
          new Parent(
              new ConntrackIdentity(port, original, original.inverse(), 0),
              "test",
              1,
              25,
              25,
              new Endpoint(client, port),
              new Endpoint(server, 21));
      Endpoint inside = new Endpoint(host(port, 3), port);
      ExpectationRequest request =
          ExpectationRequest.builder(
                  ("group" + port).repeat(3), Direction.REPLY, inside, LambdaProtocol.Word.SAID)
              .item("i" + port)
              .label((port + "l").repeat(20))
              .field((port + "f").repeat(20))
              .owner(new OwnerId(port, port))
              .build();
      Pinhole pinhole =
          new Pinhole(
              Pinhole.Kind.ONCE,
              Transport.TCP,
              server,
              host(port, 5),
              port,
              1,
              1000,
              ("comment" + port).repeat(10),
              new ChildTranslation(inside, host(port, 6)));
      return new Expectation(
          port, parent, Owner.flow("test"), request, pinhole, Stay.of(Duration.ofSeconds(1)), 0);
    }

    private InetAddress host(int port, int number) {
      return new InetSocketAddress("2001:db8::" + (port - 20_000) + ":" + number, 0).getAddress();
    }

    private long usedHeapBytes() {
      return IntStream.range(0, 4)
          .mapToLong(
              i -> {
                System.gc();
                return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
              })
          .min()
          .orElseThrow();
    }
  }
}
