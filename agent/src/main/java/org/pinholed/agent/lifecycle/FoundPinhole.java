package org.pinholed.agent.lifecycle;

import java.net.InetAddress;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OwnerId;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * A pinhole of an earlier agent, or one that it announced and did not open yet, and what its
 * comment says: what it was announced by, as far as that is written down.
 *
 * @param pinhole as it stands in the kernel
 * @param expiresInMs what is left of its time, in milliseconds
 * @param comment what its comment says
 */
record FoundPinhole(Pinhole pinhole, long expiresInMs, PinholeComment comment) {
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
  record Name(String serial, int clientPort) {
    static Name of(ConntrackEntry entry) {
      return new Name(entry.identity().serial(), entry.original().sourcePort());
    }
  }

  /** Null if no agent of this version wrote its comment. */
  static @Nullable FoundPinhole of(OwnedPinhole owned) {
    return of(owned.pinhole(), owned.expiresInMs());
  }

  /** The same of one that is not open. */
  static @Nullable FoundPinhole of(Pinhole announced) {
    return of(announced, announced.timeoutMs());
  }

  private static @Nullable FoundPinhole of(Pinhole pinhole, long expiresInMs) {
    PinholeComment comment = PinholeComment.parse(pinhole.comment());
    return comment == null ? null : new FoundPinhole(pinhole, expiresInMs, comment);
  }

  Name parentName() {
    return new Name(comment.parentSerial(), comment.clientPort());
  }

  /** Whether its parent can be this one, of several with the same name. */
  boolean leadsBetweenEndsOf(ConntrackEntry entry) {
    FlowTuple original = entry.original();
    FlowTuple reply = entry.reply();
    Set<@Nullable InetAddress> ends = new HashSet<>();
    ends.add(original.source());
    ends.add(original.destination());
    ends.add(reply.source());
    ends.add(reply.destination());
    ends.add(null); // a pinhole from any source
    return ends.contains(pinhole.source()) && ends.contains(pinhole.destination());
  }

  /** A lease that was made again by a repair has only what was left of it then. */
  FoundPinhole whole() {
    long timeoutMs = pinhole.timeoutMs();
    if (comment.stay().isLease()) {
      timeoutMs = Math.max(timeoutMs, Stay.LEASE.toMillis());
    }
    Pinhole whole = pinhole.withTimeoutMs(timeoutMs);
    // not every kernel can count them, and so does not know how many may come
    if (comment.connections() > 0 && pinhole.kind() == Pinhole.Kind.LEASE) {
      whole = whole.withConnections(comment.connections());
    }
    return new FoundPinhole(whole, expiresInMs, comment);
  }

  /** Of a time that the kernel has the comment does not say how long it is. */
  Stay stay() {
    Stay ofComment = comment.stay();
    return ofComment.isLease()
        ? ofComment
        : new Stay(ofComment.kind(), pinhole.timeoutMs(), 0, 0, 0);
  }

  /** A parent that is not known any more; of its ends, those of its child are left. */
  Parent goneParent(HelperEntry entry, MarkBits marks) {
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

  /** What was asked for, as far as that can be told; its parent is null if that is gone. */
  ExpectationRequest request(@Nullable Flow parent, MarkBits marks) {
    Endpoint announced = pinhole.leadsTo();
    Direction announcedIn =
        parent != null
                && announced.address().equals(parent.facts().sender(Direction.ORIGINAL).address())
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
    } else if (parent != null
        && !source.equals(parent.facts().sender(announcedIn.opposite()).address())) {
      request.from(source);
    }
    if (marks.isRead(pinhole.mark())) {
      request.read();
    }
    if (pinhole.kind() == Pinhole.Kind.LEASE) {
      request.portsUpTo(pinhole.lastPort(), pinhole.connections());
    }
    return pinhole.kind() == Pinhole.Kind.ONCE ? request.build() : request.many().build();
  }
}
