package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * Two SYNs for one pinhole at the same instant. A rule that only looks up and removes lets both
 * through in about a third of the rounds on two processors.
 */
@SuppressWarnings("NullAway.Init")
class OncePinholeRaceIT {
  private static final int MARK = 0x40000019;
  private static final int ROUNDS = 4000;
  private static final int FIRST_PORT = 2000;
  private static final NftablesOptions OPTIONS =
      new NftablesOptions("pinholed", 7, 1, true, MarkBits.DEFAULT, 10_000);
  private static NamespaceThread namespace;
  private static NftFeatures features;

  private PinholeBackend backend;
  private PinholeBackend.Session session;

  @BeforeAll
  static void openNamespace() throws IOException {
    namespace = NamespaceThread.open("phb-race" + ProcessHandle.current().pid());
    for (String address : List.of("192.0.2.1/32", "192.0.2.2/32")) {
      namespace.exec("ip", "address", "add", address, "dev", "lo");
    }
    for (String address : List.of("2001:db8::1/128", "2001:db8::2/128")) {
      namespace.exec("ip", "address", "add", address, "dev", "lo", "nodad");
    }
    try (NftClient client = namespace.call(NftClient::open)) {
      features = NftFeatures.probe(client);
    }
  }

  @AfterAll
  static void closeNamespace() throws IOException {
    namespace.close();
  }

  @BeforeEach
  void open() throws IOException {
    namespace.exec(
        "nft",
        """
        table inet operator {
          chain out {
            type filter hook output priority filter; policy accept;
            tcp flags & (syn|ack) != syn accept
            ct mark & 0x40000000 != 0 counter drop
            counter drop
          }
        }
        """);
    backend = namespace.call(() -> NftablesBackend.open(OPTIONS));
    backend.install(List.of(new HelperPort(Transport.TCP, 21)));
    session = namespace.call(() -> backend.openSession());
  }

  @AfterEach
  void close() throws Exception {
    session.close();
    backend.close();
    namespace.exec("nft", "flush", "ruleset");
  }

  @ParameterizedTest
  @CsvSource({"192.0.2.1, 192.0.2.2", "2001:db8::1, 2001:db8::2"})
  void twoSynsAtOnce_oneComesThrough(String client, String server) throws Exception {
    InetAddress from = InetAddress.getByName(client);
    InetAddress to = InetAddress.getByName(server);
    List<Pinhole> pinholes = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      pinholes.add(pinhole(from, to, FIRST_PORT + round));
    }
    session.apply(List.of(), pinholes);
    Meeting meeting = new Meeting(2);
    Callable<List<Thread>> start =
        () -> {
          List<Thread> threads = new ArrayList<>();
          for (int i = 0; i < 2; i++) {
            FutureTask<Integer> dialing = new FutureTask<>(() -> dial(from, to, ROUNDS, meeting));
            Thread thread = new Thread(dialing, "dialer-" + i); // born in the caller's namespace
            thread.start();
            threads.add(thread);
          }
          return threads;
        };
    for (Thread thread : namespace.call(start)) {
      thread.join(TimeUnit.SECONDS.toMillis(60));
    }
    assertEquals(List.of(), owned());
    List<Integer> counted = counted();
    assertEquals(2 * ROUNDS, counted.get(0) + counted.get(1), "each sent its SYN");
    assertEquals(ROUNDS, counted.get(0), "SYNs that came through");
  }

  /** The same without luck: the first packet stays between lookup and removal. */
  @ParameterizedTest
  @CsvSource({"ip, once4, 192.0.2.1, 192.0.2.2", "ip6, once6, 2001:db8::1, 2001:db8::2"})
  void secondSyn_beforeTheFirstHasRemovedTheElement_findsNothing(
      String family, String map, String client, String server) throws Exception {
    Pinhole pinhole = pinhole(InetAddress.getByName(client), InetAddress.getByName(server), 2000);
    session.apply(List.of(), List.of(pinhole));
    namespace.exec(
        "nft",
        "insert rule inet pinholed pinholes ct mark set meta l4proto . FAMILY saddr . FAMILY daddr"
                .replace("FAMILY", family)
            + " . th dport map @"
            + map
            + " return");
    for (int packet = 0; packet < 2; packet++) {
      namespace.call(() -> dial(pinhole.source(), pinhole.destination(), 1, () -> {}));
    }
    assertEquals(List.of(1, 1), counted());
    assertEquals(List.of(pinhole), owned(), "nobody removed it");
    session.renew(List.of(pinhole));
    namespace.call(() -> dial(pinhole.source(), pinhole.destination(), 1, () -> {}));
    // A kernel that cannot change the timeout in place gets it deleted and added.
    int through = features.timeoutUpdate() ? 1 : 2;
    assertEquals(
        List.of(through, 3 - through), counted(), "more time does not make it new, if it can be");
    session.apply(List.of(pinhole), List.of(pinhole));
    namespace.call(() -> dial(pinhole.source(), pinhole.destination(), 1, () -> {}));
    assertEquals(List.of(through + 1, 3 - through), counted(), "announced anew it is new");
  }

  private static Pinhole pinhole(InetAddress from, InetAddress to, int port) {
    return new Pinhole(
        Pinhole.Kind.ONCE,
        Transport.TCP,
        from,
        to,
        port,
        MARK,
        600_000,
        "ftp parent=0000002a policy=25");
  }

  private List<Pinhole> owned() throws IOException {
    return session.listOwned().stream().map(OwnedPinhole::pinhole).toList();
  }

  /** Sends a SYN to each port; the meeting is right before it. */
  private static int dial(@Nullable InetAddress from, InetAddress to, int ports, Runnable meeting)
      throws IOException {
    for (int i = 0; i < ports; i++) {
      try (SocketChannel channel = SocketChannel.open()) {
        channel.configureBlocking(false);
        channel.bind(new InetSocketAddress(from, 0));
        InetSocketAddress address = new InetSocketAddress(to, FIRST_PORT + i);
        meeting.run();
        channel.connect(address);
      }
    }
    return ports;
  }

  /** Threads that wait for each other without sleeping, so that they go on at the same instant. */
  private static final class Meeting implements Runnable {
    private final int threads;
    private final AtomicInteger arrived = new AtomicInteger();

    private Meeting(int threads) {
      this.threads = threads;
    }

    @Override
    public void run() {
      int mine = arrived.getAndIncrement();
      int all = (mine / threads + 1) * threads;
      while (arrived.get() < all) {
        Thread.onSpinWait();
      }
    }
  }

  /** Packets with the mark, and packets without it. */
  private static List<Integer> counted() throws IOException {
    Matcher counters =
        Pattern.compile("counter packets (\\d+)")
            .matcher(namespace.exec("nft", "list", "table", "inet", "operator"));
    List<Integer> counted = new ArrayList<>();
    while (counters.find()) {
      counted.add(Integer.parseInt(counters.group(1)));
    }
    assertEquals(2, counted.size(), counted::toString);
    return counted;
  }
}
