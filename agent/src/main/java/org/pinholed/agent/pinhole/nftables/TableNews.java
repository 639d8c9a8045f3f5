package org.pinholed.agent.pinhole.nftables;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftMonitor;
import org.pinholed.kernel.nftables.NftTable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the kernel tells of changes to the table, without those that our own sockets make: they
 * would wake the watching thread once per pinhole. Thread-safe, by a lock that is taken when a
 * socket comes or goes.
 */
final class TableNews {
  private static final Duration TIMEOUT = Duration.ofMillis(250);
  private static final Logger LOG = LoggerFactory.getLogger(TableNews.class);

  private final NftTable table;
  private final List<NftClient> own = new ArrayList<>();
  private @Nullable NftMonitor monitor;

  /**
   * Makes it; nothing is listened to yet.
   *
   * @param table whose changes
   */
  TableNews(NftTable table) {
    this.table = table;
  }

  /** Tells no more of what a socket changes. */
  synchronized void addOwn(NftClient client) {
    own.add(client);
    ignoreOwn();
  }

  /** Tells again of what a socket changes: the kernel may give its port id to somebody else. */
  synchronized void removeOwn(NftClient client) {
    own.remove(client);
    ignoreOwn();
  }

  /**
   * Begins to listen: all changes from now on are told.
   *
   * @return closed by the caller, before it listens again
   * @throws NetlinkException if the kernel refuses
   */
  TableWatch.News open() throws NetlinkException {
    NftMonitor opened = NftMonitor.open(table, TIMEOUT);
    synchronized (this) {
      monitor = opened;
      ignoreOwn();
    }
    return new Listening(opened);
  }

  /**
   * If the kernel does not take the filter, own transactions are told too; that costs time and
   * nothing else. Held: the lock.
   */
  private void ignoreOwn() {
    NftMonitor listening = monitor;
    if (listening == null) {
      return;
    }
    try {
      listening.ignore(own.stream().mapToInt(NftClient::portId).toArray());
    } catch (NetlinkException e) {
      LOG.warn("nftables table {}: {}", table.name(), e.getMessage());
    }
  }

  private synchronized void forget(NftMonitor closing) {
    if (closing.equals(monitor)) {
      monitor = null; // its descriptor may soon be another socket's
    }
  }

  /** The notifications of the kernel, until the watch closes them. */
  private final class Listening implements TableWatch.News {
    private final NftMonitor opened;

    private Listening(NftMonitor opened) {
      this.opened = opened;
    }

    @Override
    public void await(NftMonitor.Handler handler) throws NetlinkException {
      opened.receive(handler);
    }

    @Override
    public void close() {
      forget(opened);
      opened.close();
    }
  }
}
