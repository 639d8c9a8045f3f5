package org.pinholed.helper.ftp;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.StreamHelper;

/**
 * The state of one FTP control connection.
 *
 * <p><b>In step.</b> Every command line waits for one final reply; replies answer in order; 1xx
 * replies are preliminary and answer nothing. Real dialogues deviate, and are followed:
 *
 * <ul>
 *   <li>ABOR gets 426 for the transfer and 226 for itself, or 226 alone: if the next reply cannot
 *       be one to ABOR (not 225, 226, 426 or 5xx) it answers the command behind it;
 *   <li>some servers end a transfer twice: a 225, 226 or 426 never answers PORT, PASV, AUTH and the
 *       like, and after a transfer nobody is blamed for one that answers nothing;
 *   <li>an empty line is answered with 5xx or not at all;
 *   <li>421 may come at any time.
 * </ul>
 *
 * A client that waits for its replies comes into step again by itself after a reply too many.
 *
 * <p><b>Proof.</b> Nothing is opened before the server has sent 220, nothing by a 227 or 229 that
 * does not answer PASV or EPSV, nothing by the text lines of a multi-line reply, and nothing on a
 * flow whose first line is of another protocol.
 *
 * <p><b>AUTH.</b> When the server accepts it the flow is opaque for good, also if CCC should make
 * it readable again: the kernel does not queue it any more, so that a later clear part could not be
 * read from its beginning. A refused AUTH changes nothing.
 *
 * <p><b>Passwords.</b> Arguments of commands other than those that announce something are never
 * looked at or copied. An unfinished line waits in the stream buffer, which overwrites it.
 *
 * <p>After the first reason of kind OPAQUE it takes all bytes and says nothing. Not thread-safe;
 * owned by its flow.
 */
final class FtpHelper implements StreamHelper {
  /** The key of the one data connection that can be announced. */
  static final String KEY = "data";

  private static final String SNAPSHOT_VERSION = "ftp1";
  private static final int PORT_MIN = 1024;
  private static final int LETTERS_ALL = ('a' << 16) | ('l' << 8) | 'l';
  private static final int LETTERS_TLS = ('t' << 16) | ('l' << 8) | 's';
  private static final int LETTERS_SSL = ('s' << 16) | ('s' << 8) | 'l';

  private final FlowFacts facts;
  private final FtpOptions options;
  private final HelperLimits limits;
  private final LineView line = new LineView();
  private final OutstandingCommands commands = new OutstandingCommands();
  private final Side client = new Side();
  private final Side server = new Side();

  /** Why it is not read any more. */
  private @Nullable FtpReason ended;

  private boolean greeted;
  private boolean commandSeen;
  private boolean epsvAll;
  private boolean authIsTls;

  /** Whether PORT or EPRT waits for its reply. */
  private boolean announced;

  /** The number of that command. */
  private int announcedNumber;

  /** The code of the multi-line reply that is being read; 0 for none. */
  private int multiLineCode;

  /** Whether the last command that was answered was one that ends with 226. */
  private boolean afterTransfer;

  /** Where the reading of a direction stands. */
  private static final class Side {
    /** How many bytes of the unfinished line are known to hold no line end. */
    private int scannedBytes;

    /** Whether all is skipped to the next line end. */
    private boolean skipping;

    private boolean firstLine = true;
  }

  FtpHelper(FlowFacts facts, FtpOptions options, HelperLimits limits) {
    this.facts = facts;
    this.options = options;
    this.limits = limits;
    if (facts.origin() == FlowFacts.Origin.RESUMED) {
      greeted = true;
      client.skipping = true;
      client.firstLine = false;
      server.skipping = true;
      server.firstLine = false;
    } else {
      commandSeen = true; // whatever there is will be seen
    }
  }

  @Override
  public String stateWord() {
    if (ended != null) {
      return "opaque";
    }
    if (!greeted) {
      return "greeting";
    }
    if (commands.contains(FtpWord.AUTH)) {
      return "authAsked";
    }
    if (announced) {
      return "activeAnnounced";
    }
    return isPassiveAsked() ? "passiveAsked" : "ready";
  }

  private boolean isPassiveAsked() {
    return commands.contains(FtpWord.PASV) || commands.contains(FtpWord.EPSV);
  }

  /** A server announces in answer to PASV and EPSV only, a client whenever it likes. */
  @Override
  public boolean mayAnnounce(Direction direction) {
    return ended == null && (direction == Direction.ORIGINAL || isPassiveAsked());
  }

  /**
   * {@inheritDoc}
   *
   * <p>The fields: version, flags, code of the multi-line reply, how far behind the oldest command
   * the announcing one is, then the commands that wait. Arguments are not among them.
   */
  @Override
  public String snapshot() {
    if (ended != null || commands.isBeyond()) {
      return "";
    }
    StringBuilder text = new StringBuilder(SNAPSHOT_VERSION);
    boolean[] flags = flags();
    for (int bit = 0; bit < flags.length; bit++) {
      text.append(bit == 0 ? " " : "").append(flags[bit] ? '1' : '0');
    }
    text.append(' ').append(multiLineCode);
    text.append(' ').append(announced ? announcedNumber - commands.number() : 0);
    for (int number = commands.number(); number != commands.nextNumber(); number++) {
      text.append(' ').append(commands.at(number).name());
    }
    return text.toString();
  }

  private boolean[] flags() {
    return new boolean[] {
      greeted,
      commandSeen,
      epsvAll,
      authIsTls,
      announced,
      afterTransfer,
      client.skipping,
      client.firstLine,
      server.skipping,
      server.firstLine
    };
  }

  @Override
  public boolean restore(String snapshot) {
    String[] fields = snapshot.split(" ", -1);
    if (fields.length < 4
        || fields.length > 4 + OutstandingCommands.MAX
        || !fields[0].equals(SNAPSHOT_VERSION)
        || !fields[1].matches("[01]{10}")
        || !fields[2].matches("[0-9]{1,3}")
        || !fields[3].matches("-?[0-9]{1,6}")) {
      return false;
    }
    List<FtpWord> words = new ArrayList<>();
    for (int at = 4; at < fields.length; at++) {
      FtpWord word = FtpWord.ofName(fields[at]);
      if (word == null) {
        return false;
      }
      words.add(word);
    }
    String flags = fields[1];
    greeted = flags.charAt(0) == '1';
    commandSeen = flags.charAt(1) == '1';
    epsvAll = flags.charAt(2) == '1';
    authIsTls = flags.charAt(3) == '1';
    announced = flags.charAt(4) == '1';
    afterTransfer = flags.charAt(5) == '1';
    client.skipping = flags.charAt(6) == '1';
    client.firstLine = flags.charAt(7) == '1';
    server.skipping = flags.charAt(8) == '1';
    server.firstLine = flags.charAt(9) == '1';
    multiLineCode = Integer.parseInt(fields[2]);
    announcedNumber = commands.number() + Integer.parseInt(fields[3]);
    words.forEach(commands::add);
    return true;
  }

  @Override
  public int onBytes(Direction direction, ByteCursor bytes, OutcomeSink out) {
    Side side = direction == Direction.ORIGINAL ? client : server;
    ByteBuffer buffer = bytes.buffer();
    int limit = bytes.limit();
    int start = bytes.position();
    int from = Math.min(limit, start + side.scannedBytes);
    side.scannedBytes = 0;
    while (ended == null && start < limit) {
      int lineFeed = indexOfLineFeed(buffer, from, limit);
      if (side.skipping) {
        if (lineFeed < 0) {
          return bytes.remaining();
        }
        side.skipping = false;
      } else {
        int end = lineFeed < 0 ? limit : lineFeed;
        FtpReason binary =
            end > start ? FirstLine.binary(buffer, start, end, side.firstLine) : null;
        if (binary != null) {
          end(binary, bytes.streamOffsetOf(start), out);
        } else if (end - start >= limits.lineBytes()) {
          out.report(FtpReason.LINE_TOO_LONG, bytes.streamOffsetOf(start));
          onLine(direction, bytes, start, start + limits.lineBytes(), false, out);
          side.skipping = lineFeed < 0;
        } else if (lineFeed < 0) {
          side.scannedBytes = limit - start;
          if (mayAnnounce(direction)
              && AnnouncementText.mayBegin(direction, buffer, start, limit)) {
            out.incomplete(bytes.streamOffsetOf(start));
          }
          return start - bytes.position();
        } else {
          onLine(direction, bytes, start, lineFeed, true, out);
        }
      }
      start = lineFeed < 0 ? limit : lineFeed + 1;
      from = start;
    }
    return bytes.remaining();
  }

  private static int indexOfLineFeed(ByteBuffer buffer, int from, int limit) {
    for (int at = from; at < limit; at++) {
      if (buffer.get(at) == '\n') {
        return at;
      }
    }
    return -1;
  }

  // Of a line that is too long only the beginning comes (not complete): it keeps the step and
  // opens nothing.
  private void onLine(
      Direction direction,
      ByteCursor bytes,
      int start,
      int end,
      boolean complete,
      OutcomeSink out) {
    long offset = bytes.streamOffsetOf(start);
    line.wrap(bytes.buffer(), start, end);
    if (direction == Direction.REPLY) {
      server.firstLine = false;
      onReplyLine(complete, offset, out);
      return;
    }
    if (client.firstLine && line.current() != LineView.END) {
      FtpReason foreign = FirstLine.foreign(line);
      if (foreign != null) {
        end(foreign, offset, out);
        return;
      }
      client.firstLine = false;
      line.wrap(bytes.buffer(), start, end);
    }
    onCommand(complete ? FtpWord.readVerb(line) : FtpWord.OTHER, offset, out);
  }

  private void onCommand(FtpWord verb, long offset, OutcomeSink out) {
    commandSeen = true;
    line.skipSpaces();
    FtpWord word = verb == FtpWord.EPSV && letters() == LETTERS_ALL ? FtpWord.EPSV_ALL : verb;
    if (word != FtpWord.OTHER && word != FtpWord.EMPTY) {
      out.understood(word);
    }
    boolean wasBeyond = commands.isBeyond();
    int number = commands.nextNumber();
    if (!commands.add(word)) {
      if (!wasBeyond) {
        out.report(FtpReason.TOO_MANY_OUTSTANDING, offset);
      }
      return;
    }
    switch (word) {
      case PORT -> onPort(number, offset, out);
      case EPRT -> onEprt(number, offset, out);
      case LPRT, LPSV -> out.report(FtpReason.LONG_FORM, offset);
      case EPSV_ALL -> epsvAll = true;
      case AUTH -> {
        int mechanism = letters();
        authIsTls = mechanism == LETTERS_TLS || mechanism == LETTERS_SSL;
      }
      default -> {}
    }
  }

  // Reads up to three letters, in lower case.
  private int letters() {
    int packed = 0;
    for (int count = 0; count < 3 && FtpWord.isLetter(line.current()); count++) {
      packed = (packed << 8) | line.current() | 0x20;
      line.advance();
    }
    return packed;
  }

  private void onPort(int number, long offset, OutcomeSink out) {
    FtpReason refused = notNow();
    if (refused == null) {
      long hostPort = HostPortParser.parseArgument(line);
      refused = reasonOfHostPort(hostPort);
      if (refused == null) {
        byte[] address = addressOf(hostPort);
        announceActive(FtpWord.PORT, address, (int) hostPort & 0xffff, number, offset, out);
        return;
      }
    }
    out.report(refused, offset);
  }

  private void onEprt(int number, long offset, OutcomeSink out) {
    FtpReason refused = notNow();
    if (refused == null) {
      byte[] address = new byte[AddressParser.IPV6_BYTES];
      long fields = ExtendedPortParser.parseArgument(line, address);
      refused = reasonOfFields(fields);
      if (refused == null) {
        byte[] exact = Arrays.copyOf(address, (int) (fields >> 16));
        announceActive(FtpWord.EPRT, exact, (int) fields & 0xffff, number, offset, out);
        return;
      }
    }
    out.report(refused, offset);
  }

  private void announceActive(
      FtpWord cause, byte[] address, int port, int number, long offset, OutcomeSink out) {
    announced =
        announce(Direction.ORIGINAL, cause, address, port, options.opensAtCommand(), offset, out);
    announcedNumber = number;
  }

  private void onReplyLine(boolean complete, long offset, OutcomeSink out) {
    int code = 0;
    for (int digits = 0; digits < 3; digits++) {
      if (!line.atDigit()) {
        return; // text of a multi-line reply, or nothing known
      }
      code = code * 10 + line.current() - '0';
      line.advance();
    }
    boolean last = line.current() == ' ' || line.current() == LineView.END;
    if (multiLineCode != 0) {
      if (code != multiLineCode || !last) {
        return;
      }
      multiLineCode = 0;
    } else if (line.current() == '-' && code >= 100) {
      multiLineCode = code;
      return;
    } else if (!last || code < 100) {
      return;
    }
    FtpWord said = FtpWord.ofCode(code);
    if (said != null) {
      out.understood(said);
    }
    onReply(code, complete, offset, out);
  }

  private void onReply(int code, boolean complete, long offset, OutcomeSink out) {
    if (!greeted && code == 220) {
      greeted = true;
      return;
    }
    if (code < 200) {
      return;
    }
    while (isLeftUnanswered(commands.peek(), code)) {
      commands.remove();
    }
    if (commands.isEmpty()) {
      if (!isExcused(code)) {
        out.report(FtpReason.REPLY_WITHOUT_COMMAND, offset);
      }
      return;
    }
    FtpWord word = commands.peek();
    if (word.role() == FtpWord.Role.CONTROL && endsTransfer(code)) {
      return;
    }
    int number = commands.number();
    commands.remove();
    afterTransfer = word.role() == FtpWord.Role.TRANSFER;
    onAnswer(word, number, code, complete, offset, out);
  }

  private void onAnswer(
      FtpWord word, int number, int code, boolean complete, long offset, OutcomeSink out) {
    boolean positive = code < 300;
    switch (word) {
      case PORT, EPRT -> {
        if (announced && announcedNumber == number) {
          announced = false;
          onActiveAnswered(positive, complete, out);
        }
      }
      case AUTH -> {
        if (code < 400) {
          end(authIsTls ? FtpReason.TLS : FtpReason.AUTH_PROTECTED, offset, out);
          return;
        }
      }
      case EPSV_ALL -> epsvAll = positive;
      case REIN -> {
        if (positive) {
          epsvAll = false;
          out.close(KEY);
        }
      }
      default -> {}
    }
    if (complete && (code == 227 || code == 229)) {
      onPassive(word, number, code, offset, out);
    }
  }

  private void onActiveAnswered(boolean positive, boolean complete, OutcomeSink out) {
    if (!positive) {
      out.close(KEY);
    } else if (complete && !options.opensAtCommand()) {
      out.activate(KEY);
    }
  }

  private void onPassive(FtpWord word, int number, int code, long offset, OutcomeSink out) {
    byte[] address = new byte[AddressParser.IPV6_BYTES];
    FtpReason refused;
    int port;
    if (code == 227) {
      long hostPort = HostPortParser.find(line);
      refused = reasonOfHostPort(hostPort);
      address = addressOf(hostPort);
      port = (int) hostPort & 0xffff;
    } else {
      long fields = ExtendedPassiveParser.find(line, address);
      refused = reasonOfFields(fields);
      // Without an address, as it should be, the server means its own.
      address =
          fields >> 16 == 0
              ? facts.sender(Direction.REPLY).address().getAddress()
              : Arrays.copyOf(address, Math.max(0, (int) (fields >> 16)));
      port = (int) fields & 0xffff;
    }
    if (word != (code == 227 ? FtpWord.PASV : FtpWord.EPSV)) {
      if (refused != null) {
        return; // such as 227 Logout.
      }
      refused = FtpReason.REPLY_TO_OTHER_COMMAND;
    } else if (!greeted) {
      refused = FtpReason.NO_GREETING;
    } else if (epsvAll && code == 227) {
      refused = FtpReason.EPSV_ALL;
    }
    if (refused != null) {
      out.report(refused, offset);
    } else if (!announced || announcedNumber - number < 0) {
      // Otherwise the client has sent PORT in the meantime, which the server will take.
      FtpWord cause = code == 227 ? FtpWord.REPLY_227 : FtpWord.REPLY_229;
      announce(Direction.REPLY, cause, address, port, true, offset, out);
    }
  }

  // Checks an endpoint and announces it; true if it was taken.
  private boolean announce(
      Direction direction,
      FtpWord cause,
      byte[] address,
      int port,
      boolean active,
      long offset,
      OutcomeSink out) {
    InetAddress announcer = facts.sender(direction).address();
    InetAddress destination = announcer;
    FtpReason refused = null;
    byte[] own = announcer.getAddress();
    if (port == 0) {
      refused = FtpReason.PORT_ZERO;
    } else if (address.length != own.length) {
      refused = FtpReason.WRONG_FAMILY;
    } else if (port < PORT_MIN) {
      refused = FtpReason.PORT_BELOW_1024;
    } else if (options.isDenied(port)) {
      refused = FtpReason.PORT_DENIED;
    } else if (!Arrays.equals(address, own)) {
      // The bounce attack of RFC 2577, and the way into networks behind the announcer.
      destination = inetAddress(address);
      refused = options.isFxpAllowed(destination) ? null : FtpReason.ADDRESS_NOT_ANNOUNCER;
    }
    if (refused != null) {
      out.report(refused, offset);
      return false;
    }
    ExpectationRequest.Builder request =
        ExpectationRequest.builder(KEY, direction, new Endpoint(destination, port), cause)
            .streamOffset(offset)
            .endpointOffset(offset + line.spanOffset());
    if (!active) {
      request.inactive();
    }
    int dataPort = facts.server().port() - 1; // RFC 959 section 3.2: L-1
    if (direction == Direction.ORIGINAL && dataPort > 0) {
      request.usualSourcePort(dataPort);
    }
    Endpoint announced = new Endpoint(destination, port);
    Endpoint seen = out.expect(request.build());
    if (seen == null) {
      return false;
    }
    if (!seen.equals(announced)) {
      byte[] text = AnnouncementText.of(cause, seen, (char) line.spanFirst());
      if (!line.spanIs(text)) {
        out.edit(offset + line.spanOffset(), line.spanLengthBytes(), text);
      }
    }
    return true;
  }

  // Whether a command goes without its reply, because it may and the reply is not one to it.
  private boolean isLeftUnanswered(FtpWord word, int code) {
    boolean negative = code >= 500;
    return switch (word) {
      case EMPTY -> !negative;
      case ABOR -> !negative && !endsTransfer(code) && commands.isMoreThanOne();
      default -> false;
    };
  }

  // Whether a reply that answers no command is one of those that do so in peace.
  private boolean isExcused(int code) {
    return code == 421
        || !commandSeen
        || (!greeted && code >= 400)
        || (afterTransfer && (endsTransfer(code) || code == 250 || code / 100 == 4));
  }

  private static boolean endsTransfer(int code) {
    return code == 225 || code == 226 || code == 426;
  }

  private @Nullable FtpReason notNow() {
    if (!greeted) {
      return FtpReason.NO_GREETING;
    }
    return epsvAll ? FtpReason.EPSV_ALL : null;
  }

  private static @Nullable FtpReason reasonOfHostPort(long hostPort) {
    if (hostPort >= 0) {
      return null;
    }
    return hostPort == HostPortParser.OCTET_OUT_OF_RANGE
        ? FtpReason.OCTET_OUT_OF_RANGE
        : FtpReason.MISSING_FIELDS;
  }

  private static @Nullable FtpReason reasonOfFields(long fields) {
    if (fields >= 0) {
      return null;
    }
    if (fields == ExtendedPortParser.WRONG_FAMILY) {
      return FtpReason.WRONG_FAMILY;
    }
    if (fields == ExtendedPortParser.BAD_ADDRESS) {
      return FtpReason.BAD_ADDRESS;
    }
    return fields == ExtendedPortParser.PORT_OUT_OF_RANGE
        ? FtpReason.PORT_OUT_OF_RANGE
        : FtpReason.MISSING_FIELDS;
  }

  private static byte[] addressOf(long hostPort) {
    return new byte[] {
      (byte) (hostPort >> 40),
      (byte) (hostPort >> 32),
      (byte) (hostPort >> 24),
      (byte) (hostPort >> 16)
    };
  }

  private static InetAddress inetAddress(byte[] address) {
    try {
      return InetAddress.getByAddress(address);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("address length: " + address.length, e);
    }
  }

  private void end(FtpReason reason, long offset, OutcomeSink out) {
    ended = reason;
    out.report(reason, offset);
  }
}
