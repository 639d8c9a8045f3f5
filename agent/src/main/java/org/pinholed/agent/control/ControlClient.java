package org.pinholed.agent.control;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The operator's end of the control socket: one request and its answer. Keeps no state.
 *
 * <p>On the JDK's own unix sockets: nothing is needed here that only libc has, and without native
 * bindings the command starts in half the time.
 */
public final class ControlClient {
  private static final int LINE_BYTES_MAX = 1 << 20;

  private ControlClient() {}

  /**
   * Asks the agent and waits for the whole answer.
   *
   * @param socket path of the control socket
   * @param request the request, its {@code command} included
   * @param silence for how long the agent may say nothing; zero waits for ever
   * @param rows takes the rows as they come
   * @return the last line: {@code done}, {@code count} and what the command adds
   * @throws AgentUnreachableException if nobody answers there
   * @throws ControlError if the agent refuses
   */
  public static JsonFields call(
      Path socket, JsonFields request, Duration silence, Consumer<JsonFields> rows)
      throws AgentUnreachableException, ControlError {
    try (SocketChannel channel = connect(socket);
        Selector selector = Selector.open()) {
      channel.register(selector, SelectionKey.OP_READ);
      send(channel, request);
      return receive(channel, selector, silence, rows);
    } catch (AgentUnreachableException e) {
      throw e;
    } catch (IOException e) {
      throw new AgentUnreachableException(
          "the agent on " + socket + " broke off: " + e.getMessage());
    }
  }

  private static SocketChannel connect(Path socket) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      // a living agent takes a connection at once; one that hangs must not hang us
      channel.configureBlocking(false);
      if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
        throw new IOException("it does not take connections");
      }
      return channel;
    } catch (IOException e) {
      channel.close();
      throw new AgentUnreachableException(explain(socket, e));
    }
  }

  private static String explain(Path socket, Exception e) {
    if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
      return Files.isWritable(socket)
          ? "nobody answers on "
              + socket
              + ": is pinholed running? (systemctl status pinholed; the file may be left over from"
              + " an agent that was killed) ["
              + e.getMessage()
              + "]"
          : "no permission for " + socket + ": ask as root or as a member of its group";
    }
    return "there is no control socket "
        + socket
        + ": is pinholed running, and is this its control.socket? (--socket PATH or PINHOLED_SOCKET"
        + " names another)";
  }

  private static void send(SocketChannel channel, JsonFields request) throws IOException {
    ByteBuffer line =
        ByteBuffer.wrap((ControlJson.line(request) + "\n").getBytes(StandardCharsets.US_ASCII));
    try {
      channel.write(line);
    } catch (IOException e) {
      // an agent that refuses us says why and closes without reading: that line is there to be
      // read,
      // and if it is not, the reading tells
      return;
    }
    if (line.hasRemaining()) { // longer than the socket's buffer, so longer than any agent takes
      throw new IOException("the request is too long");
    }
  }

  private static JsonFields receive(
      SocketChannel channel, Selector selector, Duration silence, Consumer<JsonFields> rows)
      throws IOException, ControlError {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 14);
    while (true) {
      if (selector.select(silence.toMillis()) == 0 && Thread.currentThread().isInterrupted()) {
        throw new IOException("interrupted");
      }
      boolean silent = selector.selectedKeys().isEmpty();
      selector.selectedKeys().clear();
      int start = buffer.position();
      int count = channel.read(buffer);
      if (count < 0) {
        throw new IOException("it closed the connection in the middle of its answer");
      }
      if (count == 0 && silent) {
        throw new IOException("it said nothing for " + silence.toSeconds() + " s");
      }
      int lineStart = 0;
      for (int i = start; i < buffer.position(); i++) {
        if (buffer.get(i) != '\n') {
          continue;
        }
        JsonFields line = ControlJson.read(buffer.array(), lineStart, i - lineStart);
        lineStart = i + 1;
        if (line.value("row") instanceof JsonFields row) {
          rows.accept(row);
        } else if (line.flag("done")) {
          return line;
        } else if (line.value("error") != null) {
          throw new ControlError((int) line.number("code"), line.text("error"));
        }
      }
      buffer.limit(buffer.position()).position(lineStart).compact();
      if (!buffer.hasRemaining()) {
        if (buffer.capacity() >= LINE_BYTES_MAX) {
          throw new IOException("a line is longer than " + LINE_BYTES_MAX + " bytes");
        }
        buffer = ByteBuffer.allocate(2 * buffer.capacity()).put(buffer.flip());
      }
    }
  }
}
