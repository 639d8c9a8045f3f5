package org.pinholed.agent.cli;

import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;

/**
 * Lines of a trace in the words of FortiOS's {@code diagnose debug flow}, for those who know them:
 * received a packet, existing session, SNAT, run helper. What FortiOS has no words for has ours.
 * For one trace.
 */
final class FortiosTrace {
  private static final Pattern RECEIVED =
      Pattern.compile("(TCP|UDP) (\\S+) -> (\\S+?)((?: SYN| ACK| FIN| RST)*)(?: seq (\\d+))?, .*");
  private static final Pattern SESSION =
      Pattern.compile("(\\w+) session, direction (\\w+)(.*)", Pattern.DOTALL);
  private static final Pattern DEVICE = Pattern.compile(", in by ([^,]+)");
  private static final Pattern TRANSLATION = Pattern.compile("(SNAT|DNAT) [^, ]+");

  private final Function<String, String> helperOf;
  private String received = "";
  private String pending = "";
  private JsonFields pendingRow = new JsonFields();
  private String direction = "original";

  /**
   * Makes one.
   *
   * @param helperOf tells the name of the helper of a parent by its serial, empty if it is not
   *     known
   */
  FortiosTrace(Function<String, String> helperOf) {
    this.helperOf = helperOf;
  }

  /**
   * One line of the agent.
   *
   * @param row as it came
   * @return the lines that can be printed now, each with its line feed; empty if there is none
   */
  String lines(JsonFields row) {
    String text = row.text("text");
    return switch (row.text("step")) {
      case "received" -> {
        String before = rest();
        received = line(row, "print_pkt_detail", received(text, ""));
        pending = text;
        pendingRow = row;
        yield before;
      }
      case "session" -> session(row, text);
      case "helper" ->
          rest()
              + line(
                  row,
                  "__ip_session_run_tuple",
                  "run helper-" + helperOf.apply(row.text("serial")) + "(dir=" + direction + ")");
      default -> rest() + line(row, row.text("step"), text);
    };
  }

  /**
   * What waits for the next line.
   *
   * @return empty if nothing does
   */
  String rest() {
    String waiting = received;
    received = "";
    return waiting;
  }

  private String session(JsonFields row, String text) {
    Matcher session = SESSION.matcher(text);
    if (!session.matches()) {
      return rest() + line(row, "session", text);
    }
    direction = session.group(2);
    StringBuilder out = new StringBuilder();
    if (!received.isEmpty()) {
      Matcher device = DEVICE.matcher(text);
      received = "";
      out.append(
          line(
              pendingRow,
              "print_pkt_detail",
              received(pending, device.find() ? " from " + device.group(1) : "")));
    }
    String serial = row.text("serial");
    out.append(
        session.group(1).equals("new")
            ? line(row, "init_ip_session_common", "allocate a new session-" + serial)
            : line(
                row,
                "resolve_ip_tuple_fast",
                "Find an existing session, id-" + serial + ", " + direction + " direction"));
    Matcher translation = TRANSLATION.matcher(text);
    while (translation.find()) {
      out.append(line(row, "__ip_session_run_tuple", translation.group()));
    }
    return out.toString();
  }

  private static String received(String text, String from) {
    Matcher received = RECEIVED.matcher(text);
    if (!received.matches()) {
      return "received a packet(" + text + ")" + from;
    }
    StringBuilder out = new StringBuilder("vd-root:0 received a packet(proto=");
    out.append(received.group(1).equals("TCP") ? 6 : 17).append(", ");
    out.append(received.group(2)).append("->").append(received.group(3)).append(')');
    out.append(from).append('.');
    if (received.group(5) != null) {
      out.append(" flag [").append(flags(received.group(4))).append("], seq ");
      out.append(received.group(5));
    }
    return out.toString();
  }

  /** As tcpdump writes them. */
  private static String flags(String words) {
    return (words.contains("SYN") ? "S" : "")
        + (words.contains("FIN") ? "F" : "")
        + (words.contains("RST") ? "R" : "")
        + (words.contains("ACK") ? "." : "");
  }

  private static String line(JsonFields row, String function, String text) {
    return "id=20085 trace_id="
        + row.number("packet")
        + " func="
        + Printable.of(function)
        + " msg=\""
        + Printable.of(text).replace("\"", "\\\"")
        + "\"\n";
  }
}
