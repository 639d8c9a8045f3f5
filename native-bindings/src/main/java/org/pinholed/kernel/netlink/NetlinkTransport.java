package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;

/**
 * What carries netlink datagrams: the kernel's socket, or a fake that compares bytes in a test.
 *
 * <p>An implementation may be used by one sending and one receiving thread at the same time; a
 * blocked receive never holds up a send.
 */
public interface NetlinkTransport extends AutoCloseable {
  /**
   * Sends what the writer holds as one datagram.
   *
   * @param writer one or more ended messages
   * @throws NetlinkException if the kernel does not take it
   */
  void send(NetlinkWriter writer) throws NetlinkException;

  /**
   * Receives one datagram.
   *
   * @param into a direct buffer in the byte order of the machine; filled from index 0
   * @return its length in bytes; 0 if nothing came within the receive timeout
   * @throws NetlinkException with {@link Errno#ENOBUFS} after an overrun, and other errors
   */
  int receive(ByteBuffer into) throws NetlinkException;

  @Override
  void close();
}
