package org.pinholed.agent.lifecycle;

import java.util.concurrent.TimeUnit;
import org.pinholed.kernel.link.LinkEvents;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the log when a network device goes down or up, in a few lines a minute at most where
 * containers come and go: what was queued from or to it is lost, and the kernel deletes what is
 * masqueraded behind it. Owned by one thread.
 */
final class LinkWatch implements LinkEvents.Handler, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LinkWatch.class);
  private static final long MINUTE_NS = TimeUnit.MINUTES.toNanos(1);
  private static final int LINES_A_MINUTE = 8;

  private final LinkEvents links;
  private boolean failed;
  private long minuteBeganNs;
  private int lines;
  private int unlogged;

  LinkWatch(LinkEvents links, long nowNs) {
    this.links = links;
    this.minuteBeganNs = nowNs;
  }

  /**
   * Says what happened since the last time.
   *
   * @param nowNs {@link System#nanoTime}
   */
  void look(long nowNs) {
    if (nowNs - minuteBeganNs >= MINUTE_NS) {
      if (unlogged > 0) {
        LOG.warn("network devices went down or up {} more times in the last minute", unlogged);
      }
      minuteBeganNs = nowNs;
      lines = 0;
      unlogged = 0;
    }
    if (failed) {
      return;
    }
    try {
      links.poll(this);
    } catch (NetlinkException e) {
      failed = true;
      LOG.warn("network devices are not watched any more: {}", e.getMessage());
    }
  }

  @Override
  public void onSwitched(String device, boolean up) {
    if (++lines > LINES_A_MINUTE) {
      unlogged++;
    } else if (up) {
      LOG.warn("network device {} is up again", device);
    } else {
      LOG.warn(
          "network device {} went down: control packets that were held from or for it are lost, and"
              + " what was masqueraded behind it ends",
          device);
    }
  }

  /** How many lines of this minute were not written. */
  int unlogged() {
    return unlogged;
  }

  @Override
  public void close() {
    links.close();
  }
}
