package org.pinholed.helper.sip.words;

import java.util.Arrays;
import java.util.Locale;
import org.pinholed.helper.ByteCursor;

/** The headers of SIP that are read here, with their compact forms. */
public enum SipHeader {
  /** The way that answers go back (RFC 3261 section 20.42). */
  VIA("Via", 'v', false),
  /** Where the sender wants to be reached (RFC 3261 section 20.10). */
  CONTACT("Contact", 'm', false),
  /** Proxies that stay on the way (RFC 3261 section 20.30). */
  RECORD_ROUTE("Record-Route", SipHeader.NO_COMPACT_FORM, false),
  /** Proxies through which the request is to go (RFC 3261 section 20.34). */
  ROUTE("Route", SipHeader.NO_COMPACT_FORM, false),
  /** Proxies on the way to who registers (RFC 3327). */
  PATH("Path", SipHeader.NO_COMPACT_FORM, false),
  /** Who is to be called (RFC 3515). */
  REFER_TO("Refer-To", 'r', false),
  /** Who sent the request (RFC 3261 section 20.20). */
  FROM("From", 'f', true),
  /** Whom the request is for (RFC 3261 section 20.39). */
  TO("To", 't', true),
  /** The name of the dialog or registration (RFC 3261 section 20.8). */
  CALL_ID("Call-ID", 'i', true),
  /** The number of the request in its dialog, and its method (RFC 3261 section 20.16). */
  CSEQ("CSeq", SipHeader.NO_COMPACT_FORM, true),
  /** Length of the body in bytes (RFC 3261 section 20.14). */
  CONTENT_LENGTH("Content-Length", 'l', true),
  /** What the body is (RFC 3261 section 20.15). */
  CONTENT_TYPE("Content-Type", 'c', true),
  /** How the body is packed (RFC 3261 section 20.12). */
  CONTENT_ENCODING("Content-Encoding", 'e', false),
  /** What the body is for (RFC 3261 section 20.11). */
  CONTENT_DISPOSITION("Content-Disposition", SipHeader.NO_COMPACT_FORM, true),
  /** How the bytes of a part of a body are written as text (RFC 2045 section 6). */
  CONTENT_TRANSFER_ENCODING("Content-Transfer-Encoding", SipHeader.NO_COMPACT_FORM, true),
  /** For how many seconds something is wanted or granted (RFC 3261 section 20.19). */
  EXPIRES("Expires", SipHeader.NO_COMPACT_FORM, true),
  /** When a session is over that is not refreshed (RFC 4028). */
  SESSION_EXPIRES("Session-Expires", 'x', true),
  /** Any other header; passes as it is. */
  OTHER("", SipHeader.NO_COMPACT_FORM, false);

  /** How many there are, OTHER included. */
  public static final int COUNT = values().length;

  private static final char NO_COMPACT_FORM = 0;
  private static final int LONGEST_NAME = 25;
  private static final int LETTERS = 26;

  /** By the length of the name; few are equally long, and those begin with different letters. */
  private static final SipHeader[][] BY_LENGTH = byLength();

  private static final SipHeader[] BY_COMPACT_FORM = byCompactForm();

  private final String name;
  private final String lowerCase;
  private final char compactForm;
  private final boolean isSingle;

  SipHeader(String name, char compactForm, boolean isSingle) {
    this.name = name;
    this.lowerCase = name.toLowerCase(Locale.ROOT);
    this.compactForm = compactForm;
    this.isSingle = isSingle;
  }

  /**
   * The long form of its name.
   *
   * @return for example {@code Record-Route}; empty for OTHER
   */
  public String text() {
    return name;
  }

  /**
   * A number of its own, for tables.
   *
   * @return 0 up to {@link #COUNT}, without it
   */
  @SuppressWarnings("EnumOrdinal") // for tables of one message, which nobody stores
  public int index() {
    return ordinal();
  }

  /**
   * Whether a message may have only one, with one value.
   *
   * @return false if it is a list, or nobody reads it
   */
  public boolean isSingle() {
    return isSingle;
  }

  /**
   * The header of a name, in capital letters or not.
   *
   * @param bytes where it is; the position and limit of the cursor are not used
   * @param from index of the first byte of the name
   * @param to index behind its last byte
   * @return {@link #OTHER} if it is none of the others
   */
  public static SipHeader of(ByteCursor bytes, int from, int to) {
    int length = to - from;
    if (length == 1) {
      int letter = (bytes.u8At(from) | 0x20) - 'a';
      return letter >= 0 && letter < LETTERS ? BY_COMPACT_FORM[letter] : OTHER;
    }
    if (length < 1 || length > LONGEST_NAME) {
      return OTHER;
    }
    for (SipHeader candidate : BY_LENGTH[length]) {
      if (candidate.isName(bytes, from)) {
        return candidate;
      }
    }
    return OTHER;
  }

  private boolean isName(ByteCursor bytes, int from) {
    for (int at = 0; at < lowerCase.length(); at++) {
      int octet = bytes.u8At(from + at);
      if ((octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet) != lowerCase.charAt(at)) {
        return false;
      }
    }
    return true;
  }

  private static SipHeader[][] byLength() {
    SipHeader[][] byLength = new SipHeader[LONGEST_NAME + 1][];
    for (int length = 0; length <= LONGEST_NAME; length++) {
      int wanted = length;
      byLength[length] =
          Arrays.stream(values())
              .filter(header -> header != OTHER && header.name.length() == wanted)
              .toArray(SipHeader[]::new);
    }
    return byLength;
  }

  private static SipHeader[] byCompactForm() {
    SipHeader[] byLetter = new SipHeader[LETTERS];
    Arrays.fill(byLetter, OTHER);
    for (SipHeader header : values()) {
      if (header.compactForm != NO_COMPACT_FORM) {
        byLetter[header.compactForm - 'a'] = header;
      }
    }
    return byLetter;
  }
}
