package org.pinholed.agent.limit;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The last so many of something, of which no client can push out what the others have: when it is
 * full, the client that has most loses its oldest, and of several that have as many the one whose
 * oldest is older. Adding costs logarithmic time in the number of clients. Not thread-safe.
 *
 * @param <E> what is kept
 */
public final class FairRing<E> {
  /** Bits of a size below the count: the number of the oldest, which breaks ties. */
  private static final int NUMBER_BITS = 40;

  private final int most;
  private final Map<Long, Share<E>> shares = new HashMap<>();
  private final LargestFirst<Share<E>> largest = new LargestFirst<>();
  private long added;
  private int size;

  /** An element with its number: the later it came, the higher. */
  private record Numbered<E>(long number, E element) {}

  /** What one client has, the oldest first. */
  private static final class Share<E> extends LargestFirst.Sized {
    private final long client;
    private final Deque<Numbered<E>> elements = new ArrayDeque<>(1);

    Share(long client) {
      this.client = client;
    }
  }

  /**
   * Makes an empty one.
   *
   * @param most how many it keeps, 1 or more
   */
  public FairRing(int most) {
    this.most = most;
  }

  /**
   * Adds one; another one goes if it is full.
   *
   * @param client whose it is, as {@link ClientKey} numbers clients
   * @param element what is kept
   */
  public void add(long client, E element) {
    Share<E> share = shares.computeIfAbsent(client, Share::new);
    share.elements.add(new Numbered<>(added++, element));
    size++;
    resized(share);
    if (size > most) {
      dropOne();
    }
  }

  private void dropOne() {
    Share<E> share = largest.first();
    if (share != null) {
      share.elements.remove();
      size--;
      resized(share);
    }
  }

  private void resized(Share<E> share) {
    Numbered<E> oldest = share.elements.peek();
    if (oldest == null) {
      largest.remove(share);
      shares.remove(share.client);
    } else {
      long count = share.elements.size();
      largest.set(share, (count << NUMBER_BITS) - oldest.number());
    }
  }

  /**
   * Everything that is kept.
   *
   * @return a copy, the oldest first
   */
  public List<E> all() {
    List<Numbered<E>> all = new ArrayList<>(size);
    for (Share<E> share : shares.values()) {
      all.addAll(share.elements);
    }
    all.sort(Comparator.comparingLong(Numbered::number));
    return all.stream().map(Numbered::element).toList();
  }
}
