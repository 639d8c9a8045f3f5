package org.pinholed.helper.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.HelperLimits;

/** Messages longer than a stream keeps, of a reader that takes them in parts and remembers. */
class LongMessageTest {
  private static final int MESSAGE_BYTES = 65_535;

  /** Takes fields of 100 bytes as soon as they are whole, and counts what it was shown. */
  private static final class Fields implements InOrderStream.Reader {
    private static final int FIELD_BYTES = 100;

    private long shownBytes;
    private long takenBytes;

    @Override
    public int onBytes(ByteCursor bytes) {
      shownBytes += bytes.remaining();
      int taken = bytes.remaining() / FIELD_BYTES * FIELD_BYTES;
      takenBytes += taken;
      return taken;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 99, 100, 536, 1448, 16_000})
  void messageTakenInParts_costsLinearTime_andKeepsNoMoreThanAField(int segmentBytes) {
    InOrderStream stream = new InOrderStream(HelperLimits.DEFAULT);
    stream.start(-40_000); // wraps around
    Fields reader = new Fields();
    ByteBuffer segment = ByteBuffer.allocate(segmentBytes);
    int sent = 0;
    while (sent < MESSAGE_BYTES) {
      int length = Math.min(segmentBytes, MESSAGE_BYTES - sent);
      InOrderStream.Push push = stream.push(-39_999 + sent, segment, 0, length, reader);
      assertTrue(
          push == InOrderStream.Push.IN_ORDER || push == InOrderStream.Push.NEED_MORE,
          () -> "push: " + push);
      assertTrue(stream.bufferedBytes() < Fields.FIELD_BYTES);
      sent += length;
    }

    assertEquals(MESSAGE_BYTES, stream.bytesRead());
    assertEquals(MESSAGE_BYTES / Fields.FIELD_BYTES * Fields.FIELD_BYTES, reader.takenBytes);
    // What a part of a field was shown for is bounded by the field, for each segment.
    long segments = (MESSAGE_BYTES + segmentBytes - 1L) / segmentBytes;
    assertTrue(
        reader.shownBytes <= 2L * MESSAGE_BYTES + segments * Fields.FIELD_BYTES,
        () -> "shown: " + reader.shownBytes);
  }
}
