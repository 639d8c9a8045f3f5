package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.unix.DatagramReceiver;

@SuppressWarnings("NullAway.Init")
class HeartbeatTest {
  @TempDir Path folder;

  private static long seconds(double seconds) {
    return (long) (seconds * TimeUnit.SECONDS.toNanos(1));
  }

  private Map<String, String> environment(int seconds) {
    return Map.of(
        "NOTIFY_SOCKET", folder.resolve("notify").toString(), "WATCHDOG_USEC", seconds + "000000");
  }

  private DatagramReceiver listen() throws IOException {
    return DatagramReceiver.open(folder.resolve("notify").toString());
  }

  @Test
  void turningWorkers_pingFourTimesAnInterval() throws IOException {
    WorkerBench bench = new WorkerBench();
    try (DatagramReceiver receiver = listen();
        ServiceManager manager = ServiceManager.of(environment(8), 1)) {
      Heartbeat heartbeat = new Heartbeat(bench.workers(), manager, System.nanoTime());
      bench.turn();
      long nowNs = System.nanoTime();
      heartbeat.beat(nowNs);
      heartbeat.beat(nowNs + seconds(1.9));
      heartbeat.beat(nowNs + seconds(2));
      heartbeat.beat(nowNs + seconds(2));
      manager.stopping();
      assertEquals("WATCHDOG=1", receiver.receive().line());
      assertEquals("WATCHDOG=1", receiver.receive().line());
      assertEquals("STOPPING=1", receiver.receive().line());
    }
  }

  @Test
  void worker_thatStandsStillForHalfTheInterval_stopsThePing() throws IOException {
    WorkerBench bench = new WorkerBench();
    try (DatagramReceiver receiver = listen();
        ServiceManager manager = ServiceManager.of(environment(8), 1)) {
      Heartbeat heartbeat = new Heartbeat(bench.workers(), manager, System.nanoTime());
      bench.turn();
      long nowNs = System.nanoTime();
      heartbeat.beat(nowNs + seconds(4));
      heartbeat.beat(nowNs + seconds(60));
      manager.stopping();
      assertEquals("STOPPING=1", receiver.receive().line());

      bench.turn();
      heartbeat.beat(System.nanoTime());
      assertEquals("WATCHDOG=1", receiver.receive().line());
    }
  }

  @Test
  void shortInterval_leavesAnIdleWorkerItsTurn() throws IOException {
    WorkerBench bench = new WorkerBench();
    try (DatagramReceiver receiver = listen();
        ServiceManager manager = ServiceManager.of(environment(1), 1)) {
      Heartbeat heartbeat = new Heartbeat(bench.workers(), manager, System.nanoTime());
      bench.turn();
      heartbeat.beat(System.nanoTime() + seconds(0.8));
      assertEquals("WATCHDOG=1", receiver.receive().line());
    }
  }

  @Test
  void managerWithoutWatchdog_isNotPinged() throws IOException {
    WorkerBench bench = new WorkerBench();
    Map<String, String> environment = Map.of("NOTIFY_SOCKET", folder.resolve("notify").toString());
    try (DatagramReceiver receiver = listen();
        ServiceManager manager = ServiceManager.of(environment, 1)) {
      new Heartbeat(bench.workers(), manager, System.nanoTime())
          .beat(System.nanoTime() + seconds(1));
      manager.stopping();
      assertEquals("STOPPING=1", receiver.receive().line());
    }
  }
}
