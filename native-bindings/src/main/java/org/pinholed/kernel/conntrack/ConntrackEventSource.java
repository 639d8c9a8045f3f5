package org.pinholed.kernel.conntrack;

import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Where news of connections come from that begin and end: the kernel ({@link ConntrackEvents}), or
 * a table in memory where packets are replayed. Owned by one thread.
 */
public interface ConntrackEventSource {
  /**
   * Waits for events and hands them over. If the handler throws, the next call goes on with the
   * event after the one that failed.
   *
   * @param handler called once for each event
   * @return how many new and ended connections were told; 0 also after the receive timeout
   * @throws NetlinkException if the receive failed
   */
  int receive(ConntrackEvents.Handler handler) throws NetlinkException;

  /**
   * Whether nothing waited any more when the last {@link #receive} took its events: everything that
   * happened before it began was told.
   *
   * @return false if it took as many as fit, so that more may wait
   */
  boolean isDrained();
}
