package org.pinholed.helper.dcerpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.pinholed.helper.Direction;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperRun;

/**
 * Runs the seeds, which are the conversations of the cases, in a normal build; for hours with
 * {@code JAZZER_FUZZ=1 mvn -Djacoco.skip test -pl helpers -Dtest=DceRpcFuzzTest#stream}.
 */
class DceRpcFuzzTest {
  /** No other host, and no port below 1000. */
  private static final Pattern AT_THE_SERVER =
      Pattern.compile("(TCP|UDP) 203\\.0\\.113\\.10:\\d{4,5}-\\d{4,5}");

  /**
   * Who speaks (lowest bit), two bytes of length, so many bytes; and again. Where the client does
   * not speak, only what the server says.
   */
  private static Dialogue dialogue(byte[] data, boolean clientSpeaks) {
    Dialogue dialogue = new Dialogue();
    int at = 0;
    while (data.length - at > 3) {
      Direction direction = (data[at] & 1) == 0 ? Direction.ORIGINAL : Direction.REPLY;
      int length = (data[at + 1] & 0xff) << 8 | (data[at + 2] & 0xff);
      int end = Math.min(data.length, at + 3 + length);
      if (end > at + 3 && (clientSpeaks || direction == Direction.REPLY)) {
        dialogue.add(direction, Arrays.copyOfRange(data, at + 3, end));
      }
      at = end;
    }
    return dialogue;
  }

  /** What opens does not depend on segments. */
  @FuzzTest(maxDuration = "60s")
  void stream(byte[] data) {
    HelperRun whole = new HelperRun(DceRpcFlow.setup("tcp", Map.of())).say(dialogue(data, true));
    HelperRun torn =
        new HelperRun(DceRpcFlow.setup("tcp", Map.of()))
            .sayTorn(dialogue(data, true), new Random(0), 1);
    assertEquals(new TreeSet<>(whole.sink().opened()), new TreeSet<>(torn.sink().opened()));
    opensAtTheServer(whole);
  }

  /** A port of TCP may be announced over UDP, and the other way round. */
  @FuzzTest(maxDuration = "60s")
  void datagrams(byte[] data) {
    opensAtTheServer(new HelperRun(DceRpcFlow.setup("udp", Map.of())).say(dialogue(data, true)));
    HelperRun unasked = new HelperRun(DceRpcFlow.setup("udp", Map.of())).say(dialogue(data, false));
    assertEquals(Set.of(), unasked.sink().opened());
  }

  private static void opensAtTheServer(HelperRun run) {
    for (String opened : run.sink().opened()) {
      assertTrue(AT_THE_SERVER.matcher(opened).matches(), opened);
    }
  }
}
