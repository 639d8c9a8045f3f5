package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A router that drops by default and lets nothing new in but port 135, with all of {@link RpcWay}
 * at once; a watch on invalid packets; and the agent, or nobody, who helps DCE-RPC. Closing it ends
 * everything.
 */
public final class RpcRouter implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Pattern REASON =
      Pattern.compile(
          "pinholed_(?:refused|malformed|opaque|part_opaque)_total"
              + "\\{helper=\"dcerpc\",reason=\"(\\w+)\",?} (\\S+)");
  private static final String HELPERS =
      """
      helpers:
        - {id: 1, name: dcerpc, protocol: tcp, port: 135%1$s}
        - {id: 2, name: dcerpc, protocol: udp, port: 135%1$s}
      """;

  private final Lab lab;
  private final InvalidWatch watch;
  private final @Nullable AgentProcess agent;

  private RpcRouter(Lab lab, @Nullable String yaml, boolean open) {
    this.lab = lab;
    lab.ip(Lab.Host.SERVER, "addr add " + RpcWay.INSIDE_V4 + "/24 dev s0");
    // Whoever is shut out gives up after seconds, not after two minutes.
    lab.sysctl(Lab.Host.CLIENT, "net.ipv4.tcp_syn_retries=1");
    RouterFirewall.installWithAcceptRule(lab, Service.DCERPC);
    if (open) {
      lab.firewall(Lab.Host.ROUTER, "add rule inet filter forward accept");
    }
    lab.firewall(Lab.Host.ROUTER, RpcWay.rules());
    watch = InvalidWatch.start(lab);
    agent = yaml == null ? null : AgentProcess.start(lab, yaml);
  }

  private static RpcRouter build(@Nullable String yaml, boolean open) {
    Lab lab = Lab.create();
    try {
      return new RpcRouter(lab, yaml, open);
    } catch (RuntimeException | Error e) {
      lab.close();
      throw e;
    }
  }

  /** Builds it with the agent and its defaults. */
  public static RpcRouter start() {
    return start("", "");
  }

  /**
   * Builds it with the agent.
   *
   * @param keys further keys of both entries, as in {@code timeout: 5s, options: {idle: 2s}}
   * @param yaml configuration of the agent beside its helpers
   */
  public static RpcRouter start(String keys, String yaml) {
    return build(helpers(keys) + yaml, false);
  }

  /** Builds it with nobody who helps: nothing but what is established and port 135 passes. */
  public static RpcRouter startWithoutHelp() {
    return build(null, false);
  }

  /** Builds it with nobody who helps, and everything passes. */
  public static RpcRouter startOpen() {
    return build(null, true);
  }

  /** The part of a configuration that reads DCE-RPC over both transports. */
  public static String helpers(String keys) {
    return HELPERS.formatted(keys.isEmpty() ? "" : ", " + keys);
  }

  /** The three hosts. */
  public Lab lab() {
    return lab;
  }

  /** The agent. */
  public AgentProcess agent() {
    if (agent == null) {
      throw new IllegalStateException("there is no agent");
    }
    return agent;
  }

  /** The rows of a JSON listing. */
  public List<JsonNode> rows(String... arguments) {
    return StreamSupport.stream(agent().json(arguments).spliterator(), false).toList();
  }

  /** The rows of what is announced for a port. */
  public List<JsonNode> announced(int port) {
    return rows("expectations").stream()
        .filter(row -> row.path("destination").path("port").asInt() == port)
        .toList();
  }

  /** The ports of TCP for which something is announced. */
  public Set<Integer> announcedPorts() {
    return rows("expectations").stream()
        .map(row -> row.path("destination").path("port").asInt())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /**
   * How often which reason was counted for DCE-RPC so far: why something opened nothing, or was not
   * read.
   */
  public Map<String, Long> reasons() {
    return REASON
        .matcher(metrics())
        .results()
        .collect(
            Collectors.toMap(
                count -> count.group(1),
                count -> Math.round(Double.parseDouble(count.group(2))),
                Long::sum,
                TreeMap::new));
  }

  /** What of {@link #reasons} was counted since then. */
  public Map<String, Long> reasonsSince(Map<String, Long> before) {
    Map<String, Long> since = new TreeMap<>(reasons());
    before.forEach((reason, count) -> since.merge(reason, -count, Long::sum));
    since.values().removeIf(count -> count == 0);
    return since;
  }

  /** What the agent counts. */
  public String metrics() {
    return lab.metrics();
  }

  /** Waits until something is so. */
  public void await(BooleanSupplier condition) {
    Scenario.await(PATIENCE, condition, this::state);
  }

  /** What is announced, who is read, and what the agent wrote. */
  public String state() {
    if (agent == null) {
      return "no agent";
    }
    return agent().json("expectations") + "\n" + agent().json("sessions") + "\n" + agent().log();
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    watch.assertNone();
    List<String> complaints = agent == null ? List.of() : agent.complaints();
    if (!complaints.isEmpty()) {
      throw new AssertionError(String.join("\n", complaints));
    }
  }

  @Override
  public void close() {
    lab.close();
  }
}
