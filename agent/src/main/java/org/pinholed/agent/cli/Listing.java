package org.pinholed.agent.cli;

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
   * The whole listing.
   *
   * @return lines, each with its end; empty if a listing without rows shows nothing
   */
  String text();

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
      public String text() {
        return table.rows() == 0 ? "" : table.text();
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
    StringBuilder out = new StringBuilder();
    int[] count = new int[1];
    return new Listing() {
      @Override
      public void add(JsonFields row) {
        out.append(count[0]++ == 0 ? before : between).append(each.apply(row));
      }

      @Override
      public int count() {
        return count[0];
      }

      @Override
      public String text() {
        return out + end.apply(count[0]);
      }
    };
  }
}
