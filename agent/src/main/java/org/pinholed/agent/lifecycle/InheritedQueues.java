package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The packet queues of an agent: those that another process handed over, and new ones where it had
 * none. Closing it closes them all, also those that workers have by then.
 */
public final class InheritedQueues implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(InheritedQueues.class);

  private final List<PacketQueue> queues = new ArrayList<>();

  /** What was handed over, by queue number. */
  private final Map<Integer, PacketQueue> inherited = new HashMap<>();

  private InheritedQueues() {}

  /**
   * Takes over what was left and opens the rest.
   *
   * @param wanted the queues that there are to be, in order
   * @param left what another process handed over; its queues belong to the result
   * @throws IOException if the kernel refuses; then all of it is closed
   * @return to be closed
   */
  public static InheritedQueues open(List<QueueOptions> wanted, HandOver left) throws IOException {
    InheritedQueues queues = new InheritedQueues();
    try {
      for (HandOver.Queue queue : left.queues()) {
        queues.inherit(optionsOf(wanted, queue.number()), queue);
      }
      for (QueueOptions options : wanted) {
        PacketQueue queue = queues.inherited.get(options.queueNumber());
        queues.queues.add(queue == null ? PacketQueue.open(options) : queue);
      }
      return queues;
    } catch (IOException e) {
      queues.close();
      throw e;
    }
  }

  /** One that is not wanted any more is only read until {@link #repeatForNewDiversion}. */
  private static QueueOptions optionsOf(List<QueueOptions> wanted, int number) {
    QueueOptions first = wanted.get(0);
    return wanted.stream()
        .filter(options -> options.queueNumber() == number)
        .findFirst()
        .orElseGet(
            () ->
                new QueueOptions(
                    number,
                    first.maxLengthPackets(),
                    first.copyRangeBytes(),
                    first.failOpen(),
                    first.wantConntrack(),
                    first.receiveBufferBytes(),
                    first.batchSize(),
                    first.receiveTimeout()));
  }

  private void inherit(QueueOptions options, HandOver.Queue left) {
    try {
      inherited.put(left.number(), PacketQueue.adopt(options, left.descriptor()));
    } catch (NetlinkException e) {
      LOG.warn("queue {} is not taken over: {}", left.number(), e.getMessage());
    }
  }

  /**
   * The queues that were wanted.
   *
   * @return in order
   */
  public List<PacketQueue> all() {
    return queues;
  }

  /**
   * To be called once the diversion is as it is to be. If it spreads the flows over other queues
   * than before, what waits may be another worker's: it passes the diversion once more, and comes
   * to the right one.
   *
   * @throws IOException if a queue cannot be read
   */
  public void repeatForNewDiversion() throws IOException {
    if (inherited.isEmpty() || Set.copyOf(inherited.values()).equals(Set.copyOf(queues))) {
      return;
    }
    for (PacketQueue queue : inherited.values()) {
      queue.repeatAll();
      if (!queues.contains(queue)) {
        queue.close();
      }
    }
  }

  @Override
  public void close() {
    queues.forEach(PacketQueue::close);
    inherited.values().forEach(PacketQueue::close);
  }
}
