package org.pinholed.kernel.sysctl;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads a setting of the kernel.
 *
 * <p>The kernel gives most of these files to the first read only; one that goes on gets nothing
 * ({@code kernel/sysctl.c}, {@code *ppos}). {@link Files#readString(Path)} cannot be used: a file
 * of {@code /proc} says that it is empty, and so Java 17 asks for a single byte at first.
 */
public final class SysctlFile {
  /** Enough for all but long lists. */
  private static final int USUAL_BYTES = 4096;

  private static final int MOST_BYTES = 1 << 20;

  private SysctlFile() {}

  /**
   * Reads one.
   *
   * @param file such as {@code /proc/sys/net/ipv4/ip_forward}; those of a network namespace are the
   *     ones of the calling thread's
   * @return its text without white space around it; empty for an empty list
   * @throws IOException if it is not there, cannot be read or is longer than 1 MiB
   */
  public static String read(Path file) throws IOException {
    for (int size = USUAL_BYTES; size <= MOST_BYTES; size *= 4) {
      byte[] bytes = new byte[size];
      int length;
      try (InputStream in = Files.newInputStream(file)) {
        length = Math.max(0, in.read(bytes));
      }
      if (length < size) {
        return new String(bytes, 0, length, StandardCharsets.ISO_8859_1).strip();
      }
    }
    throw new IOException(file + ": longer than " + MOST_BYTES + " bytes");
  }

  /**
   * Reads one that is a number.
   *
   * @param file as {@link #read}
   * @return any number
   * @throws IOException as {@link #read}, and if it is not one
   */
  public static int readInt(Path file) throws IOException {
    String text = read(file);
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IOException(file + ": not a number", e);
    }
  }
}
