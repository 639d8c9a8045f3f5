package org.pinholed.helper.text;

/**
 * A header line that may go on in the next one: a line end with the spaces and tabs behind it is
 * one space (RFC 3261 section 7.3.1, RFC 5322 section 2.2.3). Spans keep the bytes as they came.
 *
 * <p>Whoever wraps it has found out where the line ends: {@link HeaderLines} does.
 */
public final class FoldedLineView extends LineView {
  private static final int LF = '\n';
  private static final int CR = '\r';

  /** Makes a view of an empty line; see {@link #wrap}. */
  public FoldedLineView() {}

  @Override
  public void advance() {
    int next = position();
    if (next < end()) {
      int octet = at(next);
      if (octet != CR && octet != LF) { // nearly all: this is what a message costs
        show(octet, next + 1);
        return;
      }
    }
    int behind = behindLineEnd(next);
    if (behind == next) {
      super.advance();
      return;
    }
    while (behind > next) {
      next = behind;
      while (next < end() && isBlank(at(next))) {
        next++;
      }
      behind = behindLineEnd(next);
    }
    show(' ', next);
  }

  // Index behind the line end at an index; that index itself if there is none.
  private int behindLineEnd(int index) {
    int next = index;
    if (next + 1 < end() && at(next) == CR) {
      next++;
    }
    return next < end() && at(next) == LF ? next + 1 : index;
  }

  private static boolean isBlank(int octet) {
    return octet == ' ' || octet == '\t';
  }
}
