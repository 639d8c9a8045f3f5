package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.KamailioProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.PhoneRouter;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Service;
import org.pinholed.it.lab.SipPhone;
import org.pinholed.it.lab.SipPhone.Counted;
import org.pinholed.it.lab.SippProcess;

/**
 * Phones that are used in the field (baresip) on either side of one router: over both families, on
 * hold and back, and a PBX that is published and calls out, too.
 */
class SipPhonesIT {
  private static final int PACKETS = 30;

  static Stream<Arguments> routers() {
    return Stream.of(
        Arguments.of(null, Family.V6, "udp"),
        Arguments.of(null, Family.V4, "tcp"),
        Arguments.of(NatMode.MASQUERADE, Family.V6, "udp"),
        Arguments.of(NatMode.MASQUERADE, Family.V6, "tcp"),
        Arguments.of(NatMode.DNAT, Family.V6, "udp"),
        Arguments.of(NatMode.DNAT, Family.V6, "tcp"));
  }

  private static SipPhone far(PhoneRouter router, Family family, String transport) {
    return SipPhone.start(router.lab(), Lab.Host.SERVER, "bob", family.server(), transport, null);
  }

  private static void assertHeard(SipPhone one, SipPhone other) {
    Counted first = one.awaitEnd();
    Counted second = other.awaitEnd();
    assertTrue(first.received() >= PACKETS && second.received() >= PACKETS, first + " " + second);
  }

  /** The one who calls holds, then the one who was called; each time they speak again. */
  @ParameterizedTest
  @MethodSource("routers")
  void phonesHoldAndSpeakAgain(@Nullable NatMode nat, Family family, String transport) {
    String dialed = nat == null ? family.server() : nat.dialed(family);
    try (PhoneRouter router = PhoneRouter.start(nat, family, "");
        SipPhone bob = far(router, family, transport);
        SipPhone alice = router.phone("alice", family.client(), transport, null)) {
      alice.dial("sip:bob@" + Family.inUrl(dialed));
      router.awaitMediaAt(alice, bob);
      router.awaitMedia(PACKETS);
      String open = router.openMediaPorts();
      for (SipPhone holder : new SipPhone[] {alice, bob}) {
        router.andRead("ACK", holder::hold);
        assertEquals(open, router.openMediaPorts(), "hold keeps pinholes and ports");
        holder.resume();
        router.awaitMedia(PACKETS);
        assertEquals(open, router.openMediaPorts(), "and so does what follows");
      }
      bob.hangUp();
      assertHeard(alice, bob);
      router.awaitNoMedia();
      router.assertClean();
    }
  }

  static Stream<Arguments> registered() {
    return Stream.of(
        Arguments.of(null, "udp"),
        Arguments.of(NatMode.MASQUERADE, "udp"),
        Arguments.of(NatMode.MASQUERADE, "tcp"));
  }

  /**
   * Over IPv6: registered at a proxy that is called by somebody beside it. What he sends is there
   * before his answer, which takes the way by the proxy, has opened its ports.
   */
  @ParameterizedTest
  @MethodSource("registered")
  void registeredPhone_callsAndIsCalled_overIpv6(@Nullable NatMode nat, String transport) {
    Family family = Family.V6;
    String proxyAt = family.otherServer();
    String options = "media: networks, mediaNetworks: ['%s/128']".formatted(family.server());
    try (PhoneRouter router = PhoneRouter.start(nat, family, options);
        KamailioProcess proxy = KamailioProcess.start(router.lab(), proxyAt, proxyAt);
        SipPhone bob =
            SipPhone.start(
                router.lab(), Lab.Host.SERVER, "bob", family.server(), transport, proxyAt);
        SipPhone alice = router.phone("alice", family.client(), transport, proxyAt)) {
      for (SipPhone caller : new SipPhone[] {alice, bob}) {
        SipPhone callee = caller == alice ? bob : alice;
        caller.dial(proxy.uri(caller == alice ? "bob" : "alice"));
        router.awaitMediaAt(caller, callee);
        router.awaitMedia(PACKETS);
        callee.hangUp();
        assertHeard(caller, callee);
        router.awaitNoMedia();
      }
      router.assertClean();
    }
  }

  /**
   * A PBX with a published port that also calls out from it, as to a trunk: calls in and out use
   * one port outside, and go on working once conntrack has forgotten the flows.
   */
  @ParameterizedTest
  @ValueSource(strings = {"udp", "tcp"})
  void publishedPbx_callsOutAndIsCalled(String transport) {
    Family family = Family.V4;
    String published = "203.0.113.1";
    try (PhoneRouter router = PhoneRouter.start(NatMode.MASQUERADE, family, "");
        SipPhone bob = far(router, family, transport);
        SipPhone pbx = router.phone("pbx", family.client(), transport, null)) {
      router
          .lab()
          .firewall(
              Lab.Host.ROUTER,
              """
              add rule inet nat pre iifname r1 meta l4proto { tcp, udp } th dport 5060 \
              dnat ip to %s
              add rule inet filter forward iifname r1 meta l4proto { tcp, udp } th dport 5060 \
              ct state new ct mark set ct mark & 0xffff0000 | %d accept
              """
                  .formatted(family.client(), RouterFirewall.POLICY_ID));
      for (int calls = 0; calls < 4; calls++) {
        boolean out = calls % 2 == 0;
        SipPhone caller = out ? pbx : bob;
        SipPhone callee = out ? bob : pbx;
        caller.dial(out ? "sip:bob@" + family.server() : "sip:pbx@" + published);
        router.awaitMediaAt(caller, callee);
        router.awaitMedia(PACKETS);
        (calls < 2 ? caller : callee).hangUp();
        assertHeard(pbx, bob);
        router.awaitNoMedia();
        if (calls == 1 && transport.equals("udp")) {
          router.forgetFlows();
        }
      }
      router.assertClean();
    }
  }

  /**
   * RFC 3327, and RFC 3261 section 18.2.2: a phone that does not ask for rport, and names a Path.
   * The registrar answers where its Via says, and calls it by what it named, without the flow by
   * which it registered.
   */
  @Test
  void phoneWithAPathAndWithoutRport_isCalled() {
    Family family = Family.V4;
    String proxyAt = family.otherServer();
    try (PhoneRouter router = PhoneRouter.start(NatMode.MASQUERADE, family, "media: any");
        KamailioProcess proxy = KamailioProcess.start(router.lab(), proxyAt, proxyAt);
        SipPhone bob =
            SipPhone.start(router.lab(), Lab.Host.SERVER, "bob", family.server(), "udp", proxyAt)) {
      Endpoint registrar = new Endpoint(proxyAt, Service.SIP_PORT);
      try (SippProcess registering =
          SippProcess.call(router.lab(), "path", "u1", family.client(), registrar, 1)) {
        registering.assertSuccess(registering);
      }
      router.forgetFlows();
      try (SippProcess alice =
          SippProcess.answerAtClient(
              router.lab(), "path", family.client(), SipPhone.LAST_MEDIA_PORT - 3)) {
        SippProcess.awaitPort(router.lab(), Lab.Host.CLIENT);
        bob.dial(proxy.uri("alice"));
        router.awaitMediaAt(bob);
        router.awaitMediaIn(PACKETS);
        bob.hangUp();
        assertTrue(bob.awaitEnd().received() > 0); // sipp does not always echo all of them
        alice.assertSuccess(alice);
      }
      router.awaitNoMedia();
      router.assertClean();
    }
  }

  static Stream<Arguments> encrypted() {
    return Stream.of(
        Arguments.of(NatMode.MASQUERADE, "srtp-mand", "SRTP is Enabled"),
        Arguments.of(NatMode.MASQUERADE, "dtls_srtp", "DTLS-SRTP complete (audio/RTP)"),
        Arguments.of(NatMode.MASQUERADE, "dtls_srtp;medianat=ice", "mnat 'ice' connected: raddr"),
        Arguments.of(NatMode.DNAT, "dtls_srtp;medianat=ice", "mnat 'ice' connected: raddr"),
        Arguments.of(null, "dtls_srtp;medianat=ice", "mnat 'ice' connected: raddr"));
  }

  /** SRTP by keys in the SDP and by DTLS (RFC 4568, RFC 5764), with and without ICE (RFC 8445). */
  @ParameterizedTest
  @MethodSource("encrypted")
  void encryptedMedia_andIce(@Nullable NatMode nat, String encryption, String said) {
    Family family = Family.V4;
    String dialed = nat == null ? family.server() : nat.dialed(family);
    String parameters = ";mediaenc=" + encryption;
    try (PhoneRouter router = PhoneRouter.start(nat, family, "");
        SipPhone bob =
            SipPhone.start(
                router.lab(), Lab.Host.SERVER, "bob", family.server(), "udp", null, parameters);
        SipPhone alice =
            SipPhone.start(
                router.lab(), Lab.Host.CLIENT, "alice", family.client(), "udp", null, parameters)) {
      alice.dial("sip:bob@" + Family.inUrl(dialed));
      router.awaitMediaAt(alice, bob);
      router.awaitMedia(PACKETS);
      assertTrue(alice.text().contains(said), alice::text);
      assertTrue(bob.text().contains(said), bob::text);
      bob.hangUp();
      assertHeard(alice, bob);
      router.awaitNoMedia();
      router.assertClean();
    }
  }
}
