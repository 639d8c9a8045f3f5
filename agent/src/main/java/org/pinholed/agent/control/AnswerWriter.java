package org.pinholed.agent.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.time.Clock;

/**
 * Writes the lines of one answer, and gives up on a client that does not take them.
 *
 * <p>The channel must return 0 from a write that waited for {@link ControlLimits#stallTime()}. For
 * one thread; closes nothing.
 */
final class AnswerWriter {
  private static final int FLUSH_BYTES = 1 << 15;

  private final WritableByteChannel channel;
  private final ControlLimits limits;
  private ByteBuffer buffer = ByteBuffer.allocate(2 * FLUSH_BYTES);
  private long deadlineNs;
  private long rows;

  AnswerWriter(WritableByteChannel channel, ControlLimits limits) {
    this.channel = channel;
    this.limits = limits;
    extend();
  }

  // Starts the answer's time anew; a trace does so for each of its lines.
  void extend() {
    deadlineNs = Clock.SYSTEM.nanoTime() + limits.answerTime().toNanos();
  }

  long rows() {
    return rows;
  }

  void row(@Nullable Object row) throws IOException {
    rows++;
    line(new JsonFields().with("row", row));
  }

  void done() throws IOException {
    line(new JsonFields().with("done", true).with("count", rows));
    flush();
  }

  void error(ControlError error) throws IOException {
    line(new JsonFields().with("error", error.getMessage()).with("code", error.code()));
    flush();
  }

  private void line(JsonFields line) throws IOException {
    byte[] bytes = ControlJson.line(line).getBytes(StandardCharsets.US_ASCII);
    if (buffer.remaining() < bytes.length + 1) {
      flush();
      if (buffer.remaining() < bytes.length + 1) {
        buffer = ByteBuffer.allocate(bytes.length + 1);
      }
    }
    buffer.put(bytes).put((byte) '\n');
    if (buffer.position() >= FLUSH_BYTES) {
      flush();
    }
  }

  void flush() throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      if (channel.write(buffer) == 0 || Clock.SYSTEM.nanoTime() - deadlineNs > 0) {
        throw new IOException("the client does not take its answer");
      }
    }
    buffer.clear();
  }
}
