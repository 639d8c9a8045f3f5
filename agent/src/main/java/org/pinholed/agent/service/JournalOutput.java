package org.pinholed.agent.service;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Standard error as journald reads it (sd-daemon(3)): each line begins with its level, {@code <3>}
 * for errors to {@code <7>} for what is for debugging. The journal has the time already, so lines
 * have none. Only where standard error leads to the journal, as {@code JOURNAL_STREAM} tells
 * (systemd.exec(5)); on a terminal and in a file everything stays as it is.
 *
 * <p>A line is passed on once it is whole, or longer than the journal takes in one. What has no
 * level of its own, such as the lines of a stack trace, has that of the line before it; what comes
 * first is an error, because a program that logs has not begun then. Lines of the virtual machine
 * itself do not come by here, and get the unit's own level.
 */
public final class JournalOutput extends OutputStream {
  /** A line of the log: the name of its thread, and then its level. */
  private static final Pattern LOGGED =
      Pattern.compile("\\[[^\\]]*\\] (ERROR|WARN|INFO|DEBUG|TRACE) .*", Pattern.DOTALL);

  /** {@code LineMax=} of journald.conf(5): it cuts longer lines into several. */
  private static final int MOST_BYTES = 48 * 1024 - 16;

  private final OutputStream out;
  private byte[] line = new byte[1024];
  private int length;
  private char level = '3';

  JournalOutput(OutputStream out) {
    this.out = out;
  }

  /**
   * Puts it in the place of {@link System#err} if that leads to the journal. To be called before
   * the first line is logged.
   *
   * @param environment of this process
   */
  public static void useIfItIsTheJournal(Map<String, String> environment) {
    if (isStream(environment.get("JOURNAL_STREAM"), Path.of("/proc/self/fd/2"))) {
      System.setProperty("org.slf4j.simpleLogger.showDateTime", "false");
      System.setErr(new PrintStream(new JournalOutput(System.err), true, StandardCharsets.UTF_8));
    }
  }

  /**
   * Whether a descriptor is what {@code JOURNAL_STREAM} names: a program that was started with
   * another standard error may have the variable still.
   */
  static boolean isStream(@Nullable String named, Path descriptor) {
    if (named == null) {
      return false;
    }
    try {
      Map<String, Object> found = Files.readAttributes(descriptor, "unix:dev,ino");
      return named.equals(found.get("dev") + ":" + found.get("ino"));
    } catch (IOException e) {
      return false; // closed
    }
  }

  @Override
  public synchronized void write(int value) throws IOException {
    if (value == '\n' || length == MOST_BYTES) {
      pass();
    }
    if (value != '\n') {
      if (length == line.length) {
        line = Arrays.copyOf(line, Math.min(2 * length, MOST_BYTES));
      }
      line[length++] = (byte) value;
    }
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int count) throws IOException {
    for (int at = offset; at < offset + count; at++) {
      write(bytes[at]);
    }
  }

  private void pass() throws IOException {
    Matcher logged = LOGGED.matcher(new String(line, 0, length, StandardCharsets.UTF_8));
    if (logged.matches()) {
      level =
          switch (logged.group(1)) {
            case "ERROR" -> '3';
            case "WARN" -> '4';
            case "INFO" -> '6';
            default -> '7';
          };
    }
    byte[] whole = new byte[length + 4];
    whole[0] = '<';
    whole[1] = (byte) level;
    whole[2] = '>';
    System.arraycopy(line, 0, whole, 3, length);
    whole[length + 3] = '\n';
    length = 0;
    out.write(whole); // in one piece: the virtual machine writes there, too
    out.flush();
  }
}
