package org.pinholed.agent.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;

class SharedStatesTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final long LATER_NS = MINUTE.toNanos();

  private static final SharedMap.Codec<Integer> NUMBERS =
      new SharedMap.Codec<>() {
        @Override
        public String write(Integer value, long nowNs) {
          return value.toString();
        }

        @Override
        public @Nullable Integer read(String text, long nowNs) {
          return text.matches("[0-9]+") ? Integer.valueOf(text) : null;
        }
      };

  private final SharedStates states = new SharedStates();

  private static OwnerId key(int number) {
    return new OwnerId(number, number);
  }

  private SharedMap<Integer> map(int most) {
    return states.of("sip").map("calls", most, NUMBERS);
  }

  private static boolean put(SharedMap<Integer> map, int key, int value, long nowNs) {
    return map.change(key(key), nowNs, MINUTE, before -> value);
  }

  @Test
  void sameName_sameMap_ofOneProtocol() {
    SharedMap<Integer> map = map(10);
    put(map, 1, 11, 0);
    assertSame(map, map(10));
    assertNull(states.of("dcerpc").map("calls", 10, NUMBERS).get(key(1), 0));
    assertThrows(IllegalArgumentException.class, () -> map(0));
  }

  @Test
  void fullMap_takesNoNewKey_andChangesTheOthers() {
    SharedMap<Integer> map = map(2);
    assertTrue(put(map, 1, 11, 0));
    assertTrue(put(map, 2, 12, 0));
    assertFalse(put(map, 3, 13, 0));
    assertTrue(put(map, 1, 21, 0));
    assertEquals(21, map.get(key(1), 0));
    assertNull(map.get(key(3), 0));

    assertTrue(map.change(key(2), 0, MINUTE, before -> null));
    assertTrue(put(map, 3, 13, 0));
    assertEquals(2, map.size());
  }

  /** Numbers that take as many places as they say. */
  private static final SharedMap.Codec<Integer> LARGE =
      new SharedMap.Codec<>() {
        @Override
        public int places(Integer value) {
          return value;
        }

        @Override
        public String write(Integer value, long nowNs) {
          return NUMBERS.write(value, nowNs);
        }

        @Override
        public @Nullable Integer read(String text, long nowNs) {
          return NUMBERS.read(text, nowNs);
        }
      };

  @Test
  void largeValues_takeSeveralPlaces_andMayGrowAQuarterBeyondTheLimit() {
    SharedMap<Integer> map = states.of("sip").map("large", 8, LARGE);
    assertTrue(put(map, 1, 5, 0));
    assertFalse(put(map, 2, 4, 0), "there are three places");
    assertNull(map.get(key(2), 0));
    assertTrue(put(map, 2, 3, 0));
    assertFalse(put(map, 3, 1, 0));
    assertEquals(8, map.size());
    assertTrue(put(map, 1, 7, 0), "what is there has a quarter more");
    assertFalse(put(map, 1, 8, 0));
    assertEquals(7, map.get(key(1), 0), "nothing was changed");
    assertTrue(put(map, 1, 6, 0), "what shrinks has room");
    assertTrue(map.change(key(2), 0, MINUTE, before -> null));
    assertEquals(6, map.size());

    SharedStates next = new SharedStates();
    next.restore(states.entries(0), 0);
    assertEquals(6, next.of("sip").map("large", 8, LARGE).size(), "handed over as large as it is");
    states.purge(2 * LATER_NS);
    assertEquals(0, map.size());
  }

  @Test
  void whatTakesOutNothing_takesNoPlace() {
    SharedMap<Integer> map = map(1);
    assertTrue(map.change(key(1), 0, MINUTE, before -> null));
    assertThrows(
        IllegalStateException.class,
        () ->
            map.change(
                key(1),
                0,
                MINUTE,
                before -> {
                  throw new IllegalStateException("a fault of a helper");
                }));
    assertEquals(0, map.size());
    assertTrue(put(map, 2, 12, 0));
  }

  @Test
  void valueWhoseTimeIsOver_isNotThere_andGoes() {
    SharedMap<Integer> map = map(1);
    put(map, 1, 11, 0);
    assertEquals(11, map.get(key(1), LATER_NS - 1));
    assertNull(map.get(key(1), LATER_NS));
    boolean[] sawNothing = new boolean[1];
    map.change(
        key(1),
        LATER_NS,
        MINUTE,
        before -> {
          sawNothing[0] = before == null;
          return 12;
        });
    assertTrue(sawNothing[0]);
    states.purge(2 * LATER_NS);
    assertEquals(0, map.size());
  }

  @Test
  void handedOver_withWhatIsLeftOfItsTime() {
    put(map(10), 1, 11, 0);
    put(map(10), 2, 12, LATER_NS / 2);
    List<SharedEntry> entries = states.entries(LATER_NS);
    assertEquals(1, entries.size(), "the time of the other one is over");
    assertEquals(30_000, entries.get(0).leftMs());

    SharedStates next = new SharedStates();
    next.restore(entries, 7);
    assertEquals(entries.size(), next.entries(7).size(), "handed on before anybody asked for it");
    SharedMap<Integer> map = next.of("sip").map("calls", 10, NUMBERS);
    assertEquals(12, map.get(key(2), 7));
    assertNull(map.get(key(2), 7 + LATER_NS / 2));
  }

  @Test
  void handedOver_whatIsNotUnderstoodIsLeftOut() {
    SharedStates next = new SharedStates();
    next.restore(List.of(new SharedEntry("sip", "calls", key(1), 1000, "of another version")), 0);
    SharedMap<Integer> map = next.of("sip").map("calls", 10, NUMBERS);
    assertNull(map.get(key(1), 0));
    assertEquals(0, map.size());
  }

  @Test
  void changesOfOneKey_comeOneAfterTheOther() throws InterruptedException {
    SharedMap<Integer> map = map(10);
    ExecutorService workers = Executors.newFixedThreadPool(4);
    CountDownLatch begin = new CountDownLatch(1);
    for (int worker = 0; worker < 4; worker++) {
      workers.execute(
          () -> {
            try {
              begin.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
            for (int round = 0; round < 1000; round++) {
              map.change(key(1), 0, MINUTE, before -> before == null ? 1 : before + 1);
            }
          });
    }
    begin.countDown();
    workers.shutdown();
    assertTrue(workers.awaitTermination(30, TimeUnit.SECONDS));
    assertEquals(4000, map.get(key(1), 0));
    assertEquals(1, map.size());
  }
}
