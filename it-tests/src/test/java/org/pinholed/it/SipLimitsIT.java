package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/**
 * What is beyond a limit passes, opens nothing, is counted and said; what was within it goes on.
 */
class SipLimitsIT {
  private static SipScenario masqueraded(String limits) {
    return SipScenario.start(NatMode.MASQUERADE, Family.V4, limits);
  }

  /** Counted and told of by its word. */
  private static void assertSaid(SipScenario scenario, String reason) {
    scenario.await(() -> !scenario.events("refused").isEmpty());
    Set<String> reasons =
        scenario.events("refused").stream()
            .map(event -> event.path("reason").asText())
            .collect(Collectors.toSet());
    assertTrue(reasons.contains(reason), reasons::toString);
    String sample = "pinholed_refused_total{helper=\"sip\",reason=\"%s\"".formatted(reason);
    scenario.await(() -> scenario.lab().metrics().contains(sample));
    scenario.assertClean();
  }

  /** An offer that opens nothing: it comes as it was said. */
  private static void assertOpensNothing(SipScenario scenario, SipCall call) {
    int before = scenario.media().size();
    SipSdp own = call.audio(Side.CALLER).sdp();
    SipMessage heard = call.request(Side.CALLER, "INVITE", own);
    assertEquals(own.text(), heard.body());
    assertEquals(before, scenario.media().size());
  }

  @Test
  void calls() {
    try (SipScenario scenario = masqueraded("calls: 2");
        SipLine line = scenario.udp(0);
        SipCall first = scenario.call(line).connect();
        SipCall second = scenario.call(line).connect();
        SipCall third = scenario.call(line)) {
      assertOpensNothing(scenario, third);
      third.answer(Side.CALLEE, 486, null);
      first.assertAudio();
      second.assertAudio();
      assertEquals(2, scenario.rows("calls").size());
      assertSaid(scenario, "tooManyCalls");
    }
  }

  /** One that takes as much memory as several counts as several, and itself goes on. */
  @Test
  void calls_largeOnesCountAsSeveral() {
    try (SipScenario scenario = masqueraded("calls: 2");
        SipLine line = scenario.udp(0);
        SipCall large = scenario.call(line);
        SipCall beside = scenario.call(line)) {
      large.request(Side.CALLER, "INVITE", sixteenStreams(large.audio(Side.CALLER).sdp()));
      SipSdp answer = sixteenStreams(large.audio(Side.CALLEE).sdp());
      String first = large.tag(Side.CALLEE);
      large.answerInvite(Side.CALLEE, 183, answer);
      for (int fork = 1; fork < 16; fork++) {
        large.tag(Side.CALLEE, first + fork);
        large.answerInvite(Side.CALLEE, 183, answer);
      }
      assertEquals(1, scenario.rows("calls").size());
      assertOpensNothing(scenario, beside);
      beside.answer(Side.CALLEE, 486, null);
      large.tag(Side.CALLEE, first);
      large.answerInvite(Side.CALLEE, 200, answer);
      large.request(Side.CALLER, "ACK", null);
      large.assertAudio();
      large.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      assertSaid(scenario, "tooManyCalls");
    }
  }

  private static SipSdp sixteenStreams(SipSdp audio) {
    return audio.plus(
        IntStream.range(0, 15)
            .mapToObj(number -> "m=video %d RTP/AVP 31".formatted(25000 + 2 * number))
            .toArray(String[]::new));
  }

  @Test
  void unansweredPerSource() {
    try (SipScenario scenario = masqueraded("unansweredPerSource: 2");
        SipLine line = scenario.udp(0);
        SipLine elsewhere = scenario.udpFrom(Family.V4.otherClient(), 0);
        SipCall first = scenario.call(line);
        SipCall second = scenario.call(line);
        SipCall third = scenario.call(line);
        SipCall neighbours = scenario.call(elsewhere)) {
      first.request(Side.CALLER, "INVITE", first.audio(Side.CALLER).sdp());
      second.request(Side.CALLER, "INVITE", second.audio(Side.CALLER).sdp());
      assertOpensNothing(scenario, third);
      neighbours.connect();
      neighbours.assertAudio();
      first.answer(Side.CALLEE, 200, first.audio(Side.CALLEE).sdp());
      first.request(Side.CALLER, "ACK", null);
      first.assertAudio();
      assertSaid(scenario, "tooManyUnanswered");
    }
  }

  @Test
  void forks() {
    try (SipScenario scenario = masqueraded("forks: 2");
        SipLine line = scenario.udp(0);
        SipCall call = scenario.call(line)) {
      call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      SipSdp answer = call.audio(Side.CALLEE).sdp();
      String first = call.tag(Side.CALLEE);
      call.answerInvite(Side.CALLEE, 183, answer);
      call.tag(Side.CALLEE, "second");
      call.answerInvite(Side.CALLEE, 183, answer);
      int open = scenario.media().size();
      call.tag(Side.CALLEE, "third");
      assertEquals(answer.text(), call.answerInvite(Side.CALLEE, 183, answer).body());
      assertEquals(open, scenario.media().size());
      call.tag(Side.CALLEE, first);
      call.answerInvite(Side.CALLEE, 200, answer);
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      assertSaid(scenario, "tooManyForks");
    }
  }

  @Test
  void mediaPerCall() {
    try (SipScenario scenario = masqueraded("mediaPerCall: 2");
        SipLine line = scenario.udp(0);
        SipCall many = scenario.call(line);
        SipCall two = scenario.call(line)) {
      SipSdp streams = many.audio(Side.CALLER).sdp();
      streams = streams.plus("m=video 25000 RTP/AVP 31", "m=text 25002 RTP/AVP 98");
      SipMessage heard = many.request(Side.CALLER, "INVITE", streams);
      // The first two are opened; of the third nothing is changed.
      assertTrue(heard.body().endsWith("m=text 25002 RTP/AVP 98\r\n"), heard::body);
      String open = scenario.media().toString();
      assertTrue(open.contains("\"port\":25000"), open);
      assertFalse(open.contains("\"port\":25002"), open);
      many.answer(Side.CALLEE, 488, null);
      two.connect();
      two.assertAudio();
      assertSaid(scenario, "sdpTooManyStreams");
    }
  }

  @Test
  void registrations() {
    assertThirdIsNotRegistered("registrations: 2", Family.V4.otherClient(), "tooManyRegistrations");
  }

  @Test
  void registrationsPerSource() {
    assertThirdIsNotRegistered(
        "registrationsPerSource: 2", Family.V4.client(), "tooManyRegistrationsOfSource");
  }

  private static void assertThirdIsNotRegistered(String limit, String third, String reason) {
    try (SipScenario scenario = SipScenario.start(null, Family.V4, limit);
        SipLine one = scenario.udp(5062);
        SipLine two = scenario.udp(5064);
        SipLine beyond = scenario.udpFrom(third, 5066);
        Datagrams registrar = scenario.atServer(0)) {
      new SipRegistration(one).connect(60);
      new SipRegistration(two).connect(60);
      new SipRegistration(beyond).connect(60);
      scenario.deleteConntracks(5060);
      scenario.assertOpen(registrar, one.client(), one.clientSocket());
      scenario.assertOpen(registrar, two.client(), two.clientSocket());
      scenario.assertShut(registrar, beyond.client(), beyond.clientSocket());
      assertEquals(2, scenario.rows("registrations").size());
      assertSaid(scenario, reason);
    }
  }

  @Test
  void contacts_ofOneRequest() {
    try (SipScenario scenario = SipScenario.start(null, Family.V4, "contacts: 2");
        SipLine line = scenario.udp(5062);
        Datagrams second = scenario.atClient(5064);
        Datagrams third = scenario.atClient(5066);
        Datagrams registrar = scenario.atServer(0)) {
      SipRegistration registration = new SipRegistration(line);
      String contacts =
          String.join(
              ", ",
              registration.contact(5062),
              registration.contact(5064),
              registration.contact(5066));
      SipMessage heard = registration.register(contacts, 60);
      assertEquals(contacts, heard.header("Contact"));
      registration.grant(heard, 60);
      scenario.assertOpenAre(
          Set.of(), registrar, line.client().host(), List.of(line.clientSocket(), second, third));
      new SipRegistration(line).connect(60);
      scenario.assertOpen(registrar, line.client(), line.clientSocket());
      assertSaid(scenario, "tooManyContacts");
    }
  }

  /** Of all that were asked for one after the other, the one that ends first gives way. */
  @Test
  void contacts_ofSeveralRequests() {
    try (SipScenario scenario = SipScenario.start(null, Family.V4, "contacts: 2");
        SipLine line = scenario.udp(5062);
        Datagrams second = scenario.atClient(5064);
        Datagrams third = scenario.atClient(5066)) {
      SipRegistration registration = new SipRegistration(line);
      List<Datagrams> phones = List.of(line.clientSocket(), second, third);
      String ofFirst = "Contact: " + registration.contact(5062) + ";expires=900";
      String ofSecond = "Contact: " + registration.contact(5064) + ";expires=600";
      registration.connect(900);
      registration.grantAll(registration.register(registration.contact(5064), 600), 600, ofFirst);
      try (Datagrams registrar = scenario.atServer(0)) {
        scenario.assertOpenAre(Set.of(5062, 5064), registrar, line.client().host(), phones);
      }
      assertTrue(scenario.events("refused").isEmpty());
      registration.grantAll(
          registration.register(registration.contact(5066), 60), 60, ofFirst, ofSecond);
      try (Datagrams registrar = scenario.atServer(0)) {
        scenario.assertOpenAre(Set.of(5062, 5066), registrar, line.client().host(), phones);
      }
      assertSaid(scenario, "tooManyContacts");
    }
  }
}
