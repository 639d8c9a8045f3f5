package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;

/** A worker runs by the time that it is given, as when packets of another day are replayed. */
class GivenTimeTest {
  /** Stands still until it is set. */
  private static final class SetClock implements Clock {
    private long seconds;

    @Override
    public long nanoTime() {
      return seconds * 1_000_000_000L;
    }

    @Override
    public long epochMicros() {
      return seconds * 1_000_000L;
    }
  }

  private final SetClock clock = new SetClock();

  @Test
  void listingsEventsAndTracesTellIt() throws Exception {
    clock.seconds = 1_000_000_000; // 2001-09-09 01:46:40 UTC
    WorkerBench bench = WorkerBench.at(clock);
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    clock.seconds += 40;
    List<String> times = new ArrayList<>();
    bench.traces().subscribe(ListingFilter.ALL, 1, line -> times.add(line.time()));
    dialogue.client("PASV\r\n");
    clock.seconds += 60;
    SessionRow row = bench.worker().flows().listing().sessions(ListingFilter.ALL).get(0);
    assertEquals(List.of("2001-09-09T01:47:20Z"), times.stream().distinct().toList());
    assertEquals(100, row.ageSeconds());
    assertEquals(60, row.idleSeconds());

    dialogue.server("227 Entering Passive Mode (198,51,100,7,117,48)\r\n");
    assertEquals(
        List.of(clock.epochMicros()),
        bench.log().all().stream().map(event -> event.epochMicros()).distinct().toList());
  }
}
