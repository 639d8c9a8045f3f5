package org.pinholed.agent.worker;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeDatagrams;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * The kernel's side of one packet queue: holds packets until their verdicts and notices every
 * verdict too many. Thread-safe.
 */
public final class FakeQueueKernel implements NetlinkTransport {
  private static final int VERDICT = NetlinkConstants.NFNL_SUBSYS_QUEUE << 8 | 1;
  private static final int CONFIG = NetlinkConstants.NFNL_SUBSYS_QUEUE << 8 | 2;
  private static final int VERDICT_BATCH = NetlinkConstants.NFNL_SUBSYS_QUEUE << 8 | 3;
  private static final int AF_INET = 2;

  /** {@code NF_INET_LOCAL_IN}. */
  static final int INPUT = 1;

  /** {@code NF_INET_POST_ROUTING}. */
  static final int POSTROUTING = 4;

  private final LinkedBlockingQueue<byte[]> arrived = new LinkedBlockingQueue<>();
  private final TreeMap<Integer, Integer> held = new TreeMap<>();
  private final Map<Integer, byte[]> packets = new HashMap<>();
  private final List<Integer> verdicts = new ArrayList<>();
  private final List<byte[]> passed = new ArrayList<>();
  private final List<String> violations = new ArrayList<>();
  private final Runnable onVerdict;
  private Consumer<byte[]> onPassed = packet -> {};
  private int nextId = 1;
  private long receiveTimeoutMs;
  private int flags;
  private int failSends;
  private int failReceives;
  private int failReceivesWith;
  private final AtomicInteger wakes = new AtomicInteger();
  private boolean closed;
  private boolean mayDrop;

  /**
   * Makes a queue.
   *
   * @param onVerdict called when verdicts arrive, before they count
   */
  public FakeQueueKernel(Runnable onVerdict) {
    this.onVerdict = onVerdict;
  }

  /**
   * Queues a packet.
   *
   * @param packet from the IP header on
   * @return its id
   */
  public synchronized int deliver(byte[] packet) {
    return deliver(packet, POSTROUTING, 0, 0);
  }

  /**
   * Queues a packet that came in by a device.
   *
   * @param packet from the IP header on
   * @param hook {@code NF_INET_*}
   * @param in index of the device that it came in by, 0 for none
   * @param out index of the device that it leaves by, 0 for none
   * @return its id
   */
  public synchronized int deliver(byte[] packet, int hook, int in, int out) {
    int id = nextId++;
    held.put(id, id);
    packets.put(id, packet);
    arrived.add(message(id, packet, hook, in, out));
    return id;
  }

  /**
   * What the kernel sends when it queues a packet.
   *
   * @param id its id in the queue
   * @param packet from the IP header on
   * @param hook {@code NF_INET_*}
   * @param in index of the device that it came in by, 0 for none
   * @param out index of the device that it leaves by, 0 for none
   * @return a datagram
   */
  static byte[] message(int id, byte[] packet, int hook, int in, int out) {
    boolean ipv6 = (packet[0] & 0xf0) == 0x60;
    return FakeDatagrams.datagram(
        writer -> {
          writer
              .beginNfnetlink(NetlinkConstants.NFNL_SUBSYS_QUEUE, 0, 0, 0, AF_INET, 0)
              .attrHeader(1, 7)
              .raw32be(id)
              .raw16be(ipv6 ? 0x86dd : 0x0800)
              .raw8(hook)
              .pad();
          if (in != 0) {
            writer.attr32be(5, in);
          }
          if (out != 0) {
            writer.attr32be(6, out);
          }
          writer.attrBytes(10, packet).endMessage();
        });
  }

  /** Takes a drop for what is wanted, as it is on translated flows. */
  synchronized void allowDrops() {
    mayDrop = true;
  }

  /** Calls something with each packet that passes, when its verdict arrives. */
  synchronized void onPassed(Consumer<byte[]> what) {
    onPassed = what;
  }

  /**
   * The packets that passed, as they were delivered or as they were changed.
   *
   * @return in the order of their verdicts
   */
  synchronized List<byte[]> passed() {
    return List.copyOf(passed);
  }

  /** Makes the next receives wait like the kernel's, for tests with a thread of their own. */
  synchronized void blockReceives(long timeoutMs) {
    receiveTimeoutMs = timeoutMs;
  }

  /** Makes the next sends fail as if the kernel had no memory. */
  synchronized void failSends(int count) {
    failSends = count;
  }

  /** Makes the next receives fail with an errno. */
  synchronized void failReceives(int count, int errno) {
    failReceives = count;
    failReceivesWith = errno;
  }

  /**
   * Ids of packets without a verdict.
   *
   * @return in order
   */
  public synchronized List<Integer> held() {
    return List.copyOf(held.keySet());
  }

  /**
   * How many packets were accepted.
   *
   * @return 0 or more
   */
  public synchronized int accepted() {
    return verdicts.size();
  }

  /**
   * What no kernel should see: a second verdict on a packet, one on a packet that never was, a
   * drop.
   *
   * @return empty if all is well
   */
  public synchronized List<String> violations() {
    return List.copyOf(violations);
  }

  synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public void send(NetlinkWriter writer) throws NetlinkException {
    synchronized (this) {
      if (failSends > 0) {
        failSends--;
        throw new NetlinkException("netlink: send", Errno.ENOMEM, "");
      }
    }
    NetlinkReader reader = new NetlinkReader();
    reader.wrap(writer.buffer(), 0, writer.lengthBytes());
    while (reader.nextMessage()) {
      int type = reader.type();
      if (type == VERDICT || type == VERDICT_BATCH) {
        onVerdict.run();
        takeVerdict(reader, type == VERDICT_BATCH);
      } else if (type == CONFIG || type == NetlinkConstants.NLMSG_NOOP) {
        if (type != CONFIG) {
          wakes.incrementAndGet();
        } else {
          takeFlags(reader);
        }
        if ((reader.flags() & NetlinkConstants.NLM_F_ACK) != 0) {
          arrived.add(FakeDatagrams.error(reader.sequence(), 0));
        }
      } else {
        violations.add("unknown message " + type);
      }
    }
  }

  private synchronized void takeFlags(NetlinkReader reader) {
    int flags = 0;
    int mask = 0;
    reader.enterNfnetlink();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == 5) { // NFQA_CFG_FLAGS
        flags = reader.s32be();
      } else if (reader.attributeType() == 4) { // NFQA_CFG_MASK
        mask = reader.s32be();
      }
    }
    this.flags = (this.flags & ~mask) | (flags & mask);
  }

  /** The flags of the queue, {@code NFQA_CFG_F_*}. */
  synchronized int flags() {
    return flags;
  }

  /** How often somebody woke the thread that receives. */
  int wakes() {
    return wakes.get();
  }

  private synchronized void takeVerdict(NetlinkReader reader, boolean through) {
    int verdict = 0;
    int id = 0;
    byte[] changed = null;
    reader.enterNfnetlink();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == 2) {
        ByteBuffer buffer = reader.buffer();
        verdict = Integer.reverseBytes(buffer.getInt(reader.attributeOffset()));
        id = Integer.reverseBytes(buffer.getInt(reader.attributeOffset() + 4));
      } else if (reader.attributeType() == 10) {
        changed = reader.bytes();
      }
    }
    if (verdict != 1 && !(verdict == 0 && mayDrop)) {
      violations.add("verdict " + verdict + " on packet " + id);
    }
    List<Integer> meant =
        through
            ? List.copyOf(held.headMap(id, true).keySet())
            : held.containsKey(id) ? List.of(id) : List.of();
    if (meant.isEmpty()) {
      violations.add("a verdict on packet " + id + ", which is not held");
    }
    held.keySet().removeAll(meant);
    verdicts.addAll(meant);
    for (int each : meant) {
      byte[] packet = packets.remove(each);
      if (verdict == 1) {
        byte[] leaving = changed == null ? packet : changed;
        passed.add(leaving);
        onPassed.accept(leaving);
      }
    }
  }

  @Override
  public int receive(ByteBuffer into) {
    return FakeDatagrams.receive(arrived, into);
  }

  @Override
  public int receiveNow(ByteBuffer into) {
    return FakeDatagrams.receive(arrived, into);
  }

  @Override
  public int receiveBatch(DatagramBatch batch) throws NetlinkException {
    long timeoutMs;
    synchronized (this) {
      if (failReceives > 0) {
        failReceives--;
        FakeDatagrams.fill(new ArrayDeque<>(), batch);
        throw new NetlinkException("netlink: receive", failReceivesWith, "");
      }
      timeoutMs = receiveTimeoutMs;
    }
    if (timeoutMs > 0 && arrived.isEmpty()) {
      try {
        byte[] first = arrived.poll(timeoutMs, TimeUnit.MILLISECONDS);
        if (first != null) {
          List<byte[]> rest = new ArrayList<>();
          arrived.drainTo(rest);
          arrived.add(first);
          arrived.addAll(rest);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return FakeDatagrams.fill(arrived, batch);
  }

  @Override
  public synchronized void close() {
    closed = true;
  }
}
