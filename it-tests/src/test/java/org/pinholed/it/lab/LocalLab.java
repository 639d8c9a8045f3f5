package org.pinholed.it.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What labs on this machine have in common: each host has a network namespace, whoever made it, and
 * is joined, addressed and set by the machine's own programs, with all rights. Who makes the hosts
 * is up to the class; so is what else of the machine their processes see.
 */
abstract class LocalLab implements Lab {
  private final String name;
  private final WorkFolder folder;
  private final Processes processes;
  private final Thread cleaner;

  LocalLab(String name) {
    this.name = name;
    folder = WorkFolder.create(name);
    processes = new Processes(folder.path());
    cleaner = new Thread(this::takeDown, "lab-cleaner");
    Runtime.getRuntime().addShutdownHook(cleaner);
  }

  /** Makes the hosts and their first links: {@code c0} to {@code r0}, {@code s0} to {@code r1}. */
  abstract void makeHosts();

  /** Takes the hosts away, also if not all of them were made; does not throw. */
  abstract void removeHosts();

  /** The file that stands for a host's network namespace. */
  abstract String network(Host host);

  /** A command of this machine that runs a command on a host and becomes it. */
  abstract List<String> on(Host host, String... command);

  /** Makes the hosts, addresses and routes; takes them away again if that fails. */
  final void build() {
    try {
      makeHosts();
      sysctl(Host.ROUTER, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
      ip(
          Host.CLIENT,
          "link set lo up",
          "addr add 198.51.100.2/24 dev c0",
          "addr add 198.51.100.3/24 dev c0",
          "addr add 2001:db8:1::2/64 dev c0 nodad",
          "addr add 2001:db8:1::3/64 dev c0 nodad",
          "route add default via 198.51.100.1",
          // With two addresses on the link the kernel would take the younger one as the source.
          "route add default via 2001:db8:1::1 src 2001:db8:1::2");
      ip(
          Host.ROUTER,
          "link set lo up",
          "addr add 198.51.100.1/24 dev r0",
          "addr add 2001:db8:1::1/64 dev r0 nodad",
          "addr add 203.0.113.1/24 dev r1",
          "addr add 2001:db8:2::1/64 dev r1 nodad");
      ip(
          Host.SERVER,
          "link set lo up",
          "addr add 203.0.113.2/24 dev s0",
          "addr add 203.0.113.3/24 dev s0",
          "addr add 2001:db8:2::2/64 dev s0 nodad",
          "addr add 2001:db8:2::3/64 dev s0 nodad",
          "route add default via 203.0.113.1",
          "route add default via 2001:db8:2::1 src 2001:db8:2::2");
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  @Override
  public void ip(Host host, String... lines) {
    inNetwork(host, String.join("\n", lines) + "\n", "ip", "-batch", "-");
  }

  private void inNetwork(Host host, String input, String program, String... arguments) {
    List<String> command =
        new ArrayList<>(List.of("nsenter", "--net=" + network(host), "--", program));
    command.addAll(List.of(arguments));
    plain(input, command.toArray(String[]::new));
  }

  /** Runs a command of this machine and insists on success. */
  final void plain(String input, String... command) {
    processes.run(List.of(command), input, SHORT).orFail();
  }

  @Override
  public void sysctl(Host host, String... settings) {
    List<String> arguments = new ArrayList<>(List.of("-qw"));
    arguments.addAll(List.of(settings));
    inNetwork(host, "", "sysctl", arguments.toArray(String[]::new));
  }

  @Override
  public void link(Host one, String oneEnd, Host other, String otherEnd) {
    link(one, oneEnd, this, other, otherEnd);
  }

  @Override
  public void link(Host one, String oneEnd, Lab far, Host other, String otherEnd) {
    LocalLab farLab = (LocalLab) far;
    ip(
        one,
        "link add %s type veth peer name %s netns %s"
            .formatted(oneEnd, otherEnd, farLab.network(other)),
        "link set " + oneEnd + " up");
    farLab.ip(other, "link set " + otherEnd + " up");
  }

  @Override
  public void linkWithoutFrames(Host one, String oneEnd, Host other, String otherEnd) {
    linkByWire(one, oneEnd, other, otherEnd, "tun");
  }

  /** Joins two hosts by a program that carries what goes over the link ({@code lab/wire.py}). */
  final void linkByWire(Host one, String oneEnd, Host other, String otherEnd, String... arguments) {
    Path log = workFolder().resolve("wire-" + oneEnd + ".log");
    List<String> command =
        new ArrayList<>(
            List.of(
                "/usr/bin/python3",
                resource("wire.py").toString(),
                network(one),
                oneEnd,
                network(other),
                otherEnd));
    command.addAll(List.of(arguments));
    Process wire = processes.start(ProcessBuilder.Redirect.to(log.toFile()), command);
    Scenario.await(
        SHORT,
        () -> !wire.isAlive() || readQuietly(log).contains("ready"),
        () -> "no wire: " + readQuietly(log));
    if (!wire.isAlive()) {
      throw new AssertionError("no wire: " + readQuietly(log));
    }
    ip(one, "link set " + oneEnd + " up");
    ip(other, "link set " + otherEnd + " up");
  }

  private static String readQuietly(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void moveDevice(Host from, String device, Host to) {
    ip(from, "link set " + device + " netns " + network(to));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Path workFolder() {
    return folder.path();
  }

  @Override
  public Path resource(String name) {
    return folder.resource(name);
  }

  @Override
  public CommandResult runWithInput(Host host, Duration timeout, String input, String... command) {
    return processes.run(on(host, command), input, timeout);
  }

  @Override
  public Process start(Host host, ProcessBuilder.Redirect output, String... command) {
    return processes.start(output, on(host, command));
  }

  @Override
  public Process startPiped(Host host, Path errors, String... command) {
    return processes.startPiped(errors, on(host, command));
  }

  @Override
  public void kill(Process process) {
    Processes.kill(process);
  }

  @Override
  public void close() {
    takeDown();
    Runtime.getRuntime().removeShutdownHook(cleaner);
  }

  private void takeDown() {
    processes.killAll();
    removeHosts();
    folder.delete();
  }
}
