package org.pinholed.agent.replay;

import java.nio.ByteBuffer;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/** A packet queue with at most one packet, which was written down. Not thread-safe. */
final class WrittenPacket implements PacketSource {
  private final QueuedPacketView view = new QueuedPacketView();
  private final Runnable verdictSent;
  private int lastId;
  private boolean waiting;
  private boolean passed;
  private boolean dropped;
  private boolean woken;

  /**
   * Makes an empty queue.
   *
   * @param verdictSent called when the packet may go on, which then is no longer held
   */
  WrittenPacket(Runnable verdictSent) {
    this.verdictSent = verdictSent;
  }

  void put(ByteBuffer bytes, int offset, int lengthBytes) {
    view.wrapWritten(bytes, offset, lengthBytes, ++lastId);
    waiting = true;
    passed = false;
    dropped = false;
  }

  boolean wasDropped() {
    return dropped;
  }

  /** Whether the worker is to turn once more; asks once. */
  boolean takeWoken() {
    boolean was = woken;
    woken = false;
    return was;
  }

  @Override
  public void setReceiveTimeout(@Nullable Duration timeout) {
    // what was written down is there at once
  }

  @Override
  public int receive(PacketHandler handler) {
    if (!waiting) {
      return 0;
    }
    waiting = false;
    handler.onPacket(view);
    return 1;
  }

  @Override
  public void accept(int packetId) {
    passed = true;
  }

  @Override
  public void drop(int packetId) {
    dropped = true;
  }

  @Override
  public void acceptChanged(int packetId, ByteBuffer payload, int offset, int lengthBytes) {
    dropped = true; // nothing is translated, so this is the reset in the place of a child's packet
  }

  @Override
  public void acceptThrough(int packetId) {
    passed = true;
  }

  @Override
  public void flush() {
    if (passed) {
      passed = false;
      verdictSent.run();
    }
  }

  @Override
  public void wake() {
    woken = true;
  }

  @Override
  public int queueNumber() {
    return 0;
  }

  @Override
  public long overruns() {
    return 0;
  }

  @Override
  public void attachConntrack(boolean wanted) {
    // the conntrack is at hand in any case
  }
}
