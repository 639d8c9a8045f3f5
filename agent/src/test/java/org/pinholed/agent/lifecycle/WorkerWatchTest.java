package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.netlink.NetlinkException;

class WorkerWatchTest {
  @Test
  void worker_thatDoesNotTurn_isSaidOnce_andAgainAfterItWentOn() throws NetlinkException {
    WorkerBench bench = new WorkerBench();
    WorkerWatch watch = new WorkerWatch(bench.workers(), bench.events());
    bench.turn();
    long nowNs = System.nanoTime();
    watch.look(nowNs);
    watch.look(nowNs + TimeUnit.MILLISECONDS.toNanos(WorkerWatch.STUCK_MS / 2));
    assertEquals(List.of(), bench.log().words());

    long lateNs = nowNs + TimeUnit.MILLISECONDS.toNanos(WorkerWatch.STUCK_MS);
    watch.look(lateNs);
    watch.look(lateNs);
    assertEquals(List.of("workerStuck queue0"), bench.log().words());
    assertTrue(bench.worker().turnMs(lateNs) >= WorkerWatch.STUCK_MS);

    bench.turn();
    watch.look(System.nanoTime());
    watch.look(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WorkerWatch.STUCK_MS));
    assertEquals(List.of("workerStuck queue0", "workerStuck queue0"), bench.log().words());
  }
}
