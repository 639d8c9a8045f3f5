package org.pinholed.it.lab;

import java.util.List;

/**
 * A router that translates, with the agent and a scripted peer on either side. Closing it ends
 * everything.
 */
public final class RewriteBench implements AutoCloseable {
  private final Links links;
  private final NatScenario scenario;

  private RewriteBench(Links links, NatScenario scenario) {
    this.links = links;
    this.scenario = scenario;
  }

  /** Builds it with the firewall of nftables and the agent's defaults. */
  public static RewriteBench start(Links links, NatMode nat, Family family) {
    NatScenario scenario =
        NatScenario.withAgent(
            links,
            nat,
            family,
            lab -> {
              RouterFirewall.NFTABLES.installWithAcceptRule(lab);
              return AgentProcess.start(lab);
            });
    return new RewriteBench(links, scenario);
  }

  /** The router and its peers. */
  public NatScenario scenario() {
    return scenario;
  }

  /** The agent. */
  public AgentProcess agent() {
    return scenario.agent();
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    if (links.equals(Links.BAD)) {
      scenario.watch().assertNoneButSelectiveAcknowledgements();
    } else {
      scenario.watch().assertNone();
    }
    List<String> complaints = agent().complaints();
    if (!complaints.isEmpty()) {
      throw new AssertionError(String.join("\n", complaints));
    }
  }

  @Override
  public void close() {
    scenario.close();
  }
}
