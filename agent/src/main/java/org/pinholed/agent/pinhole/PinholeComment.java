package org.pinholed.agent.pinhole;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The comment of a pinhole: what a later agent, or an operator with nft(8), needs to know of it.
 * There is no other record of a pinhole (ADR 3: the kernel is the database).
 *
 * @param helper name of the helper
 * @param parentSerial conntrack id of the parent, 8 hex digits
 * @param clientPort port of the parent's client: with the addresses of the pinhole it tells parents
 *     with the same id apart
 * @param policyId the firewall policy that let the parent in
 * @param createdSeconds when it was announced, seconds since 1970
 * @param endsWithParent true if its timeout is a lease that is renewed while the parent lives
 * @param key the helper's key, 1..64 characters
 */
public record PinholeComment(
    String helper,
    String parentSerial,
    int clientPort,
    int policyId,
    long createdSeconds,
    boolean endsWithParent,
    String key) {
  private static final Pattern FORM =
      Pattern.compile(
          "helper=(\\S+) parent=([0-9a-f]{8}):(\\d{1,5}) policy=(\\d{1,9}) created=(\\d{1,12})"
              + " ends=(parent|timeout) key=(.{1,64})");

  /**
   * Reads a comment.
   *
   * @param comment the comment of an element
   * @return null if no agent wrote it
   */
  public static @Nullable PinholeComment parse(String comment) {
    Matcher form = FORM.matcher(comment);
    if (!form.matches()) {
      return null;
    }
    return new PinholeComment(
        form.group(1),
        form.group(2),
        Integer.parseInt(form.group(3)),
        Integer.parseInt(form.group(4)),
        Long.parseLong(form.group(5)),
        form.group(6).equals("parent"),
        form.group(7));
  }

  /**
   * Writes the comment.
   *
   * @return at most {@link Pinhole#MAX_COMMENT_BYTES} characters; a key that is too long is cut
   */
  public String text() {
    String text =
        "helper="
            + helper
            + " parent="
            + parentSerial
            + ":"
            + clientPort
            + " policy="
            + policyId
            + " created="
            + createdSeconds
            + " ends="
            + (endsWithParent ? "parent" : "timeout")
            + " key="
            + key;
    return text.substring(0, Math.min(text.length(), Pinhole.MAX_COMMENT_BYTES));
  }
}
