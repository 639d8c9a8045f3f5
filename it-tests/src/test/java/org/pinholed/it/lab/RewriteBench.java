package org.pinholed.it.lab;

import java.util.List;

/**
 * A router that translates, with the agent and a scripted peer on either side. Closing it ends
 * everything.
 */
public final class RewriteBench implements AutoCloseable {
  private final Links links;
  private final NatScenario scenario;
  private final AgentProcess agent;

  private RewriteBench(Links links, NatScenario scenario, AgentProcess agent) {
    this.links = links;
    this.scenario = scenario;
    this.agent = agent;
  }

  /** Builds it with the firewall of nftables and the agent's defaults. */
  public static RewriteBench start(Links links, NatMode nat, Family family) {
    AgentProcess[] started = new AgentProcess[1];
    NatScenario scenario =
        NatScenario.start(
            links,
            nat,
            family,
            lab -> {
              RouterFirewall.NFTABLES.installWithAcceptRule(lab);
              started[0] = AgentProcess.start(lab);
            });
    return new RewriteBench(links, scenario, started[0]);
  }

  /** The router and its peers. */
  public NatScenario scenario() {
    return scenario;
  }

  /** The agent. */
  public AgentProcess agent() {
    return agent;
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    if (links.equals(Links.BAD)) {
      scenario.watch().assertNoneButSelectiveAcknowledgements();
    } else {
      scenario.watch().assertNone();
    }
    List<String> complaints = agent.complaints();
    if (!complaints.isEmpty()) {
      throw new AssertionError(String.join("\n", complaints));
    }
  }

  @Override
  public void close() {
    scenario.close();
  }
}
