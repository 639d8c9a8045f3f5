package org.pinholed.agent.announce;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.AnnouncedByFlow;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowMarks;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Printable;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;

/**
 * Turns what helpers conclude into expectations, whose pinholes come into the transaction of the
 * batch. Owned by one worker.
 *
 * <p>It is long because each thing that a helper may say is a method; how a group is opened is in
 * {@link GroupOpener}, and how a message is changed in {@link MessageEdits}.
 */
public final class Outcomes implements OutcomeSink, AnnouncedByFlow {
  private static final String GIVEN_UP =
      "its message passed as it came, because a bound on what is held was reached";

  private final ExpectationTable table;
  private final PinholeTransaction pinholes;
  private final AgentEvents events;
  private final FlowMarks flowMarks;
  private final OutcomeTrace trace;

  private final MessageEdits edits;
  private final GroupOpener group;

  private HelperPorts helperPorts = (transport, port) -> false;
  private @Nullable Flow flow;
  private @Nullable Reason ended;
  private String endedDetail = "";
  private boolean cut;
  private long nowNs;
  private Direction reading = Direction.ORIGINAL;
  private boolean held;

  /** Whom the message is about. */
  private @Nullable OwnerId concerned;

  /** Whom something of the message was refused last, and why: it may have nothing open yet. */
  private @Nullable OwnerId refusedOwner;

  private @Nullable Reason refusedWhy;

  /** The word that the helper understood last in the message that is being read. */
  private String understood = "";

  /**
   * Makes it.
   *
   * @param table the expectation table, shared
   * @param pinholes the transaction of the batch
   * @param events log and counters, shared
   * @param marks the bits of the conntrack mark
   * @param flowMarks writes what is known of a flow into its conntrack mark
   * @param trace tells running traces
   * @param edits changes messages
   * @param children knows the ports of children that live
   * @param localPorts knows the ports of this machine
   * @param clock what time it is
   */
  public Outcomes(
      ExpectationTable table,
      PinholeTransaction pinholes,
      AgentEvents events,
      MarkBits marks,
      FlowMarks flowMarks,
      OutcomeTrace trace,
      MessageEdits edits,
      LivingChildren children,
      LocalPorts localPorts,
      Clock clock) {
    this.table = table;
    this.pinholes = pinholes;
    this.events = events;
    this.flowMarks = flowMarks;
    this.trace = trace;
    this.edits = edits;
    this.group =
        new GroupOpener(
            table,
            pinholes,
            events,
            trace,
            edits,
            new NewExpectations(table, marks, children, localPorts, clock),
            this::refused);
  }

  /** Tells the ports that helpers read. */
  @FunctionalInterface
  public interface HelperPorts {
    /**
     * Asks for one.
     *
     * @param transport of the port
     * @param port 1..65535
     * @return whether a helper reads what comes to it
     */
    public boolean contains(Transport transport, int port);
  }

  /**
   * Says which ports are never opened, because a helper would read the child as a parent.
   *
   * @param ports those that helpers read now
   */
  public void refuseHelperPorts(HelperPorts ports) {
    helperPorts = ports;
  }

  /**
   * Begins a message of a flow.
   *
   * @param current the flow
   * @param direction the direction of the message
   * @param now {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void begin(Flow current, Direction direction, long now) {
    reading = direction;
    flow = current;
    ended = null;
    endedDetail = "";
    cut = false;
    nowNs = now;
    pinholes.beginMessage();
    held = false;
    understood = "";
    concerned = null;
    refusedOwner = null;
    refusedWhy = null;
    edits.begin();
  }

  /**
   * Why the helper ended reading in this message.
   *
   * @return null if it goes on
   */
  public @Nullable Reason ended() {
    return ended;
  }

  /**
   * What the helper said to that reason.
   *
   * @return printable; empty if it said no more than the reason
   */
  public String endedDetail() {
    return endedDetail;
  }

  /**
   * Whether the helper found that this is not what was announced.
   *
   * @return true if the packet and its flow are to go, in this message
   */
  public boolean isCut() {
    return cut;
  }

  private Flow flow() {
    if (flow == null) {
      throw new IllegalStateException("outcome outside of a message");
    }
    return flow;
  }

  @Override
  public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
    if (edits.isGivenUp(flow(), reading)) {
      for (ExpectationRequest request : requests) { // the message was told of when it was given up
        events.history().refused(flow().parent(), request, AgentReason.REWRITE_GIVEN_UP, GIVEN_UP);
      }
      return Collections.nCopies(requests.size(), Optional.empty());
    }
    Flow current = flow();
    Owner owner = ownerOf(current, requests);
    List<ExpectationRequest> allowed = withoutHelperPorts(requests);
    List<Optional<Endpoint>> seen =
        allowed.isEmpty() ? List.of() : group.open(current, reading, owner, allowed, nowNs);
    noteRefusal();
    if (allowed.size() == requests.size()) {
      return seen;
    }
    List<Optional<Endpoint>> all = new ArrayList<>(requests.size());
    for (ExpectationRequest request : requests) {
      int at = allowed.indexOf(request);
      all.add(at < 0 ? Optional.empty() : seen.get(at));
    }
    return all;
  }

  /** A child that is to be read may come to such a port: it is known by its mark. */
  private List<ExpectationRequest> withoutHelperPorts(List<ExpectationRequest> requests) {
    List<ExpectationRequest> allowed = new ArrayList<>(requests.size());
    for (ExpectationRequest request : requests) {
      if (!request.isRead() && hasHelperPort(request)) {
        refused(request, AgentReason.HELPER_PORT);
      } else {
        allowed.add(request);
      }
    }
    return allowed;
  }

  /**
   * Ranges are asked for seldom, once for a flow or a service, so each port of one is looked at.
   */
  private boolean hasHelperPort(ExpectationRequest request) {
    for (int port = request.destination().port(); port <= request.lastPort(); port++) {
      if (helperPorts.contains(request.transport(), port)) {
        return true;
      }
    }
    return false;
  }

  private Owner ownerOf(Flow current, List<ExpectationRequest> requests) {
    OwnerId id = requests.get(0).owner();
    if (id == null) {
      return current.owner();
    }
    Owner beyond = table.owners().obtain(current.parent().helper(), id);
    current.announcesFor(beyond);
    return beyond;
  }

  private @Nullable Owner known(@Nullable OwnerId id) {
    Flow current = flow();
    return id == null ? current.owner() : table.owners().find(current.parent().helper(), id);
  }

  @Override
  public void activate(@Nullable OwnerId owner, String groupName) {
    Owner known = known(owner);
    if (known == null || edits.isGivenUp(flow(), reading)) {
      return;
    }
    for (Expectation expectation : known.ofGroup(groupName)) {
      if (expectation.state() == Expectation.State.ANNOUNCED) {
        trace.opens(expectation);
        pinholes.open(expectation);
      }
    }
  }

  @Override
  public void close(@Nullable OwnerId owner, String groupName, Children children) {
    Owner known = known(owner);
    if (known == null) {
      return;
    }
    for (Expectation expectation : known.ofGroup(groupName)) {
      if (children == Children.CUT) {
        pinholes.cutChildrenOf(expectation);
      }
      table.owners().remove(expectation);
      pinholes.end(expectation, AgentEvent.Kind.CLOSED);
      trace.shuts(expectation);
    }
    if (children == Children.CUT) {
      for (Expectation left : known.left()) {
        if (left.request().group().equals(groupName)) {
          pinholes.cutChildrenOf(left);
        }
      }
    }
  }

  @Override
  public void keepOwner(OwnerId owner, Duration atMost, Children children) {
    Owner known = known(owner);
    if (known != null) {
      known.keepUntil(nowNs + atMost.toNanos(), children == Children.CUT);
    }
  }

  @Override
  public void settle(OwnerId owner) {
    Owner known = known(owner);
    if (known != null) {
      pinholes.settle(known.all());
    }
  }

  @Override
  public void prolong(OwnerId owner, Duration longest) {
    Owner known = known(owner);
    for (Expectation expectation : known == null ? List.<Expectation>of() : known.all()) {
      expectation.prolong(longest.toMillis(), nowNs);
    }
  }

  @Override
  public boolean isProvisional(OwnerId owner) {
    Owner known = known(owner);
    return known != null && known.isProvisional();
  }

  @Override
  public void named(OwnerId owner, HelperWord kind, String label, String state) {
    Owner known = known(owner);
    if (known != null) {
      known.named(
          new Owner.Name(
              kind.word(),
              Printable.of(label, ExpectationRequest.TEXT_LENGTH),
              Printable.of(state, ExpectationRequest.TEXT_LENGTH)));
    }
  }

  @Override
  public boolean stands(@Nullable OwnerId owner, String groupName) {
    Owner known = known(owner);
    return known != null && known.stands(groupName);
  }

  @Override
  public Set<String> groups(OwnerId owner) {
    Owner known = known(owner);
    Set<String> groups = new HashSet<>();
    for (Expectation expectation : known == null ? List.<Expectation>of() : known.all()) {
      if (!expectation.isOver()) {
        groups.add(expectation.request().group());
      }
    }
    return groups;
  }

  @Override
  public @Nullable Announced announced(Transport transport, Endpoint seen) {
    Expectation leading = leadingFrom(transport, seen);
    ChildTranslation translation = leading == null ? null : leading.pinhole().translation();
    Endpoint inside = translation == null ? null : translation.inside();
    return leading == null || inside == null
        ? null
        : new Announced(
            inside, leading.owner().id(), leading.request().group(), leading.request().item());
  }

  @Override
  public boolean isKnownTo(Transport transport, Endpoint seen, InetAddress who) {
    Expectation leading = leadingFrom(transport, seen);
    if (leading == null) {
      return false;
    }
    Parent announcedOver = leading.parent();
    return announcedOver.client().address().equals(who)
        || announcedOver.server().address().equals(who)
        || table.holders().letsIn(protocol(transport), who, seen.address(), seen.port());
  }

  private @Nullable Expectation leadingFrom(Transport transport, Endpoint seen) {
    return table.leadingFrom(protocol(transport), seen, flow().parent().helper());
  }

  /** A helper that observes sees what it would have opened, and no other one does. */
  private int protocol(Transport transport) {
    return PinholeKey.protocol(transport, flow().helperEntry().isObserved());
  }

  @Override
  public void endOwner(OwnerId owner, Children children) {
    Owner known = known(owner);
    if (known != null) {
      end(known, children, AgentEvent.Kind.CLOSED);
    }
  }

  /**
   * Ends an owner beyond flows.
   *
   * @param owner which
   * @param children whether its children that live go on
   * @param kind why, for log and counters
   */
  public void end(Owner owner, Children children, AgentEvent.Kind kind) {
    for (Expectation expectation : table.owners().end(owner)) {
      if (children == Children.CUT) {
        pinholes.cutChildrenOf(expectation);
      }
      table.owners().remove(expectation);
      pinholes.end(expectation, kind);
      trace.shuts(expectation);
    }
    if (children == Children.CUT) {
      owner.left().forEach(pinholes::cutChildrenOf);
    }
  }

  /**
   * Ends expectations of owners that outlive flows.
   *
   * @param which those that are to end
   * @param kind why, for log and counters
   */
  public void endOwned(Predicate<Expectation> which, AgentEvent.Kind kind) {
    for (Owner owner : table.owners().all()) {
      for (Expectation expectation : owner.all()) {
        if (which.test(expectation)) {
          table.owners().remove(expectation);
          pinholes.end(expectation, kind);
        }
      }
    }
  }

  /**
   * Ends one expectation; its children go on.
   *
   * @param expectation which
   * @param kind why, for log and counters
   */
  public void end(Expectation expectation, AgentEvent.Kind kind) {
    table.owners().remove(expectation);
    pinholes.end(expectation, kind);
  }

  @Override
  public void cut(Reason reason, long streamOffset) {
    Flow current = flow();
    if (current.facts().announcement() == null) {
      report(reason, streamOffset);
      return;
    }
    trace.reason(reason, streamOffset, "");
    if (!cut) {
      cut = true;
      events.reason(current.parent(), reason, "cut");
    }
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
    plan(streamOffset, lengthBytes, replacement);
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement, HelperWord field) {
    if (plan(streamOffset, lengthBytes, replacement)) {
      events.rewritten(flow().parent(), field);
    }
  }

  private boolean plan(long streamOffset, int lengthBytes, byte[] replacement) {
    if (flow().helperEntry().isObserved()) {
      return false; // nothing is rewritten, and nobody missed it
    }
    boolean planned = edits.plan(flow(), reading, streamOffset, lengthBytes, replacement);
    if (!planned) {
      report(AgentReason.REWRITE_NOT_ALLOWED, streamOffset);
    }
    return planned;
  }

  @Override
  public void incomplete(long streamOffset) {
    edits.incomplete(flow(), reading, streamOffset);
  }

  @Override
  public void begins(long streamOffset) {
    edits.begins(flow(), reading, streamOffset);
  }

  /**
   * Takes back what a message announced and the kernel has not yet: the message is not rewritten.
   *
   * @param of its flow
   * @param direction its direction
   * @param isOfMessage tells by a stream offset whether something is of that message
   * @param why the reason, if it is for good; null if the message will be read again
   */
  public void takeBack(
      Flow of, Direction direction, LongPredicate isOfMessage, @Nullable Reason why) {
    for (Expectation expectation : pinholes.takeBack(of.parent(), direction, isOfMessage)) {
      table.owners().remove(expectation);
      trace.shuts(expectation);
      if (why != null) {
        events.history().refused(expectation, why, "");
      }
    }
  }

  /**
   * Takes back what the message that is being read announced or opened: it passes as it came.
   *
   * @param why the reason
   */
  public void takeBackMessage(Reason why) {
    for (Expectation expectation : pinholes.takeBackMessage()) {
      table.owners().remove(expectation);
      trace.shuts(expectation);
      events.history().refused(expectation, why, "");
    }
    report(why, 0);
  }

  @Override
  public void concerns(@Nullable OwnerId owner) {
    concerned = owner;
  }

  @Override
  public void report(Reason reason, long streamOffset) {
    report(reason, streamOffset, "");
  }

  @Override
  public void report(Reason reason, long streamOffset, String detail) {
    Flow current = flow();
    String said = Printable.of(detail, DETAIL_LENGTH);
    trace.reason(reason, streamOffset, said);
    if (reason.kind() == Reason.Kind.REFUSED) {
      current.refused(reason);
      refused(concerned, reason);
      events.refused(
          current.parent(),
          new PastExpectation.Announcement(understood, reading, streamOffset),
          reason,
          said);
    } else if (reason.kind() == Reason.Kind.PART_OPAQUE) {
      current.sealed(reason, said);
      refused(concerned, reason);
      events.reason(current.parent(), reason, said);
    } else if (ended == null) {
      ended = reason;
      endedDetail = said;
    }
  }

  /** Says of a request why it is not met. */
  private void refused(ExpectationRequest request, Reason reason) {
    Flow current = flow();
    trace.reason(reason, request.streamOffset(), "");
    current.refused(reason);
    refused(request.owner(), reason);
    events.refused(current.parent(), request, reason);
  }

  private void refused(@Nullable OwnerId owner, Reason reason) {
    refusedOwner = owner;
    refusedWhy = reason;
    noteRefusal();
  }

  /** Listings show it with its owner, as soon as that is known. */
  private void noteRefusal() {
    Owner known = refusedOwner == null ? null : known(refusedOwner);
    if (known != null && refusedWhy != null) {
      known.refused(refusedWhy);
    }
  }

  @Override
  public void understood(HelperWord word) {
    understood = word.word();
    events.understood(flow().parent(), word);
    trace.understood(word);
  }

  @Override
  public boolean isTraced() {
    return trace.isOn();
  }

  @Override
  public void describe(String text) {
    trace.message(text);
  }

  @Override
  public void proven() {
    Flow current = flow();
    if (!current.isProven()) {
      trace.proven(current.parent().helper());
    }
    flowMarks.prove(current);
  }

  @Override
  public void endAll(Flow over, AgentEvent.Kind kind) {
    for (Expectation expectation : over.announced()) {
      table.owners().remove(expectation);
      pinholes.end(expectation, kind);
    }
  }

  @Override
  public void endFirstOwned(Flow refused, AgentEvent.Kind kind) {
    for (Owner owner : refused.firstOwners()) {
      for (Expectation expectation : owner.all()) {
        if (expectation.parent().equals(refused.parent())) {
          end(expectation, kind);
        }
      }
    }
  }

  /**
   * The packet that is being read changes its length or may do so: from here on to the
   * acknowledgement the message must not pass as it was, and the acknowledgement must be seen.
   */
  public void hold() {
    if (!held) {
      held = true;
      pinholes.hold(new RewrittenDirection(flow().entry().id(), reading == Direction.REPLY));
    }
  }
}
