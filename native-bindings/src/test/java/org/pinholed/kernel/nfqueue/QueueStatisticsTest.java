package org.pinholed.kernel.nfqueue;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Lines of /proc/net/netfilter/nfnetlink_queue. */
class QueueStatisticsTest {
  @Test
  void lines_ofTheKernel_areRead() {
    assertEquals(
        List.of(
            new QueueStatistics(7, 12345, 3, 2, 57, 60),
            new QueueStatistics(65535, 4294967295L, 0, 0, 0, 4294967295L)),
        QueueStatistics.parse(
            """
                7  12345     3 2 65531     2    57       60  1
            65535 4294967295     0 2 65531     0     0 4294967295  1
            """));
  }

  @Test
  void lines_ofAnotherFormat_areLeftOut() {
    assertEquals(List.of(), QueueStatistics.parse(""));
    assertEquals(List.of(), QueueStatistics.parse("7 12345 3 2 65531 2 57\n"));
    assertEquals(List.of(), QueueStatistics.parse("queue portid a b c d e f g\n"));
    assertEquals(List.of(), QueueStatistics.parse("7 99999999999999999999 3 2 65531 2 57 60 1\n"));
  }
}
