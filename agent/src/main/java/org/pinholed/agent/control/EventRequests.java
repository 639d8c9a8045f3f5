package org.pinholed.agent.control;

import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.EventFilter;
import org.pinholed.agent.view.EventPage;

/** Answers who asks for events, at once or as they come. Thread-safe if the agent's control is. */
final class EventRequests {
  private static final Pattern AGO = Pattern.compile("(\\d{1,6})([smhd])");
  private static final long WAIT_MS = 250;

  private final AgentControl control;
  private final FilterFields filters;

  EventRequests(AgentControl control, FilterFields filters) {
    this.control = control;
    this.filters = filters;
  }

  void answer(JsonFields request, AnswerWriter out, BooleanSupplier clientGone)
      throws ControlError, ControlException, IOException {
    FilterFields.only(request, "kinds", "since", "follow");
    EventFilter filter =
        new EventFilter(
            filters.of(request),
            kinds(request),
            sinceMicros(request.text("since"), Clock.SYSTEM.epochMicros()));
    long next = write(events(filter, 0, 0), out);
    while (request.flag("follow")) {
      out.flush();
      if (clientGone.getAsBoolean()) {
        return;
      }
      out.extend();
      next = write(events(filter, next, WAIT_MS), out);
    }
  }

  private EventPage events(EventFilter filter, long after, long waitMs) throws IOException {
    try {
      return control.events(filter, after, waitMs);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the agent stops", e);
    }
  }

  private static long write(EventPage page, AnswerWriter out) throws IOException {
    if (page.lost() > 0) {
      out.row(new JsonFields().with("event", "eventsLost").with("lost", page.lost()));
    }
    for (Map<String, Object> event : page.events()) {
      out.row(event);
    }
    return page.next();
  }

  private static Set<String> kinds(JsonFields request) throws ControlError {
    Set<String> kinds = new HashSet<>();
    for (Object kind : request.list("kinds")) {
      kinds.add(String.valueOf(kind));
    }
    List<String> known =
        Arrays.stream(AgentEvent.Kind.values()).map(AgentEvent.Kind::word).toList();
    for (String kind : kinds) {
      if (!known.contains(kind)) {
        throw RequestFields.bad(
            "kinds: " + RequestFields.cut(kind) + " (expected: some of " + known + ")");
      }
    }
    return kinds;
  }

  /**
   * The moment that somebody means.
   *
   * @param text {@code 90s}, {@code 10m}, {@code 2h} or {@code 1d} ago, or a time of ISO 8601 with
   *     its zone; empty for all
   * @param nowMicros the time, microseconds since 1970
   * @return microseconds since 1970
   */
  static long sinceMicros(String text, long nowMicros) throws ControlError {
    if (text.isEmpty()) {
      return 0;
    }
    Matcher ago = AGO.matcher(text);
    if (ago.matches()) {
      long count = Long.parseLong(ago.group(1));
      Duration duration =
          switch (ago.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            case "h" -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
          };
      return Math.max(0, nowMicros - TimeUnit.SECONDS.toMicros(duration.toSeconds()));
    }
    try {
      Instant instant = OffsetDateTime.parse(text).toInstant();
      return Math.max(
          0,
          Math.addExact(
              Math.multiplyExact(instant.getEpochSecond(), 1_000_000L), instant.getNano() / 1000));
    } catch (DateTimeException | ArithmeticException e) {
      throw RequestFields.bad(
          "since: "
              + RequestFields.cut(text)
              + " (expected: 90s, 10m, 2h or 1d ago, or a time such as 2026-10-14T17:46:40Z)");
    }
  }
}
