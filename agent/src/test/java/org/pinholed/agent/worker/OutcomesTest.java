package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/** What becomes of a helper's outcomes. */
class OutcomesTest {
  private static final String PIN = "ONCE TCP 192.0.2.10 > 198.51.100.7:";

  /** What the helper does with the next message. */
  private final Deque<BiConsumer<FlowFacts, OutcomeSink>> next = new ArrayDeque<>();

  /** What the sink said to the last {@link OutcomeSink#expect}. */
  private final List<@Nullable Endpoint> answers = new ArrayList<>();

  private WorkerBench bench;

  OutcomesTest() throws NetlinkException {
    bench = bench(Duration.ofSeconds(30));
  }

  private WorkerBench bench(@Nullable Duration timeout) throws NetlinkException {
    return new WorkerBench(
        new LambdaProtocol(
            (direction, text, facts, out) -> {
              BiConsumer<FlowFacts, OutcomeSink> what = next.poll();
              if (what != null) {
                what.accept(facts, out);
              }
            }),
        AgentConfig.Limits.DEFAULT,
        timeout);
  }

  private enum TestReason implements Reason {
    BROKEN(Kind.MALFORMED),
    HIDDEN(Kind.OPAQUE),
    PARTLY_HIDDEN(Kind.PART_OPAQUE),
    UNWANTED(Kind.REFUSED);

    private final Kind kind;

    TestReason(Kind kind) {
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

  /** The server's next message has these outcomes. */
  private void message(TcpDialogue dialogue, BiConsumer<FlowFacts, OutcomeSink> outcomes) {
    next.add(outcomes);
    dialogue.server("message");
  }

  private void expect(TcpDialogue dialogue, String key, int port) {
    message(
        dialogue,
        (facts, out) -> answers.add(out.expect(Announcements.once(key, facts, port).build())));
  }

  /** What a helper says of a reason beside it. */
  @Nested
  class Details {
    private void report(TcpDialogue dialogue, TestReason reason, String detail) {
      message(dialogue, (facts, out) -> out.report(reason, 3, detail));
    }

    private String lastDetail() {
      List<AgentEvent> events = bench.log().all();
      return events.get(events.size() - 1).detail();
    }

    private SessionRow row() {
      return bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0);
    }

    @Test
    void ofARefusal_areInTheEventTheHistoryAndTheTrace() {
      List<String> lines = new ArrayList<>();
      bench.traces().subscribe(ListingFilter.ALL, 100, line -> lines.add(line.text()));
      report(connect(10), TestReason.UNWANTED, "IActivation opnum 0");
      assertEquals(List.of("refused unwanted"), bench.log().words());
      assertEquals("IActivation opnum 0", lastDetail());
      assertEquals("IActivation opnum 0", bench.events().history().refused().get(0).detail());
      assertTrue(
          lines.contains("refused unwanted at offset 3: IActivation opnum 0"), lines::toString);
      assertEquals(0, row().sealed());
      assertNull(row().sealedDetail());
    }

    @Test
    void ofAPartThatIsEncrypted_areInTheEvent_andTheFlowCountsItAndIsReadOn() {
      TcpDialogue dialogue = connect(10);
      report(dialogue, TestReason.PARTLY_HIDDEN, "first");
      report(dialogue, TestReason.PARTLY_HIDDEN, "second");
      assertEquals("second", lastDetail());
      assertFalse(row().opaque());
      assertEquals(2, row().sealed());
      assertEquals("second", row().sealedDetail());
      assertEquals("partlyHidden", row().reason());
      expect(dialogue, "data", 30000);
      open(PIN + "30000");
    }

    @Test
    void ofAPartThatIsEncrypted_thatAreEmpty_areTheExplanation() {
      message(connect(10), (facts, out) -> out.report(TestReason.PARTLY_HIDDEN, 3));
      assertEquals("a reason of a test", lastDetail());
      assertEquals("a reason of a test", row().sealedDetail());
    }

    @Test
    void ofTheEndOfReading_areInTheEvent() {
      report(connect(10), TestReason.HIDDEN, "by TLS");
      report(connect(11), TestReason.BROKEN, "length 3");
      assertEquals(List.of("opaque hidden", "malformed broken"), bench.log().words());
      assertEquals(
          List.of("by TLS", "length 3"),
          bench.log().all().stream().map(AgentEvent::detail).toList());
    }

    @Test
    void ofStrangers_areEscapedAndCut() {
      report(connect(10), TestReason.PARTLY_HIDDEN, "\u001b[31m" + "x".repeat(100_000));
      String expected = "\\x1b[31m" + "x".repeat(191) + "~";
      assertEquals(200, expected.length());
      assertEquals(expected, lastDetail());
      assertEquals(expected, row().sealedDetail());
    }
  }

  private Pinhole open(String text) {
    Pinhole pinhole = bench.backend().find(text);
    assertNotNull(pinhole, bench.backend().open().toString());
    return pinhole;
  }

  private TcpDialogue connect(int lastOctet) {
    return new TcpDialogue(
            bench,
            new InetSocketAddress("192.0.2." + lastOctet, 40001),
            TcpDialogue.SERVER,
            lastOctet,
            25)
        .connect();
  }

  @Test
  void portOnWhichAHelperReads_isNotOpened_becauseItsChildWouldBeReadAsAParent() {
    TcpDialogue dialogue = connect(10);
    expect(dialogue, "data", 21);
    assertEquals(1, answers.size());
    assertNull(answers.get(0));
    assertEquals(List.of(), bench.backend().open());
    assertEquals(List.of(), bench.rows());
    assertEquals(List.of("refused helperPort"), bench.log().words());
    assertEquals(
        "helperPort", bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0).reason());

    message(
        connect(11),
        (facts, out) ->
            answers.add(
                out.expect(
                    Announcements.once("range", facts, 20).many().portsUpTo(30, 4).build())));
    assertEquals(2, bench.log().words().size(), "it is among those of a range, too");
    assertNull(answers.get(1));

    bench.worker().setHelpers(bench.helpers()); // no helper reads there any more
    expect(dialogue, "data", 21);
    assertEquals(List.of(PIN + 21), bench.backend().open());
  }

  @Nested
  class Opens {
    @Test
    void withTheMarkOfTheChildAndTheTimeoutOfTheEntry() {
      TcpDialogue dialogue =
          new TcpDialogue(bench, TcpDialogue.CLIENT, TcpDialogue.SERVER, 0x77, 0x00ab0019)
              .connect();
      expect(dialogue, "data", 30000);
      Pinhole pinhole = open(PIN + 30000);

      assertEquals(0x40ab0019, pinhole.mark(), "all bits of the parent, and that it is a child");
      assertEquals(30_000, pinhole.timeoutMs());
      assertTrue(
          pinhole.comment().matches("2 test 00000077[0-9a-f]{4} pp t[0-9a-z]{6} f - data"),
          pinhole.comment());
      assertEquals(List.of(new Endpoint(TcpDialogue.SERVER.getAddress(), 30000)), answers);
    }

    @Test
    void forAsLongAsTheParentWithALease() throws Exception {
      bench = bench(null);
      expect(connect(10), "data", 30000);

      assertEquals(Stay.LEASE.toMillis(), open(PIN + 30000).timeoutMs());
      assertEquals("parent", bench.rows().get(0).lifetime());
    }

    @Test
    void forAsLongAsTheProtocolSays() throws Exception {
      bench = bench(null);
      message(
          connect(10),
          (facts, out) ->
              out.expect(
                  Announcements.once(facts, 30000)
                      .lifetime(new Lifetime.Fixed(Duration.ofSeconds(5)))
                      .build()));

      assertEquals(5_000, open(PIN + 30000).timeoutMs());
      assertEquals("timeout", bench.rows().get(0).lifetime());
    }

    @Test
    void forManyOrForAnySource() {
      message(
          connect(10),
          (facts, out) -> {
            out.expect(Announcements.once(facts, 30000).many().build());
            out.expect(Announcements.once(facts, 30001).fromAny().many().build());
            out.expect(
                Announcements.once(facts, 30002)
                    .from(new InetSocketAddress("203.0.113.9", 0).getAddress())
                    .build());
          });

      assertEquals(
          List.of(
              "ONCE TCP 203.0.113.9 > 198.51.100.7:30002",
              "OPEN TCP 192.0.2.10 > 198.51.100.7:30000",
              "OPEN_ANY TCP any > 198.51.100.7:30001"),
          bench.backend().open());
      assertEquals(List.of("open 3, close 0"), bench.backend().transactions());
    }

    @Test
    void withACommentThatNftCanShow() {
      expect(connect(10), "k".repeat(46), 30000);

      assertTrue(open(PIN + 30000).comment().length() <= 128);
    }

    @Test
    void onlyWhenActivated() {
      TcpDialogue dialogue = connect(10);
      message(
          dialogue,
          (facts, out) -> out.expect(Announcements.once("a", facts, 30000).inactive().build()));
      assertEquals(List.of(), bench.backend().open());
      assertEquals("announced", bench.rows().get(0).state());
      assertEquals(List.of(), bench.log().words());

      message(dialogue, (facts, out) -> out.activate(null, "b"));
      assertEquals(List.of(), bench.backend().open(), "another key");
      message(dialogue, (facts, out) -> out.activate(null, "a"));
      assertEquals(List.of(PIN + 30000), bench.backend().open());
      assertEquals(List.of("created said"), bench.log().words());
      message(dialogue, (facts, out) -> out.activate(null, "a"));
      assertEquals(1, bench.backend().transactions().size(), "once");
    }
  }

  @Nested
  class Shuts {
    @Test
    void whatIsReplacedInTheSameTransaction() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "data", 30000);
      expect(dialogue, "data", 30001);

      assertEquals(List.of(PIN + 30001), bench.backend().open());
      assertEquals(List.of("open 1, close 0", "open 1, close 1"), bench.backend().transactions());
      assertEquals(List.of("created said", "replaced said", "created said"), bench.log().words());
      assertEquals(1, bench.rows().size());
    }

    @Test
    void notWhatIsReplacedByTheSame() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "data", 30000);
      expect(dialogue, "data", 30000);

      assertEquals(List.of(PIN + 30000), bench.backend().open());
    }

    @Test
    void notTheRowOfAChildThatCame() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "data", 30000);
      FlowTuple toServer =
          new FlowTuple(
              6, TcpDialogue.CLIENT.getAddress(), 5, TcpDialogue.SERVER.getAddress(), 30000);
      assertNotNull(
          bench
              .table()
              .matcher()
              .match(
                  6,
                  TcpDialogue.CLIENT.getAddress(),
                  TcpDialogue.SERVER.getAddress(),
                  30000,
                  new Connection(0xc41d, toServer, toServer.inverse(), 0, 3).identity(),
                  pinhole -> false));
      bench.backend().use(open(PIN + 30000)); // by the kernel's rule
      expect(dialogue, "data", 30001);

      assertEquals(
          List.of("matched", "pending"), bench.rows().stream().map(ExpectationRow::state).toList());
      assertEquals("0000c41d", bench.rows().get(0).childSerial());
      assertEquals(List.of("created said", "created said"), bench.log().words());
      dialogue.close();
      assertEquals(List.of(), bench.rows(), "with the parent it goes");
    }

    @Test
    void theSamePinholeOfAnotherParent_whichStaysOpenForTheNewOne() {
      TcpDialogue first = connect(10);
      TcpDialogue second =
          new TcpDialogue(
                  bench, new InetSocketAddress("192.0.2.10", 40002), TcpDialogue.SERVER, 99, 26)
              .connect();
      expect(first, "data", 30000);
      expect(second, "data", 30000);
      assertEquals(26 | 0x40000000, open(PIN + 30000).mark());
      first.close();

      assertEquals(26 | 0x40000000, open(PIN + 30000).mark(), "it is not the first one's any more");
      assertEquals(
          List.of("00000063"), bench.rows().stream().map(ExpectationRow::parentSerial).toList());
      assertEquals(List.of("created said", "replaced said", "created said"), bench.log().words());
    }

    @Test
    void byKey() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      expect(dialogue, "b", 30001);
      message(dialogue, (facts, out) -> out.close(null, "a"));
      message(dialogue, (facts, out) -> out.close(null, "none"));

      assertEquals(List.of(PIN + 30001), bench.backend().open());
      assertTrue(bench.log().words().contains("closed said"));
    }

    @Test
    void nothingThatWasNeverOpen() {
      TcpDialogue dialogue = connect(10);
      message(
          dialogue,
          (facts, out) -> out.expect(Announcements.once("a", facts, 30000).inactive().build()));
      message(dialogue, (facts, out) -> out.close(null, "a"));

      assertEquals(List.of(), bench.backend().transactions());
      assertEquals(List.of(), bench.rows());
      assertEquals(List.of(), bench.log().words());
    }

    @Test
    void whatAnotherThreadEndedWhileItWasBeingOpened() {
      bench
          .backend()
          .beforeNext(
              () -> {
                for (Expectation expectation : bench.table().pending()) {
                  bench.table().end(expectation);
                }
              });
      expect(connect(10), "data", 30000);

      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of("open 1, close 0", "open 0, close 1"), bench.backend().transactions());
      bench.assertVerdicts();
    }

    @Test
    void everythingIfTheFlowBreaksItsProtocol() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      message(
          dialogue,
          (facts, out) -> {
            out.expect(Announcements.once("b", facts, 30001).build());
            out.report(TestReason.BROKEN, 7);
            out.expect(Announcements.once("c", facts, 30002).build());
          });

      assertEquals(List.of(), bench.backend().open());
      assertEquals(
          25 | WorkerBench.MARKS.vetted() | WorkerBench.MARKS.opaque(),
          dialogue.connection().mark());
      assertEquals(
          "broken", bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0).reason());
      next.add((facts, out) -> out.expect(Announcements.once("d", facts, 30003).build()));
      dialogue.server("more");
      assertEquals(1, next.size(), "not read any more");
      bench.assertVerdicts();
    }

    @Test
    void nothingIfTheFlowIsEncryptedFromHereOn() {
      TcpDialogue dialogue = connect(10);
      expect(dialogue, "a", 30000);
      message(dialogue, (facts, out) -> out.report(TestReason.HIDDEN, 7));

      assertEquals(List.of(PIN + 30000), bench.backend().open());
      assertEquals(
          25 | WorkerBench.MARKS.vetted() | WorkerBench.MARKS.opaque(),
          dialogue.connection().mark());
      assertEquals(List.of("created said", "opaque hidden"), bench.log().words());
    }
  }

  @Nested
  class Refuses {
    @Test
    void whatTheHelperRefuses_andReadsOn() {
      TcpDialogue dialogue = connect(10);
      message(dialogue, (facts, out) -> out.report(TestReason.UNWANTED, 7));
      expect(dialogue, "data", 30000);

      assertEquals(List.of(PIN + 30000), bench.backend().open());
      assertEquals(List.of("refused unwanted", "created said"), bench.log().words());
      assertEquals(1, bench.metrics().of("reason unwanted test"));
    }

    @Test
    void oneMoreThanAParentMayHave() {
      TcpDialogue dialogue = connect(10);
      int most = AgentConfig.Limits.DEFAULT.expectationsPerParent();
      for (int i = 0; i < most; i++) {
        expect(dialogue, "key" + i, 30000 + i);
      }
      expect(dialogue, "more", 31000);

      assertEquals(most, bench.backend().open().size());
      assertNull(answers.get(most), "nothing is opened, so nothing may be rewritten");
      assertEquals(1, bench.metrics().of("limit expectationsPerParent"));
      assertEquals(1, bench.metrics().of("reason limitPerParent test"));
      message(dialogue, (facts, out) -> out.close(null, "key0"));
      expect(dialogue, "more", 31000);
      assertEquals(most, bench.backend().open().size(), "there is room again");
    }

    /** Here more than all entries have in common, as DCE-RPC needs it. */
    @Test
    void oneMoreThanAParentOfItsEntryMayHave() {
      int common = AgentConfig.Limits.DEFAULT.expectationsPerParent();
      bench.limitEntry(
          EntryLimits.NONE
              .with(EntryLimit.EXPECTATIONS_PER_PARENT, common + 1)
              .with(EntryLimit.EXPECTATIONS_PER_OWNER, 100));
      TcpDialogue dialogue = connect(10);
      for (int i = 0; i < common + 2; i++) {
        expect(dialogue, "key" + i, 30000 + i);
      }

      assertEquals(common + 1, bench.backend().open().size());
      assertNull(answers.get(common + 1), "nothing is opened, so nothing may be rewritten");
      assertEquals(1, bench.metrics().of("limit helperExpectationsPerParent"));
      assertEquals(1, bench.metrics().of("reason helperLimitPerParent test"));
      bench.limitEntry(EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 100)); // a reload
      message(dialogue, (facts, out) -> out.close(null, "key0"));
      expect(dialogue, "more", 31000);
      assertEquals(common, bench.backend().open().size());
      assertEquals(1, bench.metrics().of("limit expectationsPerParent"));
    }

    @Test
    void oneMoreThanItsEntryMayHave() {
      bench.limitEntry(
          EntryLimits.NONE
              .with(EntryLimit.EXPECTATIONS, 3)
              .with(EntryLimit.EXPECTATIONS_PER_SOURCE, 2));
      TcpDialogue one = connect(10);
      expect(one, "key0", 30000);
      expect(one, "key1", 30001);
      expect(one, "key2", 30002);
      TcpDialogue other = connect(11);
      expect(other, "key0", 30003);
      expect(other, "key1", 30004);

      assertEquals(3, bench.backend().open().size(), "one client left a place for the other");
      assertEquals(1, bench.metrics().of("limit helperExpectationsPerSource"));
      assertEquals(1, bench.metrics().of("reason helperLimitPerSource test"));
      assertEquals(1, bench.metrics().of("limit helperExpectations"));
      assertEquals(1, bench.metrics().of("reason helperLimitTotal test"));
      one.close();
      expect(other, "key2", 30005);
      assertEquals(2, bench.backend().open().size(), "there is room again");
    }

    @Test
    void rewrites() {
      message(connect(10), (facts, out) -> out.edit(0, 1, new byte[1]));

      assertEquals(List.of("refused rewriteNotAllowed"), bench.log().words());
    }

    @Test
    void anAnnouncerBehindAddressTranslation() {
      TcpDialogue dialogue = new TcpDialogue(bench);
      InetSocketAddress hidden = new InetSocketAddress("203.0.113.50", 2121);
      // The client connects to the public address, which is translated to the server's.
      bench.conntrack().remove(dialogue.connection());
      FakeConntrackKernel.Connection translated =
          new FakeConntrackKernel.Connection(
              5,
              new FlowTuple(
                  6,
                  TcpDialogue.CLIENT.getAddress(),
                  TcpDialogue.CLIENT.getPort(),
                  TcpDialogue.SERVER.getAddress(),
                  TcpDialogue.SERVER.getPort()),
              new FlowTuple(
                  6,
                  hidden.getAddress(),
                  hidden.getPort(),
                  TcpDialogue.CLIENT.getAddress(),
                  TcpDialogue.CLIENT.getPort()),
              25,
              FakeConntrackKernel.SYN_RECV);
      bench.conntrack().add(translated);
      dialogue.connect();
      translated.setTcpState(FakeConntrackKernel.ESTABLISHED);
      expect(dialogue, "data", 30000);

      assertEquals(List.of(), bench.backend().open());
      assertEquals(List.of("refused noSequenceAdjustment"), bench.log().words());
      assertNull(answers.get(0));
    }
  }
}
