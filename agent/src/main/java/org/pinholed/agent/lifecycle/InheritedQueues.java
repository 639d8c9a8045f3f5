package org.pinholed.agent.lifecycle;

import java.io.IOException;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueFeatures;
import org.pinholed.kernel.nfqueue.QueueOptions;

/** Packet queues of a process that handed them over, or new ones. */
final class InheritedQueues {
  private InheritedQueues() {}

  /** The queue of that number that was left, else a new one. */
  static PacketQueue open(QueueOptions options, HandOver left) throws IOException {
    for (HandOver.Queue queue : left.queues()) {
      if (queue.number() == options.queueNumber()) {
        return PacketQueue.adopt(
            options, queue.descriptor(), new QueueFeatures(queue.failOpen(), queue.conntrack()));
      }
    }
    return PacketQueue.open(options);
  }
}
