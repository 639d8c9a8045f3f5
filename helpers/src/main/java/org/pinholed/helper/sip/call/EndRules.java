package org.pinholed.helper.sip.call;

/**
 * BYE and its answers (RFC 3261 section 15).
 *
 * <table>
 * <caption>Answers to BYE</caption>
 * <tr><td>2xx, 408, 481</td><td>the dialog is over</td></tr>
 * <tr><td>401, 407 and other ones</td><td>the call goes on as if there had been no BYE</td></tr>
 * <tr><td>none within 32 s</td><td>the dialog is over</td></tr>
 * </table>
 */
final class EndRules {
  private static final int REQUEST_TIMEOUT = 408;
  private static final int NO_DIALOG = 481;

  private EndRules() {}

  static void request(Turn turn, Turn.Match match) {
    Dialog dialog = turn.dialog(match.index());
    long cseq = turn.message().cseq();
    Dialog.Bye bye = dialog.bye();
    boolean isCopy = bye != null && bye.ofCaller() == match.senderIsCaller() && cseq <= bye.cseq();
    if (dialog.isOpen() && !isCopy) {
      turn.set(
          match.index(),
          dialog.withBye(
              new Dialog.Bye(match.senderIsCaller(), cseq, turn.after(Turn.UNANSWERED))));
    }
  }

  static void answer(Turn turn, Turn.Match match) {
    CallMessage message = turn.message();
    Dialog dialog = turn.dialog(match.index());
    Dialog.Bye bye = dialog.bye();
    boolean isIts =
        dialog.isOpen()
            && bye != null
            && bye.ofCaller() != match.senderIsCaller()
            && bye.cseq() == message.cseq();
    if (!isIts || message.isProvisional()) {
      return;
    }
    boolean isOver =
        message.isSuccess() || message.status() == REQUEST_TIMEOUT || message.status() == NO_DIALOG;
    if (isOver) {
      turn.end(match.index(), Dialog.Phase.ENDED);
    } else {
      turn.set(match.index(), dialog.withBye(null));
    }
  }
}
