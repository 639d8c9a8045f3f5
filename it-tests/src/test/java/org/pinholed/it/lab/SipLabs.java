package org.pinholed.it.lab;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The laboratories of one class of scenarios: one for each router, made when the first scenario
 * asks for it, so that many calls share it. Closing ends them all and insists that nothing was
 * invalid and no agent complains. Not thread-safe.
 */
public final class SipLabs implements AutoCloseable {
  /**
   * A router and how phones reach it.
   *
   * @param nat what it translates; null for nothing
   * @param overUdp whether phones speak UDP, or else TCP
   */
  public record Router(@Nullable NatMode nat, Family family, boolean overUdp) {
    @Override
    public String toString() {
      return (nat == null ? "ROUTED" : nat) + " " + family + (overUdp ? " UDP" : " TCP");
    }
  }

  private record Key(@Nullable NatMode nat, Family family) {}

  private final Map<Key, SipScenario> labs = new LinkedHashMap<>();
  private final String options;

  /** The agents have all defaults. */
  public SipLabs() {
    this("");
  }

  /** The agents have these options of SIP. */
  public SipLabs(String options) {
    this.options = options;
  }

  /** Every router: routed, masqueraded and behind DNAT, both families, both transports. */
  public static Stream<Router> routers() {
    return Stream.of(
            of(null, Family.V4),
            of(null, Family.V6),
            of(NatMode.MASQUERADE, Family.V4),
            of(NatMode.MASQUERADE, Family.V6),
            of(NatMode.DNAT, Family.V4),
            of(NatMode.DNAT, Family.V6))
        .flatMap(List::stream);
  }

  /** A few of them, for what does not depend on addresses. */
  public static Stream<Router> fewRouters() {
    return Stream.of(
        new Router(null, Family.V6, true),
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V4, false),
        new Router(NatMode.DNAT, Family.V4, false));
  }

  private static List<Router> of(@Nullable NatMode nat, Family family) {
    return List.of(new Router(nat, family, true), new Router(nat, family, false));
  }

  /** The laboratory with this router. */
  public SipScenario with(Router router) {
    return labs.computeIfAbsent(
        new Key(router.nat(), router.family()),
        key -> SipScenario.start(key.nat(), key.family(), options));
  }

  @Override
  public void close() {
    try {
      labs.values().forEach(SipScenario::assertClean);
    } finally {
      labs.values().forEach(SipScenario::close);
    }
  }
}
