package org.pinholed.agent.control;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.ConfigText;
import org.pinholed.agent.config.DurationParser;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.Transport;

/**
 * Checks a request and asks the agent.
 *
 * <p>A field that a command does not know is refused: dropping a misspelt filter would turn a clear
 * of one session into a clear of all. Thread-safe if the agent's control is.
 */
final class ControlRequests {
  private static final int TRACE_PACKETS_MAX = 1_000_000;
  private static final int TRACE_QUEUE_LINES = 4096;
  private static final int STORIES = 10;
  private static final int STORIES_MAX = 1000;
  private static final long TRACE_WAIT_MS = 100;

  private final AgentControl control;
  private final Supplier<Map<String, Number>> metrics;
  private final FilterFields filters;
  private final EventRequests events;

  ControlRequests(AgentControl control, Supplier<Map<String, Number>> metrics) {
    this.control = control;
    this.metrics = metrics;
    this.filters = new FilterFields(control);
    this.events = new EventRequests(control, filters);
  }

  // Whether a request is a trace or the like, which lasts and so counts against a limit of its own.
  static boolean lasts(JsonFields request) {
    String command = request.text(RequestFields.COMMAND);
    return command.equals("trace") || (command.equals("events") && request.flag("follow"));
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
    String command = request.text(RequestFields.COMMAND);
    switch (command) {
      case "status" -> {
        RequestFields.onlyFields(request, Set.of());
        out.row(control.status());
      }
      case "config" -> {
        RequestFields.onlyFields(request, Set.of("yaml"));
        out.row(
            request.flag("yaml")
                ? new JsonFields().with("yaml", ConfigText.yaml(control.config()))
                : ConfigFields.of(control.config()));
      }
      case "stats" -> {
        RequestFields.onlyFields(request, Set.of());
        out.row(StatsSummary.of(control.status(), metrics.get()));
      }
      case "expectations" -> {
        FilterFields.only(request);
        ListingFilter filter = filters.of(request);
        List<ExpectationRow> rows = control.expectations(filter);
        if (rows.isEmpty()) {
          filters.requireKnownParent(filter);
        }
        rows(rows, out);
      }
      case "sessions" -> sessions(request, out);
      case "clear" -> clear(request, out);
      case "owners" -> {
        RequestFields.onlyFields(request, Set.of("kind"));
        rows(control.owners(kind(request)), out);
      }
      case "clearOwner" -> {
        RequestFields.onlyFields(request, Set.of("kind", "id"));
        out.row(control.clearOwner(kind(request), ownerId(request)));
      }
      case "clearExpectation" -> {
        RequestFields.onlyFields(request, Set.of("id"));
        out.row(control.clearExpectation(RequestFields.wholeLong(request, "id")));
      }
      case "explain" -> {
        RequestFields.onlyFields(request, Set.of("what", "most"));
        explain(request, out);
      }
      case "events" -> events.answer(request, out, clientGone);
      case "audit" -> {
        RequestFields.onlyFields(request, Set.of());
        rows(control.audit(), out);
      }
      case "report" -> {
        RequestFields.onlyFields(request, Set.of());
        rows(control.report(), out);
      }
      case "helpers" -> {
        RequestFields.onlyFields(request, Set.of());
        rows(control.helpers(), out);
      }
      case "helpersAdd" -> control.addHelper(helperEntry(request));
      case "helpersDelete" -> {
        RequestFields.onlyFields(request, Set.of("id"));
        control.deleteHelper(RequestFields.whole(request, "id", 1, 65535, null));
      }
      case "helpersEnable", "helpersDisable" -> {
        RequestFields.onlyFields(request, Set.of("id"));
        control.setHelperEnabled(
            RequestFields.whole(request, "id", 1, 65535, null), command.equals("helpersEnable"));
      }
      case "reload" -> {
        RequestFields.onlyFields(request, Set.of());
        for (String change : control.reload()) {
          out.row(new JsonFields().with("change", change));
        }
      }
      case "trace" -> trace(request, out, clientGone);
      default ->
          throw RequestFields.bad("command: " + RequestFields.cut(command) + " is not known");
    }
  }

  private void sessions(JsonFields request, AnswerWriter out)
      throws ControlError, ControlException, IOException {
    FilterFields.only(request, "opaque");
    boolean opaqueOnly = request.flag("opaque");
    ListingFilter filter = filters.of(request);
    List<SessionRow> rows = control.sessions(filter);
    if (rows.isEmpty()) {
      filters.requireKnownParent(filter);
    }
    for (SessionRow row : rows) {
      if (row.opaque() || row.sealed() > 0 || !opaqueOnly) {
        out.row(row);
      }
    }
  }

  private void clear(JsonFields request, AnswerWriter out)
      throws ControlError, ControlException, IOException {
    FilterFields.only(request, "all");
    ListingFilter filter = filters.of(request);
    if (filter.equals(ListingFilter.ALL) && !request.flag("all")) {
      throw RequestFields.bad(
          "clear: name a policyId, helper, parentSerial, address or port, or say all");
    }
    if (!filter.equals(ListingFilter.ALL) && request.flag("all")) {
      throw RequestFields.bad("clear: all does not go together with a filter");
    }
    filters.requireKnownParent(filter);
    out.row(control.clear(filter));
  }

  private void explain(JsonFields request, AnswerWriter out)
      throws ControlError, ControlException, IOException {
    String what = request.text("what");
    StoryFilter filter =
        StoryWords.parse(
            what.isEmpty() ? "last" : what,
            RequestFields.whole(request, "most", 1, STORIES_MAX, STORIES));
    List<StoryRow> stories = control.explain(filter);
    if (stories.isEmpty()) {
      throw new ControlException(
          filter.isLast()
              ? "nothing was announced yet, and no control connection went unread (pinholectl"
                  + " doctor looks whether they come here)"
              : "nothing is known of "
                  + RequestFields.cut(what)
                  + ": no control connection that announced it came here since the agent started,"
                  + " or it is forgotten (pinholectl sessions lists those that live; pinholectl"
                  + " doctor looks whether they come here)");
    }
    rows(stories, out);
  }

  private static String kind(JsonFields request) throws ControlError {
    String kind = RequestFields.textOrNull(request, "kind");
    if (kind == null || !kind.matches("[A-Za-z]{1,32}")) {
      throw RequestFields.bad(
          "kind: "
              + RequestFields.cut(String.valueOf(kind))
              + " (expected: a word, for example call)");
    }
    return kind;
  }

  private static String ownerId(JsonFields request) throws ControlError {
    String id = RequestFields.textOrNull(request, "id");
    if (id == null || !id.matches("[A-Za-z0-9_-]{1,16}")) {
      throw RequestFields.bad(
          "id: "
              + RequestFields.cut(String.valueOf(id))
              + " (expected: 1..16 letters, digits, - and _)");
    }
    return id;
  }

  private void trace(JsonFields request, AnswerWriter out, BooleanSupplier clientGone)
      throws ControlError, ControlException, IOException {
    FilterFields.only(request, "count", "timeoutSeconds");
    ListingFilter filter = filters.of(request);
    int count = RequestFields.whole(request, "count", 0, TRACE_PACKETS_MAX, 0);
    long seconds = RequestFields.whole(request, "timeoutSeconds", 0, 86400, 0);
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

  private static HelperEntry helperEntry(JsonFields request) throws ControlError {
    RequestFields.onlyFields(
        request, Set.of("id", "name", "protocol", "port", "enabled", "mode", "timeout", "options"));
    String name = RequestFields.textOrNull(request, "name");
    if (name == null) {
      throw RequestFields.bad("name: missing (expected: a protocol, for example ftp)");
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
      throw RequestFields.bad("enabled: (expected: true or false)");
    }
    try {
      return new HelperEntry(
              RequestFields.whole(request, "id", 1, 65535, null),
              name,
              transport(request),
              RequestFields.whole(request, "port", 1, 65535, null),
              !Boolean.FALSE.equals(enabled),
              timeout(request),
              options)
          .withMode(mode(request));
    } catch (IllegalArgumentException e) {
      throw RequestFields.bad(String.valueOf(e.getMessage()));
    }
  }

  private static Transport transport(JsonFields request) throws ControlError {
    String word = request.text("protocol");
    return switch (word) {
      case "", "tcp" -> Transport.TCP;
      case "udp" -> Transport.UDP;
      default ->
          throw RequestFields.bad(
              "protocol: " + RequestFields.cut(word) + " (expected: tcp or udp)");
    };
  }

  private static HelperEntry.Mode mode(JsonFields request) throws ControlError {
    String word = request.text("mode");
    return switch (word) {
      case "", "enforce" -> HelperEntry.Mode.ENFORCE;
      case "observe" -> HelperEntry.Mode.OBSERVE;
      default ->
          throw RequestFields.bad(
              "mode: " + RequestFields.cut(word) + " (expected: enforce or observe)");
    };
  }

  private static @Nullable Duration timeout(JsonFields request) {
    String word = request.text("timeout");
    return word.isEmpty() ? HelperEntry.DEFAULT_TIMEOUT : DurationParser.parseTimeout(word);
  }
}
