package org.pinholed.it.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A lab whose hosts are network namespaces of this machine, joined by veth pairs or as {@link
 * Links} says. The names are unique for this virtual machine and lab. The only class that knows it.
 */
final class NamespaceLab implements Lab {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final String name;
  private final Links links;
  private final WorkFolder folder;
  private final Processes processes;
  private final Thread cleaner;

  private NamespaceLab(Links links) {
    this.links = links;
    name = "ph" + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet();
    folder = WorkFolder.create(name);
    processes = new Processes(folder.path());
    cleaner = new Thread(this::takeDown, "lab-cleaner");
    Runtime.getRuntime().addShutdownHook(cleaner);
  }

  static Lab create(Links links) {
    String user = System.getProperty("user.name", "");
    if (!user.equals("root")) {
      throw new AssertionError(
          "the laboratory makes network namespaces and so needs root; this is " + user);
    }
    NamespaceLab lab = new NamespaceLab(links);
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
    firstLink(Host.CLIENT, "c0", "r0");
    firstLink(Host.SERVER, "s0", "r1");
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

  private void firstLink(Host host, String hostEnd, String routerEnd) {
    if (!links.carried()) {
      link(host, hostEnd, Host.ROUTER, routerEnd);
      return;
    }
    startWire(
        host,
        hostEnd,
        Host.ROUTER,
        routerEnd,
        Integer.toString(links.lossPercent()),
        Integer.toString(links.latePercent()),
        "959");
    up(host, hostEnd, Host.ROUTER, routerEnd);
  }

  @Override
  public void link(Host one, String oneEnd, Host other, String otherEnd) {
    link(one, oneEnd, this, other, otherEnd);
  }

  @Override
  public void link(Host one, String oneEnd, Lab far, Host other, String otherEnd) {
    NamespaceLab farLab = (NamespaceLab) far;
    ip(
        one,
        "link",
        "add",
        oneEnd,
        "type",
        "veth",
        "peer",
        "name",
        otherEnd,
        "netns",
        farLab.namespace(other));
    ip(one, "link", "set", oneEnd, "up");
    farLab.ip(other, "link", "set", otherEnd, "up");
  }

  @Override
  public void linkWithoutFrames(Host one, String oneEnd, Host other, String otherEnd) {
    startWire(one, oneEnd, other, otherEnd, "tun");
    up(one, oneEnd, other, otherEnd);
  }

  private void up(Host one, String oneEnd, Host other, String otherEnd) {
    ip(one, "link", "set", oneEnd, "up");
    ip(other, "link", "set", otherEnd, "up");
  }

  @Override
  public void moveDevice(Host from, String device, Host to) {
    ip(from, "link", "set", device, "netns", namespace(to));
  }

  private void startWire(
      Host one, String oneEnd, Host other, String otherEnd, String... arguments) {
    Path log = workFolder().resolve("wire-" + oneEnd + ".log");
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
        SHORT,
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

  private void plain(String... command) {
    processes.run(List.of(command), "", SHORT).orFail();
  }

  /** The name of a host's network namespace. */
  private String namespace(Host host) {
    return name
        + switch (host) {
          case CLIENT -> "c";
          case ROUTER -> "r";
          case SERVER -> "s";
        };
  }

  private List<String> on(Host host, String... command) {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace(host)));
    all.addAll(List.of(command));
    return all;
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
    folder.delete();
  }
}
