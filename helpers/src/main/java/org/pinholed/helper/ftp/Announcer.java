package org.pinholed.helper.ftp;

import java.net.InetAddress;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.text.AddressParser;
import org.pinholed.helper.text.LineView;

/**
 * Checks what PORT, EPRT, 227 and 229 name, and announces it.
 *
 * <p>What opens is the announcer's own address, or one of {@code fxpNetworks}. It may name itself
 * as it is, or as the other side sees it behind address translation. A server that names any other
 * address in 227 or 229 (0.0.0.0, 127.0.0.1, one that is private or out of date) means itself, and
 * clients take it so; a client that does is refused. The text stays as it is where it does not name
 * the announcer's own untranslated address; only the port is changed if another one must be taken.
 *
 * <p>Not thread-safe; owned by its flow.
 */
final class Announcer {
  static final int PORT_MIN = 1024;
  private static final byte[] NO_ADDRESS = {};

  private final FtpState state;
  private final FlowFacts facts;
  private final FtpOptions options;
  private final LineView line;
  private final Evidence evidence;

  /** What the 227 or 229 that is being read names: why it is of no use, or null, and the port. */
  private @Nullable FtpReason passiveRefused;

  private byte[] passiveAddress = NO_ADDRESS;
  private int passivePort;

  /**
   * Makes an announcer.
   *
   * @param state what is remembered
   * @param facts who the peers are
   * @param options what is allowed
   * @param line the view in which lines are handed over
   * @param evidence what proves that it is FTP
   */
  Announcer(FtpState state, FlowFacts facts, FtpOptions options, LineView line, Evidence evidence) {
    this.state = state;
    this.facts = facts;
    this.options = options;
    this.line = line;
    this.evidence = evidence;
  }

  /**
   * Reads the argument of PORT or EPRT.
   *
   * @param number the number of the command
   * @param loginOutstanding whether a login or a security exchange waits for its answer: then all
   *     may be another's, or cipher text, until the server has taken this very command
   */
  void onActive(FtpWord word, int number, boolean loginOutstanding, long offset, OutcomeSink out) {
    FtpReason refused = evidence.missingForGood(loginOutstanding);
    if (refused == null && state.epsvAll) {
      refused = FtpReason.EPSV_ALL;
    }
    byte[] address = new byte[AddressParser.IPV6_BYTES];
    int port = 0;
    if (refused == null && word == FtpWord.PORT) {
      long hostPort = HostPortParser.parseArgument(line);
      refused = reasonOfHostPort(hostPort);
      address = addressOf(hostPort);
      port = (int) hostPort & 0xffff;
    } else if (refused == null) {
      long fields = ExtendedPortParser.parseArgument(line, address);
      refused = reasonOfFields(fields);
      address = Arrays.copyOf(address, Math.max(0, (int) (fields >> 16)));
      port = (int) fields & 0xffff;
    }
    if (refused != null) {
      out.report(refused, offset);
      return;
    }
    boolean byReplyOnly = loginOutstanding || !state.loggedIn;
    boolean open = options.opensAtCommand() && !byReplyOnly;
    state.announced = announce(Direction.ORIGINAL, word, address, port, open, offset, out);
    state.announcedOpen = open;
    state.announcedByReplyOnly = byReplyOnly;
    state.announcedNumber = number;
  }

  /** Opens what waits, because the client relies on it: it sends its transfer at once. */
  void onTransfer(OutcomeSink out) {
    if (state.announced && !state.announcedOpen && !state.announcedByReplyOnly) {
      state.announcedOpen = true;
      out.activate(null, FtpHelper.KEY);
    }
  }

  /** Takes the answer to PORT or EPRT. */
  void onActiveAnswered(
      int number, boolean positive, boolean complete, long offset, OutcomeSink out) {
    if (!state.announced || state.announcedNumber != number) {
      return;
    }
    state.announced = false;
    FtpReason missing = evidence.missing();
    if (!positive) {
      out.close(null, FtpHelper.KEY);
    } else if (missing != null) {
      out.close(null, FtpHelper.KEY);
      out.report(missing, offset);
    } else if (complete && !state.announcedOpen) {
      out.activate(null, FtpHelper.KEY);
    }
  }

  /**
   * The server accepted AUTH: nobody can read what it announces from here on, so its passive ports
   * are leased to the client if the entry allows that. Takes the place of what was announced
   * before.
   *
   * @param offset where the reply began in the stream
   */
  void onProtected(long offset, OutcomeSink out) {
    if (state.greeted && options.lease().allows(facts.server().address())) {
      out.expect(
          options
              .lease()
              .request(FtpHelper.KEY, facts, FtpWord.AUTH)
              .streamOffset(offset)
              .endpointOffset(offset)
              .build());
    }
  }

  /** Reads what a 227 or 229 names; what is said of it holds until the next one. */
  void parsePassive(int code) {
    byte[] address = new byte[AddressParser.IPV6_BYTES];
    if (code == 227) {
      long hostPort = HostPortParser.find(line);
      passiveRefused = reasonOfHostPort(hostPort);
      passiveAddress = addressOf(hostPort);
      passivePort = (int) hostPort & 0xffff;
    } else {
      long fields = ExtendedPassiveParser.find(line, address);
      passiveRefused = reasonOfFields(fields);
      // Without an address, as it should be, the server means its own.
      passiveAddress =
          fields >> 16 == 0
              ? facts.sender(Direction.REPLY).address().getAddress()
              : Arrays.copyOf(address, Math.max(0, (int) (fields >> 16)));
      passivePort = (int) fields & 0xffff;
    }
  }

  // Whether the 227 or 229 that was parsed names a port.
  boolean namesPort() {
    return passiveRefused == null;
  }

  /**
   * Takes the 227 or 229 that was parsed as the answer to a command.
   *
   * @param word the command
   * @param number its number
   * @param inDoubt whether the reply may be text of somebody else
   */
  void onPassive(
      FtpWord word, int number, int code, boolean inDoubt, long offset, OutcomeSink out) {
    FtpReason refused = passiveRefused;
    if (!word.asksForPort()) {
      if (refused != null) {
        return; // such as 227 Logout.
      }
      refused = FtpReason.REPLY_TO_OTHER_COMMAND;
    } else if (evidence.missing() != null) {
      refused = evidence.missing();
    } else if (inDoubt) {
      refused = FtpReason.REPLY_IN_DOUBT;
    } else if (state.epsvAll && word == FtpWord.PASV) {
      refused = FtpReason.EPSV_ALL;
    }
    if (refused != null) {
      out.report(refused, offset);
    } else if (!state.announced || state.announcedNumber - number < 0) {
      // Otherwise the client has sent PORT in the meantime, which the server will take.
      FtpWord cause = code == 227 ? FtpWord.REPLY_227 : FtpWord.REPLY_229;
      announce(Direction.REPLY, cause, passiveAddress, passivePort, true, offset, out);
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
    boolean namesItself = Arrays.equals(address, announcer.getAddress());
    InetAddress named = namesItself ? announcer : AddressParser.toAddress(address, address.length);
    // As the other side sees him: what manuals tell who is behind translation to announce.
    boolean namesItsOther = named.equals(facts.senderSeenByPeer(direction).address());
    boolean ownAddress = namesItself || namesItsOther;
    InetAddress destination = announcer;
    FtpReason refused = reasonOfPort(direction, port);
    if (refused == null && !ownAddress) {
      boolean sameFamily = address.length == announcer.getAddress().length;
      if (sameFamily && options.isFxpAllowed(named)) {
        destination = named;
      } else if (direction == Direction.REPLY) {
        // Clients of today connect to the server that they speak to, whatever it names. So that is
        // what opens; the named address never does: the bounce attack of RFC 2577, and the way
        // into networks behind the announcer.
        out.report(FtpReason.SERVER_ADDRESS_IGNORED, offset);
      } else {
        refused = sameFamily ? FtpReason.ADDRESS_NOT_ANNOUNCER : FtpReason.WRONG_FAMILY;
      }
    }
    if (refused != null) {
      out.report(refused, offset);
      return false;
    }
    ExpectationRequest.Builder request =
        ExpectationRequest.builder(FtpHelper.KEY, direction, new Endpoint(destination, port), cause)
            .streamOffset(offset)
            .endpointOffset(offset + line.spanOffset());
    if (!active) {
      request.inactive();
    }
    if (!namesItself) {
      request.text(ExpectationRequest.Text.ADDRESS_STAYS);
    }
    int dataPort = facts.server().port() - 1; // RFC 959 section 3.2: L-1
    if (direction == Direction.ORIGINAL && dataPort > 0) {
      request.usualSourcePort(dataPort);
    }
    Endpoint seen = out.expect(request.build());
    if (seen == null) {
      return false;
    }
    Endpoint shown = namesItself ? seen : new Endpoint(named, seen.port());
    if (!shown.equals(new Endpoint(named, port))) {
      byte[] text = AnnouncementText.of(cause, shown, (char) line.spanFirst());
      if (!line.spanIs(text)) {
        out.edit(offset + line.spanOffset(), line.spanLengthBytes(), text);
      }
    }
    return true;
  }

  private @Nullable FtpReason reasonOfPort(Direction direction, int port) {
    if (port == 0) {
      return FtpReason.PORT_ZERO;
    }
    if (port < PORT_MIN) {
      return FtpReason.PORT_BELOW_1024;
    }
    boolean denied =
        direction == Direction.ORIGINAL ? options.isDenied(port) : options.isDeniedPassive(port);
    return denied ? FtpReason.PORT_DENIED : null;
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
}
