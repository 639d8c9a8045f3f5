package org.pinholed.agent.cli;

import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;

/** How an event looks as one line of text. Pure. */
final class EventText {
  private EventText() {}

  /**
   * One event.
   *
   * @param row its fields, as in the event log
   * @return time, word, whose it is and what it was; without a line feed
   */
  static String line(JsonFields row) {
    StringBuilder out = new StringBuilder(row.text("time"));
    out.append(' ').append(row.text("event"));
    add(out, row.text("helper"));
    add(out, row.text("serial"));
    if (row.value("client") != null) {
      add(out, Listings.endpoint(row.object("client")));
      out.append(" > ").append(Listings.endpoint(row.object("server")));
    }
    if (row.number("expectationId") != 0) {
      out.append(" expectation ").append(row.number("expectationId"));
    }
    if (row.value("destination") != null) {
      out.append(" for ");
      out.append(row.value("source") == null ? "any" : Listings.endpoint(row.object("source")));
      out.append(" > ").append(Listings.endpoint(row.object("destination")));
    }
    add(out, row.text("label"));
    if (!row.text("childSerial").isEmpty()) {
      out.append(" child ").append(row.text("childSerial"));
    }
    add(out, row.text("reason"));
    if (!row.text("detail").isEmpty()) {
      out.append(": ").append(row.text("detail"));
    }
    if (row.number("more") != 0) {
      out.append(" (and ").append(row.number("more")).append(" more like it)");
    }
    return Printable.of(out.toString());
  }

  private static void add(StringBuilder out, String word) {
    if (!word.isEmpty()) {
      out.append(' ').append(word);
    }
  }
}
