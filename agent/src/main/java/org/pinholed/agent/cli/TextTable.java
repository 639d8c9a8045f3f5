package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.helper.Printable;

/** Rows of text in aligned columns under one header. For one thread. */
final class TextTable {
  private final List<String[]> rows = new ArrayList<>();
  private final int[] widths;

  TextTable(String... header) {
    widths = new int[header.length];
    add(header);
  }

  void add(String... cells) {
    if (cells.length != widths.length) {
      throw new IllegalArgumentException(
          "cells: " + cells.length + " (expected: " + widths.length + ")");
    }
    String[] row = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      // an empty cell would shift all that follow for a reader that splits at blanks
      row[i] = cells[i].isEmpty() ? "-" : Printable.of(cells[i]);
      widths[i] = Math.max(widths[i], row[i].length());
    }
    rows.add(row);
  }

  int rows() {
    return rows.size() - 1;
  }

  void print(PrintWriter out) {
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        out.print(row[i]);
        if (i < row.length - 1) {
          out.print(" ".repeat(widths[i] - row[i].length() + 2));
        }
      }
      out.print('\n');
    }
  }
}
