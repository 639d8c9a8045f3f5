package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.FlowFacts.Origin;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

/** What is special to SIP over TCP. */
class SipStreamTest {
  private static final String OPTIONS =
      crlf(
          """
          OPTIONS sip:b@203.0.113.10 SIP/2.0
          Via: SIP/2.0/TCP 198.51.100.10:5062;branch=z9hG4bKo
          From: <sip:a@x>;tag=1
          To: <sip:b@x>
          Call-ID: o
          CSeq: 7 OPTIONS
          l: 0

          """);
  private static final String ANSWER =
      "SIP/2.0 200 OK" + OPTIONS.substring(OPTIONS.indexOf("\r\n"));

  /** An INVITE of the routed phone. */
  private static final String INVITE =
      SipFlow.read("4-tcp-cuts/in.sip")
          .replace("Content-Length: 172", "Content-Length: 181")
          .replace("192.0.2.10", "198.51.100.10");

  private static HelperRun run(FlowFacts facts) {
    return new HelperRun(SipFlow.setup(facts));
  }

  private static HelperRun routed() {
    return run(SipFlow.routed(Transport.TCP, Origin.FIRST_BYTE));
  }

  private static HelperRun client(HelperRun run, String text) {
    return send(run, Direction.ORIGINAL, text);
  }

  private static HelperRun server(HelperRun run, String text) {
    return send(run, Direction.REPLY, text);
  }

  private static HelperRun send(HelperRun run, Direction direction, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    run.send(direction, bytes, 0, bytes.length);
    return run;
  }

  @Test
  void aFakeLength_endsTheReading_andOpensNothing() {
    HelperRun run = client(routed(), SipFlow.read("3-fake-length/stream.bin"));
    assertEquals(List.of("CONTENT_LENGTH_TOO_LARGE @0"), run.sink().outcomes());
    client(run, INVITE);
    server(run, ANSWER);
    assertEquals(1, run.sink().outcomes().size(), "for good, both ways");
    assertEquals("opaque", run.helper().stateWord());
    assertFalse(((StreamHelper) run.helper()).mayAnnounce(Direction.ORIGINAL));
    assertEquals("", run.helper().snapshot());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\u0016\u0003\u0001",
        "REGISTER / HTTP/1.1\r\n",
        "nothing of the kind\r\n"
      })
  void whatIsNoSip_isOpaqueForGood(String first) {
    HelperRun run = client(routed(), first);
    assertEquals(1, run.sink().outcomes().size(), () -> run.sink().outcomes().toString());
    client(run, INVITE);
    assertEquals(1, run.sink().outcomes().size());
    assertTrue(run.sink().opened().isEmpty());
  }

  @Test
  void aChildThatIsNoSip_isCut() {
    FlowFacts parent = SipFlow.routed(Transport.TCP, Origin.FIRST_BYTE);
    FlowFacts child =
        new FlowFacts(
            parent.transport(),
            parent.client(),
            parent.clientSeenByServer(),
            parent.server(),
            parent.serverSeenByClient(),
            parent.origin(),
            0,
            "",
            "",
            new FlowFacts.Announcement(null, "rx", "c"));
    assertEquals(
        List.of("cut HTTP @0"), client(run(child), "GET / HTTP/1.1\r\n").sink().outcomes());
    HelperRun sip = server(client(run(child), OPTIONS), ANSWER);
    assertEquals(Set.of("proven"), Set.copyOf(sip.sink().outcomes()));
  }

  @Test
  void messagesThatAreNotWhole_areSaidToBe_whereTheyBegin() {
    HelperRun run = client(routed(), "\r\n\r\n" + OPTIONS + "\r\nOPTIONS sip:");
    assertEquals(List.of((long) OPTIONS.length() + 6), run.sink().incomplete());
    client(run, "b");
    assertEquals(2, run.sink().incomplete().size());
    assertEquals(run.sink().incomplete().get(0), run.sink().incomplete().get(1));
  }

  @Test
  void keepAlives_areDoneWith() {
    HelperRun run = client(routed(), OPTIONS + "\r\n\r\n\r\n");
    assertTrue(run.sink().incomplete().isEmpty());
    assertEquals(0, run.bufferedBytes());
  }

  /** Whatever the limits are that other protocols are read with. */
  @ParameterizedTest
  @ValueSource(ints = {1, 100, 1448, 70_000})
  void theLongestMessage_isRead_howeverItComes_andSoIsTheNextOne(int segmentBytes) {
    HelperLimits small = new HelperLimits(256, 1024, 32, 512);
    FlowFacts facts = SipFlow.routed(Transport.TCP, Origin.FIRST_BYTE);
    HelperRun run = new HelperRun(new HelperSetup(new SipProtocol(), Map.of(), small, facts, null));
    String longest = withPicture(65_535);
    assertEquals(65_535, longest.length());
    String stream = longest + INVITE.replace("cut@", "cut2@").replace("4000", "4100");
    for (int at = 0; at < stream.length(); at += segmentBytes) {
      client(run, stream.substring(at, Math.min(stream.length(), at + segmentBytes)));
    }
    assertEquals(2, run.sink().understood().stream().filter("INVITE"::equals).count());
    String opened = run.sink().opened().toString();
    assertTrue(opened.contains("198.51.100.10:4000") && opened.contains("198.51.100.10:4100"));
    assertEquals(0, run.bufferedBytes());
  }

  /** What stands behind a lost segment of the longest message has room as well. */
  @Test
  void aLostSegmentOfTheLongestMessage_isNoEnd() {
    HelperRun run = routed();
    String stream = withPicture(65_535) + (OPTIONS + "\r\n").repeat(300);
    byte[] bytes = stream.getBytes(ISO_8859_1);
    int lost = 44 * 1460;
    run.send(Direction.ORIGINAL, bytes, 0, lost);
    for (int segment = 0; segment < 32; segment++) {
      int from = lost + 1460 * (segment + 1);
      run.sendAt(Direction.ORIGINAL, from, bytes, from, from + 1460);
    }
    run.sendAt(Direction.ORIGINAL, lost, bytes, lost, lost + 1460);
    assertEquals("INVITE", run.sink().understood().get(0));
    assertTrue(run.sink().understood().size() > 100, () -> "" + run.sink().understood().size());
  }

  /** An INVITE with a picture behind its description, as a whole of a length. */
  private static String withPicture(int lengthBytes) {
    int head = INVITE.indexOf("\r\n\r\n") + 4;
    String parts =
        "--x\r\nContent-Type: application/sdp\r\n\r\n"
            + INVITE.substring(head)
            + "\r\n--x\r\nContent-Type: image/jpeg\r\n\r\n";
    String end = "\r\n--x--\r\n";
    String before =
        INVITE
            .substring(0, head)
            .replace("application/sdp", "multipart/mixed;boundary=x")
            .replace("Content-Length: 181", "Content-Length: 00000");
    int rest = lengthBytes - before.length() - parts.length() - end.length();
    String body = parts + "y".repeat(rest) + end;
    return before.replace("Length: 00000", "Length: " + body.length()) + body;
  }

  @Test
  void oneThatCannotBeRead_isNotTheEnd() {
    HelperRun run = client(routed(), OPTIONS.replace("CSeq: 7 OPTIONS", "CSeq: 7 BYE") + OPTIONS);
    assertEquals(List.of("CSEQ_METHOD @0", "proven"), run.sink().outcomes());
  }

  /** A stream that an earlier process read. */
  @Nested
  class Resumed {
    private final HelperRun run = run(SipFlow.routed(Transport.TCP, Origin.RESUMED));

    @Test
    void itIsTakenUp_whereASegmentBeginsWithAStartLine() {
      client(run, "m=audio 4000 RTP/AVP 0\r\n" + OPTIONS);
      assertTrue(run.sink().understood().isEmpty());
      assertEquals(0, run.bufferedBytes(), "and nothing is glued to the past");
      client(run, OPTIONS.substring(0, 20));
      client(run, OPTIONS.substring(20));
      assertEquals("OPTIONS", run.sink().understood().get(0));
      assertTrue(run.sink().outcomes().isEmpty());
    }

    @Test
    void itOpensNothing_untilARequestAndItsAnswerWereRead() {
      client(run, INVITE);
      assertFalse(run.sink().opened().isEmpty(), "its ports are taken");
      server(client(run, OPTIONS), ANSWER.replace("CSeq: 7", "CSeq: 8"));
      client(run, INVITE.replace("cut@", "cut2@"));
      assertTrue(run.sink().openedAtOnce().isEmpty(), "answers nothing that was asked");
      assertFalse(run.sink().outcomes().contains("proven"));
      server(run, ANSWER);
      assertTrue(run.sink().outcomes().contains("proven"));
      client(run, INVITE.replace("cut@", "cut3@"));
      assertFalse(run.sink().openedAtOnce().isEmpty());
    }

    @Test
    void theAnswerThatCompletesTheEvidence_opens() {
      client(run, INVITE);
      assertTrue(run.sink().openedAtOnce().isEmpty());
      server(run, answerTo(INVITE));
      assertEquals(run.sink().opened(), run.sink().openedAtOnce());
    }

    @Test
    void behindMasquerade_itsFirstMessageIsChangedAsAnyOther() {
      String invite = SipFlow.read("4-tcp-cuts/in.sip");
      Endpoint outside = SipFlow.endpoint("203.0.113.1:5062");
      HelperRun resumed =
          new HelperRun(SipFlow.setup(SipFlow.masqueraded(Transport.TCP, Origin.RESUMED), outside));
      HelperRun whole =
          new HelperRun(
              SipFlow.setup(SipFlow.masqueraded(Transport.TCP, Origin.FIRST_BYTE), outside));
      client(resumed, invite);
      client(whole, invite);
      List<String> edits = edits(resumed);
      assertFalse(edits.isEmpty());
      assertEquals(edits(whole), edits);
      assertTrue(resumed.sink().openedAtOnce().isEmpty());
    }

    private List<String> edits(HelperRun of) {
      return of.sink().outcomes().stream().filter(one -> one.startsWith("edit")).toList();
    }

    private String answerTo(String invite) {
      int body = invite.indexOf("\r\n\r\n") + 4;
      String head = invite.substring(0, body);
      String sdp = invite.substring(body).replace("198.51.100.10", "203.0.113.10");
      return "SIP/2.0 200 OK"
          + head.substring(head.indexOf("\r\n"))
              .replaceFirst("(To: [^\r]*)", "$1;tag=answers")
              .replaceFirst("Contact: [^\r]*", "Contact: <sip:b@203.0.113.10;transport=tcp>")
              .replaceFirst("Content-Length: [0-9]*", "Content-Length: " + sdp.length())
          + sdp;
    }
  }

  /** So an agent after this one may take it up, which has not seen its beginning. */
  @Nested
  class Proven {
    private final HelperRun run = routed();

    @Test
    void byTheFirstMessageOfTheClient() {
      client(run, OPTIONS.substring(0, 30));
      assertEquals(List.of(), run.sink().outcomes());
      client(run, OPTIONS.substring(30) + OPTIONS);
      assertEquals(List.of("proven"), run.sink().outcomes());
    }

    @Test
    void notByTheServer() {
      server(run, OPTIONS);
      assertEquals(List.of(), run.sink().outcomes());
    }

    @Test
    void notByOneThatCannotBeRead() {
      client(run, OPTIONS.replace("CSeq: 7 OPTIONS", "CSeq: 7 BYE"));
      assertEquals(List.of("CSEQ_METHOD @0"), run.sink().outcomes());
    }

    @Test
    void notWhereNobodySawTheBeginning() {
      HelperRun resumed = run(SipFlow.routed(Transport.TCP, Origin.RESUMED));
      client(resumed, OPTIONS);
      assertEquals(List.of(), resumed.sink().outcomes());
    }
  }

  private static String crlf(String text) {
    return text.replace("\n", "\r\n");
  }
}
