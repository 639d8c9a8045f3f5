package org.pinholed.agent.event;

import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.time.Clock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The event log: one line of JSON for each event, to a file or to standard output.
 *
 * <p>{@link #onEvent} never blocks: events wait in a bounded queue for a daemon thread that writes
 * them. What finds the queue full, or cannot be written, is counted, and the log itself says how
 * many lines are missing as soon as it can. A file that was moved away is opened anew before the
 * next write, so log rotation needs no signal. Owned by the lifecycle, which closes it; {@link
 * #close} writes what is waiting.
 */
public final class JsonEventLog implements EventListener, AutoCloseable {
  /** What {@link #open} takes for standard output. */
  public static final String STDOUT = "-";

  /** Events that may wait to be written. */
  static final int QUEUE_EVENTS = 8192;

  private static final Logger LOG = LoggerFactory.getLogger(JsonEventLog.class);
  private static final int BATCH_EVENTS = 256;
  private static final long RETRY_MILLIS = 1000;
  private static final long CLOSE_MILLIS = 2000;

  /** Ends the writer's wait; known by its impossible time and never written. */
  private static final AgentEvent WAKE =
      new AgentEvent(
          Long.MIN_VALUE,
          AgentEvent.Kind.RESYNCED,
          "",
          0,
          "",
          null,
          0,
          null,
          null,
          null,
          null,
          "",
          "",
          "",
          0);

  private final @Nullable Path file;
  private final LongSupplier epochMicros;
  private final ArrayBlockingQueue<AgentEvent> queue;
  private final int reserved;
  private final AtomicLong lost = new AtomicLong();
  private final Thread writer;
  private volatile boolean reopen;
  private volatile boolean closed;

  // Of the writer's thread only.
  private final ByteArrayOutputStream lines = new ByteArrayOutputStream();
  private OutputStream out;
  private @Nullable Object openedFile;
  private boolean torn;
  private long lostAndSaid;
  private final SampledLog complaints;

  JsonEventLog(@Nullable Path file, OutputStream stdout, LongSupplier epochMicros, int queueEvents)
      throws IOException {
    this.file = file;
    this.epochMicros = epochMicros;
    this.queue = new ArrayBlockingQueue<>(queueEvents);
    this.reserved = queueEvents / 4;
    this.out = stdout;
    this.complaints = new SampledLog(LOG, "event log " + file);
    if (file != null) {
      this.out = EventFile.open(file);
      this.openedFile = keyOf(file);
      this.torn = endsInALine(file);
    }
    this.writer = new Thread(this::run, "pinholed-event-log");
    writer.setDaemon(true);
  }

  /**
   * Opens the log and starts its thread.
   *
   * @param file where to append, made with mode 0640 if it is not there; {@code -} for standard
   *     output
   * @return the log
   * @throws IOException if the file cannot be opened for appending
   */
  public static JsonEventLog open(String file) throws IOException {
    JsonEventLog log =
        new JsonEventLog(
            file.equals(STDOUT) ? null : Path.of(file),
            new FileOutputStream(FileDescriptor.out),
            Clock.SYSTEM::epochMicros,
            QUEUE_EVENTS);
    log.start();
    return log;
  }

  void start() {
    writer.start();
  }

  @Override
  public void onEvent(AgentEvent event) {
    // What strangers can cause leaves room for what happens to expectations.
    boolean room = !event.kind().isSampled() || queue.remainingCapacity() > reserved;
    if (closed || !room || !queue.offer(event)) {
      lost.incrementAndGet();
    }
  }

  /** Opens the file anew before the next write, as on a reload. */
  public void reopen() {
    reopen = true;
  }

  /**
   * How many events did not get into the log.
   *
   * @return since it was opened
   */
  public long lost() {
    return lost.get();
  }

  /** Writes what is waiting and ends the thread; gives up after two seconds. */
  @Override
  public void close() {
    closed = true;
    // If there is no room for it, the writer is awake anyway.
    if (!queue.offer(WAKE)) {
      LOG.debug("event log {}: closed with a full queue", file);
    }
    try {
      writer.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    List<AgentEvent> batch = new ArrayList<>(BATCH_EVENTS);
    boolean ended = false;
    while (!ended) {
      boolean last = closed;
      batch.clear();
      try {
        take(batch, last);
        if (!batch.isEmpty() || lost.get() != lostAndSaid) {
          writeBatch(batch);
        } else {
          ended = last;
        }
      } catch (IOException e) {
        lost.addAndGet(batch.size());
        complain(e);
        ended = last;
      } catch (InterruptedException e) {
        // Nobody interrupts this thread; if somebody does, it is to end it.
        ended = true;
      }
    }
    closeQuietly();
  }

  private void take(List<AgentEvent> batch, boolean last) throws InterruptedException {
    @Nullable AgentEvent first;
    if (last) {
      first = queue.poll();
    } else if (lost.get() != lostAndSaid) {
      first = queue.poll(RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } else {
      first = queue.take();
    }
    if (first != null) {
      batch.add(first);
      queue.drainTo(batch, BATCH_EVENTS - 1);
      batch.removeIf(WAKE::equals);
    }
  }

  private void writeBatch(List<AgentEvent> batch) throws IOException {
    reopenIfMoved();
    lines.reset();
    if (torn) {
      // A write that failed half way, or a kill, left a line without an end.
      lines.write('\n');
    }
    for (AgentEvent event : batch) {
      EventJson.write(event, lines);
    }
    long missing = lost.get();
    if (missing != lostAndSaid) {
      EventJson.writeLost(epochMicros.getAsLong(), missing - lostAndSaid, lines);
    }
    torn = file != null;
    lines.writeTo(out);
    out.flush();
    torn = false;
    lostAndSaid = missing;
  }

  private void reopenIfMoved() throws IOException {
    if (file == null) {
      return;
    }
    Object now = keyOf(file);
    if (!reopen && now != null && now.equals(openedFile)) {
      return;
    }
    closeQuietly();
    openedFile = null;
    out = EventFile.open(file);
    openedFile = keyOf(file);
    reopen = false;
    torn = endsInALine(file);
  }

  /** Whether an agent that was killed left a line without its end. */
  private static boolean endsInALine(Path file) {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (SeekableByteChannel channel = Files.newByteChannel(file)) {
      ByteBuffer last = ByteBuffer.allocate(1);
      return channel.size() > 0
          && channel.position(channel.size() - 1).read(last) == 1
          && last.get(0) != '\n';
    } catch (IOException e) {
      return false; // one that may only be appended to
    }
  }

  // Device and inode, or null if there is no such file.
  private static @Nullable Object keyOf(Path file) throws IOException {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private void complain(IOException e) {
    complaints.warn(e + " (" + lost.get() + " events lost so far)");
  }

  private void closeQuietly() {
    if (file == null) {
      return;
    }
    try {
      out.close();
    } catch (IOException e) {
      complain(e);
    }
  }
}
