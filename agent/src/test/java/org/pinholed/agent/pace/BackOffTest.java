package org.pinholed.agent.pace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BackOffTest {
  private final BackOff backOff = new BackOff();

  private long nextMs() {
    return TimeUnit.NANOSECONDS.toMillis(backOff.next());
  }

  @Test
  void next_doublesUpToHalfASecond_andBeginsAnewAfterASuccess() {
    assertEquals(
        "[1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 500]",
        LongStream.generate(this::nextMs).limit(11).boxed().toList().toString());
    backOff.reset();
    assertEquals(1, nextMs());
  }
}
