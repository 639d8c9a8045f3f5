package org.pinholed.agent.config;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Adds an entry to the {@code helpers} of a configuration file and leaves everything else as it is,
 * comments too. Works on the text, because no reader of YAML gives back what it read. Pure.
 */
public final class HelperInFile {
  private static final Pattern KEY = Pattern.compile("helpers:\\s*(#.*)?");
  private static final Pattern EMPTY = Pattern.compile("helpers:\\s*\\[\\s*\\]\\s*(#.*)?");
  private static final Pattern NOTHING = Pattern.compile("\\s*(#.*)?");

  private HelperInFile() {}

  /**
   * The file with one entry more.
   *
   * @param yaml a good configuration
   * @param entry the entry
   * @return another text; whoever uses it has it read again and compares
   * @throws IllegalArgumentException if the list is written in a form that is not changed here
   */
  public static String add(String yaml, HelperEntry entry) {
    List<String> lines = new ArrayList<>(yaml.lines().toList());
    for (int i = 0; i < lines.size(); i++) {
      if (EMPTY.matcher(lines.get(i)).matches()) {
        lines.set(i, "helpers:");
        return insert(lines, i + 1, ConfigText.entry(entry, "  "));
      }
      if (KEY.matcher(lines.get(i)).matches()) {
        return behindLast(lines, i, entry);
      }
      if (lines.get(i).startsWith("helpers:") || lines.get(i).matches("[\"']helpers[\"']\\s*:.*")) {
        throw new IllegalArgumentException(
            "line "
                + (i + 1)
                + ": the list of helpers is written in one line, and only one with a dash for each"
                + " entry is changed here; add to it by hand");
      }
    }
    StringBuilder all = new StringBuilder();
    if (!lines.isEmpty()) {
      all.append('\n');
    }
    all.append("helpers:\n");
    // Without the list the built-in entries are in force: with it they have to stand in it.
    AgentConfig.DEFAULT.helpers().forEach(builtIn -> all.append(ConfigText.entry(builtIn, "  ")));
    all.append(ConfigText.entry(entry, "  "));
    return insert(lines, lines.size(), all.toString());
  }

  private static String behindLast(List<String> lines, int key, HelperEntry entry) {
    int dash = -1;
    int end = key + 1;
    for (int i = key + 1; i < lines.size(); i++) {
      String line = lines.get(i);
      if (NOTHING.matcher(line).matches()) {
        continue; // comments behind the last entry stay behind it
      }
      int indent = line.length() - line.stripLeading().length();
      boolean isEntry = line.startsWith("- ", indent) || line.strip().equals("-");
      if (dash < 0) {
        if (!isEntry) {
          break;
        }
        dash = indent;
      }
      if (indent < dash || (indent == dash && !isEntry)) {
        break;
      }
      end = i + 1;
    }
    return insert(lines, end, ConfigText.entry(entry, " ".repeat(dash < 0 ? 2 : dash)));
  }

  private static String insert(List<String> lines, int at, String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      if (i == at) {
        out.append(text);
      }
      out.append(lines.get(i)).append('\n');
    }
    if (at >= lines.size()) {
      out.append(text);
    }
    return out.toString();
  }
}
