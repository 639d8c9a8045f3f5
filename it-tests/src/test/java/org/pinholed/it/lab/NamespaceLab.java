package org.pinholed.it.lab;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

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

  @Override
  void removeHosts() {
    for (Host host : Host.values()) {
      try {
        new ProcessBuilder("ip", "netns", "del", namespace(host))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor(5L * Patience.FACTOR, TimeUnit.SECONDS);
      } catch (IOException e) {
        System.err.println("namespace " + namespace(host) + " stays: " + e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
