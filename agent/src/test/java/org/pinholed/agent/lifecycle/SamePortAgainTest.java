package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * A server announces the same port again while the kernel's word of its child is not read yet. Each
 * child is credited once, to the one whose pinhole it used, and nothing outlives the parent.
 */
class SamePortAgainTest {
  private static final int PLAYS = 1000;
  private static final int FIRST_PORT = 30_000;

  /** One control connection; what the kernel has said waits until somebody reads it. */
  private static final class Play {
    private final FakeEventsKernel kernel = new FakeEventsKernel();
    private final WorkerBench bench = new WorkerBench();
    private final KernelEvents events;
    private final TcpDialogue dialogue;
    private final IdentityHashMap<Pinhole, Expectation> byPinhole = new IdentityHashMap<>();
    private final Map<Long, String> childOf = new HashMap<>();
    private final StringBuilder told = new StringBuilder();
    private int nextChild = 0xc000;

    Play() throws NetlinkException {
      bench.kernelMaySayMore();
      events = EventsBench.events(ConntrackEvents.open(kernel), bench);
      dialogue = new TcpDialogue(bench).login();
    }

    void announce(int port) {
      told.append(" PASV ").append(port);
      dialogue.passive(port);
      for (Expectation expectation : bench.table().pending()) {
        byPinhole.put(expectation.pinhole(), expectation);
      }
    }

    /** The first packet of a child takes the pinhole out, if there is one. */
    void child(int port) {
      Pinhole used = bench.backend().find("ONCE TCP 192.0.2.10 > 198.51.100.7:" + port);
      if (used == null) {
        return;
      }
      told.append(" child ").append(port);
      bench.backend().use(used);
      int id = nextChild++;
      Expectation expectation = byPinhole.get(used);
      assertNotNull(expectation, told.toString());
      childOf.put(expectation.id(), HexFormat.of().toHexDigits(id));
      kernel.began(EventsBench.child(id, id, port));
    }

    void read() {
      told.append(" read");
      events.turn();
    }

    void end() {
      told.append(" QUIT");
      dialogue.sayQuit();
      bench.turn();
    }

    void check() {
      assertEquals(List.of(), bench.backend().open(), "stands still:" + told);
      assertEquals(List.of(), bench.table().pending(), told.toString());
      Map<Long, String> credited = new HashMap<>();
      Map<Long, AgentEvent.Kind> ends = new HashMap<>();
      Set<Long> created = new HashSet<>();
      for (AgentEvent event : bench.log().all()) {
        if (event.kind() == AgentEvent.Kind.CREATED) {
          assertTrue(created.add(event.expectationId()), told.toString());
          continue;
        }
        AgentEvent.Kind before = ends.put(event.expectationId(), event.kind());
        assertNull(before, event.expectationId() + " ended twice:" + told);
        @Nullable String child = event.childSerial();
        if (event.kind() == AgentEvent.Kind.MATCHED) {
          credited.put(event.expectationId(), child == null ? "none" : child);
        }
      }
      assertEquals(childOf, credited, told.toString());
      assertEquals(created, ends.keySet(), told.toString());
    }
  }

  @Test
  void childThenTheSamePortAndThenAnother_theChildIsTheFirstOnes() throws Exception {
    Play play = new Play();
    play.announce(30_000);
    play.child(30_000);
    play.announce(30_000);
    play.announce(30_001);
    play.read();
    play.read();
    assertEquals(List.of("ONCE TCP 192.0.2.10 > 198.51.100.7:30001"), play.bench.backend().open());
    play.end();
    play.read();
    play.check();
  }

  @Test
  void samePortTwiceAndThenTheChild_isTheSecondOnes() throws Exception {
    Play play = new Play();
    play.announce(30_000);
    play.announce(30_000);
    play.child(30_000);
    play.announce(30_001);
    play.end();
    play.read();
    play.read();
    play.check();
    assertEquals(1, play.childOf.size());
    assertTrue(play.childOf.containsKey(2L), play.childOf::toString);
  }

  @Test
  void childComesWhileThePortIsTakenAgain_isTheFirstOnes() throws Exception {
    Play play = new Play();
    play.announce(30_000);
    play.bench
        .backend()
        .beforeNext(
            () -> {
              play.child(30_000);
              play.read();
            });
    play.announce(30_000);
    play.end();
    play.read();
    play.check();
    assertTrue(play.childOf.containsKey(1L), play.childOf::toString);
  }

  /** A thousand dialogues of random steps: announce, connect, and now and then read the events. */
  @Test
  void thousandPlays_eachChildIsCreditedOnceToTheRightOne() throws Exception {
    List<Integer> children = new ArrayList<>();
    for (int seed = 0; seed < PLAYS; seed++) {
      Random random = new Random(seed);
      Play play = new Play();
      int steps = 2 + random.nextInt(10);
      for (int step = 0; step < steps; step++) {
        int port = FIRST_PORT + (random.nextInt(4) == 0 ? 1 : 0);
        if (random.nextInt(4) == 0) {
          // between the decision to shut the old one and the transaction
          play.bench
              .backend()
              .beforeNext(
                  () -> {
                    play.child(FIRST_PORT);
                    if (random.nextBoolean()) {
                      play.read();
                    }
                  });
        }
        play.announce(port);
        if (random.nextBoolean()) {
          play.child(port);
        }
        if (random.nextInt(3) == 0) {
          play.read();
        }
      }
      play.end();
      play.read();
      play.read();
      play.check();
      children.add(play.childOf.size());
    }
    int all = children.stream().mapToInt(Integer::intValue).sum();
    assertTrue(all > PLAYS, all + " children came");
  }
}
