package org.pinholed.it.lab;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A router that translates, or not, with a scripted peer on either side and a watch on invalid
 * packets; who helps (the agent, the kernel, nobody) is up to the test. Closing it ends everything.
 */
public final class NatScenario implements AutoCloseable {
  private final Lab lab;
  private final @Nullable NatMode nat;
  private final Family family;
  private final InvalidWatch watch;
  private final Peer client;
  private final Peer server;
  private final Listener control;
  private final @Nullable AgentProcess agent;

  private NatScenario(Lab lab, @Nullable NatMode nat, Family family, @Nullable AgentProcess agent) {
    this.lab = lab;
    this.agent = agent;
    this.nat = nat;
    this.family = family;
    if (nat != null) {
      nat.install(lab, RouterFirewall.NFTABLES);
    }
    watch = InvalidWatch.start(lab);
    client = Peer.start(lab, Lab.Host.CLIENT);
    server = Peer.start(lab, Lab.Host.SERVER);
    control = ScriptedSession.controlListener(server, family);
    if (agent != null && nat != null) {
      awaitTranslationNoticed(agent);
    }
  }

  /**
   * Waits until an agent with expectations knows that the router translates, where that ends them:
   * on a kernel that does not let go of a helper.
   */
  private static void awaitTranslationNoticed(AgentProcess agent) {
    Scenario.await(
        Duration.ofSeconds(10),
        () -> !agent.feature("expectations").contains("as long as nobody translates"),
        agent::log);
  }

  /**
   * Builds it.
   *
   * @param nat what is translated; null for nothing
   * @param helper installs the firewall and starts who helps, if anybody
   */
  public static NatScenario start(
      Links links, @Nullable NatMode nat, Family family, Consumer<Lab> helper) {
    return build(
        links,
        nat,
        family,
        lab -> {
          helper.accept(lab);
          return null;
        });
  }

  /**
   * Builds it with the agent, where the router needs more than {@link #withAgent(NatMode, Family,
   * String)} gives it.
   *
   * @param router installs the firewall and starts the agent
   */
  public static NatScenario withAgent(
      Links links, @Nullable NatMode nat, Family family, Function<Lab, AgentProcess> router) {
    return build(links, nat, family, router);
  }

  /**
   * Builds it with the firewall of nftables, the rule on the mark, and the agent.
   *
   * @param yaml configuration of the agent that differs from its defaults
   */
  public static NatScenario withAgent(@Nullable NatMode nat, Family family, String yaml) {
    return withAgent(
        Links.VETH,
        nat,
        family,
        lab -> {
          RouterFirewall.NFTABLES.installWithAcceptRule(lab);
          return AgentProcess.start(lab, yaml);
        });
  }

  private static NatScenario build(
      Links links,
      @Nullable NatMode nat,
      Family family,
      Function<Lab, ? extends @Nullable AgentProcess> router) {
    Lab lab = Lab.create(links);
    try {
      return new NatScenario(lab, nat, family, router.apply(lab));
    } catch (RuntimeException | Error e) {
      lab.close();
      throw e;
    }
  }

  /** The three hosts. */
  public Lab lab() {
    return lab;
  }

  /** The agent on the router. */
  public AgentProcess agent() {
    if (agent == null) {
      throw new IllegalStateException("there is no agent");
    }
    return agent;
  }

  /** What was invalid. */
  public InvalidWatch watch() {
    return watch;
  }

  /** The scripted client. */
  public Peer client() {
    return client;
  }

  /** The scripted server. */
  public Peer server() {
    return server;
  }

  /** The address that the client dials. */
  private String dialed() {
    return nat == null ? family.server() : nat.dialed(family);
  }

  /** The conntrack entries of TCP flows that were begun to a port. */
  public List<String> conntracks(int port) {
    return Conntracks.to(lab, port);
  }

  /** Opens a control connection from one of the client's addresses and logs in. */
  public ScriptedSession login(String source) {
    ScriptedSession session =
        ScriptedSession.open(client, server, control, family, source, dialed());
    session.login();
    return session;
  }

  /** Opens a control connection and logs in. */
  public ScriptedSession login() {
    return login(family.client());
  }

  /** Who listens for a data connection of this mode. */
  private Peer listening(DataMode mode) {
    return mode.isPassive() ? server : client;
  }

  /** Listens for a data connection, on a port of choice or with 0 a free one. */
  public Listener listen(DataMode mode, String host, int port) {
    return listening(mode).listen(host, port);
  }

  /** Announces a listener; where the other side is told to connect to. */
  public Endpoint announce(ScriptedSession session, DataMode mode, String host, Listener listener) {
    if (mode.isPassive()) {
      session.command(ScriptedSession.commandLine(mode, host, listener.port()));
      String heard = session.heardByClient(ScriptedSession.replyLine(mode, host, listener.port()));
      return ScriptedSession.announced(heard, dialed());
    }
    String heard = session.heardByServer(ScriptedSession.commandLine(mode, host, listener.port()));
    session.reply(ScriptedSession.replyLine(mode, host, listener.port()));
    return ScriptedSession.announced(heard, session.server().remoteHost());
  }

  /**
   * Connects where the announcement said, moves some bytes, and insists that either end sees the
   * address that it knows from the control connection.
   */
  public void connect(ScriptedSession session, DataMode mode, Endpoint to, Listener listener) {
    Peer dialer = mode.isPassive() ? client : server;
    String source = mode.isPassive() ? family.client() : family.server();
    try (Connection data = dialer.connect(source, to.host(), to.port());
        Connection accepted = listener.accept()) {
      accepted.send("content\n");
      expect("content\n", data.line());
      data.send("more\n");
      expect("more\n", accepted.line());
      Connection listenersControl = mode.isPassive() ? session.server() : session.client();
      Connection dialersControl = mode.isPassive() ? session.client() : session.server();
      expectSameAddress(listenersControl.remoteHost(), accepted.remoteHost());
      expectSameAddress(dialersControl.remoteHost(), to.host());
    }
  }

  /** A whole data connection: announced on a free port, connected, used, closed. */
  public void transfer(ScriptedSession session, DataMode mode) {
    String host = mode.isPassive() ? family.server() : family.client();
    try (Listener listener = listen(mode, host, 0)) {
      connect(session, mode, announce(session, mode, host, listener), listener);
    }
  }

  /** IPv6 addresses may be written in more than one way. */
  private static void expectSameAddress(String wanted, String actual) {
    try {
      expect(
          InetAddress.getByName(wanted).getHostAddress(),
          InetAddress.getByName(actual).getHostAddress());
    } catch (UnknownHostException e) {
      throw new AssertionError("no address: " + wanted + ", " + actual, e);
    }
  }

  private static void expect(String wanted, String actual) {
    if (!wanted.equals(actual)) {
      throw new AssertionError("expected [" + wanted + "] but there is [" + actual + "]");
    }
  }

  @Override
  public void close() {
    lab.close();
  }
}
