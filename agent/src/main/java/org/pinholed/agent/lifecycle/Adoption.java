package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.Parent;
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
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goes on with what an agent before this one left in the kernel: parents that carry the vetted bit,
 * and pinholes whose parent lives. Pinholes without a parent are orphans and are shut.
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
  private final HalfOpenState halfOpen;
  private final Clock clock;
  private final LeftChildren children = new LeftChildren();

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

  /** What announced a pinhole is not written down. */
  private enum Word implements HelperWord {
    ADOPTED;

    @Override
    public String word() {
      return "adopted";
    }
  }

  /**
   * What a comment calls a parent: another one may have the same name, but hardly between the same
   * addresses.
   */
  private record Name(String serial, int clientPort) {
    static Name of(PinholeComment comment) {
      return new Name(comment.parentSerial(), comment.clientPort());
    }

    static Name of(ConntrackEntry entry) {
      return new Name(entry.identity().serial(), entry.original().sourcePort());
    }
  }

  /** A pinhole and what its comment says. */
  private record Found(OwnedPinhole owned, PinholeComment comment) {}

  /**
   * What was found.
   *
   * @param parents parents that live
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
    List<Pinhole> orphans = new ArrayList<>();
    List<Found> found = new ArrayList<>();
    for (OwnedPinhole owned : pinholes.listOwned()) {
      PinholeComment comment = PinholeComment.parse(owned.pinhole().comment());
      if (comment == null) {
        orphans.add(owned.pinhole());
      } else {
        found.add(new Found(owned, comment));
      }
    }
    children.read(conntrack, marks);
    List<Flow> parents = livingParents(found);
    for (Flow parent : parents) {
      if (parent.facts().transport() == Transport.TCP) {
        children.mayBelongTo(parent.entry(), parent.parent());
      }
    }
    Map<Name, List<Flow>> byName =
        parents.stream().collect(Collectors.groupingBy(flow -> Name.of(flow.entry())));
    // The youngest first: of two with one key the older one was replaced.
    found.sort(
        Comparator.comparingLong((Found each) -> each.comment().createdSeconds()).reversed());
    long nowNs = clock.nanoTime();
    for (Found each : found) {
      Flow flow = parentOf(each, byName);
      if (!adopt(flow, each, nowNs)) {
        orphans.add(each.owned().pinhole());
      }
    }
    announceBeyondFlows();
    children.makeKnown(table);
    pinholes.apply(orphans, List.of());
    int adopted = table.pending().size();
    Result result = new Result(parents.size(), adopted, orphans.size());
    if (!parents.isEmpty() || !orphans.isEmpty()) {
      String detail =
          parents.size()
              + " parents and "
              + adopted
              + " pinholes of an earlier agent taken over, "
              + orphans.size()
              + " orphans removed";
      LOG.info("{}", detail);
      events.agent(AgentEvent.Kind.ADOPTED, "start", detail);
    }
    return result;
  }

  /** Those that can be read, and of the others those that still have a pinhole. */
  private List<Flow> livingParents(List<Found> found) throws IOException {
    Set<Name> named = new HashSet<>();
    found.forEach(each -> named.add(Name.of(each.comment())));
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
                    beginnings.get(halfOpen.keyOf(entry)))));
    List<Flow> parents = new ArrayList<>();
    for (LeftFlow each : all.values()) {
      ConntrackEntry entry = each.entry();
      if (entry.zone() != 0 // by its tuples it would be taken for another one
          // a child that is read is known again at its next packet, by what announced it
          || (entry.mark() & marks.child()) != 0
          || ((entry.mark() & marks.opaque()) != 0 && !named.contains(Name.of(entry)))) {
        continue;
      }
      Flow flow = workers.takeOver(each);
      if (flow != null) {
        parents.add(flow);
        FlowState state = each.state();
        if (state != null) {
          announce(flow, state);
        }
      }
    }
    return parents;
  }

  /** The parent that a comment names; null if it does not live, or cannot be told from another. */
  private static @Nullable Flow parentOf(Found found, Map<Name, List<Flow>> byName) {
    List<Flow> namesakes = byName.getOrDefault(Name.of(found.comment()), List.of());
    if (namesakes.size() > 1) {
      Pinhole pinhole = found.owned().pinhole();
      namesakes = namesakes.stream().filter(flow -> leadsBetweenEndsOf(flow, pinhole)).toList();
    }
    return namesakes.size() == 1 ? namesakes.get(0) : null;
  }

  private static boolean leadsBetweenEndsOf(Flow flow, Pinhole pinhole) {
    FlowTuple original = flow.entry().original();
    FlowTuple reply = flow.entry().reply();
    Set<@Nullable InetAddress> ends = new HashSet<>();
    ends.add(original.source());
    ends.add(original.destination());
    ends.add(reply.source());
    ends.add(reply.destination());
    ends.add(null); // a pinhole from any source
    return ends.contains(pinhole.source()) && ends.contains(pinhole.destination());
  }

  private void announceBeyondFlows() {
    for (Pinhole pinhole : announcedBeyondFlows) {
      PinholeComment comment = PinholeComment.parse(pinhole.comment());
      HelperEntry entry = comment == null ? null : helpers.entryOf(comment.helper());
      if (comment == null || entry == null || comment.owner() == null) {
        continue;
      }
      Expectation expectation = expectation(null, entry, pinhole, comment);
      table.add(expectation);
    }
  }

  private void announce(Flow flow, FlowState state) {
    for (Pinhole pinhole : state.announced()) {
      PinholeComment comment = PinholeComment.parse(pinhole.comment());
      if (comment != null && flow.owner().find(comment.group(), comment.item()) == null) {
        Expectation expectation = expectation(flow, flow.helperEntry(), pinhole, comment);
        table.add(expectation);
      }
    }
  }

  private boolean adopt(@Nullable Flow flow, Found found, long nowNs) {
    PinholeComment comment = found.comment();
    Pinhole pinhole = whole(found);
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
    Expectation expectation = expectation(flow, entry, pinhole, comment);
    if (expectation.owner().find(comment.group(), comment.item()) != null
        || table.add(expectation) != null) {
      return false;
    }
    long goneNs = 1_000_000 * (pinhole.timeoutMs() - found.owned().expiresInMs());
    expectation.written();
    if (table.activate(expectation, nowNs - goneNs) != null) {
      table.end(expectation); // another one has it already
      return false;
    }
    expectation.wasPerhapsUsed(nowNs);
    return true;
  }

  private Expectation expectation(
      @Nullable Flow flow, HelperEntry entry, Pinhole pinhole, PinholeComment comment) {
    long ageNs = 1000 * (clock.epochMicros() - 1_000_000 * comment.createdSeconds());
    OwnerId id = comment.owner();
    Owner owner =
        id == null && flow != null
            ? flow.owner()
            : table.owners().obtain(comment.helper(), Objects.requireNonNull(id));
    return new Expectation(
        table.nextId(),
        flow == null ? gone(entry, pinhole, comment) : flow.parent(),
        owner,
        request(flow, pinhole, comment),
        pinhole,
        stay(pinhole, comment.stay()),
        clock.nanoTime() - Math.max(0, ageNs));
  }

  /** Of a time that the kernel has the comment does not say how long it is. */
  private static Stay stay(Pinhole pinhole, Stay ofComment) {
    return ofComment.isLease()
        ? ofComment
        : new Stay(ofComment.kind(), pinhole.timeoutMs(), 0, 0, 0);
  }

  /** A parent that is not known any more; of its ends, those of its child are left. */
  private Parent gone(HelperEntry entry, Pinhole pinhole, PinholeComment comment) {
    InetAddress source = pinhole.source();
    InetAddress client = source == null ? pinhole.destination() : source;
    return Parent.gone(
        comment.parentSerial(),
        entry.name(),
        entry.id(),
        pinhole.mark() & ~marks.stateMask(),
        comment.policyId(),
        new Endpoint(client, comment.clientPort()),
        new Endpoint(pinhole.destination(), entry.port()));
  }

  /** A lease that was made again by a repair has only what was left of it then. */
  private static Pinhole whole(Found found) {
    Pinhole pinhole = found.owned().pinhole();
    long timeoutMs = pinhole.timeoutMs();
    if (found.comment().stay().isLease()) {
      timeoutMs = Math.max(timeoutMs, Stay.LEASE.toMillis());
    }
    return pinhole.withTimeoutMs(timeoutMs);
  }

  /** What stood in the message, before it was rewritten. */
  private static Endpoint announced(Pinhole pinhole) {
    ChildTranslation translation = pinhole.translation();
    Endpoint inside = translation == null ? null : translation.inside();
    return inside == null ? new Endpoint(pinhole.destination(), pinhole.port()) : inside;
  }

  private static ExpectationRequest request(
      @Nullable Flow flow, Pinhole pinhole, PinholeComment comment) {
    Endpoint announced = announced(pinhole);
    Direction announcedIn =
        flow != null
                && announced.address().equals(flow.facts().sender(Direction.ORIGINAL).address())
            ? Direction.ORIGINAL
            : Direction.REPLY;
    ExpectationRequest.Builder request =
        ExpectationRequest.builder(comment.group(), announcedIn, announced, Word.ADOPTED)
            .item(comment.item())
            .transport(pinhole.transport());
    OwnerId owner = comment.owner();
    if (owner != null) {
      request.owner(owner);
    }
    InetAddress source = pinhole.source();
    if (source == null) {
      request.fromAny();
    } else if (flow != null
        && !source.equals(flow.facts().sender(announcedIn.opposite()).address())) {
      request.from(source);
    }
    if (pinhole.kind() == Pinhole.Kind.LEASE) {
      request.portsUpTo(pinhole.lastPort(), pinhole.connections());
    }
    return pinhole.kind() == Pinhole.Kind.ONCE ? request.build() : request.many().build();
  }
}
