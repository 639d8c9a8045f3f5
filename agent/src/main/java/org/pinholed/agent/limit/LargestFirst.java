package org.pinholed.agent.limit;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Things that have a size, the largest at hand: a binary heap in which each element knows its
 * place, so that one whose size changes moves in logarithmic time. Not thread-safe.
 *
 * @param <T> what is in it; an element is in one heap at most
 */
final class LargestFirst<T extends LargestFirst.Sized> {
  private final List<T> heap = new ArrayList<>(1);

  /** Something with a size. */
  abstract static class Sized {
    private int place = -1;
    private long size;

    final long size() {
      return size;
    }

    final boolean isIn() {
      return place >= 0;
    }
  }

  /**
   * Gives an element another size, and puts it in if it is not yet.
   *
   * @param element the element
   * @param size the new size
   */
  void set(T element, long size) {
    Sized sized = element;
    if (sized.place < 0) {
      sized.place = heap.size();
      heap.add(element);
    }
    sized.size = size;
    down(up(sized.place));
  }

  /**
   * Takes an element out.
   *
   * @param element the element; nothing happens if it is not in
   */
  void remove(T element) {
    Sized sized = element;
    int place = sized.place;
    if (place < 0) {
      return;
    }
    sized.place = -1;
    T last = heap.remove(heap.size() - 1);
    if (last != element) {
      put(place, last);
      down(up(place));
    }
  }

  /**
   * The largest element.
   *
   * @return null if there is none
   */
  @Nullable T first() {
    return heap.isEmpty() ? null : heap.get(0);
  }

  int count() {
    return heap.size();
  }

  private int up(int place) {
    int at = place;
    while (at > 0 && sizeAt((at - 1) / 2) < sizeAt(at)) {
      swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
    return at;
  }

  private void down(int place) {
    int at = place;
    while (true) {
      int child = 2 * at + 1;
      if (child >= heap.size()) {
        return;
      }
      if (child + 1 < heap.size() && sizeAt(child + 1) > sizeAt(child)) {
        child++;
      }
      if (sizeAt(child) <= sizeAt(at)) {
        return;
      }
      swap(at, child);
      at = child;
    }
  }

  private long sizeAt(int place) {
    Sized sized = heap.get(place);
    return sized.size;
  }

  private void swap(int one, int other) {
    T element = heap.get(one);
    put(one, heap.get(other));
    put(other, element);
  }

  private void put(int place, T element) {
    heap.set(place, element);
    Sized sized = element;
    sized.place = place;
  }
}
