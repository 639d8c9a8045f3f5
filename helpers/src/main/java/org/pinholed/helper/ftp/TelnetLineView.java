package org.pinholed.helper.ftp;

import org.pinholed.helper.text.LineView;

/**
 * A control line without what telnet puts between the characters (RFC 854, RFC 959 section 3.1).
 *
 * <p>Skipped are CR, IAC with a command, IAC WILL/WONT/DO/DONT with its option, and IAC SB to IAC
 * SE. IAC IAC is the byte 255. An IAC before anything else is the byte 255 too, because clients
 * send Latin-1 file names without doubling it. For the same reason the line end always ends the
 * line, also in the middle of a sequence: otherwise such a name would swallow the lines behind it.
 */
final class TelnetLineView extends LineView {
  private static final int CR = 13;
  private static final int SE = 240;
  private static final int SB = 250;
  private static final int WILL = 251;
  private static final int IAC = 255;

  @Override
  public void advance() {
    int next = position();
    int end = end();
    while (next < end) {
      int octet = at(next++);
      if (octet == CR) {
        continue;
      }
      if (octet != IAC) {
        show(octet, next);
        return;
      }
      int command = next < end ? at(next) : 0;
      if (command < SE) {
        show(IAC, next);
        return;
      }
      next++;
      if (command == IAC) {
        show(IAC, next);
        return;
      }
      if (command == SB) {
        next = behindSubnegotiation(next, end);
      } else if (command >= WILL) {
        next++;
      }
    }
    show(END, next);
  }

  private int behindSubnegotiation(int from, int end) {
    int next = from;
    while (next < end) {
      if (at(next++) == IAC && next < end && at(next++) == SE) {
        break;
      }
    }
    return next;
  }
}
