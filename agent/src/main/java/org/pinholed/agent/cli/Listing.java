package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.function.Function;
import org.pinholed.agent.control.JsonFields;

/**
 * Rows on their way to the terminal: written as they come where no row depends on another, else
 * kept as text alone, so that the listing of a full table fits into a small process. For one
 * thread.
 */
interface Listing {
  /** How rows look. */
  interface Style {
    /**
     * Begins a listing.
     *
     * @param out takes its text
     * @param columns characters of a line; 0 for as many as it takes
     * @return an empty listing
     */
    Listing begin(PrintWriter out, int columns);
  }

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

  /** Writes what is not written yet, after the last row. */
  void end();

  /**
   * A listing in aligned columns; nothing if there are no rows.
   *
   * @param out takes the lines, all at the end
   * @param columns characters of a line; 0 for as many as it takes
   * @param spare columns that may be left out then, the least important first
   * @param texts columns that may be cut then
   * @param header the names of the columns
   * @param cells makes the cells of a row
   * @return a new listing
   */
  static Listing table(
      PrintWriter out,
      int columns,
      List<String> spare,
      List<String> texts,
      String[] header,
      Function<JsonFields, String[]> cells) {
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
      public void end() {
        if (table.rows() > 0) {
          table.print(out, columns, spare, texts);
        }
      }
    };
  }

  /**
   * A listing that writes each row by itself, at once.
   *
   * @param out takes the rows
   * @param before what comes before the first row
   * @param between what comes between two rows
   * @param each makes the text of a row
   * @param end makes what comes last, of the number of rows
   * @return a new listing
   */
  static Listing blocks(
      PrintWriter out,
      String before,
      String between,
      Function<JsonFields, String> each,
      Function<Integer, String> end) {
    int[] count = new int[1];
    return new Listing() {
      @Override
      public void add(JsonFields row) {
        out.print(count[0]++ == 0 ? before : between);
        out.print(each.apply(row));
      }

      @Override
      public int count() {
        return count[0];
      }

      @Override
      public void end() {
        out.print(end.apply(count[0]));
      }
    };
  }
}
