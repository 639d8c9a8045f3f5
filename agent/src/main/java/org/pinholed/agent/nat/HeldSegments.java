package org.pinholed.agent.nat;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The segments of one direction that wait in the kernel's queue, in the order of their sequence
 * numbers: which of them come next, and how much and how long they wait. {@link MessageHold}
 * decides what becomes of them. Not thread-safe.
 */
final class HeldSegments {
  private final List<HeldSegment> segments = new ArrayList<>(4);

  boolean isEmpty() {
    return segments.isEmpty();
  }

  int size() {
    return segments.size();
  }

  boolean contains(HeldSegment segment) {
    return segments.contains(segment);
  }

  /** A copy, so that they can be removed meanwhile. */
  List<HeldSegment> all() {
    return List.copyOf(segments);
  }

  /** Takes all of them away. */
  List<HeldSegment> takeAll() {
    List<HeldSegment> all = all();
    segments.clear();
    return all;
  }

  /** Whether one of them has all that a segment has. */
  boolean cover(HeldSegment segment) {
    for (HeldSegment held : segments) {
      if (segment.isCoveredBy(held)) {
        return true;
      }
    }
    return false;
  }

  /** Adds one in its place. */
  void add(HeldSegment segment) {
    int at = segments.size();
    while (at > 0 && segment.sequence() - segments.get(at - 1).sequence() < 0) {
      at--;
    }
    segments.add(at, segment);
  }

  boolean remove(HeldSegment segment) {
    return segments.remove(segment);
  }

  void removeAll(List<HeldSegment> gone) {
    segments.removeAll(gone);
  }

  /** How many bytes of payload they have together, those that stand in two of them twice. */
  int lengthBytes() {
    int bytes = 0;
    for (HeldSegment segment : segments) {
      bytes += segment.lengthBytes();
    }
    return bytes;
  }

  /**
   * How long the oldest of them may still wait.
   *
   * @param nowNs the time
   * @param mostNs how long each may wait
   * @return negative if it is over; {@link Long#MAX_VALUE} if there are none
   */
  long remainingNs(long nowNs, long mostNs) {
    long remaining = Long.MAX_VALUE;
    for (HeldSegment segment : segments) {
      remaining = Math.min(remaining, mostNs - (nowNs - segment.receivedNs()));
    }
    return remaining;
  }

  /** Sequence number behind the last byte before which none misses, if {@code from} is the next. */
  int contiguousEnd(int from) {
    int end = from;
    for (HeldSegment segment : segments) {
      if (segment.sequence() - end <= 0 && segment.end() - end > 0) {
        end = segment.end();
      }
    }
    return end;
  }

  /**
   * Those in their turn that end before an unfinished message.
   *
   * @param from the next byte
   * @param unfinished where that message begins; null if there is none
   */
  List<HeldSegment> due(int from, @Nullable Integer unfinished) {
    List<HeldSegment> due = new ArrayList<>(segments.size());
    int end = from;
    for (HeldSegment segment : segments) {
      if (segment.sequence() - end > 0) {
        break;
      }
      if (unfinished != null && (segment.end() - unfinished > 0 || segment.hasFin())) {
        break;
      }
      due.add(segment);
      end = segment.end() - end > 0 ? segment.end() : end;
    }
    return due;
  }

  /** How long the longest packet of some is, headers and all. */
  static int longestPacketBytes(List<HeldSegment> some) {
    int longest = 0;
    for (HeldSegment segment : some) {
      longest = Math.max(longest, segment.packetBytes());
    }
    return longest;
  }

  /** Sequence number behind the last byte of some; {@code from} if they have none behind it. */
  static int end(List<HeldSegment> some, int from) {
    int end = from;
    for (HeldSegment segment : some) {
      end = segment.end() - end > 0 ? segment.end() : end;
    }
    return end;
  }
}
