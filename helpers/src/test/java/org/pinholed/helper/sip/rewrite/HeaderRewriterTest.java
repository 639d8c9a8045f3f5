package org.pinholed.helper.sip.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.rewrite.Mappings.Wrote;

/**
 * Each field of the table, in both directions. The phone is 192.0.2.10:5062, seen as
 * 203.0.113.1:6062; the server 203.0.113.10:5060.
 */
class HeaderRewriterTest {
  private static final String VIA = "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK1";
  private static final String SEEN_VIA = "Via: SIP/2.0/UDP 203.0.113.1:6062;branch=z9hG4bK1";

  private static Rewriting flow() {
    return new Rewriting(
        Transport.UDP,
        "192.0.2.10:5062",
        "203.0.113.1:6062",
        "203.0.113.10:5060",
        "203.0.113.10:5060");
  }

  /** A PBX 192.0.2.5:5060 behind 203.0.113.1:5060, and a client outside. */
  private static Rewriting behindForwarding() {
    return new Rewriting(
        Transport.UDP,
        "198.51.100.7:5070",
        "198.51.100.7:5070",
        "192.0.2.5:5060",
        "203.0.113.1:5060");
  }

  static String request(String line, String uri, String... lines) {
    return line.isEmpty() ? "" : message("OPTIONS " + uri + " SIP/2.0", "OPTIONS", line, lines);
  }

  static String answer(String line, String... lines) {
    return message("SIP/2.0 200 OK", "OPTIONS", line, lines);
  }

  static String message(String start, String method, String line, String... lines) {
    StringBuilder text = new StringBuilder(start).append("\r\n").append(line).append("\r\n");
    text.append("From: <sip:a@192.0.2.10:5062>;tag=192.0.2.10\r\n");
    text.append("To: <sip:b@203.0.113.1:6062>;tag=203.0.113.1\r\n");
    text.append("Call-ID: 1@192.0.2.10\r\nCSeq: 1 ").append(method).append("\r\n");
    for (String more : lines) {
      text.append(more).append("\r\n");
    }
    return text.append("\r\n").toString();
  }

  private static void toOutside(Rewriting flow, String before, String after) {
    String uri = "sip:b@203.0.113.10";
    assertEquals(request(SEEN_VIA, uri, after), flow.client(request(VIA, uri, before)));
    // an answer's Via is that of the other side
    String via = "Via: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK2";
    assertEquals(answer(via, after), flow.client(answer(via, before)));
  }

  private static void toInside(Rewriting flow, String before, String after) {
    String via = "Via: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK2";
    String uri = "sip:b@192.0.2.77";
    assertEquals(request(via, uri, after), flow.server(request(via, uri, before)));
    assertEquals(answer(VIA, after), flow.server(answer(SEEN_VIA, before)));
  }

  /** What the sender says of itself. */
  @Nested
  class Own {
    @ParameterizedTest
    @ValueSource(strings = {"Contact", "m", "Record-Route", "Path", "Refer-To", "r"})
    void eachHeader_says_whatOthersSee_andGetsItBack(String header) {
      String inside = header + ": <sip:a@192.0.2.10:5062;lr;x=192.0.2.10>;y=\"192.0.2.10\"";
      String outside = header + ": <sip:a@203.0.113.1:6062;lr;x=192.0.2.10>;y=\"192.0.2.10\"";
      toOutside(flow(), inside, outside);
      toInside(flow(), outside, inside);
    }

    @Test
    void eachUri_ofAllLines() {
      toOutside(
          flow(),
          "Contact: sip:192.0.2.10:5062, <sip:192.0.2.11:5062>\r\nm:sip:x@192.0.2.10:5062",
          "Contact: sip:203.0.113.1:6062, <sip:192.0.2.11:5062>\r\nm:sip:x@203.0.113.1:6062");
    }

    @Test
    void aFoldedLine() {
      toOutside(
          flow(),
          "Contact:\r\n \"a\"\r\n\t<sip:192.0.2.10:5062>",
          "Contact:\r\n \"a\"\r\n\t<sip:203.0.113.1:6062>");
    }

    @Test
    void anotherPort_hasAMappingOfItsOwn_perTransport() {
      Rewriting flow =
          flow()
              .map(Transport.UDP, "192.0.2.10:5070", "203.0.113.1:7000")
              .map(Transport.TCP, "192.0.2.10:5070", "203.0.113.1:7002");
      toOutside(flow, "Contact: <sip:192.0.2.10:5070>", "Contact: <sip:203.0.113.1:7000>");
      toOutside(
          flow,
          "Contact: <sip:192.0.2.10:5070;transport=TCP>",
          "Contact: <sip:203.0.113.1:7002;transport=TCP>");
      toInside(
          flow,
          "Contact: <sip:203.0.113.1:7002;transport=tcp>",
          "Contact: <sip:192.0.2.10:5070;transport=tcp>");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Contact: <sip:a@192.0.2.10:5071>",
          "Contact: <sip:a@192.0.2.10>",
          "Contact: <sip:a@192.0.2.10:5062;transport=tls>",
          "Contact: <sip:a@192.0.2.10:5062;transport=ws>",
          "Contact: <sip:a@192.0.2.10:5062;transport=tcp>",
          "Contact: <sips:a@192.0.2.10:5062>",
          "Contact: <tel:192.0.2.10>",
          "Contact: <sip:phone.example.com:5062>",
          "Contact: <sip:192.0.2.10:5062@198.51.100.1>",
          "Contact: \"192.0.2.10:5062\" <sip:a@198.51.100.1;maddr=192.0.2.10>",
          "Route: <sip:192.0.2.10:5062;lr>",
          "User-Agent: 192.0.2.10:5062",
          "Warning: 399 192.0.2.10:5062 \"192.0.2.10\"",
          "Authorization: Digest uri=\"sip:192.0.2.10:5062\", realm=\"192.0.2.10\"",
          "P-Asserted-Identity: <sip:a@192.0.2.10:5062>",
          "Reply-To: <sip:a@192.0.2.10:5062>",
          "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK0"
        })
    void whatHasNoMapping_orDoesNotRoute_stays(String line) {
      toOutside(flow(), line, line);
    }

    @Test
    void theRequestUri_isNeverTheSendersOwn() {
      String uri = "sip:a@192.0.2.10:5062";
      assertEquals(request(SEEN_VIA, uri), flow().client(request(VIA, uri)));
    }

    @Test
    void aPhoneThatKnowsItsOutside_isLeftAlone_andItsAnswerToo() {
      String contact = "Contact: <sip:a@203.0.113.1:6062>";
      Rewriting flow = flow().map(Transport.UDP, "192.0.2.10:5062", "203.0.113.1:6062", Wrote.SEEN);
      String request = request(SEEN_VIA, "sip:b@203.0.113.10", contact);
      assertEquals(request, flow.client(request));
      String answer =
          answer(SEEN_VIA + ";received=203.0.113.1;rport=6062", contact, "Path: <sip:x.example>");
      assertEquals(answer, flow.server(answer));
    }
  }

  /** What the other side repeats. */
  @Nested
  class Repeated {
    @Test
    void requestUri_andTheTopmostRoute() {
      String via = "Via: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK2";
      String before =
          "Route: <sip:203.0.113.1:6062;lr>, <sip:203.0.113.1:6062>\r\nRoute: sip:203.0.113.1:6062";
      String after =
          "Route: <sip:192.0.2.10:5062;lr>, <sip:203.0.113.1:6062>\r\nRoute: sip:203.0.113.1:6062";
      assertEquals(
          request(via, "sip:x@192.0.2.10:5062;u=203.0.113.1", after),
          flow().server(request(via, "sip:x@203.0.113.1:6062;u=203.0.113.1", before)));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Contact: <sip:203.0.113.1:6063>", // nothing of ours
          "Contact: <sip:203.0.113.1>",
          "Contact: <sip:203.0.113.2:6062>",
          "Contact: <sip:x@203.0.113.1:6062;transport=tcp>",
          "Contact: <sips:203.0.113.1:6062>"
        })
    void whatIsNotOurs_stays(String line) {
      toInside(flow(), line, line);
    }

    @Test
    void whatLeadsToSomebodyElse_stays() {
      Rewriting flow = flow().map(Transport.UDP, "192.0.2.99:5070", "203.0.113.1:7000");
      toInside(flow, "Contact: <sip:203.0.113.1:7000>", "Contact: <sip:203.0.113.1:7000>");
    }

    @Test
    void aPortThatWasNotNamed_isTakenOutAgain() {
      Rewriting flow = flow().map(Transport.UDP, "192.0.2.10:5060", "203.0.113.1:7000", Wrote.HOST);
      toOutside(flow, "Contact: <sip:a@192.0.2.10;x>", "Contact: <sip:a@203.0.113.1:7000;x>");
      toInside(flow, "Contact: <sip:a@203.0.113.1:7000;x>", "Contact: <sip:a@192.0.2.10;x>");
      Rewriting same = flow().map(Transport.UDP, "192.0.2.10:5060", "203.0.113.1:5060", Wrote.HOST);
      toOutside(same, "Contact: <sip:a@192.0.2.10>", "Contact: <sip:a@203.0.113.1>");
      toInside(same, "Contact: <sip:a@203.0.113.1>", "Contact: <sip:a@192.0.2.10>");
    }
  }

  /** The topmost Via. */
  @Nested
  class Topmost {
    private final Rewriting behind5060 =
        new Rewriting(
            Transport.UDP,
            "192.0.2.10:5060",
            "203.0.113.1:6062",
            "203.0.113.10:5060",
            "203.0.113.10:5060");

    @Test
    void aViaWithoutPort_getsOne_andItsAnswerHasNone() {
      String via = "Via: SIP/2.0/UDP 192.0.2.10 ;branch=z9hG4bKa";
      String seen = "Via: SIP/2.0/UDP 203.0.113.1:6062 ;branch=z9hG4bKa";
      String uri = "sip:b@203.0.113.10";
      assertEquals(request(seen, uri), behind5060.client(request(via, uri)));
      assertEquals(answer(via), behind5060.server(answer(seen)));
      assertEquals(answer(via), behind5060.server(answer(seen)), "as often as it comes");
      // one that nobody remembers names the port, which says the same
      String other = seen.replace("bKa", "bKb");
      assertEquals(
          answer("Via: SIP/2.0/UDP 192.0.2.10:5060 ;branch=z9hG4bKb"),
          behind5060.server(answer(other)));
    }

    @Test
    void theMemoryIsBounded_andHandedOver() {
      String uri = "sip:b@203.0.113.10";
      for (int at = 0; at < 65; at++) {
        behind5060.client(request("Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK" + at, uri));
      }
      Rewriting next = behind5060.handOver();
      for (Rewriting flow : new Rewriting[] {behind5060, next}) {
        assertEquals(
            answer("Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK0"),
            flow.server(answer("Via: SIP/2.0/UDP 203.0.113.1:6062;branch=z9hG4bK0")));
        assertEquals(
            answer("Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK64"),
            flow.server(answer("Via: SIP/2.0/UDP 203.0.113.1:6062;branch=z9hG4bK64")));
      }
    }

    @Test
    void receivedRportAndMaddr_sayAgainWhatThePhoneKnows() {
      String before =
          "Via: SIP / 2.0 / UDP  203.0.113.1 : 6062 ; received = 203.0.113.1;RPORT=6062;"
              + "maddr=203.0.113.1;branch=z9hG4bK1, SIP/2.0/UDP 203.0.113.1:6062;received=203.0.113.1";
      String after =
          "Via: SIP / 2.0 / UDP  192.0.2.10 : 5062 ; received = 192.0.2.10;RPORT=5062;"
              + "maddr=192.0.2.10;branch=z9hG4bK1, SIP/2.0/UDP 203.0.113.1:6062;received=203.0.113.1";
      assertEquals(answer(after), flow().server(answer(before)));
    }

    @Test
    void aNameStays_whatTheServerSawOfIt_doesNot() {
      assertEquals(
          answer("Via: SIP/2.0/UDP phone.example;received=192.0.2.10;rport=5062;branch=z9hG4bK1"),
          flow()
              .server(
                  answer(
                      "Via: SIP/2.0/UDP phone.example;received=203.0.113.1;rport=6062;branch=z9hG4bK1")));
    }

    @Test
    void rportWithoutValue_getsNone() {
      String uri = "sip:b@203.0.113.10";
      assertEquals(
          request(SEEN_VIA + ";rport;maddr=203.0.113.1", uri),
          flow().client(request(VIA + ";rport;maddr=192.0.2.10", uri)));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Via: SIP/2.0/UDP 192.0.2.10:5099;branch=z9hG4bK1", // nothing leads there
          "Via: SIP/2.0/TCP 192.0.2.10:5062;branch=z9hG4bK1",
          "Via: SIP/2.0/UDP 192.0.2.77:5062;branch=z9hG4bK1",
          "Via: SIP/2.0/UDP phone.example:5062;branch=z9hG4bK1"
        })
    void ofARequest_whatIsNotTheFlowsEndpoint_stays(String via) {
      String request = request(via, "sip:b@203.0.113.10");
      assertEquals(request, flow().client(request));
    }

    @Test
    void aListeningPort_hasAMappingOfItsOwn() {
      Rewriting flow = flow().map(Transport.UDP, "192.0.2.10:5060", "203.0.113.1:5061");
      String uri = "sip:b@203.0.113.10";
      assertEquals(
          request("Via: SIP/2.0/UDP 203.0.113.1:5061;rport;branch=z9hG4bK3", uri),
          flow.client(request("Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK3", uri)));
      assertEquals(
          answer("Via: SIP/2.0/UDP 192.0.2.10:5060;rport=5062;branch=z9hG4bK3"),
          flow.server(answer("Via: SIP/2.0/UDP 203.0.113.1:5061;rport=6062;branch=z9hG4bK3")));
    }
  }

  /** Who is translated. */
  @Nested
  class BothSides {
    @Test
    void aPbxBehindForwarding() {
      Rewriting flow = behindForwarding();
      String via = "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1";
      assertEquals(
          request(via, "sip:x@192.0.2.5:5060", "Contact: <sip:198.51.100.7:5070>"),
          flow.client(request(via, "sip:x@203.0.113.1:5060", "Contact: <sip:198.51.100.7:5070>")));
      assertEquals(
          answer(via, "Contact: <sip:203.0.113.1:5060>"),
          flow.server(answer(via, "Contact: <sip:192.0.2.5:5060>")));
      String own = "Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK2";
      String seen = "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK2";
      assertEquals(
          request(seen, "sip:198.51.100.7:5070"),
          flow.server(request(own, "sip:198.51.100.7:5070")));
      assertEquals(answer(own), flow.client(answer(seen)));
    }

    @Test
    void bothAtOnce_throughOneAddress() {
      // a phone inside calls a PBX inside by the address of the router, which hides it behind it
      Rewriting flow =
          new Rewriting(
              Transport.UDP,
              "192.0.2.10:5062",
              "203.0.113.1:6062",
              "192.0.2.5:5060",
              "203.0.113.1:5060");
      String contact = "Contact: <sip:a@192.0.2.10:5062>";
      String contactSeen = "Contact: <sip:a@203.0.113.1:6062>";
      assertEquals(
          request(SEEN_VIA, "sip:x@192.0.2.5:5060", contactSeen),
          flow.client(request(VIA, "sip:x@203.0.113.1:5060", contact)));
      assertEquals(
          answer(VIA, "Contact: <sip:203.0.113.1:5060>"),
          flow.server(answer(SEEN_VIA, "Contact: <sip:192.0.2.5:5060>")));
      assertEquals(answer(VIA, contact), flow.server(answer(SEEN_VIA, contactSeen)));
    }

    @Test
    void onlyThePort() {
      Rewriting flow =
          new Rewriting(
              Transport.UDP,
              "198.51.100.10:5060",
              "198.51.100.10:1024",
              "203.0.113.10:5060",
              "203.0.113.10:5060");
      String via = "Via: SIP/2.0/UDP 198.51.100.10;branch=z9hG4bK1";
      String seen = "Via: SIP/2.0/UDP 198.51.100.10:1024;branch=z9hG4bK1";
      String uri = "sip:b@203.0.113.10";
      assertEquals(
          request(seen, uri, "Contact: <sip:a@198.51.100.10:1024>, sip:198.51.100.10:1024"),
          flow.client(request(via, uri, "Contact: <sip:a@198.51.100.10>, sip:198.51.100.10:5060")));
      assertEquals(answer(via), flow.server(answer(seen)));
    }

    @Test
    void withoutTranslation_nothing() {
      Rewriting flow =
          new Rewriting(
              Transport.UDP,
              "192.0.2.10:5062",
              "192.0.2.10:5062",
              "203.0.113.10:5060",
              "203.0.113.10:5060");
      String request = request(VIA, "sip:b@203.0.113.10", "Contact: <sip:192.0.2.10:5062>");
      assertEquals(request, flow.client(request));
      assertEquals(request, flow.server(request));
    }
  }

  /** The same over IPv6. */
  @Nested
  class OverIpv6 {
    private final Rewriting flow =
        new Rewriting(
            Transport.UDP,
            "[2001:db8:1::10]:5062",
            "[2001:db8:2::1]:6062",
            "[2001:db8:3::10]:5060",
            "[2001:db8:3::10]:5060");

    @ParameterizedTest
    @CsvSource({
      "[2001:db8:1::10]",
      "[2001:DB8:1:0::10]",
      "[2001:0db8:0001:0000:0000:0000:0000:0010]"
    })
    void anyWriting_isTheSameAddress(String host) {
      assertEquals(
          request(
              "Via: SIP/2.0/UDP [2001:db8:2::1]:6062;branch=z9hG4bK1",
              "sip:b@[2001:db8:3::10]",
              "Contact: <sip:a@[2001:db8:2::1]:6062>"),
          flow.client(
              request(
                  "Via: SIP/2.0/UDP " + host + ":5062;branch=z9hG4bK1",
                  "sip:b@[2001:db8:3::10]",
                  "Contact: <sip:a@" + host + ":5062>")));
    }

    @ParameterizedTest
    @CsvSource({
      "2001:db8:2::1, 2001:db8:1::10",
      "[2001:db8:2::1], [2001:db8:1::10]",
      "2001:DB8:2:0::1, 2001:db8:1::10"
    })
    void received_keepsItsBrackets(String before, String after) {
      String via = "Via: SIP/2.0/UDP %s:%s;received=%s;rport=%s;branch=z9hG4bK1";
      assertEquals(
          answer(String.format(via, "[2001:db8:1::10]", "5062", after, "5062")),
          flow.server(answer(String.format(via, "[2001:DB8:2::1]", "6062", before, "6062"))));
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void theSameAgain_getsTheSameBytes(Transport transport) {
    Rewriting flow =
        new Rewriting(
            transport,
            "192.0.2.10:5060",
            "203.0.113.1:6062",
            "203.0.113.10:5060",
            "203.0.113.10:5060");
    String via = "Via: SIP/2.0/" + transport + " 192.0.2.10;branch=z9hG4bKa";
    String request = request(via, "sip:b@203.0.113.10", "Contact: <sip:192.0.2.10>");
    String first = flow.client(request);
    assertEquals(first, flow.client(request));
  }
}
