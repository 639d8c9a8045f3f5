package org.pinholed.agent.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.ConfigNode.Kind;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;

/**
 * Reads the configuration file. Immutable and thread-safe.
 *
 * <p>Nothing is guessed: what is not known or not in its range is refused with file, line and key,
 * the first error only. The ranges are those of the records; this class only finds the line that a
 * record complains about.
 */
public final class ConfigLoader {
  /** A larger file is refused unread. */
  static final int MAX_BYTES = 1 << 20;

  private static final Map<String, AgentConfig.Backend> BACKENDS = backends();
  private static final Map<String, AgentConfig.Rules> RULES =
      words("agent", AgentConfig.Rules.AGENT, "external", AgentConfig.Rules.EXTERNAL);
  private static final Map<String, AgentConfig.OnFailure> AGENT_DOWN =
      words("bypass", AgentConfig.OnFailure.PASS, "closed", AgentConfig.OnFailure.DROP);
  private static final Map<String, AgentConfig.OnFailure> QUEUE_FULL =
      words("accept", AgentConfig.OnFailure.PASS, "drop", AgentConfig.OnFailure.DROP);
  private static final Map<String, HelperEntry.Mode> MODES =
      words("enforce", HelperEntry.Mode.ENFORCE, "observe", HelperEntry.Mode.OBSERVE);
  private static final Map<String, AgentConfig.OnStop> ON_STOP =
      words("remove", AgentConfig.OnStop.REMOVE, "keep", AgentConfig.OnStop.KEEP);
  private static final Map<String, Transport> TRANSPORTS =
      words("tcp", Transport.TCP, "udp", Transport.UDP);

  private static final Map<String, AgentConfig.AcceptRule.Family> FAMILIES = families();

  private static final List<String> ROOT_KEYS =
      List.of(
          "helpers",
          "backend",
          "rules",
          "asymmetricRouting",
          "queues",
          "marks",
          "limits",
          "fail",
          "acceptRule",
          "control",
          "metrics",
          "eventLog");
  private static final List<String> HELPER_KEYS = helperKeys();
  static final Map<String, List<String>> SECTION_KEYS =
      Map.of(
          "queues",
              List.of("first", "count", "lengthPackets", "receiveBufferBytes", "batchPackets"),
          "marks", List.of("child", "vetted", "opaque", "proven", "read", "policyMask"),
          "limits",
              List.of(
                  "expectationsPerParent",
                  "expectationsPerSource",
                  "expectations",
                  "parents",
                  "parentsPerSource",
                  "halfOpen",
                  "bufferedBytes",
                  "lineBytes",
                  "streamBufferBytes",
                  "earlySegments",
                  "historyBytes"),
          "fail", List.of("agentDown", "queueFull", "onStop"),
          "acceptRule", List.of("family", "table", "chain"),
          "control", List.of("socket", "group"),
          "metrics", List.of("enabled", "address", "port"),
          "eventLog", List.of("file"));

  private final Map<String, HelperProtocol> protocols;
  private final Memory memory;

  /**
   * Makes a loader.
   *
   * @param protocols the protocols that a helper entry may name
   * @param memory into which what the limits allow must fit
   */
  public ConfigLoader(Collection<? extends HelperProtocol> protocols, Memory memory) {
    this.memory = memory;
    Map<String, HelperProtocol> byName = new TreeMap<>();
    for (HelperProtocol protocol : protocols) {
      byName.put(protocol.name(), protocol);
    }
    this.protocols = byName;
  }

  /**
   * All keys that a file may have, as paths: {@code queues.first}, {@code helpers[].port}. Options
   * of helpers are not among them; {@link HelperProtocol#options()} names those.
   *
   * @return paths in the order in which they are documented
   */
  public static Set<String> knownKeys() {
    Set<String> keys = new LinkedHashSet<>();
    for (String key : ROOT_KEYS) {
      List<String> section = SECTION_KEYS.get(key);
      if (key.equals("helpers")) {
        HELPER_KEYS.forEach(helperKey -> keys.add("helpers[]." + helperKey));
      } else if (section == null) {
        keys.add(key);
      } else {
        section.forEach(sectionKey -> keys.add(key + "." + sectionKey));
      }
    }
    return keys;
  }

  /**
   * Reads a file.
   *
   * @param file a YAML file of at most 1 MiB
   * @return the configuration, with defaults for what the file leaves out
   * @throws ConfigException if the file cannot be read or anything in it is refused
   */
  public AgentConfig load(Path file) throws ConfigException {
    String name = file.toString();
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new ConfigException(name + ": there is no such file");
    } catch (AccessDeniedException e) {
      throw new ConfigException(name + ": permission denied");
    } catch (IOException e) {
      throw new ConfigException(
          name + ": cannot be read: " + (Files.isDirectory(file) ? "a directory" : e.getMessage()));
    }
    if (bytes.length > MAX_BYTES) {
      throw new ConfigException(name + ": larger than " + MAX_BYTES + " bytes");
    }
    return parse(name, decode(name, bytes));
  }

  /**
   * Reads text.
   *
   * @param name what messages call it
   * @param yaml the text
   * @return the configuration, with defaults for what the text leaves out
   * @throws ConfigException if anything in it is refused
   */
  public AgentConfig parse(String name, String yaml) throws ConfigException {
    ConfigSection root = new ConfigSection(name, "", ConfigReader.read(name, yaml));
    root.requireKeys(ROOT_KEYS);
    AgentConfig.Limits limits = limits(root.section("limits"));
    List<HelperEntry> helpers = helpers(root, limits.stream());
    for (HelperEntry entry : helpers) {
      HelperProtocol protocol = protocols.get(entry.name());
      if (protocol != null && entry.enabled() && entry.transport() == Transport.TCP) {
        HelperLimits flow = limits.stream().forMessages(protocol.longestMessageBytes());
        root.section("limits").build(() -> limits.withRoomFor(flow));
      }
    }
    AgentConfig.Rules rules = root.word("rules", RULES, AgentConfig.DEFAULT.rules());
    AgentConfig config =
        new AgentConfig(
            helpers,
            root.word("backend", BACKENDS, AgentConfig.Backend.NFTABLES),
            rules,
            root.flag("asymmetricRouting", AgentConfig.DEFAULT.asymmetricRouting()),
            queues(root.section("queues"), rules),
            marks(root.section("marks")),
            limits,
            fail(root.section("fail")),
            acceptRules(root),
            control(root.section("control")),
            metrics(root.section("metrics")),
            eventLog(root.section("eventLog")));
    for (String key : List.of("queues", "limits")) {
      ConfigSection section = root.section(key);
      @Nullable String refused =
          key.equals("queues")
              ? MemoryNeed.refuseQueues(config.queues(), memory, section.keys())
              : MemoryNeed.refuseLimits(config.limits(), memory, section.keys());
      if (refused != null) {
        throw section.refusedByRecord(refused);
      }
    }
    return config;
  }

  private static AgentConfig.Queues queues(ConfigSection section, AgentConfig.Rules rules)
      throws ConfigException {
    AgentConfig.Queues or = AgentConfig.Queues.DEFAULT;
    int first = section.number("first", or.first());
    int count = section.number("count", or.count());
    int lengthPackets = section.number("lengthPackets", or.lengthPackets());
    int receiveBufferBytes = section.number("receiveBufferBytes", or.receiveBufferBytes());
    int batchPackets = section.number("batchPackets", or.batchPackets());
    return section.build(
        () ->
            new AgentConfig.Queues(first, count, lengthPackets, receiveBufferBytes, batchPackets)
                .by(rules));
  }

  private static MarkBits marks(ConfigSection section) throws ConfigException {
    MarkBits or = MarkBits.DEFAULT;
    int child = section.mark("child", or.child());
    int vetted = section.mark("vetted", or.vetted());
    int opaque = section.mark("opaque", or.opaque());
    int proven = section.mark("proven", or.proven());
    int read = section.mark("read", or.read());
    int policyMask = section.mark("policyMask", or.policyMask());
    return section.build(() -> new MarkBits(child, vetted, opaque, proven, read, policyMask));
  }

  private static AgentConfig.Limits limits(ConfigSection section) throws ConfigException {
    AgentConfig.Limits or = AgentConfig.Limits.DEFAULT;
    int perParent = section.number("expectationsPerParent", or.expectationsPerParent());
    int perSource = section.number("expectationsPerSource", or.expectationsPerSource());
    int expectations = section.number("expectations", or.expectations());
    int parents = section.number("parents", or.parents());
    int perSourceParents = section.number("parentsPerSource", AgentConfig.Limits.shareOf(parents));
    int halfOpen = section.number("halfOpen", or.halfOpen());
    int bufferedBytes = section.number("bufferedBytes", or.bufferedBytes());
    int lineBytes = section.number("lineBytes", or.stream().lineBytes());
    int streamBufferBytes = section.number("streamBufferBytes", or.stream().streamBufferBytes());
    int earlySegments = section.number("earlySegments", or.stream().earlySegments());
    int historyBytes = section.number("historyBytes", or.stream().historyBytes());
    return section.build(
        () ->
            new AgentConfig.Limits(
                perParent,
                perSource,
                expectations,
                parents,
                perSourceParents,
                halfOpen,
                bufferedBytes,
                new HelperLimits(lineBytes, streamBufferBytes, earlySegments, historyBytes)));
  }

  private static AgentConfig.Fail fail(ConfigSection section) throws ConfigException {
    AgentConfig.Fail or = AgentConfig.Fail.DEFAULT;
    return new AgentConfig.Fail(
        section.word("agentDown", AGENT_DOWN, or.agentDown()),
        section.word("queueFull", QUEUE_FULL, or.queueFull()),
        section.word("onStop", ON_STOP, or.onStop()));
  }

  /** One mapping, or a list of them. */
  private static List<AgentConfig.AcceptRule> acceptRules(ConfigSection root)
      throws ConfigException {
    ConfigNode node = root.child("acceptRule");
    if (node == null || node.kind() != Kind.LIST) {
      ConfigSection section = root.section("acceptRule");
      boolean isNone =
          section.word("family", FAMILIES, AgentConfig.AcceptRule.Family.INET)
                  == AgentConfig.AcceptRule.Family.INET
              && section.text("table", "").isEmpty()
              && section.text("chain", "").isEmpty();
      return isNone ? List.of() : List.of(acceptRule(section));
    }
    if (node.items().size() > AgentConfig.AcceptRule.MOST) {
      throw root.refused(
          node,
          "acceptRule",
          node.items().size() + " chains",
          "0.." + AgentConfig.AcceptRule.MOST + " chains");
    }
    List<AgentConfig.AcceptRule> rules = new ArrayList<>();
    for (int i = 0; i < node.items().size(); i++) {
      ConfigSection section =
          new ConfigSection(root.file(), "acceptRule[" + i + "]", node.items().get(i));
      section.requireKeys(SECTION_KEYS.getOrDefault("acceptRule", List.of()));
      AgentConfig.AcceptRule rule = acceptRule(section);
      if (rules.contains(rule)) {
        throw root.refused(
            node.items().get(i), "acceptRule[" + i + "]", rule.toString(), "each chain once");
      }
      rules.add(rule);
    }
    return rules;
  }

  private static AgentConfig.AcceptRule acceptRule(ConfigSection section) throws ConfigException {
    section.require("table", "the name of a table");
    section.require("chain", "the name of a chain");
    AgentConfig.AcceptRule.Family family =
        section.word("family", FAMILIES, AgentConfig.AcceptRule.Family.INET);
    String table = section.text("table", "");
    String chain = section.text("chain", "");
    return section.build(() -> new AgentConfig.AcceptRule(family, table, chain));
  }

  private static AgentConfig.Control control(ConfigSection section) throws ConfigException {
    AgentConfig.Control or = AgentConfig.Control.DEFAULT;
    String socket = section.text("socket", or.socket().toString());
    String group = section.text("group", or.group());
    return section.build(() -> new AgentConfig.Control(Path.of(socket), group));
  }

  private static AgentConfig.Metrics metrics(ConfigSection section) throws ConfigException {
    AgentConfig.Metrics or = AgentConfig.Metrics.DEFAULT;
    boolean enabled = section.flag("enabled", or.enabled());
    String address = section.text("address", or.address());
    int port = section.number("port", or.port());
    return section.build(() -> new AgentConfig.Metrics(enabled, address, port));
  }

  private static AgentConfig.EventLog eventLog(ConfigSection section) throws ConfigException {
    String file = section.text("file", AgentConfig.EventLog.DEFAULT.file());
    return section.build(() -> new AgentConfig.EventLog(file));
  }

  private List<HelperEntry> helpers(ConfigSection root, HelperLimits limits)
      throws ConfigException {
    ConfigNode list = root.child("helpers");
    if (list == null) {
      return AgentConfig.DEFAULT.helpers();
    }
    if (list.kind() != Kind.LIST) {
      throw root.refused(list, "helpers", list.shown(), "a list; [] for none");
    }
    List<HelperEntry> entries = new ArrayList<>();
    Map<Integer, ConfigNode> ids = new HashMap<>();
    Map<String, ConfigNode> ports = new HashMap<>();
    for (int i = 0; i < list.items().size(); i++) {
      ConfigSection section =
          new ConfigSection(root.file(), "helpers[" + i + "]", list.items().get(i));
      HelperEntry entry = helper(section, limits);
      section.requireUnused(ids, entry.id(), "id", "an id of its own");
      if (entry.enabled()) {
        String transport = entry.transport() == Transport.TCP ? "tcp" : "udp";
        section.requireUnused(
            ports, transport + " " + entry.port(), "port", "one enabled helper for each port");
      }
      entries.add(entry);
    }
    return entries;
  }

  private HelperEntry helper(ConfigSection section, HelperLimits limits) throws ConfigException {
    section.requireKeys(HELPER_KEYS);
    section.require("id", "1..65535");
    section.require("name", String.join(", ", protocols.keySet()));
    section.require("protocol", String.join(", ", TRANSPORTS.keySet()));
    section.require("port", "1..65535");
    HelperProtocol protocol = section.known("name", protocols);
    int id = section.number("id", 0);
    Map<String, Transport> possible = new LinkedHashMap<>(TRANSPORTS);
    possible.values().retainAll(protocol.transports());
    Transport transport = section.known("protocol", possible);
    int port = section.number("port", 0);
    boolean enabled = section.flag("enabled", true);
    HelperEntry.Mode mode = section.word("mode", MODES, HelperEntry.Mode.ENFORCE);
    @Nullable Duration timeout = section.timeout("timeout", HelperEntry.DEFAULT_TIMEOUT);
    Map<EntryLimit, Integer> entryLimits = new EnumMap<>(EntryLimit.class);
    for (EntryLimit limit : EntryLimit.values()) {
      entryLimits.put(limit, section.number(limit.word(), 0));
    }
    ConfigSection optionsSection =
        section.section("options", new TreeSet<>(protocol.options().keySet()));
    Map<String, Object> options = optionsSection.plain();
    HelperEntry entry =
        section.build(
            () ->
                new HelperEntry(
                    id,
                    protocol.name(),
                    transport,
                    port,
                    enabled,
                    mode,
                    timeout,
                    new EntryLimits(entryLimits),
                    options));
    var unused = optionsSection.build(() -> protocol.configure(options, limits));
    return entry;
  }

  private static String decode(String name, byte[] bytes) throws ConfigException {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    try {
      if (result.isError()) {
        result.throwException();
      }
    } catch (CharacterCodingException e) {
      int line = 1;
      for (int i = 0; i < in.position(); i++) {
        line += bytes[i] == '\n' ? 1 : 0;
      }
      throw new ConfigException(
          String.format("%s:%d: byte 0x%02x (expected: UTF-8)", name, line, in.get(in.position())));
    }
    String text = out.flip().toString();
    return text.startsWith("\ufeff") ? text.substring(1) : text;
  }

  private static Map<String, AgentConfig.AcceptRule.Family> families() {
    Map<String, AgentConfig.AcceptRule.Family> families = new LinkedHashMap<>();
    for (AgentConfig.AcceptRule.Family family : AgentConfig.AcceptRule.Family.values()) {
      families.put(family.word(), family);
    }
    return families;
  }

  private static Map<String, AgentConfig.Backend> backends() {
    Map<String, AgentConfig.Backend> backends = new LinkedHashMap<>();
    for (AgentConfig.Backend backend : AgentConfig.Backend.values()) {
      backends.put(backend.name().toLowerCase(Locale.ROOT), backend);
    }
    return backends;
  }

  private static List<String> helperKeys() {
    List<String> keys =
        new ArrayList<>(List.of("id", "name", "protocol", "port", "enabled", "mode", "timeout"));
    for (EntryLimit limit : EntryLimit.values()) {
      keys.add(limit.word());
    }
    keys.add("options");
    return List.copyOf(keys);
  }

  private static <T> Map<String, T> words(String first, T one, String second, T other) {
    Map<String, T> words = new LinkedHashMap<>();
    words.put(first, one);
    words.put(second, other);
    return words;
  }
}
