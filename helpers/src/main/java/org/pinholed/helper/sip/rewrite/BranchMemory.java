package org.pinholed.helper.sip.rewrite;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.sip.message.Span;
import org.pinholed.helper.sip.rewrite.Mappings.Wrote;

/**
 * The transactions of a flow whose Via was not written as most are: without a port, or with the
 * endpoint that others see. Their answers give it back in the same way. Of the last 64; an answer
 * to an older one names the port of the sender, which says the same in more words.
 *
 * <p>Not thread-safe; one per flow.
 */
public final class BranchMemory {
  private static final int MOST = 64;
  private static final long MARK_BITS = (1L << 48) - 1;
  private static final long FNV_OFFSET = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  /** Hashes; the lowest bit says how it was written. Made when the first one comes. */
  private long @Nullable [] marks;

  private int next;
  private int size;

  /** Makes an empty memory. */
  public BranchMemory() {}

  /**
   * Remembers how the Via of a request was written.
   *
   * @param bytes where the message is
   * @param requests the direction of the request
   * @param branch its branch; without one nothing is remembered
   * @param wrote HOST or SEEN
   */
  void add(ByteCursor bytes, Direction requests, Span branch, Wrote wrote) {
    if (!branch.isAbsent() && find(bytes, requests, branch) != wrote) {
      add(mark(bytes, requests, branch, wrote));
    }
  }

  private void add(long mark) {
    long[] all = marks;
    if (all == null) {
      all = new long[MOST];
      marks = all;
    }
    all[next] = mark;
    next = (next + 1) % MOST;
    size = Math.min(MOST, size + 1);
  }

  /**
   * How the Via of a request was written.
   *
   * @param bytes where the message is
   * @param requests the direction of the request
   * @param branch its branch
   * @return HOST_AND_PORT if nothing is remembered
   */
  Wrote find(ByteCursor bytes, Direction requests, Span branch) {
    long[] all = marks;
    if (all == null || branch.isAbsent()) {
      return Wrote.HOST_AND_PORT;
    }
    long host = mark(bytes, requests, branch, Wrote.HOST);
    long seen = mark(bytes, requests, branch, Wrote.SEEN);
    for (int at = 0; at < size; at++) {
      if (all[at] == host) {
        return Wrote.HOST;
      }
      if (all[at] == seen) {
        return Wrote.SEEN;
      }
    }
    return Wrote.HOST_AND_PORT;
  }

  // FNV-1a. Whoever makes two that are the same deceives nobody but the two ends of his own flow.
  private static long mark(ByteCursor bytes, Direction requests, Span branch, Wrote wrote) {
    long hash = (FNV_OFFSET ^ (requests == Direction.REPLY ? 1 : 0)) * FNV_PRIME;
    for (int at = branch.from(); at < branch.to(); at++) {
      hash = (hash ^ bytes.u8At(at)) * FNV_PRIME;
    }
    return (hash << 1 & MARK_BITS) | (wrote == Wrote.SEEN ? 1 : 0);
  }

  /**
   * All that is remembered, for another process.
   *
   * @return at most 64 times 11 characters, digits, small letters and points; may be empty
   */
  public String snapshot() {
    long[] all = marks;
    StringBuilder text = new StringBuilder();
    for (int at = 0; all != null && at < size; at++) {
      // the oldest one first
      long mark = all[(next + MOST - size + at) % MOST];
      text.append(at == 0 ? "" : ".").append(Long.toString(mark, Character.MAX_RADIX));
    }
    return text.toString();
  }

  /**
   * Takes over what another process remembered.
   *
   * @param text what {@link #snapshot} said, or anything else
   * @return false if it is not understood; then nothing changed
   */
  public boolean restore(String text) {
    if (text.isEmpty()) {
      return true;
    }
    String[] words = text.split("\\.", -1);
    if (words.length > MOST) {
      return false;
    }
    for (String word : words) {
      if (!word.matches("0|[1-9a-z][0-9a-z]{0,9}")
          || Long.parseLong(word, Character.MAX_RADIX) > MARK_BITS) {
        return false;
      }
    }
    for (String word : words) {
      add(Long.parseLong(word, Character.MAX_RADIX));
    }
    return true;
  }
}
