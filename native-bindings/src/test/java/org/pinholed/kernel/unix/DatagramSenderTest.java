package org.pinholed.kernel.unix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("NullAway.Init")
class DatagramSenderTest {
  private static final Duration PATIENCE = Duration.ofMillis(50);

  @TempDir Path folder;

  @Test
  void text_goesToAFileAndToAnAbstractName() throws IOException {
    for (String address : List.of(folder.resolve("s").toString(), "@" + folder.resolve("s"))) {
      try (DatagramReceiver receiver = DatagramReceiver.open(address);
          DatagramSender sender = DatagramSender.open(address, PATIENCE)) {
        sender.send("READY=1\nSTATUS=gut", List.of());
        assertTrue(sender.sendNow("WATCHDOG=1"));
        assertEquals("READY=1\nSTATUS=gut", receiver.receive().line());
        assertEquals("WATCHDOG=1", receiver.receive().line());
      }
    }
  }

  @Test
  void descriptor_isTheSameFileAtTheOtherEnd() throws IOException {
    String address = folder.resolve("s").toString();
    int file = Descriptors.newMemoryFile("state");
    try (DatagramReceiver receiver = DatagramReceiver.open(address);
        DatagramSender sender = DatagramSender.open(address, PATIENCE)) {
      Files.writeString(Descriptors.link(file), "what was");
      sender.send("FDSTORE=1", List.of(file));
      DescriptorSocket.Received received = receiver.receive();
      assertEquals("FDSTORE=1", received.line());
      assertEquals(1, received.descriptors().size());
      int other = received.descriptors().get(0);
      assertNotEquals(file, other);
      assertEquals("what was", Files.readString(Descriptors.link(other)));
      Descriptors.close(other);
    } finally {
      Descriptors.close(file);
    }
  }

  @Test
  void nobodyThere_orNobodyReads_isAnError() throws IOException {
    String address = folder.resolve("s").toString();
    try (DatagramSender sender = DatagramSender.open(address, PATIENCE)) {
      assertThrows(IOException.class, () -> sender.send("x", List.of()));
      assertFalse(sender.sendNow("x"));
      try (DatagramReceiver receiver = DatagramReceiver.open(address)) {
        sender.send("first", List.of());
        int waiting = 1;
        while (sender.sendNow("more")) {
          waiting++; // net.unix.max_dgram_qlen of them find room
        }
        assertTrue(waiting > 1);
        assertThrows(IOException.class, () -> sender.send("too much", List.of()));
        assertEquals("first", receiver.receive().line());
        assertTrue(sender.sendNow("room again"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "@", "relative", "vsock:2:1234"})
  void whatIsNoAddress_isRefused(String address) {
    assertThrows(IOException.class, () -> DatagramSender.open(address, PATIENCE));
  }

  @Test
  void anAddressAsLongAsTheKernelTakes() throws IOException {
    DatagramSender.open("@" + "x".repeat(106), PATIENCE).close();
    assertThrows(IOException.class, () -> DatagramSender.open("@" + "x".repeat(107), PATIENCE));
  }

  @Test
  void closed_isNotUsedAnyMore() throws IOException {
    DatagramSender sender = DatagramSender.open("@nobody", PATIENCE);
    sender.close();
    sender.close();
    assertFalse(sender.sendNow("x"));
    assertThrows(IOException.class, () -> sender.send("x", List.of()));
  }
}
