package org.pinholed.agent.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FairRingTest {
  private final FairRing<String> ring = new FairRing<>(4);

  private void add(String... elements) {
    for (String element : elements) {
      ring.add(element.charAt(0), element);
    }
  }

  @Test
  void oneClient_keepsTheLastOnes() {
    assertEquals(List.of(), ring.all());
    add("a1", "a2", "a3", "a4");
    assertEquals(List.of("a1", "a2", "a3", "a4"), ring.all());
    add("a5", "a6");
    assertEquals(List.of("a3", "a4", "a5", "a6"), ring.all());
  }

  @Test
  void whoHasMost_losesTheOldest_soThatNobodyPushesOutWhatOthersHave() {
    add("b1", "a1", "c1", "a2", "a3", "a4", "a5");
    assertEquals(List.of("b1", "c1", "a4", "a5"), ring.all());
    add("b2");
    assertEquals(List.of("c1", "a4", "a5", "b2"), ring.all());
  }

  @Test
  void manyClientsWithOneEach_theOldestGoes() {
    add("a1", "b1", "c1", "d1", "e1");
    assertEquals(List.of("b1", "c1", "d1", "e1"), ring.all());
    add("f1", "a2");
    assertEquals(List.of("d1", "e1", "f1", "a2"), ring.all());
  }

  /** Against a plain model: the same is kept, whatever comes in which order. */
  @Test
  void keepsWhatAPlainListWouldKeep() {
    Random random = new Random(7);
    FairRing<Integer> fair = new FairRing<>(16);
    List<int[]> plain = new ArrayList<>(); // client and number, the oldest first
    for (int number = 0; number < 5000; number++) {
      int client = (int) Math.abs(random.nextGaussian() * 4);
      fair.add(client, number);
      plain.add(new int[] {client, number});
      if (plain.size() > 16) {
        plain.remove(victim(plain));
      }
      assertEquals(plain.stream().map(each -> each[1]).toList(), fair.all());
    }
    assertTrue(plain.stream().map(each -> each[0]).distinct().count() > 4);
  }

  private static int[] victim(List<int[]> plain) {
    int[] victim = plain.get(0);
    for (int[] each : plain) {
      if (count(plain, each[0]) > count(plain, victim[0])) {
        victim = each; // the oldest of its client, and of those with as many
      }
    }
    return victim;
  }

  private static long count(List<int[]> plain, int client) {
    return plain.stream().filter(each -> each[0] == client).count();
  }
}
