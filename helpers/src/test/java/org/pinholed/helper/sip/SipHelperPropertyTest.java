package org.pinholed.helper.sip;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.FlowFacts.Origin;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

/** Messages of any kind in any order, with endpoints of both sides of the translation in them. */
class SipHelperPropertyTest {
  private static final List<String> HOSTS =
      List.of(
          "192.0.2.10",
          "203.0.113.1",
          "203.0.113.10",
          "192.0.2.77",
          "0.0.0.0",
          "239.1.1.1",
          "127.0.0.1",
          "255.255.255.255",
          "host.example.com");
  private static final List<String> PORTS =
      List.of("", ":0", ":22", ":1023", ":4000", ":5060", ":5062", ":6062", ":20001", ":65535");
  private static final List<String> STARTS =
      List.of(
          "INVITE",
          "INVITE",
          "ACK",
          "BYE",
          "CANCEL",
          "PRACK",
          "UPDATE",
          "REGISTER",
          "REGISTER",
          "OPTIONS",
          "REFER",
          "X",
          "100",
          "180",
          "183",
          "200",
          "200",
          "302",
          "401",
          "407",
          "408",
          "481",
          "487",
          "488",
          "603");
  private static final List<String> METHODS =
      List.of("INVITE", "INVITE", "BYE", "REGISTER", "UPDATE", "PRACK", "CANCEL", "OPTIONS");
  private static final List<String> URI_HEADERS =
      List.of("Contact", "m", "Record-Route", "Route", "Path", "Refer-To");
  private static final List<String> PARAMETERS =
      List.of(
          "",
          ";transport=tcp",
          ";transport=UDP",
          ";transport=tls",
          ";lr",
          ";maddr=192.0.2.10",
          ";x=y?a=b");
  private static final List<String> OUTER =
      List.of("", ";expires=0", ";expires=60", ";expires=4294967295", ";q=0.1", " ");
  private static final List<String> LINES =
      List.of(
          "Contact: *",
          "Expires: 0",
          "Expires: 120",
          "Expires: 99999999999",
          "Session-Expires: 1800;refresher=uac",
          "x: 0",
          "Supported:100rel",
          "Content-Encoding: gzip",
          "RSeq: 1");
  private static final List<String> SDP =
      List.of(
          "s=-",
          "t=0 0",
          "m=audio 4000 RTP/AVP 0",
          "m=audio 4005/2 RTP/SAVPF 0",
          "m=video 65535 RTP/AVP 31",
          "m=video 0 RTP/AVP 31",
          "m=image 4010 udptl t38",
          "m=application 9 TCP/TLS/BFCP *",
          "m=audio 65534/2 RTP/AVP 0",
          "m=audio 22 RTP/AVP 0",
          "a=rtcp:4011",
          "a=rtcp:4012 IN IP4 192.0.2.10",
          "a=rtcp:0",
          "a=rtcp-mux",
          "a=sendonly",
          "a=inactive",
          "a=mid:1",
          "a=group:BUNDLE 1 2",
          "a=mid:2",
          "a=setup:active",
          "a=candidate:1 1 UDP 1 192.0.2.10 4000 typ host",
          "a=candidate:1 2 UDP 1 192.0.2.10 4001 typ host",
          "a=x:192.0.2.10");

  /** One message and who sends it. */
  record Sent(boolean client, String text) {}

  private static Arbitrary<String> uris() {
    return Combinators.combine(
            Arbitraries.of("sip:", "sip:a@", "sips:a@", "tel:", "sip:a:b@"),
            Arbitraries.of(HOSTS),
            Arbitraries.of(PORTS),
            Arbitraries.of(PARAMETERS))
        .as((scheme, host, port, parameters) -> scheme + host + port + parameters);
  }

  private static Arbitrary<String> uriLines() {
    Arbitrary<String> entries =
        Combinators.combine(uris(), Arbitraries.of(OUTER))
            .as((uri, outer) -> "<" + uri + ">" + outer);
    return Combinators.combine(
            Arbitraries.of(URI_HEADERS), entries.list().ofMinSize(1).ofMaxSize(3))
        .as((header, list) -> header + ": " + String.join(",", list));
  }

  private static Arbitrary<String> vias() {
    return Combinators.combine(
            Arbitraries.of("UDP", "TCP"),
            Arbitraries.of(HOSTS),
            Arbitraries.of(PORTS),
            Arbitraries.of("", ";rport", ";rport=5062", ";rport=6062", ";maddr=203.0.113.1"),
            Arbitraries.of("", ";received=203.0.113.1", ";received=192.0.2.10"),
            Arbitraries.of("", ";branch=z9hG4bK1", ";branch=z9hG4bK2"))
        .as(
            (transport, host, port, rport, received, branch) ->
                "Via: SIP/2.0/" + transport + " " + host + port + rport + received + branch);
  }

  private static Arbitrary<String> bodies() {
    Arbitrary<String> connections =
        Combinators.combine(Arbitraries.of("o=- 1 1 ", "c="), Arbitraries.of(HOSTS))
            .as((line, host) -> line + "IN IP4 " + host);
    Arbitrary<List<String>> lines =
        Arbitraries.frequencyOf(Tuple.of(2, connections), Tuple.of(5, Arbitraries.of(SDP)))
            .list()
            .ofMaxSize(12);
    return Combinators.combine(Arbitraries.of(HOSTS), lines)
        .as(
            (host, rest) ->
                "v=0\r\nc=IN IP4 " + host + "\r\n" + String.join("\r\n", rest) + "\r\n");
  }

  @Provide
  Arbitrary<List<Sent>> dialogues() {
    Arbitrary<List<String>> lines =
        Arbitraries.frequencyOf(Tuple.of(3, uriLines()), Tuple.of(1, Arbitraries.of(LINES)))
            .list()
            .ofMaxSize(3);
    Arbitrary<String> heads =
        Combinators.combine(Arbitraries.of(STARTS), Arbitraries.of(METHODS), uris(), vias(), lines)
            .as(SipHelperPropertyTest::head);
    Arbitrary<String> names =
        Combinators.combine(
                Arbitraries.of("a", "b"),
                Arbitraries.of("", ";tag=1", ";tag=2"),
                Arbitraries.of("", ";tag=1", ";tag=2"))
            .as(
                (call, from, to) ->
                    "i: " + call + "\r\nf: <sip:a@x>" + from + "\r\nt: <sip:b@x>" + to + "\r\n");
    Arbitrary<Sent> sent =
        Combinators.combine(
                Arbitraries.of(true, false), heads, names, Arbitraries.of(true, false), bodies())
            .as(
                (client, head, name, described, body) ->
                    new Sent(client, message(head, name, described ? body : "")));
    return sent.list().ofMinSize(1).ofMaxSize(8);
  }

  private static String head(
      String start, String method, String uri, String via, List<String> lines) {
    boolean answer = Character.isDigit(start.charAt(0));
    List<String> head = new ArrayList<>();
    head.add(answer ? "SIP/2.0 " + start + " x" : start + " " + uri + " SIP/2.0");
    head.add(via);
    head.add("CSeq: 1 " + (answer ? method : start));
    head.addAll(lines);
    return String.join("\r\n", head) + "\r\n";
  }

  private static String message(String head, String name, String body) {
    String type = body.isEmpty() ? "" : "c: application/sdp\r\n";
    return head + name + type + "Content-Length: " + body.length() + "\r\n\r\n" + body;
  }

  private static Dialogue dialogue(List<Sent> messages) {
    Dialogue dialogue = new Dialogue();
    for (Sent sent : messages) {
      if (sent.client()) {
        dialogue.client(sent.text());
      } else {
        dialogue.server(sent.text());
      }
    }
    return dialogue;
  }

  private static HelperSetup setup(Transport transport, boolean masqueraded) {
    FlowFacts facts =
        masqueraded
            ? SipFlow.masqueraded(transport, Origin.FIRST_BYTE)
            : SipFlow.facts(
                transport,
                Origin.FIRST_BYTE,
                "192.0.2.10:5062",
                "192.0.2.10:5062",
                "203.0.113.10:5060");
    @Nullable Endpoint seen = masqueraded ? SipFlow.endpoint("203.0.113.1:7000") : null;
    return SipFlow.setup(facts, seen);
  }

  @Property(tries = 1500)
  void anyDatagrams_areReadSafely(@ForAll("dialogues") List<Sent> messages) {
    for (boolean masqueraded : new boolean[] {true, false}) {
      new HelperRun(setup(Transport.UDP, masqueraded)).say(dialogue(messages));
    }
  }

  /** Nothing throws, and segments make no difference. */
  @Property(tries = 700)
  void anyStream_isReadInTheSameWay_whateverItsSegments(
      @ForAll("dialogues") List<Sent> messages, @ForAll Random random) {
    for (boolean masqueraded : new boolean[] {true, false}) {
      Dialogue dialogue = dialogue(messages);
      HelperSetup setup = setup(Transport.TCP, masqueraded);
      List<String> whole = new HelperRun(setup).say(dialogue).sink().outcomes();
      List<String> torn = new HelperRun(setup).sayTorn(dialogue, random, 90).sink().outcomes();
      assertEquals(whole, torn);
    }
  }
}
