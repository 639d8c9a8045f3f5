package org.pinholed.helper.ftp;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.HelperWord;

/** The commands and replies of FTP that have a name here. */
public enum FtpWord implements HelperWord {
  /** Who logs in (RFC 959). */
  USER(Role.PLAIN),
  /** The password; its argument is never looked at (RFC 959). */
  PASS(Role.PLAIN),
  /** The account; its argument is never looked at (RFC 959). */
  ACCT(Role.PLAIN),
  /** Changes the directory (RFC 959). */
  CWD(Role.PLAIN),
  /** Changes to the parent directory (RFC 959). */
  CDUP(Role.PLAIN),
  /** Mounts a structure (RFC 959). */
  SMNT(Role.PLAIN),
  /** Logs out (RFC 959). */
  QUIT(Role.PLAIN),
  /** Begins anew on the same connection (RFC 959). */
  REIN(Role.PLAIN),
  /** The client waits for the data connection at this IPv4 host-port (RFC 959). */
  PORT(Role.CONTROL),
  /** The server is to wait for the data connection (RFC 959). */
  PASV(Role.CONTROL),
  /** Representation type (RFC 959). */
  TYPE(Role.PLAIN),
  /** File structure (RFC 959). */
  STRU(Role.PLAIN),
  /** Transfer mode (RFC 959). */
  MODE(Role.PLAIN),
  /** Downloads (RFC 959). */
  RETR(Role.TRANSFER),
  /** Uploads (RFC 959). */
  STOR(Role.TRANSFER),
  /** Uploads under a new name (RFC 959). */
  STOU(Role.TRANSFER),
  /** Uploads to the end of a file (RFC 959). */
  APPE(Role.TRANSFER),
  /** Reserves room (RFC 959). */
  ALLO(Role.PLAIN),
  /** Where the next transfer begins (RFC 959). */
  REST(Role.PLAIN),
  /** Renames from (RFC 959). */
  RNFR(Role.PLAIN),
  /** Renames to (RFC 959). */
  RNTO(Role.PLAIN),
  /** Aborts a transfer; answered once or twice (RFC 959). */
  ABOR(Role.TRANSFER),
  /** Deletes a file (RFC 959). */
  DELE(Role.PLAIN),
  /** Removes a directory (RFC 959). */
  RMD(Role.PLAIN),
  /** Makes a directory (RFC 959). */
  MKD(Role.PLAIN),
  /** Says the directory (RFC 959). */
  PWD(Role.PLAIN),
  /** Lists for people (RFC 959). */
  LIST(Role.TRANSFER),
  /** Lists names (RFC 959). */
  NLST(Role.TRANSFER),
  /** Something of this server's own (RFC 959). */
  SITE(Role.PLAIN),
  /** Says the system (RFC 959). */
  SYST(Role.PLAIN),
  /** Says the status (RFC 959). */
  STAT(Role.PLAIN),
  /** Says what there is (RFC 959). */
  HELP(Role.PLAIN),
  /** Does nothing (RFC 959). */
  NOOP(Role.PLAIN),
  /** Asks for a security mechanism (RFC 2228, 4217). */
  AUTH(Role.CONTROL),
  /** Data of the security mechanism (RFC 2228). */
  ADAT(Role.PLAIN),
  /** Protection of data connections (RFC 2228). */
  PROT(Role.PLAIN),
  /** Size of protected blocks (RFC 2228). */
  PBSZ(Role.PLAIN),
  /** Ends protection of the control connection (RFC 2228). */
  CCC(Role.CONTROL),
  /** A command with integrity protection (RFC 2228). */
  MIC(Role.PLAIN),
  /** A confidential command (RFC 2228). */
  CONF(Role.PLAIN),
  /** A private command (RFC 2228). */
  ENC(Role.PLAIN),
  /** The client waits for the data connection at this address of either family (RFC 2428). */
  EPRT(Role.CONTROL),
  /** The server is to wait for the data connection at its own address (RFC 2428). */
  EPSV(Role.CONTROL),
  /** The long form of PORT (RFC 1639). */
  LPRT(Role.CONTROL),
  /** The long form of PASV (RFC 1639). */
  LPSV(Role.CONTROL),
  /** Lists extensions (RFC 2389). */
  FEAT(Role.PLAIN),
  /** Options of a command (RFC 2389). */
  OPTS(Role.PLAIN),
  /** Language of replies (RFC 2640). */
  LANG(Role.PLAIN),
  /** The virtual host (RFC 7151). */
  HOST(Role.PLAIN),
  /** Size of a file (RFC 3659). */
  SIZE(Role.PLAIN),
  /** Time of a file (RFC 3659). */
  MDTM(Role.PLAIN),
  /** Facts of one file (RFC 3659). */
  MLST(Role.PLAIN),
  /** Facts of the files of a directory (RFC 3659). */
  MLSD(Role.TRANSFER),
  /** EPSV ALL: from now on nothing but EPSV is used (RFC 2428 section 4). */
  EPSV_ALL("EPSV ALL", Role.CONTROL),
  /** A command that has no name here, or a line that is none. */
  OTHER("?", Role.PLAIN),
  /** An empty line; servers answer it with an error or not at all. */
  EMPTY("", Role.PLAIN),
  /** Ready in some minutes. */
  REPLY_120("120", Role.REPLY),
  /** The data connection is open, the transfer begins. */
  REPLY_125("125", Role.REPLY),
  /** The data connection is about to be opened. */
  REPLY_150("150", Role.REPLY),
  /** Done. */
  REPLY_200("200", Role.REPLY),
  /** System status or features. */
  REPLY_211("211", Role.REPLY),
  /** File status. */
  REPLY_213("213", Role.REPLY),
  /** System type. */
  REPLY_215("215", Role.REPLY),
  /** Ready; the greeting. */
  REPLY_220("220", Role.REPLY),
  /** Goodbye. */
  REPLY_221("221", Role.REPLY),
  /** The data connection is open, no transfer. */
  REPLY_225("225", Role.REPLY),
  /** The transfer is done. */
  REPLY_226("226", Role.REPLY),
  /** Passive, at this IPv4 host-port. */
  REPLY_227("227", Role.REPLY),
  /** Passive, in the long form (RFC 1639). */
  REPLY_228("228", Role.REPLY),
  /** Passive, at this port of the server (RFC 2428). */
  REPLY_229("229", Role.REPLY),
  /** Logged in. */
  REPLY_230("230", Role.REPLY),
  /** Logged in by the security exchange (RFC 2228). */
  REPLY_232("232", Role.REPLY),
  /** The security mechanism is accepted (RFC 2228). */
  REPLY_234("234", Role.REPLY),
  /** The file action is done. */
  REPLY_250("250", Role.REPLY),
  /** Path name. */
  REPLY_257("257", Role.REPLY),
  /** The password is wanted. */
  REPLY_331("331", Role.REPLY),
  /** The account is wanted. */
  REPLY_332("332", Role.REPLY),
  /** The security mechanism is accepted and wants data (RFC 2228). */
  REPLY_334("334", Role.REPLY),
  /** More is wanted. */
  REPLY_350("350", Role.REPLY),
  /** The server ends the connection. */
  REPLY_421("421", Role.REPLY),
  /** No data connection. */
  REPLY_425("425", Role.REPLY),
  /** The data connection was cut. */
  REPLY_426("426", Role.REPLY),
  /** The file action was not taken. */
  REPLY_450("450", Role.REPLY),
  /** The action was aborted. */
  REPLY_451("451", Role.REPLY),
  /** Not understood. */
  REPLY_500("500", Role.REPLY),
  /** Arguments not understood. */
  REPLY_501("501", Role.REPLY),
  /** Not implemented. */
  REPLY_502("502", Role.REPLY),
  /** Bad sequence of commands. */
  REPLY_503("503", Role.REPLY),
  /** Not implemented for this argument. */
  REPLY_504("504", Role.REPLY),
  /** Network protocol not supported (RFC 2428). */
  REPLY_522("522", Role.REPLY),
  /** Not logged in. */
  REPLY_530("530", Role.REPLY),
  /** The policy wants protection (RFC 2228). */
  REPLY_533("533", Role.REPLY),
  /** The policy denies the mechanism (RFC 2228). */
  REPLY_534("534", Role.REPLY),
  /** The file action was not taken for good. */
  REPLY_550("550", Role.REPLY);

  /** What a word is to the reading of the dialogue. */
  enum Role {
    /** A command that moves files or lists over a data connection, or ABOR, which ends one. */
    TRANSFER,
    /** A command that decides how the flow is read; never answered by the reply of a transfer. */
    CONTROL,
    /** Any other command. */
    PLAIN,
    /** A reply. */
    REPLY
  }

  private static final int VERB_LETTERS_MAX = 4;
  private static final int SLOTS = 256;
  private static final int HASH_MULTIPLIER = 0x9E3779B1;
  private static final int HASH_SHIFT = 24;
  private static final @Nullable FtpWord[] BY_VERB = new FtpWord[SLOTS];
  private static final @Nullable FtpWord[] BY_CODE = new FtpWord[1000];

  static {
    for (FtpWord word : values()) {
      if (word.role == Role.REPLY) {
        BY_CODE[Integer.parseInt(word.word)] = word;
      } else if (word.verb != 0) {
        int slot = slot(word.verb);
        while (BY_VERB[slot] != null) {
          slot = (slot + 1) % SLOTS;
        }
        BY_VERB[slot] = word;
      }
    }
  }

  private final String word;
  private final Role role;
  private final int verb;

  FtpWord(Role role) {
    this.word = name();
    this.role = role;
    int packed = 0;
    for (char letter : word.toLowerCase(Locale.ROOT).toCharArray()) {
      packed = pack(packed, letter);
    }
    this.verb = packed;
  }

  FtpWord(String word, Role role) {
    this.word = word;
    this.role = role;
    this.verb = 0;
  }

  @Override
  public String word() {
    return word;
  }

  Role role() {
    return role;
  }

  /**
   * Reads the verb of a command line.
   *
   * @param line at its first character; behind the verb afterwards if it is a known one
   * @return the word, {@link #OTHER} or {@link #EMPTY}; never EPSV_ALL
   */
  static FtpWord readVerb(LineView line) {
    if (line.current() == LineView.END) {
      return EMPTY;
    }
    int packed = 0;
    for (int letters = 0; isLetter(line.current()); letters++) {
      if (letters == VERB_LETTERS_MAX) {
        return OTHER;
      }
      packed = pack(packed, line.current());
      line.advance();
    }
    return line.current() == LineView.END || line.current() == ' ' ? ofVerb(packed) : OTHER;
  }

  // The word of a reply code 0..999, or null if it has no name here.
  static @Nullable FtpWord ofCode(int code) {
    return BY_CODE[code];
  }

  /** The word of a constant's name; null if there is none. */
  static @Nullable FtpWord ofName(String name) {
    for (FtpWord word : values()) {
      if (word.name().equals(name)) {
        return word;
      }
    }
    return null;
  }

  static boolean isLetter(int character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
  }

  private static FtpWord ofVerb(int verb) {
    int slot = slot(verb);
    @Nullable FtpWord found = BY_VERB[slot];
    while (found != null && found.verb != verb) {
      slot = (slot + 1) % SLOTS;
      found = BY_VERB[slot];
    }
    return found == null ? OTHER : found;
  }

  // Appends a letter to at most four, in lower case: setting bit 5 does it for ASCII letters.
  private static int pack(int packed, int letter) {
    return (packed << 8) | letter | 0x20;
  }

  private static int slot(int verb) {
    return (verb * HASH_MULTIPLIER) >>> HASH_SHIFT;
  }
}
