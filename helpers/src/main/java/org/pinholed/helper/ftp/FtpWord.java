package org.pinholed.helper.ftp;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.text.LineView;

/** The commands and replies of FTP that have a name here. */
public enum FtpWord implements HelperWord {
  /** Who logs in (RFC 959). */
  USER(Role.LOGIN),
  /** The password; its argument is never looked at (RFC 959). */
  PASS(Role.LOGIN),
  /** The account; its argument is never looked at (RFC 959). */
  ACCT(Role.LOGIN),
  /** Changes the directory (RFC 959). */
  CWD(Role.PLAIN, Text.NAMES),
  /** Changes to the parent directory (RFC 959). */
  CDUP(Role.PLAIN, Text.NAMES),
  /** Mounts a structure (RFC 959). */
  SMNT(Role.PLAIN, Text.NAMES),
  /** Logs out (RFC 959). */
  QUIT(Role.PLAIN),
  /** Begins anew on the same connection (RFC 959). */
  REIN(Role.LOGIN),
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
  RETR(Role.TRANSFER, Text.NAMES),
  /** Uploads (RFC 959). */
  STOR(Role.TRANSFER, Text.NAMES),
  /** Uploads under a new name (RFC 959). */
  STOU(Role.TRANSFER, Text.FOREIGN),
  /** Uploads to the end of a file (RFC 959). */
  APPE(Role.TRANSFER, Text.NAMES),
  /** Reserves room (RFC 959). */
  ALLO(Role.PLAIN),
  /** Where the next transfer begins (RFC 959). */
  REST(Role.PLAIN),
  /** Renames from (RFC 959). */
  RNFR(Role.PLAIN, Text.NAMES),
  /** Renames to (RFC 959). */
  RNTO(Role.PLAIN, Text.NAMES),
  /** Aborts a transfer; answered once or twice (RFC 959). */
  ABOR(Role.ABORT),
  /** Deletes a file (RFC 959). */
  DELE(Role.PLAIN, Text.NAMES),
  /** Removes a directory (RFC 959). */
  RMD(Role.PLAIN, Text.NAMES),
  /** Makes a directory (RFC 959). */
  MKD(Role.PLAIN, Text.NAMES),
  /** Says the directory (RFC 959). */
  PWD(Role.PLAIN, Text.NAMES),
  /** Lists for people (RFC 959). */
  LIST(Role.TRANSFER, Text.NAMES),
  /** Lists names (RFC 959). */
  NLST(Role.TRANSFER, Text.NAMES),
  /** Something of this server's own (RFC 959). */
  SITE(Role.PLAIN, Text.FOREIGN),
  /** Says the system (RFC 959). */
  SYST(Role.PLAIN),
  /** Says the status (RFC 959). */
  STAT(Role.PLAIN, Text.FOREIGN),
  /** Says what there is (RFC 959). */
  HELP(Role.PLAIN, Text.FOREIGN),
  /** Does nothing (RFC 959). */
  NOOP(Role.PLAIN),
  /** Asks for a security mechanism (RFC 2228, 4217). */
  AUTH(Role.SECURITY),
  /** Data of the security mechanism (RFC 2228). */
  ADAT(Role.SECURITY),
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
  SIZE(Role.PLAIN, Text.NAMES),
  /** Time of a file (RFC 3659). */
  MDTM(Role.PLAIN, Text.NAMES),
  /** Facts of one file (RFC 3659). */
  MLST(Role.PLAIN, Text.FOREIGN),
  /** Facts of the files of a directory (RFC 3659). */
  MLSD(Role.TRANSFER, Text.NAMES),
  /** The old form of CWD (RFC 775). */
  XCWD(Role.PLAIN, Text.NAMES),
  /** The old form of CDUP (RFC 775). */
  XCUP(Role.PLAIN, Text.NAMES),
  /** The old form of PWD (RFC 775). */
  XPWD(Role.PLAIN, Text.NAMES),
  /** The old form of MKD (RFC 775). */
  XMKD(Role.PLAIN, Text.NAMES),
  /** The old form of RMD (RFC 775). */
  XRMD(Role.PLAIN, Text.NAMES),
  /** Sets the time of a file (draft-somers-ftp-mfxx). */
  MFMT(Role.PLAIN, Text.NAMES),
  /** Sets the creation time of a file (draft-somers-ftp-mfxx). */
  MFCT(Role.PLAIN, Text.NAMES),
  /** Sets facts of a file (draft-somers-ftp-mfxx). */
  MFF(Role.PLAIN, Text.NAMES),
  /** Digest of a file (draft-bryan-ftpext-hash). */
  HASH(Role.PLAIN, Text.FOREIGN),
  /** Part of a file that is meant next (draft-bryan-ftp-range). */
  RANG(Role.PLAIN),
  /** Says what client this is; some clients send it before they log in. */
  CLNT(Role.PLAIN),
  /** Client and server say what they are; some clients send it before they log in. */
  CSID(Role.PLAIN),
  /** EPSV ALL: from now on nothing but EPSV is used (RFC 2428 section 4). */
  EPSV_ALL("EPSV ALL", Role.CONTROL, Text.FIXED),
  /** A command that has no name here, or a line that is none. */
  OTHER("?", Role.PLAIN, Text.FOREIGN),
  /** An empty line; servers answer it with an error or not at all. */
  EMPTY("", Role.PLAIN, Text.FIXED),
  /** Ready in some minutes. */
  REPLY_120("120", Role.REPLY, Text.FIXED),
  /** The data connection is open, the transfer begins. */
  REPLY_125("125", Role.REPLY, Text.FIXED),
  /** The data connection is about to be opened. */
  REPLY_150("150", Role.REPLY, Text.FIXED),
  /** Done. */
  REPLY_200("200", Role.REPLY, Text.FIXED),
  /** System status or features. */
  REPLY_211("211", Role.REPLY, Text.FIXED),
  /** File status. */
  REPLY_213("213", Role.REPLY, Text.FIXED),
  /** System type. */
  REPLY_215("215", Role.REPLY, Text.FIXED),
  /** Ready; the greeting. */
  REPLY_220("220", Role.REPLY, Text.FIXED),
  /** Goodbye. */
  REPLY_221("221", Role.REPLY, Text.FIXED),
  /** The data connection is open, no transfer. */
  REPLY_225("225", Role.REPLY, Text.FIXED),
  /** The transfer is done. */
  REPLY_226("226", Role.REPLY, Text.FIXED),
  /** Passive, at this IPv4 host-port. */
  REPLY_227("227", Role.REPLY, Text.FIXED),
  /** Passive, in the long form (RFC 1639). */
  REPLY_228("228", Role.REPLY, Text.FIXED),
  /** Passive, at this port of the server (RFC 2428). */
  REPLY_229("229", Role.REPLY, Text.FIXED),
  /** Logged in. */
  REPLY_230("230", Role.REPLY, Text.FIXED),
  /** Logged in by the security exchange (RFC 2228). */
  REPLY_232("232", Role.REPLY, Text.FIXED),
  /** The security mechanism is accepted (RFC 2228). */
  REPLY_234("234", Role.REPLY, Text.FIXED),
  /** The file action is done. */
  REPLY_250("250", Role.REPLY, Text.FIXED),
  /** Path name. */
  REPLY_257("257", Role.REPLY, Text.FIXED),
  /** The password is wanted. */
  REPLY_331("331", Role.REPLY, Text.FIXED),
  /** The account is wanted. */
  REPLY_332("332", Role.REPLY, Text.FIXED),
  /** The security mechanism is accepted and wants data (RFC 2228). */
  REPLY_334("334", Role.REPLY, Text.FIXED),
  /** More is wanted. */
  REPLY_350("350", Role.REPLY, Text.FIXED),
  /** The server ends the connection. */
  REPLY_421("421", Role.REPLY, Text.FIXED),
  /** No data connection. */
  REPLY_425("425", Role.REPLY, Text.FIXED),
  /** The data connection was cut. */
  REPLY_426("426", Role.REPLY, Text.FIXED),
  /** The file action was not taken. */
  REPLY_450("450", Role.REPLY, Text.FIXED),
  /** The action was aborted. */
  REPLY_451("451", Role.REPLY, Text.FIXED),
  /** Not understood. */
  REPLY_500("500", Role.REPLY, Text.FIXED),
  /** Arguments not understood. */
  REPLY_501("501", Role.REPLY, Text.FIXED),
  /** Not implemented. */
  REPLY_502("502", Role.REPLY, Text.FIXED),
  /** Bad sequence of commands. */
  REPLY_503("503", Role.REPLY, Text.FIXED),
  /** Not implemented for this argument. */
  REPLY_504("504", Role.REPLY, Text.FIXED),
  /** Network protocol not supported (RFC 2428). */
  REPLY_522("522", Role.REPLY, Text.FIXED),
  /** Not logged in. */
  REPLY_530("530", Role.REPLY, Text.FIXED),
  /** The policy wants protection (RFC 2228). */
  REPLY_533("533", Role.REPLY, Text.FIXED),
  /** The policy denies the mechanism (RFC 2228). */
  REPLY_534("534", Role.REPLY, Text.FIXED),
  /** The file action was not taken for good. */
  REPLY_550("550", Role.REPLY, Text.FIXED);

  /** What a word is to the reading of the dialogue. */
  enum Role {
    /** Says who the client is, or, as REIN does, that nobody is logged in any more. */
    LOGIN,
    /** A step of the security exchange of RFC 2228. */
    SECURITY,
    /** A command that moves files or lists over a data connection. */
    TRANSFER,
    /** ABOR, which ends a transfer. */
    ABORT,
    /** A command that decides how the flow is read; never answered by the reply of a transfer. */
    CONTROL,
    /** Any other command. */
    PLAIN,
    /** A reply. */
    REPLY
  }

  /** What the text of the replies to a command may hold. */
  enum Text {
    /** What the server's makers wrote, and what the client said itself. */
    FIXED,
    /** Perhaps the name of one file or directory, which others may have chosen. */
    NAMES,
    /** Whatever others stored on the server. */
    FOREIGN
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
  private final Text text;
  private final int verb;

  FtpWord(Role role) {
    this(role, Text.FIXED);
  }

  FtpWord(Role role, Text text) {
    this.word = name();
    this.role = role;
    this.text = text;
    int packed = 0;
    for (char letter : word.toLowerCase(Locale.ROOT).toCharArray()) {
      packed = pack(packed, letter);
    }
    this.verb = packed;
  }

  FtpWord(String word, Role role, Text text) {
    this.word = word;
    this.role = role;
    this.text = text;
    this.verb = 0;
  }

  @Override
  public String word() {
    return word;
  }

  Role role() {
    return role;
  }

  Text text() {
    return text;
  }

  // Whether the answer to this command may name a port of the server.
  boolean asksForPort() {
    return this == PASV || this == EPSV;
  }

  // Whether who is logged in, or how the rest of the flow is to be read, hangs on its answer.
  boolean decidesLogin() {
    return role == Role.LOGIN || role == Role.SECURITY;
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
