package org.pinholed.helper.ftp;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered of one FTP control connection, and how that is written down for another
 * process. Arguments of commands are not part of it, so no password is.
 *
 * <p>Plain fields that the parts of {@link FtpHelper} share. Not thread-safe; owned by its flow.
 */
final class FtpState {
  /** Goes up with every change of the form; a text of another version is not understood. */
  private static final String VERSION = "ftp2";

  private static final int FIELDS = 6;

  /** The commands that wait for their replies. */
  final OutstandingCommands commands = new OutstandingCommands();

  /** Where the reading of the client's lines stands. */
  final Side client = new Side();

  /** Where the reading of the server's lines stands. */
  final Side server = new Side();

  /** Whether the server has greeted. */
  boolean greeted;

  /** Whether it greeted with 200, which counts when the login is answered as FTP does it. */
  boolean greetedBy200;

  /** Whether a login was accepted, or whatever {@link Evidence} takes in its place. */
  boolean loggedIn;

  /** Whether the sink was told that the evidence is complete. */
  boolean proven;

  /** Whether a command was seen since the reading began, or all are seen anyway. */
  boolean commandSeen;

  /** Whether the client said EPSV ALL. */
  boolean epsvAll;

  /** Whether the mechanism of the last AUTH was TLS. */
  boolean authIsTls;

  /** Whether PORT or EPRT waits for its reply. */
  boolean announced;

  /** Whether what it announced is open already. */
  boolean announcedOpen;

  /** Whether nothing but its own reply may open it. */
  boolean announcedByReplyOnly;

  /** The number of that command. */
  int announcedNumber;

  /** Whether the last command that was answered was one that ends with 226. */
  boolean afterTransfer;

  /** Commands below this number were sent during a transfer; perhaps they are never answered. */
  int danglingBelow;

  /** Answers to commands below this number may be text of others: see {@link NamesInReplies}. */
  int doubtfulBelow;

  /** Whether it is resumed, and nothing that was sent since then is answered yet. */
  boolean resumedUnanswered;

  /** The code of the multi-line reply that is being read; 0 for none. */
  int multiLineCode;

  /** Where the reading of a direction stands. */
  static final class Side {
    /** How many bytes of the unfinished line are known to hold no line end. */
    int scannedBytes;

    /** Whether all is skipped to the next line end. */
    boolean skipping;

    /** Whether the next line is the first one. */
    boolean firstLine = true;
  }

  /**
   * The fields: version, flags, code of the multi-line reply, then three numbers of commands,
   * counted from the oldest one that waits (the announcing one, and the two bounds), then the
   * commands that wait.
   *
   * @return text for {@link #restore}; empty if more commands wait than are remembered
   */
  String snapshot() {
    if (commands.isBeyond()) {
      return "";
    }
    StringBuilder text = new StringBuilder(VERSION).append(' ');
    for (boolean flag : flags()) {
      text.append(flag ? '1' : '0');
    }
    text.append(' ').append(multiLineCode);
    text.append(' ').append(announced ? fromOldest(announcedNumber) : 0);
    text.append(' ').append(fromOldest(danglingBelow));
    text.append(' ').append(fromOldest(doubtfulBelow));
    for (int number = commands.number(); number != commands.nextNumber(); number++) {
      text.append(' ').append(commands.at(number).name());
    }
    return text.toString();
  }

  // Older ones than the oldest are all the same: a bound below it concerns nobody any more.
  private int fromOldest(int number) {
    return Math.max(-1, number - commands.number());
  }

  private boolean[] flags() {
    return new boolean[] {
      greeted,
      greetedBy200,
      loggedIn,
      proven,
      commandSeen,
      epsvAll,
      authIsTls,
      announced,
      announcedOpen,
      announcedByReplyOnly,
      afterTransfer,
      resumedUnanswered,
      client.skipping,
      client.firstLine,
      server.skipping,
      server.firstLine
    };
  }

  /**
   * Takes over what another process wrote down. Only before the first byte is read.
   *
   * @param snapshot what {@link #snapshot} said, or anything else
   * @return false if it is not understood; then nothing changed
   */
  boolean restore(String snapshot) {
    String[] fields = snapshot.split(" ", -1);
    if (fields.length < FIELDS
        || fields.length > FIELDS + OutstandingCommands.MAX
        || !fields[0].equals(VERSION)
        || !fields[1].matches("[01]{16}")
        || !fields[2].matches("[0-9]{1,3}")
        || !fields[3].matches("-1|[0-9]{1,2}")
        || !fields[4].matches("-1|[0-9]{1,2}")
        || !fields[5].matches("-1|[0-9]{1,2}")) {
      return false;
    }
    List<FtpWord> words = new ArrayList<>();
    for (int at = FIELDS; at < fields.length; at++) {
      @Nullable FtpWord word = FtpWord.ofName(fields[at]);
      if (word == null || word.role() == FtpWord.Role.REPLY) {
        return false;
      }
      words.add(word);
    }
    restoreFlags(fields[1]);
    multiLineCode = Integer.parseInt(fields[2]);
    announcedNumber = commands.number() + Integer.parseInt(fields[3]);
    danglingBelow = commands.number() + Integer.parseInt(fields[4]);
    doubtfulBelow = commands.number() + Integer.parseInt(fields[5]);
    words.forEach(commands::add);
    return true;
  }

  private void restoreFlags(String flags) {
    int at = 0;
    greeted = flags.charAt(at++) == '1';
    greetedBy200 = flags.charAt(at++) == '1';
    loggedIn = flags.charAt(at++) == '1';
    proven = flags.charAt(at++) == '1';
    commandSeen = flags.charAt(at++) == '1';
    epsvAll = flags.charAt(at++) == '1';
    authIsTls = flags.charAt(at++) == '1';
    announced = flags.charAt(at++) == '1';
    announcedOpen = flags.charAt(at++) == '1';
    announcedByReplyOnly = flags.charAt(at++) == '1';
    afterTransfer = flags.charAt(at++) == '1';
    resumedUnanswered = flags.charAt(at++) == '1';
    client.skipping = flags.charAt(at++) == '1';
    client.firstLine = flags.charAt(at++) == '1';
    server.skipping = flags.charAt(at++) == '1';
    server.firstLine = flags.charAt(at) == '1';
  }
}
