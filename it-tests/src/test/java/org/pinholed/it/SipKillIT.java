package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/**
 * {@code kill -9} between any two messages of a call, and another start: audio that was there goes
 * on, an offer makes new audio, and the BYE closes it.
 */
class SipKillIT {
  private static final int MESSAGES = 8;
  private static final int TRUNK_CALLS = 3;

  static Stream<Router> routers() {
    return Stream.of(true, false)
        .flatMap(
            overUdp ->
                Stream.of(
                    new Router(null, Family.V6, overUdp),
                    new Router(NatMode.MASQUERADE, Family.V4, overUdp),
                    new Router(NatMode.DNAT, Family.V4, overUdp),
                    new Router(NatMode.MASQUERADE, Family.V6, overUdp)));
  }

  /** The messages of a call with early media; the last two end it. */
  private static List<Runnable> messages(SipCall call) {
    SipSdp offer = call.audio(Side.CALLER).sdp();
    SipSdp answer = call.audio(Side.CALLEE).sdp();
    return List.of(
        () -> call.request(Side.CALLER, "INVITE", offer),
        () -> call.answer(Side.CALLEE, 180, null),
        () -> call.answer(Side.CALLEE, 183, answer),
        () -> call.answer(Side.CALLEE, 200, answer),
        () -> call.request(Side.CALLER, "ACK", null),
        () -> call.request(Side.CALLEE, "OPTIONS", null),
        () -> call.request(Side.CALLER, "BYE", null),
        () -> call.answer(Side.CALLEE, 200, null));
  }

  @ParameterizedTest
  @MethodSource("routers")
  void killedBetweenAnyTwoMessages(Router router) {
    try (SipScenario scenario = SipScenario.start(router.nat(), router.family())) {
      // Over TCP a flow that has said nothing yet is one that nobody has seen from its first byte.
      for (int place : IntStream.range(router.overUdp() ? 0 : 1, MESSAGES).toArray()) {
        try (SipLine line = scenario.line(router.overUdp());
            SipCall call = scenario.call(line)) {
          run(scenario, router, call, place);
        } catch (RuntimeException | AssertionError e) {
          throw new AssertionError("killed before message " + place, e);
        }
      }
      scenario.assertClean();
    }
  }

  private static void run(SipScenario scenario, Router router, SipCall call, int place) {
    List<Runnable> messages = messages(call);
    for (int i = 0; i < 6; i++) {
      if (i == place) {
        restart(scenario, call, i > 2);
      }
      messages.get(i).run();
    }
    if (place <= 5) {
      // Over TCP nothing opens until a request and its answer were both read; a re-offer is both.
      if (router.overUdp() || place > 2) {
        call.assertAudio();
      } else if (place > 0) {
        try (Datagrams fresh = scenario.atClient(0)) {
          scenario.assertShut(fresh, call.heard(Side.CALLER).rtp(), call.audio(Side.CALLEE).rtp());
        }
      }
      SipSdp callerTold = call.heard(Side.CALLEE);
      call.reoffer(Side.CALLER, call.audio(Side.CALLER).sdp(), call.audio(Side.CALLEE).sdp());
      if (router.overUdp() || place > 2) {
        assertEquals(callerTold, call.heard(Side.CALLEE), "a refresh changes no port");
      }
      call.assertAudio();
      scenario.assertStrangersOut(call);
    }
    for (int i = 6; i < MESSAGES; i++) {
      if (i == place) {
        restart(scenario, call, true);
      }
      messages.get(i).run();
    }
    scenario.awaitNoMedia();
    for (Side side : Side.values()) {
      int port = call.heard(side).rtp().port();
      scenario.await(() -> scenario.conntracks(port).isEmpty());
    }
    scenario.assertSilent(call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
  }

  private static void restart(SipScenario scenario, SipCall call, boolean audio) {
    if (audio) {
      call.assertAudio();
    }
    scenario.agent().kill();
    if (audio) {
      call.assertAudio();
    }
    scenario.agent().startAgain();
    if (audio) {
      call.assertAudio();
    }
  }

  /**
   * All calls of a trunk hold one pinhole of its signalling, and the kernel has the comment of one
   * of them: whichever goes on for longest hears its BYE.
   */
  @Test
  void callsOfATrunk_eachHearsItsEnd() {
    try (SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, Family.V4)) {
      for (int longest = 0; longest < TRUNK_CALLS; longest++) {
        try (SipLine line = scenario.udp(5062)) {
          List<SipCall> calls = new ArrayList<>();
          try {
            trunk(scenario, line, calls, longest);
          } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("longest is " + longest, e);
          } finally {
            calls.forEach(SipCall::close);
          }
        }
      }
      scenario.assertClean();
    }
  }

  private static void trunk(SipScenario scenario, SipLine line, List<SipCall> calls, int longest) {
    Set<Endpoint> contacts = new HashSet<>();
    for (int number = 0; number < TRUNK_CALLS; number++) {
      SipCall call = scenario.call(line);
      calls.add(call);
      contacts.add(connect(call));
    }
    assertEquals(1, contacts.size(), "one Contact for all of them");
    Endpoint contact = contacts.iterator().next();
    scenario.agent().kill();
    scenario.agent().startAgain();
    for (int number = 0; number < TRUNK_CALLS; number++) {
      if (number != longest) {
        calls.get(number).hangUp(Side.CALLER);
      }
    }
    scenario.deleteConntracks(5060);
    try (Datagrams fresh = scenario.atServer(0)) {
      scenario.assertOpen(fresh, contact, line.clientSocket());
    }
    calls.get(longest).assertAudio();
    calls.get(longest).hangUp(Side.CALLEE);
    scenario.awaitNoMedia();
    scenario.deleteConntracks(contact.port());
    try (Datagrams fresh = scenario.atServer(0)) {
      scenario.assertShut(fresh, contact, line.clientSocket());
    }
  }

  /** Its Contact, as the callee sees it. */
  private static Endpoint connect(SipCall call) {
    SipMessage invite = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
    call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
    call.request(Side.CALLER, "ACK", null);
    return invite.contact();
  }

  /** A phone registers and calls with one Contact; the call goes on where the other ends. */
  @Test
  void callAndRegistrationAtOneContact_theCallHearsItsEnd() {
    try (SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, Family.V4);
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line)) {
      SipRegistration registration = new SipRegistration(line);
      Endpoint contact = SipMessage.endpoint(registration.connect(600));
      assertEquals(contact, connect(call));
      scenario.agent().kill();
      scenario.agent().startAgain();
      registration.withdraw("*");
      scenario.deleteConntracks(5060);
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertOpen(fresh, contact, line.clientSocket());
      }
      call.assertAudio();
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.deleteConntracks(contact.port());
      scenario.deleteConntracks(5060);
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertShut(fresh, contact, line.clientSocket());
      }
      scenario.assertClean();
    }
  }

  /** A registration and what it may let in outlive the process; withdrawing it closes it. */
  @ParameterizedTest
  @MethodSource("routers")
  void registration_goesOn(Router router) {
    if (!router.overUdp()) {
      return;
    }
    try (SipScenario scenario = SipScenario.start(router.nat(), router.family());
        SipLine line = scenario.udp(5062)) {
      SipRegistration registration = new SipRegistration(line);
      String target = registration.connect(60);
      scenario.deleteConntracks(5060);
      scenario.agent().kill();
      scenario.agent().startAgain();
      Datagrams phone = line.clientSocket();
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertOpen(fresh, SipMessage.endpoint(target), phone);
      }
      try (SipCall call = scenario.callBack(line, target).connect()) {
        call.assertAudio();
        call.hangUp(Side.CALLER);
      }
      assertEquals(target, registration.connect(60), "the same port again");
      registration.withdraw("*");
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }
}
