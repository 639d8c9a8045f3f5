package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * What carries netlink datagrams: the kernel's socket, or a fake that compares bytes in a test.
 *
 * <p>Any thread may send; one thread at a time may receive. A blocked receive never holds up a
 * send. The owner closes it, after the receiving thread has left.
 */
public interface NetlinkTransport extends AutoCloseable {
  /**
   * Sends what the writer holds as one datagram. The kernel works through it before this returns,
   * and its answers wait to be received.
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
   * @throws NetlinkException with {@link Errno#ENOBUFS} after an overrun, {@link Errno#EMSGSIZE}
   *     for a datagram that is longer than the buffer (it is lost), and other errors
   */
  int receive(ByteBuffer into) throws NetlinkException;

  /**
   * Receives one datagram if one is there, without waiting.
   *
   * @param into as for {@link #receive}
   * @return its length in bytes; 0 if there was none
   * @throws NetlinkException as {@link #receive}
   */
  int receiveNow(ByteBuffer into) throws NetlinkException;

  /**
   * Receives as many datagrams as are there, at most as many as the batch has slots; waits for the
   * first one only. Allocates nothing.
   *
   * @param batch takes the datagrams; what it held before is gone
   * @return how many there are now; 0 if nothing came within the receive timeout
   * @throws NetlinkException with {@link Errno#ENOBUFS} after an overrun, and other errors
   */
  int receiveBatch(DatagramBatch batch) throws NetlinkException;

  /**
   * Says how long a receive waits from now on.
   *
   * @param timeout 1 ms to 1 h
   * @throws NetlinkException if the kernel refuses
   */
  default void setReceiveTimeout(Duration timeout) throws NetlinkException {}

  @Override
  void close();
}
