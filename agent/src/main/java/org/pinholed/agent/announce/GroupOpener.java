package org.pinholed.agent.announce;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;

/**
 * Turns a group of requests into expectations: what stands already stays, what has no place any
 * more ends, and the rest is made and opened. Owned by one worker.
 */
final class GroupOpener {
  /** A time that was nearly set anew a moment ago is not worth a transaction. */
  private static final long WORTH_RENEWING_MS = 1000;

  private final ExpectationTable table;
  private final PinholeTransaction pinholes;
  private final AgentEvents events;
  private final OutcomeTrace trace;
  private final MessageEdits edits;
  private final NewExpectations newExpectations;
  private final Refusals refusals;

  /** Takes reasons why something is not opened. */
  interface Refusals {
    /**
     * Tells one.
     *
     * @param request what is not opened
     * @param reason why
     */
    void refused(ExpectationRequest request, Reason reason);
  }

  /** The requests of one message, and who makes them. */
  private record Group(
      Flow flow, Direction reading, Owner owner, List<ExpectationRequest> requests, long nowNs) {
    /** The request behind one, if its port goes with that one's; else null. */
    @Nullable ExpectationRequest partnerOf(int at) {
      if (at + 1 >= requests.size()) {
        return null;
      }
      ExpectationRequest first = requests.get(at);
      ExpectationRequest second = requests.get(at + 1);
      boolean paired =
          first.item().equals(second.pairedWith())
              && second.destination().address().equals(first.destination().address())
              && second.destination().port() == first.destination().port() + 1;
      return paired ? second : null;
    }
  }

  GroupOpener(
      ExpectationTable table,
      PinholeTransaction pinholes,
      AgentEvents events,
      OutcomeTrace trace,
      MessageEdits edits,
      NewExpectations newExpectations,
      Refusals refusals) {
    this.table = table;
    this.pinholes = pinholes;
    this.events = events;
    this.trace = trace;
    this.edits = edits;
    this.newExpectations = newExpectations;
    this.refusals = refusals;
  }

  List<Optional<Endpoint>> open(
      Flow flow, Direction reading, Owner owner, List<ExpectationRequest> requests, long nowNs) {
    Group group = new Group(flow, reading, owner, requests, nowNs);
    endWithoutPlace(group);
    List<Optional<Endpoint>> seen = new ArrayList<>(requests.size());
    for (int at = 0; at < requests.size(); at++) {
      ExpectationRequest request = requests.get(at);
      ExpectationRequest partner = group.partnerOf(at);
      if (partner == null) {
        seen.add(one(group, request));
      } else {
        addPair(group, request, partner, seen);
        at++;
      }
    }
    return seen;
  }

  /** What the group had and has no more. */
  private void endWithoutPlace(Group group) {
    ExpectationRequest first = group.requests().get(0);
    List<Expectation> before = group.owner().ofGroup(first.group());
    if (before.isEmpty()) {
      return;
    }
    Set<String> items = new HashSet<>();
    for (ExpectationRequest request : group.requests()) {
      if (!request.group().equals(first.group()) || !items.add(request.item())) {
        throw new IllegalArgumentException(
            "item: " + request.item() + " (expected: one group, each item once)");
      }
    }
    for (Expectation old : before) {
      if (!items.contains(old.request().item())) {
        replace(old);
      }
    }
  }

  /** Forgets one whose place is needed. A child that came is not replaced. */
  private void replace(Expectation old) {
    table.owners().remove(old);
    old.noLongerAwaited();
    if (old.state() != Expectation.State.MATCHED) {
      pinholes.end(old, AgentEvent.Kind.REPLACED);
    }
  }

  private Optional<Endpoint> one(Group group, ExpectationRequest request) {
    Expectation standing = standing(group, request);
    if (standing != null) {
      return Optional.of(again(group, standing, request));
    }
    Placed placed = place(group, request);
    if (placed == null) {
      return Optional.empty();
    }
    Expectation made = null;
    if (request.use() == ExpectationRequest.Use.MANY) {
      // While the old one still has it, nobody else takes the port that it had.
      made = make(group, request, placed, portBefore(group, request, placed.path()));
    }
    int before = release(group, request, placed.path());
    if (made == null) {
      made = make(group, request, placed, before);
    }
    if (made == null) {
      boolean isRange = request.lastPort() > request.destination().port();
      refusals.refused(
          request, isRange ? AgentReason.RANGE_LEADS_ELSEWHERE : AgentReason.NO_FREE_PORT);
      return Optional.empty();
    }
    return Optional.ofNullable(add(group, made));
  }

  private @Nullable Expectation make(
      Group group, ExpectationRequest request, Placed placed, int before) {
    return newExpectations.make(
        group.flow(),
        group.owner(),
        request,
        placed.path(),
        placed.anyPort(),
        before,
        group.nowNs());
  }

  private NewExpectations.@Nullable Pair makePair(
      Group group,
      ExpectationRequest first,
      ExpectationRequest second,
      Placed placed,
      Placed partner,
      int before) {
    return newExpectations.makePair(
        group.flow(),
        group.owner(),
        first,
        second,
        placed.path(),
        partner.path(),
        placed.anyPort() && partner.anyPort(),
        before,
        group.nowNs());
  }

  private void addPair(
      Group group,
      ExpectationRequest first,
      ExpectationRequest second,
      List<Optional<Endpoint>> seen) {
    Expectation firstStanding = standing(group, first);
    Expectation secondStanding = standing(group, second);
    if (firstStanding != null && secondStanding != null) {
      seen.add(Optional.of(again(group, firstStanding, first)));
      seen.add(Optional.of(again(group, secondStanding, second)));
      return;
    }
    Placed placed = place(group, first);
    Placed partner = placed == null ? null : place(group, second);
    if (placed == null || partner == null) {
      refusals.refused(placed == null ? second : first, AgentReason.PARTNER_REFUSED);
      seen.add(Optional.empty());
      seen.add(Optional.empty());
      return;
    }
    NewExpectations.Pair made = null;
    if (first.use() == ExpectationRequest.Use.MANY && second.use() == first.use()) {
      int portBefore = portBefore(group, first, placed.path());
      made = makePair(group, first, second, placed, partner, portBefore);
    }
    int before = release(group, first, placed.path());
    release(group, second, partner.path());
    if (made == null) {
      made = makePair(group, first, second, placed, partner, before);
    }
    if (made == null) {
      refusals.refused(first, AgentReason.NO_FREE_PORT);
      refusals.refused(second, AgentReason.PARTNER_REFUSED);
      seen.add(Optional.empty());
      seen.add(Optional.empty());
      return;
    }
    Endpoint firstSeen = add(group, made.first());
    if (firstSeen == null) {
      table.giveBack(made.second());
      refusals.refused(second, AgentReason.PARTNER_REFUSED);
      seen.add(Optional.empty());
      seen.add(Optional.empty());
      return;
    }
    seen.add(Optional.of(firstSeen));
    seen.add(Optional.ofNullable(add(group, made.second())));
  }

  /** What was asked for before in the same way; null if it is to be made. */
  private @Nullable Expectation standing(Group group, ExpectationRequest request) {
    // On a stream nothing is said twice by accident: what lets in one announces another one.
    boolean another =
        request.use() == ExpectationRequest.Use.ONCE
            && group.flow().facts().transport() == Transport.TCP;
    Expectation known = another ? null : group.owner().find(request.group(), request.item());
    if (known == null || known.isOver()) {
      return null;
    }
    ChildPath path = ChildPath.of(group.flow().facts(), request);
    return newExpectations.isFor(group.flow(), known.pinhole(), request, path) ? known : null;
  }

  /** Its times count anew, and nothing else happens. */
  private Endpoint again(Group group, Expectation standing, ExpectationRequest request) {
    long nowNs = group.nowNs();
    Pinhole known = standing.pinhole();
    Stay stay = Stay.of(request.lifetime(), group.flow().helperEntry().timeout());
    Pinhole anew =
        known
            .withTimeoutMs(stay.kernelTimeoutMs())
            .withComment(newExpectations.comment(group.flow(), request, stay));
    if (request.active() && standing.state() == Expectation.State.ANNOUNCED) {
      standing.announcedAgain(request, anew, stay, nowNs);
      trace.opens(standing);
      pinholes.open(standing);
      return seenFrom(standing);
    }
    boolean open = standing.state() == Expectation.State.PENDING;
    boolean ownTime = !stay.isLease();
    boolean worthIt =
        anew.timeoutMs() != known.timeoutMs()
            || anew.timeoutMs() - standing.expiresInMs(nowNs) >= WORTH_RENEWING_MS;
    if (!ownTime || !open || worthIt) {
      standing.announcedAgain(request, anew, stay, nowNs);
    }
    if (open && ownTime && worthIt) {
      standing.opened(nowNs);
      pinholes.rewrite(standing);
    }
    return seenFrom(standing);
  }

  /** Where a child comes by, and whether by any port. */
  private record Placed(ChildPath path, boolean anyPort) {}

  /** Null if a request cannot be met, which is told. */
  private @Nullable Placed place(Group group, ExpectationRequest request) {
    ChildPath path = ChildPath.of(group.flow().facts(), request);
    ExpectationRequest.Text text = request.text();
    boolean isRange = request.lastPort() > request.destination().port(); // names no port to change
    boolean observed = group.flow().helperEntry().isObserved(); // its message stays as it is
    if (!path.isRewritten() || isRange || observed || text == ExpectationRequest.Text.STAYS) {
      return new Placed(path, false);
    }
    Reason unchangeable = edits.refusal(group.flow(), group.reading(), request.endpointOffset());
    if (unchangeable != null && text == ExpectationRequest.Text.TRANSLATED) {
      refusals.refused(request, unchangeable);
      return null;
    }
    return new Placed(path, unchangeable == null);
  }

  /**
   * Ends the one whose place is needed; answers with the port that it had, if the new one leads to
   * the same endpoint, else 0.
   */
  private int release(Group group, ExpectationRequest request, ChildPath path) {
    int port = portBefore(group, request, path);
    Expectation old = group.owner().find(request.group(), request.item());
    if (old != null) {
      replace(old);
    }
    return port;
  }

  private static int portBefore(Group group, ExpectationRequest request, ChildPath path) {
    Expectation old = group.owner().find(request.group(), request.item());
    if (old == null) {
      return 0;
    }
    Pinhole pinhole = old.pinhole();
    boolean samePlace =
        request.use() == ExpectationRequest.Use.MANY
            && pinhole.destination().equals(path.outside())
            && old.request().destination().equals(request.destination());
    return samePlace ? pinhole.port() : 0;
  }

  private @Nullable Endpoint add(Group group, Expectation made) {
    Flow flow = group.flow();
    ExpectationRequest request = made.request();
    // another worker may have been there meanwhile
    Limit limit = table.add(made, old -> pinholes.end(old, AgentEvent.Kind.REPLACED));
    if (limit != null) {
      refusals.refused(request, reasonOf(limit));
      events.limit(flow.parent(), limit);
      return null;
    }
    trace.announced(made);
    if (request.active()) {
      pinholes.open(made);
    } else {
      pinholes.announce(made);
    }
    return seenFrom(made);
  }

  /** What the other side must see as its child's destination. */
  private static Endpoint seenFrom(Expectation expectation) {
    Pinhole pinhole = expectation.pinhole();
    return new Endpoint(pinhole.destination(), pinhole.port());
  }

  private static Reason reasonOf(Limit limit) {
    return switch (limit) {
      case EXPECTATIONS_PER_PARENT -> AgentReason.LIMIT_PER_PARENT;
      case EXPECTATIONS_PER_OWNER -> AgentReason.LIMIT_PER_OWNER;
      case EXPECTATIONS_PER_SOURCE -> AgentReason.LIMIT_PER_SOURCE;
      case EXPECTATIONS -> AgentReason.LIMIT_TOTAL;
      case HELPER_EXPECTATIONS_PER_PARENT -> AgentReason.HELPER_LIMIT_PER_PARENT;
      case HELPER_EXPECTATIONS_PER_SOURCE -> AgentReason.HELPER_LIMIT_PER_SOURCE;
      case HELPER_EXPECTATIONS -> AgentReason.HELPER_LIMIT_TOTAL;
      case OWNERS -> AgentReason.LIMIT_OWNERS;
      case OWNERS_PER_SOURCE -> AgentReason.LIMIT_OWNERS_PER_SOURCE;
      case PARENTS, PARENTS_PER_SOURCE, HALF_OPEN, HELPER_PARENTS, HELPER_PARENTS_PER_SOURCE ->
          throw new IllegalArgumentException("no limit on expectations: " + limit);
    };
  }
}
