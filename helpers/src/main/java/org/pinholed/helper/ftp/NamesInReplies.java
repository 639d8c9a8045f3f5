package org.pinholed.helper.ftp;

import org.pinholed.helper.text.LineView;

/**
 * Which replies may be text of somebody else: a file name that holds line feeds can end a reply
 * before its time and supply the next one.
 *
 * <p><b>The attack.</b> A client that may log in sends {@code STAT dir} and {@code PASV} in one
 * segment. A file of that directory is called {@code x<CRLF>213 End<CRLF>227 Entering Passive Mode
 * (server,port)<CRLF>...}. The honest server lists it, and the forged 227 opens a port of the
 * server that nobody meant.
 *
 * <p><b>The rule.</b> A 227 or 229 counts only if its PASV or EPSV was not sent while a reply was
 * outstanding that held names. Which replies do is decided by the command and by the text:
 *
 * <ul>
 *   <li>STAT, SITE, HELP, MLST, STOU and unknown commands: always.
 *   <li>Commands about one file or directory (CWD, PWD, MKD, SIZE ...): if the reply has more than
 *       one line, or if its line says something that a name may follow. {@code 250 Directory
 *       successfully changed.} and {@code 213 4711} hold no name. In {@code 257 "/pub" is the
 *       current directory} the name is over before the line is, since its quotation is (RFC 959
 *       appendix II: a quotation mark within the name is doubled). In {@code 250 Now in /pub} it is
 *       the last thing, and the next line may be the rest of it.
 *   <li>Transfers: their preliminary reply always, which names the file; other lines like those
 *       above.
 *   <li>What was sent during a transfer is perhaps never answered, so that its answer is the one of
 *       a later command: it is held against the text as well. The same goes for what comes while
 *       PASV waits and cannot be its answer.
 *   <li>After a resumption nobody knows what was outstanding: until a command that was sent since
 *       then is answered, all are in doubt.
 * </ul>
 *
 * <p>So CWD and PASV in one segment, as lftp sends them with {@code sync-mode off}, work wherever
 * the answer to CWD shows that it holds no name or a quoted one.
 *
 * <p><b>What is left.</b> A client that keeps its window so small that it stops the server within
 * the name can send its PASV between the two forged replies. To the reader of the wire nothing
 * tells this from an honest dialogue. What it gains: one port of that server, not below 1024 and
 * not denied, for that client, once.
 *
 * <p>Not thread-safe; owned by its flow.
 */
final class NamesInReplies {
  private final FtpState state;

  NamesInReplies(FtpState state) {
    this.state = state;
  }

  // Whether a command was sent while a reply that held names was outstanding.
  boolean isInDoubt(int number) {
    return number - state.doubtfulBelow < 0;
  }

  /** Holds text, a preliminary reply or the beginning of a multi-line reply against all sent. */
  void onUnfinished(LineView line, boolean preliminary) {
    OutstandingCommands commands = state.commands;
    if (commands.isEmpty()) {
      return;
    }
    FtpWord word = commands.peek();
    boolean holdsNames =
        switch (word.text()) {
          case FOREIGN -> true;
          case NAMES ->
              word.role() != FtpWord.Role.TRANSFER || preliminary || mayEndInName(line, true);
          case FIXED -> isSuspected(word) && mayEndInName(line, false);
        };
    if (holdsNames) {
      doubtAllSent();
    }
  }

  /**
   * Holds a final reply against all that was sent, before the command that it answers is taken
   * away.
   *
   * @param line behind the code; anywhere afterwards
   */
  void onFinal(LineView line) {
    FtpWord word = state.commands.peek();
    boolean holdsNames =
        switch (word.text()) {
          case FOREIGN -> true;
          case NAMES -> mayEndInName(line, true);
          case FIXED -> isSuspected(word) && mayEndInName(line, false);
        };
    if (holdsNames || state.resumedUnanswered) {
      doubtAllSent();
    }
    state.resumedUnanswered = false;
  }

  /** The same for a 227 or 229. */
  void onPassive() {
    if (!state.commands.peek().asksForPort() || state.resumedUnanswered) {
      doubtAllSent();
    }
    state.resumedUnanswered = false;
  }

  // Whether what comes now may belong to another command than the oldest one.
  private boolean isSuspected(FtpWord word) {
    return word.asksForPort() || state.commands.number() - state.danglingBelow < 0;
  }

  private void doubtAllSent() {
    state.doubtfulBelow = state.commands.nextNumber();
  }

  /**
   * Whether the text of a line may end within a name. It does not if it has no sign and no word
   * that names stand behind, or if all of what looks like one is within one pair of quotation
   * marks.
   *
   * @param line behind the code; at its end afterwards
   * @param byWords whether words and signs such as {@code is} and {@code :} lead to a name, too;
   *     they are found in fixed texts as well ({@code 200 Type set to I})
   */
  static boolean mayEndInName(LineView line, boolean byWords) {
    int quotes = 0;
    int word = 0;
    boolean led = false;
    boolean pathOutside = false;
    for (int character = ' '; character != LineView.END; line.advance()) {
      character = line.current();
      if (FtpWord.isLetter(character)) {
        word = (word << 8) | character | 0x20;
        continue;
      }
      led |= quotes == 0 && (leadsToName(word) || leads(character));
      word = 0;
      if (character == '"') {
        quotes++;
      } else {
        pathOutside |= quotes != 1 && isOfPath(character);
      }
    }
    return pathOutside || (quotes == 0 ? byWords && led : quotes != 2);
  }

  private static boolean isOfPath(int character) {
    return character == '/' || character == '\\' || character == '\'';
  }

  private static boolean leads(int character) {
    return character == ':' || character == '=' || character == '<';
  }

  // Short words in front of a name, packed one letter a byte.
  private static boolean leadsToName(int word) {
    return switch (word) {
      case ('t' << 8) | 'o',
          ('i' << 8) | 's',
          ('i' << 8) | 'n',
          ('a' << 8) | 's',
          ('a' << 8) | 't',
          ('o' << 8) | 'f',
          ('f' << 16) | ('o' << 8) | 'r',
          ('n' << 16) | ('o' << 8) | 'w' ->
          true;
      default -> false;
    };
  }
}
