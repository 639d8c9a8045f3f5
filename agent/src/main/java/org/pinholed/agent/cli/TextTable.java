package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.helper.Printable;

/** Rows of text in aligned columns under one header. For one thread. */
final class TextTable {
  // one text for a row takes a fifth of what its cells take; no printable cell has a tabulator
  private static final char CELL_END = '\t';

  private final List<String> rows = new ArrayList<>();
  private final int[] widths;
  private final StringBuilder row = new StringBuilder();

  TextTable(String... header) {
    widths = new int[header.length];
    add(header);
  }

  void add(String... cells) {
    if (cells.length != widths.length) {
      throw new IllegalArgumentException(
          "cells: " + cells.length + " (expected: " + widths.length + ")");
    }
    row.setLength(0);
    for (int i = 0; i < cells.length; i++) {
      // an empty cell would shift all that follow for a reader that splits at blanks
      String cell = cells[i].isEmpty() ? "-" : Printable.of(cells[i]);
      widths[i] = Math.max(widths[i], cell.length());
      row.append(cell).append(CELL_END);
    }
    rows.add(row.toString());
  }

  int rows() {
    return rows.size() - 1;
  }

  void print(PrintWriter out) {
    for (String cells : rows) {
      int start = 0;
      for (int i = 0; i < widths.length; i++) {
        int end = cells.indexOf(CELL_END, start);
        out.write(cells, start, end - start);
        if (i < widths.length - 1) {
          out.print(" ".repeat(widths[i] - (end - start) + 2));
        }
        start = end + 1;
      }
      out.print('\n');
    }
  }
}
