package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A client, a router and a server, with IPv4 and IPv6 routed and nothing filtered yet.
 *
 * <pre>{@code
 * client c0 198.51.100.2 (.3) ---- r0 .1 router .1 r1 ---- 203.0.113.2 (.3) s0 server
 *           2001:db8:1::2 (::3)    ::1           ::1       2001:db8:2::2 (::3)
 * }</pre>
 *
 * <p>What the hosts are made of is known to the implementation only: no scenario asks for it. All
 * hosts see the work folder and the folders of the project under the same paths. Labs may run side
 * by side. Closing one ends the processes that it started and takes its hosts away. Thread-safe.
 */
public interface Lab extends AutoCloseable {
  /** Who a process belongs to. */
  enum Host {
    /** Starts the control connections. */
    CLIENT,
    /** Forwards and filters; the agent runs here. */
    ROUTER,
    /** Answers the control connections. */
    SERVER
  }

  /** How long a command may take that only asks or sets something. */
  Duration SHORT = Duration.ofSeconds(20);

  /**
   * Makes the three hosts.
   *
   * @throws AssertionError if this is not root, or the kernel refuses
   */
  static Lab create() {
    return create(Links.VETH);
  }

  /**
   * Makes the three hosts with links of choice, of network namespaces, or of containers if the
   * system property {@code pinholed.lab} is {@code containers}; fails as {@link #create()} does.
   */
  static Lab create(Links links) {
    String user = System.getProperty("user.name", "");
    if (!user.equals("root")) {
      throw new AssertionError(
          "the laboratory makes network namespaces and so needs root; this is " + user);
    }
    String kind = System.getProperty("pinholed.lab", "namespaces");
    return switch (kind) {
      case "namespaces" -> NamespaceLab.create(links);
      case "containers" -> ContainerLab.create(links);
      default ->
          throw new IllegalArgumentException(
              "pinholed.lab: " + kind + " (expected: namespaces, containers)");
    };
  }

  /** Where the sources are: the folder of the reactor. */
  static Path projectRoot() {
    return Path.of(System.getProperty("pinholed.root", "..")).toAbsolutePath().normalize();
  }

  /** A name that no other lab of this machine has, of letters, digits and {@code -}. */
  String name();

  /** A folder for files of this lab, readable by everybody, deleted at the end. */
  Path workFolder();

  /**
   * Writes a file of the test resources into the work folder, for a peer to run.
   *
   * @param name the file's name in the folder {@code lab} of the resources
   */
  Path resource(String name);

  /**
   * Runs a command on a host and waits for its end, or kills it when its time is over.
   *
   * @param input text for the command's standard input
   */
  CommandResult runWithInput(Host host, Duration timeout, String input, String... command);

  /**
   * Starts a command on a host; it is killed when the lab closes. Signals reach the command itself,
   * and {@link Process#pid} is its id on the host.
   */
  Process start(Host host, ProcessBuilder.Redirect output, String... command);

  /**
   * Starts the agent under test on the router, in the way in which such a router has it; it is
   * killed when the lab closes. {@link Process#pid} is its id on the router.
   *
   * @param output a file
   * @param arguments those of {@code bin/pinholed}
   */
  default Process startAgent(ProcessBuilder.Redirect output, String... arguments) {
    List<String> command = new ArrayList<>(List.of(program("pinholed")));
    command.addAll(List.of(arguments));
    return start(Host.ROUTER, output, command.toArray(String[]::new));
  }

  /**
   * Where a program of the distribution under test is on the router.
   *
   * @param name as in {@code pinholectl}
   */
  default String program(String name) {
    return AgentProcess.program(name);
  }

  /**
   * Sets a host's network and insists on success.
   *
   * @param lines as {@code ip} takes them, all in one process: each process costs an emulated
   *     processor a quarter of a second
   */
  void ip(Host host, String... lines);

  /**
   * Loads a part of the kernel that nothing loads by itself. A kernel that has it built in has no
   * module, and one without it says so where it is used: nothing is asked here.
   */
  default void loadModule(String name) {
    run(Host.ROUTER, SHORT, "modprobe", "-q", name);
  }

  /** Starts a command on a host with its standard streams as pipes and its errors in a file. */
  Process startPiped(Host host, Path errors, String... command);

  /** Kills a process started here, and its descendants, and waits until it is gone. */
  void kill(Process process);

  /** Joins two hosts by another link, without addresses; both ends are up. */
  void link(Host one, String oneEnd, Host other, String otherEnd);

  /** Joins a host to one of another lab by a link without addresses; both ends are up. */
  void link(Host one, String oneEnd, Lab far, Host other, String otherEnd);

  /** Joins two hosts by devices that carry packets without frames; both ends are up. */
  void linkWithoutFrames(Host one, String oneEnd, Host other, String otherEnd);

  /** Gives a device of one host to another one, where it is down and has no address. */
  void moveDevice(Host from, String device, Host to);

  /**
   * Lets TCP repeat soon and keep repeating on all hosts, so that lost packets cost a test little
   * time. Kernels that do not know the first two settings (they are of 6.11 and 6.15) go on without
   * them. With the second one, the kernel would forget the last bytes of a socket that was closed
   * when nobody acknowledged them for three seconds, which happens on a busy machine; hence the
   * third. And it would give up an open connection after a quarter of a minute instead of a quarter
   * of an hour; hence the fourth. For connections that are made afterwards.
   */
  default void repeatSoon() {
    for (Host host : Host.values()) {
      sysctl(
          host,
          "--ignore",
          "net.ipv4.tcp_rto_min_us=50000",
          "net.ipv4.tcp_rto_max_ms=1000",
          "net.ipv4.tcp_orphan_retries=60",
          "net.ipv4.tcp_retries2=200");
    }
  }

  /** Runs a command on a host and waits for its end, or kills it when its time is over. */
  default CommandResult run(Host host, Duration timeout, String... command) {
    return runWithInput(host, timeout, "", command);
  }

  /** What the agent counts, as Prometheus reads it. */
  default String metrics() {
    return run(Host.ROUTER, SHORT, "curl", "-sSf", "http://127.0.0.1:9765/metrics").orFail();
  }

  /** What stands in a file of a host, such as one of {@code /proc}. */
  default String read(Host host, String file) {
    return run(host, SHORT, "cat", file).orFail();
  }

  /** Sets what {@code sysctl -w} sets, as in {@code net.ipv4.ip_forward=1}. */
  default void sysctl(Host host, String... settings) {
    List<String> command = new ArrayList<>(List.of("sysctl", "-qw"));
    command.addAll(List.of(settings));
    run(host, SHORT, command.toArray(String[]::new)).orFail();
  }

  /** Adds rules in the language of nft to a host's firewall. */
  default void firewall(Host host, String rules) {
    runWithInput(host, SHORT, rules, "nft", "-f", "-").orFail();
  }

  /**
   * How many packets a named counter of nftables has counted.
   *
   * @param table family and name of its table, as in {@code inet filter}
   */
  default long counter(Host host, String table, String counter) {
    String command = "nft -j list counter " + table + " " + counter;
    String json = run(host, SHORT, command.split(" ", -1)).orFail();
    try {
      for (var item : new ObjectMapper().readTree(json).path("nftables")) {
        if (item.has("counter")) {
          return item.path("counter").path("packets").asLong();
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new AssertionError("no counter: " + json);
  }

  @Override
  void close();
}
