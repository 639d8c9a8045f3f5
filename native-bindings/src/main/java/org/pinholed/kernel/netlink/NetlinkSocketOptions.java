package org.pinholed.kernel.netlink;

import java.time.Duration;

/**
 * How a netlink socket is to be opened.
 *
 * @param receiveBufferBytes asked of {@code SO_RCVBUFFORCE}, 0 for the system's default; the kernel
 *     charges a small datagram with about twice its length
 * @param sendBufferBytes asked of {@code SO_SNDBUFFORCE}, 0 for the system's default; it limits the
 *     length of one datagram
 * @param receiveTimeout how long a receive waits, 1 ms to 1 h
 * @param reportOverruns false sets {@code NETLINK_NO_ENOBUFS}: lost messages are not told
 */
public record NetlinkSocketOptions(
    int receiveBufferBytes, int sendBufferBytes, Duration receiveTimeout, boolean reportOverruns) {
  /** Refuses what the kernel would not do as asked. */
  public NetlinkSocketOptions {
    Ranges.requireAtLeast("receiveBufferBytes", receiveBufferBytes, 0);
    Ranges.requireAtLeast("sendBufferBytes", sendBufferBytes, 0);
    Ranges.requireWait("receiveTimeout", receiveTimeout);
  }

  /**
   * For requests and their answers: a 1 MiB receive buffer, 1 MiB to send, 2 s to wait.
   *
   * @return the options
   */
  public static NetlinkSocketOptions forRequests() {
    return new NetlinkSocketOptions(1 << 20, 1 << 20, Duration.ofSeconds(2), true);
  }
}
