package org.pinholed.agent.control;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.DurationParser;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.NumericAddress;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.TraceFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Transport;

/**
 * Checks a request and asks the agent.
 *
 * <p>A field that a command does not know is refused: dropping a misspelt filter would turn a clear
 * of one session into a clear of all. Thread-safe if the agent's control is.
 */
final class ControlRequests {
  private static final String COMMAND = "command";
  private static final Set<String> LISTING = Set.of("policyId", "helper", "parentSerial");
  private static final int TRACE_PACKETS_MAX = 1_000_000;
  private static final int TRACE_QUEUE_LINES = 4096;
  private static final long TRACE_WAIT_MS = 100;

  private final AgentControl control;
  private final Supplier<Map<String, Number>> metrics;

  ControlRequests(AgentControl control, Supplier<Map<String, Number>> metrics) {
    this.control = control;
    this.metrics = metrics;
  }

  // Whether a request is a trace, which lasts and so counts against a limit of its own.
  static boolean isTrace(JsonFields request) {
    return request.text(COMMAND).equals("trace");
  }

  /**
   * Answers a request.
   *
   * @param request the request
   * @param out takes the answer
   * @param clientGone asked now and then during a trace
   * @throws ControlError if the request is refused
   * @throws IOException if the answer cannot be written
   */
  void answer(JsonFields request, AnswerWriter out, BooleanSupplier clientGone)
      throws ControlError, IOException {
    try {
      dispatch(request, out, clientGone);
      out.done();
    } catch (ControlException e) {
      throw new ControlError(ControlError.REFUSED, String.valueOf(e.getMessage()));
    }
  }

  private void dispatch(JsonFields request, AnswerWriter out, BooleanSupplier clientGone)
      throws ControlError, ControlException, IOException {
    String command = request.text(COMMAND);
    switch (command) {
      case "status" -> {
        onlyFields(request, Set.of());
        out.row(control.status());
      }
      case "config" -> {
        onlyFields(request, Set.of());
        out.row(ConfigFields.of(control.config()));
      }
      case "stats" -> {
        onlyFields(request, Set.of());
        out.row(StatsSummary.of(control.status(), metrics.get()));
      }
      case "expectations" -> {
        onlyFields(request, LISTING);
        rows(control.expectations(listingFilter(request)), out);
      }
      case "sessions" -> sessions(request, out);
      case "clear" -> clear(request, out);
      case "owners" -> {
        onlyFields(request, Set.of("kind"));
        rows(control.owners(kind(request)), out);
      }
      case "clearOwner" -> {
        onlyFields(request, Set.of("kind", "id"));
        out.row(control.clearOwner(kind(request), ownerId(request)));
      }
      case "audit" -> {
        onlyFields(request, Set.of());
        rows(control.audit(), out);
      }
      case "report" -> {
        onlyFields(request, Set.of());
        rows(control.report(), out);
      }
      case "helpers" -> {
        onlyFields(request, Set.of());
        rows(control.helpers(), out);
      }
      case "helpersAdd" -> control.addHelper(helperEntry(request));
      case "helpersDelete" -> {
        onlyFields(request, Set.of("id"));
        control.deleteHelper(whole(request, "id", 1, 65535, null));
      }
      case "helpersEnable", "helpersDisable" -> {
        onlyFields(request, Set.of("id"));
        control.setHelperEnabled(
            whole(request, "id", 1, 65535, null), command.equals("helpersEnable"));
      }
      case "reload" -> {
        onlyFields(request, Set.of());
        for (String change : control.reload()) {
          out.row(new JsonFields().with("change", change));
        }
      }
      case "trace" -> trace(request, out, clientGone);
      default -> throw bad("command: " + cut(command) + " is not known");
    }
  }

  private void sessions(JsonFields request, AnswerWriter out)
      throws ControlError, ControlException, IOException {
    onlyFields(request, Set.of("policyId", "helper", "parentSerial", "opaque"));
    boolean opaqueOnly = request.flag("opaque");
    for (SessionRow row : control.sessions(listingFilter(request))) {
      if (row.opaque() || row.sealed() > 0 || !opaqueOnly) {
        out.row(row);
      }
    }
  }

  private void clear(JsonFields request, AnswerWriter out)
      throws ControlError, ControlException, IOException {
    onlyFields(request, Set.of("policyId", "helper", "parentSerial", "all"));
    ListingFilter filter = listingFilter(request);
    if (filter.equals(ListingFilter.ALL) && !request.flag("all")) {
      throw bad("clear: name a policyId, helper or parentSerial, or say all");
    }
    if (!filter.equals(ListingFilter.ALL) && request.flag("all")) {
      throw bad("clear: all does not go together with a policyId, helper or parentSerial");
    }
    out.row(control.clear(filter));
  }

  private static String kind(JsonFields request) throws ControlError {
    String kind = textOrNull(request, "kind");
    if (kind == null || !kind.matches("[A-Za-z]{1,32}")) {
      throw bad("kind: " + cut(String.valueOf(kind)) + " (expected: a word, for example call)");
    }
    return kind;
  }

  private static String ownerId(JsonFields request) throws ControlError {
    String id = textOrNull(request, "id");
    if (id == null || !id.matches("[A-Za-z0-9_-]{1,16}")) {
      throw bad("id: " + cut(String.valueOf(id)) + " (expected: 1..16 letters, digits, - and _)");
    }
    return id;
  }

  private void trace(JsonFields request, AnswerWriter out, BooleanSupplier clientGone)
      throws ControlError, IOException {
    onlyFields(request, Set.of("port", "address", "helper", "policyId", "count", "timeoutSeconds"));
    TraceFilter filter =
        new TraceFilter(
            wholeOrNull(request, "port", 1, 65535),
            addressOrNull(request),
            textOrNull(request, "helper"),
            wholeOrNull(request, "policyId", 0, Integer.MAX_VALUE));
    int count = whole(request, "count", 0, TRACE_PACKETS_MAX, 0);
    long seconds = whole(request, "timeoutSeconds", 0, 86400, 0);
    long endNs = Clock.SYSTEM.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);

    BlockingQueue<TraceLine> queue = new ArrayBlockingQueue<>(TRACE_QUEUE_LINES);
    AtomicLong lost = new AtomicLong();
    long told = 0;
    try (AgentControl.Trace trace =
        control.trace(
            filter,
            count == 0 ? TRACE_PACKETS_MAX : count,
            line -> {
              if (!queue.offer(line)) { // a packet worker never waits for a terminal
                lost.incrementAndGet();
              }
            })) {
      boolean last = false;
      while (!last) {
        // asked before the queue is emptied, so that no line comes between the two
        last = trace.isDone() || (seconds > 0 && Clock.SYSTEM.nanoTime() - endNs > 0);
        out.extend();
        TraceLine line = last ? queue.poll() : poll(queue);
        for (; line != null; line = queue.poll()) {
          out.row(line);
        }
        long lostNow = lost.get();
        if (lostNow > told) {
          out.row(new JsonFields().with("step", "lost").with("text", (lostNow - told) + " lines"));
          told = lostNow;
        }
        out.flush();
        if (!last && clientGone.getAsBoolean()) {
          return;
        }
      }
    }
  }

  private static @Nullable TraceLine poll(BlockingQueue<TraceLine> queue) throws IOException {
    try {
      return queue.poll(TRACE_WAIT_MS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the agent stops", e);
    }
  }

  private static void rows(List<?> rows, AnswerWriter out) throws IOException {
    for (Object row : rows) {
      out.row(row);
    }
  }

  private static ListingFilter listingFilter(JsonFields request) throws ControlError {
    String serial = textOrNull(request, "parentSerial");
    if (serial != null && !serial.matches("[0-9a-fA-F]{8}")) {
      throw bad("parentSerial: " + cut(serial) + " (expected: 8 hex digits)");
    }
    return new ListingFilter(
        wholeOrNull(request, "policyId", 0, Integer.MAX_VALUE),
        textOrNull(request, "helper"),
        serial == null ? null : serial.toLowerCase(Locale.ROOT));
  }

  /** In the form in which the trace has the packet's addresses too. */
  private static @Nullable String addressOrNull(JsonFields request) throws ControlError {
    String text = textOrNull(request, "address");
    if (text == null) {
      return null;
    }
    InetAddress address = NumericAddress.parse(text);
    if (address == null) {
      throw bad("address: " + cut(text) + " (expected: a numeric IPv4 or IPv6 address)");
    }
    return AddressText.of(address);
  }

  private static HelperEntry helperEntry(JsonFields request) throws ControlError {
    onlyFields(
        request, Set.of("id", "name", "protocol", "port", "enabled", "mode", "timeout", "options"));
    String name = textOrNull(request, "name");
    if (name == null) {
      throw bad("name: missing (expected: a protocol, for example ftp)");
    }
    Map<String, Object> options = new TreeMap<>();
    JsonFields given = request.object("options");
    for (String option : given.names()) {
      Object value = given.value(option);
      if (value != null && value != JsonFields.NULL) {
        options.put(option, value);
      }
    }
    Object enabled = request.value("enabled");
    if (enabled != null && !(enabled instanceof Boolean)) {
      throw bad("enabled: (expected: true or false)");
    }
    try {
      return new HelperEntry(
              whole(request, "id", 1, 65535, null),
              name,
              transport(request),
              whole(request, "port", 1, 65535, null),
              !Boolean.FALSE.equals(enabled),
              timeout(request),
              options)
          .withMode(mode(request));
    } catch (IllegalArgumentException e) {
      throw bad(String.valueOf(e.getMessage()));
    }
  }

  private static Transport transport(JsonFields request) throws ControlError {
    String word = request.text("protocol");
    return switch (word) {
      case "", "tcp" -> Transport.TCP;
      case "udp" -> Transport.UDP;
      default -> throw bad("protocol: " + cut(word) + " (expected: tcp or udp)");
    };
  }

  private static HelperEntry.Mode mode(JsonFields request) throws ControlError {
    String word = request.text("mode");
    return switch (word) {
      case "", "enforce" -> HelperEntry.Mode.ENFORCE;
      case "observe" -> HelperEntry.Mode.OBSERVE;
      default -> throw bad("mode: " + cut(word) + " (expected: enforce or observe)");
    };
  }

  private static @Nullable Duration timeout(JsonFields request) {
    String word = request.text("timeout");
    return word.isEmpty() ? HelperEntry.DEFAULT_TIMEOUT : DurationParser.parseTimeout(word);
  }

  private static void onlyFields(JsonFields request, Set<String> known) throws ControlError {
    for (String name : request.names()) {
      if (!name.equals(COMMAND) && !known.contains(name)) {
        throw bad(
            cut(name)
                + ": not known by "
                + request.text(COMMAND)
                + " (known: "
                + new TreeSet<>(known)
                + ")");
      }
    }
  }

  private static @Nullable String textOrNull(JsonFields request, String name) throws ControlError {
    Object value = request.value(name);
    if (value == null || value == JsonFields.NULL) {
      return null;
    }
    if (value instanceof String text && !text.isEmpty()) {
      return text;
    }
    throw bad(name + ": (expected: a text)");
  }

  private static @Nullable Integer wholeOrNull(JsonFields request, String name, int min, int max)
      throws ControlError {
    Object value = request.value(name);
    return value == null || value == JsonFields.NULL ? null : whole(request, name, min, max, null);
  }

  private static int whole(
      JsonFields request, String name, int min, int max, @Nullable Integer absent)
      throws ControlError {
    Object value = request.value(name);
    if (value == null && absent != null) {
      return absent;
    }
    if (value instanceof Long number && number >= min && number <= max) {
      return number.intValue();
    }
    throw bad(
        name
            + ": "
            + (value == null ? "missing" : cut(value.toString()))
            + " (expected: "
            + min
            + ".."
            + max
            + ")");
  }

  private static ControlError bad(String message) {
    return new ControlError(ControlError.BAD_REQUEST, message);
  }

  private static String cut(String text) {
    return text.length() <= 64 ? text : text.substring(0, 64) + "...";
  }
}
