package org.pinholed.helper.text;

import org.pinholed.helper.ByteCursor;

/**
 * The head of a message: a start line, header lines, and the empty line behind them (RFC 3261
 * section 7). First {@link #findEnd} until the head is there as a whole, then {@link #next} for
 * each of its lines.
 *
 * <p>A line ends with LF, with or without a CR before it, because receivers take both. A CR alone
 * ends none. A line that begins with a space or a tab belongs to the one before it, however many
 * there are.
 *
 * <p>Each byte is looked at a few times at most, also if the head comes byte by byte and is
 * presented from its start each time. Not thread-safe; one for each direction of a flow.
 */
public final class HeaderLines {
  /** The end of the head is not there yet. */
  public static final int NONE = -1;

  private static final int CR = '\r';
  private static final ByteCursor NOTHING = new ByteCursor();

  private ByteCursor bytes = NOTHING;

  /** How many bytes from the start of the head are known to be before its empty line. */
  private int scannedBytes;

  /** How many bytes of the line behind those are known to hold no line end. */
  private int unfinishedBytes;

  private int start;
  private int end;
  private int behind;
  private int headEnd;

  /** Makes one that stands before its first head. */
  public HeaderLines() {}

  /**
   * Looks for the end of a head. Of bytes that are presented again, because there was none, only
   * the new ones are looked at.
   *
   * @param bytes where the head is; its own position and limit are not used
   * @param from index of its first byte, the same byte as long as the answer is {@link #NONE}
   * @param limit index behind the last byte that came
   * @return index behind its empty line, or {@link #NONE} if that did not come yet
   */
  public int findEnd(ByteCursor bytes, int from, int limit) {
    int lineStart = from + scannedBytes;
    int scan = lineStart + unfinishedBytes;
    unfinishedBytes = 0;
    while (true) {
      int lineFeed = LineView.indexOfLineFeed(bytes, Math.min(scan, limit), limit);
      if (lineFeed < 0) {
        scannedBytes = lineStart - from;
        unfinishedBytes = Math.max(0, limit - lineStart);
        return NONE;
      }
      int length = lineFeed - lineStart;
      if (length == 0 || (length == 1 && bytes.u8At(lineStart) == CR)) {
        scannedBytes = 0;
        return lineFeed + 1;
      }
      lineStart = lineFeed + 1;
      scan = lineStart;
    }
  }

  /** Forgets what was scanned, for a head that is not waited for any more. */
  public void forget() {
    scannedBytes = 0;
    unfinishedBytes = 0;
  }

  /**
   * Begins with the lines of a head.
   *
   * @param source where the head is; its own position and limit are not used
   * @param from index of its first byte
   * @param endOffset index behind its empty line, or behind the last byte that counts
   * @return this, before the first line
   */
  public HeaderLines wrap(ByteCursor source, int from, int endOffset) {
    bytes = source;
    behind = from;
    headEnd = endOffset;
    return this;
  }

  /**
   * Goes to the next line that is not empty, with all that it goes on in.
   *
   * @return false if there is none: the empty line was reached, or the last byte
   */
  public boolean next() {
    start = behind;
    int lineFeed = LineView.indexOfLineFeed(bytes, start, headEnd);
    while (lineFeed >= 0 && lineFeed + 1 < headEnd && isBlank(bytes.u8At(lineFeed + 1))) {
      lineFeed = LineView.indexOfLineFeed(bytes, lineFeed + 1, headEnd);
    }
    behind = lineFeed < 0 ? headEnd : lineFeed + 1;
    end = lineFeed < 0 ? headEnd : lineFeed;
    if (lineFeed >= 0 && end > start && bytes.u8At(end - 1) == CR) {
      end--;
    }
    if (end == start) {
      behind = headEnd;
    }
    return end > start;
  }

  /**
   * Where the line begins.
   *
   * @return index of its first byte
   */
  public int start() {
    return start;
  }

  /**
   * Where the line ends.
   *
   * @return index of its line end, or behind its last byte if it has none
   */
  public int end() {
    return end;
  }

  /**
   * Where the line behind it begins.
   *
   * @return index behind its line end
   */
  public int behind() {
    return behind;
  }

  private static boolean isBlank(int octet) {
    return octet == ' ' || octet == '\t';
  }
}
