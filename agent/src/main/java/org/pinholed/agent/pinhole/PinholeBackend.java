package org.pinholed.agent.pinhole;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * What opens and shuts pinholes. One transaction per call, as long as it fits into one: all of it
 * is done, or nothing. Hundreds of pinholes take several transactions; if one of them fails, {@link
 * BackendException#done} tells what those before it did, and those behind it are not tried.
 *
 * <p>Each thread that changes pinholes has a {@link Session} of its own; sessions of one backend
 * may be used at the same time.
 */
public interface PinholeBackend extends AutoCloseable {
  /** The way of one thread to the backend. Not thread-safe. */
  interface Session extends AutoCloseable {
    /**
     * Shuts pinholes, then opens some, in the order of the lists. Shutting one that is gone already
     * (used up, timed out) is no error. Opening one that stands already replaces it. A lease of a
     * range that the backend was not told of is refused.
     *
     * @param close what to shut
     * @param open what to open
     * @return those of {@code close} that certainly stood until now: no child has used them up. Of
     *     the others it is not known, or a child has used them, or their time was over
     * @throws BackendException if the kernel refuses; it tells what was done
     */
    default List<Pinhole> apply(List<Pinhole> close, List<Pinhole> open) throws BackendException {
      return apply(close, open, List.of());
    }

    /**
     * As {@link #apply(List, List)}, and for some seconds the kernel treats directions of TCP
     * connections in another way: pure ACKs of what they sent are queued, too; and should nobody
     * read the packet queue, their payload is dropped if they are translated, so that its sender
     * sends it again, and does not pass unread.
     *
     * @param close what to shut
     * @param open what to open
     * @param rewritten the directions; the time begins anew for those that are treated so already
     * @return as there
     * @throws BackendException if the kernel refuses; it tells what was done
     */
    List<Pinhole> apply(List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
        throws BackendException;

    /**
     * Sets the remaining time of pinholes to their full timeout again. Ones that are gone are made
     * anew.
     *
     * @param pinholes what to renew
     * @throws BackendException if the kernel refuses; it tells what was done
     */
    void renew(List<Pinhole> pinholes) throws BackendException;

    /**
     * Whether a pinhole stands in the kernel.
     *
     * @param pinhole which
     * @return false if it was used up, shut, or its time is over
     * @throws BackendException if the kernel refuses
     */
    boolean stands(Pinhole pinhole) throws BackendException;

    /**
     * What the first datagram of a flow was before it was translated: of one that is in the packet
     * queue now, or was a moment ago. Later its conntrack can be asked.
     *
     * @param source where the datagram comes from, as it is queued
     * @param destination where it goes to
     * @return null if it is not known: not UDP, not of a helper's port and no child that is read,
     *     or too many began at once
     * @throws BackendException if the kernel refuses
     */
    @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination) throws BackendException;

    /**
     * All pinholes of ours that stand in the kernel.
     *
     * @return what was found
     * @throws BackendException if the kernel refuses
     */
    List<OwnedPinhole> listOwned() throws BackendException;

    @Override
    void close();
  }

  /**
   * Opens the way of one thread.
   *
   * @return a session, to be closed by the caller
   * @throws BackendException if the kernel refuses
   */
  Session openSession() throws BackendException;

  /**
   * What this kernel can do, and what is lost without it.
   *
   * @return feature name to a short text, {@code yes} or why not
   */
  Map<String, String> probe();

  /**
   * Makes the table, the maps and the diversion of the control packets of some ports.
   *
   * @param ports ports of the enabled helpers
   * @param leased the ranges that leases may be given for
   * @throws BackendException if the kernel refuses
   */
  void install(Collection<HelperPort> ports, Collection<PortRange> leased) throws BackendException;

  /**
   * As {@link #install(Collection, Collection)}, without leases.
   *
   * @param ports ports of the enabled helpers
   * @throws BackendException if the kernel refuses
   */
  default void install(Collection<HelperPort> ports) throws BackendException {
    install(ports, List.of());
  }

  /**
   * Diverts the control packets of other ports than before, at run time. A lease of a range that is
   * not among the new ones lets nobody in any more.
   *
   * @param ports ports of the enabled helpers
   * @param leased the ranges that leases may be given for
   * @throws BackendException if the kernel refuses
   */
  void setPorts(Collection<HelperPort> ports, Collection<PortRange> leased) throws BackendException;

  /**
   * As {@link #setPorts(Collection, Collection)}, without leases.
   *
   * @param ports ports of the enabled helpers
   * @throws BackendException if the kernel refuses
   */
  default void setPorts(Collection<HelperPort> ports) throws BackendException {
    setPorts(ports, List.of());
  }

  /**
   * Whether {@link Pinhole#connections} holds by itself, also when a lease is renewed. One that is
   * made anew (opened again, or put back by {@link #repair}) lets as many in again.
   *
   * @return false if only whoever opens leases counts their children
   */
  boolean limitsConnections();

  /**
   * Which queue the diversion gives the packets of a flow to. Flows with the same id have the same
   * queue.
   *
   * @param conntrackId the flow's conntrack id
   * @return 0 for the first queue, 1 for the one behind it, and so on
   */
  int queueOf(int conntrackId);

  /**
   * Takes the table, and with it pinholes and diversion, away.
   *
   * @throws BackendException if the kernel refuses
   */
  void remove() throws BackendException;

  /**
   * Whether packets of helper ports came by lately that are left alone because their connections
   * are in a conntrack zone: two of them may have the same addresses.
   *
   * @return false also where the kernel has no zones
   * @throws BackendException if the kernel refuses
   */
  default boolean leavesZonesAlone() throws BackendException {
    return false;
  }

  /**
   * Whether such an expectation of the kernel can only be one of the object that gives connections
   * the extension for sequence numbers, and is to expect nothing. From any thread.
   *
   * @param protocol of what is expected
   * @param destinationPort of what is expected
   * @return false also where there is no such object
   */
  default boolean expectsForSequenceAdjustment(int protocol, int destinationPort) {
    return false;
  }

  /**
   * Whether expectations of the kernel stand beside pinholes.
   *
   * @return as of now; from false it does not come back
   */
  default boolean expects() {
    return false;
  }

  /**
   * Gives connections that object no more: new ones that are translated cannot be rewritten.
   *
   * @throws BackendException if the kernel refuses; the table is written without it the next time
   */
  default void withdrawSequenceAdjustment() throws BackendException {}

  /**
   * Gives new connections the helper that expectations of the kernel belong to no more.
   *
   * @throws BackendException if the kernel refuses; the table is written without it the next time
   */
  default void withdrawExpectations() throws BackendException {}

  /**
   * Looks whether what it relies on in others' rules still holds, if it is time for that. Called
   * again and again by one thread.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @throws BackendException if the kernel refuses
   */
  default void recheck(long nowNs) throws BackendException {}

  /**
   * Compares what should stand in the kernel with what does and repairs it, after somebody else may
   * have changed it.
   *
   * @param alive pinholes that should be open, their timeouts being what is left
   * @return true if something was missing and is there again
   * @throws BackendException if the kernel refuses
   */
  boolean repair(Collection<Pinhole> alive) throws BackendException;

  /**
   * Begins to watch the kernel's table.
   *
   * @param changed called, by a thread of the backend, whenever somebody else changed or removed
   *     what is ours; the answer to it is {@link #repair}
   * @param newsLost called, by the same thread, whenever news of changes were lost; {@code changed}
   *     follows
   * @throws BackendException if the kernel refuses
   */
  void watch(Runnable changed, Runnable newsLost) throws BackendException;

  /**
   * Says whom to tell of the firewall's accept rule. To be called before {@link #watch}.
   *
   * @param told called, by the thread of the watch, after each look at the firewall
   */
  default void tellOfAcceptRule(Consumer<AcceptRuleState> told) {}

  /**
   * Whether the firewall accepts the children of pinholes. Thread-safe.
   *
   * @return as of the last look
   */
  default AcceptRuleState acceptRule() {
    return AcceptRuleState.UNKNOWN;
  }

  /**
   * What keeps the kernel's table from being watched at present. Thread-safe.
   *
   * @return one sentence; empty if it is watched, or if there is nothing to watch
   */
  String watchProblem();

  @Override
  void close();
}
