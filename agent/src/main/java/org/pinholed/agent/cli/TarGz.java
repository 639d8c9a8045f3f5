package org.pinholed.agent.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/** Writes texts as a compressed archive of the form ustar (POSIX.1-1988). */
final class TarGz {
  private static final int BLOCK_BYTES = 512;
  private static final int CHECKSUM_OFFSET = 148;
  private static final int CHECKSUM_BYTES = 8;

  private TarGz() {}

  /**
   * Writes an archive, readable for its owner only.
   *
   * @param file must not be there yet
   * @param folder in which the files are, at most 60 characters of ASCII
   * @param texts by name, at most 30 characters of ASCII
   * @param epochSeconds when the files were made
   * @throws IOException if it cannot be written
   */
  static void write(Path file, String folder, Map<String, String> texts, long epochSeconds)
      throws IOException {
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (OutputStream out =
        new GZIPOutputStream(Files.newOutputStream(file, StandardOpenOption.WRITE))) {
      for (Map.Entry<String, String> text : texts.entrySet()) {
        byte[] bytes = text.getValue().getBytes(StandardCharsets.UTF_8);
        out.write(header(folder + "/" + text.getKey(), bytes.length, epochSeconds));
        out.write(bytes);
        out.write(new byte[(BLOCK_BYTES - bytes.length % BLOCK_BYTES) % BLOCK_BYTES]);
      }
      out.write(new byte[2 * BLOCK_BYTES]);
    }
  }

  private static byte[] header(String name, int bytes, long epochSeconds) {
    byte[] header = new byte[BLOCK_BYTES];
    put(header, 0, name);
    put(header, 100, "0000600\0");
    put(header, 108, "0000000\0");
    put(header, 116, "0000000\0");
    put(header, 124, String.format(Locale.ROOT, "%011o ", bytes));
    put(header, 136, String.format(Locale.ROOT, "%011o ", epochSeconds));
    put(header, CHECKSUM_OFFSET, " ".repeat(CHECKSUM_BYTES));
    put(header, 156, "0");
    put(header, 257, "ustar\00000");
    put(header, 265, "root");
    put(header, 297, "root");
    int sum = 0;
    for (byte each : header) {
      sum += each & 0xff;
    }
    put(header, CHECKSUM_OFFSET, String.format(Locale.ROOT, "%06o\0 ", sum));
    return header;
  }

  private static void put(byte[] header, int offset, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, offset, bytes.length);
  }
}
