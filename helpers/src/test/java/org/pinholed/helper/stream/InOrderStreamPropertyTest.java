package org.pinholed.helper.stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.stream.InOrderStream.Push;

class InOrderStreamPropertyTest {
  private record Segment(int from, int to) {}

  @Property(tries = 400)
  void anyCutOrderAndRepetition_givesTheSameBytes(
      @ForAll @Size(min = 1, max = 300) byte[] sent,
      @ForAll int initial,
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 40) int longest) {
    Random random = new Random(seed);
    List<Segment> segments = new ArrayList<>();
    for (int at = 0; at < sent.length; ) {
      int to = Math.min(sent.length, at + 1 + random.nextInt(longest));
      segments.add(new Segment(at, to));
      at = to;
    }
    int cuts = segments.size();
    for (int extra = 0; extra < 10; extra++) {
      int from = random.nextInt(sent.length);
      segments.add(
          random.nextInt(cuts + 1),
          new Segment(from, from + 1 + random.nextInt(sent.length - from)));
    }
    for (int swap = 0; swap < 5; swap++) {
      int at = random.nextInt(segments.size());
      Collections.swap(segments, at, Math.min(segments.size() - 1, at + random.nextInt(4)));
    }
    InOrderStream stream = new InOrderStream(new HelperLimits(256, 1024, 1024, 512));
    stream.start(initial);
    ByteBuffer packet = ByteBuffer.wrap(sent);
    ByteArrayOutputStream read = new ByteArrayOutputStream();
    for (Segment segment : segments) {
      Push result =
          stream.push(
              initial + 1 + segment.from,
              packet,
              segment.from,
              segment.to - segment.from,
              bytes -> {
                // Leaves some, at random, unless it is the end.
                int taken = random.nextInt(bytes.remaining() + 1);
                if (bytes.streamOffsetOf(bytes.limit()) == sent.length) {
                  taken = bytes.remaining();
                }
                byte[] copy = new byte[taken];
                bytes.buffer().get(bytes.position(), copy);
                read.writeBytes(copy);
                return taken;
              });
      assertTrue(result.reason() == null, result.name());
      assertTrue(stream.bufferedBytes() <= 1024);
    }
    assertArrayEquals(sent, read.toByteArray());
  }

  @Property(tries = 400)
  void anySegments_neverThrowAndStayBounded(
      @ForAll @Size(max = 60) List<@IntRange(min = -300, max = 1500) Integer> sequences,
      @ForAll long seed) {
    Random random = new Random(seed);
    InOrderStream stream = new InOrderStream(new HelperLimits(256, 1024, 5, 64));
    stream.start(Integer.MAX_VALUE - 100);
    byte[] bytes = new byte[2000];
    for (int sequence : sequences) {
      random.nextBytes(bytes);
      int at = Integer.MAX_VALUE - 100 + sequence;
      Push pushed =
          stream.push(
              at,
              ByteBuffer.wrap(bytes),
              random.nextInt(500),
              random.nextInt(1500),
              cursor -> random.nextInt(cursor.remaining() + 1));
      assertNotNull(pushed);
      assertNotNull(stream.acknowledged(at - random.nextInt(2000)));
      assertTrue(stream.bufferedBytes() <= 1024);
    }
  }
}
