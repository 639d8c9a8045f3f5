package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.LabDialogue;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;
import org.pinholed.it.lab.SipStream;

/** SIP over TCP: messages begin and end where their Content-Length says, and nowhere else. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipTcpIT {
  private static final Router MASQUERADED = new Router(NatMode.MASQUERADE, Family.V4, false);
  private static final Duration SHORTLY = Duration.ofSeconds(5);

  private static final List<String> LONG_NAMES =
      List.of("Via:", "From:", "To:", "Call-ID:", "Contact:", "Content-Type:", "Content-Length:");
  private static final List<String> SHORT_NAMES =
      List.of("v :", "f:", "t:", "i:", "m:", "c:", "l:\r\n ");

  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> routers() {
    return SipLabs.routers().filter(router -> !router.overUdp());
  }

  private static SipStream stream(SipLine line) {
    return (SipStream) line.dialogue();
  }

  /** Every cut of an INVITE, one after the other on the same connection. */
  @ParameterizedTest
  @MethodSource("routers")
  void inviteInTwoSegments_isReadWhereverItIsCut(Router router) {
    SipScenario scenario = labs.with(router);
    boolean every = router.equals(MASQUERADED);
    AtomicLong late = new AtomicLong(givenUp(scenario));
    try (SipLine line = scenario.tcp();
        SipCall call = scenario.call(line)) {
      SipSdp sdp = call.audio(Side.CALLER).sdp();
      SipMessage first = call.build(Side.CALLER, "INVITE", sdp);
      String expected = line.say(true, first).text();
      String text = first.text();
      for (int cut = 1; cut < text.length(); cut += every ? 1 : 13) {
        int at = cut;
        assertEquals(
            expected,
            inTime(scenario, late, expected, () -> toServer(line, text, at)),
            "cut at " + cut);
      }
      SipMessage busy = SipMessage.of(expected);
      call.answer(Side.CALLEE, busy, 486, null);
      String answer = call.buildAnswer(Side.CALLEE, busy, 486, null).text();
      String answerExpected = line.say(false, SipMessage.of(answer)).text();
      for (int cut = 1; cut < answer.length(); cut += every ? 3 : 17) {
        int at = cut;
        assertEquals(
            answerExpected,
            inTime(scenario, late, answerExpected, () -> toClient(line, answer, at)),
            "answer cut at " + cut);
      }
      call.request(Side.CALLER, "ACK", null);
      scenario.awaitNoMedia();
    }
  }

  /**
   * What is heard of a message that is sent in pieces. If this machine stood still between them for
   * longer than the first one is held, it passes as it came, and that is said: then it is sent once
   * more. If nothing is said the scenario fails here.
   *
   * @param late how often that was said before
   */
  private static String inTime(
      SipScenario scenario, AtomicLong late, String expected, Supplier<String> sending) {
    String heard = sending.get();
    for (int again = 0; again < 3 && !heard.equals(expected); again++) {
      scenario.await(() -> givenUp(scenario) > late.get());
      late.set(givenUp(scenario));
      heard = sending.get();
    }
    return heard;
  }

  /** How many messages passed as they came because a bound of what is held was reached. */
  private static long givenUp(SipScenario scenario) {
    return scenario.events("refused").stream()
        .filter(event -> event.path("reason").asText().startsWith("hold"))
        .count();
  }

  private static String toServer(SipLine line, String text, int cut) {
    stream(line).clientConnection().sendCut(text, List.of(cut));
    return SipStream.next(stream(line).serverConnection(), SHORTLY).orElse("nothing came");
  }

  private static String toClient(SipLine line, String text, int cut) {
    stream(line).serverConnection().sendCut(text, List.of(cut));
    return SipStream.next(stream(line).clientConnection(), SHORTLY).orElse("nothing came");
  }

  static Stream<Router> routed() {
    return routers().filter(router -> router.nat() == null);
  }

  /**
   * A whole call, each byte a segment of its own. Not where the router translates: there so many
   * segments are beyond what is held.
   */
  @ParameterizedTest
  @MethodSource("routed")
  void callByteByByte_hasAudio(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine whole = scenario.tcp()) {
      SipLine line =
          new SipLine(new ByteByByte(stream(whole)), "TCP", whole.server(), whole.dialed());
      try (SipCall call = scenario.call(line)) {
        call.connect();
        call.assertAudio();
        scenario.assertStrangersOut(call);
        call.hangUp(Side.CALLEE);
        scenario.awaitNoMedia();
        scenario.assertSilent(call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
      }
    }
  }

  private static final class ByteByByte implements LabDialogue {
    private final SipStream stream;

    ByteByByte(SipStream stream) {
      this.stream = stream;
    }

    private static String move(Connection from, String text, Connection to) {
      from.sendCut(text, IntStream.range(1, text.length()).boxed().toList());
      return SipStream.next(to);
    }

    @Override
    public String toServer(String message) {
      return move(stream.clientConnection(), message, stream.serverConnection());
    }

    @Override
    public String toClient(String message) {
      return move(stream.serverConnection(), message, stream.clientConnection());
    }

    @Override
    public Endpoint client() {
      return stream.client();
    }

    @Override
    public Endpoint clientSeenByServer() {
      return stream.clientSeenByServer();
    }

    @Override
    public void close() {
      stream.close();
    }
  }

  /** Keep-alives before, between and after; several messages in one segment. */
  @ParameterizedTest
  @MethodSource("routers")
  void severalMessagesInASegment_areEachRead(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.tcp();
        SipCall one = scenario.call(line);
        SipCall two = scenario.call(line);
        SipCall three = scenario.call(line)) {
      List<SipCall> calls = List.of(one, two, three);
      StringBuilder text = new StringBuilder("\r\n\r\n");
      for (SipCall call : calls) {
        text.append(call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).text());
        text.append("\r\n\r\n");
      }
      stream(line).clientConnection().send(text.toString());
      StringBuilder answers = new StringBuilder();
      for (SipCall call : calls) {
        SipMessage heard = SipMessage.of(SipStream.next(stream(line).serverConnection()));
        call.note(Side.CALLEE, heard);
        answers.append(
            call.buildAnswer(Side.CALLEE, heard, 200, call.audio(Side.CALLEE).sdp()).text());
      }
      stream(line).serverConnection().send(answers.toString());
      for (SipCall call : calls) {
        call.note(Side.CALLER, SipMessage.of(SipStream.next(stream(line).clientConnection())));
      }
      for (SipCall call : calls) {
        call.request(Side.CALLER, "ACK", null);
        call.assertAudio();
        scenario.assertStrangersOut(call);
      }
      for (SipCall call : calls) {
        call.hangUp(Side.CALLER);
      }
      scenario.awaitNoMedia();
    }
  }

  /** Longer than a segment: every byte in its place, and the announcement works. */
  @ParameterizedTest
  @MethodSource("routers")
  void messageOverSeveralSegments_isRewrittenAsAWhole(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.tcp();
        SipCall call = scenario.call(line)) {
      List<String> more = new ArrayList<>();
      for (int i = 0; i < 90; i++) {
        more.add(
            "a=fmtp:%d profile-level-id=42e01f;packetization-mode=1;number=%d"
                .formatted(96 + i, i));
      }
      String[] lines = more.toArray(String[]::new);
      SipSdp offer = call.audio(Side.CALLER).sdp().plus(lines);
      SipMessage heard = call.request(Side.CALLER, "INVITE", offer);
      assertTrue(heard.text().length() > 5000, "not long: " + heard.text().length());
      assertEquals(more, heard.sdp().lines().subList(7, 7 + more.size()));
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp().plus(lines));
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      call.reoffer(Side.CALLEE, call.audio(Side.CALLEE).sdp().plus(lines), offer);
      call.assertAudio();
      call.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
    }
  }

  /**
   * A message of 60,000 bytes ends nothing: where nothing is translated it is read like any other.
   * Else it is more than is held, so it passes as it came and opens nothing. In both cases the next
   * one is as good as ever.
   */
  @ParameterizedTest
  @MethodSource("routers")
  void messageOf60000Bytes_isOneOfMany(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.tcp();
        SipCall text = scenario.call(line);
        SipCall picture = scenario.call(line);
        SipCall next = scenario.call(line);
        Datagrams far = scenario.server().datagrams(line.server().host(), 0)) {
      String much = "z".repeat(60_000);
      SipMessage message = text.build(Side.CALLER, "MESSAGE", null).withBody("text/plain", much);
      assertEquals(much, text.say(Side.CALLER, message).body());
      text.answer(Side.CALLEE, 200, null);

      String parts =
          "--x\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--x\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n--x--\r\n"
              .formatted(picture.audio(Side.CALLER).sdp().text(), much);
      SipMessage invite =
          picture.build(Side.CALLER, "INVITE", null).withBody("multipart/mixed;boundary=x", parts);
      long before = givenUp(scenario);
      Connection client = stream(line).clientConnection();
      client.send(invite.text());
      String heard = SipStream.next(stream(line).serverConnection());
      assertEquals(invite.text(), heard, "as it came");
      Endpoint rtp = picture.audio(Side.CALLER).rtp().local();
      if (router.nat() == null) {
        scenario.assertOpen(far, rtp, picture.audio(Side.CALLER).rtp());
      } else {
        assertEquals(List.of(), scenario.media());
        scenario.await(() -> givenUp(scenario) > before);
      }
      picture.note(Side.CALLEE, SipMessage.of(heard));
      client = stream(line).serverConnection();
      client.send(picture.buildAnswer(Side.CALLEE, SipMessage.of(heard), 486, null).text());
      SipStream.next(stream(line).clientConnection());
      scenario.awaitNoMedia();

      next.connect();
      next.assertAudio();
      next.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
    }
  }

  /** The short names (RFC 3261 section 7.3.3), white space, and folded lines. */
  @ParameterizedTest
  @MethodSource("routers")
  void compactAndFolded_areReadLikeOthers(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.tcp();
        SipCall call = scenario.call(line);
        Datagrams far = scenario.server().datagrams(line.server().host(), 0)) {
      String text = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).text();
      for (int i = 0; i < LONG_NAMES.size(); i++) {
        text = text.replace("\r\n" + LONG_NAMES.get(i), "\r\n" + SHORT_NAMES.get(i));
      }
      stream(line).clientConnection().send(text);
      Connection server = stream(line).serverConnection();
      StringBuilder head = new StringBuilder();
      while (!head.toString().endsWith("\r\n\r\n")) {
        head.append(server.line(SHORTLY));
      }
      String heard = head.toString();
      for (int i = 0; i < LONG_NAMES.size(); i++) {
        heard = heard.replace("\r\n" + SHORT_NAMES.get(i), "\r\n" + LONG_NAMES.get(i));
      }
      int length = Integer.parseInt(SipMessage.of(heard).header("Content-Length"));
      SipMessage invite = SipMessage.of(heard + server.take(length, SHORTLY));
      assertEquals(
          call.audio(Side.CALLER).sdp().lines().size(), invite.sdp().lines().size(), "whole lines");
      scenario.assertOpen(far, invite.sdp().rtp(), call.audio(Side.CALLER).rtp());
      call.note(Side.CALLEE, invite);
      call.answer(Side.CALLEE, 486, null);
      scenario.awaitNoMedia();
    }
  }

  /** What does not begin with SIP is never read, whatever comes later (NAT slipstreaming). */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST / HTTP/1.1\r\nHost: 203.0.113.2:5060\r\nContent-Length: 5000\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\u0016\u0003\u0001\u0000\u00c8\u0001\u0000\u0000\u00c4\u0003\u0003",
        "\u0000\u0000\u0000\u0000",
        "REGISTER\r\n\r\n",
        "INVITE sip:x@example.org HTTP/1.1\r\nHost: x\r\n\r\n",
      })
  void flowThatBeginsOtherwise_opensNothing(String begin) {
    SipScenario scenario = labs.with(MASQUERADED);
    try (SipLine line = scenario.tcp();
        SipCall call = scenario.call(line);
        Datagrams far = scenario.server().datagrams(line.server().host(), 0)) {
      Connection client = stream(line).clientConnection();
      Connection server = stream(line).serverConnection();
      client.send(begin);
      assertEquals(begin, server.take(begin.length(), SHORTLY));
      for (int padding : new int[] {0, 1, 700, 1448}) {
        String text =
            "x".repeat(padding)
                + call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).text();
        client.send(text);
        assertEquals(text, server.take(text.length(), SHORTLY), "bytes pass as they are");
      }
      assertEquals(List.of(), scenario.rows("expectations"));
      Endpoint rtp = call.audio(Side.CALLER).rtp().local();
      scenario.assertShut(
          far, new Endpoint("203.0.113.1", rtp.port()), call.audio(Side.CALLER).rtp());
    }
  }

  /** An INVITE that stands in the body of another message is text. */
  @ParameterizedTest
  @MethodSource("routers")
  void inviteInABody_opensNothing(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.tcp();
        SipCall call = scenario.call(line);
        Datagrams far = scenario.server().datagrams(line.server().host(), 0)) {
      String hidden = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).text();
      SipMessage message =
          call.build(Side.CALLER, "MESSAGE", null).withBody("text/plain", "hello\r\n\r\n" + hidden);
      SipMessage heard = line.say(true, message);
      assertEquals(message.body(), heard.body());
      assertFalse(
          scenario.rows("expectations").toString().contains("audio"),
          () -> scenario.rows("expectations").toString());
      Endpoint rtp = call.audio(Side.CALLER).rtp().local();
      scenario.assertShut(
          far,
          new Endpoint(line.dialogue().clientSeenByServer().host(), rtp.port()),
          call.audio(Side.CALLER).rtp());
    }
  }
}
