package org.pinholed.helper;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a helper puts what it concluded from a message. Calling nothing means: pass. Calls are
 * valid only while the helper is being fed, on the same thread.
 *
 * <p>A sink, not a returned object, because one segment may carry any number of messages and most
 * carry none of interest: those must cost no allocation.
 */
public interface OutcomeSink {
  /** How much of a detail of a {@linkplain #report(Reason, long, String) report} is kept. */
  int DETAIL_LENGTH = 200;

  /**
   * Announces a child that is a group by itself, as {@link #expectGroup} does.
   *
   * @param request what was announced, with addresses as the payload says
   * @return as there; null if nothing is opened
   */
  default @Nullable Endpoint expect(ExpectationRequest request) {
    return expectGroup(List.of(request)).get(0).orElse(null);
  }

  /**
   * Announces the children of a group, all that there are from now on. What its owner announced
   * before under the same group and has no place in it any more is shut, in the same transaction.
   *
   * <p>A request that lets in just what the one before let in changes nothing but its times: its
   * port stays, what was counted stays, nothing is told. It need not be said in the same way, nor
   * over the same flow: the other end may be named or meant, and texts and times may differ. Where
   * the ports of a group changed only in who may come (its source), they stay, too. But on a
   * stream, where nothing is said twice by accident, a request for one connection announces another
   * one each time.
   *
   * @param requests what was announced, with addresses as the payload says; at least one, all with
   *     the same owner and group, each with an item of its own
   * @return for each request what the other side must see as the child's destination: the announced
   *     endpoint itself without translation; empty if nothing is opened for it because of a limit
   *     or policy (already counted), and then nothing is to be rewritten. If it is another endpoint
   *     than the announced one the helper must {@link #edit} the message accordingly before the
   *     call of the helper returns
   */
  List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests);

  /**
   * Opens what was announced inactive.
   *
   * @param owner who it belongs to; null for this flow
   * @param group the group of the requests; unknown ones are ignored
   */
  void activate(@Nullable OwnerId owner, String group);

  /**
   * Shuts everything that was announced in a group and did not come yet, and with it the right to
   * new connections. Children that live go on.
   *
   * @param owner who it belongs to; null for this flow
   * @param group the group of the requests; unknown ones are ignored
   */
  default void close(@Nullable OwnerId owner, String group) {
    close(owner, group, Children.KEEP);
  }

  /**
   * Shuts everything that was announced in a group and did not come yet, and with it the right to
   * new connections.
   *
   * @param owner who it belongs to; null for this flow
   * @param group the group of the requests; unknown ones are ignored
   * @param children whether the children that came by it go on; those of a pinhole that another
   *     group or owner holds, too, always do
   */
  void close(@Nullable OwnerId owner, String group, Children children);

  /**
   * Says how long an owner lives at most from now on, whatever its expectations say; its children
   * that live then go on.
   *
   * @param owner an owner beyond the flow
   * @param atMost above zero
   */
  default void keepOwner(OwnerId owner, Duration atMost) {
    keepOwner(owner, atMost, Children.KEEP);
  }

  /**
   * Says how long an owner lives at most from now on, whatever its expectations say. Once that is
   * over it ends as by {@link #endOwner}. Said again, the last word counts. An owner that has no
   * expectation is forgotten.
   *
   * @param owner an owner beyond the flow
   * @param atMost above zero
   * @param children whether its children that live then go on
   */
  void keepOwner(OwnerId owner, Duration atMost, Children children);

  /**
   * Ends an owner beyond the flow, with everything that belongs to it alone.
   *
   * @param owner unknown ones are ignored
   * @param children whether its children that live go on
   */
  void endOwner(OwnerId owner, Children children);

  /**
   * Says that an owner lasts from now on, whatever was said of its expectations when they were
   * announced ({@link Lifetime.Provisional}). The kernel knows it when the call of the helper has
   * been answered. To be said after what is announced.
   *
   * @param owner an owner beyond the flow; unknown ones are ignored
   */
  default void settle(OwnerId owner) {}

  /**
   * Says how long what an owner has may stay at most from now on, if that is longer than what was
   * said of it. For what cannot be announced again, because an earlier process has announced it.
   *
   * @param owner an owner beyond the flow; unknown ones are ignored
   * @param longest above zero, 366 days at most
   */
  default void prolong(OwnerId owner, Duration longest) {}

  /**
   * Whether an owner has expectations, of which none lasts ({@link Lifetime.Provisional}); be it
   * since an earlier process.
   *
   * @param owner an owner beyond the flow
   * @return false for unknown ones
   */
  default boolean isProvisional(OwnerId owner) {
    return false;
  }

  /**
   * Says what operators call an owner, and in which state it is. They see it in listings of its
   * kind. Ignored if the owner has no expectation; to be said after what it announces, and again
   * whenever the label or the state changed.
   *
   * @param owner an owner beyond the flow
   * @param kind what it is, for example {@code call} or {@code registration}
   * @param label at most 120 characters of printable ASCII, others are escaped; parts that name
   *     people are masked by the helper
   * @param state one word, as {@code label}
   */
  default void named(OwnerId owner, HelperWord kind, String label, String state) {}

  /**
   * Whether something of a group is announced or open, be it since an earlier process.
   *
   * @param owner who it belongs to; null for this flow
   * @param group the group of the requests
   * @return false if there is no such group
   */
  default boolean stands(@Nullable OwnerId owner, String group) {
    return false;
  }

  /**
   * The groups of which something is announced or open, be it since an earlier process. Costs as
   * much as the owner has, so it is for what happens seldom.
   *
   * @param owner an owner beyond the flow
   * @return their names, in no order; empty for unknown ones
   */
  default Set<String> groups(OwnerId owner) {
    return Set.of();
  }

  /**
   * What leads from an endpoint that others see to one inside; of any owner beyond flows of this
   * helper, be it since an earlier process. Costs one look into a table.
   *
   * @param transport that of the child
   * @param seen where its first packet goes to
   * @return null if nothing that is announced or open leads from there to another endpoint
   */
  default @Nullable Announced announced(Transport transport, Endpoint seen) {
    return null;
  }

  /**
   * Whether somebody has to do with what leads from an endpoint that others see to one inside: it
   * is open for him, or it was announced to him or by him. Costs a few looks into tables.
   *
   * @param transport that of the child
   * @param seen where its first packet goes to
   * @param who an address, as its own packets have it
   * @return false for everybody where {@link #announced} finds nothing
   */
  default boolean isKnownTo(Transport transport, Endpoint seen, InetAddress who) {
    return false;
  }

  /** What becomes of children that live when their owner ends. */
  enum Children {
    /** They go on. */
    KEEP,
    /**
     * Their conntracks are deleted, so that the firewall lets nothing more through. Only TCP
     * connections that are read go on: they carry messages of other owners, too, perhaps the last
     * ones of this one, and an end of their own is still to come.
     */
    CUT
  }

  /**
   * Changes bytes of the message that is being read. Edits of one message come in ascending order
   * and do not overlap.
   *
   * @param streamOffset first byte to replace, counted from the first byte of the direction's
   *     stream (of the datagram for UDP)
   * @param lengthBytes how many bytes go
   * @param replacement what comes instead; the sink keeps the array
   */
  void edit(long streamOffset, int lengthBytes, byte[] replacement);

  /**
   * Changes bytes of the message that is being read, as {@link #edit(long, int, byte[])} does, and
   * has it counted what they stand in.
   *
   * @param streamOffset as there
   * @param lengthBytes as there
   * @param replacement as there
   * @param field the field of the message, for counters and the trace
   */
  default void edit(long streamOffset, int lengthBytes, byte[] replacement, HelperWord field) {
    edit(streamOffset, lengthBytes, replacement);
  }

  /**
   * Says that the message whose end is awaited may announce a child, so that it may have to be
   * changed as a whole: on a translated flow what is there of it is kept from the receiver. If
   * messages {@linkplain StreamHelper#hasLongMessages may be longer than a segment} it is held
   * until the message is complete, or a bound is reached; else it is withheld once, until the
   * sender sends it again together with the rest. To be said at each feed as long as it is so, with
   * the same offset.
   *
   * @param streamOffset where in the direction's stream the message began
   */
  default void incomplete(long streamOffset) {}

  /**
   * Says which message the outcomes are about from here on to the end of this feed. Only helpers
   * that have {@linkplain StreamHelper#hasLongMessages long messages} need to say it, for each
   * message: if a message reached a bound and passes as it came, nothing of it is opened or
   * changed; what is not said to be about another message is taken for a part of it.
   *
   * @param streamOffset where in the direction's stream the message began
   */
  default void begins(long streamOffset) {}

  /**
   * Says which owner the message is about, from here on to the end of this feed or until another
   * one is said. What is {@linkplain #report reported} of the message is shown with that owner in
   * listings, also if it has its first expectation only after that in the same feed.
   *
   * @param owner an owner beyond the flow; null if the message is about none
   */
  default void concerns(@Nullable OwnerId owner) {}

  /**
   * Says why something opens nothing, or why reading ends; the kind of the reason decides.
   *
   * @param reason the reason
   * @param streamOffset where in the direction's stream it was seen
   */
  void report(Reason reason, long streamOffset);

  /**
   * Says why something opens nothing, or why reading ends, as {@link #report(Reason, long)} does,
   * and what exactly it was: what the reason alone does not tell, such as the interface that was
   * asked for. Operators read it in place of the explanation of the reason: in the event, in the
   * history of what was refused, and in the trace; of a {@linkplain Reason.Kind#PART_OPAQUE part
   * that is encrypted} also in the listing of flows.
   *
   * @param reason as there
   * @param streamOffset as there
   * @param detail one clause; of more than {@value #DETAIL_LENGTH} characters the rest is cut, and
   *     what is not printable is escaped. Parts that name people are masked by the helper; empty
   *     for none
   */
  default void report(Reason reason, long streamOffset, String detail) {
    report(reason, streamOffset);
  }

  /**
   * Says what was understood, for the trace and for the count of messages.
   *
   * @param word a command, reply or method
   */
  void understood(HelperWord word);

  /**
   * Whether somebody traces this message, so that it is worth while to make a text of it.
   *
   * @return false for most
   */
  default boolean isTraced() {
    return false;
  }

  /**
   * Says in one line what was understood of a message. Ignored unless {@link #isTraced}.
   *
   * @param text what operators read; parts that name people are masked by the helper
   */
  default void describe(String text) {}

  /**
   * Says that this flow is not what was announced: the packet is dropped and its conntrack deleted.
   * Only of a child that is read; of another flow the reason is reported and no more.
   *
   * @param reason why; its kind does not matter
   * @param streamOffset where in the direction's stream it was seen
   */
  void cut(Reason reason, long streamOffset);

  /**
   * Says that the flow may be resumed from now on by an agent that did not see its beginning;
   * before, never. Either the evidence of the protocol is complete: what was read in order, from
   * the first byte of each direction, can only come from a client and a server that speak it to
   * each other. Or the client does, by its own first bytes, and the helper waits for the whole
   * evidence before it opens anything on a flow that is resumed. Saying it again does nothing.
   */
  default void proven() {}
}
