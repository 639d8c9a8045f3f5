package org.pinholed.kernel.link;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;

/**
 * Hears of network devices that are switched off or on: {@code RTM_NEWLINK} of rtnetlink(7). Owned
 * by one thread.
 */
public final class LinkEvents implements AutoCloseable {
  private static final int RTNLGRP_LINK = 1;
  private static final int RTM_NEWLINK = 16;

  /** {@code struct ifinfomsg}: u8 family, u8 pad, u16 type, s32 index, u32 flags, u32 change. */
  private static final int IFINFOMSG_BYTES = 16;

  private static final int FLAGS_OFFSET = 8;
  private static final int CHANGE_OFFSET = 12;
  private static final int IFF_UP = 1;

  /** What {@code change} is when a device is told of as a whole, as a new one is. */
  private static final int EVERYTHING = -1;

  private static final int IFLA_IFNAME = 3;
  private static final int DATAGRAM_BYTES = 32 * 1024;
  private static final int RECEIVE_BUFFER_BYTES = 256 * 1024;

  private final NetlinkTransport transport;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(DATAGRAM_BYTES).order(ByteOrder.nativeOrder());
  private final NetlinkReader reader = new NetlinkReader();

  private LinkEvents(NetlinkTransport transport) {
    this.transport = transport;
  }

  /** Takes the events, on the thread that polls. */
  @FunctionalInterface
  public interface Handler {
    /**
     * A device was switched on or off by an administrator; one whose cable is pulled was not.
     *
     * @param device its name
     * @param up whether it is on now
     */
    void onSwitched(String device, boolean up);
  }

  /**
   * Subscribes, in the network namespace of the calling thread.
   *
   * @return an open subscription
   * @throws NetlinkException if the kernel refuses
   */
  public static LinkEvents open() throws NetlinkException {
    NetlinkSocket socket =
        NetlinkSocket.openRoute(
            new NetlinkSocketOptions(RECEIVE_BUFFER_BYTES, 0, Duration.ofSeconds(1), true));
    boolean joined = false;
    try {
      socket.joinGroup(RTNLGRP_LINK);
      joined = true;
      return open(socket);
    } finally {
      if (!joined) {
        socket.close();
      }
    }
  }

  /**
   * Makes a subscription of a transport that is in the group already.
   *
   * @param transport owned by the subscription from now on
   * @return an open subscription
   */
  public static LinkEvents open(NetlinkTransport transport) {
    return new LinkEvents(transport);
  }

  /**
   * Hands over what has arrived; never waits. Events that were lost to a full buffer are not told.
   *
   * @param handler called for each device that was switched
   * @throws NetlinkException if the receive failed
   */
  public void poll(Handler handler) throws NetlinkException {
    for (int lengthBytes = receive(); lengthBytes > 0; lengthBytes = receive()) {
      reader.wrap(buffer, 0, lengthBytes);
      while (reader.nextMessage()) {
        if (reader.type() == RTM_NEWLINK) {
          read(handler);
        }
      }
    }
  }

  private int receive() throws NetlinkException {
    try {
      return transport.receiveNow(buffer);
    } catch (NetlinkException e) {
      if (e.errno() == Errno.ENOBUFS || e.errno() == Errno.EMSGSIZE) {
        return 0; // the rest is there at the next poll
      }
      throw e;
    }
  }

  private void read(Handler handler) {
    int at = reader.payloadOffset();
    if (reader.payloadLengthBytes() < IFINFOMSG_BYTES) {
      return;
    }
    int change = buffer.getInt(at + CHANGE_OFFSET);
    if (change == EVERYTHING || (change & IFF_UP) == 0) {
      return;
    }
    boolean up = (buffer.getInt(at + FLAGS_OFFSET) & IFF_UP) != 0;
    reader.enterAttributes(IFINFOMSG_BYTES);
    while (reader.nextAttribute()) {
      if (reader.attributeType() == IFLA_IFNAME) {
        handler.onSwitched(reader.string(), up);
        return;
      }
    }
  }

  @Override
  public void close() {
    transport.close();
  }
}
