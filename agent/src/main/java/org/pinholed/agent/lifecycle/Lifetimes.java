package org.pinholed.agent.lifecycle;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.LivingChildren;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;

/**
 * Ends expectations and owners whose time is over: what the kernel's timeout has ended, what has
 * had its own time, and what was never answered. Owned by the lifecycle thread.
 */
final class Lifetimes {
  /** The child of an expectation that is used at the last moment is reported a little later. */
  private static final long EVENT_GRACE_MS = 250;

  /** How long before its end a pinhole is looked at: at least two ticks. */
  private static final long LOOK_MS = 750;

  /** The kernel's clock may be this much ahead of ours. */
  private static final long LOOK_AT_LEAST_MS = 50;

  /** More of them are not looked at: who floods with announcements gets no more of our time. */
  private static final int LOOKS_A_TICK = 64;

  /** Why one ended that a packet had taken. */
  private static final String TAKEN =
      "a packet came and took the pinhole, and no connection was made of it: a rule behind the mark"
          + " dropped it";

  /** More of them wait for the next tick, so that events do not wait for long. */
  private static final int OWNERS_ENDED_A_TICK = 512;

  private final ExpectationTable table;
  private final PinholeBackend.Session pinholes;
  private final AgentEvents events;
  private final LivingChildren children;
  private final Clock clock;
  private final BiConsumer<String, @Nullable String> failed;

  Lifetimes(
      ExpectationTable table,
      PinholeBackend.Session pinholes,
      AgentEvents events,
      LivingChildren children,
      Clock clock,
      BiConsumer<String, @Nullable String> failed) {
    this.table = table;
    this.pinholes = pinholes;
    this.events = events;
    this.children = children;
    this.clock = clock;
    this.failed = failed;
  }

  /**
   * Ends all whose time is over.
   *
   * @param nowNs the time of the tick
   * @return the leases that are to be renewed, which it has seen on the way
   */
  List<Expectation> endOverdue(long nowNs) {
    List<Expectation> due = new ArrayList<>();
    List<Expectation> over = new ArrayList<>();
    List<Expectation> aboutToEnd = new ArrayList<>();
    table.forEachPending(
        expectation -> {
          if (expectation.isOverdue(nowNs - EVENT_GRACE_MS * 1_000_000)) {
            over.add(expectation);
          } else if (expectation.stay().isLease()) {
            boolean isOne = expectation.pinhole().kind() == Pinhole.Kind.ONCE;
            if (isOne && Leases.isDue(expectation, nowNs)) {
              due.add(expectation);
            }
          } else if (expectation.expiresInMs(nowNs) <= -EVENT_GRACE_MS) {
            if (table.end(expectation) == Expectation.State.PENDING) {
              events.expectation(
                  AgentEvent.Kind.EXPIRED, expectation, expectation.wasTaken() ? TAKEN : "");
            }
          } else if (expectation.expiresInMs(nowNs) <= LOOK_MS) {
            aboutToEnd.add(expectation);
          }
        });
    lookAt(aboutToEnd, nowNs);
    List<Expectation> toCut = new ArrayList<>();
    for (Owner owner : table.owners().due(nowNs, OWNERS_ENDED_A_TICK)) {
      List<Expectation> all = table.owners().end(owner);
      over.addAll(all);
      if (owner.isCutWhenDue()) {
        toCut.addAll(all);
        toCut.addAll(owner.left());
      }
    }
    expire(over);
    children.cut(toCut, table, nowNs);
    endUnanswered(nowNs);
    table.purgeMatched(nowNs);
    due.addAll(table.holders().due(Leases.dueBeforeNs(nowNs)));
    return due;
  }

  /**
   * Finds those whose pinhole is gone from the kernel before its time is over. A packet has taken
   * it, and as nobody told of a child a rule behind the mark has dropped that packet. Looked at in
   * the last moment, so that most pinholes are never asked for.
   */
  private void lookAt(List<Expectation> aboutToEnd, long nowNs) {
    int looks = 0;
    for (Expectation expectation : aboutToEnd) {
      boolean isMeant =
          expectation.pinhole().kind() == Pinhole.Kind.ONCE
              && expectation.wasWritten()
              && !expectation.pinhole().isObserved()
              && !expectation.wasTaken()
              && expectation.expiresInMs(nowNs) > LOOK_AT_LEAST_MS;
      if (isMeant && looks++ < LOOKS_A_TICK) {
        try {
          boolean isThere = pinholes.stands(expectation.pinhole());
          // Asked before the time was read: a kernel that is a little ahead has not ended it yet.
          if (!isThere && expectation.expiresInMs(clock.nanoTime()) > LOOK_AT_LEAST_MS) {
            expectation.taken();
          }
        } catch (BackendException e) {
          failed.accept("get", e.getMessage());
          return;
        }
      }
    }
  }

  /** Ends what has had its time: shut first, so that what is not listed any more lets nobody in. */
  private void expire(List<Expectation> over) {
    List<Pinhole> alone =
        table
            .holders()
            .heldOnlyBy(
                over.stream()
                    .filter(expectation -> expectation.state() == Expectation.State.PENDING)
                    .toList());
    if (!alone.isEmpty()) {
      try {
        pinholes.apply(alone, List.of());
      } catch (BackendException e) {
        failed.accept("close", e.getMessage()); // the kernel's timeout shuts them
      }
    }
    List<Expectation> ended = new ArrayList<>();
    for (Expectation expectation : over) {
      Expectation.State before = table.end(expectation);
      if (before == Expectation.State.PENDING) {
        ended.add(expectation);
        events.expectation(AgentEvent.Kind.EXPIRED, expectation, "");
      } else if (before == Expectation.State.ANNOUNCED) {
        events.endedUnopened(AgentEvent.Kind.EXPIRED, expectation);
      }
    }
    long nowNs = clock.nanoTime();
    List<Expectation> held = table.holders().stillHeld(ended, nowNs);
    if (!held.isEmpty()) {
      List<Pinhole> anew =
          held.stream().map(each -> table.holders().pinholeToWrite(each, nowNs)).toList();
      try {
        pinholes.apply(List.of(), anew); // others hold them, perhaps since a moment
        for (int at = 0; at < held.size(); at++) {
          table.holders().wrote(held.get(at), anew.get(at), nowNs);
        }
      } catch (BackendException e) {
        failed.accept("open", e.getMessage());
      }
    }
  }

  /**
   * Announcements that nobody answers must not fill the table: they have their time like others.
   */
  private void endUnanswered(long nowNs) {
    for (Expectation expectation : table.announced()) {
      if (expectation.expiresInMs(nowNs) <= 0 && table.endUnanswered(expectation)) {
        events.refused(expectation, AgentReason.NEVER_ANSWERED, "");
      }
    }
  }
}
