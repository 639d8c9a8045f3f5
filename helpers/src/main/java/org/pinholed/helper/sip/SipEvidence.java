package org.pinholed.helper.sip;

import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.Span;
import org.pinholed.helper.sip.words.SipWord;

/**
 * What proves that two hosts speak SIP with each other: a request, and its answer from the other
 * side with the same Call-ID, CSeq and branch. A web page can have a browser send what looks like a
 * request (NAT slipstreaming), but no server answers it like that.
 *
 * <p>Of each side the last four requests are remembered. Not thread-safe; one per flow.
 */
final class SipEvidence {
  private static final int MOST = 4;
  private static final long FNV_OFFSET = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;
  private static final long BITS = (1L << 48) - 1;

  /** Of requests, first those of the client, then those of the server; 0 for none. */
  private final long[] requests = new long[2 * MOST];

  private int nextOfClient;
  private int nextOfServer;
  private boolean complete;

  SipEvidence() {}

  boolean isComplete() {
    return complete;
  }

  /**
   * Takes a message.
   *
   * @param message that was read
   * @param direction which way it goes
   * @return true if it completes the evidence
   */
  boolean see(SipMessage message, Direction direction) {
    if (complete || message.method() == SipWord.ACK) {
      return false;
    }
    long key = key(message);
    if (message.isRequest()) {
      add(direction, key);
      return false;
    }
    int first = direction == Direction.REPLY ? 0 : MOST;
    for (int at = first; at < first + MOST; at++) {
      if (requests[at] == key) {
        complete = true;
        return true;
      }
    }
    return false;
  }

  private void add(Direction direction, long key) {
    if (direction == Direction.ORIGINAL) {
      requests[nextOfClient] = key;
      nextOfClient = (nextOfClient + 1) % MOST;
    } else {
      requests[MOST + nextOfServer] = key;
      nextOfServer = (nextOfServer + 1) % MOST;
    }
  }

  private static long key(SipMessage message) {
    ByteCursor bytes = message.cursor();
    long hash = FNV_OFFSET;
    hash = add(hash, bytes, message.callId());
    hash = add(hash, bytes, message.methodText());
    hash = add(hash, bytes, message.branch());
    hash = (hash ^ message.cseq()) * FNV_PRIME;
    return ((hash ^ hash >>> 48) & BITS) | 1;
  }

  private static long add(long before, ByteCursor bytes, Span span) {
    long hash = before;
    for (int at = span.from(); at < span.to(); at++) {
      hash = (hash ^ bytes.u8At(at)) * FNV_PRIME;
    }
    return (hash ^ 0x100) * FNV_PRIME; // so that no two lists of spans are the same bytes
  }

  /**
   * What is remembered, for another process.
   *
   * @return {@code +} if it is complete; else at most eight numbers of ten characters with commas
   */
  String snapshot() {
    if (complete) {
      return "+";
    }
    StringBuilder text = new StringBuilder();
    append(text, 0, nextOfClient);
    append(text.append(','), MOST, nextOfServer);
    return text.toString();
  }

  // The oldest one first.
  private void append(StringBuilder text, int first, int next) {
    for (int at = 0; at < MOST; at++) {
      long key = requests[first + (next + at) % MOST];
      text.append(at == 0 ? "" : ",").append(Long.toString(key, Character.MAX_RADIX));
    }
  }

  /**
   * Takes over what another process remembered.
   *
   * @param text what {@link #snapshot} said, or anything else
   * @return false if it is not understood; then nothing changed
   */
  boolean restore(String text) {
    if (text.equals("+")) {
      complete = true;
      return true;
    }
    if (!text.matches("(0|[1-9a-z][0-9a-z]{0,9})(,(0|[1-9a-z][0-9a-z]{0,9})){7}")) {
      return false;
    }
    String[] words = text.split(",", -1);
    for (int at = 0; at < words.length; at++) {
      requests[at] = Long.parseLong(words[at], Character.MAX_RADIX) & BITS;
    }
    return true;
  }
}
