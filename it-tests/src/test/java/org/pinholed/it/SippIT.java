package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.Service;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipRouter;
import org.pinholed.it.lab.SipRouter.Help;
import org.pinholed.it.lab.SippProcess;

/**
 * sipp at either end: calls with hold, passwords, reliable answers, forks, late offers, fax, and
 * registrations, several at once. Media are counted where they arrive, at both ends.
 */
class SippIT {
  /** At once, and in one flow but for {@code tn}, where each call has a connection of its own. */
  private static final int CALLS = 3;

  /** Of some twenty packets of each call; the last ones come after the call's end. */
  private static final int LEAST_PACKETS = 5 * CALLS;

  private static final List<String> SCENARIOS =
      List.of("call", "hold", "challenge", "prack", "fork", "late-offer", "fax", "register");

  static Stream<Router> routers() {
    return Stream.of(
        new Router(null, Family.V6, true),
        new Router(null, Family.V4, false),
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V6, false),
        new Router(NatMode.DNAT, Family.V6, true),
        new Router(NatMode.DNAT, Family.V4, false),
        new Router(NatMode.TWICE, Family.V4, true));
  }

  @ParameterizedTest
  @MethodSource("routers")
  void everyScenario_works(Router router) {
    try (SipRouter lab =
        SipRouter.start(
            Links.VETH, router.nat(), router.family(), Help.AGENT, SipRouter.helpers(""))) {
      for (Lab.Host end : new Lab.Host[] {Lab.Host.CLIENT, Lab.Host.SERVER}) {
        lab.lab()
            .firewall(
                end,
                """
                table inet count {
                  counter media {
                  }
                  chain in {
                    type filter hook input priority filter;
                    udp dport > 5100 counter name media
                  }
                }
                """);
      }
      boolean inOneFlow = router.nat() != NatMode.DNAT;
      for (String scenario : SCENARIOS) {
        String overTcp = inOneFlow ? "t1" : "tn";
        play(lab, router.family(), scenario, router.overUdp() ? "u1" : overTcp);
        inOneFlow = !inOneFlow;
      }
      lab.assertClean();
    }
  }

  private static void play(SipRouter lab, Family family, String scenario, String transport) {
    long atCaller = media(lab, Lab.Host.CLIENT);
    long atCallee = media(lab, Lab.Host.SERVER);
    try (SippProcess callee = SippProcess.answer(lab.lab(), scenario, transport, family.server())) {
      awaitPort(lab, transport);
      try (SippProcess caller =
          SippProcess.call(lab.lab(), scenario, transport, family.client(), lab.dialed(), CALLS)) {
        caller.assertSuccess(callee);
      }
    } catch (AssertionError e) {
      throw new AssertionError(
          scenario + " " + transport + "\n" + lab.agent().json("expectations") + lab.agent().log(),
          e);
    }
    if (!scenario.equals("register")) {
      long caller = media(lab, Lab.Host.CLIENT) - atCaller;
      long callee = media(lab, Lab.Host.SERVER) - atCallee;
      assertTrue(
          caller >= LEAST_PACKETS && callee >= LEAST_PACKETS,
          () -> scenario + " " + transport + ": media at caller " + caller + ", callee " + callee);
    }
    Scenario.await(
        Lab.SHORT,
        () -> !lab.agent().json("expectations").toString().contains("\"flags\":[\"many\"]"),
        () -> scenario + " " + transport + ": " + lab.agent().json("expectations"));
  }

  private static long media(SipRouter lab, Lab.Host end) {
    return lab.lab().counter(end, "inet count", "media");
  }

  private static void awaitPort(SipRouter lab, String transport) {
    String file = transport.startsWith("u") ? "udp" : "tcp";
    String port = ":%04X ".formatted(Service.SIP_PORT);
    Scenario.await(
        Lab.SHORT,
        () ->
            (lab.lab().read(Lab.Host.SERVER, "/proc/net/" + file)
                    + lab.lab().read(Lab.Host.SERVER, "/proc/net/" + file + "6"))
                .contains(port),
        () -> "sipp does not listen");
  }
}
