package org.pinholed.agent.pinhole;

import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.OwnerId;

/**
 * The comment of a pinhole: what a later agent, or an operator with nft(8), needs to know of it.
 * There is no other record of a pinhole (ADR 3: the kernel is the database).
 *
 * <p>It has room for 128 bytes, so it is written without names of fields: {@code 2 ftp 1a2b3c4dc822
 * p19 t3k8p0 f - data}. That is its version; the helper; the parent's serial and the port of its
 * client, together twelve hex digits; the policy; when it was announced, in seconds since 1970; how
 * long it stays, with {@code #} and a number behind it if only so many connections may come, or
 * {@code .} (or {@code !}, if its children end then) and the time that an owner has which is found
 * and of which nothing lasts; its owner; its group, and its item behind that if it has one. The
 * policy, the time, the number and all durations are in base 36, durations in seconds.
 *
 * @param helper name of the helper, at most 12 characters
 * @param parentSerial conntrack id of the parent, 8 hex digits
 * @param clientPort port of the parent's client: with the addresses of the pinhole it tells parents
 *     with the same id apart
 * @param policyId the firewall policy that let the parent in
 * @param createdSeconds when it was announced last, seconds since 1970
 * @param stay how long it stays from then on; of a fixed time and a deadline the kernel knows the
 *     rest, and they are 0 here
 * @param connections how many connections may come, or may still come, of {@link
 *     Pinhole.Kind#LEASE} only; 0 for any number
 * @param owner who it belongs to; null for its parent
 * @param group the helper's group, 1..46 characters
 * @param item the helper's item, together with the group at most 46 characters, of a range of ports
 *     at most 41
 */
public record PinholeComment(
    String helper,
    String parentSerial,
    int clientPort,
    int policyId,
    long createdSeconds,
    Stay stay,
    int connections,
    @Nullable OwnerId owner,
    String group,
    String item) {
  /** The longest name of a helper. */
  public static final int HELPER_LENGTH = 12;

  private static final int BASE = 36;

  /** Before how long a provisional owner lives if it is found, if its children end with it then. */
  private static final char CUT = '!';

  private static final String NUMBER = "[0-9a-z]{1,7}";
  private static final Pattern FORM =
      Pattern.compile(
          "2 (\\S{1,12}) ([0-9a-f]{8})([0-9a-f]{4}) p("
              + NUMBER
              + ") t("
              + NUMBER
              + ") ([fu]|o(?:"
              + NUMBER
              + "(?:[.!]"
              + NUMBER
              + ")?)?|i"
              + NUMBER
              + "\\."
              + NUMBER
              + "\\."
              + NUMBER
              + ")(?:#("
              + NUMBER
              + "))? (-|\\S{16}) (\\S{1,46})(?: (\\S{1,8}))?");

  /**
   * Reads a comment.
   *
   * @param comment the comment of an element
   * @return null if no agent of this version wrote it
   */
  public static @Nullable PinholeComment parse(String comment) {
    Matcher form = FORM.matcher(comment);
    if (!form.matches()) {
      return null;
    }
    OwnerId owner = OwnerId.parse(form.group(8));
    long policy = number(form.group(4));
    long connections = form.group(7) == null ? 0 : number(form.group(7));
    if ((owner == null && !form.group(8).equals("-"))
        || policy > Integer.MAX_VALUE
        || connections > Pinhole.MAX_CONNECTIONS) {
      return null;
    }
    String item = form.group(10);
    return new PinholeComment(
        form.group(1),
        form.group(2),
        Integer.parseInt(form.group(3), 16),
        (int) policy,
        number(form.group(5)),
        stay(form.group(6)),
        (int) connections,
        owner,
        form.group(9),
        item == null ? "" : item);
  }

  /**
   * The same comment for another item of the same owner.
   *
   * @param newGroup its group, together with the item at most 46 characters
   * @param newItem its item
   * @return a copy
   */
  public PinholeComment withPlace(String newGroup, String newItem) {
    return new PinholeComment(
        helper,
        parentSerial,
        clientPort,
        policyId,
        createdSeconds,
        stay,
        connections,
        owner,
        newGroup,
        newItem);
  }

  /**
   * The same comment for another time.
   *
   * @param newStay how long it stays
   * @return a copy
   */
  public PinholeComment withStay(Stay newStay) {
    return new PinholeComment(
        helper,
        parentSerial,
        clientPort,
        policyId,
        createdSeconds,
        newStay,
        connections,
        owner,
        group,
        item);
  }

  /**
   * The same comment for another number of connections.
   *
   * @param newConnections how many may come, 0..65535; 0 for any number
   * @return a copy
   */
  public PinholeComment withConnections(int newConnections) {
    return new PinholeComment(
        helper,
        parentSerial,
        clientPort,
        policyId,
        createdSeconds,
        stay,
        newConnections,
        owner,
        group,
        item);
  }

  private static long number(String text) {
    return Long.parseLong(text, BASE);
  }

  private static Stay stay(String text) {
    String[] seconds = text.substring(1).split("[.!]", -1);
    return switch (text.charAt(0)) {
      case 'f' -> new Stay(Stay.Kind.TIMEOUT, 0, 0, 0, 0);
      case 'u' -> new Stay(Stay.Kind.DEADLINE, 0, 0, 0, 0);
      case 'o' ->
          new Stay(
              Stay.Kind.OWNER,
              0,
              0,
              0,
              seconds[0].isEmpty() ? 0 : 1000 * number(seconds[0]),
              seconds.length == 1 ? 0 : 1000 * number(seconds[1]),
              text.indexOf(CUT) > 0);
      default ->
          new Stay(
              Stay.Kind.IDLE,
              0,
              1000 * number(seconds[0]),
              1000 * number(seconds[1]),
              1000 * number(seconds[2]));
    };
  }

  private static String text(Stay stay) {
    String letter = String.valueOf(stay.kind().letter());
    return switch (stay.kind()) {
      case TIMEOUT, DEADLINE -> letter;
      case OWNER ->
          (stay.longestMs() == 0 ? letter : letter + seconds(stay.longestMs()))
              + (stay.isProvisional()
                  ? (stay.cutsProvisional() ? CUT : '.') + seconds(stay.provisionalMs())
                  : "");
      case IDLE ->
          letter
              + seconds(stay.firstMs())
              + "."
              + seconds(stay.idleMs())
              + "."
              + seconds(stay.longestMs());
    };
  }

  /** Not less than it was. */
  private static String seconds(long ms) {
    return Long.toString((ms + 999) / 1000, BASE);
  }

  /**
   * Writes the comment.
   *
   * @return at most {@link Pinhole#MAX_COMMENT_BYTES} characters
   */
  public String text() {
    return "2 "
        + helper
        + " "
        + parentSerial
        + HexFormat.of().toHexDigits((short) clientPort)
        + " p"
        + Integer.toString(policyId, BASE)
        + " t"
        + Long.toString(createdSeconds, BASE)
        + " "
        + text(stay)
        + (connections == 0 ? "" : "#" + Integer.toString(connections, BASE))
        + " "
        + (owner == null ? "-" : owner.text())
        + " "
        + group
        + (item.isEmpty() ? "" : " " + item);
  }
}
