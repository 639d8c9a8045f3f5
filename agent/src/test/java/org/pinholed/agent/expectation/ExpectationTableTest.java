package org.pinholed.agent.expectation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.UsedHeap;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

class ExpectationTableTest {
  private static final InetAddress CLIENT = address("192.0.2.10");
  private static final InetAddress SERVER = address("198.51.100.7");
  private static final long TIMEOUT_NS = Duration.ofSeconds(30).toNanos();
  private static final AgentConfig.Limits LIMITS =
      new AgentConfig.Limits(2, 3, 4, 100, 100, 1024, 16 << 20, HelperLimits.DEFAULT);

  private final ExpectationTable table = new ExpectationTable(LIMITS);
  private int nextParent = 1;
  private int nextPort = 30_000;

  /** What announces in these tests. */
  private enum Word implements HelperWord {
    SAID;

    @Override
    public String word() {
      return "said";
    }
  }

  private static ConntrackIdentity identity(int id) {
    FlowTuple original =
        new FlowTuple(6, new InetSocketAddress("192.0.2.10", 0).getAddress(), 40001, SERVER, 21);
    return new ConntrackIdentity(id, original, original.inverse(), 0);
  }

  private static InetAddress address(String numeric) {
    return new InetSocketAddress(numeric, 0).getAddress();
  }

  private static final ConntrackIdentity CHILD = identity(0xabcd);

  private Parent parent(String client) {
    return new Parent(
        identity(nextParent++),
        "ftp",
        7,
        0x20000019,
        25,
        new Endpoint(address(client), 40001),
        new Endpoint(SERVER, 21));
  }

  /** Each worker may make the same owner, and end it, at the same time as another one. */
  @Test
  void owners_ofSeveralThreads_areNeverMoreThanTheLimit_andNoPlaceIsLost() throws Exception {
    ExpectationTable own = new ExpectationTable(AgentConfig.Limits.DEFAULT);
    int most = 5;
    own.setEntryLimits(
        Map.of(
            7,
            EntryLimits.NONE
                .with(EntryLimit.OWNERS, most)
                .with(EntryLimit.OWNERS_PER_SOURCE, most)));
    Parent parent = parent("192.0.2.10");
    // The size of a map that others change says nothing.
    CyclicBarrier allStandStill =
        new CyclicBarrier(3, () -> assertTrue(own.owners().size() <= most));
    Callable<Void> worker =
        () -> {
          SplittableRandom random = new SplittableRandom(Thread.currentThread().getId());
          Deque<Expectation> mine = new ArrayDeque<>();
          for (int round = 0; round < 20_000; round++) {
            OwnerId id = new OwnerId(0, random.nextInt(64));
            Expectation made = owned(own, parent, id, random.nextInt(60_000) + 1024);
            Limit reached = own.add(made, displaced -> own.end(displaced));
            if (reached == null) {
              mine.add(made);
            } else {
              assertEquals(Limit.OWNERS, reached);
            }
            if (round % 100 == 0) {
              allStandStill.await();
            }
            if (mine.size() > random.nextInt(4)) {
              own.end(mine.remove());
            }
          }
          mine.forEach(own::end);
          return null;
        };
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      for (Future<Void> each : threads.invokeAll(List.of(worker, worker, worker))) {
        each.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(0, own.owners().size());
    for (int id = 0; id < most; id++) {
      assertNull(own.add(owned(own, parent, new OwnerId(1, id), 5000)), "no place was lost");
    }
    assertEquals(Limit.OWNERS, own.add(owned(own, parent, new OwnerId(1, most), 5000)));
  }

  private Expectation owned(ExpectationTable in, Parent parent, OwnerId id, int port) {
    Endpoint to = new Endpoint(SERVER, port);
    return new Expectation(
        in.nextId(),
        parent,
        in.owners().obtain("ftp", id),
        ExpectationRequest.builder("data", Direction.REPLY, to, Word.SAID)
            .item(Integer.toString(port))
            .owner(id)
            .many()
            .lifetime(new Lifetime.Fixed(Duration.ofMinutes(1)))
            .build(),
        new Pinhole(
            Pinhole.Kind.OPEN, Transport.TCP, CLIENT, SERVER, port, 0x40000019, 60_000, "ftp"),
        Stay.of(new Lifetime.Fixed(Duration.ofMinutes(1)), null),
        0);
  }

  private void limitEntry(EntryLimits limits) {
    table.setEntryLimits(Map.of(7, limits));
  }

  private Expectation expectation(Parent parent) {
    return expectation(parent, Pinhole.Kind.ONCE, parent.client().address(), nextPort++, false);
  }

  private Expectation expectation(
      Parent parent,
      Pinhole.Kind kind,
      @Nullable InetAddress source,
      int port,
      boolean livesWithParent) {
    return expectation(parent, Owner.flow("ftp"), kind, source, port, livesWithParent);
  }

  private Expectation expectation(
      Parent parent,
      Owner owner,
      Pinhole.Kind kind,
      @Nullable InetAddress source,
      int port,
      boolean livesWithParent) {
    ExpectationRequest request =
        ExpectationRequest.builder("data", Direction.REPLY, new Endpoint(SERVER, port), Word.SAID)
            .streamOffset(123)
            .build();
    Pinhole pinhole =
        new Pinhole(kind, Transport.TCP, source, SERVER, port, 0x40000019, 30_000, "");
    return new Expectation(
        table.nextId(),
        parent,
        owner,
        request,
        pinhole,
        livesWithParent
            ? Stay.WITH_OWNER
            : Stay.of(java.time.Duration.ofMillis(pinhole.timeoutMs())),
        0);
  }

  /** A busy server's data connections are in conntrack for two minutes after their end. */
  @Test
  void childOfAnExpectationThatIsOverWithIt_onlyItsParentIsKept() {
    Parent parent = parent("192.0.2.10");
    Expectation once = expectation(parent);
    ConntrackIdentity second = identity(0xabce);
    Children children = new Children();
    children.began(CHILD, once);
    children.began(second, expectation(parent));

    assertEquals(0, once.livingChildren());
    assertEquals(List.of(parent), children.parentsOf(CHILD));
    assertSame(children.parentsOf(CHILD), children.parentsOf(second));
    assertTrue(children.has(CHILD));
    children.ended(CHILD, 0);
    assertFalse(children.has(CHILD));
    assertEquals(List.of(second), children.known());
  }

  @Test
  void childOfAnExpectationThatStays_isKnownByIt() {
    Expectation many =
        expectation(parent("192.0.2.10"), Pinhole.Kind.OPEN, CLIENT, nextPort++, false);
    Children children = new Children();
    children.began(CHILD, many);

    assertEquals(List.of(CHILD), many.knownChildren());
    children.ended(CHILD, 0);
    assertEquals(0, many.livingChildren());
  }

  private Expectation pending(Expectation expectation) {
    assertNull(table.add(expectation));
    assertNull(table.activate(expectation, 0));
    return expectation;
  }

  private @Nullable Expectation match(InetAddress source, int port) {
    return match(source, port, pinhole -> false);
  }

  private @Nullable Expectation match(InetAddress source, int port, Predicate<Pinhole> stands) {
    return table.matcher().match(6, source, SERVER, port, CHILD, stands);
  }

  private @Nullable Expectation matchAnother(InetAddress source, int port) {
    return table.matcher().match(6, source, SERVER, port, identity(0x7777), pinhole -> false);
  }

  private int waiting() {
    Map<State, Integer> counts = table.countByState();
    return counts.getOrDefault(State.ANNOUNCED, 0) + counts.getOrDefault(State.PENDING, 0);
  }

  private boolean beginEndAndShut(Expectation expectation) {
    boolean begun = table.beginEnd(expectation);
    if (begun) {
      table.shut(expectation, AgentEvent.Kind.CLOSED, 0);
    }
    return begun;
  }

  @Nested
  class Limits {
    @Test
    void perParent_takesMaxAndNotOneMore() {
      Parent parent = parent("192.0.2.10");
      assertNull(table.add(expectation(parent)));
      assertNull(table.add(expectation(parent)));

      assertEquals(Limit.EXPECTATIONS_PER_PARENT, table.add(expectation(parent)));
      assertEquals(2, parent.waiting());
      assertNull(table.add(expectation(parent("192.0.2.11"))), "others are not concerned");
    }

    @Test
    void perSource_takesMaxAndNotOneMore() {
      for (int i = 0; i < 3; i++) {
        assertNull(table.add(expectation(parent("192.0.2.10"))));
      }
      Parent fourth = parent("192.0.2.10");

      assertEquals(Limit.EXPECTATIONS_PER_SOURCE, table.add(expectation(fourth)));
      assertEquals(0, fourth.waiting());
      assertNull(table.add(expectation(parent("192.0.2.11"))), "others are not concerned");
    }

    @Test
    void total_takesMaxAndNotOneMore() {
      for (int i = 0; i < 4; i++) {
        assertNull(table.add(expectation(parent("192.0.2." + (10 + i)))));
      }
      Parent fifth = parent("192.0.2.20");

      assertEquals(Limit.EXPECTATIONS, table.add(expectation(fifth)));
      assertEquals(0, fifth.waiting());
      assertEquals(4, waiting());
    }

    @Test
    void refused_leavesNothingBehind() {
      Parent parent = parent("192.0.2.10");
      table.add(expectation(parent));
      table.add(expectation(parent));
      for (int i = 0; i < 10; i++) {
        assertEquals(Limit.EXPECTATIONS_PER_PARENT, table.add(expectation(parent)));
      }

      assertEquals(2, table.list(ListingFilter.ALL, 0).size());
      assertNull(table.add(expectation(parent("192.0.2.10"))), "the source has one left");
      assertNull(table.add(expectation(parent("192.0.2.11"))), "the total has one left");
      assertEquals(Limit.EXPECTATIONS, table.add(expectation(parent("192.0.2.12"))));
    }

    @Test
    void setLimits_lower_keepsWhatIsThereAndTakesNoMore() {
      Parent parent = parent("192.0.2.10");
      Expectation first = expectation(parent);
      table.add(first);
      table.add(expectation(parent));
      table.setLimits(
          new AgentConfig.Limits(1, 3, 4, 100, 100, 1024, 16 << 20, HelperLimits.DEFAULT));

      assertEquals(2, waiting());
      assertEquals(Limit.EXPECTATIONS_PER_PARENT, table.add(expectation(parent)));
      table.end(first);
      assertEquals(
          Limit.EXPECTATIONS_PER_PARENT, table.add(expectation(parent)), "one still waits");
    }
  }

  /** Every way out gives the place back, once. */
  private enum WayOut {
    END_OF_ANNOUNCED,
    END_OF_PENDING,
    MATCH,
    END_OF_MATCHED,
    END_TWICE
  }

  @ParameterizedTest
  @EnumSource(WayOut.class)
  void wayOut_anyOfThem_givesItsPlaceBackOnce(WayOut wayOut) {
    Parent parent = parent("192.0.2.10");
    for (int round = 0; round < 20; round++) {
      Expectation expectation = expectation(parent);
      assertNull(table.add(expectation), "round " + round);
      assertEquals(1, parent.waiting());
      if (wayOut != WayOut.END_OF_ANNOUNCED) {
        table.activate(expectation, 0);
      }
      if (wayOut == WayOut.MATCH || wayOut == WayOut.END_OF_MATCHED) {
        assertSame(expectation, match(CLIENT, expectation.pinhole().port()));
      }
      if (wayOut != WayOut.MATCH) {
        table.end(expectation);
      }
      if (wayOut == WayOut.END_TWICE) {
        assertEquals(State.GONE, table.end(expectation));
      }
      assertEquals(0, parent.waiting());
      assertEquals(0, waiting());
      assertFalse(table.holders().isWaitedFor(expectation.pinhole()));
    }
    // And not more than that: the limits hold as before.
    for (int i = 0; i < 3; i++) {
      assertNull(table.add(expectation(parent("192.0.2.10"))));
    }
    assertEquals(Limit.EXPECTATIONS_PER_SOURCE, table.add(expectation(parent("192.0.2.10"))));
  }

  @Nested
  class Matches {
    @Test
    void once_theFirstChildOnly() {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));
      int port = expectation.pinhole().port();

      assertSame(expectation, match(CLIENT, port));
      assertEquals(State.MATCHED, expectation.state());
      assertEquals("0000abcd", expectation.childSerial());
      assertNull(match(CLIENT, port));
      assertEquals(1, ExpectationListing.row(expectation, 0).use());
    }

    @Test
    void many_everyChild() {
      Expectation expectation =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.OPEN, CLIENT, 5000, false));

      assertSame(expectation, match(CLIENT, 5000));
      assertSame(expectation, matchAnother(CLIENT, 5000));
      assertNull(match(CLIENT, 5000), "the first one, told twice");
      assertEquals(2, ExpectationListing.row(expectation, 0).use());
      assertEquals("matched", ExpectationListing.row(expectation, 0).state());
      assertEquals(State.PENDING, expectation.state(), "still open");
      assertEquals(1, expectation.parent().waiting());
    }

    @Test
    void anySource_childrenFromAnywhere() {
      Expectation expectation =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.OPEN_ANY, null, 5000, false));

      assertSame(expectation, match(address("203.0.113.9"), 5000));
      assertSame(expectation, matchAnother(CLIENT, 5000));
    }

    @Test
    void aSourceOfItsOwn_beforeAnySource() {
      Expectation any =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.OPEN_ANY, null, 5000, false));
      Expectation own =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false));

      assertSame(own, match(CLIENT, 5000), "the kernel asks the maps in this order");
      assertSame(any, matchAnother(CLIENT, 5000));
    }

    @Test
    void nothing_forOtherTuples() {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));
      int port = expectation.pinhole().port();

      assertNull(match(address("192.0.2.11"), port));
      assertNull(match(CLIENT, port + 1));
      assertNull(table.matcher().match(17, CLIENT, SERVER, port, CHILD, pinhole -> false));
      assertNull(
          table.matcher().match(6, CLIENT, address("198.51.100.8"), port, CHILD, pinhole -> false));
    }

    @Test
    void nothing_beforeItIsActiveAndAfterItEnded() {
      Expectation expectation = expectation(parent("192.0.2.10"));
      table.add(expectation);
      int port = expectation.pinhole().port();
      assertNull(match(CLIENT, port));
      table.activate(expectation, 0);
      table.end(expectation);

      assertNull(match(CLIENT, port));
      assertEquals(0, ExpectationListing.row(expectation, 0).use());
    }
  }

  /** Who has the same pinhole ends before the new one waits. */
  /** What announced a child that is read, whatever the kernel has told of it. */
  @Nested
  class AnnouncesAChildThatIsRead {
    private Expectation read(String group, int port) {
      Parent parent = parent("192.0.2.10");
      ExpectationRequest request =
          ExpectationRequest.builder(group, Direction.REPLY, new Endpoint(SERVER, port), Word.SAID)
              .read()
              .build();
      Pinhole pinhole =
          new Pinhole(
              Pinhole.Kind.ONCE,
              Transport.TCP,
              parent.client().address(),
              SERVER,
              port,
              0x48000019,
              30_000,
              "");
      return new Expectation(
          table.nextId(),
          parent,
          Owner.flow("ftp"),
          request,
          pinhole,
          Stay.of(Duration.ofSeconds(30)),
          0);
    }

    private ConntrackIdentity child(int sourcePort, int port) {
      FlowTuple original = new FlowTuple(6, address("192.0.2.10"), sourcePort, SERVER, port);
      return new ConntrackIdentity(sourcePort, original, original.inverse(), 0);
    }

    private @Nullable String groupOf(ConntrackIdentity child) {
      ReadChild known = table.matcher().announcing(child);
      return known == null ? null : known.announcement().group();
    }

    private @Nullable Expectation told(ConntrackIdentity child) {
      FlowTuple first = child.original();
      return table
          .matcher()
          .match(6, first.source(), SERVER, first.destinationPort(), child, pinhole -> false);
    }

    @Test
    void fromItsFirstPacketToItsEnd() {
      ConntrackIdentity child = child(5000, 30000);
      assertNull(groupOf(child));
      Expectation expectation = pending(read("first", 30000));
      assertEquals("first", groupOf(child), "not told of yet");
      told(child);
      table.end(expectation);
      pending(read("next", 30000));
      assertEquals("first", groupOf(child), "its pinhole is used up, and is another's by now");
      assertEquals("next", groupOf(child(5001, 30000)));
      table.living().ended(child, 0);
      assertEquals("next", groupOf(child), "as any that comes now");
    }

    @Test
    void thatCameRightBeforeItsPinholeWasShut() {
      ConntrackIdentity child = child(5000, 30000);
      Expectation expectation = pending(read("first", 30000));
      assertTrue(table.beginEnd(expectation));
      assertEquals("first", groupOf(child));
      table.shut(expectation, AgentEvent.Kind.CLOSED, 0);
      assertSame(expectation, told(child));
      assertEquals("first", groupOf(child));
    }

    @Test
    void notOneThatIsNotToBeRead() {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));
      assertNull(groupOf(child(5000, expectation.pinhole().port())));
    }

    @Test
    void whileTheKernelTellsOfIt() throws Exception {
      ExecutorService teller = Executors.newSingleThreadExecutor();
      try {
        for (int port = 20_000; port < 22_000; port++) {
          ConntrackIdentity child = child(5000, port);
          Expectation expectation = pending(read("first", port));
          boolean ends = port % 2 == 0;
          if (ends) {
            assertTrue(table.beginEnd(expectation));
          }
          Future<Boolean> told = teller.submit(() -> told(child) == expectation);
          while (!told.isDone()) {
            assertEquals("first", groupOf(child));
          }
          assertTrue(told.get());
        }
      } finally {
        teller.shutdownNow();
      }
    }
  }

  @Nested
  class WaitsForTheEndOf {
    @Test
    void theOneOfAnotherParentWithTheSamePinhole() {
      Expectation older =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false));
      Expectation newer = expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false);
      table.add(newer);

      assertSame(older, table.activate(newer, 0));
      assertEquals(State.ANNOUNCED, newer.state());
      assertSame(older, match(CLIENT, 5000), "it waits as before");
      assertNull(table.activate(newer, 0));
      assertSame(newer, match(CLIENT, 5000));
    }

    @Test
    void theOneOfTheSameParentToo() {
      Parent parent = parent("192.0.2.10");
      Expectation older = pending(expectation(parent, Pinhole.Kind.ONCE, CLIENT, 5000, false));
      Expectation newer = expectation(parent, Pinhole.Kind.ONCE, CLIENT, 5000, false);
      table.add(newer);

      assertSame(older, table.activate(newer, 0));
      assertEquals(State.PENDING, table.end(older));
      assertNull(table.activate(newer, 0));
      assertSame(newer, match(CLIENT, 5000), "the end of the older one takes nothing from it");
    }

    @Test
    void nobodyIfItWasActivatedOrEndedBefore() {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));

      assertNull(table.activate(expectation, 0), "twice");
      table.end(expectation);
      assertNull(table.activate(expectation, 0));
      assertEquals(State.GONE, expectation.state());
      assertTrue(table.pending().isEmpty());
    }
  }

  @Test
  void activate_longAfterItWasAnnounced_timeoutCountsFromThere() {
    Expectation expectation = expectation(parent("192.0.2.10"));
    table.add(expectation);
    long later = 10 * TIMEOUT_NS;
    table.activate(expectation, later);

    assertEquals(30_000, expectation.expiresInMs(later));
    assertEquals(29_000, expectation.expiresInMs(later + 1_000_000_000L));
  }

  /** The end of an open pinhole waits for what the kernel may still have to say. */
  @Nested
  class Ending {
    private Expectation ending(long nowNs) {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));
      assertTrue(table.beginEnd(expectation));
      table.shut(expectation, AgentEvent.Kind.PARENT_CLOSED, nowNs);
      return expectation;
    }

    @Test
    void isNeitherListedNorCountedNorWaitedFor() {
      Expectation expectation = ending(0);

      assertEquals(List.of(), table.list(ListingFilter.ALL, 0));
      assertEquals(0, waiting());
      assertEquals(0, expectation.parent().waiting());
      assertFalse(table.holders().isWaitedFor(expectation.pinhole()));
      assertEquals(List.of(), table.pending());
      assertTrue(expectation.isOver());
    }

    @Test
    void findsAChildThatCameBefore() {
      Expectation expectation = ending(0);

      assertSame(expectation, match(CLIENT, expectation.pinhole().port()));
      assertEquals("0000abcd", expectation.childSerial());
      assertNull(match(CLIENT, expectation.pinhole().port()), "one child only");
      assertNull(table.nextEnded(1), "it ended by its child");
      assertEquals(0, expectation.parent().waiting(), "given back once");
    }

    @Test
    void isOverWhenTheKernelHasSaidAllFromBefore() {
      Expectation first = ending(100);
      Expectation second = ending(200);
      assertNull(table.nextEnded(100));

      ExpectationTable.Ending ended = table.nextEnded(101);
      assertEquals(new ExpectationTable.Ending(first, AgentEvent.Kind.PARENT_CLOSED, 100), ended);
      assertNull(table.nextEnded(200));
      assertEquals(State.GONE, first.state());
      assertNull(match(CLIENT, first.pinhole().port()));
      assertSame(second, match(CLIENT, second.pinhole().port()));
    }

    @Test
    void doesNotBeginTwiceOrForWhatIsNotOpen() {
      Expectation expectation = ending(0);
      assertFalse(table.beginEnd(expectation));
      assertEquals(State.GONE, table.end(expectation), "somebody else ends it");

      Expectation announced = expectation(parent("192.0.2.10"));
      table.add(announced);
      assertFalse(table.beginEnd(announced));
      assertEquals(State.ANNOUNCED, table.end(announced));
      assertEquals(0, waiting());
    }

    @Test
    void leavesTheNewOneWithTheSamePinholeAlone() {
      Expectation older =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false));
      Expectation newer = expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false);
      table.add(newer);
      table.beginEnd(older);
      table.activate(newer, 0);

      assertSame(older, match(CLIENT, 5000), "its child was not told of yet");
      assertSame(newer, match(CLIENT, 5000));
    }

    @Test
    void ofOneThatStoodWhenItWasShut_leavesTheChildToTheNewOne() {
      Expectation older =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false));
      table.beginEnd(older);
      Expectation newer = expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, false);
      table.add(newer);
      table.activate(newer, 0);

      assertTrue(table.endUnused(older));
      assertFalse(table.endUnused(older));
      assertSame(newer, match(CLIENT, 5000));
      assertNull(table.nextEnded(Long.MAX_VALUE));
    }

    @Test
    void ofSeveralWithOnePinhole_childrenGoToTheOldestFirst() {
      List<Expectation> all = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Expectation next =
            pending(expectation(parent("192.0.2.1" + i), Pinhole.Kind.ONCE, CLIENT, 5000, false));
        assertTrue(table.beginEnd(next));
        table.shut(next, AgentEvent.Kind.REPLACED, i);
        all.add(next);
      }
      assertTrue(table.endUnused(all.get(1)));

      assertSame(all.get(0), match(CLIENT, 5000));
      assertSame(all.get(2), match(CLIENT, 5000));
      assertNull(match(CLIENT, 5000));
      assertNull(table.nextEnded(10));
    }

    @Test
    void isOver_whenItsChildIsToldOfVeryLate_theNewOneWhosePinholeStandsWaitsOn() {
      Expectation older = ending(100);
      int port = older.pinhole().port();
      Expectation newer = expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, port, false);
      table.add(newer);
      table.activate(newer, 0);
      assertNotNull(table.nextEnded(101));

      assertNull(match(CLIENT, port, pinhole -> true), "the child of the older one");
      assertEquals(State.PENDING, newer.state());
      assertSame(newer, match(CLIENT, port, pinhole -> false));
    }

    @Test
    void beginsWhileTheKernelIsAsked_itsChildIsNotTakenForALateOne() {
      Expectation first = ending(100);
      int port = first.pinhole().port();
      Parent parent = parent("192.0.2.10");
      Expectation second = pending(expectation(parent, Pinhole.Kind.ONCE, CLIENT, port, false));
      assertNotNull(table.nextEnded(101));
      Predicate<Pinhole> stands =
          pinhole -> {
            assertTrue(table.beginEnd(second));
            pending(expectation(parent, Pinhole.Kind.ONCE, CLIENT, port, false));
            return true; // what stands is the pinhole of the third one
          };

      assertSame(second, match(CLIENT, port, stands));
    }
  }

  @Nested
  class PurgeOfMatched {
    private Expectation matched(Parent parent) {
      Expectation expectation = pending(expectation(parent));
      match(CLIENT, expectation.pinhole().port());
      return expectation;
    }

    @Test
    void keepsRowsUntilTheirTimeIsOver() {
      Expectation expectation = matched(parent("192.0.2.10"));

      table.purgeMatched(TIMEOUT_NS - 1_000_000);
      assertEquals(1, table.list(ListingFilter.ALL, 0).size());
      table.purgeMatched(TIMEOUT_NS);
      assertEquals(0, table.list(ListingFilter.ALL, 0).size());
      assertEquals(State.GONE, expectation.state());
      assertEquals(0, table.countByState().get(State.MATCHED));
    }

    @Test
    void dropsRowsOfParentsThatEnded() {
      Expectation expectation = matched(parent("192.0.2.10"));
      Expectation other = matched(parent("192.0.2.10"));
      expectation.parent().end();

      assertEquals(1, table.list(ListingFilter.ALL, 0).size(), "not listed any more at once");
      table.purgeMatched(0);
      assertEquals(State.GONE, expectation.state());
      assertEquals(State.MATCHED, other.state());
    }

    @Test
    void keepsTheYoungest4096() {
      Parent parent = parent("192.0.2.10");
      Expectation first = matched(parent);
      Expectation second = matched(parent);
      for (int i = 0; i < 4095; i++) {
        matched(parent);
      }

      assertEquals(State.GONE, first.state());
      assertEquals(State.MATCHED, second.state());
      assertEquals(4096, table.countByState().get(State.MATCHED));
    }

    @Test
    void doesNotCountRowsThatAnotherThreadEnded() {
      Parent parent = parent("192.0.2.10");
      for (int i = 0; i < 4096; i++) {
        table.end(matched(parent));
      }
      table.purgeMatched(0);
      Expectation kept = matched(parent);
      for (int i = 0; i < 4095; i++) {
        matched(parent);
      }

      assertEquals(State.MATCHED, kept.state(), "as if the ended ones had never been");
    }
  }

  @Nested
  class Rows {
    @Test
    void pendingWithTimeout() {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));
      ExpectationRow row = ExpectationListing.row(expectation, Duration.ofSeconds(10).toNanos());

      assertEquals(
          new ExpectationRow(
              expectation.id(),
              "pending",
              "ftp",
              7,
              "tcp",
              6,
              25,
              "00000001",
              null,
              10,
              20,
              30,
              "timeout",
              List.of("once"),
              0,
              0x40000019,
              new EndpointRow("192.0.2.10", 0),
              new EndpointRow("198.51.100.7", 30_000),
              null,
              null,
              new EndpointRow("192.0.2.10", 40001),
              new EndpointRow("198.51.100.7", 21),
              "said",
              123,
              null,
              "data",
              "",
              "",
              "",
              0),
          row);
    }

    @Test
    void translated_tellsBothSides() {
      Pinhole pinhole =
          new Pinhole(
              Pinhole.Kind.ONCE,
              Transport.TCP,
              SERVER,
              address("203.0.113.1"),
              5001,
              0,
              30_000,
              "",
              new ChildTranslation(new Endpoint(CLIENT, 5000), address("192.0.2.1")));
      ExpectationRequest request =
          ExpectationRequest.builder(
                  "data", Direction.ORIGINAL, new Endpoint(CLIENT, 5000), Word.SAID)
              .build();
      ExpectationRow row =
          ExpectationListing.row(
              new Expectation(
                  1,
                  parent("192.0.2.10"),
                  Owner.flow("ftp"),
                  request,
                  pinhole,
                  Stay.of(java.time.Duration.ofMillis(pinhole.timeoutMs())),
                  0),
              0);

      assertEquals(new EndpointRow("203.0.113.1", 5001), row.destination());
      assertEquals(new EndpointRow("192.0.2.10", 5000), row.translatedDestination());
      assertEquals(new EndpointRow("198.51.100.7", 0), row.source());
      assertEquals(new EndpointRow("192.0.2.1", 0), row.translatedSource());
    }

    @Test
    void withTimeout_neverNegative() {
      Expectation expectation = pending(expectation(parent("192.0.2.10")));

      assertEquals(0, ExpectationListing.row(expectation, 10 * TIMEOUT_NS).expireSeconds());
    }

    @Test
    void lifetimeOfTheParent_countsBelowZeroThoughTheLeaseIsRenewed() {
      Expectation expectation =
          pending(expectation(parent("192.0.2.10"), Pinhole.Kind.ONCE, CLIENT, 5000, true));
      expectation.opened(Duration.ofSeconds(60).toNanos()); // renewed
      ExpectationRow row = ExpectationListing.row(expectation, Duration.ofMillis(72_300).toNanos());

      assertEquals(-43, row.expireSeconds(), "30 less 72.3, rounded down");
      assertEquals(72, row.durationSeconds());
      assertEquals(0, row.timeoutSeconds());
      assertEquals("parent", row.lifetime());
      assertEquals(17_700, expectation.expiresInMs(Duration.ofMillis(72_300).toNanos()));
    }

    @Test
    void announced_inactiveFromAnySourceForMany() {
      Expectation expectation =
          expectation(parent("192.0.2.10"), Pinhole.Kind.OPEN_ANY, null, 5000, false);
      table.add(expectation);
      ExpectationRow row = ExpectationListing.row(expectation, 0);

      assertEquals("announced", row.state());
      assertEquals(List.of("many", "anySource", "inactive"), row.flags());
      assertEquals(new EndpointRow("0.0.0.0", 0), row.source());
    }

    @Test
    void anySourceOfIpv6_isShownAsSuch() {
      Parent parent = parent("192.0.2.10");
      InetAddress destination = address("2001:db8::7");
      ExpectationRequest request =
          ExpectationRequest.builder(
                  "media", Direction.REPLY, new Endpoint(destination, 5000), Word.SAID)
              .fromAny()
              .many()
              .build();
      Pinhole pinhole =
          new Pinhole(Pinhole.Kind.OPEN_ANY, Transport.UDP, null, destination, 5000, 0, 30_000, "");
      ExpectationRow row =
          ExpectationListing.row(
              new Expectation(
                  1,
                  parent,
                  Owner.flow("ftp"),
                  request,
                  pinhole,
                  Stay.of(java.time.Duration.ofMillis(pinhole.timeoutMs())),
                  0),
              0);

      assertEquals(new EndpointRow("::", 0), row.source());
      assertEquals(new EndpointRow("2001:db8::7", 5000), row.destination());
      assertEquals("udp", row.protocol());
      assertEquals(17, row.protocolNumber());
    }

    @Test
    void list_byIdAndFiltered() {
      Expectation first = pending(expectation(parent("192.0.2.10")));
      Expectation second = pending(expectation(parent("192.0.2.10")));

      assertEquals(
          List.of(first.id(), second.id()),
          table.list(ListingFilter.ALL, 0).stream().map(ExpectationRow::id).toList());
      assertEquals(
          List.of(second.id()),
          table.list(new ListingFilter(25, "ftp", "00000002"), 0).stream()
              .map(ExpectationRow::id)
              .toList());
      assertTrue(table.list(new ListingFilter(26, null, null), 0).isEmpty());
      assertTrue(table.list(new ListingFilter(null, "sip", null), 0).isEmpty());
    }

    @Test
    void countByState_everyState() {
      table.add(expectation(parent("192.0.2.10")));
      pending(expectation(parent("192.0.2.11")));
      Expectation matched = pending(expectation(parent("192.0.2.10")));
      match(CLIENT, matched.pinhole().port());

      assertEquals(
          Map.of(State.ANNOUNCED, 1, State.PENDING, 1, State.MATCHED, 1), table.countByState());
    }
  }

  /** Two threads at a time, so that an account taken twice or never shows in the limits. */
  @Nested
  class Concurrently {
    private static final int ROUNDS = 3000;

    /** Runs two things at the same moment, once for each round. */
    private void race(int rounds, Callable<Callable<?>[]> round) throws Exception {
      ExecutorService threads = Executors.newFixedThreadPool(2);
      try {
        CyclicBarrier start = new CyclicBarrier(2);
        for (int i = 0; i < rounds; i++) {
          List<Future<?>> both = new ArrayList<>();
          for (Callable<?> body : round.call()) {
            both.add(
                threads.submit(
                    () -> {
                      start.await(10, TimeUnit.SECONDS);
                      return body.call();
                    }));
          }
          for (Future<?> one : both) {
            one.get(10, TimeUnit.SECONDS);
          }
        }
      } finally {
        threads.shutdownNow();
      }
    }

    /** The next port is announced by one thread while another one is told of the child before. */
    @Test
    void childThatComes_makesRoomForTheNextOfItsOwner_atOnce() throws Exception {
      Parent parent = parent("192.0.2.10");
      Owner owner = Owner.flow("ftp");
      limitEntry(EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 1));
      race(
          ROUNDS,
          () -> {
            Expectation old =
                pending(expectation(parent, owner, Pinhole.Kind.ONCE, CLIENT, 5000, false));
            Callable<Void> told =
                () -> {
                  assertSame(old, match(CLIENT, 5000));
                  return null;
                };
            Callable<Void> announced =
                () -> {
                  while (old.state() != State.MATCHED) {
                    Thread.onSpinWait();
                  }
                  old.noLongerAwaited();
                  Expectation next =
                      expectation(parent, owner, Pinhole.Kind.ONCE, CLIENT, 5001, false);
                  assertNull(table.add(next));
                  table.end(next);
                  return null;
                };
            return new Callable<?>[] {told, announced};
          });
    }

    @Test
    void twoEnds_oneAccounts() throws Exception {
      Parent parent = parent("192.0.2.10");
      List<State> ends = java.util.Collections.synchronizedList(new ArrayList<>());
      race(
          ROUNDS,
          () -> {
            Expectation expectation = pending(expectation(parent));
            Callable<State> end =
                () -> {
                  State before = table.end(expectation);
                  ends.add(before);
                  return before;
                };
            return new Callable<?>[] {end, end};
          });

      assertEquals(ROUNDS, ends.stream().filter(State.PENDING::equals).count());
      assertEquals(ROUNDS, ends.stream().filter(State.GONE::equals).count());
      assertEquals(0, parent.waiting());
      assertEquals(0, waiting());
      for (int i = 0; i < 3; i++) {
        assertNull(table.add(expectation(parent("192.0.2.10"))), "no place was lost");
      }
      assertEquals(Limit.EXPECTATIONS_PER_SOURCE, table.add(expectation(parent("192.0.2.10"))));
    }

    @Test
    void matchAndEnd_oneAccounts() throws Exception {
      Parent parent = parent("192.0.2.10");
      race(
          ROUNDS,
          () -> {
            Expectation expectation = pending(expectation(parent));
            int port = expectation.pinhole().port();
            return new Callable<?>[] {() -> match(CLIENT, port), () -> table.end(expectation)};
          });

      assertEquals(0, parent.waiting());
      table.purgeMatched(0);
      assertEquals(
          Map.of(State.ANNOUNCED, 0, State.PENDING, 0, State.MATCHED, 0), table.countByState());
      for (int i = 0; i < 3; i++) {
        assertNull(table.add(expectation(parent("192.0.2.10"))), "no place was lost");
      }
      assertEquals(Limit.EXPECTATIONS_PER_SOURCE, table.add(expectation(parent("192.0.2.10"))));
    }

    @Test
    void matchAndBeginEnd_oneChildOrOneEnd() throws Exception {
      Parent parent = parent("192.0.2.10");
      AtomicInteger children = new AtomicInteger();
      AtomicInteger ends = new AtomicInteger();
      race(
          ROUNDS,
          () -> {
            while (table.nextEnded(1) != null) {
              ends.incrementAndGet();
            }
            Expectation expectation = pending(expectation(parent));
            int port = expectation.pinhole().port();
            Callable<Boolean> match =
                () -> match(CLIENT, port) != null && children.incrementAndGet() > 0;
            Callable<Boolean> end =
                () -> beginEndAndShut(expectation) || table.end(expectation) != State.GONE;
            return new Callable<?>[] {match, end};
          });
      while (table.nextEnded(1) != null) {
        ends.incrementAndGet();
      }

      // A child that comes is always found: while it is open, and while it is ending.
      assertEquals(ROUNDS, children.get());
      assertEquals(0, ends.get());
      assertEquals(0, parent.waiting());
      assertEquals(0, waiting());
    }

    @Test
    void matchAndTheSamePortAgain_theChildIsOfTheOneWhosePinholeItUsed() throws Exception {
      Parent parent = parent("192.0.2.10");
      AtomicInteger strangers = new AtomicInteger();
      race(
          ROUNDS,
          () -> {
            Expectation older = pending(expectation(parent));
            int port = older.pinhole().port();
            Expectation newer = expectation(parent, Pinhole.Kind.ONCE, CLIENT, port, false);
            assertNull(table.add(newer));
            Callable<Boolean> match =
                () ->
                    match(CLIENT, port, pinhole -> true) == older
                        || strangers.incrementAndGet() > 0;
            Callable<Boolean> again =
                () -> {
                  while (table.activate(newer, 0) != null) {
                    if (!beginEndAndShut(older)) {
                      table.end(older);
                    }
                  }
                  return table.end(newer) == State.PENDING;
                };
            return new Callable<?>[] {match, again};
          });

      assertEquals(0, strangers.get());
    }

    @Test
    void activateAndBeginEnd_nothingStaysWaitedFor() throws Exception {
      Parent parent = parent("192.0.2.10");
      List<Expectation> all = new ArrayList<>();
      race(
          ROUNDS,
          () -> {
            Expectation expectation = expectation(parent);
            assertNull(table.add(expectation));
            all.add(expectation);
            Callable<Boolean> end =
                () -> beginEndAndShut(expectation) || table.end(expectation) != State.GONE;
            return new Callable<?>[] {() -> table.activate(expectation, 0), end};
          });

      assertEquals(0, parent.waiting());
      for (Expectation expectation : all) {
        assertTrue(expectation.isOver());
        assertFalse(table.holders().isWaitedFor(expectation.pinhole()));
      }
    }

    @Test
    void activateAndEnd_nothingStaysWaitedFor() throws Exception {
      Parent parent = parent("192.0.2.10");
      List<Expectation> all = new ArrayList<>();
      race(
          ROUNDS,
          () -> {
            Expectation expectation = expectation(parent);
            assertNull(table.add(expectation));
            all.add(expectation);
            return new Callable<?>[] {
              () -> table.activate(expectation, 0), () -> table.end(expectation)
            };
          });

      assertEquals(0, parent.waiting());
      for (Expectation expectation : all) {
        assertEquals(State.GONE, expectation.state());
        assertFalse(table.holders().isWaitedFor(expectation.pinhole()));
      }
    }

    @Test
    void adds_neverMoreThanTheLimit() throws Exception {
      List<Expectation> in = java.util.Collections.synchronizedList(new ArrayList<>());
      race(
          1000,
          () -> {
            in.forEach(table::end);
            in.clear();
            assertNull(table.add(keep(in, expectation(parent("192.0.2.10")))));
            assertNull(table.add(keep(in, expectation(parent("192.0.2.11")))));
            assertNull(table.add(keep(in, expectation(parent("192.0.2.12")))));
            Expectation left = expectation(parent("192.0.2.13"));
            Expectation right = expectation(parent("192.0.2.14"));
            return new Callable<?>[] {() -> addTo(in, left), () -> addTo(in, right)};
          });

      assertTrue(in.size() <= 4, in.size() + " of 4");
      assertEquals(in.size(), waiting());
    }

    private Expectation keep(List<Expectation> in, Expectation expectation) {
      in.add(expectation);
      return expectation;
    }

    private boolean addTo(List<Expectation> in, Expectation expectation) {
      return table.add(expectation) == null && in.add(expectation);
    }
  }

  @Test
  void anExpectation_takesTheMemoryThatAConfigurationIsJudgedBy() {
    int count = 4000;
    ExpectationTable large = new ExpectationTable(AgentConfig.Limits.DEFAULT);
    long before = UsedHeap.bytes();
    for (int i = 0; i < count; i++) {
      Expectation each = expectation(parent("192.0." + (2 + i % 200) + ".10"));
      assertNull(large.add(each));
      assertNull(large.activate(each, 0));
    }
    long each = (UsedHeap.bytes() - before) / count;
    assertEquals(count, large.countByState().get(State.PENDING));
    assertTrue(each <= MemoryNeed.EXPECTATION_BYTES, () -> each + " bytes each");
    assertTrue(each >= MemoryNeed.EXPECTATION_BYTES / 3, () -> each + " bytes each");
  }
}
