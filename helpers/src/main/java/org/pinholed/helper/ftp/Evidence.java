package org.pinholed.helper.ftp;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.OutcomeSink;

/**
 * What proves that a flow is FTP: the server's greeting, a first command of FTP, and a login that
 * the server accepted, each read in order from the first byte. Nothing is opened before.
 *
 * <p>The threat is a program that somebody made connect to a port that is read as FTP, and that
 * sends {@code PORT} lines of his choice (NAT slipstreaming, CVE-2022-2663). The server is his, so
 * that replies alone prove nothing; he does not choose how the program begins, which {@link
 * FirstLine} looks at.
 *
 * <p>Greeting: 220, or 200 if USER or PASS are then answered by 331 or 230. Login: a 2xx that
 * answers USER, PASS or ACCT in step: 230, 202, 232. With {@code requireLogin: false}, for devices
 * that have none: the first command of FTP that is answered 2xx or 3xx. REIN undoes it (RFC 959
 * section 4.1.1). Another USER does not: who is logged in is the server's affair, that it is FTP is
 * known.
 *
 * <p>A resumed flow was proven before. Not thread-safe; owned by its flow.
 */
final class Evidence {
  private final FtpState state;
  private final boolean requiresLogin;

  Evidence(FtpState state, boolean requiresLogin) {
    this.state = state;
    this.requiresLogin = requiresLogin;
  }

  // Whether a final reply is the greeting; then it answers nothing.
  boolean isGreeting(int code) {
    if (state.greeted) {
      return false;
    }
    if (code == 220) {
      state.greeted = true;
      return true;
    }
    if (code == 200 && !state.greetedBy200) {
      state.greetedBy200 = true;
      return true;
    }
    return false;
  }

  /** Takes the reply that answers a command in step. */
  void onAnswer(FtpWord word, int code, OutcomeSink out) {
    boolean login = word == FtpWord.USER || word == FtpWord.PASS || word == FtpWord.ACCT;
    if (login && state.greetedBy200 && (code == 230 || code == 331)) {
      state.greeted = true;
    }
    if (word == FtpWord.REIN && code < 300) {
      state.loggedIn = false;
      return;
    }
    boolean accepted =
        requiresLogin
            ? login && code < 300
            : code < 400 && word != FtpWord.OTHER && word != FtpWord.EMPTY;
    if (state.greeted && accepted) {
      state.loggedIn = true;
      if (!state.proven) {
        state.proven = true;
        out.proven();
      }
    }
  }

  // What is missing for an announcement to count now; null if nothing is.
  @Nullable FtpReason missing() {
    if (!state.greeted) {
      return FtpReason.NO_GREETING;
    }
    return state.loggedIn ? null : FtpReason.NO_LOGIN;
  }

  /**
   * What makes it useless to wait for the reply to PORT or EPRT.
   *
   * @param loginOutstanding what {@link #isLoginOutstanding} said before the command
   * @return null if nothing is missing, or if a login that was sent before it may still be accepted
   */
  @Nullable FtpReason missingForGood(boolean loginOutstanding) {
    if (!state.greeted && !(state.greetedBy200 && loginOutstanding)) {
      return FtpReason.NO_GREETING;
    }
    return state.loggedIn || !requiresLogin || loginOutstanding ? null : FtpReason.NO_LOGIN;
  }

  // Whether a command waits whose answer decides who is logged in, or how the flow is read.
  boolean isLoginOutstanding() {
    OutstandingCommands commands = state.commands;
    for (int number = commands.number(); number != commands.nextNumber(); number++) {
      if (commands.at(number).decidesLogin()) {
        return true;
      }
    }
    return false;
  }
}
