package org.pinholed.agent.flow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Rows of a few numbers each, found by one of them; memory comes in chunks and stays. A row is
 * known by its index, which another one gets once it is removed. Not thread-safe.
 */
final class IntRows {
  /** No row. */
  static final int NONE = -1;

  private static final int CHUNK = 1 << 12;

  private final int width;
  private final int keyField;
  private final int chainField;
  private final List<int[]> chunks = new ArrayList<>();
  private int[] heads = new int[16];
  private int made;
  private int free = NONE;
  private int size;

  /**
   * Makes it empty.
   *
   * @param width how many numbers a row has
   * @param keyField which of them it is found by
   * @param chainField which of them it needs itself
   */
  IntRows(int width, int keyField, int chainField) {
    this.width = width;
    this.keyField = keyField;
    this.chainField = chainField;
    Arrays.fill(heads, NONE);
  }

  /** How many rows there are. */
  int size() {
    return size;
  }

  /** One number of a row. */
  int get(int row, int field) {
    return chunks.get(row / CHUNK)[row % CHUNK * width + field];
  }

  /** Changes one number of a row; not its key, and not the one that it needs itself. */
  void set(int row, int field, int value) {
    chunks.get(row / CHUNK)[row % CHUNK * width + field] = value;
  }

  /** The first row that may have a key: each is to be looked at. {@link #NONE} if there is none. */
  int first(int key) {
    return heads[key & (heads.length - 1)];
  }

  /** The row behind another one that was found. */
  int next(int row) {
    return get(row, chainField);
  }

  /** Adds a row with a key; its other numbers are what a removed one left. */
  int add(int key) {
    int row = free;
    if (row != NONE) {
      free = get(row, chainField);
    } else {
      row = made++;
      if (row % CHUNK == 0) {
        chunks.add(new int[CHUNK * width]);
      }
    }
    size++;
    if (size > heads.length) {
      spread();
    }
    set(row, keyField, key);
    link(row);
    return row;
  }

  /** Removes a row. */
  void remove(int row) {
    int at = get(row, keyField) & (heads.length - 1);
    if (heads[at] == row) {
      heads[at] = next(row);
    } else {
      int before = heads[at];
      while (next(before) != row) {
        before = next(before);
      }
      set(before, chainField, next(row));
    }
    set(row, chainField, free);
    free = row;
    size--;
  }

  private void link(int row) {
    int at = get(row, keyField) & (heads.length - 1);
    set(row, chainField, heads[at]);
    heads[at] = row;
  }

  private void spread() {
    int[] old = heads;
    heads = new int[2 * old.length];
    Arrays.fill(heads, NONE);
    for (int head : old) {
      for (int row = head; row != NONE; ) {
        int next = next(row);
        link(row);
        row = next;
      }
    }
  }
}
