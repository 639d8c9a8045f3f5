package org.pinholed.agent.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.pinholed.agent.time.Clock;

/**
 * Reads the one request line of a connection within a bound of bytes and time.
 *
 * <p>The channel must return 0 from a read that waited a while; that bounds how far the time may be
 * overrun.
 */
final class RequestReader {
  private RequestReader() {}

  /**
   * Reads a request.
   *
   * @param channel where it comes from
   * @param limits its bounds
   * @return the request
   * @throws ControlError if it is too long, too slow or no JSON object
   * @throws IOException if the client went away
   */
  static JsonFields read(ReadableByteChannel channel, ControlLimits limits)
      throws ControlError, IOException {
    long endNs = Clock.SYSTEM.nanoTime() + limits.requestTime().toNanos();
    ByteBuffer buffer = ByteBuffer.allocate(Math.min(4096, limits.requestBytes()));
    while (true) {
      int start = buffer.position();
      int count = channel.read(buffer);
      for (int i = start; i < buffer.position(); i++) {
        if (buffer.get(i) == '\n') {
          return parse(buffer.array(), i);
        }
      }
      if (count < 0) {
        throw new IOException("closed before the end of the request");
      }
      if (Clock.SYSTEM.nanoTime() - endNs > 0) {
        throw new ControlError(
            ControlError.BAD_REQUEST,
            "no whole request line within " + limits.requestTime().toMillis() + " ms");
      }
      if (!buffer.hasRemaining()) {
        if (buffer.capacity() == limits.requestBytes()) {
          throw new ControlError(
              ControlError.BAD_REQUEST,
              "request is longer than " + limits.requestBytes() + " bytes");
        }
        int larger = Math.min(2 * buffer.capacity(), limits.requestBytes());
        buffer = ByteBuffer.allocate(larger).put(buffer.flip());
      }
    }
  }

  private static JsonFields parse(byte[] bytes, int length) throws ControlError {
    try {
      return ControlJson.read(bytes, 0, length);
    } catch (IOException e) {
      throw new ControlError(ControlError.BAD_REQUEST, "request is not one JSON object in a line");
    }
  }
}
