package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.testkit.UsedHeap;

/** The size by which a configuration is judged is the one that the virtual machine takes. */
class ParentMemoryTest {
  private static final int PARENTS = 10_000; // many: what other tests leave behind counts too

  @Test
  void aParentThatIsLoggedIn() throws Exception {
    WorkerBench bench = new WorkerBench();
    List<TcpDialogue> dialogues = new ArrayList<>();
    for (int number = 1; number <= PARENTS; number++) {
      InetSocketAddress client =
          new InetSocketAddress("192.0.2." + (1 + number % 250), 20000 + number / 250);
      dialogues.add(new TcpDialogue(bench, client, TcpDialogue.SERVER, number, 25).login());
    }
    assertEquals(PARENTS, bench.worker().flows().read());
    long before = UsedHeap.bytes();
    CompletableFuture<?> ended =
        bench
            .workers()
            .endParents(
                bench.worker().flows().listing().entries(ListingFilter.ALL),
                AgentEvent.Kind.PARENT_CLOSED);
    while (!ended.isDone()) {
      bench.turn();
    }
    assertEquals(0, bench.worker().flows().read());
    long each = (before - UsedHeap.bytes()) / PARENTS;
    assertEquals(PARENTS, dialogues.size());
    assertTrue(each <= MemoryNeed.PARENT_BYTES, () -> each + " bytes each");
    assertTrue(each >= MemoryNeed.PARENT_BYTES / 2, () -> each + " bytes each");
  }
}
