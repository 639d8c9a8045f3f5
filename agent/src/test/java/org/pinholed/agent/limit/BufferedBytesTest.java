package org.pinholed.agent.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class BufferedBytesTest {
  private static final int LIMIT = 1000;

  private final BufferedBytes buffered = new BufferedBytes(LIMIT);
  private final List<String> gaveWay = new ArrayList<>();
  private final Map<String, BufferedBytes.Flow> flows = new HashMap<>();

  /** A flow that gives its memory back only when the test says so. */
  private BufferedBytes.Flow flow(int client, String name) {
    return flows.computeIfAbsent(name, key -> buffered.open(client, () -> gaveWay.add(name)));
  }

  private boolean reserve(int client, String name, int bytes) {
    return flow(client, name).reserve(bytes);
  }

  @Test
  void whatIsGivenBack_isThereAgain() {
    assertTrue(reserve(1, "a", 250));
    flow(1, "a").release(250);
    assertEquals(0, buffered.usedBytes());
    assertEquals(0, buffered.clients());
    assertTrue(reserve(1, "a", 250));
    assertEquals(List.of(), gaveWay);
  }

  @Test
  void aClientAboveAQuarter_losesItsLargestFlow() {
    assertTrue(reserve(1, "large", 150));
    assertTrue(reserve(1, "small", 100));
    assertTrue(reserve(1, "small", 1));
    assertEquals(List.of("large"), gaveWay);
    assertFalse(reserve(1, "large", 1), "it has given way for good");
    assertEquals(251, buffered.usedBytes());
    flow(1, "large").release(150);
    assertEquals(101, buffered.usedBytes());
  }

  @Test
  void aFlowThatIsItselfTheLargest_isToldAtOnce_andKeepsNothingMore() {
    assertTrue(reserve(1, "a", 200));
    assertFalse(reserve(1, "a", 51));
    assertEquals(List.of(), gaveWay);
    assertEquals(200, buffered.usedBytes());
    flow(1, "a").release(200);
    assertEquals(0, buffered.usedBytes());
    assertEquals(0, buffered.clients());
  }

  @Test
  void whenAllIsSpent_theClientThatHasMostLosesItsLargest_andTheOthersNothing() {
    for (int client = 1; client <= 4; client++) {
      assertTrue(reserve(client, client + "x", 100));
      assertTrue(reserve(client, client + "y", client == 3 ? 150 : 149));
    }
    assertTrue(reserve(9, "honest", 20), "997 and 20");
    assertEquals(List.of("3y"), gaveWay);
    assertTrue(reserve(8, "also honest", 20));
    assertEquals(List.of("3y"), gaveWay);
  }

  @Test
  void manySmallOnes_giveWayToOneLineNoMoreThanNeeded() {
    for (int client = 1; client <= 100; client++) {
      assertTrue(reserve(client, "c" + client, 10));
    }
    assertFalse(reserve(101, "c101", 11), "it has most");
    assertTrue(reserve(102, "c102", 9));
    assertEquals(1, gaveWay.size());
  }

  @Test
  void whenNothingIsGivenBack_nothingMoreIsTaken() {
    buffered.setLimit(100);
    for (int client = 1; client <= 10; client++) {
      assertTrue(reserve(client, "c" + client, 10));
    }
    int granted = 0;
    for (int client = 11; client <= 200; client++) {
      BufferedBytes.Flow flow = flow(client, "c" + client);
      if (flow.reserve(9)) {
        granted++;
      }
      assertTrue(buffered.usedBytes() <= 225, () -> "used " + buffered.usedBytes());
    }
    assertTrue(granted < 20, "granted " + granted);
  }

  @Test
  void aSmallerLimit_isReachedByTheNextThatAsks() {
    for (int client = 1; client <= 4; client++) {
      assertTrue(reserve(client, "c" + client, 240));
    }
    buffered.setLimit(800);
    assertTrue(reserve(9, "c9", 10));
    assertEquals(1, gaveWay.size());
  }

  /** Each number is a step of one of twelve flows of six clients. */
  @Property(tries = 1000)
  void neverMoreThanTheLimit_neverMoreThanAQuarterForOne(
      @ForAll @Size(max = 200) List<@IntRange(min = 0, max = 12 * 40 - 1) Integer> steps) {
    BufferedBytes own = new BufferedBytes(LIMIT);
    BufferedBytes.Flow[] all = new BufferedBytes.Flow[12];
    int[] has = new int[12];
    boolean[] gone = new boolean[12];
    for (int i = 0; i < all.length; i++) {
      int index = i;
      all[i] = own.open(i % 6, () -> gone[index] = true);
    }
    for (int step : steps) {
      int index = step % 12;
      int bytes = 1 + step / 12 * 3;
      if (gone[index]) {
        all[index].release(has[index]);
        has[index] = 0;
        gone[index] = false;
        int client = index;
        all[index] = own.open(index % 6, () -> gone[client] = true);
      } else if (step % 5 == 0) {
        all[index].release(has[index]);
        has[index] = 0;
      } else if (all[index].reserve(bytes)) {
        has[index] += bytes;
      } else {
        gone[index] = true;
      }
      int sum = 0;
      int kept = 0;
      int[] byClient = new int[6];
      for (int i = 0; i < all.length; i++) {
        sum += has[i];
        if (!gone[i]) {
          kept += has[i];
          byClient[i % 6] += has[i];
        }
      }
      assertEquals(sum, own.usedBytes());
      assertTrue(kept <= LIMIT);
      for (int bytesOfClient : byClient) {
        assertTrue(bytesOfClient <= LIMIT / 4);
      }
    }
  }
}
