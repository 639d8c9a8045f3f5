package org.pinholed.agent.worker;

import java.nio.ByteBuffer;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketSource;

/** A queue, until it is said what comes instead: then each receive hands out that, for good. */
final class RepeatedPackets implements PacketSource {
  private final PacketSource queue;
  private @Nullable Batch batch;
  private long answered;

  /** What one receive hands out. */
  interface Batch {
    /** Hands out the packets; says how many there were. */
    int handOut(PacketHandler handler);
  }

  RepeatedPackets(PacketSource queue) {
    this.queue = queue;
  }

  /** From now on there is this, and verdicts go nowhere. */
  void repeat(Batch packets) {
    batch = packets;
  }

  /** How many times packets were let through since. */
  long answered() {
    return answered;
  }

  @Override
  public int receive(PacketHandler handler) throws NetlinkException {
    Batch now = batch;
    return now == null ? queue.receive(handler) : now.handOut(handler);
  }

  @Override
  public void acceptThrough(int packetId) {
    answered++;
    if (batch == null) {
      queue.acceptThrough(packetId);
    }
  }

  @Override
  public void flush() throws NetlinkException {
    if (batch == null) {
      queue.flush();
    }
  }

  @Override
  public void accept(int packetId) {
    requireQueue().accept(packetId);
  }

  @Override
  public void drop(int packetId) {
    requireQueue().drop(packetId);
  }

  @Override
  public void acceptChanged(int packetId, ByteBuffer payload, int offset, int lengthBytes) {
    requireQueue().acceptChanged(packetId, payload, offset, lengthBytes);
  }

  private PacketSource requireQueue() {
    if (batch != null) {
      throw new IllegalStateException("a packet of no interest got a verdict of its own");
    }
    return queue;
  }

  @Override
  public void setReceiveTimeout(@Nullable Duration timeout) throws NetlinkException {
    queue.setReceiveTimeout(timeout);
  }

  @Override
  public void wake() throws NetlinkException {
    queue.wake();
  }

  @Override
  public int queueNumber() {
    return queue.queueNumber();
  }

  @Override
  public long overruns() {
    return queue.overruns();
  }

  @Override
  public void attachConntrack(boolean wanted) throws NetlinkException {
    queue.attachConntrack(wanted);
  }
}
