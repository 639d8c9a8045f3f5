package org.pinholed.agent.operate;

import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.ChildTraffic;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.time.Utc;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells stories of announcements, for one question. Not thread-safe; closes what it opened. */
final class StoryTeller implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StoryTeller.class);

  private static final List<String> DROPPED_ADVICE =
      List.of(
          "the firewall needs a rule that accepts the agent's mark, before whatever drops:"
              + " pinholectl doctor (acceptRule) prints it");

  private static final List<String> NONE = List.of();

  /** Of an expectation whose end has begun, until all that the kernel said before is read. */
  private static final String UNKNOWN = "whether somebody came just before is known in a moment";

  private static final List<String> UNUSED_ADVICE =
      List.of(
          "if the client did try: pinholectl doctor walks its first packet through the firewall"
              + " (acceptRule), which may drop it before the agent's table marks it",
          "if it came later than that: helpers[].timeout is how long a pinhole waits");

  private final List<AgentEvent> events;
  private final List<SessionRow> parents;
  private final PinholeBackend backend;
  private final Clock clock;
  private final int childMark;
  private @Nullable List<ConntrackEntry> children;
  private PinholeBackend.@Nullable Session pinholes;

  StoryTeller(
      List<AgentEvent> events,
      List<SessionRow> parents,
      PinholeBackend backend,
      int childMark,
      Clock clock) {
    this.childMark = childMark;
    this.events = events;
    this.parents = parents;
    this.backend = backend;
    this.clock = clock;
  }

  StoryRow tell(Subject subject) {
    List<StoryRow.Step> steps = new ArrayList<>();
    parent(subject, steps);
    announced(subject, steps);
    decision(subject, steps);
    int used = children(subject, steps);
    Ending ending = ending(subject, Math.max(used, subject.uses()));
    steps.add(new StoryRow.Step(ending.time(), ending.isOver() ? "ended" : "now", ending.text()));
    Endpoint to = subject.destination();
    InetAddress from = subject.source();
    Pinhole pinhole = subject.pinhole();
    Endpoint inside = pinhole == null ? to : pinhole.leadsTo();
    PastExpectation past = subject.past();
    return new StoryRow(
        ending.outcome(),
        ending.summary(),
        subject.id(),
        subject.parent().helper(),
        subject.parent().policyId(),
        subject.parent().serial(),
        EndpointRow.of(subject.parent().client()),
        EndpointRow.of(subject.parent().server()),
        subject.transport() == null ? "" : subject.transport().name().toLowerCase(Locale.ROOT),
        from == null ? null : new EndpointRow(AddressText.of(from), 0),
        to == null ? null : EndpointRow.of(to),
        inside == null || inside.equals(to) ? null : EndpointRow.of(inside),
        subject.childSerial(),
        Math.max(used, subject.uses()),
        past == null ? "" : past.reason(),
        Timeline.of(steps),
        ending.advice());
  }

  private void parent(Subject subject, List<StoryRow.Step> steps) {
    EndpointRow client = EndpointRow.of(subject.parent().client());
    SessionRow row = null;
    for (SessionRow one : parents) {
      if (one.serial().equals(subject.parent().serial()) && one.client().equals(client)) {
        row = one;
      }
    }
    steps.add(
        new StoryRow.Step(
            row == null ? null : Utc.text(clock.epochMicros() - row.ageSeconds() * 1_000_000),
            "parent",
            row == null
                ? "the control connection, which is over"
                : "the control connection was first seen here, and is "
                    + (row.opaque() ? "not read any more" : "read")));
  }

  private static void announced(Subject subject, List<StoryRow.Step> steps) {
    ExpectationRequest request = subject.request();
    PastExpectation past = subject.past();
    String word;
    Direction direction;
    long offset;
    if (request != null) {
      word = request.cause().word();
      direction = request.announcedIn();
      offset = request.streamOffset();
    } else if (past != null) {
      word = past.announcement().word();
      direction = past.announcement().direction();
      offset = past.announcement().streamOffset();
    } else {
      return;
    }
    StringBuilder text = new StringBuilder();
    text.append(direction == Direction.ORIGINAL ? "the client" : "the server").append(" said ");
    text.append(word.isEmpty() ? "something" : word).append(" at byte ").append(offset);
    if (request != null) {
      text.append(", read as ").append(transport(request)).append(' ');
      text.append(request.destination());
      if (request.lastPort() > request.destination().port()) {
        text.append('-').append(request.lastPort());
      }
      if (!request.field().isEmpty()) {
        text.append(" (").append(request.field()).append(')');
      }
      if (!request.label().isEmpty()) {
        text.append(", ").append(request.label());
      }
    }
    steps.add(new StoryRow.Step(Utc.text(subject.announcedMicros()), "announced", text.toString()));
  }

  private static String transport(ExpectationRequest request) {
    return request.transport().name().toLowerCase(Locale.ROOT);
  }

  private void decision(Subject subject, List<StoryRow.Step> steps) {
    PastExpectation past = subject.past();
    if (past != null && subject.isRefusal()) {
      steps.add(
          new StoryRow.Step(
              Utc.text(past.endedMicros()),
              "decision",
              "refused, " + past.reason() + ": " + past.detail()));
      return;
    }
    Pinhole pinhole = subject.pinhole();
    if (pinhole == null) {
      return;
    }
    InetAddress source = pinhole.source();
    steps.add(
        new StoryRow.Step(
            Utc.text(subject.announcedMicros()),
            "decision",
            (subject.isObserved() ? "would be opened for " : "to be opened for ")
                + (pinhole.kind() == Pinhole.Kind.ONCE ? "one connection" : "connections")
                + " from "
                + (source == null ? "any address" : AddressText.of(source))
                + ", for "
                + pinhole.timeoutMs() / 1000
                + " s at a time"
                + (subject.isObserved() ? "; its helper only observes" : "")));
    if (!subject.opened() || subject.isObserved()) {
      return;
    }
    Long written = null;
    for (AgentEvent event : events) {
      if (event.kind() == AgentEvent.Kind.CREATED && event.expectationId() == subject.id()) {
        written = event.epochMicros();
      }
    }
    Endpoint inside = pinhole.leadsTo();
    Endpoint outside = new Endpoint(pinhole.destination(), pinhole.port());
    steps.add(
        new StoryRow.Step(
            written == null ? null : Utc.text(written),
            "pinhole",
            "written into the kernel: "
                + pinhole.transport().name().toLowerCase(Locale.ROOT)
                + " to "
                + outside
                + (inside.equals(outside) ? "" : ", which leads to " + inside)
                + ", mark 0x"
                + Integer.toHexString(pinhole.mark())));
  }

  /** The children, as far as they are remembered; how many. */
  private int children(Subject subject, List<StoryRow.Step> steps) {
    if (subject.id() == 0) {
      return 0;
    }
    int used = 0;
    String last = subject.childSerial();
    for (AgentEvent event : events) {
      if (event.kind() == AgentEvent.Kind.MATCHED && event.expectationId() == subject.id()) {
        used++;
        String child = String.valueOf(event.childSerial());
        steps.add(
            new StoryRow.Step(
                Utc.text(event.epochMicros()), "used", "child " + child + " " + event.detail()));
        traffic(subject, child, steps);
      }
    }
    if (used == 0 && last != null) {
      used = 1;
      steps.add(new StoryRow.Step(null, "used", "child " + last));
      traffic(subject, last, steps);
    }
    return used;
  }

  private void traffic(Subject subject, String child, List<StoryRow.Step> steps) {
    Endpoint to = subject.destination();
    for (AgentEvent event : events) {
      ChildTraffic over = event.traffic();
      boolean isItsEnd =
          event.kind() == AgentEvent.Kind.CHILD_ENDED
              && child.equals(event.childSerial())
              && event.expectationId() == subject.id();
      if (isItsEnd && over != null) {
        ChildTraffic.Count sent = over.sent();
        ChildTraffic.Count received = over.received();
        steps.add(
            new StoryRow.Step(
                Utc.text(event.epochMicros()),
                "traffic",
                "child "
                    + child
                    + " ended, "
                    + event.detail()
                    + (sent == null || received == null
                        ? counted(-1, -1)
                        : counted(
                            sent.packets() + received.packets(),
                            sent.bytes() + received.bytes()))));
        return;
      }
    }
    for (ConntrackEntry entry : children()) {
      FlowTuple first = entry.original();
      boolean isIt =
          entry.identity().serial().equals(child)
              && (to == null
                  || to.equals(new Endpoint(first.destination(), first.destinationPort())));
      if (isIt) {
        boolean isCounted = entry.originalPackets() >= 0;
        steps.add(
            new StoryRow.Step(
                null,
                "traffic",
                "child "
                    + child
                    + " is still tracked"
                    + counted(
                        isCounted ? entry.originalPackets() + entry.replyPackets() : -1,
                        isCounted ? entry.originalBytes() + entry.replyBytes() : -1)));
        return;
      }
    }
  }

  private static String counted(long packets, long bytes) {
    return packets < 0
        ? " (sysctl net.netfilter.nf_conntrack_acct=1 has packets and bytes counted)"
        : ", " + packets + " packets, " + bytes + " bytes in both directions";
  }

  /** The children that live, read once and only if somebody asks for one. */
  private List<ConntrackEntry> children() {
    List<ConntrackEntry> known = children;
    if (known == null) {
      List<ConntrackEntry> all = new ArrayList<>();
      known = all;
      try (ConntrackClient conntrack = ConntrackClient.open()) {
        conntrack.dump(new DumpFilter(0, childMark, childMark), entry -> all.add(entry));
      } catch (IOException e) {
        LOG.debug("conntrack: {}", e.toString()); // then the story goes without their traffic
      }
      children = known;
    }
    return known;
  }

  private boolean stands(Pinhole pinhole) {
    try {
      PinholeBackend.Session session = pinholes;
      if (session == null) {
        session = backend.openSession();
        pinholes = session;
      }
      return session.stands(pinhole);
    } catch (BackendException e) {
      LOG.debug("pinhole: {}", e.toString());
      return true; // nobody knows, so nothing is said against the firewall
    }
  }

  private record Ending(
      String outcome,
      String summary,
      @Nullable String time,
      boolean isOver,
      String text,
      List<String> advice) {}

  private Ending ending(Subject subject, int used) {
    PastExpectation past = subject.past();
    Expectation living = subject.living();
    if (past != null) {
      return subject.isObserved() && !subject.isRefusal()
          ? observedBefore(past, used)
          : over(subject, past, used);
    }
    if (living == null) {
      throw new IllegalArgumentException("neither living nor over");
    }
    if (subject.isObserved()) {
      return observed(living, used);
    }
    if (used == 0 && living.isOver()) {
      return new Ending("ending", "its end has begun, and " + UNKNOWN, null, false, UNKNOWN, NONE);
    }
    long leftSeconds = Math.max(0, living.expiresInMs(clock.nanoTime())) / 1000;
    boolean isOnce = living.pinhole().kind() == Pinhole.Kind.ONCE;
    if (used > 0) {
      return new Ending(
          "used",
          "opened, and used by " + used + (used == 1 ? " connection" : " connections"),
          null,
          isOnce,
          isOnce ? word(AgentEvent.Kind.MATCHED) : living.livingChildren() + " of them live",
          List.of());
    }
    if (!living.wasWritten()) {
      return new Ending(
          "waiting",
          "announced and not open yet: it opens with the answer of the other side",
          null,
          false,
          "waits for the answer",
          List.of());
    }
    boolean isTaken = living.wasTaken() || (isOnce && !stands(living.pinhole()));
    if (isTaken && living.uses() == 0) {
      return new Ending(
          "dropped",
          "a packet came and took the pinhole, and no connection was made of it: a rule behind the"
              + " mark dropped it",
          null,
          false,
          "the pinhole is used up",
          DROPPED_ADVICE);
    }
    return new Ending(
        "open",
        "open, and nobody came yet",
        null,
        false,
        "waits " + leftSeconds + " s more",
        List.of());
  }

  /** Nothing stands in the kernel, so that nothing can be said of it. */
  private Ending observed(Expectation living, int used) {
    boolean isOver = used > 0 && living.pinhole().kind() == Pinhole.Kind.ONCE;
    String text = "waits for the answer";
    if (isOver) {
      text = "its one connection came";
    } else if (living.isOver()) {
      text = UNKNOWN;
    } else if (used > 0) {
      text = living.livingChildren() + " of them live";
    } else if (living.wasWritten()) {
      text = "waits " + Math.max(0, living.expiresInMs(clock.nanoTime())) / 1000 + " s more";
    }
    return new Ending("observed", ofObserved(used, "nobody came yet"), null, isOver, text, NONE);
  }

  private static Ending observedBefore(PastExpectation past, int used) {
    String how =
        past.end() == AgentEvent.Kind.MATCHED ? "its one connection came" : word(past.end());
    String summary = ofObserved(used, "nobody came: " + how);
    return new Ending("observed", summary, Utc.text(past.endedMicros()), true, how, NONE);
  }

  private static String ofObserved(int used, String none) {
    return "only observed, and "
        + (used == 0
            ? none
            : used
                + (used == 1 ? " connection" : " connections")
                + " came by rules of the firewall");
  }

  private static Ending over(Subject subject, PastExpectation past, int used) {
    String at = Utc.text(past.endedMicros());
    String how = word(past.end());
    String text = past.detail().isEmpty() || used > 0 ? how : how + ": " + past.detail();
    if (subject.isRefusal()) {
      return new Ending(
          "refused",
          "not opened, " + past.reason() + ": " + past.detail(),
          at,
          true,
          "nothing was opened",
          ReasonAdvice.of(past.reason(), subject.parent().helper()));
    }
    if (used > 0) {
      return new Ending(
          "used",
          "opened, and used by " + used + (used == 1 ? " connection" : " connections"),
          at,
          true,
          text,
          List.of());
    }
    if (!past.opened()) {
      return new Ending("ended", "ended before it was opened: " + how, at, true, text, List.of());
    }
    if (past.wasTaken()) {
      return new Ending(
          "dropped",
          "opened, and the firewall dropped who came: " + past.detail(),
          at,
          true,
          text,
          DROPPED_ADVICE);
    }
    return new Ending(
        "unused",
        "opened, and no packet came for it: " + how,
        at,
        true,
        text,
        past.end() == AgentEvent.Kind.EXPIRED ? UNUSED_ADVICE : List.of());
  }

  private static String word(AgentEvent.Kind end) {
    return switch (end) {
      case MATCHED -> "shut by its one connection";
      case EXPIRED -> "its time was over";
      case REPLACED -> "a newer announcement took its place";
      case CLOSED -> "the dialogue shut it";
      case PARENT_CLOSED -> "the control connection ended";
      case CLEARED -> "an operator cleared it";
      default -> end.word();
    };
  }

  @Override
  public void close() {
    PinholeBackend.Session session = pinholes;
    if (session != null) {
      session.close();
    }
  }
}
