package org.pinholed.agent.worker;

import java.nio.ByteBuffer;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.path.Batch;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The verdicts on the packets of one batch. Each packet gets exactly one, in the order in which the
 * packets came: those that pass as they came get theirs together, at the latest by {@link #finish}.
 * For the worker's thread only.
 */
final class BatchVerdicts implements Batch {
  private static final Logger LOG = LoggerFactory.getLogger(BatchVerdicts.class);

  private final PacketSource queue;
  private final PinholeTransaction pinholes;
  private final AgentMetrics metrics;
  private final SampledLog faults;
  private final Clock clock;
  private int lastPacketId;
  private int held;

  /** How many of those that are held have their verdict already, and how many of what kind. */
  private int answered;

  private int changed;
  private int dropped;
  private boolean unsent;
  private long beganNs;

  BatchVerdicts(
      PacketSource queue,
      PinholeTransaction pinholes,
      AgentMetrics metrics,
      SampledLog faults,
      Clock clock) {
    this.clock = clock;
    this.queue = queue;
    this.pinholes = pinholes;
    this.metrics = metrics;
    this.faults = faults;
  }

  /** Holds the next packet. What is said of a packet below is said of this one. */
  void hold(int packetId) {
    if (held == 0) {
      beganNs = clock.nanoTime();
    }
    held++;
    lastPacketId = packetId;
  }

  @Override
  public long beganNs() {
    return beganNs;
  }

  /** Whether packets wait for {@link #finish}. */
  boolean isHolding() {
    return held > 0;
  }

  @Override
  public void bringIntoKernel() {
    try {
      pinholes.commit();
    } catch (RuntimeException e) {
      fault(e); // not an excuse for holding packets
    }
    pinholes.publish();
  }

  @Override
  public void fault(RuntimeException e) {
    faults.warn(e.toString());
    LOG.debug("fault", e);
  }

  @Override
  public void acceptChanged(ByteBuffer payload, int lengthBytes, boolean atOnce) {
    if (answered < held - 1) {
      queue.acceptThrough(lastPacketId - 1); // it must not overtake those before it
      answered = held - 1;
    }
    queue.acceptChanged(lastPacketId, payload, 0, lengthBytes);
    answered++;
    changed++;
    if (atOnce) {
      send();
    }
  }

  @Override
  public void drop() {
    queue.drop(lastPacketId);
    answered++;
    dropped++;
  }

  /**
   * Lets all pass that have no verdict yet, and hands the verdicts to the kernel.
   *
   * @return how many packets there were
   */
  int finish() {
    int all = held;
    if (answered < held) {
      queue.acceptThrough(lastPacketId);
    }
    send();
    metrics.verdictLatency(clock.nanoTime() - beganNs, held);
    metrics.verdicts(AgentMetrics.Verdict.ACCEPT, held - changed - dropped);
    if (changed + dropped > 0) {
      metrics.verdicts(AgentMetrics.Verdict.CHANGED, changed);
      metrics.verdicts(AgentMetrics.Verdict.DROP, dropped);
    }
    answered = 0;
    changed = 0;
    dropped = 0;
    held = 0;
    return all;
  }

  /** Tries again what the kernel did not take, if there is anything. */
  void sendUnsent() {
    if (unsent) {
      send();
    }
  }

  private void send() {
    try {
      queue.flush();
      unsent = false;
    } catch (NetlinkException e) {
      unsent = true; // they stay, the next turn sends them
      faults.warn(String.valueOf(e.getMessage()));
    }
  }
}
