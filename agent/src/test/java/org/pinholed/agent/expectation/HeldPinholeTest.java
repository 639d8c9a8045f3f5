package org.pinholed.agent.expectation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/** A pinhole that many hold together. */
class HeldPinholeTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();
  private static final InetAddress PEER = new InetSocketAddress("198.51.100.7", 0).getAddress();
  private static final InetAddress OUTSIDE = new InetSocketAddress("203.0.113.9", 0).getAddress();
  private static final Endpoint INSIDE =
      new Endpoint(new InetSocketAddress("192.0.2.10", 0).getAddress(), 5060);
  private static final Stay LEASE = new Stay(Stay.Kind.OWNER, 0, 0, 0, 3_600_000);

  private final ExpectationTable table = new ExpectationTable(AgentConfig.Limits.DEFAULT);
  private final PinholeHolders holders = table.holders();
  private int owners;

  private enum Word implements HelperWord {
    SAID;

    @Override
    public String word() {
      return "said";
    }
  }

  private static Parent parent() {
    FlowTuple original = new FlowTuple(17, INSIDE.address(), 5060, PEER, 5060);
    return new Parent(
        new ConntrackIdentity(1, original, original.inverse(), 0),
        "sip",
        7,
        25,
        25,
        INSIDE,
        new Endpoint(PEER, 5060));
  }

  private Expectation made(Stay stay, boolean read, long nowNs) {
    return made(parent(), stay, read, nowNs);
  }

  private Expectation made(Parent parent, Stay stay, boolean read, long nowNs) {
    OwnerId id = new OwnerId(9, ++owners);
    ExpectationRequest.Builder request =
        ExpectationRequest.builder("s", Direction.ORIGINAL, INSIDE, Word.SAID)
            .owner(id)
            .transport(Transport.UDP)
            .many();
    if (read) {
      request.read();
    }
    String comment =
        new PinholeComment("sip", "00000001", 5060, 25, 1, stay, 0, id, "s", "").text();
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.OPEN,
            Transport.UDP,
            PEER,
            OUTSIDE,
            5060,
            0x40000019 | (read ? 0x08000000 : 0),
            stay.kernelTimeoutMs(),
            comment,
            new ChildTranslation(INSIDE, null));
    return new Expectation(
        table.nextId(),
        parent,
        table.owners().obtain("sip", id),
        request.build(),
        pinhole,
        stay,
        nowNs);
  }

  private Expectation joins(Stay stay, long nowNs) {
    return joins(made(stay, false, nowNs), nowNs);
  }

  private Expectation joins(Expectation made, long nowNs) {
    assertTrue(table.reserve(made));
    assertNull(table.add(made));
    assertNull(table.activate(made, nowNs));
    return made;
  }

  /** The kernel is told if it must be, as a transaction does it. */
  private boolean write(Expectation expectation, long nowNs) {
    if (!holders.mustBeWritten(expectation, nowNs)) {
      return false;
    }
    holders.wrote(expectation, holders.pinholeToWrite(expectation, nowNs), nowNs);
    return true;
  }

  private static Stay until(int seconds) {
    return new Stay(Stay.Kind.DEADLINE, 1000L * seconds, 0, 0, 0);
  }

  @Test
  void onlyTheFirst_isWritten_andOneThatLeavesOnlyIfItsCommentStands() {
    Expectation first = joins(LEASE, 0);
    assertTrue(write(first, 0));
    List<Expectation> more = new ArrayList<>();
    for (int at = 0; at < 100; at++) {
      more.add(joins(LEASE, at * 10_000_000L));
      assertFalse(write(more.get(at), at * 10_000_000L));
    }
    table.end(more.remove(17));
    assertSame(first, holders.waitingFor(first.pinhole()));
    assertFalse(write(more.get(0), SECOND));
    table.end(first);
    Expectation next = holders.waitingFor(first.pinhole());
    assertSame(more.get(98), next, "the one that joined last most likely stays longest");
    assertNotNull(next);
    assertTrue(write(next, SECOND));
    assertFalse(write(next, SECOND));
  }

  @Test
  void longerTime_isWritten_andAShorterOneIsNot() {
    Expectation call = joins(LEASE, 0);
    write(call, 0);
    Expectation registration = joins(until(3600), SECOND);
    assertTrue(write(registration, SECOND));
    assertSame(registration, holders.waitingFor(call.pinhole()));
    assertFalse(write(joins(until(600), SECOND), SECOND));
    assertFalse(write(joins(LEASE, SECOND), SECOND));
    // it is said again, and so its end moves
    registration.opened(SECOND + 100_000_000L);
    assertFalse(write(registration, 2 * SECOND));
    registration.opened(3 * SECOND);
    assertTrue(write(registration, 3 * SECOND));
    // the calls go on when it is over
    table.end(registration);
    Expectation next = holders.waitingFor(call.pinhole());
    assertNotNull(next);
    assertTrue(write(next, 3 * SECOND));
    assertEquals(
        600_000 - 2000, holders.pinholeToWrite(next, 3 * SECOND).timeoutMs(), "the other deadline");
  }

  /** Leases that several hold are renewed once, and in time before a deadline that stood longer. */
  @Test
  void dueLeases_areOneForEachPinhole() {
    Expectation first = joins(LEASE, 0);
    write(first, 0);
    for (int at = 0; at < 50; at++) {
      write(joins(LEASE, SECOND), SECOND);
    }
    assertEquals(List.of(), holders.due(59 * SECOND));
    assertEquals(List.of(first), holders.due(60 * SECOND));
    Expectation registration = joins(until(100), 5 * SECOND);
    write(registration, 5 * SECOND);
    assertEquals(List.of(), holders.due(104 * SECOND));
    List<Expectation> due = holders.due(105 * SECOND);
    assertEquals(1, due.size());
    Expectation renewed = due.get(0);
    assertTrue(renewed.stay().isLease());
    renewed.opened(70 * SECOND);
    assertTrue(holders.needsComment(renewed));
    Pinhole pinhole = holders.pinholeToWrite(renewed, 70 * SECOND);
    assertEquals(60_000, pinhole.timeoutMs());
    holders.wrote(renewed, pinhole, 70 * SECOND);
    assertEquals(List.of(), holders.due(129 * SECOND));
    assertFalse(holders.needsComment(renewed));
  }

  /** A worker that is about to open it would find it open, and open it a second time. */
  @Test
  void lease_isNotDueBeforeItWasFirstWritten() {
    Expectation first = joins(LEASE, 0);
    assertEquals(List.of(), holders.due(SECOND));
    Expectation second = joins(LEASE, 0);
    assertEquals(List.of(), holders.due(SECOND));
    assertTrue(write(first, 0));
    assertFalse(write(second, 0));
    assertEquals(List.of(), holders.due(SECOND));
    assertEquals(List.of(second), holders.due(60 * SECOND), "whose comment was written");
  }

  /** What another process has written may have anybody's comment. */
  @Test
  void leaseThatTheKernelHad_isDueAtOnce() {
    Expectation found = made(LEASE, false, 0);
    found.written();
    joins(found, 0);
    assertEquals(List.of(found), holders.due(0));
  }

  /** One connection has not more open than its entry says; what the kernel had is kept. */
  @Test
  void whatAParentAnnounced_isLimited_alsoBeyondFlows() {
    table.setEntryLimits(Map.of(7, EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_PARENT, 2)));
    Parent parent = parent();
    Expectation first = joins(made(parent, LEASE, false, 0), 0);
    joins(made(parent, LEASE, false, 0), 0);
    assertEquals(Limit.HELPER_EXPECTATIONS_PER_PARENT, table.add(made(parent, LEASE, false, 0)));
    joins(made(parent(), LEASE, false, 0), 0);
    table.end(first);
    joins(made(parent, LEASE, false, 0), 0);
    Expectation found = made(parent, LEASE, false, 0);
    assertEquals(Limit.HELPER_EXPECTATIONS_PER_PARENT, table.add(found));
    found.written();
    assertNull(table.add(found));
  }

  /** If one of them wants the children read they are read. */
  @Test
  void bitOfChildrenThatAreRead_stands_asLongAsOneWantsIt() {
    Expectation media = joins(LEASE, 0);
    write(media, 0);
    Expectation signalling = joins(made(LEASE, true, 0), 0);
    assertTrue(write(signalling, 0));
    assertEquals(
        0x48000019, holders.pinholeToWrite(media, 0).mark(), "whose comment does not matter");
    assertFalse(write(media, 0));
    table.end(signalling);
    assertTrue(write(media, 0));
    assertEquals(0x40000019, holders.pinholeToWrite(media, 0).mark());
  }

  /** Each of them sees the children that came while it held the pinhole. */
  @Test
  void children_areOfThePinhole() {
    Expectation first = joins(LEASE, 0);
    FlowTuple tuple = new FlowTuple(17, PEER, 9000, OUTSIDE, 5060);
    ConntrackIdentity child = new ConntrackIdentity(77, tuple, tuple.inverse(), 0);
    assertSame(first, comes(child));
    Expectation second = joins(LEASE, SECOND);
    assertEquals(1, first.uses());
    assertEquals(0, second.uses());
    assertEquals(List.of(child), second.knownChildren());
    table.end(first);
    assertEquals(List.of(child), second.knownChildren());
    table.matcher().ended(child, 2 * SECOND);
    assertEquals(0, second.livingChildren());
  }

  /** The kernel tells of a child after its pinhole was shut, and shut with a cut. */
  @Test
  void lateChild_isThatOfThePinholeThatWasShut() {
    Expectation call = joins(LEASE, 0);
    table.end(call);
    call.cut();
    FlowTuple tuple = new FlowTuple(17, PEER, 9000, OUTSIDE, 5060);
    Expectation told = comes(new ConntrackIdentity(77, tuple, tuple.inverse(), 0));
    assertSame(call, told);
    assertTrue(call.isCut());
    holders.forgetShut();
    holders.forgetShut();
    FlowTuple other = new FlowTuple(17, PEER, 9001, OUTSIDE, 5060);
    assertNull(comes(new ConntrackIdentity(78, other, other.inverse(), 0)));
  }

  private @Nullable Expectation comes(ConntrackIdentity child) {
    FlowTuple first = child.original();
    return table
        .matcher()
        .match(
            first.protocol(),
            first.source(),
            first.destination(),
            first.destinationPort(),
            child,
            pinhole -> true);
  }

  /** What a call costs that comes and goes does not grow with those that hold the same. */
  @Test
  void joiningAndLeaving_costTheSame_withTenHoldersAndWithTwentyThousand() {
    long withTen = costOfACall(10);
    long withMany = costOfACall(20_000);
    // of a sorted map only the way down is longer, and that leaves no garbage
    assertTrue(withMany < withTen + 512, withTen + " bytes with ten, " + withMany + " with many");
  }

  private long costOfACall(int others) {
    while (holders.pending().size() < others) {
      write(joins(LEASE, 0), 0);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 200; round++) {
      Expectation made = made(LEASE, false, 0);
      long before = threads.getThreadAllocatedBytes(self);
      joins(made, 0);
      assertFalse(write(made, 0));
      table.end(made);
      assertTrue(holders.isWaitedFor(made.pinhole()));
      least = Math.min(least, threads.getThreadAllocatedBytes(self) - before);
    }
    return least;
  }
}
