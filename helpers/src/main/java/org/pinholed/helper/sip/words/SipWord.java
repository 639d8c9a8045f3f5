package org.pinholed.helper.sip.words;

import java.util.Arrays;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.HelperWord;

/** The methods of SIP, and the classes of its answers. */
public enum SipWord implements HelperWord {
  /** Begins a session, or changes one (RFC 3261). */
  INVITE("INVITE"),
  /** Confirms the final answer to an INVITE (RFC 3261). */
  ACK("ACK"),
  /** Ends a session (RFC 3261). */
  BYE("BYE"),
  /** Gives up a request (RFC 3261). */
  CANCEL("CANCEL"),
  /** Says where somebody can be reached (RFC 3261). */
  REGISTER("REGISTER"),
  /** Asks what the other side can do (RFC 3261). */
  OPTIONS("OPTIONS"),
  /** Confirms a provisional answer (RFC 3262). */
  PRACK("PRACK"),
  /** Changes a session, also before it is answered (RFC 3311). */
  UPDATE("UPDATE"),
  /** Asks for events (RFC 6665). */
  SUBSCRIBE("SUBSCRIBE"),
  /** Says an event (RFC 6665). */
  NOTIFY("NOTIFY"),
  /** Asks the other side to call somebody (RFC 3515). */
  REFER("REFER"),
  /** A text (RFC 3428). */
  MESSAGE("MESSAGE"),
  /** Something within a session (RFC 6086). */
  INFO("INFO"),
  /** Publishes a state (RFC 3903). */
  PUBLISH("PUBLISH"),
  /** Any other method. */
  OTHER("other"),

  /** A provisional answer. */
  ANSWER_1XX("1xx"),
  /** Success. */
  ANSWER_2XX("2xx"),
  /** A redirection. */
  ANSWER_3XX("3xx"),
  /** The request was refused. */
  ANSWER_4XX("4xx"),
  /** The server failed. */
  ANSWER_5XX("5xx"),
  /** Refused everywhere. */
  ANSWER_6XX("6xx");

  private static final SipWord[] METHODS =
      Arrays.stream(values())
          .filter(word -> !word.isAnswer() && word != OTHER)
          .toArray(SipWord[]::new);

  private final String word;
  private final boolean isAnswer;

  SipWord(String word) {
    this.word = word;
    this.isAnswer = word.endsWith("xx");
  }

  @Override
  public String word() {
    return word;
  }

  /**
   * Whether it is a class of answers.
   *
   * @return false for a method
   */
  public boolean isAnswer() {
    return isAnswer;
  }

  /**
   * The class of an answer.
   *
   * @param status 100..699
   * @return one of the answers
   */
  public static SipWord ofStatus(int status) {
    return switch (status / 100) {
      case 1 -> ANSWER_1XX;
      case 2 -> ANSWER_2XX;
      case 3 -> ANSWER_3XX;
      case 4 -> ANSWER_4XX;
      case 5 -> ANSWER_5XX;
      case 6 -> ANSWER_6XX;
      default -> throw new IllegalArgumentException("status: " + status + " (expected: 100..699)");
    };
  }

  /**
   * The method that is written somewhere. Capital letters count (RFC 3261 section 7.1).
   *
   * @param bytes where it is; the position and limit of the cursor are not used
   * @param from index of its first byte
   * @param to index behind its last byte
   * @return a method, {@link #OTHER} if it has no name here
   */
  public static SipWord ofMethod(ByteCursor bytes, int from, int to) {
    for (SipWord candidate : METHODS) {
      if (is(bytes, from, to, candidate.word)) {
        return candidate;
      }
    }
    return OTHER;
  }

  private static boolean is(ByteCursor bytes, int from, int to, String text) {
    if (to - from != text.length()) {
      return false;
    }
    for (int at = 0; at < text.length(); at++) {
      if (bytes.u8At(from + at) != text.charAt(at)) {
        return false;
      }
    }
    return true;
  }
}
