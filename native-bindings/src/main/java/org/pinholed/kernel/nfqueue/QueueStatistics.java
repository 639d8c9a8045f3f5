package org.pinholed.kernel.nfqueue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The kernel's counters of one queue, a line of {@code /proc/net/netfilter/nfnetlink_queue}.
 *
 * @param queueNumber 0..65535
 * @param portId of the netlink socket that owns the queue
 * @param queued packets that are held now
 * @param dropped packets that were lost because the queue was full
 * @param userDropped packets that were lost because the socket's receive buffer was full
 * @param idSequence packets that were ever queued, lost ones included
 */
public record QueueStatistics(
    int queueNumber, long portId, long queued, long dropped, long userDropped, long idSequence) {
  // Of the calling thread: /proc/net would be the namespace of the first thread of the process.
  private static final Path FILE = Path.of("/proc/thread-self/net/netfilter/nfnetlink_queue");

  // Queue number, port id, held, copy mode, copy range, dropped, user dropped, id sequence, and 1.
  private static final Pattern LINE =
      Pattern.compile(
          "(?m)^ *(\\d{1,5}) +(\\d{1,10}) +(\\d{1,10}) +\\d+ +\\d+ +(\\d{1,10}) +(\\d{1,10})"
              + " +(\\d{1,10}) +\\d+ *$");

  /**
   * Reads the counters of one queue in the network namespace of the calling thread.
   *
   * @param queueNumber 0..65535
   * @return empty if nobody has opened the queue
   * @throws IOException if the file cannot be read, for example for want of root
   */
  public static Optional<QueueStatistics> read(int queueNumber) throws IOException {
    return all().stream().filter(line -> line.queueNumber() == queueNumber).findFirst();
  }

  /**
   * Reads the counters of all queues that are open, whoever owns them.
   *
   * @return one element for each, empty if the kernel has not loaded the subsystem
   * @throws IOException if the file cannot be read, for example for want of root
   */
  public static List<QueueStatistics> all() throws IOException {
    try {
      return parse(Files.readString(FILE, StandardCharsets.US_ASCII));
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  // A line that is not of the format (the same since 2.6.14) is left out.
  static List<QueueStatistics> parse(String text) {
    List<QueueStatistics> lines = new ArrayList<>();
    Matcher line = LINE.matcher(text);
    while (line.find()) {
      lines.add(
          new QueueStatistics(
              Integer.parseInt(line.group(1)),
              Long.parseLong(line.group(2)),
              Long.parseLong(line.group(3)),
              Long.parseLong(line.group(4)),
              Long.parseLong(line.group(5)),
              Long.parseLong(line.group(6))));
    }
    return List.copyOf(lines);
  }
}
