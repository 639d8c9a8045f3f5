package org.pinholed.helper;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.jspecify.annotations.Nullable;

/**
 * Names what outlives a flow and owns expectations: a dialog, a registration, a service of a server
 * for a client. The first 96 bits of a SHA-256 of what makes it one of its kind: nobody can choose
 * two that have the same name, and the names of people and calls cannot be read from it.
 *
 * <p>It is not keyed, because it stands in the kernel and must mean the same to the next process.
 *
 * @param high the first eight bytes, big-endian
 * @param low the four bytes behind them, big-endian
 */
public record OwnerId(long high, int low) implements Comparable<OwnerId> {
  /** How long {@link #text} is, in characters. */
  public static final int TEXT_LENGTH = 16;

  private static final String DIGITS =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  /** Makes names of one kind. Thread-safe: all flows of a protocol use the same one. */
  public static final class Digest {
    /** Half a kilobyte each: of the thread, because there are many flows and kinds. */
    private static final ThreadLocal<MessageDigest> SHA_256 = ThreadLocal.withInitial(Digest::make);

    private final byte[] kind;

    /**
     * Makes names of a kind: the same parts of another kind have another name.
     *
     * @param kind what the owners are, for example {@code sip dialog}
     */
    public Digest(String kind) {
      this.kind = kind.getBytes(StandardCharsets.UTF_8);
    }

    private static MessageDigest make() {
      try {
        return MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e); // every Java has it
      }
    }

    /**
     * The name of an owner.
     *
     * @param parts what makes it one of its kind, in an order of the helper's own
     * @return its name
     */
    public OwnerId of(byte[]... parts) {
      MessageDigest sha256 = SHA_256.get();
      sha256.reset();
      add(sha256, kind);
      for (byte[] part : parts) {
        add(sha256, part);
      }
      byte[] hash = sha256.digest();
      long high = 0;
      for (int at = 0; at < 8; at++) {
        high = high << 8 | (hash[at] & 0xff);
      }
      int low = 0;
      for (int at = 8; at < 12; at++) {
        low = low << 8 | (hash[at] & 0xff);
      }
      return new OwnerId(high, low);
    }

    /** With its length before it, so that no two lists of parts are the same bytes. */
    private static void add(MessageDigest sha256, byte[] part) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        sha256.update((byte) (part.length >> shift));
      }
      sha256.update(part);
    }
  }

  /**
   * The name as it stands in comments, events and listings.
   *
   * @return 16 characters of base64url (RFC 4648 section 5)
   */
  public String text() {
    char[] text = new char[TEXT_LENGTH];
    for (int at = 0; at < TEXT_LENGTH; at++) {
      text[at] = DIGITS.charAt(sixBits(90 - 6 * at));
    }
    return new String(text);
  }

  /** Six of the 96 bits, the lowest of them being bit {@code from}. */
  private int sixBits(int from) {
    if (from >= Integer.SIZE) {
      return (int) (high >>> (from - Integer.SIZE)) & 63;
    }
    long around = high << Integer.SIZE | Integer.toUnsignedLong(low);
    return (int) (around >>> from) & 63;
  }

  /**
   * Reads what {@link #text} wrote.
   *
   * @param text any text
   * @return null if it is no name
   */
  public static @Nullable OwnerId parse(String text) {
    if (text.length() != TEXT_LENGTH) {
      return null;
    }
    long high = 0;
    int low = 0;
    for (int at = 0; at < TEXT_LENGTH; at++) {
      int digit = DIGITS.indexOf(text.charAt(at));
      if (digit < 0) {
        return null;
      }
      // 96 bits, shifted to the left by six
      high = high << 6 | low >>> 26;
      low = low << 6 | digit;
    }
    return new OwnerId(high, low);
  }

  @Override
  public int compareTo(OwnerId other) {
    int order = Long.compareUnsigned(high, other.high);
    return order != 0 ? order : Integer.compareUnsigned(low, other.low);
  }

  @Override
  public String toString() {
    return text();
  }
}
