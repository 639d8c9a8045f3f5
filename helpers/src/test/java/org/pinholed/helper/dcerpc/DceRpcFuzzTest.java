package org.pinholed.helper.dcerpc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.pinholed.helper.Direction;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperRun;

/**
 * Runs the seeds, which are the conversations of the cases, in a normal build; for hours with
 * {@code JAZZER_FUZZ=1 mvn -Djacoco.skip test -pl helpers -Dtest=DceRpcFuzzTest#stream}.
 */
class DceRpcFuzzTest {
  /** Who speaks (lowest bit), two bytes of length, so many bytes; and again. */
  private static Dialogue dialogue(byte[] data) {
    Dialogue dialogue = new Dialogue();
    int at = 0;
    while (data.length - at > 3) {
      Direction direction = (data[at] & 1) == 0 ? Direction.ORIGINAL : Direction.REPLY;
      int length = (data[at + 1] & 0xff) << 8 | (data[at + 2] & 0xff);
      int end = Math.min(data.length, at + 3 + length);
      if (end > at + 3) {
        dialogue.add(direction, Arrays.copyOfRange(data, at + 3, end));
      }
      at = end;
    }
    return dialogue;
  }

  /** What opens does not depend on segments. */
  @FuzzTest(maxDuration = "60s")
  void stream(byte[] data) {
    HelperRun whole = new HelperRun(DceRpcFlow.setup("tcp", Map.of())).say(dialogue(data));
    HelperRun torn =
        new HelperRun(DceRpcFlow.setup("tcp", Map.of())).sayTorn(dialogue(data), new Random(0), 1);
    assertEquals(new TreeSet<>(whole.sink().opened()), new TreeSet<>(torn.sink().opened()));
  }

  @FuzzTest(maxDuration = "60s")
  void datagrams(byte[] data) {
    HelperRun run = new HelperRun(DceRpcFlow.setup("udp", Map.of())).say(dialogue(data));
    run.sink().opened().forEach(opened -> assertEquals("UDP", opened.substring(0, 3)));
  }
}
