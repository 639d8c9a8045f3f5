package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import org.pinholed.helper.OwnerId;

/**
 * Names of calls and of their parties. They are made of the message alone, so that the next process
 * finds in the kernel what this one opened.
 */
public final class CallNames {
  /** Stands for no tag, no branch. */
  public static final long NONE = 0;

  static final int TAG_CHARACTERS = 10;
  static final int PLACE_CHARACTERS = 4;
  private static final int BITS_PER_CHARACTER = 6;
  private static final String DIGITS =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  private static final OwnerId.Digest CALLS = new OwnerId.Digest("sip call");
  private static final OwnerId.Digest TAGS = new OwnerId.Digest("sip tag");
  private static final OwnerId.Digest BRANCHES = new OwnerId.Digest("sip branch");
  private static final OwnerId.Digest PLACES = new OwnerId.Digest("sip place");

  private CallNames() {}

  /**
   * The owner of all that a call opens.
   *
   * @param callId the value of Call-ID
   * @return its name
   */
  public static OwnerId call(byte[] callId) {
    return CALLS.of(callId);
  }

  /**
   * Names a party of a call.
   *
   * @param tag the tag of From or To; empty if there is none
   * @return 60 bits; {@link #NONE} for an empty one
   */
  public static long tag(byte[] tag) {
    return tag.length == 0 ? NONE : TAGS.of(tag).high() >>> (64 - 60);
  }

  /**
   * Tells transactions apart (RFC 3261 section 17.1.3).
   *
   * @param branch the branch of the topmost Via; empty if there is none
   * @return {@link #NONE} for an empty one
   */
  public static long branch(byte[] branch) {
    return branch.length == 0 ? NONE : BRANCHES.of(branch).high();
  }

  /**
   * Names the way from one end of a flow to the other. A call that comes past twice, to a proxy
   * outside and back, has two of them.
   *
   * @param from the end that sends
   * @param to the other one
   * @return 24 bits
   */
  static int place(InetAddress from, InetAddress to) {
    return (int) (PLACES.of(from.getAddress(), to.getAddress()).high() >>> (64 - 24));
  }

  static String tagText(long tag) {
    return text(tag, TAG_CHARACTERS);
  }

  /** The tag that stands somewhere in a name; any number if none stands there. */
  static long tagOf(String name, int at) {
    long bits = 0;
    for (int character = at; character < at + TAG_CHARACTERS; character++) {
      int digit = DIGITS.indexOf(name.charAt(character)) & 63;
      bits = (bits << BITS_PER_CHARACTER) | digit;
    }
    return bits;
  }

  static String placeText(int place) {
    return text(place, PLACE_CHARACTERS);
  }

  private static String text(long bits, int characters) {
    char[] text = new char[characters];
    for (int at = 0; at < characters; at++) {
      int shift = BITS_PER_CHARACTER * (characters - 1 - at);
      text[at] = DIGITS.charAt((int) (bits >>> shift) & 63);
    }
    return new String(text);
  }
}
