package org.pinholed.it.lab;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A router that drops by default and lets SIP in from the client's side, with or without
 * translation; a watch on invalid packets; and who helps SIP. Closing it ends everything.
 */
public final class SipRouter implements AutoCloseable {
  /** Who opens what SIP announces. */
  public enum Help {
    /** pinholed. */
    AGENT,
    /** Nobody: only what is established and new flows to SIP's port pass. */
    NOBODY,
    /** Nobody, and everything passes. */
    OPEN
  }

  private static final String HELPERS =
      """
      helpers:
        - {id: 1, name: sip, protocol: udp, port: 5060, options: {%1$s}}
        - {id: 2, name: sip, protocol: tcp, port: 5060, options: {%1$s}}
      """;

  private final Lab lab;
  private final InvalidWatch watch;
  private final Endpoint dialed;
  private final @Nullable AgentProcess agent;

  private SipRouter(Lab lab, @Nullable NatMode nat, Family family, Help help, String yaml) {
    this.lab = lab;
    RouterFirewall.installWithAcceptRule(lab, Service.SIP);
    if (help == Help.OPEN) {
      lab.firewall(Lab.Host.ROUTER, "add rule inet filter forward accept");
    }
    if (nat != null) {
      nat.install(lab, Service.SIP);
    }
    dialed = new Endpoint(nat == null ? family.server() : nat.dialed(family), Service.SIP_PORT);
    watch = InvalidWatch.start(lab);
    agent = help == Help.AGENT ? AgentProcess.start(lab, yaml) : null;
  }

  /**
   * Builds it.
   *
   * @param nat null if the router does not translate
   * @param yaml configuration of the agent that differs from its defaults, with the helpers
   */
  public static SipRouter start(
      Links links, @Nullable NatMode nat, Family family, Help help, String yaml) {
    Lab lab = Lab.create(links);
    try {
      return new SipRouter(lab, nat, family, help, yaml);
    } catch (RuntimeException | Error e) {
      lab.close();
      throw e;
    }
  }

  /**
   * The part of a configuration that reads SIP over both transports.
   *
   * @param options of both entries, as in {@code media: any}
   */
  public static String helpers(String options) {
    return HELPERS.formatted(options);
  }

  /** The three hosts. */
  public Lab lab() {
    return lab;
  }

  /** Where the client finds the server. */
  public Endpoint dialed() {
    return dialed;
  }

  /** Whether it is the agent that helps. */
  public boolean hasAgent() {
    return agent != null;
  }

  /** The agent. */
  public AgentProcess agent() {
    if (agent == null) {
      throw new IllegalStateException("there is no agent");
    }
    return agent;
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    watch.assertNone();
    assertNoComplaint();
  }

  /** Insists that the agent has nothing to complain of. */
  public void assertNoComplaint() {
    List<String> complaints = agent().complaints();
    if (!complaints.isEmpty()) {
      throw new AssertionError(String.join("\n", complaints));
    }
  }

  @Override
  public void close() {
    lab.close();
  }
}
