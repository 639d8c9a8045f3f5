package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.StreamSupport;

/**
 * What most scenarios begin with: a lab, the operator's firewall with the rule on the mark, the
 * agent, and a scripted peer on either side. Closing it ends everything.
 */
public final class Scenario implements AutoCloseable {
  private static final long PAUSE_NS = 2_000_000;

  private final Lab lab;
  private final RouterFirewall firewall;
  private final AgentProcess agent;
  private final Peer client;
  private final Peer server;
  private final Map<Family, Listener> controls = new EnumMap<>(Family.class);

  private Scenario(Lab lab, RouterFirewall firewall, String yaml) {
    this.lab = lab;
    this.firewall = firewall;
    firewall.installWithAcceptRule(lab);
    agent = AgentProcess.start(lab, yaml);
    client = Peer.start(lab, Lab.Host.CLIENT);
    server = Peer.start(lab, Lab.Host.SERVER);
  }

  /**
   * Builds it under nftables.
   *
   * @param yaml configuration of the agent that differs from the defaults
   */
  public static Scenario start(String yaml) {
    return start(RouterFirewall.NFTABLES, yaml);
  }

  /** Builds it under a firewall of choice. */
  public static Scenario start(RouterFirewall firewall, String yaml) {
    Lab lab = Lab.create();
    try {
      return new Scenario(lab, firewall, yaml);
    } catch (RuntimeException | Error e) {
      lab.close();
      throw e;
    }
  }

  /** A configuration whose one helper is FTP on port 21, with this timeout. */
  public static String ftpWithTimeout(String timeout) {
    return "helpers:\n  - {id: 1, name: ftp, protocol: tcp, port: 21, timeout: " + timeout + "}\n";
  }

  /** The same with a timeout that leaves time for that much on this machine. */
  public static String ftpWithTimeout(Duration timeout) {
    return ftpWithTimeout(Patience.of(timeout).toSeconds() + "s");
  }

  /** The three hosts. */
  public Lab lab() {
    return lab;
  }

  /** The operator's firewall. */
  public RouterFirewall firewall() {
    return firewall;
  }

  /** The agent on the router. */
  public AgentProcess agent() {
    return agent;
  }

  /** The scripted client. */
  public Peer client() {
    return client;
  }

  /** The scripted server. */
  public Peer server() {
    return server;
  }

  /** Opens a control connection through the router; nothing is said yet. */
  public ScriptedSession open(Family family) {
    Listener control =
        controls.computeIfAbsent(family, f -> ScriptedSession.controlListener(server, f));
    return ScriptedSession.open(client, server, control, family);
  }

  /** Opens a control connection and logs in. */
  public ScriptedSession login(Family family) {
    ScriptedSession session = open(family);
    session.login();
    return session;
  }

  /** Whether a data connection comes through that a new session announces. */
  public boolean opens(Family family) {
    try (ScriptedSession session = login(family);
        ScriptedSession.Announcement announced = session.announce(DataMode.EPSV)) {
      return announced.isOpen();
    }
  }

  /** Insists that one does, over either family. */
  public void assertOpens() {
    for (Family family : Family.values()) {
      if (!opens(family)) {
        throw new AssertionError(family + ": nothing comes through\n" + agent.log());
      }
    }
  }

  /** Runs a command on the router and insists on success. */
  public String onRouter(String... command) {
    return lab.run(Lab.Host.ROUTER, Duration.ofSeconds(10), command).orFail();
  }

  /** The rows of a JSON listing. */
  public List<JsonNode> rows(String... arguments) {
    JsonNode listing = agent.json(arguments);
    return StreamSupport.stream(listing.spliterator(), false).toList();
  }

  /** The conntrack entries of TCP flows to a port, as {@code conntrack -L} prints them. */
  public List<String> conntracks(int port) {
    return Conntracks.to(lab, port);
  }

  /** Waits until something is so. */
  public static void await(Duration patience, BooleanSupplier condition, Supplier<String> message) {
    long deadline = System.nanoTime() + Patience.of(patience).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(message.get());
      }
      LockSupport.parkNanos(PAUSE_NS); // what is awaited needs the processor
    }
  }

  @Override
  public void close() {
    lab.close();
  }
}
