package org.pinholed.agent.nat;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.SequenceAdjustment;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * The translation of one TCP flow: in which of its directions something may be replaced (addresses
 * that the other side must not see, or cannot know), and whether the kernel can shift their
 * sequence numbers. Not thread-safe.
 */
public final class TranslatedFlow {
  private final ConntrackEntry entry;
  private final @Nullable TranslatedStream original;
  private final @Nullable TranslatedStream reply;
  private @Nullable Boolean adjustable;

  private TranslatedFlow(
      ConntrackEntry entry, @Nullable TranslatedStream original, @Nullable TranslatedStream reply) {
    this.entry = entry;
    this.original = original;
    this.reply = reply;
  }

  /**
   * The translation of a flow.
   *
   * @param entry its conntrack
   * @param facts its endpoints
   * @param bothSides whether messages of a side that is not translated may be changed too, for what
   *     they say of the other; then a port that is translated is reason enough
   * @return null if nothing is ever replaced in it
   */
  public static @Nullable TranslatedFlow of(
      ConntrackEntry entry, FlowFacts facts, boolean bothSides) {
    boolean either = bothSides && facts.isTranslated();
    boolean client = either || isTranslated(facts, Direction.ORIGINAL);
    boolean server = either || isTranslated(facts, Direction.REPLY);
    return client || server
        ? new TranslatedFlow(
            entry, client ? new TranslatedStream() : null, server ? new TranslatedStream() : null)
        : null;
  }

  private static boolean isTranslated(FlowFacts facts, Direction direction) {
    return !facts.sender(direction).address().equals(facts.senderSeenByPeer(direction).address());
  }

  /**
   * What is replaced in a direction.
   *
   * @param direction which one
   * @return null if nothing ever is
   */
  public @Nullable TranslatedStream stream(Direction direction) {
    return direction == Direction.ORIGINAL ? original : reply;
  }

  /**
   * Begins with the first bytes.
   *
   * @param clientFirst sequence number of the client's first byte
   * @param serverFirst sequence number of the server's first byte
   */
  public void begin(int clientFirst, int serverFirst) {
    if (original != null) {
      original.begin(clientFirst);
    }
    if (reply != null) {
      reply.begin(serverFirst);
    }
  }

  /**
   * Takes over what an earlier agent left in the kernel.
   *
   * @param found how the kernel shifts both directions
   */
  public void inherit(ConntrackClient.SequenceAdjustments found) {
    adjustable = true;
    if (original != null) {
      original.inherit(found.original());
    }
    if (reply != null) {
      reply.inherit(found.reply());
    }
  }

  /**
   * Whether something is to be replaced, or was and may have to be sent and replaced again.
   *
   * @return false once the receivers have acknowledged all of it
   */
  public boolean isUnfinished() {
    return (original != null && original.isUnfinished()) || (reply != null && reply.isUnfinished());
  }

  /** Forgets what is to be replaced; what was replaced stays. */
  public void cancelPlanned() {
    if (original != null) {
      original.cancelPlanned();
    }
    if (reply != null) {
      reply.cancelPlanned();
    }
  }

  /**
   * Whether the kernel shifts sequence numbers of this flow. Finds out once: what is set must be
   * there when it is read back. Somebody else may have it shift them already ({@code synproxy}
   * does); then our changes come on top of that.
   *
   * @param conntrack asked for it
   * @return false if payload must not change its length
   * @throws NetlinkException if the kernel refuses
   */
  public boolean isAdjustable(Conntrack conntrack) throws NetlinkException {
    Boolean known = adjustable;
    if (known == null) {
      if (entry.hasOwnHelper()) {
        // With a helper of user space on it, numbers are shifted twice: once as a packet comes back
        // from the queue, and again where the kernel always does it.
        conntrack.removeHelper(entry.original());
      }
      var found = conntrack.sequenceAdjustments(entry.original(), entry.id());
      if (found.isPresent()) {
        standing(found.get());
      } else {
        conntrack.setSequenceAdjustment(entry.original(), false, SequenceAdjustment.NONE, false);
        found = conntrack.sequenceAdjustments(entry.original(), entry.id());
      }
      known = found.isPresent();
      adjustable = known;
    }
    return known;
  }

  /**
   * Takes over how the kernel shifts both directions before anything was replaced in them.
   *
   * @param found what stands in the kernel
   */
  public void standing(ConntrackClient.SequenceAdjustments found) {
    if (original != null) {
      original.standing(found.original());
    }
    if (reply != null) {
      reply.standing(found.reply());
    }
  }

  /**
   * The conntrack as it is now.
   *
   * @param conntrack asked for it
   * @return empty if the entry is gone, or is not the one that was first seen or translates in
   *     another way
   * @throws NetlinkException if the kernel refuses
   */
  public Optional<ConntrackEntry> unchanged(Conntrack conntrack) throws NetlinkException {
    return conntrack.get(entry.identity());
  }

  /**
   * Tells the kernel how to shift a direction from now on.
   *
   * @param conntrack told
   * @param direction which one
   * @param adjustment the whole of it
   * @param exempt whether both directions are exempt from the kernel's window check from then on
   * @return false if the flow is gone
   * @throws NetlinkException if the kernel refuses
   */
  public boolean adjust(
      Conntrack conntrack, Direction direction, SequenceAdjustment adjustment, boolean exempt)
      throws NetlinkException {
    return conntrack.setSequenceAdjustment(
        entry.original(), direction == Direction.REPLY, adjustment, exempt);
  }
}
