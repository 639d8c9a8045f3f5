package org.pinholed.agent.replay;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.time.Utc;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.helper.Printable;

/** How decisions and totals of a replay look, as lines of text and of JSON. */
public final class ReplayText {
  private ReplayText() {}

  /**
   * A decision as a line.
   *
   * @param decision the decision
   * @return printable ASCII without a line end
   */
  public static String line(Decision decision) {
    StringBuilder out = new StringBuilder(160);
    out.append(Utc.text(decision.epochMicros()))
        .append(String.format(" %7s %-12s", "#" + decision.packet(), decision.word()));
    add(out, decision.helper());
    add(out, decision.serial());
    if (decision.client() != null && decision.server() != null) {
      add(out, decision.client() + " > " + decision.server());
    }
    if (decision.destination() != null) {
      if (decision.client() != null) {
        out.append(',');
      }
      add(out, "from " + from(decision.source()) + " to " + decision.destination());
    }
    add(out, decision.label());
    add(out, decision.reason());
    if (!decision.detail().isEmpty()) {
      out.append(": ").append(decision.detail());
    }
    return Printable.of(out.toString());
  }

  private static String from(@Nullable EndpointRow source) {
    if (source == null) {
      return "any";
    }
    return source.port() == 0 ? source.address() : source.toString();
  }

  private static void add(StringBuilder out, String word) {
    if (!word.isEmpty()) {
      out.append(' ').append(word);
    }
  }

  /**
   * A decision as an object, with the fields of the event log and the number of the packet.
   *
   * @param decision the decision
   * @return what is empty is left out
   */
  public static JsonFields json(Decision decision) {
    return new JsonFields()
        .with("time", Utc.text(decision.epochMicros()))
        .with("packet", decision.packet())
        .with("event", decision.word())
        .with("helper", orNull(decision.helper()))
        .with("serial", orNull(decision.serial()))
        .with("expectationId", decision.expectationId() == 0 ? null : decision.expectationId())
        .with("client", endpoint(decision.client()))
        .with("server", endpoint(decision.server()))
        .with("source", endpoint(decision.source()))
        .with("destination", endpoint(decision.destination()))
        .with("label", orNull(decision.label()))
        .with("reason", orNull(decision.reason()))
        .with("detail", orNull(decision.detail()));
  }

  private static @Nullable String orNull(String text) {
    return text.isEmpty() ? null : text;
  }

  private static @Nullable JsonFields endpoint(@Nullable EndpointRow row) {
    return row == null
        ? null
        : new JsonFields().with("address", row.address()).with("port", (long) row.port());
  }

  /**
   * The summary of a configuration.
   *
   * @param replay what read the capture
   * @param totals what the configuration made of it
   * @param damage what ended the capture too early, or empty
   * @return lines without line ends
   */
  public static List<String> summary(Replay replay, ReplayTotals totals, String damage) {
    List<String> lines = new ArrayList<>();
    StringBuilder packets = new StringBuilder();
    packets.append(replay.packets()).append(" in ").append(replay.durationNs() / 1_000_000_000L);
    packets.append(" s, ").append(replay.readable()).append(" of TCP or UDP and whole");
    lines.add(row("packets", packets.toString()));
    lines.add(row("not looked at", words(skipped(replay))));
    if (replay.back() > 0) {
      lines.add(row("late packets", replay.back() + " more than 1 s, read as of then"));
    }
    if (replay.leaps() > 0) {
      lines.add(row("leaps in time", replay.leaps() + ", what ended within is told at their end"));
    }
    lines.add(row("control flows", words(totals.controlFlows())));
    lines.add(row("opened", String.valueOf(totals.opened())));
    lines.add(row("  matched", totals.matched() + " by " + connections(totals.children())));
    lines.add(row("  unused", String.valueOf(totals.unused())));
    lines.add(row("  still waiting", String.valueOf(totals.waiting())));
    lines.add(row("refused", words(totals.refused())));
    lines.add(row("not read", words(totals.unread())));
    lines.add(row("needed a pinhole", needed(totals)));
    if (totals.evicted() > 0) {
      lines.add(
          row("forgotten", totals.evicted() + " connections, since there were too many at a time"));
    }
    if (totals.faults() > 0) {
      lines.add(row("faults", totals.faults() + " packets on which this program failed"));
    }
    if (!damage.isEmpty()) {
      lines.add(row("capture", damage));
    }
    return lines;
  }

  private static String needed(ReplayTotals totals) {
    return totals.opened() > 0 && totals.otherFlows() == 0
        ? "not known, since the capture has nothing but control connections"
        : connections(totals.children())
            + " came by one, "
            + totals.withoutPinhole()
            + " found none";
  }

  private static String connections(long count) {
    return count + (count == 1 ? " connection" : " connections");
  }

  private static Map<String, Long> skipped(Replay replay) {
    Map<String, Long> skipped = new TreeMap<>(replay.skipped());
    if (replay.lostFragments() > 0) {
      skipped.put("lostFragments", replay.lostFragments());
    }
    return skipped;
  }

  private static String row(String name, String text) {
    return String.format("%-18s%s", name, text);
  }

  private static String words(Map<String, Long> counts) {
    StringJoiner out = new StringJoiner(", ");
    new TreeMap<>(counts).forEach((word, count) -> out.add(word + " " + count));
    return out.length() == 0 ? "none" : Printable.of(out.toString());
  }

  /**
   * The same as an object.
   *
   * @param replay what read the capture
   * @param totals what the configuration made of it
   * @param damage what ended the capture too early, or empty
   * @return one line, whose field {@code event} is {@code summary}
   */
  public static JsonFields summaryJson(Replay replay, ReplayTotals totals, String damage) {
    return new JsonFields()
        .with("event", "summary")
        .with("packets", replay.packets())
        .with("readable", replay.readable())
        .with("durationSeconds", replay.durationNs() / 1_000_000_000L)
        .with("skipped", counts(skipped(replay)))
        .with("latePackets", replay.back())
        .with("leaps", replay.leaps())
        .with("invalidPackets", totals.invalid())
        .with("controlFlows", counts(totals.controlFlows()))
        .with("otherFlows", totals.otherFlows())
        .with("opened", totals.opened())
        .with("matched", totals.matched())
        .with("children", totals.children())
        .with("unused", totals.unused())
        .with("waiting", totals.waiting())
        .with("refused", counts(totals.refused()))
        .with("unread", counts(totals.unread()))
        .with("withoutPinhole", totals.withoutPinhole())
        .with("forgottenConnections", totals.evicted())
        .with("faults", totals.faults())
        .with("damage", orNull(damage));
  }

  private static JsonFields counts(Map<String, Long> counts) {
    JsonFields fields = new JsonFields();
    new TreeMap<>(counts).forEach(fields::with);
    return fields;
  }
}
