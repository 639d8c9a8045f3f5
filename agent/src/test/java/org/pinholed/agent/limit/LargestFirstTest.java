package org.pinholed.agent.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class LargestFirstTest {
  private static final class Thing extends LargestFirst.Sized {}

  @Test
  void empty_hasNoFirst() {
    assertNull(new LargestFirst<Thing>().first());
  }

  /** Each number changes one of eight elements: 0 takes it out, others are its new size. */
  @Property(tries = 2000)
  void first_isAlwaysTheLargest(
      @ForAll @Size(max = 60) List<@IntRange(min = 0, max = 8 * 6 - 1) Integer> changes) {
    LargestFirst<Thing> heap = new LargestFirst<>();
    List<Thing> things = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      things.add(new Thing());
    }
    for (int change : changes) {
      Thing thing = things.get(change % 8);
      int size = change / 8;
      if (size == 0) {
        heap.remove(thing);
      } else {
        heap.set(thing, size);
      }
      long largest = things.stream().filter(Thing::isIn).mapToLong(Thing::size).max().orElse(0);
      Thing first = heap.first();
      assertEquals(largest, first == null ? 0 : first.size());
      assertEquals(things.stream().filter(Thing::isIn).count(), heap.count());
    }
  }
}
