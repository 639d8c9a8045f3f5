package org.pinholed.it.lab;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One FTP control connection of which the test speaks both sides, line by line, up to the
 * announcement of a data connection; who then connects to what is up to the test.
 *
 * <p>Closing it closes its sockets; the peers stay.
 */
public final class ScriptedSession implements AutoCloseable {
  /** Long against a round trip here (under 1 ms), short against the first repeat of a SYN (1 s). */
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(400);

  private static final Pattern SIX_NUMBERS = Pattern.compile("(\\d+,\\d+,\\d+,\\d+),(\\d+),(\\d+)");
  private static final Pattern EXTENDED = Pattern.compile("\\|[12]?\\|([^|]*)\\|(\\d+)\\|");
  private static final Duration OPEN_PATIENCE = Duration.ofSeconds(5);

  private final Peer clientPeer;
  private final Peer serverPeer;
  private final Family family;
  private final Connection client;
  private final Connection server;
  private Cuts cuts = (line, text) -> List.of();

  private ScriptedSession(
      Peer clientPeer, Peer serverPeer, Family family, Connection client, Connection server) {
    this.clientPeer = clientPeer;
    this.serverPeer = serverPeer;
    this.family = family;
    this.client = client;
    this.server = server;
  }

  /** Where a line is cut into segments. */
  public interface Cuts {
    /**
     * The offsets at which a line is cut; none for one segment.
     *
     * @param fromClient whose line it is
     * @param text the line with its end
     */
    List<Integer> of(boolean fromClient, String text);
  }

  /** Listens on port 21 of the server, for {@link #open}. */
  public static Listener controlListener(Peer serverPeer, Family family) {
    return serverPeer.listen(family.server(), 21);
  }

  /** Opens the control connection through the router; nothing is said yet. */
  public static ScriptedSession open(
      Peer clientPeer, Peer serverPeer, Listener control, Family family) {
    return open(clientPeer, serverPeer, control, family, family.client(), family.server());
  }

  /**
   * Opens the control connection from one of the client's addresses to the address under which the
   * router shows the server; nothing is said yet.
   */
  public static ScriptedSession open(
      Peer clientPeer,
      Peer serverPeer,
      Listener control,
      Family family,
      String source,
      String dialed) {
    Connection client = clientPeer.connect(source, dialed, 21);
    return new ScriptedSession(clientPeer, serverPeer, family, client, control.accept());
  }

  /** Cuts every line from now on. */
  public void cutLines(Cuts rule) {
    cuts = rule;
  }

  /** The server greets and the client logs in. */
  public void login() {
    reply("220 ready\r\n");
    exchange("USER anonymous\r\n", "331 password\r\n");
    exchange("PASS lab@example.org\r\n", "230 logged in\r\n");
    exchange("TYPE I\r\n", "200 binary\r\n");
  }

  /** The client says a line and the server hears it. */
  public void command(String line) {
    expectSame(line, heardByServer(line));
  }

  /** The server says a line and the client hears it. */
  public void reply(String line) {
    expectSame(line, heardByClient(line));
  }

  /** The client says a line; what of it the server hears. */
  public String heardByServer(String line) {
    client.sendCut(line, cuts.of(true, line));
    return server.line();
  }

  /** The server says a line; what of it the client hears. */
  public String heardByClient(String line) {
    server.sendCut(line, cuts.of(false, line));
    return client.line();
  }

  /** A command and its reply. */
  public void exchange(String commandLine, String replyLine) {
    command(commandLine);
    reply(replyLine);
  }

  private static void expectSame(String sent, String received) {
    if (!sent.equals(received)) {
      throw new AssertionError("sent [" + sent + "] received [" + received + "]");
    }
  }

  /** The client's end, to say what no script foresees. */
  public Connection client() {
    return client;
  }

  /** The server's end. */
  public Connection server() {
    return server;
  }

  /** Announces a data connection on a fresh port: listens there and says so, up to the reply. */
  public Announcement announce(DataMode mode) {
    Announcement announced = announceWithoutReply(mode);
    reply(replyLine(mode, announced.host(), announced.port()));
    return announced;
  }

  /** Listens on a fresh port and says the command only; the server has not answered yet. */
  public Announcement announceWithoutReply(DataMode mode) {
    Peer listening = mode.isPassive() ? serverPeer : clientPeer;
    String host = mode.isPassive() ? family.server() : family.client();
    Listener listener = listening.listen(host, 0);
    command(commandLine(mode, host, listener.port()));
    return new Announcement(mode, host, listener);
  }

  /** The command that announces or asks for this mode. */
  public static String commandLine(DataMode mode, String host, int port) {
    return switch (mode) {
      case PASV -> "PASV\r\n";
      case EPSV -> "EPSV\r\n";
      case PORT -> "PORT " + sixNumbers(host, port) + "\r\n";
      case EPRT -> "EPRT |" + (host.contains(":") ? 2 : 1) + "|" + host + "|" + port + "|\r\n";
    };
  }

  /** The reply that goes with it. */
  public static String replyLine(DataMode mode, String host, int port) {
    return switch (mode) {
      case PASV -> "227 Entering Passive Mode (" + sixNumbers(host, port) + ").\r\n";
      case EPSV -> "229 Entering Extended Passive Mode (|||" + port + "|)\r\n";
      case PORT, EPRT -> "200 command successful.\r\n";
    };
  }

  /**
   * Reads an announcement as a peer does.
   *
   * @param line the command or reply as it was heard
   * @param control the other end of the control connection, meant where the line names no address
   */
  public static Endpoint announced(String line, String control) {
    Matcher six = SIX_NUMBERS.matcher(line);
    if (six.find()) {
      int port = Integer.parseInt(six.group(2)) * 256 + Integer.parseInt(six.group(3));
      return new Endpoint(six.group(1).replace(',', '.'), port);
    }
    Matcher extended = EXTENDED.matcher(line);
    if (extended.find()) {
      String host = extended.group(1);
      return new Endpoint(host.isEmpty() ? control : host, Integer.parseInt(extended.group(2)));
    }
    throw new AssertionError("announces nothing: " + line);
  }

  private static String sixNumbers(String host, int port) {
    return host.replace('.', ',') + "," + (port >> 8) + "," + (port & 255);
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }

  /** A data connection that was announced; its listener is open until it is closed. */
  public final class Announcement implements AutoCloseable {
    private final DataMode mode;
    private final String host;
    private final Listener listener;

    private Announcement(DataMode mode, String host, Listener listener) {
      this.mode = mode;
      this.host = host;
      this.listener = listener;
    }

    /** The announced port. */
    public int port() {
      return listener.port();
    }

    /** The listening address. */
    public String host() {
      return host;
    }

    /** Who listens. */
    public Listener listener() {
      return listener;
    }

    /** The host that is expected to connect. */
    public Peer dialer() {
      return mode.isPassive() ? clientPeer : serverPeer;
    }

    private String dialerAddress() {
      return mode.isPassive() ? family.client() : family.server();
    }

    /** A second address of the host that is expected to connect. */
    private String strangerAddress() {
      return mode.isPassive() ? family.otherClient() : family.otherServer();
    }

    /** The announced connection itself; it must come through. */
    public Connection connect() {
      return dialer()
          .tryConnect(dialerAddress(), host, port(), OPEN_PATIENCE)
          .orElseThrow(() -> new AssertionError(mode + " " + family + ": the pinhole is shut"));
    }

    /** Whether a connection attempt from the expected address comes through. */
    public boolean isOpen() {
      return isOpen(dialerAddress(), port());
    }

    /** Whether an attempt from another address of the same host comes through. */
    public boolean isOpenToStranger() {
      return isOpen(strangerAddress(), port());
    }

    /** Whether an attempt to the announced address and another port comes through. */
    public boolean isOpenAt(int otherPort) {
      return isOpen(dialerAddress(), otherPort);
    }

    private boolean isOpen(String source, int port) {
      Optional<Connection> connection = dialer().tryConnect(source, host, port, SHUT_PATIENCE);
      connection.ifPresent(Connection::close);
      return connection.isPresent();
    }

    @Override
    public void close() {
      listener.close();
    }
  }
}
