package org.pinholed.helper.ftp;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.text.LineView;

/**
 * Which reply answers which command, and what follows from it.
 *
 * <p><b>In step.</b> Every command line waits for one final reply; replies answer in order; 1xx
 * replies are preliminary and answer nothing. Real dialogues deviate, and are followed:
 *
 * <ul>
 *   <li>ABOR gets 426 for the transfer and 226 for itself, or 226 alone: if the next reply cannot
 *       be one to ABOR (not 225, 226, 426 or 5xx) it answers the command behind it;
 *   <li>some servers end a transfer twice: a 225, 226 or 426 never answers PORT, PASV, AUTH and the
 *       like, and after a transfer nobody is blamed for one that answers nothing;
 *   <li>PASV and EPSV are answered by 227, 229 or an error only. Another reply is one too many, or,
 *       if more commands wait, the answer to the next one;
 *   <li>commands that were sent during a transfer are perhaps never answered: a 227 or 229 that
 *       names a port answers the oldest PASV or EPSV, if only commands wait before it whose replies
 *       hold nothing of others;
 *   <li>an empty line is answered with 5xx or not at all;
 *   <li>421 may come at any time.
 * </ul>
 *
 * A client that waits for its replies comes into step again by itself after a reply too many.
 *
 * <p><b>AUTH.</b> When the server accepts it (232, 234, 235 or another 2xx, also to ADAT) the flow
 * is opaque for good, also if CCC should make it readable again: the kernel does not queue it any
 * more, so that a later clear part could not be read from its beginning. While the exchange goes on
 * (334, 335) and after it failed all is in clear text (RFC 2228 section 3). Where {@code
 * leaseNetworks} has the server, its passive ports are leased to the client then (RFC 4217).
 *
 * <p>Not thread-safe; owned by its flow.
 */
final class ControlDialogue {
  private static final int LETTERS_ALL = ('a' << 16) | ('l' << 8) | 'l';
  private static final int LETTERS_TLS = ('t' << 16) | ('l' << 8) | 's';
  private static final int LETTERS_SSL = ('s' << 16) | ('s' << 8) | 'l';

  private final FtpState state;
  private final OutstandingCommands commands;
  private final LineView line;
  private final Evidence evidence;
  private final NamesInReplies names;
  private final Announcer announcer;

  /**
   * Makes a dialogue.
   *
   * @param state what is remembered
   * @param line the view in which lines are handed over
   * @param evidence what proves that it is FTP
   * @param announcer what opens
   */
  ControlDialogue(FtpState state, LineView line, Evidence evidence, Announcer announcer) {
    this.state = state;
    this.commands = state.commands;
    this.line = line;
    this.evidence = evidence;
    this.names = new NamesInReplies(state);
    this.announcer = announcer;
  }

  /**
   * Takes a line of the client.
   *
   * @param verb its verb; the view stands behind it
   * @param offset where it began in the stream
   */
  void onCommand(FtpWord verb, long offset, OutcomeSink out) {
    state.commandSeen = true;
    line.skipSpaces();
    FtpWord word = verb == FtpWord.EPSV && letters() == LETTERS_ALL ? FtpWord.EPSV_ALL : verb;
    if (word != FtpWord.OTHER && word != FtpWord.EMPTY) {
      out.understood(word);
    }
    boolean wasBeyond = commands.isBeyond();
    boolean loginOutstanding = evidence.isLoginOutstanding();
    int number = commands.nextNumber();
    if (!commands.add(word)) {
      if (!wasBeyond) {
        out.report(FtpReason.TOO_MANY_OUTSTANDING, offset);
      }
      return;
    }
    switch (word) {
      case PORT, EPRT -> announcer.onActive(word, number, loginOutstanding, offset, out);
      case LPRT, LPSV -> out.report(FtpReason.LONG_FORM, offset);
      case EPSV_ALL -> state.epsvAll = true;
      case AUTH -> {
        int mechanism = letters();
        state.authIsTls = mechanism == LETTERS_TLS || mechanism == LETTERS_SSL;
      }
      default -> {
        if (word.role() == FtpWord.Role.TRANSFER) {
          announcer.onTransfer(out);
        }
      }
    }
  }

  // Reads up to three letters, in lower case.
  private int letters() {
    int packed = 0;
    for (int count = 0; count < 3 && FtpWord.isLetter(line.current()); count++) {
      packed = (packed << 8) | line.current() | 0x20;
      line.advance();
    }
    return packed;
  }

  /**
   * Takes a line of the server.
   *
   * @param complete false for the beginning of one that is too long: it keeps the step and opens
   *     nothing
   * @param offset where it began in the stream
   * @return why reading ends; null if it goes on
   */
  @Nullable FtpReason onReplyLine(boolean complete, long offset, OutcomeSink out) {
    int code = 0;
    for (int digits = 0; digits < 3; digits++) {
      if (!line.atDigit()) {
        names.onUnfinished(line, false); // text of a multi-line reply, or nothing known
        return null;
      }
      code = code * 10 + line.current() - '0';
      line.advance();
    }
    boolean last = line.current() == ' ' || line.current() == LineView.END;
    boolean within = state.multiLineCode != 0;
    if (within ? code != state.multiLineCode || !last : !last || code < 100) {
      if (!within && line.current() == '-' && code >= 100) {
        state.multiLineCode = code;
      }
      names.onUnfinished(line, false);
      return null;
    }
    state.multiLineCode = 0;
    HelperWord said = FtpWord.ofCode(code);
    if (said != null) {
      out.understood(said);
    }
    return onReply(code, complete, offset, out);
  }

  private @Nullable FtpReason onReply(int code, boolean complete, long offset, OutcomeSink out) {
    if (evidence.isGreeting(code)) {
      return null;
    }
    if (code < 200) {
      names.onUnfinished(line, true);
      return null;
    }
    boolean passive = complete && (code == 227 || code == 229);
    while (isLeftUnanswered(commands.peek(), code)) {
      commands.remove();
    }
    if (passive) {
      announcer.parsePassive(code);
      leaveUnansweredBeforePassive();
    }
    if (commands.isEmpty()) {
      if (!isExcused(code)) {
        out.report(FtpReason.REPLY_WITHOUT_COMMAND, offset);
      }
      return null;
    }
    FtpWord word = commands.peek();
    if (isOneTooMany(word, code)) {
      names.onUnfinished(line, false);
      if (!endsTransfer(code) && !isExcused(code)) {
        out.report(FtpReason.REPLY_WITHOUT_COMMAND, offset);
      }
      return null;
    }
    if (passive) {
      names.onPassive();
    } else {
      names.onFinal(line);
    }
    int number = commands.number();
    commands.remove();
    boolean transferEnded =
        word.role() == FtpWord.Role.TRANSFER || word.role() == FtpWord.Role.ABORT;
    if (transferEnded) {
      state.danglingBelow = commands.nextNumber();
    }
    state.afterTransfer = transferEnded;
    FtpReason ended = onAnswer(word, number, code, complete, offset, out);
    if (ended == null && passive) {
      announcer.onPassive(word, number, code, names.isInDoubt(number), offset, out);
    }
    return ended;
  }

  private @Nullable FtpReason onAnswer(
      FtpWord word, int number, int code, boolean complete, long offset, OutcomeSink out) {
    boolean positive = code < 300;
    evidence.onAnswer(word, code, out);
    switch (word) {
      case PORT, EPRT -> announcer.onActiveAnswered(number, positive, complete, offset, out);
      case AUTH, ADAT -> {
        if (positive) {
          announcer.onProtected(offset, out);
          return state.authIsTls ? FtpReason.TLS : FtpReason.AUTH_PROTECTED;
        }
      }
      case EPSV_ALL -> state.epsvAll = positive;
      case REIN -> {
        if (positive) {
          state.epsvAll = false;
          out.close(null, FtpHelper.KEY);
        }
      }
      default -> {}
    }
    return null;
  }

  // A 227 or 229 that names a port is an answer to PASV or EPSV; what was sent before it and has
  // no answer yet will get none. Not if that might be the text of which this line is a part.
  private void leaveUnansweredBeforePassive() {
    int number = commands.number();
    while (number != commands.nextNumber() && !commands.at(number).asksForPort()) {
      FtpWord word = commands.at(number);
      if (word.role() != FtpWord.Role.PLAIN || word.text() != FtpWord.Text.FIXED) {
        return;
      }
      number++;
    }
    if (number == commands.nextNumber() || !announcer.namesPort()) {
      return;
    }
    while (commands.number() != number) {
      commands.remove();
    }
  }

  // Whether a command goes without its reply, because it may and the reply is not one to it.
  private boolean isLeftUnanswered(FtpWord word, int code) {
    boolean negative = code >= 500;
    return switch (word) {
      case EMPTY -> !negative;
      case ABOR -> !negative && !endsTransfer(code) && commands.isMoreThanOne();
      case PASV, EPSV -> isNoAnswerToPassive(code) && answersNext(code);
      default -> false;
    };
  }

  // Whether a reply answers nothing although a command waits.
  private boolean isOneTooMany(FtpWord word, int code) {
    if (word.asksForPort()) {
      return isNoAnswerToPassive(code);
    }
    if (word == FtpWord.USER && code == 220) {
      return true; // some servers greet twice
    }
    boolean decides = word.role() == FtpWord.Role.CONTROL || word.role() == FtpWord.Role.SECURITY;
    return decides && endsTransfer(code);
  }

  private static boolean isNoAnswerToPassive(int code) {
    return code < 400 && (code < 227 || code > 229);
  }

  // Whether the command behind the oldest one waits for such a reply rather than that one.
  private boolean answersNext(int code) {
    int next = commands.number() + 1;
    return next - commands.nextNumber() < 0
        && commands.at(next).role() != FtpWord.Role.TRANSFER
        && !endsTransfer(code)
        && code != 250;
  }

  // Whether a reply that answers no command is one of those that do so in peace.
  private boolean isExcused(int code) {
    return code == 421
        || !state.commandSeen
        || (!state.greeted && code >= 400)
        || (state.afterTransfer && (endsTransfer(code) || code == 250 || code / 100 == 4));
  }

  private static boolean endsTransfer(int code) {
    return code == 225 || code == 226 || code == 426;
  }
}
