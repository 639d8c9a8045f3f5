package org.pinholed.it.lab;

import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A lab whose hosts are network namespaces of this machine and nothing else, joined by veth pairs
 * or as {@link Links} says. The names are unique for this virtual machine and lab.
 */
final class NamespaceLab extends LocalLab {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final Links links;

  private NamespaceLab(Links links) {
    super("ph" + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet());
    this.links = links;
  }

  static Lab create(Links links) {
    NamespaceLab lab = new NamespaceLab(links);
    lab.build();
    return lab;
  }

  @Override
  void makeHosts() {
    plain(ofEachNamespace("netns add "), "ip", "-batch", "-");
    for (Host host : Host.values()) {
      sysctl(host, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0");
    }
    if (links.lossPercent() > 0) {
      repeatSoon();
    }
    firstLink(Host.CLIENT, "c0", "r0");
    firstLink(Host.SERVER, "s0", "r1");
  }

  private void firstLink(Host host, String hostEnd, String routerEnd) {
    if (!links.carried()) {
      link(host, hostEnd, Host.ROUTER, routerEnd);
      return;
    }
    linkByWire(
        host,
        hostEnd,
        Host.ROUTER,
        routerEnd,
        Integer.toString(links.lossPercent()),
        Integer.toString(links.latePercent()),
        "959");
  }

  @Override
  String network(Host host) {
    return "/run/netns/" + namespace(host);
  }

  private String namespace(Host host) {
    return name()
        + switch (host) {
          case CLIENT -> "c";
          case ROUTER -> "r";
          case SERVER -> "s";
        };
  }

  @Override
  List<String> on(Host host, String... command) {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace(host)));
    all.addAll(List.of(command));
    return all;
  }

  /** Lines of {@code ip}. */
  private String ofEachNamespace(String line) {
    return Stream.of(Host.values())
        .map(host -> line + namespace(host) + "\n")
        .collect(Collectors.joining());
  }

  @Override
  void removeHosts() {
    try {
      // By force: it goes on where one was not made.
      Process process =
          new ProcessBuilder("ip", "-force", "-batch", "-")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (Writer input = process.outputWriter()) {
        input.write(ofEachNamespace("netns del "));
      }
      process.waitFor(15L * Patience.FACTOR, TimeUnit.SECONDS);
    } catch (IOException e) {
      System.err.println("namespaces of " + name() + " stay: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
