package org.pinholed.helper.sip.registration;

import org.jspecify.annotations.Nullable;

/**
 * The REGISTERs of a flow that were seen and open nothing: those that ask only what is registered,
 * and those that were refused, for which the reason was said. An answer to one of them needs no
 * reason of its own. Of the last 64.
 *
 * <p>Not thread-safe; one per flow.
 */
final class UnopenedRegisters {
  private static final int MOST = 64;

  /** Hashes of transactions; made when the first one comes, which most flows never see. */
  private long @Nullable [] seen;

  private int next;

  /** Remembers a request. */
  void add(RegisterMessage request) {
    long[] all = seen;
    if (all == null) {
      all = new long[MOST];
      seen = all;
    }
    if (!has(request)) {
      all[next] = hash(request);
      next = (next + 1) % MOST;
    }
  }

  /** Whether the request of the same transaction and number is among them. */
  boolean has(RegisterMessage message) {
    long[] all = seen;
    if (all == null) {
      return false;
    }
    long wanted = hash(message);
    for (long one : all) {
      if (one == wanted) {
        return true;
      }
    }
    return false;
  }

  /** Never 0, which is no request. */
  private static long hash(RegisterMessage message) {
    return (message.transaction().high() ^ message.cseq() << 1) | 1;
  }
}
