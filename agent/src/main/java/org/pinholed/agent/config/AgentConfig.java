package org.pinholed.agent.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.Transport;

/**
 * The whole configuration. Immutable; a reload makes a new one.
 *
 * @param helpers the table of session helpers; ids are unique, and so are transport and port among
 *     the enabled ones
 * @param backend what opens pinholes
 * @param rules whose rules give control packets to the queue
 * @param asymmetricRouting whether honest packets may come in by a device that does not lead back
 *     to their source
 * @param queues the packet queues
 * @param marks the bits of the conntrack mark
 * @param limits what is kept at most
 * @param fail what happens when something fails
 * @param acceptRules where the agent keeps the firewall's accept rule, 0..4 different chains
 * @param control the control socket
 * @param metrics the metrics server
 * @param eventLog the event log
 */
public record AgentConfig(
    List<HelperEntry> helpers,
    Backend backend,
    Rules rules,
    boolean asymmetricRouting,
    Queues queues,
    MarkBits marks,
    Limits limits,
    Fail fail,
    List<AcceptRule> acceptRules,
    Control control,
    Metrics metrics,
    EventLog eventLog) {
  /** What an empty file means: FTP on TCP port 21. */
  public static final AgentConfig DEFAULT =
      new AgentConfig(
          List.of(
              new HelperEntry(
                  1, "ftp", Transport.TCP, 21, true, HelperEntry.DEFAULT_TIMEOUT, Map.of())),
          Backend.NFTABLES,
          Rules.AGENT,
          false,
          Queues.DEFAULT,
          MarkBits.DEFAULT,
          Limits.DEFAULT,
          Fail.DEFAULT,
          List.of(),
          Control.DEFAULT,
          Metrics.DEFAULT,
          EventLog.DEFAULT);

  /** Refuses double ids, double ports, and double or too many chains. */
  public AgentConfig {
    helpers = List.copyOf(helpers);
    Set<Integer> ids = new HashSet<>();
    Set<String> ports = new HashSet<>();
    for (HelperEntry helper : helpers) {
      if (!ids.add(helper.id())) {
        throw new IllegalArgumentException("helpers: id " + helper.id() + " is there twice");
      }
      if (helper.enabled() && !ports.add(helper.transport() + "/" + helper.port())) {
        throw new IllegalArgumentException(
            "helpers: " + helper.transport() + " port " + helper.port() + " is there twice");
      }
    }
    queues = queues.by(rules);
    acceptRules = AcceptRule.checked(acceptRules);
  }

  /**
   * The same configuration with another table of helpers.
   *
   * @param newHelpers the table
   * @return a copy
   * @throws IllegalArgumentException if an id or a port is there twice
   */
  public AgentConfig withHelpers(List<HelperEntry> newHelpers) {
    return new AgentConfig(
        newHelpers,
        backend,
        rules,
        asymmetricRouting,
        queues,
        marks,
        limits,
        fail,
        acceptRules,
        control,
        metrics,
        eventLog);
  }

  /** What opens pinholes. */
  public enum Backend {
    /** Maps with timeouts in the table {@code inet pinholed}. */
    NFTABLES,
    /**
     * The same, each with an expectation of the kernel beside it; what can have none is refused.
     */
    CONNTRACK,
    /** The same, with expectations where there can be some. */
    AUTO,
    /** Nothing is opened; what would be is written down. For dry runs. */
    RECORDING
  }

  /** Whose rules give control packets to the queue. */
  public enum Rules {
    /** The agent's, in its own table. */
    AGENT,
    /** The operator's, in his firewall. */
    EXTERNAL
  }

  /** What happens to a control packet that the agent cannot take. */
  public enum OnFailure {
    /** It passes unread. */
    PASS,
    /** It is dropped. */
    DROP
  }

  /** What a clean stop does with pinholes and diversion. */
  public enum OnStop {
    /** Everything of the agent is removed from the kernel. */
    REMOVE,
    /** All stays; pinholes run out by their kernel timeouts. */
    KEEP
  }

  /**
   * The packet queues, each with a worker of its own.
   *
   * @param first the number of the first, 0..65535; the others follow it
   * @param count how many, 0..16; 0 for one per core, at most 16
   * @param lengthPackets packets that the kernel holds in each at most, 1..1048576
   * @param receiveBufferBytes receive buffer of each socket, 65536..1073741824
   * @param batchPackets packets received in one call, 1..256
   */
  public record Queues(
      int first, int count, int lengthPackets, int receiveBufferBytes, int batchPackets) {
    /** How many queues there may be. */
    public static final int MOST = 16;

    /** What is used where nothing is configured. */
    public static final Queues DEFAULT = new Queues(0, 0, 4096, 8 << 20, 64);

    private static final int NUMBERS = 65536;

    /** Refuses values outside their ranges. */
    public Queues {
      Ranges.require("first", first, 0, 65535);
      Ranges.require("count", count, 0, Math.min(MOST, NUMBERS - first));
      Ranges.require("lengthPackets", lengthPackets, 1, 1 << 20);
      Ranges.require("receiveBufferBytes", receiveBufferBytes, 1 << 16, 1 << 30);
      Ranges.require("batchPackets", batchPackets, 1, 256);
    }

    /**
     * The same where certain rules give packets to them. Those of an operator choose no queue by
     * the connection, so there is only one.
     *
     * @param rules whose they are
     * @return itself, or with a count of 1
     * @throws IllegalArgumentException in the form {@code count: value (expected: range)}
     */
    Queues by(Rules rules) {
      if (rules == Rules.AGENT) {
        return this;
      }
      if (count > 1) {
        throw new IllegalArgumentException(
            "count: " + count + " (expected: 0 or 1 with rules: external)");
      }
      return new Queues(first, 1, lengthPackets, receiveBufferBytes, batchPackets);
    }

    /**
     * How many queues and workers that makes on this machine.
     *
     * @return 1..16
     */
    public int workers() {
      int cores = Math.min(Runtime.getRuntime().availableProcessors(), NUMBERS - first);
      return count == 0 ? Math.min(cores, MOST) : count;
    }
  }

  /**
   * What is kept at most.
   *
   * @param expectationsPerParent waiting expectations of one parent, 1..65535
   * @param expectationsPerSource waiting expectations of all parents of one client address (IPv6:
   *     /64), 1..1048576
   * @param expectations waiting expectations in all, 1..1048576
   * @param parents parent flows that are read at the same time, 1..1048576
   * @param parentsPerSource how many of them one client address (IPv6: /64) may have, 1..1048576
   * @param halfOpen flows that have not sent a byte since their SYN was answered, 64..1048576
   * @param bufferedBytes memory for what the streams and helpers of all parents keep, up to
   *     1073741824; at least four times what one parent can take, because a client may have a
   *     quarter
   * @param stream limits on the bytes of one parent
   */
  public record Limits(
      int expectationsPerParent,
      int expectationsPerSource,
      int expectations,
      int parents,
      int parentsPerSource,
      int halfOpen,
      int bufferedBytes,
      HelperLimits stream) {
    /** What is used where nothing is configured. */
    public static final Limits DEFAULT =
        new Limits(8, 1024, 16384, 65536, 4096, 1 << 18, 16 << 20, HelperLimits.DEFAULT);

    /** What part of the parents one client may have where nothing is configured. */
    private static final int SHARE = 16;

    /** Refuses values outside their ranges. */
    public Limits {
      Ranges.require("expectationsPerParent", expectationsPerParent, 1, 65535);
      Ranges.require("expectationsPerSource", expectationsPerSource, 1, 1 << 20);
      Ranges.require("expectations", expectations, 1, 1 << 20);
      Ranges.require("parents", parents, 1, 1 << 20);
      Ranges.require("parentsPerSource", parentsPerSource, 1, 1 << 20);
      Ranges.require("halfOpen", halfOpen, 64, 1 << 20);
      requireRoom(bufferedBytes, stream);
    }

    private static void requireRoom(long bufferedBytes, HelperLimits flow) {
      Ranges.require("bufferedBytes", bufferedBytes, 4 * flow.mostBytesPerFlow(), 1 << 30);
    }

    /**
     * Refuses a protocol whose messages are so long that the share of a client has no room for one
     * flow with two of them.
     *
     * @param flow limits on the bytes of one flow
     * @return these limits
     * @throws IllegalArgumentException in the form {@code bufferedBytes: value (expected: range)}
     */
    public Limits withRoomFor(HelperLimits flow) {
      requireRoom(bufferedBytes, flow);
      return this;
    }

    /**
     * The share of one client in the parents, where it is not configured.
     *
     * @param parents parent flows that are read at the same time
     * @return a sixteenth, 1 or more
     */
    static int shareOf(int parents) {
      return Math.max(1, parents / SHARE);
    }
  }

  /**
   * What happens when something fails.
   *
   * @param agentDown control packets while no agent runs
   * @param queueFull control packets that find the queue full
   * @param onStop what a clean stop does
   */
  public record Fail(OnFailure agentDown, OnFailure queueFull, OnStop onStop) {
    /** What is used where nothing is configured. */
    public static final Fail DEFAULT = new Fail(OnFailure.PASS, OnFailure.PASS, OnStop.REMOVE);
  }

  /**
   * A chain of the firewall in which the agent keeps the rule that accepts the children of
   * pinholes. Where the agent keeps none, the rule is the operator's.
   *
   * @param family the address family of its table
   * @param table its table, 1..255 letters, digits, {@code _ . / -}
   * @param chain the chain, the same
   */
  public record AcceptRule(Family family, String table, String chain) {
    /** The address family of a table, as nft(8) has it. */
    public enum Family {
      /** IPv4 and IPv6. */
      INET,
      /** IPv4. */
      IP,
      /** IPv6. */
      IP6;

      /**
       * The word of nft(8).
       *
       * @return for example {@code inet}
       */
      public String word() {
        return name().toLowerCase(Locale.ROOT);
      }
    }

    /** How many chains there may be: two families, each with one more for another program. */
    public static final int MOST = 4;

    /** The agent's own table. */
    private static final String OWN_TABLE = "pinholed";

    /** Refuses what is no name, and the agent's own table. */
    public AcceptRule {
      requireName("table", table);
      requireName("chain", chain);
      if (family == Family.INET && table.equals(OWN_TABLE)) {
        throw new IllegalArgumentException(
            "table: " + OWN_TABLE + " (expected: a table of the firewall, not the agent's own)");
      }
    }

    private static void requireName(String field, String name) {
      if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_./-]{0,254}")) {
        throw new IllegalArgumentException(
            field + ": " + ConfigNode.shown(name) + " (expected: 1..255 letters, digits, _ . / -)");
      }
    }

    private static List<AcceptRule> checked(List<AcceptRule> rules) {
      if (rules.size() > MOST) {
        throw new IllegalArgumentException(
            "acceptRule: " + rules.size() + " chains (expected: 0.." + MOST + ")");
      }
      Set<AcceptRule> seen = new HashSet<>();
      for (AcceptRule rule : rules) {
        if (!seen.add(rule)) {
          throw new IllegalArgumentException("acceptRule: " + rule + " is there twice");
        }
      }
      return List.copyOf(rules);
    }

    /** As nft(8) names the chain: {@code inet filter forward}. */
    @Override
    public String toString() {
      return family.word() + " " + table + " " + chain;
    }
  }

  /**
   * The control socket.
   *
   * @param socket its path
   * @param group the group that may use it besides root
   */
  public record Control(Path socket, String group) {
    /** What is used where nothing is configured. */
    public static final Control DEFAULT =
        new Control(Path.of("/run/pinholed/control.sock"), "root");

    private static final int SOCKET_PATH_MAX_BYTES = 107;

    /** Refuses a path that no socket address can hold, and what is no group's name. */
    public Control {
      String path = socket.toString();
      if (!socket.isAbsolute()
          || path.getBytes(StandardCharsets.UTF_8).length > SOCKET_PATH_MAX_BYTES) {
        throw new IllegalArgumentException(
            "socket: "
                + ConfigNode.shown(path)
                + " (expected: an absolute path of at most 107 bytes)");
      }
      if (!group.matches("[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")) {
        throw new IllegalArgumentException(
            "group: " + ConfigNode.shown(group) + " (expected: the name of a group)");
      }
    }
  }

  /**
   * The metrics server.
   *
   * @param enabled whether it runs
   * @param address the numeric address that it listens on
   * @param port its port, 0..65535; 0 takes a free one, shown by {@code status}
   */
  public record Metrics(boolean enabled, String address, int port) {
    /** What is used where nothing is configured. */
    public static final Metrics DEFAULT = new Metrics(true, "127.0.0.1", 9765);

    /** Refuses names, which would need a name server at start, and ports outside their range. */
    public Metrics {
      if (!NumericAddress.is(address)) {
        throw new IllegalArgumentException(
            "address: "
                + ConfigNode.shown(address)
                + " (expected: a numeric IPv4 or IPv6 address)");
      }
      Ranges.require("port", port, 0, 65535);
    }
  }

  /**
   * The event log.
   *
   * @param file an absolute path, {@code -} for standard output, or empty for no event log
   */
  public record EventLog(String file) {
    /** What is used where nothing is configured. */
    public static final EventLog DEFAULT = new EventLog("");

    /** Refuses relative paths: the agent's working directory is nobody's choice. */
    public EventLog {
      if (!file.isEmpty() && !file.equals("-") && !file.startsWith("/")) {
        throw new IllegalArgumentException(
            "file: "
                + ConfigNode.shown(file)
                + " (expected: an absolute path, - for standard output, or \"\" for none)");
      }
    }
  }
}
