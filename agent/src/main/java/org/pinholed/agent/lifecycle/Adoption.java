package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.KeptOwner;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenFlows;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LeftFlow;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goes on with what an agent before this one left in the kernel: parents that carry the vetted bit,
 * children that are read and of which it is known what announced them, and pinholes whose parent
 * lives. Pinholes without a parent are orphans and are shut.
 *
 * <p>Runs once, at the start, when conntrack events are subscribed already and no worker reads yet:
 * a parent that ends meanwhile is told by its event.
 */
public final class Adoption {
  private static final Logger LOG = LoggerFactory.getLogger(Adoption.class);

  private final ConntrackClient conntrack;
  private final PinholeBackend.Session pinholes;
  private final ExpectationTable table;
  private final Workers workers;
  private final HelperTable helpers;
  private final MarkBits marks;
  private final AgentEvents events;
  private final Map<ConntrackIdentity, FlowState> states = new HashMap<>();
  private final Map<Long, HalfOpenFlows.Beginning> beginnings = new HashMap<>();
  private final List<Pinhole> announcedBeyondFlows;
  private final List<ReadChild> handedChildren;
  private final List<KeptOwner> keptOwners;
  private final HalfOpenState halfOpen;
  private final Clock clock;
  private final LeftChildren children = new LeftChildren();

  private final Map<ConntrackIdentity, Flow> parents = new HashMap<>();
  private final Map<FoundPinhole.Name, List<ConntrackEntry>> namesakes = new HashMap<>();
  private final WaitingChildren waiting;
  private final SharedFound shared;
  private final List<Pinhole> orphans = new ArrayList<>();

  /** Who reads the parents. */
  public interface Workers {
    /**
     * Goes on with a vetted conntrack where the process before this one stood, if that said so.
     *
     * @param left what is known of it
     * @return null if it is not to be read, or not yet
     */
    public @Nullable Flow takeOver(LeftFlow left);
  }

  /**
   * What was found.
   *
   * @param parents parents that live, with the children that are read
   * @param pinholes pinholes that were taken over
   * @param orphans pinholes that were shut
   */
  public record Result(int parents, int pinholes, int orphans) {}

  /**
   * Makes it; nothing is read yet.
   *
   * @param conntrack read only, but for the marks of what is not taken over
   * @param pinholes the orphans of which are shut
   * @param table gets the expectations whose parent lives
   * @param workers get the parents
   * @param helpers those in force
   * @param marks the bits of the conntrack mark
   * @param events log and counters
   * @param left what another process told of its flows
   * @param clock what time it is
   */
  public Adoption(
      ConntrackClient conntrack,
      PinholeBackend.Session pinholes,
      ExpectationTable table,
      Workers workers,
      HelperTable helpers,
      MarkBits marks,
      AgentEvents events,
      HandOver left,
      Clock clock) {
    this.clock = clock;
    this.conntrack = conntrack;
    this.pinholes = pinholes;
    this.table = table;
    this.workers = workers;
    this.helpers = helpers;
    this.marks = marks;
    this.events = events;
    left.flows().forEach(state -> states.put(state.identity(), state));
    announcedBeyondFlows = left.beyond().announced();
    handedChildren = left.beyond().children();
    keptOwners = left.beyond().owners();
    waiting = new WaitingChildren(helpers.leased());
    shared = new SharedFound(marks);
    halfOpen = left.halfOpen();
    halfOpen.flows().forEach(held -> beginnings.put(held.key(), held.beginning()));
  }

  /**
   * Takes over what lives, and shuts the rest.
   *
   * @return what was found
   * @throws IOException if the kernel cannot be read
   */
  public Result run() throws IOException {
    List<FoundPinhole> found = new ArrayList<>();
    for (OwnedPinhole owned : pinholes.listOwned()) {
      FoundPinhole each = FoundPinhole.of(owned);
      if (each == null) {
        orphans.add(owned.pinhole());
      } else {
        found.add(each);
      }
    }
    children.read(conntrack, marks);
    findParents(found);
    // The youngest first: of two with one key the older one was replaced.
    found.sort(
        Comparator.comparingLong((FoundPinhole each) -> each.comment().createdSeconds())
            .reversed());
    long nowNs = clock.nanoTime();
    for (FoundPinhole each : found) {
      ConntrackEntry parent = parentOf(each);
      WaitingChildren.Child child = parent == null ? null : waiting.find(parent.identity());
      if (child != null && each.comment().owner() == null) {
        child.announced().add(each); // until it is known whether that child is read
      } else {
        adoptOrShut(parent == null ? null : parents.get(parent.identity()), each, nowNs);
      }
    }
    int unknown = takeOverChildren(nowNs);
    announceBeyondFlows();
    int adopted = table.pending().size();
    for (FoundPinhole also : shared.alsoHeld()) {
      adopt(null, also, nowNs);
    }
    setEndsOfOwners(clock.nanoTime());
    for (Flow parent : parents.values()) {
      // A child that is read must not keep itself.
      if (parent.facts().transport() == Transport.TCP
          && (parent.entry().mark() & marks.child()) == 0) {
        children.mayBelongTo(parent.entry(), parent.parent());
      }
    }
    children.makeKnown(table);
    pinholes.apply(orphans, List.of());
    Result result = new Result(parents.size(), adopted, orphans.size());
    if (!parents.isEmpty() || !orphans.isEmpty() || unknown > 0) {
      String detail =
          parents.size()
              + " parents and "
              + adopted
              + " pinholes of an earlier agent taken over, "
              + orphans.size()
              + " orphans removed"
              + (unknown == 0
                  ? ""
                  : ", " + unknown + " children not read: nobody knows what announced them");
      LOG.info("{}", detail);
      events.agent(AgentEvent.Kind.ADOPTED, "start", detail);
    }
    return result;
  }

  private void adoptOrShut(@Nullable Flow parent, FoundPinhole found, long nowNs) {
    if (adopt(parent, found, nowNs)) {
      shared.add(found);
    } else {
      orphans.add(found.pinhole());
    }
  }

  /** Those that can be read, and of the others those that still have a pinhole or a child. */
  private void findParents(List<FoundPinhole> found) throws IOException {
    Set<FoundPinhole.Name> named = new HashSet<>();
    found.forEach(each -> named.add(each.parentName()));
    Map<ConntrackIdentity, LeftFlow> all = new LinkedHashMap<>(); // some dumps tell one twice
    conntrack.dump(
        new DumpFilter(0, marks.vetted(), marks.vetted()),
        (entry, adjustments) ->
            all.put(
                entry.identity(),
                new LeftFlow(
                    entry,
                    adjustments,
                    states.get(entry.identity()),
                    beginnings.get(halfOpen.keyOf(entry)),
                    (entry.mark() & marks.child()) == 0 && children.leadBetweenHostsOf(entry))));
    for (ReadChild child : handedChildren) {
      // One that is not vetted was not answered yet.
      if (all.containsKey(child.child()) || conntrack.get(child.child()).isPresent()) {
        table.living().handedOver(child);
      }
    }
    for (LeftFlow each : all.values()) {
      ConntrackEntry entry = each.entry();
      boolean isChild = (entry.mark() & marks.child()) != 0;
      if (entry.zone() != 0 // by its tuples it would be taken for another one
          || (isChild && !marks.isRead(entry.mark()))
          || ((entry.mark() & marks.opaque()) != 0
              && !each.childLives()
              && !named.contains(FoundPinhole.Name.of(entry)))) {
        continue;
      }
      if (isChild) {
        waiting.add(each);
        note(entry);
      } else {
        takeOver(each);
      }
    }
  }

  private void note(ConntrackEntry entry) {
    namesakes.computeIfAbsent(FoundPinhole.Name.of(entry), none -> new ArrayList<>(1)).add(entry);
  }

  private @Nullable Flow takeOver(LeftFlow left) {
    Flow flow = workers.takeOver(left);
    if (flow == null) {
      return null;
    }
    parents.put(left.entry().identity(), flow);
    if ((left.entry().mark() & marks.child()) == 0) {
      note(left.entry());
    }
    FlowState state = left.state();
    if (state != null) {
      announce(flow, state);
    }
    return flow;
  }

  /** The parent that a comment names; null if it does not live, or cannot be told from another. */
  private @Nullable ConntrackEntry parentOf(FoundPinhole found) {
    List<ConntrackEntry> same = namesakes.getOrDefault(found.parentName(), List.of());
    if (same.size() > 1) {
      same = same.stream().filter(found::leadsBetweenEndsOf).toList();
    }
    return same.size() == 1 ? same.get(0) : null;
  }

  /**
   * Takes over the children that are read, each once it is known what announced it: an agent before
   * this one said so, or it came by a pinhole that still stands, perhaps one of another child.
   *
   * @return of how many nobody knows it; they are untrusted
   */
  private int takeOverChildren(long nowNs) {
    Predicate<ConntrackEntry> known = entry -> table.matcher().announcing(entry.identity()) != null;
    Deque<WaitingChildren.Child> ready = new ArrayDeque<>(waiting.takeKnown(known));
    while (!ready.isEmpty()) {
      WaitingChildren.Child child = ready.remove();
      Flow flow = takeOver(child.left());
      for (FoundPinhole announced : child.announced()) {
        adoptOrShut(flow, announced, nowNs);
        ready.addAll(waiting.takeLetInBy(announced.pinhole(), known));
      }
    }
    List<WaitingChildren.Child> unknown = waiting.takeAll();
    for (WaitingChildren.Child child : unknown) {
      takeOver(child.left());
      child.announced().forEach(announced -> orphans.add(announced.pinhole()));
    }
    return unknown.size();
  }

  private void announceBeyondFlows() {
    for (Pinhole announced : announcedBeyondFlows) {
      FoundPinhole found = FoundPinhole.of(announced);
      HelperEntry entry = found == null ? null : helpers.entryOf(found.comment().helper());
      if (found != null && entry != null && found.comment().owner() != null) {
        add(expectation(null, entry, found));
      }
    }
  }

  /**
   * What a helper said of an owner before it was handed over counts; of one that was killed the
   * comments say whether it may be one that never came to be, such as a call that only rang.
   */
  private void setEndsOfOwners(long nowNs) {
    table.owners().all().forEach(owner -> owner.foundAt(nowNs));
    for (KeptOwner kept : keptOwners) {
      Owner owner = table.owners().find(kept.helper(), kept.id());
      if (owner != null) {
        owner.keepUntil(nowNs + kept.leftMs() * 1_000_000, kept.cut());
      }
    }
  }

  private void announce(Flow flow, FlowState state) {
    for (Pinhole announced : state.announced()) {
      FoundPinhole found = FoundPinhole.of(announced);
      if (found != null
          && flow.owner().find(found.comment().group(), found.comment().item()) == null) {
        add(expectation(flow, flow.helperEntry(), found));
      }
    }
  }

  private boolean adopt(@Nullable Flow flow, FoundPinhole asItStands, long nowNs) {
    FoundPinhole found = asItStands.whole();
    PinholeComment comment = found.comment();
    Pinhole pinhole = found.pinhole();
    // What outlives its parent goes on with the helper of the same name.
    HelperEntry entry =
        comment.owner() == null && flow != null
            ? flow.helperEntry()
            : helpers.entryOf(comment.helper());
    if ((flow == null && comment.owner() == null)
        || entry == null
        || !comment.helper().equals(entry.name())
        || (pinhole.mark() & marks.child()) == 0) {
      return false;
    }
    Expectation expectation = expectation(flow, entry, found);
    expectation.written();
    if (expectation.owner().find(comment.group(), comment.item()) != null || !add(expectation)) {
      return false;
    }
    long goneNs = 1_000_000 * (pinhole.timeoutMs() - found.expiresInMs());
    if (table.activate(expectation, nowNs - goneNs) != null) {
      table.end(expectation); // another one has it already
      return false;
    }
    expectation.wasPerhapsUsed(nowNs);
    return true;
  }

  /**
   * Takes its port of a translated address first, so that this leads to nobody else from now on.
   */
  private boolean add(Expectation expectation) {
    ChildTranslation translation = expectation.pinhole().translation();
    boolean translated = translation != null && translation.inside() != null;
    return (!translated || table.reserve(expectation)) && table.add(expectation) == null;
  }

  private Expectation expectation(@Nullable Flow flow, HelperEntry entry, FoundPinhole found) {
    PinholeComment comment = found.comment();
    long ageNs = 1000 * (clock.epochMicros() - 1_000_000 * comment.createdSeconds());
    OwnerId id = comment.owner();
    Owner owner =
        id == null && flow != null
            ? flow.owner()
            : table.owners().obtain(comment.helper(), Objects.requireNonNull(id));
    return new Expectation(
        table.nextId(),
        flow == null ? found.goneParent(entry, marks) : flow.parent(),
        owner,
        found.request(flow, marks),
        found.pinhole().withParent(flow == null ? null : flow.expectingTuple()),
        found.stay(),
        clock.nanoTime() - Math.max(0, ageNs));
  }
}
