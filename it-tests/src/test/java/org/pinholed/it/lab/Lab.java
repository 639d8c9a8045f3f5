package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A client, a router and a server in three network namespaces, joined by veth pairs, with IPv4 and
 * IPv6 routed and nothing filtered yet.
 *
 * <pre>{@code
 * client c0 198.51.100.2 (.3) ---- r0 .1 router .1 r1 ---- 203.0.113.2 (.3) s0 server
 *           2001:db8:1::2 (::3)    ::1           ::1       2001:db8:2::2 (::3)
 * }</pre>
 *
 * <p>The links are veth pairs, or lose and reorder as {@link Links} says.
 *
 * <p>The names are unique for this virtual machine and lab, so labs may run side by side. Closing
 * the lab ends the processes it started (by process id, never by name), deletes the namespaces and
 * the work folder. Thread-safe.
 */
public final class Lab implements AutoCloseable {
  /** Who a process belongs to. */
  public enum Host {
    /** Starts the control connections. */
    CLIENT("c"),
    /** Forwards and filters; the agent runs here. */
    ROUTER("r"),
    /** Answers the control connections. */
    SERVER("s");

    private final String suffix;

    Host(String suffix) {
      this.suffix = suffix;
    }
  }

  private static final Duration SETUP_TIMEOUT = Duration.ofSeconds(20);
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final String prefix;
  private final Links links;
  private final Path workFolder;
  private final List<Process> processes = new ArrayList<>();
  private final Thread cleaner;

  private Lab(Links links) {
    this.links = links;
    prefix = "ph" + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet();
    try {
      workFolder = Files.createTempDirectory(prefix);
      // The FTP servers drop to an unprivileged user, who must get to its files.
      Files.setPosixFilePermissions(workFolder, PosixFilePermissions.fromString("rwxr-xr-x"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cleaner = new Thread(this::takeDown, "lab-cleaner");
    Runtime.getRuntime().addShutdownHook(cleaner);
  }

  /**
   * Makes the three hosts.
   *
   * @throws AssertionError if this is not root, or the kernel refuses namespaces
   */
  public static Lab create() {
    return create(Links.VETH);
  }

  /** Makes the three hosts with links of choice; fails as {@link #create()} does. */
  public static Lab create(Links links) {
    String user = System.getProperty("user.name", "");
    if (!user.equals("root")) {
      throw new AssertionError(
          "the laboratory makes network namespaces and so needs root; this is " + user);
    }
    Lab lab = new Lab(links);
    try {
      lab.build();
    } catch (RuntimeException | Error e) {
      lab.close();
      throw e;
    }
    return lab;
  }

  private void build() {
    for (Host host : Host.values()) {
      plain("ip", "netns", "add", namespace(host));
      sysctl(host, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0");
      ip(host, "link", "set", "lo", "up");
    }
    if (links.lossPercent() > 0) {
      repeatSoon();
    }
    join(Host.CLIENT, "c0", "r0");
    join(Host.SERVER, "s0", "r1");
    sysctl(Host.ROUTER, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    address(Host.CLIENT, "c0", "198.51.100.2/24", "198.51.100.3/24");
    address(Host.CLIENT, "c0", "2001:db8:1::2/64", "2001:db8:1::3/64");
    address(Host.ROUTER, "r0", "198.51.100.1/24", "2001:db8:1::1/64");
    address(Host.ROUTER, "r1", "203.0.113.1/24", "2001:db8:2::1/64");
    address(Host.SERVER, "s0", "203.0.113.2/24", "203.0.113.3/24");
    address(Host.SERVER, "s0", "2001:db8:2::2/64", "2001:db8:2::3/64");
    defaultRoutes(Host.CLIENT, "198.51.100.1", "2001:db8:1::1", Family.V6.client());
    defaultRoutes(Host.SERVER, "203.0.113.1", "2001:db8:2::1", Family.V6.server());
  }

  /**
   * Lets TCP repeat soon and keep repeating, so that lost packets cost a test little time. Kernels
   * that do not know the first two settings (they are of 6.11 and 6.15) go on without them. With
   * the second one, the kernel would forget the last bytes of a socket that was closed when nobody
   * acknowledged them for three seconds, which happens on a busy machine; hence the third. And it
   * would give up an open connection after a quarter of a minute instead of a quarter of an hour;
   * hence the fourth. For connections that are made afterwards.
   */
  public void repeatSoon() {
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

  private void join(Host host, String hostEnd, String routerEnd) {
    if (links.carried()) {
      layWire(host, hostEnd, routerEnd);
    } else {
      plain(
          "ip",
          "link",
          "add",
          hostEnd,
          "netns",
          namespace(host),
          "type",
          "veth",
          "peer",
          "name",
          routerEnd,
          "netns",
          namespace(Host.ROUTER));
    }
    ip(host, "link", "set", hostEnd, "up");
    ip(Host.ROUTER, "link", "set", routerEnd, "up");
  }

  private void layWire(Host host, String hostEnd, String routerEnd) {
    startWire(
        host,
        hostEnd,
        Host.ROUTER,
        routerEnd,
        Integer.toString(links.lossPercent()),
        Integer.toString(links.latePercent()),
        "959");
  }

  /** Joins two hosts by devices that carry packets without frames, and sets them up. */
  public void layTun(Host one, String oneEnd, Host other, String otherEnd) {
    startWire(one, oneEnd, other, otherEnd, "tun");
    ip(one, "link", "set", oneEnd, "up");
    ip(other, "link", "set", otherEnd, "up");
  }

  private void startWire(
      Host one, String oneEnd, Host other, String otherEnd, String... arguments) {
    Path log = workFolder.resolve("wire-" + oneEnd + ".log");
    List<String> command =
        new ArrayList<>(
            List.of(
                "/usr/bin/python3",
                resource("wire.py").toString(),
                namespace(one),
                oneEnd,
                namespace(other),
                otherEnd));
    command.addAll(List.of(arguments));
    Process wire =
        start(one, ProcessBuilder.Redirect.to(log.toFile()), command.toArray(String[]::new));
    Scenario.await(
        SETUP_TIMEOUT,
        () -> !wire.isAlive() || readQuietly(log).contains("ready"),
        () -> "no wire: " + readQuietly(log));
    if (!wire.isAlive()) {
      throw new AssertionError("no wire: " + readQuietly(log));
    }
  }

  private static String readQuietly(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private void address(Host host, String device, String... addresses) {
    for (String address : addresses) {
      if (address.contains(":")) {
        ip(host, "addr", "add", address, "dev", device, "nodad");
      } else {
        ip(host, "addr", "add", address, "dev", device);
      }
    }
  }

  private void defaultRoutes(Host host, String gateway4, String gateway6, String source6) {
    ip(host, "route", "add", "default", "via", gateway4);
    // With two addresses on the link the kernel would take the younger one as the source.
    ip(host, "-6", "route", "add", "default", "via", gateway6, "src", source6);
  }

  private void ip(Host host, String... arguments) {
    List<String> command = new ArrayList<>(List.of("ip", "-n", namespace(host)));
    command.addAll(List.of(arguments));
    plain(command.toArray(String[]::new));
  }

  private void sysctl(Host host, String... settings) {
    List<String> command = new ArrayList<>(List.of("sysctl", "-qw"));
    command.addAll(List.of(settings));
    run(host, SETUP_TIMEOUT, command.toArray(String[]::new)).orFail();
  }

  /** The name of a host's network namespace. */
  public String namespace(Host host) {
    return prefix + host.suffix;
  }

  /** A folder for files of this lab, readable by everybody, deleted at the end. */
  public Path workFolder() {
    return workFolder;
  }

  /** Where the sources are: the folder of the reactor. */
  public static Path projectRoot() {
    return Path.of(System.getProperty("pinholed.root", "..")).toAbsolutePath().normalize();
  }

  /**
   * Writes a file of the test resources into the work folder, for a peer to run.
   *
   * @param name the file's name in the folder {@code lab} of the resources
   */
  public synchronized Path resource(String name) {
    Path file = workFolder.resolve(name);
    if (Files.exists(file)) {
      return file;
    }
    try (var in = Lab.class.getResourceAsStream("/lab/" + name)) {
      if (in == null) {
        throw new IllegalArgumentException("resource: " + name + " (expected: a file of lab/)");
      }
      Files.copy(in, file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  /** Runs a command on a host and waits for its end, or kills it when its time is over. */
  public CommandResult run(Host host, Duration timeout, String... command) {
    return runWithInput(host, timeout, "", command);
  }

  /** Like {@link #run}, with text for the command's standard input. */
  public CommandResult runWithInput(Host host, Duration timeout, String input, String... command) {
    return execute(inNamespace(host, command), input, timeout);
  }

  /** Starts a command on a host; it is killed when the lab closes. */
  public Process start(Host host, ProcessBuilder.Redirect output, String... command) {
    ProcessBuilder builder = new ProcessBuilder(inNamespace(host, command));
    builder.directory(workFolder.toFile());
    builder.redirectErrorStream(true).redirectOutput(output);
    return launch(builder);
  }

  /** Starts a command on a host with its standard streams as pipes and its errors in a file. */
  Process startPiped(Host host, Path errors, String... command) {
    ProcessBuilder builder = new ProcessBuilder(inNamespace(host, command));
    builder.directory(workFolder.toFile()).redirectError(errors.toFile());
    return launch(builder);
  }

  private Process launch(ProcessBuilder builder) {
    // No start-up file of whoever runs this, and messages in one language.
    builder.environment().putAll(Map.of("HOME", workFolder.toString(), "LC_ALL", "C"));
    try {
      Process process = builder.start();
      synchronized (processes) {
        processes.removeIf(p -> !p.isAlive());
        processes.add(process);
      }
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> inNamespace(Host host, String... command) {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace(host)));
    all.addAll(List.of(command));
    return all;
  }

  private void plain(String... command) {
    execute(List.of(command), "", SETUP_TIMEOUT).orFail();
  }

  private CommandResult execute(List<String> command, String input, Duration timeout) {
    Path output = null;
    try {
      output = Files.createTempFile(workFolder, "run", ".out");
      // A file and not a pipe: a grandchild that keeps a pipe open would keep us waiting.
      ProcessBuilder builder = new ProcessBuilder(command).directory(workFolder.toFile());
      Process process = launch(builder.redirectErrorStream(true).redirectOutput(output.toFile()));
      try (var stdin = process.getOutputStream()) {
        stdin.write(input.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // It ended before it had read everything; its exit code tells.
      }
      boolean ended = process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended) {
        kill(process);
      }
      int exitCode = ended ? process.exitValue() : CommandResult.TIMED_OUT;
      String text = Files.readString(output, StandardCharsets.ISO_8859_1);
      return new CommandResult(String.join(" ", command), exitCode, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in " + command, e);
    } finally {
      if (output != null) {
        deleteQuietly(output);
      }
    }
  }

  /** Kills a process started here, and its descendants, and waits until it is gone. */
  static void kill(Process process) {
    List<ProcessHandle> family = process.descendants().toList();
    process.destroyForcibly();
    family.forEach(ProcessHandle::destroyForcibly);
    try {
      process.waitFor(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    takeDown();
    Runtime.getRuntime().removeShutdownHook(cleaner);
  }

  private void takeDown() {
    List<Process> mine;
    synchronized (processes) {
      mine = List.copyOf(processes);
      processes.clear();
    }
    mine.forEach(Lab::kill);
    for (Host host : Host.values()) {
      try {
        new ProcessBuilder("ip", "netns", "del", namespace(host))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor(5, TimeUnit.SECONDS);
      } catch (IOException e) {
        System.err.println("namespace " + namespace(host) + " stays: " + e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    try (Stream<Path> files = Files.walk(workFolder)) {
      files.sorted(Comparator.reverseOrder()).forEach(Lab::deleteQuietly);
    } catch (IOException e) {
      System.err.println("folder " + workFolder + " stays: " + e);
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      System.err.println(file + " stays: " + e);
    }
  }
}
