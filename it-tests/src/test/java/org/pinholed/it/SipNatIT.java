package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagram;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RtpPeer;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipScenario.Probe;
import org.pinholed.it.lab.SipSdp;

/** What translation adds: whose port is whose outside, and what must stay as it is. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipNatIT {
  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> translations() {
    return Stream.of(
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V6, false),
        new Router(NatMode.SNAT, Family.V4, false),
        new Router(NatMode.SNAT_POOL, Family.V4, true),
        new Router(NatMode.SNAT_POOL, Family.V6, false));
  }

  private static SipLine line(SipScenario scenario, Router router, String source) {
    return router.overUdp() ? scenario.udpFrom(source, 5062) : scenario.tcpFrom(source);
  }

  /** Two phones with the same ports behind one address: pairs stay pairs, two ports further up. */
  @ParameterizedTest
  @MethodSource("translations")
  void twoPhonesWithTheSamePorts_haveTheirOwnOutside(Router router) {
    SipScenario scenario = labs.with(router);
    Family family = router.family();
    try (SipLine one = line(scenario, router, family.client());
        SipLine two = line(scenario, router, family.otherClient());
        SipCall first =
            scenario.call(
                one,
                RtpPeer.open(scenario.client(), family.client(), 30000),
                RtpPeer.open(scenario.server(), family.server(), 31000));
        SipCall second =
            scenario.call(
                two,
                RtpPeer.open(scenario.client(), family.otherClient(), 30000),
                RtpPeer.open(scenario.server(), family.server(), 31010))) {
      first.connect();
      second.connect();
      SipSdp firstTold = first.heard(Side.CALLEE);
      SipSdp secondTold = second.heard(Side.CALLEE);
      assertEquals(30000, firstTold.rtp().port(), "the phone's own port is free");
      if (firstTold.rtp().host().equals(secondTold.rtp().host())) {
        assertEquals(30002, secondTold.rtp().port(), "the next pair");
      } else {
        assertEquals(30000, secondTold.rtp().port(), "another address of the pool");
      }
      for (SipCall call : List.of(first, second)) {
        SipSdp told = call.heard(Side.CALLEE);
        assertEquals(told.rtp().port() + 1, told.rtcp().port());
        call.assertAudio();
      }
      assertNotEquals(one.dialogue().clientSeenByServer(), two.dialogue().clientSeenByServer());
      first.hangUp(Side.CALLER);
      second.assertAudio();
      second.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
      scenario.assertSilent(second, secondTold, second.heard(Side.CALLER));
    }
  }

  /** As after a power cut: until a flow has left, the kernel gives its port to another one, too. */
  @ParameterizedTest
  @EnumSource
  void phonesThatStartAtTheSameMoment_areToldApart(Family family) {
    SipScenario scenario = labs.with(new Router(NatMode.MASQUERADE, family, true));
    try (SipLine one = scenario.udpFrom(family.client(), 5096);
        SipLine two = scenario.udpFrom(family.otherClient(), 5096)) {
      List<SipLine> phones = List.of(one, two);
      List<String> texts = new ArrayList<>();
      for (SipLine phone : phones) {
        SipRegistration registration = new SipRegistration(phone);
        texts.add(registration.build(registration.contact(5096), 600).text());
      }
      scenario.whileAgentStands(() -> send(phones, texts));
      Map<String, Endpoint> heard = new HashMap<>();
      scenario.await(
          () -> {
            for (Datagram came :
                scenario.serverSocket().receive(Integer.MAX_VALUE, Duration.ofMillis(300))) {
              SipMessage message = SipMessage.of(came.data());
              assertEquals(came.from(), message.contact(), message.text());
              heard.put(message.header("Call-ID"), came.from());
            }
            if (heard.size() < phones.size()) {
              send(phones, texts); // as phones do that hear nothing
            }
            return heard.size() == phones.size();
          });
      assertEquals(phones.size(), Set.copyOf(heard.values()).size(), heard.toString());
    }
  }

  private static void send(List<SipLine> phones, List<String> texts) {
    for (int at = 0; at < phones.size(); at++) {
      SipLine phone = phones.get(at);
      phone.clientSocket().send(phone.dialed(), texts.get(at));
    }
  }

  /**
   * What the router itself answers is its own, whatever a phone announces. The agent asks once a
   * second what listens, so this one is asked nothing before.
   */
  @ParameterizedTest
  @EnumSource
  void portOnWhichTheRouterListens_isNotTakenAway(Family family) {
    try (SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, family, "");
        Peer router = scenario.onRouter();
        Datagrams service = router.datagrams(family == Family.V4 ? "0.0.0.0" : "::", 30200);
        SipLine line = scenario.udp(5091);
        SipCall call =
            scenario.call(
                line,
                RtpPeer.open(scenario.client(), family.client(), 30200),
                RtpPeer.open(scenario.server(), family.server(), 31200))) {
      call.connect();
      Endpoint told = call.heard(Side.CALLEE).rtp();
      assertEquals(30202, told.port());
      call.assertAudio();
      Endpoint outside = new Endpoint(told.host(), 30200);
      scenario.assertOpen(scenario.serverSocket(), outside, service);
      scenario.assertOpen(scenario.serverStranger(), outside, service);
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }

  static Stream<Router> bothSides() {
    return Stream.concat(
        translations(),
        Stream.of(
            new Router(NatMode.DNAT, Family.V4, true),
            new Router(NatMode.DNAT, Family.V6, false),
            new Router(NatMode.TWICE, Family.V4, false)));
  }

  /**
   * Phones go on to speak for a moment after the end, and this router takes what comes to itself.
   * Conntrack keeps that for 30 s as something of the router's own, and so does not translate it.
   */
  @ParameterizedTest
  @MethodSource("bothSides")
  void mediaAfterTheEnd_doNotSilenceTheNextCall(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        RtpPeer near = RtpPeer.open(scenario.client(), router.family().client(), 30400);
        RtpPeer far = RtpPeer.open(scenario.server(), router.family().server(), 31400)) {
      for (int calls = 0; calls < 3; calls++) {
        SipCall call = scenario.call(line, near, far).connect();
        SipSdp callerTold = call.heard(Side.CALLEE);
        SipSdp calleeTold = call.heard(Side.CALLER);
        call.assertAudio(calls == 1 ? Side.CALLEE : Side.CALLER);
        call.assertAudio();
        call.hangUp(Side.CALLER);
        scenario.awaitNoMedia();
        // A child that the kernel tells of a little late is cut a little late.
        for (Endpoint told :
            List.of(callerTold.rtp(), callerTold.rtcp(), calleeTold.rtp(), calleeTold.rtcp())) {
          scenario.await(() -> scenario.conntracks(told.port()).isEmpty());
        }
        scenario.assertSilent(call, callerTold, calleeTold);
      }
    }
  }

  /** Some phones glue a keep-alive to a message (RFC 5626 section 3.5.1, RFC 3261 section 7.5). */
  @ParameterizedTest
  @EnumSource
  void messageBehindAKeepAlive_isReadAndChanged_andTheKeepAliveStays(Family family) {
    SipScenario scenario = labs.with(new Router(NatMode.MASQUERADE, family, true));
    String keepAlive = "\r\n\r\n";
    try (SipLine line = scenario.udp(5098);
        SipCall call = scenario.call(line)) {
      SipMessage invite = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      String heard = line.dialogue().toServer(keepAlive + invite.text());
      assertEquals(keepAlive, heard.substring(0, keepAlive.length()));
      SipMessage read = SipMessage.of(heard.substring(keepAlive.length()));
      assertEquals(line.dialogue().clientSeenByServer(), read.contact());
      Endpoint told = read.sdp().rtp();
      assertEquals(line.dialogue().clientSeenByServer().host(), told.host());
      RtpPeer near = call.audio(Side.CALLER);
      scenario.assertOpen(call.audio(Side.CALLEE).rtp(), told, near.rtp());
      SipMessage busy = call.buildAnswer(Side.CALLEE, read, 486, null);
      SipMessage ended =
          SipMessage.of(
              line.dialogue().toClient(keepAlive + busy.text()).substring(keepAlive.length()));
      assertEquals(invite.header("Via").split(";", 2)[0], ended.header("Via").split(";", 2)[0]);
      scenario.awaitNoMedia();
    }
  }

  /** A phone that asked a STUN server writes its outside address itself: nothing is changed. */
  @ParameterizedTest
  @EnumSource
  void phoneThatWroteItsOutsideAddress_isLeftAlone(Family family) {
    Router router = new Router(NatMode.MASQUERADE, family, true);
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5090);
        SipCall call = scenario.call(line)) {
      // As a STUN server would have told it.
      line.say(true, call.build(Side.CALLER, "OPTIONS", null));
      Endpoint outside = line.dialogue().clientSeenByServer();
      RtpPeer own = call.audio(Side.CALLER);
      SipSdp offer = SipSdp.audio(new Endpoint(outside.host(), own.rtp().local().port()));
      SipMessage invite = call.build(Side.CALLER, "INVITE", offer);
      String text =
          invite
              .text()
              .replace(
                  Family.inUrl(line.client().host()) + ":" + line.client().port(),
                  Family.inUrl(outside.host()) + ":" + outside.port());
      SipMessage said = SipMessage.of(text);
      assertEquals(text, line.say(true, said).text());
      call.note(Side.CALLEE, said);
      SipMessage ok = call.buildAnswer(Side.CALLEE, said, 200, call.audio(Side.CALLEE).sdp());
      SipMessage heard = line.say(false, ok);
      assertEquals(ok.header("Contact"), heard.header("Contact"));
      assertEquals(ok.body(), heard.body());
      call.note(Side.CALLER, heard);
      own.talkTo(call.audio(Side.CALLEE), heard.sdp(), offer);
      call.audio(Side.CALLEE).talkTo(own, offer, heard.sdp());
      scenario.assertShut(scenario.serverStranger(), offer.rtp(), own.rtp());
      call.request(Side.CALLER, "BYE", null);
      call.answer(Side.CALLEE, 200, null);
      scenario.awaitNoMedia();
    }
  }

  static Stream<Router> farNat() {
    return SipLabs.fewRouters();
  }

  /** The far phone writes a private address; its media come from where its messages come from. */
  @ParameterizedTest
  @MethodSource("farNat")
  void farPhoneBehindForeignNat_reachesTheOfferFromTheFlowsOtherEnd(Router router) {
    SipScenario scenario = labs.with(router);
    String inside = router.family() == Family.V4 ? "10.1.2.3" : "fd00::7";
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      SipSdp told = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).sdp();
      SipSdp answer = call.audio(Side.CALLEE).sdp().withConnection(inside);
      SipMessage heard = call.answer(Side.CALLEE, 200, answer);
      assertEquals(answer.lines(), heard.sdp().lines(), "not an address of this flow");
      call.request(Side.CALLER, "ACK", null);
      scenario.assertOpen(call.audio(Side.CALLEE).rtp(), told.rtp(), call.audio(Side.CALLER).rtp());
      scenario.assertShut(scenario.serverStranger(), told.rtp(), call.audio(Side.CALLER).rtp());
      call.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
    }
  }

  /** Media of another host than that which speaks are not opened unless the operator says so. */
  @ParameterizedTest
  @MethodSource("farNat")
  void mediaOfAnotherHost_areNotOpened(Router router) {
    SipScenario scenario = labs.with(router);
    Family family = router.family();
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call =
            scenario.call(
                line,
                RtpPeer.open(scenario.client(), family.otherClient(), 30100),
                RtpPeer.open(scenario.server(), family.otherServer(), 31100));
        Datagrams far = scenario.atServer(0);
        Datagrams near = scenario.atClient(0)) {
      call.connect();
      RtpPeer caller = call.audio(Side.CALLER);
      RtpPeer callee = call.audio(Side.CALLEE);
      scenario.assertShut(
          List.of(
              new Probe(far, call.heard(Side.CALLEE).rtp(), caller.rtp()),
              new Probe(callee.rtp(), call.heard(Side.CALLEE).rtp(), caller.rtp()),
              new Probe(near, call.heard(Side.CALLER).rtp(), callee.rtp()),
              new Probe(caller.rtp(), call.heard(Side.CALLER).rtp(), callee.rtp())));
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
    }
  }

  /** Addresses that look like the phone's stand in many places; only those that route change. */
  @ParameterizedTest
  @MethodSource("translations")
  void whatDoesNotRoute_staysByteForByte(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = line(scenario, router, router.family().client());
        SipCall call = scenario.call(line)) {
      String own = Family.inUrl(line.client().host()) + ":" + line.client().port();
      SipMessage message =
          call.build(
              Side.CALLER,
              "MESSAGE",
              null,
              "Subject: " + own,
              "User-Agent: phone " + own,
              "Authorization: Digest username=\"" + own + "\", uri=\"sip:" + own + "\"",
              "P-Asserted-Identity: <sip:a@" + own + ">",
              "X-Nothing: " + own);
      message = message.withBody("text/plain", "see " + own + "\r\n");
      SipMessage heard = line.say(true, message);
      assertEquals(message.body(), heard.body());
      for (String name :
          List.of("Subject", "User-Agent", "Authorization", "P-Asserted-Identity", "X-Nothing")) {
        assertEquals(message.header(name), heard.header(name));
      }
      assertEquals(
          line.dialogue().clientSeenByServer(), heard.contact(), "and what routes is changed");
    }
  }
}
