package org.pinholed.kernel.nfqueue;

import java.nio.ByteBuffer;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Where packets come from that wait for a verdict each: a queue of the kernel ({@link
 * PacketQueue}), or messages of one that were written down. Not thread-safe but for {@link #wake},
 * {@link #queueNumber} and {@link #overruns}.
 */
public interface PacketSource {
  /**
   * Says how long {@link #receive} waits from now on. For the thread that receives.
   *
   * @param timeout 1 ms to 1 h; null for what the source was opened with
   * @throws NetlinkException if the kernel refuses
   */
  void setReceiveTimeout(@Nullable Duration timeout) throws NetlinkException;

  /**
   * Waits for packets and hands them over, as many as are there up to the batch size.
   *
   * <p>If the handler throws, the exception comes out here and the next call goes on with the
   * packet after the one that failed.
   *
   * @param handler called once for each packet
   * @return how many packets were handed over; 0 if none came within the receive timeout, after
   *     {@link #wake}, or after an overrun
   * @throws NetlinkException if the kernel refused the queue's parameters or the receive failed
   */
  int receive(PacketHandler handler) throws NetlinkException;

  /**
   * Lets a packet pass. Takes effect with {@link #flush}.
   *
   * @param packetId of a packet that has no verdict yet
   */
  void accept(int packetId);

  /**
   * Drops a packet. Takes effect with {@link #flush}.
   *
   * @param packetId of a packet that has no verdict yet
   */
  void drop(int packetId);

  /**
   * Lets a packet pass with other bytes. Takes effect with {@link #flush}. The kernel takes the
   * bytes as they are: lengths and checksums must be right, IP options and fragment bits as before.
   *
   * @param packetId of a packet that has no verdict yet
   * @param payload where the new packet is, copied at once; its position and limit are not used
   * @param offset index of its IP header
   * @param lengthBytes its whole length, up to 65531
   */
  void acceptChanged(int packetId, ByteBuffer payload, int offset, int lengthBytes);

  /**
   * Lets all packets pass that are held and whose id is not after this one. Takes effect with
   * {@link #flush}, behind the verdicts that were given before it.
   *
   * @param packetId of the last packet
   */
  void acceptThrough(int packetId);

  /**
   * Hands all verdicts to the kernel, in the order in which they were given.
   *
   * @throws NetlinkException if the kernel did not take them; they stay and the next flush tries
   *     again. If so many came together that there was no room, the oldest are lost and counted
   */
  void flush() throws NetlinkException;

  /**
   * Makes a blocked {@link #receive} return, or the next one if none is blocked; from any thread.
   *
   * @throws NetlinkException if that cannot be said now
   */
  void wake() throws NetlinkException;

  /**
   * The number of the queue.
   *
   * @return 0..65535
   */
  int queueNumber();

  /**
   * How often packets were lost on the way here, or passed if the queue fails open. {@link
   * QueueStatistics} knows how many.
   *
   * @return a count since the beginning
   */
  long overruns();

  /**
   * Has packets come with their conntrack entry from now on, or no more. Whether they do shows in
   * each packet.
   *
   * @param wanted whether they should
   * @throws NetlinkException if that cannot be asked for
   */
  void attachConntrack(boolean wanted) throws NetlinkException;
}
