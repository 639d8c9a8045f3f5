package org.pinholed.agent.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.kernel.unix.DatagramReceiver;
import org.pinholed.kernel.unix.DescriptorSocket;
import org.pinholed.kernel.unix.Descriptors;

@SuppressWarnings("NullAway.Init")
class ServiceManagerTest {
  private static final long OWN_PID = 4711;

  @TempDir Path folder;

  private String address() {
    return folder.resolve("notify").toString();
  }

  @Test
  void aLife_isToldInTheWordsOfTheProtocol() throws IOException {
    for (String address : List.of(address(), "@" + address())) {
      try (DatagramReceiver receiver = DatagramReceiver.open(address);
          ServiceManager manager = ServiceManager.of(Map.of("NOTIFY_SOCKET", address), OWN_PID)) {
        manager.ready("reads 2 queues");
        assertEquals("READY=1\nSTATUS=reads 2 queues", receiver.receive().line());

        long before = System.nanoTime() / 1000;
        manager.reloading();
        String reloading = receiver.receive().line();
        assertTrue(reloading.startsWith("RELOADING=1\nMONOTONIC_USEC="), reloading);
        long usec = Long.parseLong(reloading.substring(reloading.lastIndexOf('=') + 1));
        assertTrue(usec >= before && usec <= System.nanoTime() / 1000, reloading);

        manager.ping();
        assertEquals("WATCHDOG=1", receiver.receive().line());
        manager.discard("pinholed-queue-0");
        assertEquals("FDSTOREREMOVE=1\nFDNAME=pinholed-queue-0", receiver.receive().line());
        manager.stopping();
        assertEquals("STOPPING=1", receiver.receive().line());
      }
    }
  }

  @Test
  void descriptor_isGivenWithItsName_andIsNotWatched() throws IOException {
    int file = Descriptors.newMemoryFile("kept");
    try (DatagramReceiver receiver = DatagramReceiver.open(address());
        ServiceManager manager = ServiceManager.of(Map.of("NOTIFY_SOCKET", address()), OWN_PID)) {
      Files.writeString(Descriptors.link(file), "text");
      manager.store("pinholed-queue-3", file);
      DescriptorSocket.Received received = receiver.receive();
      assertEquals("FDSTORE=1\nFDPOLL=0\nFDNAME=pinholed-queue-3", received.line());
      int kept = received.descriptors().get(0);
      assertEquals("text", Files.readString(Descriptors.link(kept)));
      Descriptors.close(kept);
    } finally {
      Descriptors.close(file);
    }
  }

  /** The clock of MONOTONIC_USEC is the kernel's CLOCK_MONOTONIC, or a reload would never end. */
  @Test
  void nanoTime_isTheMonotonicClock() throws IOException {
    double uptime = Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ", -1)[0]);
    double monotonic = System.nanoTime() / 1e9;
    // The uptime also counts suspended time.
    assertTrue(monotonic <= uptime + 1 && monotonic > 0, monotonic + " " + uptime);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "10000000, -, 10000",
        "10000000, 4711, 10000",
        "10000000, 4712, 0",
        "500000, 4711, 500",
        "-, 4711, 0",
        "0, -, 0",
        "-5, -, 0",
        "ten, -, 0",
        "999999999999999999, -, 0",
        "9999999999999999999, -, 0",
      })
  void watchdog_isForThisProcessOnly(@Nullable String usec, @Nullable String pid, long expectedMs)
      throws IOException {
    Map<String, String> environment = new HashMap<>();
    environment.put("NOTIFY_SOCKET", address());
    if (usec != null) {
      environment.put("WATCHDOG_USEC", usec);
    }
    if (pid != null) {
      environment.put("WATCHDOG_PID", pid);
    }
    try (ServiceManager manager = ServiceManager.of(environment, OWN_PID)) {
      assertEquals(Duration.ofMillis(expectedMs), manager.watchdog());
    }
  }

  @Test
  void closed_saysNothingMore() throws IOException {
    try (DatagramReceiver receiver = DatagramReceiver.open(address())) {
      ServiceManager manager = ServiceManager.of(Map.of("NOTIFY_SOCKET", address()), OWN_PID);
      manager.stopping();
      manager.close();
      manager.ping();
      manager.ready("nobody is to hear this");
      try (ServiceManager next = ServiceManager.of(Map.of("NOTIFY_SOCKET", address()), OWN_PID)) {
        next.ready("but this");
      }
      assertEquals("STOPPING=1", receiver.receive().line());
      assertEquals("READY=1\nSTATUS=but this", receiver.receive().line());
    }
  }

  @Test
  void noManager_orOneThatDoesNotListen_isNoReasonToFail() {
    for (String address : List.of("", "not an address", address())) {
      try (ServiceManager manager =
          ServiceManager.of(Map.of("NOTIFY_SOCKET", address, "WATCHDOG_USEC", "1"), OWN_PID)) {
        manager.ready("fine");
        manager.ping();
        manager.store("name", 0);
        manager.stopping();
      }
    }
    try (ServiceManager manager = ServiceManager.of(Map.of("WATCHDOG_USEC", "1000"), OWN_PID)) {
      assertEquals(Duration.ZERO, manager.watchdog());
      manager.ping();
    }
  }
}
