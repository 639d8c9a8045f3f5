package org.pinholed.kernel.conntrack;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;

/**
 * Hears of connections that begin and end.
 *
 * <p>Owned by one thread. Open it before anything else: with {@code net.netfilter.
 * nf_conntrack_events} at its default of 2 a connection that was made while nobody listened sends
 * no events, not even that it ended.
 */
public final class ConntrackEvents implements ConntrackEventSource, AutoCloseable {
  private static final int NFNLGRP_CONNTRACK_NEW = 1;
  private static final int NFNLGRP_CONNTRACK_DESTROY = 3;
  private static final int BATCH_SLOTS = 64;
  private static final int SLOT_BYTES = 4096;

  private final NetlinkTransport transport;
  private final DatagramBatch batch = new DatagramBatch(BATCH_SLOTS, SLOT_BYTES);
  private final NetlinkReader reader = new NetlinkReader();
  private final ConntrackView view = new ConntrackView();
  private final AtomicLong overruns = new AtomicLong();
  private int dispatched;

  private ConntrackEvents(NetlinkTransport transport) {
    this.transport = transport;
  }

  /** Takes the events, on the thread that receives. */
  public interface Handler {
    /**
     * A connection was confirmed: its first packet has left this machine.
     *
     * @param entry as it is then
     */
    void onNew(ConntrackEntry entry);

    /**
     * A connection was removed: it ran out, was closed, or was deleted.
     *
     * @param entry as it was last
     */
    void onDestroy(ConntrackEntry entry);

    /** Events were lost: what was derived from them must be compared with a dump. */
    void onOverrun();
  }

  /**
   * Subscribes, in the network namespace of the calling thread.
   *
   * @param options what is wanted
   * @return an open subscription
   * @throws NetlinkException if the kernel refuses
   */
  public static ConntrackEvents open(EventOptions options) throws NetlinkException {
    NetlinkSocket socket =
        NetlinkSocket.open(
            new NetlinkSocketOptions(
                options.receiveBufferBytes(), 0, options.receiveTimeout(), true));
    boolean opened = false;
    try {
      if (options.markMask() != 0) {
        // Before the groups, so that nothing comes past it.
        socket.attachFilter(MarkFilter.program(options.markMask()));
      }
      if (options.newFlows()) {
        socket.joinGroup(NFNLGRP_CONNTRACK_NEW);
      }
      if (options.endedFlows()) {
        socket.joinGroup(NFNLGRP_CONNTRACK_DESTROY);
      }
      opened = true;
      return open(socket);
    } finally {
      if (!opened) {
        socket.close();
      }
    }
  }

  /**
   * Makes a subscription of a transport that is in the wanted groups already.
   *
   * @param transport owned by the subscription from now on
   * @return an open subscription
   */
  public static ConntrackEvents open(NetlinkTransport transport) {
    return new ConntrackEvents(transport);
  }

  /**
   * Changes of which connections the kernel tells. From any thread.
   *
   * @param markMask those with one of these bits in their mark; 0 for all
   * @throws NetlinkException if the kernel refuses; then it tells of the same as before
   */
  public void listenTo(int markMask) throws NetlinkException {
    if (transport instanceof NetlinkSocket socket) {
      // The kernel puts the new program into the place of the old one in one step.
      socket.attachFilter(markMask == 0 ? MarkFilter.all() : MarkFilter.program(markMask));
    }
  }

  /**
   * The socket. While any process has it open, new conntracks are made so that they tell of their
   * end, whether somebody reads or not.
   *
   * @return its file descriptor, which stays open here
   * @throws IllegalStateException if the subscription has no socket of the kernel
   */
  public int descriptor() {
    if (transport instanceof NetlinkSocket socket) {
      return socket.descriptor();
    }
    throw new IllegalStateException("the subscription has no socket");
  }

  @Override
  public int receive(Handler handler) throws NetlinkException {
    if (dispatched >= batch.count()) {
      dispatched = 0;
      try {
        transport.receiveBatch(batch);
      } catch (NetlinkException e) {
        if (e.errno() == Errno.ENOBUFS) {
          overruns.getAndIncrement();
          handler.onOverrun();
          return 0;
        }
        throw e;
      }
    }
    int events = 0;
    while (dispatched < batch.count()) {
      int index = dispatched++;
      reader.wrap(batch.buffer(), batch.offset(index), batch.lengthBytes(index));
      while (reader.nextMessage()) {
        int type = reader.type();
        if (type != ConntrackMessages.NEW && type != ConntrackMessages.DELETE) {
          continue;
        }
        reader.enterNfnetlink();
        Optional<ConntrackEntry> entry = view.read(reader);
        if (entry.isEmpty()) {
          continue;
        }
        events++;
        if (type == ConntrackMessages.NEW) {
          handler.onNew(entry.get());
        } else {
          handler.onDestroy(entry.get());
        }
      }
    }
    return events;
  }

  @Override
  public boolean isDrained() {
    return batch.count() < batch.slots();
  }

  /**
   * How often events were lost.
   *
   * @return a count since the subscription was opened
   */
  public long overruns() {
    return overruns.get();
  }

  @Override
  public void close() {
    transport.close();
  }
}
