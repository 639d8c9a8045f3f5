package org.pinholed.kernel.sysctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SysctlFileTest {
  @Test
  void number_isReadWhole() throws IOException {
    // 301..4194304 (PID_MAX_LIMIT), and so it has three digits at least
    int most = SysctlFile.readInt(Path.of("/proc/sys/kernel/pid_max"));
    assertTrue(most >= 301, () -> "pid_max: " + most);
  }

  @Test
  void pair_isReadWhole() throws IOException {
    String range = SysctlFile.read(Path.of("/proc/sys/net/ipv4/ip_local_port_range"));
    assertTrue(range.matches("\\d+\\s+\\d+"), range);
  }

  @Test
  void longList_isReadWhole_andEndless_isRefused(@TempDir Path folder) throws IOException {
    for (int length : new int[] {0, 1, 4095, 4096, 4097, 70_000}) {
      Path file = Files.writeString(folder.resolve("list"), "7".repeat(length) + "\n");
      assertEquals("7".repeat(length), SysctlFile.read(file));
    }
    assertThrows(IOException.class, () -> SysctlFile.read(Path.of("/dev/zero")));
  }

  @Test
  void whatIsNotANumberOrNotThere_isRefused(@TempDir Path folder) throws IOException {
    Path words = Files.writeString(folder.resolve("words"), "cubic\n");
    assertEquals("cubic", SysctlFile.read(words));
    assertThrows(IOException.class, () -> SysctlFile.readInt(words));
    assertThrows(NoSuchFileException.class, () -> SysctlFile.read(folder.resolve("none")));
  }
}
