package org.pinholed.agent.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;

/**
 * Lines of a trace in the words of FortiOS's {@code diagnose debug flow}, for those who know them:
 * received a packet, existing session, SNAT, run helper. What FortiOS has no words for has ours.
 * The agent sees packets behind address translation, FortiOS before it, so each is shown as it came
 * to the router. For one trace.
 */
final class FortiosTrace {
  private static final Pattern RECEIVED =
      Pattern.compile("(TCP|UDP) (\\S+) -> (\\S+?)((?: SYN| ACK| FIN| RST)*)(?: seq (\\d+))?, .*");
  private static final Pattern SESSION =
      Pattern.compile("(\\w+) session(?: of helper \\S+)?, direction (\\w+)(.*)", Pattern.DOTALL);
  private static final Pattern IN_BY = Pattern.compile(", in by ([^,]+)");
  private static final Pattern OUT_BY = Pattern.compile(", out by ([^,]+)");
  private static final Pattern SNAT = Pattern.compile(", SNAT ([^, ]+?)->([^, ]+)");
  private static final Pattern DNAT = Pattern.compile(", DNAT ([^, ]+?)->([^, ]+)");

  private String received = "";
  private String pending = "";
  private JsonFields pendingRow = new JsonFields();
  private String direction = "original";

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
        received = line(row, "print_pkt_detail", received(text, "", "", ""));
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
                  "run helper-" + row.text("helper") + "(dir=" + direction + ")");
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
    boolean isReply = direction.equals("reply");
    Matcher snat = SNAT.matcher(text);
    Matcher dnat = DNAT.matcher(text);
    boolean hidesClient = snat.find();
    boolean hidesServer = dnat.find();
    StringBuilder out = new StringBuilder();
    if (!received.isEmpty()) {
      Matcher device = (isReply ? OUT_BY : IN_BY).matcher(text);
      received = "";
      String client = hidesClient ? snat.group(isReply ? 2 : 1) : "";
      String server = hidesServer ? dnat.group(isReply ? 2 : 1) : "";
      out.append(
          line(
              pendingRow,
              "print_pkt_detail",
              received(
                  pending,
                  isReply ? server : client,
                  isReply ? client : server,
                  device.find() ? " from " + device.group(1) : "")));
    }
    String serial = row.text("serial");
    out.append(
        session.group(1).equals("new")
            ? line(row, "init_ip_session_common", "allocate a new session-" + serial)
            : line(
                row,
                "resolve_ip_tuple_fast",
                "Find an existing session, id-" + serial + ", " + direction + " direction"));
    // The destination is translated first, and back on the way of the reply.
    if (isReply ? hidesClient : hidesServer) {
      String dnatText =
          isReply ? snat.group(2) + "->" + snat.group(1) : dnat.group(1) + "->" + dnat.group(2);
      out.append(line(row, "__ip_session_run_tuple", "DNAT " + dnatText));
    }
    if (isReply ? hidesServer : hidesClient) {
      String snatText =
          isReply
              ? host(dnat.group(2)) + "->" + dnat.group(1)
              : host(snat.group(1)) + "->" + snat.group(2);
      out.append(line(row, "__ip_session_run_tuple", "SNAT " + snatText));
    }
    return out.toString();
  }

  private static String host(String endpoint) {
    String host = endpoint.substring(0, endpoint.lastIndexOf(':'));
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  /** The ends as the packet came; empty for what the agent saw. */
  private static String received(String text, String source, String destination, String from) {
    Matcher received = RECEIVED.matcher(text);
    if (!received.matches()) {
      return "received a packet(" + text + ")" + from;
    }
    StringBuilder out = new StringBuilder("vd-root:0 received a packet(proto=");
    out.append(received.group(1).equals("TCP") ? 6 : 17).append(", ");
    out.append(source.isEmpty() ? received.group(2) : source).append("->");
    out.append(destination.isEmpty() ? received.group(3) : destination).append(')');
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
