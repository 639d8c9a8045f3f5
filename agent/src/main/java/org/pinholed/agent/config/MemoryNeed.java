package org.pinholed.agent.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.limit.BufferedBytes;

/**
 * What the limits of a configuration can make the agent need at most, in the heap and in direct
 * buffers. Kernel memory (packets in a queue, receive buffers) is not part of it.
 *
 * <p>The sizes are measured ones, rounded up; tests measure them again (ParentMemoryTest,
 * ExpectationTableTest, ExpectationHistoryTest, EventRingTest).
 */
public final class MemoryNeed {
  /** What an agent without flows has in its heap after a collection, and room to work. */
  static final long HEAP_BASE_BYTES = 24L << 20;

  /** Expectations that are over and are remembered, of each of two kinds (ExpectationHistory). */
  public static final int PAST_EXPECTATIONS = 1024;

  /** One of them, with the parent that it may be the last to know. */
  public static final int PAST_EXPECTATION_BYTES = 2048;

  /** Events that are remembered (EventRing). */
  public static final int REMEMBERED_EVENTS = 4096;

  /** One of them, with what it may be the last to know. */
  public static final int REMEMBERED_EVENT_BYTES = 1536;

  /** A parent that is logged in, with its streams, its helper and its places in tables. */
  public static final long PARENT_BYTES = 2560;

  /** A flow without a byte (HalfOpenFlows). */
  public static final long HALF_OPEN_BYTES = 64;

  /** An announced expectation with its rows and its pinhole. */
  public static final long EXPECTATION_BYTES = 1536;

  /** Direct buffers that do not belong to a queue: events, monitor, control. */
  static final long DIRECT_BASE_BYTES = 4L << 20;

  /** Direct buffers of a worker beside its packets: netlink, verdicts, a packet that is changed. */
  static final long WORKER_DIRECT_BYTES = 1L << 20;

  /** Room for one packet with its attributes and its {@code struct mmsghdr} and iovec. */
  static final long PACKET_BYTES = 69_632 + 80;

  /** Something that a key makes more of. */
  private record Part(String key, long value, long least, double bytesEach) {
    double bytes() {
      return value * bytesEach;
    }
  }

  private MemoryNeed() {}

  /**
   * Compares the buffers of the packet queues with the direct memory.
   *
   * @param queues the queues
   * @param memory what there is
   * @param inFile keys of {@code queues} that the file has
   * @return null if they fit; else what is wrong, as {@code batchPackets: 256 (expected: 1..230
   *     ...)}
   */
  static @Nullable String refuseQueues(
      AgentConfig.Queues queues, Memory memory, Set<String> inFile) {
    long bytes = memory.directBytes();
    int workers = queues.workers();
    long free = bytes - DIRECT_BASE_BYTES;
    long workerBytes = WORKER_DIRECT_BYTES + queues.batchPackets() * PACKET_BYTES;
    if (workers * workerBytes <= free) {
      return null;
    }
    String why =
        ", because queues.count * queues.batchPackets packets of 64 KiB must fit into the direct"
            + " memory of "
            + (bytes >> 20)
            + " MiB: -XX:MaxDirectMemorySize in PINHOLED_JAVA_OPTS)";
    long mostPackets = (free / workers - WORKER_DIRECT_BYTES) / PACKET_BYTES;
    long mostWorkers = free / workerBytes;
    boolean countOnly = inFile.contains("count") && !inFile.contains("batchPackets");
    if (mostPackets < 1 || (countOnly && mostWorkers >= 1)) {
      return "count: " + workers + " (expected: 1.." + Math.max(1, mostWorkers) + why;
    }
    return "batchPackets: " + queues.batchPackets() + " (expected: 1.." + mostPackets + why;
  }

  /**
   * Compares what the limits allow with the heap.
   *
   * @param limits the limits
   * @param memory what there is
   * @param inFile keys of {@code limits} that the file has
   * @return null if it fits; else the key that asks for most and what it may be, as {@code parents:
   *     1048576 (expected: 1..90000 ...)}
   */
  static @Nullable String refuseLimits(
      AgentConfig.Limits limits, Memory memory, Set<String> inFile) {
    long bytes = memory.heapBytes();
    List<Part> parts = new ArrayList<>();
    parts.add(new Part("parents", limits.parents(), 1, PARENT_BYTES));
    parts.add(new Part("halfOpen", limits.halfOpen(), 64, HALF_OPEN_BYTES));
    parts.add(new Part("expectations", limits.expectations(), 1, EXPECTATION_BYTES));
    parts.add(
        new Part(
            "bufferedBytes",
            limits.bufferedBytes(),
            4 * limits.stream().mostBytesPerFlow(),
            BufferedBytes.MOST_TIMES));
    double sum =
        HEAP_BASE_BYTES
            + 2L * PAST_EXPECTATIONS * PAST_EXPECTATION_BYTES
            + (long) REMEMBERED_EVENTS * REMEMBERED_EVENT_BYTES;
    for (Part part : parts) {
      sum += part.bytes();
    }
    if (sum <= bytes) {
      return null;
    }
    // What the file does not say is not what is wrong with it.
    parts.sort(
        Comparator.comparing((Part part) -> !inFile.contains(part.key()))
            .thenComparing(Comparator.comparingDouble(Part::bytes).reversed()));
    for (Part part : parts) {
      long most = (long) ((bytes - (sum - part.bytes())) / part.bytesEach());
      if (most >= part.least()) {
        return part.key()
            + ": "
            + part.value()
            + " (expected: "
            + part.least()
            + ".."
            + most
            + ", because what the limits allow must fit into the heap of "
            + (bytes >> 20)
            + " MiB: -Xmx in PINHOLED_JAVA_OPTS)";
      }
    }
    Part first = parts.get(0);
    return first.key()
        + ": "
        + first.value()
        + " (expected: less, and other limits too, or a heap of "
        + ((long) sum >> 20)
        + " MiB: -Xmx in PINHOLED_JAVA_OPTS)";
  }
}
