package org.pinholed.agent.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.flow.HalfOpenFlows.Beginning;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

class HalfOpenFlowsTest {
  private static InetAddress address(int number) {
    try {
      return InetAddress.getByAddress(
          new byte[] {(byte) 198, (byte) (number >> 16), (byte) (number >> 8), (byte) number});
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static ConntrackEntry entry(int id, int client, int port) {
    FlowTuple original = new FlowTuple(6, address(client), port, address(0xffff), 21);
    return new ConntrackEntry(
        original,
        original.inverse(),
        id,
        0,
        0,
        60,
        2,
        "",
        -1,
        -1,
        -1,
        -1,
        0,
        ConntrackEntry.TcpCloser.NOBODY);
  }

  private static ConntrackEntry entry(int id) {
    return entry(id, id / 1000, 1024 + id % 1000);
  }

  @Test
  void aFlow_isTakenOnce_withItsNumbers() {
    HalfOpenFlows flows = new HalfOpenFlows(10);
    assertEquals(0, flows.add(entry(7), 100, -200));
    assertEquals(new Beginning(7, 100, -200, false), flows.find(entry(7)));
    assertNull(flows.find(entry(8)));
    assertEquals(new Beginning(7, 100, -200, false), flows.take(entry(7)));
    assertNull(flows.take(entry(7)));
    assertEquals(0, flows.size());
  }

  @Test
  void theIdAlone_isNotEnough() {
    HalfOpenFlows flows = new HalfOpenFlows(10);
    flows.add(entry(7, 1, 40001), 1, 2);
    assertNull(flows.take(entry(7, 1, 40002)));
    assertNull(flows.take(entry(7, 2, 40001)));
    flows.add(entry(7, 1, 40002), 3, 4);
    assertEquals(new Beginning(7, 1, 2, false), flows.take(entry(7, 1, 40001)));
    assertEquals(new Beginning(7, 3, 4, false), flows.take(entry(7, 1, 40002)));
  }

  @Test
  void theNextConnectionOfTheSameTuple_takesThePlace() {
    HalfOpenFlows flows = new HalfOpenFlows(10);
    flows.add(entry(7), 1, 2);
    flows.add(entry(7), 3, 4);
    assertEquals(1, flows.size());
    assertEquals(new Beginning(7, 3, 4, false), flows.take(entry(7)));
  }

  @Test
  void whenItIsFull_theClientThatHoldsMostLosesItsOldest() {
    HalfOpenFlows flows = new HalfOpenFlows(100);
    flows.add(entry(1, 1, 40000), 1, 1); // honest
    for (int i = 0; i < 1000; i++) {
      assertEquals(i < 99 ? 0 : 1, flows.add(entry(100 + i, 2, 1024 + i), i, i));
    }
    flows.add(entry(2, 3, 40000), 2, 2); // honest, too
    assertEquals(100, flows.size());
    assertNotNull(flows.take(entry(1, 1, 40000)));
    assertNotNull(flows.take(entry(2, 3, 40000)));
    assertNull(flows.take(entry(100, 2, 1024)));
    assertNotNull(flows.take(entry(1099, 2, 1024 + 999)));
    assertEquals(97, flows.size());
  }

  @Test
  void aSynWithBytes_isNoted_andChangesNothingElse() {
    HalfOpenFlows flows = new HalfOpenFlows(10);
    flows.add(entry(7, 1, 40001), 1, 2);
    flows.add(entry(8, 1, 40002), 3, 4);
    assertTrue(flows.noteSynWithData(entry(7, 1, 40001)));
    assertFalse(flows.noteSynWithData(entry(9, 1, 40003)));
    assertEquals(new Beginning(7, 1, 2, true), flows.take(entry(7, 1, 40001)));
    assertEquals(new Beginning(8, 3, 4, false), flows.take(entry(8, 1, 40002)));
  }

  @Test
  void aSmallerLimit_holdsFromTheNextOn() {
    HalfOpenFlows flows = new HalfOpenFlows(100);
    for (int i = 0; i < 100; i++) {
      flows.add(entry(i, 1, i), i, i);
    }
    flows.setMost(10);
    assertEquals(91, flows.add(entry(200, 2, 1), 0, 0));
    assertEquals(10, flows.size());
  }

  @Test
  void youngest_areThoseOfEachClient() {
    HalfOpenFlows flows = new HalfOpenFlows(100);
    for (int i = 0; i < 50; i++) {
      flows.add(entry(i, 1, i), i, i);
    }
    flows.add(entry(77, 2, 1), 5, 6);
    List<Beginning> two =
        flows.youngest(2, 100).flows().stream().map(HalfOpenState.Held::beginning).toList();
    assertEquals(
        List.of(
            new Beginning(49, 49, 49, false),
            new Beginning(48, 48, 48, false),
            new Beginning(77, 5, 6, false)),
        two);
    assertEquals(1, flows.youngest(2, 1).flows().size());
  }

  @Test
  void restore_inAnotherProcess_eachByItsTuples_withItsNumbers() {
    HalfOpenFlows before = new HalfOpenFlows(10);
    before.add(entry(7, 1, 40001), 1, 2);
    before.add(entry(7, 1, 40002), 3, 4);
    before.noteSynWithData(entry(7, 1, 40002));
    HalfOpenState left = before.youngest(8, 8);
    Map<Long, Beginning> byKey = new HashMap<>();
    left.flows().forEach(held -> byKey.put(held.key(), held.beginning()));

    HalfOpenFlows after = new HalfOpenFlows(10);
    for (int port = 40001; port <= 40002; port++) {
      after.restore(entry(7, 1, port), notNull(byKey.get(left.keyOf(entry(7, 1, port)))));
    }
    assertNull(byKey.get(left.keyOf(entry(7, 1, 40003))), "the id is not enough");
    assertEquals(new Beginning(7, 1, 2, false), after.take(entry(7, 1, 40001)));
    assertEquals(new Beginning(7, 3, 4, true), after.take(entry(7, 1, 40002)));
  }

  private static Beginning notNull(@Nullable Beginning beginning) {
    assertNotNull(beginning);
    return beginning;
  }

  @Test
  void sameIdAndOriginalTuple_translatedToAnotherServer_isAnotherFlow() {
    HalfOpenFlows flows = new HalfOpenFlows(10);
    ConntrackEntry first = entry(7, 1, 40001);
    FlowTuple reply = first.reply();
    ConntrackEntry second =
        new ConntrackEntry(
            first.original(),
            new FlowTuple(6, reply.source(), 2121, reply.destination(), reply.destinationPort()),
            7,
            0,
            0,
            60,
            2,
            "",
            -1,
            -1,
            -1,
            -1,
            0,
            ConntrackEntry.TcpCloser.NOBODY);
    flows.add(first, 1, 2);
    assertNull(flows.find(second));
  }

  /** Each number adds or takes a flow of one of seven clients; a plain model says what is right. */
  @Property(tries = 1000)
  void aModel_agrees(@ForAll @Size(max = 150) List<@IntRange(min = 0, max = 139) Integer> steps) {
    int most = 12;
    HalfOpenFlows flows = new HalfOpenFlows(most);
    Map<Integer, Deque<Integer>> model = new HashMap<>();
    int size = 0;
    for (int step : steps) {
      int id = step / 2; // 0..69
      int client = id % 7;
      Deque<Integer> own = model.computeIfAbsent(client, key -> new ArrayDeque<>());
      boolean held = own.remove(id);
      if (held) {
        size--;
      }
      if (step % 2 == 0) {
        Beginning taken = flows.take(entry(id, client, id));
        assertEquals(held, taken != null);
      } else {
        int lost = flows.add(entry(id, client, id), id, id);
        int largest = model.values().stream().mapToInt(Deque::size).max().orElse(0);
        assertEquals(size == most ? 1 : 0, lost);
        if (lost == 1) {
          // Of several clients that hold as many, any may have lost its oldest.
          Deque<Integer> loser =
              model.values().stream()
                  .filter(ids -> ids.size() == largest)
                  .filter(
                      ids ->
                          flows.find(entry(ids.getFirst(), ids.getFirst() % 7, ids.getFirst()))
                              == null)
                  .findFirst()
                  .orElseThrow();
          loser.removeFirst();
          size--;
        }
        own.addLast(id);
        size++;
      }
      assertEquals(size, flows.size());
      for (Deque<Integer> ids : model.values()) {
        for (int each : ids) {
          assertNotNull(flows.find(entry(each, each % 7, each)));
        }
      }
    }
  }

  private static long usedHeapBytes() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 4; i++) {
      System.gc();
      least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }
    return least;
  }

  @Test
  void memory_isWhatItSays_alsoIfEachIsOfAnotherClient() {
    int count = 1 << 18;
    long before = usedHeapBytes();
    HalfOpenFlows flows = new HalfOpenFlows(count);
    for (int i = 0; i < count; i++) {
      flows.add(entry(i, i, 40000), 1, 2);
    }
    double each = (double) (usedHeapBytes() - before) / count;
    assertEquals(count, flows.size());
    assertTrue(each <= MemoryNeed.HALF_OPEN_BYTES * 1.05, () -> each + " bytes each");
    assertTrue(each >= MemoryNeed.HALF_OPEN_BYTES * 0.8, () -> each + " bytes each");
  }
}
