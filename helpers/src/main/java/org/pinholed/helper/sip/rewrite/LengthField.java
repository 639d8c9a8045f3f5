package org.pinholed.helper.sip.rewrite;

import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.Span;
import org.pinholed.helper.sip.words.SipField;
import org.pinholed.helper.sip.words.SipHeader;

/**
 * Makes Content-Length say the length of the body again (RFC 3261 section 20.14), and on a stream
 * keeps the length of the whole message where the grammar allows.
 *
 * <p>On a stream each change of length costs: the kernel must shift the sequence numbers behind it,
 * and the next change waits for its acknowledgement. A message that became shorter gets zeros
 * before the number, up to ten digits, and white space behind its colon. One that became longer
 * gives white space behind colons, only of lines that are changed anyway, and only if there is
 * enough of it; if not it stays as it is, because a change of length that is half as large costs
 * the same.
 */
public final class LengthField {
  /** More digits than that may be too many for readers that count before they convert. */
  private static final int DIGITS_MOST = 10;

  private LengthField() {}

  /**
   * Adds the edits that follow from those of a message.
   *
   * @param message the message
   * @param edits all other edits of it
   * @param keepsLength whether the message is to keep its length
   */
  public static void settle(SipMessage message, EditList edits, boolean keepsLength) {
    Span digits = message.contentLengthDigits();
    if (digits.isAbsent()) {
      return;
    }
    int bodyBytes = message.bodyEnd() - message.bodyStart();
    int bodyGrowth = edits.growth(message.bodyStart(), message.bodyEnd());
    String number = Integer.toString(bodyBytes + bodyGrowth);
    int width = digits.lengthBytes();
    boolean zeros = width > Integer.toString(bodyBytes).length();
    int least = zeros ? width : 0; // whoever wrote zeros gets as many digits as there were
    int growth =
        edits.growth(Integer.MIN_VALUE, Integer.MAX_VALUE)
            + Math.max(least, number.length())
            - width;
    if (!keepsLength || growth == 0) {
      put(edits, digits, padded(number, least), bodyGrowth != 0);
    } else if (growth < 0) {
      int most = Math.max(least, DIGITS_MOST);
      int length = Math.max(least, number.length()) - growth;
      String filled = padded(number, Math.min(most, length));
      put(edits, digits, " ".repeat(length - filled.length()) + filled, true);
    } else {
      // the zeros go first, then white space
      int fromZeros = Math.min(growth, Math.max(0, least - number.length()));
      boolean changed = bodyGrowth != 0 || fromZeros > 0;
      int number0 = message.firstLine(SipHeader.CONTENT_LENGTH);
      boolean enough =
          take(message, edits, changed ? number0 : SipMessage.NO_LINE, growth - fromZeros);
      put(edits, digits, padded(number, enough ? least - fromZeros : least), changed);
    }
  }

  private static void put(EditList edits, Span digits, String text, boolean changed) {
    if (changed) {
      edits.replace(digits.from(), digits.to(), text, SipField.CONTENT_LENGTH);
    }
  }

  private static String padded(String number, int length) {
    return "0".repeat(Math.max(0, length - number.length())) + number;
  }

  // Takes white space, one of each line last, from lines that change. All or none.
  private static boolean take(SipMessage message, EditList edits, int lengthLine, int neededBytes) {
    int blanks = 0;
    for (int line = 0; line < message.lineCount(); line++) {
      blanks += isChanged(message, edits, line, lengthLine) ? blanks(message, line) : 0;
    }
    if (blanks < neededBytes) {
      return false;
    }
    int spare = 0;
    for (int line = 0; line < message.lineCount(); line++) {
      if (isChanged(message, edits, line, lengthLine)) {
        spare += Math.max(0, blanks(message, line) - 1);
      }
    }
    int fromSpare = Math.min(neededBytes, spare);
    int fromLast = neededBytes - fromSpare;
    for (int line = 0; line < message.lineCount(); line++) {
      int there = isChanged(message, edits, line, lengthLine) ? blanks(message, line) : 0;
      int taken = Math.min(fromSpare, Math.max(0, there - 1));
      fromSpare -= taken;
      if (there > 0 && fromLast > 0) {
        fromLast--;
        taken++;
      }
      if (taken > 0) {
        int from = message.behindColon(line);
        edits.replace(from, from + taken, "", SipField.CONTENT_LENGTH);
      }
    }
    return true;
  }

  private static boolean isChanged(SipMessage message, EditList edits, int line, int lengthLine) {
    return line == lengthLine || edits.touches(message.lineFrom(line), message.lineTo(line));
  }

  private static int blanks(SipMessage message, int line) {
    return message.valueFrom(line) - message.behindColon(line);
  }
}
