package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.pinholed.agent.control.JsonFields;

/**
 * Rows on their way to the terminal, kept as text alone: the listing of a full table fits into a
 * small process. For one thread.
 */
interface Listing {
  /**
   * Takes one row.
   *
   * @param row as it came
   */
  void add(JsonFields row);

  /**
   * How many rows came.
   *
   * @return a count
   */
  int count();

  /**
   * Writes the whole listing, row by row: one text of a full table would need twice the room of its
   * rows.
   *
   * @param out takes lines, each with its end; none if a listing without rows shows nothing
   */
  void print(PrintWriter out);

  /**
   * A listing in aligned columns.
   *
   * @param header the names of the columns
   * @param cells makes the cells of a row
   * @return a new listing
   */
  static Listing table(String[] header, Function<JsonFields, String[]> cells) {
    TextTable table = new TextTable(header);
    return new Listing() {
      @Override
      public void add(JsonFields row) {
        table.add(cells.apply(row));
      }

      @Override
      public int count() {
        return table.rows();
      }

      @Override
      public void print(PrintWriter out) {
        if (table.rows() > 0) {
          table.print(out);
        }
      }
    };
  }

  /**
   * A listing that writes each row by itself.
   *
   * @param before what comes before the first row
   * @param between what comes between two rows
   * @param each makes the text of a row
   * @param end makes what comes last, of the number of rows
   * @return a new listing
   */
  static Listing blocks(
      String before,
      String between,
      Function<JsonFields, String> each,
      Function<Integer, String> end) {
    List<String> rows = new ArrayList<>();
    return new Listing() {
      @Override
      public void add(JsonFields row) {
        rows.add(each.apply(row));
      }

      @Override
      public int count() {
        return rows.size();
      }

      @Override
      public void print(PrintWriter out) {
        String separator = before;
        for (String row : rows) {
          out.print(separator);
          out.print(row);
          separator = between;
        }
        out.print(end.apply(rows.size()));
      }
    };
  }
}
