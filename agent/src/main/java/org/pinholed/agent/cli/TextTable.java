package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.pinholed.helper.Printable;

/**
 * Rows of text in aligned columns under one header. Where they are wider than the terminal, columns
 * are left out, those first in which nothing stands, and long texts are cut. For one thread.
 */
final class TextTable {
  // one text for a row takes a fifth of what its cells take; no printable cell has a tabulator
  private static final char CELL_END = '\t';

  private static final int GAP = 2;

  /** A text that is cut keeps this much. */
  private static final int SHORTEST_TEXT = 16;

  private final List<String> rows = new ArrayList<>();
  private final String[] header;
  private final int[] widths;
  private final boolean[] says;
  private final StringBuilder row = new StringBuilder();

  TextTable(String... header) {
    this.header = header.clone();
    widths = new int[header.length];
    says = new boolean[header.length];
    add(header);
    Arrays.fill(says, false);
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
      says[i] |= !cell.equals("-") && !cell.equals("0");
      row.append(cell).append(CELL_END);
    }
    rows.add(row.toString());
  }

  int rows() {
    return rows.size() - 1;
  }

  /**
   * Prints all columns.
   *
   * @param out takes the lines
   */
  void print(PrintWriter out) {
    print(out, widths);
  }

  /**
   * Prints what fits.
   *
   * @param out takes the lines
   * @param columns characters of a line; 0 for as many as it takes
   * @param spare columns that may be left out, the least important first
   * @param texts columns that may be cut
   */
  void print(PrintWriter out, int columns, List<String> spare, List<String> texts) {
    print(out, columns == 0 ? widths : fitting(columns, spare, texts));
  }

  /** The widths that fit; -1 for a column that is left out. */
  private int[] fitting(int columns, List<String> spare, List<String> texts) {
    int[] shown = widths.clone();
    List<String> order = new ArrayList<>(spare);
    order.sort((one, other) -> Boolean.compare(says[place(one)], says[place(other)]));
    int cut = 0;
    for (String text : texts) {
      cut += Math.max(0, shown[place(text)] - SHORTEST_TEXT);
    }
    for (String column : order) {
      if (total(shown) - cut <= columns) {
        break;
      }
      int place = place(column);
      if (texts.contains(column)) {
        cut -= Math.max(0, shown[place] - SHORTEST_TEXT);
      }
      shown[place] = -1;
    }
    for (String text : texts) {
      int place = place(text);
      int over = total(shown) - columns;
      if (over > 0 && shown[place] > SHORTEST_TEXT) {
        shown[place] = Math.max(SHORTEST_TEXT, shown[place] - over);
      }
    }
    return shown;
  }

  private int place(String column) {
    return Arrays.asList(header).indexOf(column);
  }

  private static int total(int[] shown) {
    int total = -GAP;
    for (int width : shown) {
      total += width < 0 ? 0 : width + GAP;
    }
    return total;
  }

  private void print(PrintWriter out, int[] shown) {
    int last = shown.length - 1;
    while (last > 0 && shown[last] < 0) {
      last--;
    }
    for (String cells : rows) {
      int start = 0;
      for (int i = 0; i <= last; i++) {
        int end = cells.indexOf(CELL_END, start);
        if (shown[i] >= 0) {
          int length = end - start;
          if (length > shown[i]) {
            out.write(cells, start, shown[i] - 1);
            out.print('~');
            length = shown[i];
          } else {
            out.write(cells, start, length);
          }
          if (i < last) {
            out.print(" ".repeat(shown[i] - length + GAP));
          }
        }
        start = end + 1;
      }
      out.print('\n');
    }
  }
}
