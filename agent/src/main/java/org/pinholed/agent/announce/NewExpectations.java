package org.pinholed.agent.announce;

import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;

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
  private static final int LAST_PORT = 65535;
  private static final int[] NONE_WANTED = {};

  private final ExpectationTable table;
  private final MarkBits marks;
  private final LivingChildren children;
  private final LocalPorts localPorts;
  private final Clock clock;

  NewExpectations(
      ExpectationTable table,
      MarkBits marks,
      LivingChildren children,
      LocalPorts localPorts,
      Clock clock) {
    this.localPorts = localPorts;
    this.clock = clock;
    this.table = table;
    this.marks = marks;
    this.children = children;
  }

  /**
   * Tries ports until one is free; null if none of some is. First the one by which the same inside
   * endpoint is reached already, then the one that was told for it before, then the one that the
   * flow itself has outside if it is about the flow's own endpoint, then the announced one, then
   * those above it. A port of this machine itself is taken only if it was before.
   *
   * @param parent whose announcement it is
   * @param owner who it belongs to
   * @param request what was announced
   * @param path how the child is translated
   * @param anyPort whether another port than the announced one can be written into the message
   * @param before the port that the group has for the same inside endpoint; 0 for none
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  @Nullable Expectation make(
      Flow parent,
      Owner owner,
      ExpectationRequest request,
      ChildPath path,
      boolean anyPort,
      int before,
      long nowNs) {
    if (!path.isRewritten()) {
      return make(parent, owner, request, path, path.inside().port(), nowNs);
    }
    int announced = anyPort ? children.firstPort(request, path) : path.inside().port();
    int[] wanted = wanted(parent, request, path, anyPort, before);
    int asked = 0;
    int most = anyPort ? PORTS_TRIED : 1;
    int port = announced;
    for (int tried = 0; tried < most && asked < PORTS_ASKED && port != 0; tried++) {
      boolean isWanted = tried < wanted.length;
      Expectation expectation =
          make(parent, owner, request, path, isWanted ? wanted[tried] : port, nowNs);
      if ((isWanted || !isLocal(request, path, port)) && table.reserve(expectation)) {
        asked++;
        if (!children.isTaken(request, path, expectation.pinhole().port())) {
          return expectation;
        }
        table.giveBack(expectation);
      }
      if (!isWanted) {
        port = next(owner, request, path, port);
      }
    }
    return null;
  }

  /** Ports of flows with one source are shared with other sources, so that each must be tried. */
  private int next(Owner owner, ExpectationRequest request, ChildPath path, int port) {
    int behind = port == LAST_PORT ? FIRST_PORT : port + 1;
    boolean isForOne = owner.id() != null || request.source() == ExpectationRequest.Source.ANY;
    return isForOne
        ? table.nextFreePort(
            request.transport(), path.outside(), path.inside().address(), behind, false)
        : behind;
  }

  /** The ports that are tried before the announced one. */
  private int[] wanted(
      Flow parent, ExpectationRequest request, ChildPath path, boolean anyPort, int before) {
    if (!anyPort || request.use() == ExpectationRequest.Use.ONCE) {
      return NONE_WANTED;
    }
    FlowFacts facts = parent.facts();
    boolean isOwn =
        facts.transport() == request.transport()
            && facts.sender(request.announcedIn()).equals(path.inside());
    int standing = table.standingPort(request.transport(), path.outside(), path.inside());
    int own = isOwn ? facts.senderSeenByPeer(request.announcedIn()).port() : 0;
    if (own != 0 && isLocal(request, path, own)) {
      own = 0;
    }
    return IntStream.of(standing, before, own).filter(port -> port != 0).distinct().toArray();
  }

  private boolean isLocal(ExpectationRequest request, ChildPath path, int port) {
    return localPorts.contains(request.transport(), path.outside(), port);
  }

  /**
   * Two expectations whose ports follow each other.
   *
   * @param first the one with the lower port
   * @param second the one with the port behind it
   */
  record Pair(Expectation first, Expectation second) {}

  /**
   * Tries pairs of ports until both are free; null if none of some is. The order is that of {@link
   * #make}, by two. The first port of the pair is even where the announced one is, and odd where
   * that is odd.
   *
   * @param parent whose announcement it is
   * @param owner who they belong to
   * @param first what was announced
   * @param second what was announced with it
   * @param firstPath how the first child is translated
   * @param secondPath how the second child is translated
   * @param anyPort whether other ports than the announced ones can be written into the message
   * @param before the first port that the group has for the same inside endpoint; 0 for none
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  @Nullable Pair makePair(
      Flow parent,
      Owner owner,
      ExpectationRequest first,
      ExpectationRequest second,
      ChildPath firstPath,
      ChildPath secondPath,
      boolean anyPort,
      int before,
      long nowNs) {
    int announced = firstPath.inside().port();
    if (!firstPath.isRewritten()) {
      return new Pair(
          make(parent, owner, first, firstPath, announced, nowNs),
          make(parent, owner, second, secondPath, announced + 1, nowNs));
    }
    int[] wanted =
        IntStream.of(wanted(parent, first, firstPath, anyPort, before))
            .filter(lower -> (lower & 1) == (announced & 1))
            .toArray();
    int most = anyPort ? PORTS_TRIED : 1;
    int port = announced;
    for (int tried = 0; tried < most && port != 0; tried++) {
      boolean isWanted = tried < wanted.length;
      int lower = isWanted ? wanted[tried] : port;
      Expectation one = make(parent, owner, first, firstPath, lower, nowNs);
      Expectation other = make(parent, owner, second, secondPath, lower + 1, nowNs);
      boolean isFree =
          isWanted || !(isLocal(first, firstPath, lower) || isLocal(second, secondPath, lower + 1));
      if (isFree && table.reserve(one)) {
        if (table.reserve(other)) {
          return new Pair(one, other);
        }
        table.giveBack(one);
      }
      if (!isWanted) {
        int behind = port + 3 > LAST_PORT ? FIRST_PORT + (announced & 1) : port + 2;
        port =
            table.nextFreePort(
                first.transport(), firstPath.outside(), firstPath.inside().address(), behind, true);
      }
    }
    return null;
  }

  private Expectation make(
      Flow parent, Owner owner, ExpectationRequest request, ChildPath path, int port, long nowNs) {
    Stay stay = Stay.of(request.lifetime(), parent.helperEntry().timeout());
    int ports = request.lastPort() - request.destination().port();
    Pinhole pinhole =
        new Pinhole(
            kindOf(request),
            request.transport(),
            path.source(),
            path.outside(),
            port,
            port + ports,
            request.connections(),
            markOf(parent, request),
            stay.kernelTimeoutMs(),
            comment(parent, request, stay),
            path.translation(port),
            parent.expectingTuple());
    return new Expectation(table.nextId(), parent.parent(), owner, request, pinhole, stay, nowNs);
  }

  /** An observed one lets nobody in, so there is nobody to mark. */
  private int markOf(Flow parent, ExpectationRequest request) {
    return parent.helperEntry().isObserved()
        ? 0
        : marks.childMark(parent.parent().mark(), request.isRead());
  }

  /**
   * Whether what stands lets in just what a request asks for, so that nothing is to be opened anew.
   * How it was asked for before does not matter: it may have been over another flow, or told to
   * another process.
   *
   * @param parent the flow that asks
   * @param standing what the kernel has, or is to have
   * @param request what is asked for
   * @param path how its child is translated
   */
  boolean isFor(Flow parent, Pinhole standing, ExpectationRequest request, ChildPath path) {
    boolean observed = parent.helperEntry().isObserved();
    boolean port =
        request.text() != ExpectationRequest.Text.STAYS
            || standing.port() == request.destination().port();
    return port
        && standing.transport() == request.transport()
        && standing.kind() == kindOf(request)
        && Objects.equals(standing.source(), path.source())
        && standing.destination().equals(path.outside())
        && Objects.equals(standing.translation(), path.translation(standing.port()))
        && standing.isObserved() == observed
        && (observed || marks.isRead(standing.mark()) == request.isRead())
        && standing.lastPort() - standing.port()
            == request.lastPort() - request.destination().port()
        && standing.connections() == request.connections();
  }

  private static Pinhole.Kind kindOf(ExpectationRequest request) {
    if (request.source() == ExpectationRequest.Source.ANY) {
      return Pinhole.Kind.OPEN_ANY;
    }
    if (request.lastPort() > request.destination().port()) {
      return Pinhole.Kind.LEASE;
    }
    return request.use() == ExpectationRequest.Use.ONCE ? Pinhole.Kind.ONCE : Pinhole.Kind.OPEN;
  }

  /** What the kernel keeps of an announcement. */
  String comment(Flow parent, ExpectationRequest request, Stay stay) {
    return new PinholeComment(
            parent.parent().helper(),
            parent.parent().serial(),
            parent.parent().client().port(),
            parent.parent().policyId(),
            clock.epochMicros() / 1_000_000,
            stay,
            request.connections(),
            request.owner(),
            request.group(),
            request.item())
        .text();
  }
}
