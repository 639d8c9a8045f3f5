package org.pinholed.agent.doctor;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueFeatures;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.pinholed.kernel.nfqueue.QueueStatistics;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFeatures;

/**
 * The machine that the process runs on, in the network namespace it runs in.
 *
 * <p>Reads {@code /proc}, asks the firewall's own tools and tries the kernel; what a trial makes is
 * gone when it ends. For one thread.
 */
public final class SystemProbe implements DoctorProbe {
  private static final Duration AGENT_SILENCE = Duration.ofSeconds(5);
  private static final long TOOL_SECONDS = 20;
  private static final int TOOL_BYTES_MAX = 256 << 20;

  /** Socket family NETLINK_NETFILTER in {@code /proc/net/netlink} ({@code linux/netlink.h}). */
  private static final String NETLINK_NETFILTER = "12";

  /** A queue that nobody uses is opened for a moment to learn what queues can do. */
  private static final int TRIAL_QUEUE_LAST = 65535;

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
  public String agentProblem() {
    return agentProblem;
  }

  @Override
  public OptionalLong capabilities(long pid) {
    for (String line : lines(process(pid).resolve("status"))) {
      if (line.startsWith("CapEff:")) {
        return OptionalLong.of(Long.parseUnsignedLong(line.substring(7).strip(), 16));
      }
    }
    return OptionalLong.empty();
  }

  @Override
  public boolean sharesNetwork(long pid) {
    try {
      return Files.readSymbolicLink(process(0).resolve("ns/net"))
          .equals(Files.readSymbolicLink(process(pid).resolve("ns/net")));
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public Answer nftRuleset() {
    return run("nft", "-j", "list", "ruleset");
  }

  @Override
  public List<Answer> iptablesRules(int family) {
    String tool = family == 4 ? "iptables" : "ip6tables";
    List<Answer> answers = new ArrayList<>();
    answers.add(run(tool + "-save"));
    // asking the old tool would load its kernel modules where they are not used
    if (!lines(
            Path.of("/proc/thread-self/net", family == 4 ? "ip_tables_names" : "ip6_tables_names"))
        .isEmpty()) {
      Answer legacy = run(tool + "-legacy-save");
      if (!rules(legacy).equals(rules(answers.get(0)))) {
        answers.add(legacy);
      }
    }
    answers.removeIf(answer -> !answer.isThere());
    return answers;
  }

  private static List<String> rules(Answer answer) {
    return answer.text().lines().filter(line -> !line.startsWith("#")).toList();
  }

  @Override
  public Set<String> devices() {
    Set<String> names = new HashSet<>();
    for (String line : lines(Path.of("/proc/thread-self/net/dev"))) {
      int colon = line.indexOf(':');
      if (colon > 0) { // two lines of heads have none
        names.add(line.substring(0, colon).strip());
      }
    }
    return names;
  }

  @Override
  public Optional<String> sysctl(String name) {
    List<String> lines = lines(Path.of("/proc/sys", name.replace('.', '/')));
    return lines.isEmpty() ? Optional.empty() : Optional.of(lines.get(0).strip());
  }

  @Override
  public List<QueueHolder> queues() {
    List<QueueHolder> holders = new ArrayList<>();
    try {
      for (QueueStatistics queue : QueueStatistics.all()) {
        holders.add(new QueueHolder(queue.queueNumber(), holdersOf(queue.portId())));
      }
    } catch (IOException e) {
      return List.of(); // without root: the privileges are told of already
    }
    return holders;
  }

  @Override
  public Map<String, String> kernelFeatures() {
    Map<String, String> features = new LinkedHashMap<>();
    probeConntrack(features);
    probeQueue(features);
    probeNftables(features);
    return features;
  }

  private static void probeConntrack(Map<String, String> features) {
    try (ConntrackClient client = ConntrackClient.open()) {
      InetAddress none = InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1});
      client.get(new FlowTuple(6, none, 9, none, 9));
      features.put("conntrack", "yes");
    } catch (NetlinkException e) {
      features.put(
          "conntrack",
          Doctor.MISSING
              + "flows cannot be looked up (CONFIG_NF_CT_NETLINK, and the right to): "
              + e.getMessage());
    } catch (IOException e) {
      throw new IllegalStateException(e); // four bytes are an address
    }
  }

  private void probeQueue(Map<String, String> features) {
    List<Integer> taken = queues().stream().map(QueueHolder::number).toList();
    int number = TRIAL_QUEUE_LAST;
    while (taken.contains(number)) {
      number--;
    }
    try (PacketQueue queue =
        PacketQueue.open(
            new QueueOptions(number, 1, 128, true, true, 65536, 1, Duration.ofMillis(1)))) {
      QueueFeatures found = queue.features();
      features.put("nfqueue", "yes");
      features.put(
          "queueFailOpen", found.failOpen() ? "yes" : "no: a full queue drops control packets");
      features.put(
          "queueConntrack",
          found.conntrack()
              ? "yes"
              : "no: the flow of a packet is asked for with one more message");
    } catch (NetlinkException e) {
      features.put(
          "nfqueue",
          Doctor.MISSING
              + "control packets cannot be queued (CONFIG_NETFILTER_NETLINK_QUEUE, and the right"
              + " to): "
              + e.getMessage());
    }
  }

  private static void probeNftables(Map<String, String> features) {
    try (NftClient client = NftClient.open()) {
      NftFeatures found = NftFeatures.probe(client);
      features.put("nftables", "yes");
      features.put(
          "nftQueue",
          found.nativeQueue()
              ? "yes"
              : found.targetQueue()
                  ? "no: the xtables target NFQUEUE is used instead"
                  : Doctor.MISSING
                      + "neither the queue statement (CONFIG_NFT_QUEUE) nor the target NFQUEUE"
                      + " (CONFIG_NETFILTER_XT_TARGET_NFQUEUE): nothing can be diverted");
      features.put(
          "nftInnerHeader",
          found.innerHeader() ? "yes" : "no: acknowledgements without payload are queued too");
      features.put(
          "nftDestroyElement",
          found.destroyMessages() ? "yes" : "no: closing a pinhole takes two messages");
      features.put(
          "nftTimeoutUpdate",
          found.timeoutUpdate() ? "yes" : "no: renewing a pinhole deletes and adds it");
      features.put(
          "nftFoundOnce",
          found.foundOnce()
              ? "yes"
              : "no: two SYNs at the same instant can both come through a pinhole for one"
                  + " (CONFIG_NFT_LIMIT)");
      features.put(
          "nftSequenceAdjustment",
          found.sequenceAdjustment() != null
              ? "yes"
              : Doctor.MISSING
                  + "no ct expectation object that opens nothing: announcements behind address"
                  + " translation are not rewritten");
    } catch (NetlinkException e) {
      features.put(
          "nftables",
          Doctor.MISSING
              + "pinholes cannot be opened (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, and the right"
              + " to): "
              + e.getMessage());
    }
  }

  // the port id of a netlink socket is often, not always, its process
  private static List<HoldingProcess> holdersOf(long portId) {
    for (String line : lines(Path.of("/proc/thread-self/net/netlink"))) {
      List<String> columns = List.of(line.strip().split(" +", -1));
      if (columns.size() >= 10
          && columns.get(1).equals(NETLINK_NETFILTER)
          && columns.get(2).equals(Long.toString(portId))) {
        return processesWith("socket:[" + columns.get(columns.size() - 1) + "]");
      }
    }
    return List.of();
  }

  private static List<HoldingProcess> processesWith(String file) {
    List<HoldingProcess> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (hasOpen(process, file)) {
          long pid = Long.parseLong(String.valueOf(process.getFileName()));
          found.add(new HoldingProcess(pid, command(pid)));
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return found; // what was seen so far
    }
    return found;
  }

  private static boolean hasOpen(Path process, String file) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : files) {
        if (isLinkTo(descriptor, file)) {
          return true;
        }
      }
    } catch (IOException e) {
      return false; // it ended, or is not ours to look into
    }
    return false;
  }

  private static boolean isLinkTo(Path link, String target) {
    try {
      return Files.readSymbolicLink(link).toString().equals(target);
    } catch (IOException e) {
      return false;
    }
  }

  private static String command(long pid) {
    List<String> lines = lines(process(pid).resolve("comm"));
    return lines.isEmpty() ? "" : lines.get(0);
  }

  private static Path process(long pid) {
    return Path.of("/proc", pid == 0 ? "self" : Long.toString(pid));
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return List.of();
    }
  }

  private static Answer run(String... command) {
    Process process;
    try {
      process = new ProcessBuilder(command).start();
    } catch (IOException e) {
      return Answer.failed("there is no " + command[0]);
    }
    CompletableFuture.delayedExecutor(TOOL_SECONDS, TimeUnit.SECONDS)
        .execute(process::destroyForcibly);
    CompletableFuture<String> problem = CompletableFuture.supplyAsync(() -> firstLine(process));
    try {
      byte[] out = process.getInputStream().readNBytes(TOOL_BYTES_MAX);
      int code = process.waitFor();
      return code == 0
          ? Answer.of(new String(out, StandardCharsets.UTF_8))
          : Answer.failed(command[0] + " ended with " + code + ": " + problem.join());
    } catch (IOException e) {
      return Answer.failed(command[0] + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Answer.failed(command[0] + " was interrupted");
    } finally {
      process.destroyForcibly();
    }
  }

  private static String firstLine(Process process) {
    try {
      String text =
          new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return text.lines().findFirst().orElse("");
    } catch (IOException e) {
      return "";
    }
  }
}
