package org.pinholed.agent.cli;

import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;

/** How a story looks as text: a heading, a timeline, and what to do. Pure. */
final class StoryText {
  private static final String NO_TIME = "                          -";

  private StoryText() {}

  static String of(JsonFields row) {
    StringBuilder out = new StringBuilder();
    if (row.number("expectationId") != 0) {
      out.append("expectation ").append(row.number("expectationId")).append(": ");
    }
    out.append(Printable.of(row.text("summary"))).append('\n');
    out.append("  control connection ").append(Printable.of(row.text("parentSerial")));
    out.append(", ").append(Printable.of(row.text("helper")));
    out.append(", policy ").append(row.number("policyId")).append(", ");
    out.append(Listings.endpoint(row.object("client"))).append(" > ");
    out.append(Listings.endpoint(row.object("server"))).append('\n');
    if (row.value("destination") instanceof JsonFields to) {
      out.append("  data connection ").append(Printable.of(row.text("protocol"))).append(' ');
      out.append(row.value("source") instanceof JsonFields from ? Listings.endpoint(from) : "any");
      out.append(" > ").append(Listings.endpoint(to));
      if (row.value("leadsTo") instanceof JsonFields inside) {
        out.append(" > ").append(Listings.endpoint(inside));
      }
      out.append('\n');
    }
    for (Object each : row.list("steps")) {
      if (each instanceof JsonFields step) {
        String time = step.text("time");
        out.append("  ").append(time.isEmpty() ? NO_TIME : Printable.of(time)).append("  ");
        out.append(String.format(java.util.Locale.ROOT, "%-9s  ", step.text("step")));
        out.append(Printable.of(step.text("text"))).append('\n');
      }
    }
    for (Object advice : row.list("advice")) {
      out.append("  -> ").append(Printable.of(advice.toString())).append('\n');
    }
    return out.toString();
  }
}
