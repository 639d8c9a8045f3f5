package org.pinholed.helper.ftp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;
import org.pinholed.helper.testkit.RecordingSink;

/**
 * A dialogue between client 192.0.2.10 (2001:db8:1::10) and server 198.51.100.20 (2001:db8:2::20),
 * through the real streams.
 */
final class FtpDialogue {
  static final HelperLimits LIMITS = new HelperLimits(256, 1024, 32, 512);

  private static final String GREETING = "220 ready\r\n";

  private final HelperRun run;
  private final RecordingSink sink;
  private int cut = Integer.MAX_VALUE;
  private int told;
  private long clientCountedFrom;
  private long serverCountedFrom;

  FtpDialogue(Map<String, Object> options, FlowFacts.Origin origin, boolean ipv6) {
    this(options, origin, ipv6, LIMITS);
  }

  FtpDialogue(
      Map<String, Object> options, FlowFacts.Origin origin, boolean ipv6, HelperLimits limits) {
    this(options, facts(origin, ipv6), limits);
  }

  private FtpDialogue(Map<String, Object> options, FlowFacts facts, HelperLimits limits) {
    run =
        new HelperRun(
            new HelperSetup(new FtpProtocol(), options, limits, facts, null), FtpDialogue::words);
    sink = run.sink();
  }

  // What is not as it is for each announcement of FTP.
  private static String words(ExpectationRequest request) {
    boolean usual =
        request.source() == ExpectationRequest.Source.PEER
            && request.use() == ExpectationRequest.Use.ONCE
            && request.transport() == Transport.TCP
            && request.lifetime() == Lifetime.CONFIGURED
            && request.owner() == null
            && request.item().isEmpty()
            && !request.isRead()
            && request.usualSourcePort() == (request.announcedIn() == Direction.ORIGINAL ? 20 : 0)
            && request.group().equals("data");
    return (request.active() ? "" : " inactive") + (usual ? "" : " unusual");
  }

  /** A dialogue from its first byte on, over IPv4 with default options. */
  static FtpDialogue fresh() {
    return new FtpDialogue(Map.of(), FlowFacts.Origin.FIRST_BYTE, false);
  }

  /** One in which the greeting was said. */
  static FtpDialogue greeted() {
    return fresh().server(GREETING);
  }

  /** One in which a login was accepted; see {@link #login}. */
  static FtpDialogue loggedIn() {
    return fresh().login();
  }

  /** The same, where PORT and EPRT open with their reply. */
  static FtpDialogue openingByReply() {
    Map<String, Object> options = Map.of("activeOpen", "reply");
    return new FtpDialogue(options, FlowFacts.Origin.FIRST_BYTE, false).login();
  }

  /**
   * Greeting and login. What is concluded from them is not told, and offsets are counted from then
   * on as if only the greeting had been said.
   */
  FtpDialogue login() {
    server(GREETING).client("USER a\r\n").server("331 password\r\n");
    client("PASS b\r\n").server("230 in\r\n");
    clientCountedFrom = run.bytesRead(Direction.ORIGINAL);
    serverCountedFrom = run.bytesRead(Direction.REPLY) - GREETING.length();
    outcomes();
    sink.understood().clear();
    sink.understood().add("220");
    return this;
  }

  static FlowFacts facts(FlowFacts.Origin origin, boolean ipv6) {
    Endpoint client = new Endpoint(address(ipv6 ? "2001:db8:1::10" : "192.0.2.10"), 40000);
    Endpoint server = new Endpoint(address(ipv6 ? "2001:db8:2::20" : "198.51.100.20"), 21);
    return new FlowFacts(Transport.TCP, client, client, server, server, origin);
  }

  /**
   * A login behind a router that translates: the client is seen as 203.0.113.1, the server as
   * 203.0.113.200.
   */
  static FtpDialogue translated() {
    FlowFacts plain = facts(FlowFacts.Origin.FIRST_BYTE, false);
    Endpoint client = new Endpoint(address("203.0.113.1"), 40000);
    Endpoint server = new Endpoint(address("203.0.113.200"), 21);
    FlowFacts facts =
        new FlowFacts(
            plain.transport(), plain.client(), client, plain.server(), server, plain.origin());
    return new FtpDialogue(Map.of(), facts, LIMITS).login();
  }

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  /** Sends everything from now on in segments of this length. */
  FtpDialogue cut(int lengthBytes) {
    cut = lengthBytes;
    return this;
  }

  FtpDialogue refusing() {
    sink.refuse();
    return this;
  }

  /** Answers every announcement with another endpoint from now on. */
  FtpDialogue translating(Endpoint seen) {
    sink.translate(seen);
    return this;
  }

  FtpDialogue client(String text) {
    return send(Direction.ORIGINAL, text);
  }

  FtpDialogue server(String text) {
    return send(Direction.REPLY, text);
  }

  private FtpDialogue send(Direction direction, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    sink.reading(text, run.bytesRead(direction));
    run.countFrom(direction == Direction.ORIGINAL ? clientCountedFrom : serverCountedFrom);
    for (int at = 0; at < bytes.length; ) {
      int end = at + Math.min(cut, bytes.length - at);
      run.send(direction, bytes, at, end);
      at = end;
    }
    assertFalse(run.isEnded(direction));
    return this;
  }

  String snapshot() {
    return run.helper().snapshot();
  }

  boolean restore(String snapshot) {
    return run.helper().restore(snapshot);
  }

  String state() {
    return run.helper().stateWord();
  }

  boolean mayAnnounce(Direction direction) {
    return ((StreamHelper) run.helper()).mayAnnounce(direction);
  }

  int bufferedBytes() {
    return run.bufferedBytes();
  }

  List<String> understood() {
    return sink.understood();
  }

  List<Long> incomplete() {
    return sink.incomplete();
  }

  /** What was concluded since this was asked last. */
  List<String> outcomes() {
    List<String> all = sink.outcomes();
    List<String> fresh = new ArrayList<>(all.subList(told, all.size()));
    told = all.size();
    return fresh;
  }
}
