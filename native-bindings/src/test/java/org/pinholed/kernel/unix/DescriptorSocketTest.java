package org.pinholed.kernel.unix;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("NullAway.Init")
class DescriptorSocketTest {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  @TempDir Path folder;

  private ServerSocketChannel listen() throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    return listener.bind(UnixDomainSocketAddress.of(folder.resolve("s")));
  }

  private DescriptorSocket connect(Duration patience) throws IOException {
    return DescriptorSocket.connect(folder.resolve("s").toString(), patience);
  }

  private static void write(SocketChannel channel, String text) throws IOException {
    channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void lines_goBothWays() throws Exception {
    try (ServerSocketChannel listener = listen();
        DescriptorSocket socket = connect(PATIENCE);
        SocketChannel other = listener.accept()) {
      socket.send("ask", List.of());
      ByteBuffer got = ByteBuffer.allocate(16);
      other.read(got);
      assertEquals("ask\n", new String(got.array(), 0, got.position(), StandardCharsets.UTF_8));

      write(other, "ans");
      write(other, "wer\n");
      assertEquals(new DescriptorSocket.Received("answer", List.of()), socket.receiveLine(100));
    }
  }

  @Test
  void descriptor_isOneOfThisProcessThen() throws Exception {
    try (ServerSocketChannel listener = listen();
        DescriptorSocket socket = connect(PATIENCE);
        SocketChannel other = listener.accept()) {
      socket.send("take", List.of(0, 1));
      ByteBuffer got = ByteBuffer.allocate(16);
      assertEquals(5, other.read(got)); // the JDK's socket takes the text and drops the rest
    }
  }

  @Test
  void endOrTooLongOrSilence_isAnError() throws Exception {
    try (ServerSocketChannel listener = listen();
        DescriptorSocket socket = connect(Duration.ofMillis(50))) {
      SocketChannel other = listener.accept();
      assertThrows(IOException.class, () -> socket.receiveLine(100), "silence");
      write(other, "0123456789");
      assertThrows(IOException.class, () -> socket.receiveLine(5), "too long");
      other.close();
      assertThrows(IOException.class, () -> socket.receiveLine(100), "end");
      assertThrows(IOException.class, () -> socket.send("anybody", List.of()));
    }
  }

  @Test
  void peer_isWhoListens() throws Exception {
    try (ServerSocketChannel listener = listen();
        DescriptorSocket socket = connect(PATIENCE)) {
      DescriptorSocket.Peer peer = socket.peer();
      assertTrue(listener.isOpen(), "its process need not have accepted");
      assertEquals(ProcessHandle.current().pid(), peer.pid());
      assertTrue(peer.isOwn());
      assertEquals(Files.getAttribute(folder, "unix:uid"), peer.uid());
      assertFalse(new DescriptorSocket.Peer(1, peer.uid() + 1).isOwn());
      assertTrue(new DescriptorSocket.Peer(1, 0).isOwn());
    }
  }

  @Test
  void peerGroups_areThoseOfItsProcess() throws Exception {
    String own =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("Groups:"))
            .findFirst()
            .orElseThrow();
    int[] expected =
        Arrays.stream(own.substring("Groups:".length()).strip().split(" "))
            .filter(number -> !number.isEmpty())
            .mapToInt(Integer::parseUnsignedInt)
            .sorted()
            .toArray();
    try (ServerSocketChannel listener = listen();
        DescriptorSocket socket = connect(PATIENCE)) {
      assertTrue(listener.isOpen());
      int[] groups = socket.peerGroups();
      Arrays.sort(groups);
      assertArrayEquals(expected, groups);
    }
  }

  @Test
  void nobodyListens_isAnError() {
    assertThrows(IOException.class, () -> connect(PATIENCE));
    assertThrows(
        IOException.class, () -> DescriptorSocket.connect("/" + "x".repeat(107), PATIENCE));
  }

  @Test
  void closed_isNotUsedAnyMore() throws Exception {
    try (ServerSocketChannel listener = listen()) {
      DescriptorSocket socket = connect(PATIENCE);
      socket.close();
      socket.close();
      assertThrows(IllegalStateException.class, () -> socket.send("x", List.of()));
      assertThrows(
          IllegalArgumentException.class, () -> socket.send("x", Collections.nCopies(65, 0)));
      assertEquals(folder.resolve("s").toString(), listener.getLocalAddress().toString());
    }
  }
}
