package org.pinholed.kernel.conntrack;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * A conntrack table that is asked and changed: the kernel's ({@link ConntrackClient}), or one in
 * memory where packets are replayed. Not thread-safe, one per thread.
 */
public interface Conntrack {
  /**
   * Looks up the connection of a packet.
   *
   * @param eitherDirection the original or the reply tuple
   * @return the connection, or empty if there is none
   * @throws NetlinkException if the kernel refuses; {@link Errno#EINVAL} for a protocol whose
   *     tuples have no ports
   */
  Optional<ConntrackEntry> get(FlowTuple eitherDirection) throws NetlinkException;

  /**
   * Looks up the connections of several packets at once, which costs less than half of as many
   * single questions.
   *
   * @param eitherDirection original or reply tuples, 1..64
   * @return those that are there, once for each tuple that found it
   * @throws NetlinkException if the kernel refuses; {@link Errno#EINVAL} for a protocol whose
   *     tuples have no ports
   */
  List<ConntrackEntry> getEach(List<FlowTuple> eitherDirection) throws NetlinkException;

  /**
   * Looks up one connection.
   *
   * @param identity which
   * @return as it is now; empty if it is gone, also if another one has its tuple
   * @throws NetlinkException if the kernel refuses
   */
  Optional<ConntrackEntry> get(ConntrackIdentity identity) throws NetlinkException;

  /**
   * Deletes one connection. Its later packets start a new one, or none if the rules say so.
   *
   * @param original one of its tuples
   * @param id {@link ConntrackEntry#id}: another connection that has taken the tuple meanwhile
   *     stays
   * @return false if it is gone already
   * @throws NetlinkException if the kernel refuses
   */
  boolean delete(FlowTuple original, int id) throws NetlinkException;

  /**
   * Deletes one connection, and never another one that has taken its tuples meanwhile.
   *
   * @param identity which
   * @return false if it is gone already
   * @throws NetlinkException if the kernel refuses
   */
  boolean delete(ConntrackIdentity identity) throws NetlinkException;

  /**
   * Sets how long a connection is kept if no packet comes. The next packet sets it to what the
   * kernel gives its protocol and state; {@link ConntrackEntry#timeoutSeconds} tells what is left.
   *
   * @param identity which; between the look at it and the change another one could take its tuples,
   *     and would be kept as long
   * @param seconds from now on, 1..2147483 (the kernel counts to 2^31 thousandths)
   * @return false if it is gone already
   * @throws NetlinkException if the kernel refuses; {@link Errno#EPERM} for one whose timeout was
   *     fixed ({@code IPS_FIXED_TIMEOUT})
   */
  boolean setTimeout(ConntrackIdentity identity, int seconds) throws NetlinkException;

  /**
   * Changes some bits of a connection's mark.
   *
   * @param original one of its tuples
   * @param mark the new values of the bits; others are ignored
   * @param mask which bits are changed
   * @return false if there is no such connection
   * @throws NetlinkException if the kernel refuses
   */
  boolean setMark(FlowTuple original, int mark, int mask) throws NetlinkException;

  /**
   * Tells how the kernel shifts the sequence numbers of a TCP connection.
   *
   * @param original one of its tuples
   * @param id {@link ConntrackEntry#id}
   * @return the adjustments of original and reply direction; empty if the connection is gone, or
   *     none was ever set, or it cannot have any
   * @throws NetlinkException if the kernel refuses
   */
  Optional<ConntrackClient.SequenceAdjustments> sequenceAdjustments(FlowTuple original, int id)
      throws NetlinkException;

  /**
   * Changes how the kernel shifts the sequence numbers of one direction. A connection without the
   * extension (it has one if it is translated and had a helper extension when it began) ignores it
   * in silence: {@link #sequenceAdjustments} tells. Where the kernel's window check would be misled
   * ({@link SequenceAdjustment#misleadsWindowCheck}) both directions are exempt from it from then
   * on, as by {@code net.netfilter.nf_conntrack_tcp_be_liberal}: of what one direction sends
   * without being followed, the other's acknowledgements seem too high.
   *
   * <p>It is misled by selective acknowledgements, too, as long as the receiver misses bytes right
   * before the position and has some behind it, and numbers are shifted up there ({@code
   * tcp_in_window} takes the offset of the acknowledgement for them): whoever lets that happen asks
   * for the exemption. An invalid packet is not translated back, so where the router's own address
   * is what the server sees, the router takes it for its own, and answers it with a reset.
   *
   * @param original one of its tuples
   * @param ofReply false for what the client sends, true for what the server sends
   * @param adjustment the whole of it
   * @param exempt whether both directions are exempt from the window check in any case
   * @return false if there is no such connection
   * @throws NetlinkException if the kernel refuses
   */
  boolean setSequenceAdjustment(
      FlowTuple original, boolean ofReply, SequenceAdjustment adjustment, boolean exempt)
      throws NetlinkException;

  /**
   * Takes its helper away from a connection, and with it what it expects.
   *
   * @param original its original tuple
   * @return false if there is no such connection
   * @throws NetlinkException if the kernel refuses; {@code EOPNOTSUPP} from Linux 7.2 on
   */
  boolean removeHelper(FlowTuple original) throws NetlinkException;

  /**
   * Tells all connections that pass a filter. One that begins or ends meanwhile may be missing.
   *
   * @param filter which connections
   * @param each called for each of them; must not use this
   * @throws NetlinkException if the kernel refuses, or entries were lost
   */
  void dump(DumpFilter filter, Consumer<ConntrackEntry> each) throws NetlinkException;
}
