package org.pinholed.agent.lifecycle;

import org.pinholed.agent.pace.Pace;
import org.pinholed.kernel.link.LinkEvents;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the log when a network device goes down or up, in a few lines a minute at most where
 * containers come and go: what was queued from or to it is lost, and the kernel deletes what is
 * masqueraded behind it. Owned by one thread.
 */
public final class LinkWatch implements LinkEvents.Handler, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LinkWatch.class);
  private static final int LINES_A_MINUTE = 8;

  private final LinkEvents links;
  private final Pace pace = new Pace(LINES_A_MINUTE);
  private boolean failed;
  private long nowNs;

  /**
   * Watches network devices.
   *
   * @param links their events; closed with this
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public LinkWatch(LinkEvents links, long nowNs) {
    this.links = links;
    this.nowNs = nowNs;
  }

  /**
   * Says what happened since the last time.
   *
   * @param atNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void look(long atNs) {
    nowNs = atNs;
    long unlogged = pace.takeLeft(nowNs);
    if (unlogged > 0) {
      LOG.warn("network devices went down or up {} more times in the last minute", unlogged);
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
    if (pace.next(nowNs) == Pace.NOT_NOW) {
      return; // counted
    }
    if (up) {
      LOG.warn("network device {} is up again", device);
    } else {
      LOG.warn(
          "network device {} went down: control packets that were held from or for it are lost, and"
              + " what was masqueraded behind it ends",
          device);
    }
  }

  /** How many lines of this minute were not written. */
  long unlogged() {
    return pace.left();
  }

  @Override
  public void close() {
    links.close();
  }
}
