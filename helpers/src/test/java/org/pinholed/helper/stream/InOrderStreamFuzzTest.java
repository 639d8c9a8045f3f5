package org.pinholed.helper.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.stream.InOrderStream.Push;

/**
 * Runs the seeds in a normal build; for hours with {@code JAZZER_FUZZ=1 mvn -Djacoco.skip test -pl
 * helpers -Dtest=InOrderStreamFuzzTest#segments}.
 */
class InOrderStreamFuzzTest {
  private static final int SENT_BYTES = 1 << 12;

  /**
   * Three bytes a segment: where it begins (4 bits of them how much the reader takes), and how long
   * it is. All segments are cut from one text, so whatever is read must be that text.
   */
  @FuzzTest(maxDuration = "60s")
  void segments(byte[] data) {
    byte[] sent = new byte[SENT_BYTES + 256];
    for (int at = 0; at < sent.length; at++) {
      sent[at] = (byte) (at * 31 + (at >> 8));
    }
    ByteBuffer packet = ByteBuffer.wrap(sent);
    InOrderStream stream = new InOrderStream(new HelperLimits(256, 1024, 6, 512));
    stream.start(Integer.MAX_VALUE - 2000);
    long[] read = {0};
    for (int at = 0; at + 2 < data.length; at += 3) {
      int from = ((Byte.toUnsignedInt(data[at]) << 4) | (data[at + 1] & 15)) % SENT_BYTES;
      int share = Byte.toUnsignedInt(data[at + 1]) >> 4;
      Push pushed =
          stream.push(
              stream.sequenceOf(from),
              packet,
              from,
              Byte.toUnsignedInt(data[at + 2]),
              bytes -> {
                long first = bytes.streamOffsetOf(bytes.position());
                assertEquals(read[0], first);
                for (int index = bytes.position(); index < bytes.limit(); index++) {
                  assertEquals(sent[(int) bytes.streamOffsetOf(index)], bytes.buffer().get(index));
                }
                int taken = bytes.remaining() * share / 15;
                read[0] += taken;
                return taken;
              });
      assertTrue(pushed.reason() == null || pushed == Push.OVERFLOW, pushed.name());
      assertTrue(stream.bufferedBytes() <= 1024);
    }
  }
}
