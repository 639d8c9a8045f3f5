package org.pinholed.agent.announce;

import java.net.InetAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Lifetime;

/**
 * Makes expectations of what helpers announce, and finds a free port of a translated address for
 * them. Owned by one worker.
 */
final class NewExpectations {
  /** How many ports of a translated address are tried for one announcement. */
  private static final int PORTS_TRIED = 128;

  /** And for how many of them the kernel is asked whether a child uses them. */
  private static final int PORTS_ASKED = 16;

  private static final int FIRST_PORT = 1024;

  private final ExpectationTable table;
  private final MarkBits marks;
  private final LivingChildren children;
  private final Clock clock;

  NewExpectations(ExpectationTable table, MarkBits marks, LivingChildren children, Clock clock) {
    this.clock = clock;
    this.table = table;
    this.marks = marks;
    this.children = children;
  }

  /**
   * Tries ports, the announced one first, until one is free; null if none of some is.
   *
   * @param parent whose announcement it is
   * @param request what was announced
   * @param path how the child is translated
   * @param anyPort whether another port than the announced one can be written into the message
   * @param nowNs {@link System#nanoTime}
   */
  @Nullable Expectation make(
      Flow parent, ExpectationRequest request, ChildPath path, boolean anyPort, long nowNs) {
    if (!path.isRewritten()) {
      return make(parent, request, path, path.inside().port(), nowNs);
    }
    int port = anyPort ? children.firstPort(parent.facts(), request, path) : path.inside().port();
    int asked = 0;
    int most = anyPort ? PORTS_TRIED : 1;
    for (int tried = 0; tried < most && asked < PORTS_ASKED; tried++) {
      Expectation expectation = make(parent, request, path, port, nowNs);
      if (table.reserve(expectation)) {
        asked++;
        if (!children.isTaken(parent.facts(), request, path, port)) {
          return expectation;
        }
        table.giveBack(expectation);
      }
      port = port == 65535 ? FIRST_PORT : port + 1;
    }
    return null;
  }

  private Expectation make(
      Flow parent, ExpectationRequest request, ChildPath path, int port, long nowNs) {
    Duration configured = parent.helperEntry().timeout();
    Duration asked = request.lifetime() instanceof Lifetime.Fixed fixed ? fixed.time() : null;
    Duration timeout = asked != null ? asked : configured != null ? configured : Expectation.LEASE;
    boolean livesWithParent = asked == null && configured == null;
    InetAddress source =
        switch (request.source()) {
          case PEER -> parent.facts().sender(request.announcedIn().opposite()).address();
          case ADDRESS -> request.sourceAddress();
          case ANY -> null;
        };
    Pinhole.Kind kind =
        source == null
            ? Pinhole.Kind.OPEN_ANY
            : request.use() == ExpectationRequest.Use.ONCE ? Pinhole.Kind.ONCE : Pinhole.Kind.OPEN;
    Pinhole pinhole =
        new Pinhole(
            kind,
            request.transport(),
            source,
            path.outside(),
            port,
            marks.childMark(parent.parent().mark(), false),
            timeout.toMillis(),
            comment(parent, request, livesWithParent),
            source == null ? null : path.translation(port));
    return new Expectation(
        table.nextId(), parent.parent(), request, pinhole, livesWithParent, nowNs);
  }

  private String comment(Flow parent, ExpectationRequest request, boolean livesWithParent) {
    return new PinholeComment(
            parent.parent().helper(),
            parent.parent().serial(),
            parent.parent().client().port(),
            parent.parent().policyId(),
            clock.epochMicros() / 1_000_000,
            livesWithParent,
            request.group())
        .text();
  }
}
