package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.FlowFacts.Origin;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.HelperRun;

/** Whole messages of translated flows: what is announced for them, and what becomes of them. */
class SipTranslationTest {
  private static final Pattern EDIT =
      Pattern.compile("edit (\\w+) @(\\d+) (\\d+) bytes to (.*)", Pattern.DOTALL);
  private static final String CASE = "1-masquerade-invite/";

  /** A flow of the masqueraded phone, and what its messages become. */
  private static final class Phone {
    private final HelperRun run;
    private final Direction[] ways = {Direction.ORIGINAL, Direction.REPLY};
    private long clientBytes;
    private long serverBytes;

    Phone(Transport transport) {
      this(SipFlow.masqueraded(transport, Origin.FIRST_BYTE));
    }

    Phone(FlowFacts facts) {
      run = new HelperRun(SipFlow.setup(facts));
      Endpoint seen = facts.clientSeenByServer();
      ports(
          inside ->
              inside.address().equals(facts.client().address())
                  ? new Endpoint(seen.address(), inside.port())
                  : inside);
    }

    Phone ports(Function<Endpoint, @Nullable Endpoint> seen) {
      run.sink().translateBy(seen);
      return this;
    }

    String client(String text) {
      String after = send(ways[0], text, clientBytes);
      clientBytes += isStream() ? text.length() : 0;
      return after;
    }

    String server(String text) {
      String after = send(ways[1], text, serverBytes);
      serverBytes += isStream() ? text.length() : 0;
      return after;
    }

    private boolean isStream() {
      return run.bytesRead(Direction.ORIGINAL) > 0 || run.bytesRead(Direction.REPLY) > 0;
    }

    private String send(Direction direction, String text, long from) {
      int before = run.sink().outcomes().size();
      byte[] bytes = text.getBytes(ISO_8859_1);
      run.send(direction, bytes, 0, bytes.length);
      return edited(text, from, before);
    }

    String edited(String text, long from, int before) {
      StringBuilder after = new StringBuilder();
      int at = 0;
      List<String> all = run.sink().outcomes();
      for (String outcome : all.subList(before, all.size())) {
        Matcher edit = EDIT.matcher(outcome);
        if (edit.matches()) {
          int start = (int) (Long.parseLong(edit.group(2)) - from);
          after.append(text, at, start).append(edit.group(4));
          at = start + Integer.parseInt(edit.group(3));
        }
      }
      return after.append(text.substring(at)).toString();
    }

    boolean said(String outcome) {
      return run.sink().outcomes().stream().anyMatch(each -> each.startsWith(outcome));
    }
  }

  @Test
  void masqueradedInvite_andItsAnswer() {
    Phone phone = new Phone(Transport.UDP);
    assertEquals(SipFlow.read(CASE + "out.sip"), phone.client(SipFlow.read(CASE + "in.sip")));
    assertTrue(phone.run.sink().opened().contains("UDP 192.0.2.10:4000-4000"));
    assertEquals(
        SipFlow.read(CASE + "answer-out.sip"), phone.server(SipFlow.read(CASE + "answer-in.sip")));
  }

  /** A keep-alive glued to a message: who gets it skips the line ends (RFC 3261 section 7.5). */
  @ParameterizedTest
  @ValueSource(strings = {"\r\n", "\r\n\r\n", "\n"})
  void lineEndsBeforeADatagram_stay_andTheMessageIsRead(String lineEnds) {
    Phone phone = new Phone(Transport.UDP);
    assertEquals(
        lineEnds + SipFlow.read(CASE + "out.sip"),
        phone.client(lineEnds + SipFlow.read(CASE + "in.sip")));
    assertTrue(phone.run.sink().opened().contains("UDP 192.0.2.10:4000-4000"));
    assertEquals(
        lineEnds + SipFlow.read(CASE + "answer-out.sip"),
        phone.server(lineEnds + SipFlow.read(CASE + "answer-in.sip")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u0000", " ", "\r\n \t", "\u0000\u0000\u0000\u0000"})
  void otherBytesBeforeADatagram_areCounted(String junk) {
    Phone phone = new Phone(Transport.UDP);
    String datagram = junk + SipFlow.read(CASE + "in.sip");
    assertEquals(datagram, phone.client(datagram));
    assertTrue(phone.said("START_LINE @0"), phone.run.sink().outcomes().toString());
    assertTrue(phone.run.sink().opened().isEmpty());
    assertEquals(junk, phone.client(junk));
    assertEquals(1, phone.run.sink().outcomes().size(), "a keep-alive");
  }

  @Test
  void register_andItsAnswer() {
    Phone phone = new Phone(Transport.UDP);
    String folder = "2-register/";
    assertEquals(
        SipFlow.read(folder + "request-out.sip"),
        phone.client(SipFlow.read(folder + "request-in.sip")));
    assertEquals(
        SipFlow.read(folder + "answer-out.sip"),
        phone.server(SipFlow.read(folder + "answer-in.sip")));
  }

  @Test
  void inviteOverTcp_cutAtEachOffsetOfTheCase() {
    String before = SipFlow.read("4-tcp-cuts/in.sip");
    byte[] bytes = before.getBytes(ISO_8859_1);
    int cuts = 0;
    for (String row : SipFlow.read("4-tcp-cuts/cuts.tsv").split("\n", -1)) {
      String offset = row.split("\t", -1)[0];
      if (!offset.isEmpty() && !offset.equals("offset")) {
        int cut = Integer.parseInt(offset);
        Phone phone = new Phone(Transport.TCP);
        phone.run.send(Direction.ORIGINAL, bytes, 0, cut);
        assertEquals(List.of(0L), phone.run.sink().incomplete(), row);
        assertEquals(List.of(), phone.run.sink().outcomes(), row);
        phone.run.send(Direction.ORIGINAL, bytes, cut, bytes.length);
        assertEquals(SipFlow.read("4-tcp-cuts/out.sip"), phone.edited(before, 0, 0), row);
        cuts++;
      }
    }
    assertEquals(10, cuts);
  }

  @ParameterizedTest
  @EnumSource
  void aCopy_getsTheSameBytes_alsoBehindTheEndOfTheCall(Transport transport) {
    Phone phone = new Phone(transport);
    String invite = SipFlow.read(CASE + "in.sip").replace("SIP/2.0/UDP", "SIP/2.0/" + transport);
    String answer = SipFlow.read(CASE + "answer-in.sip");
    answer = answer.replace("SIP/2.0/UDP", "SIP/2.0/" + transport);
    String inviteSeen = phone.client(invite);
    String answerSeen = phone.server(answer);
    assertEquals(inviteSeen, phone.client(invite));
    assertEquals(answerSeen, phone.server(answer));
    String bye =
        invite
                .substring(0, invite.indexOf("Content-Type"))
                .replace("INVITE", "BYE")
                .replace("bob@example.com>", "bob@example.com>;tag=a6c85cf")
                .replace("314159", "314160")
            + "Content-Length: 0\r\n\r\n";
    String byeSeen = phone.client(bye);
    phone.server(
        bye.replaceFirst("BYE [^\r]*", "SIP/2.0 200 OK").replaceFirst("192.0.2.10", "203.0.113.1"));
    assertTrue(phone.said("end "), () -> String.join("\n", phone.run.sink().outcomes()));
    assertEquals(byeSeen, phone.client(bye));
    int opened = phone.run.sink().outcomes().size();
    assertEquals(inviteSeen, phone.client(invite));
    assertEquals(answerSeen, phone.server(answer));
    List<String> behind = phone.run.sink().outcomes();
    assertFalse(
        behind.subList(opened, behind.size()).stream().anyMatch(each -> each.startsWith("expect")),
        "copies after the end open nothing");
  }

  @Test
  void aPortThatIsTaken_givesAnother_inAllPlaces() {
    Phone phone =
        new Phone(Transport.UDP)
            .ports(
                inside ->
                    new Endpoint(
                        SipFlow.endpoint("203.0.113.1:1").address(),
                        inside.port() < 5000 ? inside.port() + 2000 : inside.port()));
    String after = phone.client(SipFlow.read(CASE + "in.sip"));
    assertEquals(SipFlow.read(CASE + "out.sip").replace("m=audio 4000", "m=audio 6000"), after);
  }

  @Test
  void withoutAFreePort_noneOfTheDescriptionChanges() {
    String invite =
        SipFlow.read(CASE + "in.sip")
            .replace("a=label", "m=video 4002 RTP/AVP 31\r\na=label")
            .replace("Content-Length: 192", "Content-Length: 217");
    Phone phone = new Phone(Transport.UDP);
    Function<Endpoint, @Nullable Endpoint> usual =
        inside ->
            inside.port() == 4002
                ? null
                : new Endpoint(SipFlow.endpoint("203.0.113.1:1").address(), inside.port());
    String after = phone.ports(usual).client(invite);
    int head = invite.indexOf("\r\n\r\n");
    assertEquals(invite.substring(head), after.substring(after.indexOf("\r\n\r\n")));
    assertTrue(after.contains("Contact: \"192.0.2.10:5060\" <sip:192.0.2.10@203.0.113.1:5062;ob"));
    assertTrue(after.contains("Content-Length: 217"));
  }

  @Test
  void aSecondStreamInAReoffer_isOpened_andRewrittenWithTheFirst() {
    Phone phone = new Phone(Transport.UDP);
    phone.client(SipFlow.read(CASE + "in.sip"));
    phone.server(SipFlow.read(CASE + "answer-in.sip"));
    String again =
        SipFlow.read(CASE + "in.sip")
            .replace("bob@example.com>", "bob@example.com>;tag=a6c85cf")
            .replace("314159", "314160")
            .replace("z9hG4bK776asdhds", "z9hG4bK777")
            .replace("a=label", "m=video 40000 RTP/AVP 31\r\na=label")
            .replace("Content-Length: 192", "Content-Length: 218");
    String after = phone.client(again);
    assertTrue(phone.run.sink().opened().contains("UDP 192.0.2.10:40000-40000"));
    assertTrue(after.contains("c=IN IP4 203.0.113.1\r\n"), after);
    assertTrue(after.contains("Content-Length: 220"), after);
  }

  @Test
  void anotherAlg_isReported_andTheMessageIsTreatedByTheRules() {
    String invite =
        SipFlow.read(CASE + "in.sip").replaceFirst("UDP 192.0.2.10:5062", "UDP 203.0.113.1:5062");
    Phone phone = new Phone(Transport.UDP);
    String after = phone.client(invite);
    assertTrue(phone.said("ANOTHER_ALG @0"));
    assertEquals(SipFlow.read(CASE + "out.sip"), after);
  }

  @Test
  void aPhoneThatKnowsItsOutside_isNoEvidenceOfAnotherAlg() {
    String invite =
        SipFlow.read(CASE + "in.sip")
            .replaceFirst("UDP 192.0.2.10:5062", "UDP 203.0.113.1:5062")
            .replace("@192.0.2.10:5062;ob", "@203.0.113.1:5062;ob");
    Phone phone = new Phone(Transport.UDP);
    phone.client(invite);
    assertFalse(phone.said("ANOTHER_ALG"));
  }

  @Test
  void aDatagramThatEndsBeforeItsBody_isReported_andOpensNothing() {
    String invite = SipFlow.read(CASE + "in.sip").replace("Length: 192", "Length: 193");
    Phone phone = new Phone(Transport.UDP);
    assertEquals(invite, phone.client(invite));
    assertEquals(List.of("CONTENT_LENGTH_BEYOND_END @0"), phone.run.sink().outcomes());
  }

  @Test
  void theContactOfOtherRequests_andAListeningPort_areOpenForTheAnswer() {
    String subscribe =
        SipFlow.read("2-register/request-in.sip")
            .replace("REGISTER", "SUBSCRIBE")
            .replace("192.0.2.10:5062", "192.0.2.10:5070");
    Phone phone = new Phone(Transport.UDP);
    String after = phone.client(subscribe);
    assertEquals(
        subscribe
            .replace("UDP 192.0.2.10:5070", "UDP 203.0.113.1:5070")
            .replace("alice@192.0.2.10:5070", "alice@203.0.113.1:5070"),
        after);
    assertEquals(
        1,
        phone.run.sink().outcomes().stream().filter(each -> each.startsWith("expect")).count(),
        "one port, however often it is named");
    assertTrue(
        phone.run.sink().outcomes().get(0).contains("vu5070/v source PEER"),
        () -> phone.run.sink().outcomes().get(0));
  }

  @Test
  void theTrace_namesNobody() {
    Phone phone = new Phone(Transport.UDP);
    phone.client(SipFlow.read(CASE + "in.sip"));
    phone.server(SipFlow.read(CASE + "answer-in.sip"));
    assertEquals(
        List.of(
            "INVITE",
            "INVITE cseq 314159 call T8LCSAnZ3fq86Tzn sdp audio 192.0.2.10:4000",
            "2xx",
            "200 to INVITE cseq 314159 call T8LCSAnZ3fq86Tzn sdp audio 203.0.113.10:6000"),
        phone.run.sink().understood());
    assertTrue(phone.said("named T8LCSAnZ3fq86Tzn call '***@example.com -> ***@example.com'"));
    assertFalse(
        phone.run.sink().outcomes().stream().anyMatch(each -> each.matches(".*(alice|bob)@.*")));
  }
}
