package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;

/** How rows of the agent look as text. Pure. */
final class Listings {
  private Listings() {}

  // one JSON document: an array with a row on each line
  static Listing json(PrintWriter out) {
    return Listing.blocks(
        out, "[\n ", ",\n ", ControlJson::line, count -> count == 0 ? "[]\n" : "\n]\n");
  }

  static Listing expectations(PrintWriter out, int columns) {
    return Listing.table(
        out,
        columns,
        List.of(
            "TIMEOUT", "CAUSE", "PROTO", "POLICY", "USE", "HELPER", "AGE", "FLAGS", "CHILD",
            "PARENT"),
        List.of(),
        new String[] {
          "ID",
          "PROTO",
          "STATE",
          "HELPER",
          "POLICY",
          "PARENT",
          "AGE",
          "EXPIRE",
          "TIMEOUT",
          "SOURCE",
          "DESTINATION",
          "USE",
          "FLAGS",
          "CAUSE",
          "CHILD"
        },
        row ->
            new String[] {
              row.text("id"),
              row.text("protocol"),
              row.text("state"),
              row.text("helper"),
              row.text("policyId"),
              row.text("parentSerial"),
              row.text("durationSeconds"),
              row.text("expireSeconds"),
              row.text("lifetime").equals("parent") ? "parent" : row.text("timeoutSeconds"),
              endpoint(row.object("source")),
              endpoint(row.object("destination")),
              row.text("use"),
              words(row.list("flags")),
              row.text("cause"),
              row.text("childSerial")
            });
  }

  static Listing owners(PrintWriter out, int columns) {
    return Listing.table(
        out,
        columns,
        List.of("PACKETS", "HELPER", "AGE", "BYTES", "EXPIRE", "WHY", "LABEL"),
        List.of("LABEL", "MEDIA"),
        new String[] {
          "ID", "STATE", "HELPER", "AGE", "EXPIRE", "PACKETS", "BYTES", "MEDIA", "WHY", "LABEL"
        },
        row ->
            new String[] {
              row.text("id"),
              row.text("state"),
              row.text("helper"),
              row.text("ageSeconds"),
              orDash(row, "expireSeconds"),
              orDash(row, "packets"),
              orDash(row, "bytes"),
              media(row.list("media")),
              row.text("why"),
              row.text("label")
            });
  }

  private static String orDash(JsonFields row, String field) {
    return row.value(field) instanceof Number ? row.text(field) : "-";
  }

  // each as source>outside, or source>outside>inside where that is another one
  private static String media(List<?> all) {
    StringJoiner out = new StringJoiner(",");
    for (Object one : all) {
      if (one instanceof JsonFields media) {
        String outside = endpoint(media.object("outside"));
        String inside = endpoint(media.object("inside"));
        out.add(
            endpoint(media.object("source"))
                + ">"
                + outside
                + (inside.equals(outside) ? "" : ">" + inside));
      }
    }
    return out.toString();
  }

  // the many-line form of "diagnose sys session list expectation"; a field that has no meaning here
  // is left out
  static Listing fortios(PrintWriter out, int columns) {
    return Listing.blocks(out, "", "", Listings::fortios, count -> "total session " + count + "\n");
  }

  private static String fortios(JsonFields row) {
    StringBuilder out = new StringBuilder();
    String goesTo =
        row.object(isTranslated(row, "Destination") ? "translatedDestination" : "destination")
            .text("address");
    boolean towardsClient = goesTo.equals(row.object("client").text("address"));
    List<?> flags = row.list("flags");
    int flagBits =
        (flags.contains("many") ? 1 : 0)
            | (flags.contains("anySource") ? 2 : 0)
            | (flags.contains("inactive") ? 4 : 0)
            | (row.text("lifetime").equals("parent") ? 8 : 0);
    out.append(
        String.format(
            Locale.ROOT,
            "session info: proto=%d proto_state=00 duration=%d expire=%d timeout=%d flags=%08x"
                + " use=%d%n",
            row.number("protocolNumber"),
            row.number("durationSeconds"),
            row.number("expireSeconds"),
            row.number("timeoutSeconds"),
            flagBits,
            row.number("use")));
    out.append("helper=").append(Printable.of(row.text("helper")));
    out.append(" policy_dir=").append(towardsClient ? 1 : 0).append('\n');
    out.append("state=").append(Printable.of(row.text("state")));
    for (Object flag : flags) {
      out.append(' ').append(Printable.of(flag.toString()));
    }
    out.append('\n');
    hooks(out, row);
    out.append(
        String.format(
            Locale.ROOT, "misc=0 policy_id=%d mark=%08x%n", row.number("policyId"), mark(row)));
    out.append("serial=").append(Printable.of(row.text("parentSerial")));
    if (!row.text("childSerial").isEmpty()) {
      out.append(" child=").append(Printable.of(row.text("childSerial")));
    }
    out.append("\n\n");
    return out.toString();
  }

  // a line for each hook that translates the child: what the packet says there and, in brackets,
  // what is made of it; replies meet the hooks the other way round
  private static void hooks(StringBuilder out, JsonFields row) {
    String from = plain(row.object("source"));
    String to = plain(row.object("destination"));
    boolean dnat = isTranslated(row, "Destination");
    boolean snat = isTranslated(row, "Source");
    if (!dnat && !snat) {
      String none = row.object("source").text("address").indexOf(':') >= 0 ? ":::0" : "0.0.0.0:0";
      hook(out, "pre dir=org act=noop", from, to, none);
      hook(out, "post dir=reply act=noop", to, from, none);
      return;
    }
    String inside = dnat ? plain(row.object("translatedDestination")) : to;
    String seen = snat ? plain(row.object("translatedSource")) : from;
    if (dnat) {
      hook(out, "pre dir=org act=dnat", from, to, inside);
    }
    if (snat) {
      hook(out, "post dir=org act=snat", from, inside, seen);
      hook(out, "pre dir=reply act=dnat", inside, seen, from);
    }
    if (dnat) {
      hook(out, "post dir=reply act=snat", inside, from, to);
    }
  }

  private static boolean isTranslated(JsonFields row, String side) {
    return row.value("translated" + side) instanceof JsonFields;
  }

  private static void hook(StringBuilder out, String what, String from, String to, String becomes) {
    out.append("hook=").append(what).append(' ').append(from).append("->").append(to);
    out.append('(').append(becomes).append(")\n");
  }

  static Listing audit(PrintWriter out, int columns) {
    return Listing.table(
        out,
        columns,
        List.of(),
        List.of("EXPLANATION"),
        new String[] {"DIFFERENCE", "PARENT", "WHAT", "EXPLANATION"},
        row ->
            new String[] {
              row.text("difference"),
              row.text("parentSerial"),
              row.text("what"),
              row.text("explanation")
            });
  }

  /** One line for each range of ports, under a line for each helper. */
  static Listing report(PrintWriter out, int columns) {
    String[] helper = {""};
    return Listing.blocks(
        out,
        "",
        "",
        row -> {
          StringBuilder text = new StringBuilder(160);
          if (!row.text("helper").equals(helper[0])) {
            helper[0] = row.text("helper");
            text.append(helper[0]).append('\n');
          }
          return text.append("  ").append(observed(row)).append('\n').toString();
        },
        count -> "");
  }

  private static String observed(JsonFields row) {
    if (row.text("protocol").isEmpty()) {
      return row.number("notCome") + " announcements and ends that lead to too many places";
    }
    String first = row.text("firstPort");
    String last = row.text("lastPort");
    String address = row.text("destination");
    StringBuilder text =
        new StringBuilder(row.text("protocol"))
            .append(' ')
            .append(address.contains(":") ? "[" + address + "]" : address)
            .append(':')
            .append(first.equals(last) ? first : first + "-" + last)
            .append(" from ")
            .append(row.text("source"))
            .append(": ");
    long connections = row.number("connections");
    long expected = row.number("expected");
    text.append(connections == 0 ? "no" : Long.toString(connections))
        .append(connections == 1 ? " connection" : " connections");
    if (connections > 0) {
      text.append(", ").append(expected == connections ? "all" : expected).append(" announced");
    }
    long notCome = row.number("notCome");
    if (notCome > 0) {
      text.append(", ").append(notCome).append(" announced and did not come");
    }
    return text.toString();
  }

  static Listing sessions(PrintWriter out, int columns) {
    return Listing.table(
        out,
        columns,
        List.of(
            "MISROUTED",
            "SEALED-LAST",
            "SEALED",
            "READ-CLIENT",
            "READ-SERVER",
            "PACKETS",
            "PROTO",
            "POLICY",
            "EXPECTATIONS",
            "IDLE",
            "AGE",
            "REASON",
            "EXPLANATION",
            "HELPER"),
        List.of("EXPLANATION", "SEALED-LAST"),
        new String[] {
          "SERIAL",
          "PROTO",
          "HELPER",
          "STATE",
          "POLICY",
          "CLIENT",
          "SERVER",
          "READ-CLIENT",
          "READ-SERVER",
          "PACKETS",
          "MISROUTED",
          "EXPECTATIONS",
          "AGE",
          "IDLE",
          "REASON",
          "EXPLANATION",
          "SEALED",
          "SEALED-LAST"
        },
        row ->
            new String[] {
              row.text("serial"),
              row.text("protocol"),
              row.text("helper"),
              row.text("state"),
              row.text("policyId"),
              endpoint(row.object("client")),
              endpoint(row.object("server")),
              row.text("bytesFromClient"),
              row.text("bytesFromServer"),
              row.text("packets"),
              row.text("misrouted"),
              row.text("expectations"),
              row.text("ageSeconds"),
              row.text("idleSeconds"),
              row.text("reason"),
              row.text("explanation"),
              row.text("sealed"),
              row.text("sealedDetail")
            });
  }

  static Listing helpers(PrintWriter out, int columns) {
    return Listing.table(
        out,
        columns,
        List.of("OPTIONS"),
        List.of("OPTIONS"),
        new String[] {"ID", "NAME", "PROTO", "PORT", "STATE", "TIMEOUT", "OPTIONS"},
        row ->
            new String[] {
              row.text("id"),
              row.text("name"),
              row.text("protocol"),
              row.text("port"),
              !row.flag("enabled")
                  ? "disabled"
                  : row.text("mode").equals("observe") ? "observed" : "enabled",
              row.text("timeout"),
              pairs(row.object("options"), "=")
            });
  }

  static String status(JsonFields row) {
    StringBuilder out = new StringBuilder();
    line(
        out,
        "agent",
        "pinholed "
            + row.text("version")
            + ", pid "
            + row.text("pid")
            + ", up "
            + duration(row.number("uptimeSeconds")));
    line(out, "backend", row.text("backend"));
    line(out, "helpers", words(row.list("helpers")).replace(",", " "));
    line(out, "parents", row.text("parents") + " read, " + row.text("opaqueParents") + " opaque");
    line(out, "expectations", pairs(row.object("expectations"), " "));
    line(
        out,
        "packets",
        row.text("packets") + ", dropped by the kernel " + row.text("queueDropped"));
    for (Object queue : row.list("queues")) {
      if (queue instanceof JsonFields one) {
        line(out, "queue " + one.text("queue"), queue(one));
      }
    }
    String unwatched = row.text("tableWatchProblem");
    line(out, "table watched", unwatched.isEmpty() ? "yes" : "no: " + unwatched);
    line(out, "table repairs", row.text("tableRepairs"));
    line(out, "accept rule", row.text("acceptRule") + ": " + row.text("acceptRuleDetail"));
    line(out, "last error", row.text("lastError"));
    line(out, "metrics", row.text("metricsAddress"));
    block(out, "kernel", row.object("features"));
    block(out, "policies", row.object("policies"));
    return out.toString();
  }

  private static String queue(JsonFields row) {
    return row.text("packets")
        + " packets, "
        + row.text("parents")
        + " parents read, "
        + row.text("opaqueParents")
        + " opaque, "
        + row.text("held")
        + " packets held";
  }

  static String stats(JsonFields row) {
    StringBuilder out = new StringBuilder();
    int width = 0;
    for (String name : row.names()) {
      width = Math.max(width, name.length());
    }
    for (String name : row.names()) {
      out.append(Printable.of(name)).append(" ".repeat(width - name.length() + 2));
      out.append(Printable.of(row.text(name))).append('\n');
    }
    return out.toString();
  }

  // In the manner of a debug flow trace: one line a step, its text quoted at the end.
  static String trace(JsonFields row) {
    StringBuilder out = new StringBuilder();
    if (!row.text("time").isEmpty()) {
      out.append("time=").append(Printable.of(row.text("time")));
      out.append(" packet=").append(row.number("packet"));
      out.append(" serial=").append(Printable.of(row.text("serial"))).append(' ');
    }
    out.append("step=").append(Printable.of(row.text("step")));
    out.append(" msg=\"").append(Printable.of(row.text("text")).replace("\"", "\\\""));
    return out.append("\"\n").toString();
  }

  static String duration(long seconds) {
    if (seconds < 60) {
      return seconds + "s";
    }
    if (seconds < 3600) {
      return seconds / 60 + "m" + seconds % 60 + "s";
    }
    if (seconds < 86400) {
      return seconds / 3600 + "h" + seconds % 3600 / 60 + "m";
    }
    return seconds / 86400 + "d" + seconds % 86400 / 3600 + "h";
  }

  private static void line(StringBuilder out, String name, String text) {
    out.append(name).append(" ".repeat(Math.max(2, 15 - name.length())));
    out.append(text.isEmpty() ? "-" : Printable.of(text)).append('\n');
  }

  private static void block(StringBuilder out, String name, JsonFields fields) {
    for (String field : fields.names()) {
      line(out, name, field + ": " + fields.text(field));
    }
  }

  private static String words(List<?> list) {
    StringJoiner out = new StringJoiner(",");
    for (Object word : list) {
      out.add(word.toString());
    }
    return out.toString();
  }

  private static String pairs(JsonFields fields, String between) {
    StringJoiner out = new StringJoiner(between.equals("=") ? "," : ", ");
    for (String name : fields.names()) {
      out.add(
          between.equals("=")
              ? name + "=" + fields.text(name)
              : fields.text(name) + between + name);
    }
    return out.toString();
  }

  static String endpoint(JsonFields endpoint) {
    String address = endpoint.text("address");
    String port = endpoint.number("port") == 0 ? "*" : endpoint.text("port");
    return address.indexOf(':') >= 0 ? "[" + address + "]:" + port : address + ":" + port;
  }

  private static String plain(JsonFields endpoint) {
    return Printable.of(endpoint.text("address")) + ":" + endpoint.number("port");
  }

  private static int mark(JsonFields row) {
    return (int) row.number("mark");
  }
}
