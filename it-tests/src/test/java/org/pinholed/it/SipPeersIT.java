package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.KamailioProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.PhoneRouter;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.SipPhone;
import org.pinholed.it.lab.SipPhone.Counted;

/**
 * Programs that are used in the field: phones (baresip) behind two routers, each with its own
 * pinholed and translation, and a registrar and proxy (kamailio) between them, of which neither
 * phone's media go by.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipPeersIT {
  private static final int PACKETS = 30;

  private static final String PROXY = Family.V4.server();
  private static final String HERE = "203.0.113.1";

  private final PhoneRouter here = PhoneRouter.start(NatMode.MASQUERADE, Family.V4, "media: any");
  private final PhoneRouter there =
      PhoneRouter.start(
          NatMode.MASQUERADE, Family.V4, "media: networks, mediaNetworks: [%s/32]".formatted(HERE));

  @BeforeAll
  void join() {
    there.joinTo(here);
  }

  @AfterAll
  void close() {
    try (here;
        there) {
      here.assertClean();
      there.assertClean();
    }
  }

  /** Both phones have the same inside address and ports. Each of them ends a call. */
  @ParameterizedTest
  @CsvSource({"udp, udp", "tcp, udp", "tcp, tcp"})
  void phonesBehindTwoRouters_hearEachOther(String hereBy, String thereBy) {
    try (KamailioProcess proxy = KamailioProcess.start(here.lab(), PROXY, PROXY);
        SipPhone alice = here.phone("alice", Family.V4.client(), hereBy, PROXY);
        SipPhone bob = there.phone("bob", Family.V4.client(), thereBy, PROXY)) {
      alice.dial(proxy.uri("bob"));
      talkAndHangUp(alice, bob, alice);
      bob.dial(proxy.uri("alice"));
      talkAndHangUp(bob, alice, alice);
    }
  }

  /** What a registration opens does not depend on the flow by which it came. */
  @Test
  void phoneWhoseFlowWasForgotten_isStillCalled() {
    try (KamailioProcess proxy = KamailioProcess.start(here.lab(), PROXY, PROXY);
        SipPhone alice = here.phone("alice", Family.V4.client(), "udp", PROXY);
        SipPhone bob = there.phone("bob", Family.V4.client(), "udp", PROXY)) {
      here.forgetFlows();
      bob.dial(proxy.uri("alice"));
      talkAndHangUp(bob, alice, bob);
    }
  }

  /** Two phones behind one router that know each other by the proxy only. */
  @ParameterizedTest
  @ValueSource(strings = {"media: peer", "media: any"})
  void mediaOfPhonesBehindOneRouter_stayInside(String options) {
    try (PhoneRouter router = PhoneRouter.start(NatMode.MASQUERADE, Family.V4, options);
        KamailioProcess proxy = KamailioProcess.start(router.lab(), PROXY, PROXY);
        SipPhone alice = router.phone("alice", Family.V4.client(), "udp", PROXY);
        SipPhone carol = router.phone("carol", Family.V4.otherClient(), "udp", PROXY)) {
      callByProxy(router, alice, carol, proxy);
      assertEquals(0, router.mediaIn() + router.mediaOut(), "media by the router");
    }
  }

  /**
   * The proxy is inside, its phones outside: it is found where it says that it stays in the way.
   */
  @Test
  void proxyBehindPublishedAddress_staysInTheWay() {
    String published = Family.V4.routerToClient();
    try (PhoneRouter router = PhoneRouter.start(NatMode.DNAT, Family.V4, "");
        KamailioProcess proxy = KamailioProcess.start(router.lab(), PROXY, published);
        SipPhone alice = router.phone("alice", Family.V4.client(), "udp", published);
        SipPhone carol = router.phone("carol", Family.V4.otherClient(), "udp", published)) {
      callByProxy(router, alice, carol, proxy);
    }
  }

  private static void callByProxy(
      PhoneRouter router, SipPhone alice, SipPhone carol, KamailioProcess proxy) {
    alice.dial(proxy.uri("carol"));
    alice.awaitMedia();
    carol.awaitMedia();
    carol.hangUp();
    assertTrue(alice.awaitEnd().received() > 0);
    assertTrue(carol.awaitEnd().received() > 0);
    router.awaitNoMedia();
    router.assertClean();
  }

  /** A PBX that takes part in the media is inside; its address is published. */
  @ParameterizedTest
  @ValueSource(strings = {"udp", "tcp"})
  void mediaServerBehindPublishedAddress_isHeard(String transport) {
    String published = Family.V4.routerToClient();
    try (PhoneRouter router = PhoneRouter.start(NatMode.DNAT, Family.V4, "");
        SipPhone pbx =
            SipPhone.start(router.lab(), Lab.Host.SERVER, "pbx", PROXY, transport, null);
        SipPhone alice = router.phone("alice", Family.V4.client(), transport, null)) {
      alice.dial("sip:pbx@" + published);
      assertHost(published, alice.awaitMedia());
      assertHost(Family.V4.client(), pbx.awaitMedia());
      router.awaitMedia(PACKETS);
      pbx.hangUp();
      assertArrived(pbx.awaitEnd(), alice.awaitEnd());
      router.awaitNoMedia();
      router.assertClean();
    }
  }

  private void talkAndHangUp(SipPhone caller, SipPhone callee, SipPhone ends) {
    caller.awaitMedia();
    callee.awaitMedia();
    here.awaitMedia(PACKETS);
    there.awaitMedia(PACKETS);
    List<Integer> ports = mediaPorts(here);
    assertTrue(ports.size() >= 2, here::state);
    ends.hangUp();
    assertArrived(caller.awaitEnd(), callee.awaitEnd());
    here.awaitNoMedia();
    there.awaitNoMedia();
    assertShut(ports);
  }

  /** The far router itself is the source from which media were let in. */
  private void assertShut(List<Integer> ports) {
    long before = here.mediaIn();
    long came = here.mediaCame() + ports.size();
    for (int port : ports) {
      String probe = "echo probe > /dev/udp/%s/%d".formatted(HERE, port);
      there.lab().run(Lab.Host.ROUTER, Lab.SHORT, "bash", "-c", probe).orFail();
    }
    Scenario.await(Lab.SHORT, () -> here.mediaCame() >= came, here::state);
    assertEquals(before, here.mediaIn(), here::state);
  }

  private static List<Integer> mediaPorts(PhoneRouter router) {
    return router.openMedia().stream()
        .map(row -> row.path("destination").path("port").asInt())
        .distinct()
        .toList();
  }

  /**
   * How many were sent says nothing: each goes on talking until the other one's BYE or 200 comes.
   */
  private static void assertArrived(Counted one, Counted other) {
    assertTrue(one.received() >= PACKETS && other.received() >= PACKETS, one + " " + other);
  }

  private static void assertHost(String host, String seen) {
    assertEquals(host, seen.substring(0, seen.lastIndexOf(':')), seen);
  }
}
