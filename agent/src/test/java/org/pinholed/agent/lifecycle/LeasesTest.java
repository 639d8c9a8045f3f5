package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The order in which leases are renewed. */
class LeasesTest {
  private static final List<Integer> MANY = IntStream.range(0, 2000).boxed().toList();

  @Test
  void firstToRunOut_comesFirst() {
    assertEquals(List.of(1, 5, 7), Leases.inOrder(List.of(7, 1, 5), each -> each));
  }

  @Test
  void timesChangeMeanwhile_eachIsAskedOnce() {
    Random random = new Random(9);
    List<Integer> asked = new ArrayList<>();

    // A worker renews leases while they are put in order: each question has another answer.
    List<Integer> ordered =
        Leases.inOrder(
            MANY,
            each -> {
              asked.add(each);
              return random.nextInt(60_000);
            });

    assertEquals(MANY, asked);
    assertEquals(new HashSet<>(MANY), new HashSet<>(ordered));
  }
}
