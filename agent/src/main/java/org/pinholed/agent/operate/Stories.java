package org.pinholed.agent.operate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventRing;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;

/**
 * Finds what an operator asks about, among what lives and what is remembered, and has its story
 * told: why a port was open, or why it was not. Thread-safe; changes nothing, and nothing is made
 * for it before somebody asks.
 */
public final class Stories {
  private final ExpectationTable table;
  private final ExpectationHistory history;
  private final EventRing events;
  private final Sessions sessions;
  private final PinholeBackend backend;
  private final MarkBits marks;
  private final Clock clock;

  /** Tells the parents. */
  public interface Sessions {
    /**
     * Lists them.
     *
     * @param filter which ones
     * @return rows in any order
     * @throws ControlException if the workers do not answer in time
     */
    List<SessionRow> list(ListingFilter filter) throws ControlException;
  }

  /**
   * Tells of one agent.
   *
   * @param table what lives
   * @param history what is over
   * @param events what is remembered
   * @param sessions the parents
   * @param backend asked whether a pinhole stands
   * @param marks which bit children have
   * @param clock what time it is
   */
  public Stories(
      ExpectationTable table,
      ExpectationHistory history,
      EventRing events,
      Sessions sessions,
      PinholeBackend backend,
      MarkBits marks,
      Clock clock) {
    this.table = table;
    this.history = history;
    this.events = events;
    this.sessions = sessions;
    this.backend = backend;
    this.marks = marks;
    this.clock = clock;
  }

  /**
   * Explains.
   *
   * @param filter what
   * @return stories, the oldest first; empty if nothing is known
   * @throws ControlException if the workers do not answer in time
   */
  public List<StoryRow> explain(StoryFilter filter) throws ControlException {
    List<AgentEvent> remembered = events.all();
    List<SessionRow> parents = sessions.list(ListingFilter.ALL);
    List<Subject> subjects = subjects(filter, remembered);
    List<FlowStory.Flow> flows = FlowStory.flows(parents, remembered, clock.epochMicros());
    flows.removeIf(flow -> !flow.matches(filter));
    Set<String> told = new HashSet<>();
    subjects.forEach(subject -> told.add(subject.parent().serial()));
    if (filter.isLast()) {
      // a connection that is read and says nothing is not news
      flows.removeIf(flow -> !flow.isUnread());
    } else {
      flows.removeIf(flow -> !flow.isUnread() && told.contains(flow.serial()));
    }
    List<Dated> dated = new ArrayList<>();
    try (StoryTeller teller = new StoryTeller(remembered, parents, backend, marks.child(), clock)) {
      subjects.forEach(
          subject ->
              dated.add(
                  new Dated(subject.announcedMicros(), subject.id(), () -> teller.tell(subject))));
      flows.forEach(flow -> dated.add(new Dated(flow.lastMicros(), 0, () -> FlowStory.tell(flow))));
      dated.sort(Comparator.comparingLong(Dated::micros).thenComparingLong(Dated::id));
      return dated.subList(Math.max(0, dated.size() - filter.most()), dated.size()).stream()
          .map(story -> story.teller().tell())
          .toList();
    }
  }

  private record Dated(long micros, long id, Teller teller) {}

  private interface Teller {
    StoryRow tell();
  }

  private List<Subject> subjects(StoryFilter filter, List<AgentEvent> remembered) {
    Set<Long> ofChild = new HashSet<>();
    String serial = filter.serial();
    if (serial != null) {
      for (AgentEvent event : remembered) {
        if (serial.equals(event.childSerial())) {
          ofChild.add(event.expectationId());
        }
      }
    }
    List<Subject> subjects = new ArrayList<>();
    Set<Long> living = new HashSet<>();
    long nowNs = clock.nanoTime();
    long nowMicros = clock.epochMicros();
    for (Expectation expectation : table.all()) {
      if (expectation.state() != Expectation.State.GONE && living.add(expectation.id())) {
        add(
            subjects,
            Subject.of(expectation, expectation.ageNs(nowNs), nowMicros),
            filter,
            ofChild);
      }
    }
    for (List<PastExpectation> past : List.of(history.ended(), history.refused())) {
      for (PastExpectation one : past) {
        if (one.id() == 0 || !living.contains(one.id())) {
          add(subjects, Subject.of(one), filter, ofChild);
        }
      }
    }
    return subjects;
  }

  private static void add(
      List<Subject> subjects, Subject subject, StoryFilter filter, Set<Long> ofChild) {
    @Nullable String serial = filter.serial();
    @Nullable Long id = filter.expectationId();
    boolean isMeant =
        (serial == null
                || serial.equals(subject.parent().serial())
                || serial.equals(subject.childSerial())
                || ofChild.contains(subject.id()))
            && (id == null || id == subject.id())
            && subject.matches(filter);
    if (isMeant) {
      subjects.add(subject);
    }
  }
}
