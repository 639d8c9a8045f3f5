package org.pinholed.agent.service;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** What the kernel lets a process do (capabilities(7)). */
public final class Capabilities {
  /** Capability 12 ({@code linux/capability.h}). */
  private static final long CAP_NET_ADMIN = 1L << 12;

  private static final String EFFECTIVE = "CapEff:";

  private Capabilities() {}

  /**
   * The capabilities that a process has in force.
   *
   * @param pid its number; 0 for this one
   * @return the bits of {@code CapEff} (proc(5)); empty if there is no such process
   */
  public static OptionalLong effective(long pid) {
    Path status = Path.of("/proc", pid == 0 ? "self" : Long.toString(pid), "status");
    try {
      for (String line : Files.readAllLines(status, StandardCharsets.ISO_8859_1)) {
        if (line.startsWith(EFFECTIVE)) {
          String bits = line.substring(EFFECTIVE.length()).strip();
          return OptionalLong.of(Long.parseUnsignedLong(bits, 16));
        }
      }
    } catch (IOException e) {
      return OptionalLong.empty(); // it has ended
    }
    return OptionalLong.empty();
  }

  /**
   * Whether CAP_NET_ADMIN is among capabilities.
   *
   * @param capabilities bits as {@link #effective} has them
   * @return false if it is not
   */
  public static boolean haveNetAdmin(long capabilities) {
    return (capabilities & CAP_NET_ADMIN) != 0;
  }
}
