package org.pinholed.agent.control;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.pinholed.agent.view.StatusReport;

/**
 * Makes from the metrics what a person reads at a glance: no buckets, no zeros of rare things.
 *
 * <p>Pure. A metric {@code pinholed_expectations_total{helper="ftp",outcome="created"}} becomes
 * {@code expectations.ftp.created}; of a histogram its mean in microseconds is left.
 */
final class StatsSummary {
  private static final Pattern SAMPLE =
      Pattern.compile("pinholed_([a-z0-9_]+)(?:\\{([^}]*)\\})? ([0-9.eE+-]+)");
  private static final Pattern LABEL_VALUE = Pattern.compile("=\"([^\"]*)\"");

  private StatsSummary() {}

  /**
   * Puts both together.
   *
   * @param status what the agent itself counts
   * @param metrics text format of Prometheus
   * @return the agent's counters first, then the metrics that add something to them, by name
   */
  static Map<String, Number> of(StatusReport status, String metrics) {
    Map<String, Number> more = new TreeMap<>();
    Map<String, Double> sums = new TreeMap<>();
    Map<String, Double> counts = new TreeMap<>();
    for (String line : metrics.lines().toList()) {
      Matcher sample = SAMPLE.matcher(line);
      if (!sample.matches()) {
        continue;
      }
      String name = sample.group(1);
      String labels = labels(sample.group(2) == null ? "" : sample.group(2));
      double value = Double.parseDouble(sample.group(3));
      if (name.endsWith("_seconds_sum")) {
        sums.put(camel(name.substring(0, name.length() - 12)) + labels, value);
      } else if (name.endsWith("_seconds_count")) {
        counts.put(camel(name.substring(0, name.length() - 14)) + labels, value);
      } else if (name.endsWith("_total") && (value != 0 || labels.isEmpty())) {
        more.put(camel(name.substring(0, name.length() - 6)) + labels, (long) value);
      }
    }
    sums.forEach(
        (name, sum) -> {
          double count = counts.getOrDefault(name, 0.0);
          if (count > 0) {
            more.put(name + ".meanMicros", Math.round(sum * 1e6 / count));
          }
        });
    Map<String, Number> all = counters(status);
    more.forEach(all::putIfAbsent);
    return all;
  }

  private static Map<String, Number> counters(StatusReport status) {
    Map<String, Number> counters = new LinkedHashMap<>();
    counters.put("uptimeSeconds", status.uptimeSeconds());
    counters.put("packets", status.packets());
    counters.put("queueDropped", status.queueDropped());
    counters.put("tableRepairs", status.tableRepairs());
    counters.put("parents", status.parents());
    counters.put("opaqueParents", status.opaqueParents());
    status.expectations().forEach((state, count) -> counters.put("expectations." + state, count));
    return counters;
  }

  private static String labels(String text) {
    StringJoiner values = new StringJoiner(".");
    Matcher label = LABEL_VALUE.matcher(text);
    while (label.find()) {
      values.add(label.group(1));
    }
    return values.length() == 0 ? "" : "." + values;
  }

  private static String camel(String words) {
    StringBuilder out = new StringBuilder(words.length());
    boolean upper = false;
    for (int i = 0; i < words.length(); i++) {
      char c = words.charAt(i);
      if (c == '_') {
        upper = true;
      } else {
        out.append(upper ? Character.toUpperCase(c) : c);
        upper = false;
      }
    }
    return out.toString();
  }
}
