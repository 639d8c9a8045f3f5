package org.pinholed.agent.worker;

import java.nio.ByteBuffer;
import java.util.Arrays;
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
 *
 * <p>One verdict on all packets up to an id would take along those that are kept for later. So as
 * long as there are any, each packet gets a verdict of its own. For the worker's thread only.
 */
final class BatchVerdicts implements Batch {
  private static final Logger LOG = LoggerFactory.getLogger(BatchVerdicts.class);

  private final PacketSource queue;
  private final PinholeTransaction pinholes;
  private final AgentMetrics metrics;
  private final SampledLog faults;
  private final Clock clock;

  /** Ids of the packets of the batch that have no verdict yet, in order. */
  private int[] pending = new int[256];

  private int pendingCount;

  /** Whether the last of them is being read, so that it may still be changed, dropped or kept. */
  private boolean reading;

  /** Packets of the batch, and how many of them have which verdict. */
  private int held;

  private int changed;
  private int dropped;
  private int kept;

  /** Packets of this batch and earlier ones that wait for a verdict by their ids. */
  private int waiting;

  private int answeredKept;
  private boolean unsent;

  /** Whether verdicts on kept packets were given and not sent, outside of a batch perhaps. */
  private boolean keptUnsent;

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
    if (pendingCount == pending.length) {
      pending = Arrays.copyOf(pending, 2 * pendingCount);
    }
    pending[pendingCount++] = packetId;
    reading = true;
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
  public boolean sendGiven() {
    acceptGiven();
    send();
    return !unsent;
  }

  @Override
  public void acceptChanged(ByteBuffer payload, int lengthBytes, boolean atOnce) {
    int packetId = takeLast();
    acceptPending(); // it must not overtake those before it
    queue.acceptChanged(packetId, payload, 0, lengthBytes);
    changed++;
    if (atOnce) {
      send();
    }
  }

  @Override
  public void drop() {
    queue.drop(takeLast());
    dropped++;
  }

  @Override
  public int keep() {
    int packetId = takeLast();
    kept++;
    waiting++;
    return packetId;
  }

  @Override
  public void acceptKept(int packetId) {
    acceptGiven(); // it must not overtake those before it
    queue.accept(packetId);
    answerKept(AgentMetrics.Verdict.ACCEPT);
  }

  @Override
  public void acceptKept(int packetId, ByteBuffer payload, int lengthBytes, boolean atOnce) {
    acceptGiven(); // it must not overtake those before it
    queue.acceptChanged(packetId, payload, 0, lengthBytes);
    answerKept(AgentMetrics.Verdict.CHANGED);
    if (atOnce) {
      send();
    }
  }

  @Override
  public void dropKept(int packetId) {
    queue.drop(packetId);
    answerKept(AgentMetrics.Verdict.DROP);
  }

  private void answerKept(AgentMetrics.Verdict verdict) {
    metrics.verdicts(verdict, 1);
    waiting--;
    answeredKept++;
    keptUnsent = true;
  }

  private int takeLast() {
    reading = false;
    return pending[--pendingCount];
  }

  /** Accepts those before the packet that is being read, if there is one. */
  private void acceptGiven() {
    if (!reading) {
      acceptPending();
      return;
    }
    int packetId = takeLast();
    acceptPending();
    pending[pendingCount++] = packetId;
    reading = true;
  }

  private void acceptPending() {
    if (pendingCount == 0) {
      return;
    }
    if (waiting == 0) {
      queue.acceptThrough(pending[pendingCount - 1]);
    } else {
      for (int i = 0; i < pendingCount; i++) {
        queue.accept(pending[i]);
      }
    }
    pendingCount = 0;
  }

  /** How many packets get their verdicts by {@link #finish}, or got them since the one before. */
  int answered() {
    return held - kept + answeredKept;
  }

  /** Lets all pass that have no verdict yet, and hands the verdicts to the kernel. */
  void finish() {
    int answered = held - kept;
    reading = false;
    acceptPending();
    send();
    metrics.verdictLatency(clock.nanoTime() - beganNs, answered);
    metrics.verdicts(AgentMetrics.Verdict.ACCEPT, answered - changed - dropped);
    if (changed + dropped > 0) {
      metrics.verdicts(AgentMetrics.Verdict.CHANGED, changed);
      metrics.verdicts(AgentMetrics.Verdict.DROP, dropped);
    }
    answeredKept = 0;
    changed = 0;
    dropped = 0;
    kept = 0;
    held = 0;
  }

  /** Tries again what the kernel did not take, if there is anything. */
  void sendUnsent() {
    if (unsent) {
      send();
    }
  }

  /** Hands the verdicts on packets that were kept to the kernel, if there are any. */
  void sendKept() {
    if (keptUnsent) {
      send();
    }
  }

  private void send() {
    try {
      keptUnsent = false;
      queue.flush();
      unsent = false;
    } catch (NetlinkException e) {
      unsent = true; // they stay, the next turn sends them
      faults.warn(String.valueOf(e.getMessage()));
    }
  }
}
