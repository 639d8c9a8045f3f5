package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;
import org.pinholed.agent.pinhole.conntrack.ConntrackBackend;
import org.pinholed.agent.pinhole.nftables.NftablesOptions;
import org.pinholed.agent.service.Capabilities;
import org.pinholed.kernel.nfqueue.QueueStatistics;
import org.pinholed.kernel.sysctl.SysctlFile;

/**
 * The machine that the process runs on, in the network namespace it runs in.
 *
 * <p>Reads {@code /proc}, asks the firewall's own tools and tries the kernel; what a trial makes is
 * gone when it ends. For one thread.
 */
public final class SystemProbe implements DoctorProbe {
  private static final Duration AGENT_SILENCE = Duration.ofSeconds(5);

  private final Path socket;
  private @Nullable JsonFields status;
  private String agentProblem = "";
  private boolean agentAsked;

  /**
   * Makes a probe.
   *
   * @param socket the agent's control socket
   */
  public SystemProbe(Path socket) {
    this.socket = socket;
  }

  /**
   * The agent's own table in the kernel, as nft prints it.
   *
   * @return whole lines; why there is none if it cannot be had
   */
  public static String agentTable() {
    Answer answer = FirewallTool.run("nft", "-a", "list", "table", "inet", "pinholed");
    return answer.isThere() ? answer.text() : "# " + answer.problem() + "\n";
  }

  /**
   * The kernel's counters of all packet queues.
   *
   * @return the lines of {@code /proc/net/netfilter/nfnetlink_queue}; empty if it cannot be read
   */
  public static String queueCounters() {
    List<String> lines =
        ProcFiles.lines(Path.of("/proc/thread-self/net/netfilter/nfnetlink_queue"));
    return lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
  }

  @Override
  public Optional<JsonFields> agentStatus() {
    if (!agentAsked) {
      agentAsked = true;
      try {
        ControlClient.call(
            socket, new JsonFields().with("command", "status"), AGENT_SILENCE, row -> status = row);
      } catch (IOException | ControlError e) {
        agentProblem = String.valueOf(e.getMessage());
      }
    }
    return Optional.ofNullable(status);
  }

  @Override
  public Optional<JsonFields> agentConfig() {
    JsonFields[] config = new JsonFields[1];
    try {
      ControlClient.call(
          socket,
          new JsonFields().with("command", "config"),
          AGENT_SILENCE,
          row -> config[0] = row);
    } catch (IOException | ControlError e) {
      return Optional.empty(); // that it does not answer is said elsewhere
    }
    return Optional.ofNullable(config[0]);
  }

  @Override
  public JsonFields agentCounters() {
    JsonFields counters = new JsonFields();
    try {
      ControlClient.call(
          socket,
          new JsonFields().with("command", "stats"),
          AGENT_SILENCE,
          row -> row.names().forEach(name -> counters.with(name, row.value(name))));
    } catch (IOException | ControlError e) {
      return new JsonFields(); // that it does not answer is said elsewhere
    }
    return counters;
  }

  @Override
  public String agentProblem() {
    return agentProblem;
  }

  @Override
  public OptionalLong capabilities(long pid) {
    return Capabilities.effective(pid);
  }

  @Override
  public boolean sharesNetwork(long pid) {
    try {
      return Files.readSymbolicLink(ProcFiles.process(0).resolve("ns/net"))
          .equals(Files.readSymbolicLink(ProcFiles.process(pid).resolve("ns/net")));
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public Answer nftRuleset() {
    return FirewallTool.run("nft", "-j", "list", "ruleset");
  }

  @Override
  public List<IptablesRules> iptablesRules(int family) {
    String tool = family == 4 ? "iptables" : "ip6tables";
    List<IptablesRules> rules = new ArrayList<>();
    boolean isNft = FirewallTool.run(tool, "-V").text().contains("nf_tables");
    addRules(rules, tool, isNft);
    if (!isNft) {
      addRules(rules, tool + "-nft", true);
    } else if (!ProcFiles.lines(
            Path.of("/proc/thread-self/net", family == 4 ? "ip_tables_names" : "ip6_tables_names"))
        .isEmpty()) { // asking the old tool would load its kernel modules where they are not used
      addRules(rules, tool + "-legacy", false);
    }
    return rules;
  }

  private static void addRules(List<IptablesRules> rules, String tool, boolean inNftables) {
    Answer answer = FirewallTool.run(tool + "-save");
    if (answer.isThere()) {
      rules.add(new IptablesRules(tool, inNftables, answer.text()));
    }
  }

  @Override
  public Set<String> devices() {
    Set<String> names = new HashSet<>();
    for (String line : ProcFiles.lines(Path.of("/proc/thread-self/net/dev"))) {
      int colon = line.indexOf(':');
      if (colon > 0) { // two lines of heads have none
        names.add(line.substring(0, colon).strip());
      }
    }
    return names;
  }

  @Override
  public Optional<String> sysctl(String name) {
    try {
      String value = SysctlFile.read(Path.of("/proc/sys", name.replace('.', '/')));
      return value.isEmpty() ? Optional.empty() : Optional.of(value);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  @Override
  public Optional<List<QueueHolder>> queues() {
    List<QueueHolder> holders = new ArrayList<>();
    try {
      for (QueueStatistics queue : QueueStatistics.all()) {
        holders.add(new QueueHolder(queue.queueNumber(), SocketHolders.of(queue.portId())));
      }
    } catch (IOException e) {
      return Optional.empty(); // its file is for root
    }
    return Optional.of(holders);
  }

  @Override
  public Map<String, String> kernelFeatures() {
    return KernelTrial.features(
        queues().orElse(List.of()).stream().map(QueueHolder::number).toList());
  }

  @Override
  public String expectations() {
    return ConntrackBackend.tryOut(NftablesOptions.TABLE);
  }
}
