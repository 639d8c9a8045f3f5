package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.testing.NamespaceThread;

/** Real connections over the loopback interface of a namespace that tracks them. */
@SuppressWarnings("NullAway.Init")
class ConntrackIT {
  private static final int TCP = 6;
  private static final int UDP = 17;
  private static final int TCP_ESTABLISHED = 3;
  private static final int MARK_OF_INTEREST = 0x20000000;
  private static NamespaceThread namespace;
  private ConntrackClient client;

  /** Keeps what it hears. */
  private static final class Recorder implements ConntrackEvents.Handler {
    private final List<ConntrackEntry> started = new ArrayList<>();
    private final List<ConntrackEntry> ended = new ArrayList<>();
    private int overruns;

    @Override
    public void onNew(ConntrackEntry entry) {
      started.add(entry);
    }

    @Override
    public void onDestroy(ConntrackEntry entry) {
      ended.add(entry);
    }

    @Override
    public void onOverrun() {
      overruns++;
    }
  }

  @BeforeAll
  static void openNamespace() throws IOException {
    namespace = NamespaceThread.open("pha-ct");
    namespace.exec("ip", "addr", "add", "192.0.2.1/32", "dev", "lo");
    namespace.exec("ip", "addr", "add", "192.0.2.2/32", "dev", "lo");
    namespace.exec("ip", "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad");
    namespace.exec("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1");
    for (String family : List.of("ip", "ip6")) {
      // A rule that asks for the state makes the kernel track; ports above 50000 get a mark.
      namespace.exec("nft", "add", "table", family, "t");
      namespace.exec("nft", "add chain " + family + " t o { type filter hook output priority 0; }");
      namespace.exec("nft", "add rule " + family + " t o ct state new counter");
      namespace.exec(
          "nft", "add rule " + family + " t o udp dport 50000 ct state new ct mark set 0x20000019");
    }
  }

  @AfterAll
  static void closeNamespace() throws IOException {
    namespace.close();
  }

  @BeforeEach
  void open() throws IOException {
    client = namespace.call(ConntrackClient::open);
  }

  @AfterEach
  void close() {
    client.close();
  }

  private static InetAddress address(String text) throws IOException {
    return InetAddress.getByName(text);
  }

  private static FlowTuple udp(String from, String to, int toPort) throws IOException {
    InetAddress source = address(from);
    InetAddress destination = address(to);
    try (DatagramSocket socket =
        namespace.call(() -> new DatagramSocket(new InetSocketAddress(source, 0)))) {
      socket.send(new DatagramPacket(new byte[1], 1, destination, toPort));
      return new FlowTuple(UDP, source, socket.getLocalPort(), destination, toPort);
    }
  }

  private ConntrackEntry entry(FlowTuple tuple) throws NetlinkException {
    return client.get(tuple).orElseThrow();
  }

  @Test
  void get_ofAnEstablishedTcpConnection_isFoundByBothTuples() throws IOException {
    try (ServerSocket server = namespace.call(() -> new ServerSocket(0, 5, address("192.0.2.1")));
        Socket socket =
            namespace.call(
                () ->
                    new Socket(
                        address("192.0.2.1"), server.getLocalPort(), address("192.0.2.2"), 0))) {
      FlowTuple tuple =
          new FlowTuple(
              TCP,
              address("192.0.2.2"),
              socket.getLocalPort(),
              address("192.0.2.1"),
              server.getLocalPort());
      ConntrackEntry entry = entry(tuple);
      assertEquals(tuple, entry.original());
      assertEquals(tuple.inverse(), entry.reply());
      assertEquals(entry.id(), entry(tuple.inverse()).id());
      assertEquals(TCP_ESTABLISHED, entry.tcpState());
      assertEquals(0, entry.mark());
      assertEquals(2, entry.originalPackets());
      assertEquals(1, entry.replyPackets());
      assertTrue(entry.originalBytes() > 80);
      assertTrue(entry.replyBytes() > 40);
      assertTrue(entry.timeoutSeconds() > 3600);
      assertEquals("", entry.helperName());
      assertEquals(0, entry.zone());
      assertFalse(entry.isTranslated());
      assertEquals(
          ConntrackEntry.IPS_SEEN_REPLY | ConntrackEntry.IPS_ASSURED | ConntrackEntry.IPS_CONFIRMED,
          entry.status() & 0xf);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void get_ofAConnectionThatOneSideClosed_tellsWhich(boolean byServer) throws IOException {
    try (ServerSocket server = namespace.call(() -> new ServerSocket(0, 5, address("192.0.2.1")));
        Socket socket =
            namespace.call(
                () ->
                    new Socket(
                        address("192.0.2.1"), server.getLocalPort(), address("192.0.2.2"), 0));
        Socket accepted = server.accept()) {
      FlowTuple tuple =
          new FlowTuple(
              TCP,
              address("192.0.2.2"),
              socket.getLocalPort(),
              address("192.0.2.1"),
              server.getLocalPort());
      assertEquals(ConntrackEntry.TcpCloser.NOBODY, entry(tuple).tcpCloser());
      Socket first = byServer ? accepted : socket;
      Socket second = byServer ? socket : accepted;
      first.shutdownOutput();
      assertEquals(-1, second.getInputStream().read());
      ConntrackEntry.TcpCloser closer =
          byServer ? ConntrackEntry.TcpCloser.REPLY : ConntrackEntry.TcpCloser.ORIGINAL;
      assertEquals(closer, entry(tuple).tcpCloser());
      assertTrue(entry(tuple).isTcpAlive());
      second.shutdownOutput();
      assertEquals(-1, first.getInputStream().read());
      assertEquals(closer, entry(tuple).tcpCloser());
      assertTrue(entry(tuple).hasTwoFins());
    }
  }

  @Test
  void serial_isTheIdThatTheConntrackToolPrints() throws IOException {
    FlowTuple tuple = udp("192.0.2.2", "192.0.2.1", 9);
    ConntrackEntry entry = entry(tuple);
    String listed =
        namespace.exec(
            "conntrack", "-L", "-p", "udp", "--sport", "" + tuple.sourcePort(), "-o", "id");
    assertTrue(listed.contains(" id=" + Integer.toUnsignedString(entry.id())), listed);
    assertEquals(entry.id(), (int) Long.parseLong(entry.identity().serial(), 16));
    assertEquals(8, entry.identity().serial().length());
  }

  @Test
  void get_ofAnIpv6Flow_isFound() throws IOException {
    FlowTuple tuple = udp("2001:db8::1", "2001:db8::1", 9);
    ConntrackEntry entry = entry(tuple);
    assertTrue(entry.original().isIpv6());
    assertEquals(tuple, entry.original());
    assertEquals(-1, entry.tcpState());
  }

  @Test
  void get_ofAFlowThatIsNotThere_isEmpty() throws IOException {
    assertTrue(
        client.get(new FlowTuple(UDP, address("192.0.2.2"), 1, address("192.0.2.1"), 1)).isEmpty());
  }

  @Test
  void getEach_tellsThoseThatAreThere() throws IOException {
    List<FlowTuple> asked = new ArrayList<>();
    List<FlowTuple> there = new ArrayList<>();
    for (int at = 0; at < ConntrackClient.MOST_TUPLES; at++) {
      boolean isThere = at % 3 == 1;
      FlowTuple tuple =
          isThere
              ? udp("192.0.2.2", "192.0.2.1", 7000 + at)
              : new FlowTuple(UDP, address("192.0.2.2"), 1, address("192.0.2.1"), 7000 + at);
      asked.add(tuple);
      if (isThere) {
        there.add(tuple);
      }
    }
    assertEquals(there, client.getEach(asked).stream().map(ConntrackEntry::original).toList());
    assertEquals(List.of(), client.getEach(asked.subList(0, 1)));
    assertEquals(there.get(0), client.getEach(asked.subList(0, 2)).get(0).original());
    asked.add(asked.get(0));
    assertThrows(IllegalArgumentException.class, () -> client.getEach(asked));
  }

  @Test
  void dump_withAFlowThatHasNoPorts_tellsPortsZero() throws IOException {
    namespace.exec(
        "conntrack",
        "-I",
        "-p",
        "icmp",
        "-s",
        "192.0.2.7",
        "-d",
        "192.0.2.8",
        "-t",
        "30",
        "--icmp-type",
        "8",
        "--icmp-code",
        "0",
        "--icmp-id",
        "4711");
    List<ConntrackEntry> found = new ArrayList<>();
    client.dump(
        DumpFilter.ALL,
        entry -> {
          if (entry.original().source().getHostAddress().equals("192.0.2.7")) {
            found.add(entry);
          }
        });
    assertEquals(1, found.size());
    assertEquals(1, found.get(0).original().protocol());
    assertEquals(0, found.get(0).original().sourcePort());
    assertEquals(0, found.get(0).reply().destinationPort());
  }

  @Test
  void setTimeout_isWhatIsLeft_untilThePacketAfterIt() throws IOException {
    FlowTuple tuple = udp("192.0.2.2", "192.0.2.1", 9);
    ConntrackIdentity identity = entry(tuple).identity();
    assertTrue(client.setTimeout(identity, 86_400));
    long left = client.get(identity).orElseThrow().timeoutSeconds();
    assertTrue(left > 86_000 && left <= 86_400, () -> left + " s");
    ConntrackIdentity other =
        new ConntrackIdentity(
            identity.id() + 1, identity.original(), identity.reply(), identity.zone());
    assertFalse(client.setTimeout(other, 100));
    assertTrue(client.get(identity).orElseThrow().timeoutSeconds() > 86_000, "it has another id");
    assertThrows(IllegalArgumentException.class, () -> client.setTimeout(identity, 0));
    assertFalse(client.delete(other));
    assertTrue(client.delete(identity));
    assertFalse(client.delete(identity));
    assertFalse(client.setTimeout(identity, 100), "gone");
  }

  @Test
  void delete_withTheId_removesItOnce() throws IOException {
    FlowTuple tuple = udp("192.0.2.2", "192.0.2.1", 9);
    int id = entry(tuple).id();
    assertFalse(client.delete(tuple, id + 1));
    assertTrue(client.get(tuple).isPresent());
    assertTrue(client.delete(tuple, id));
    assertTrue(client.get(tuple).isEmpty());
    assertFalse(client.delete(tuple, id));
  }

  @Test
  void setMark_changesTheMaskedBitsOnly() throws IOException {
    FlowTuple tuple = udp("192.0.2.2", "192.0.2.1", 50000);
    assertEquals(0x20000019, entry(tuple).mark());
    assertTrue(client.setMark(tuple, 0x10000000, 0x30000000));
    assertEquals(0x10000019, entry(tuple).mark());
    // A bit outside of the mask stays, whatever the new mark says.
    assertTrue(client.setMark(tuple, 0x7fffffff, 0x20000000));
    assertEquals(0x30000019, entry(tuple).mark());
    client.delete(tuple, entry(tuple).id());
    assertFalse(client.setMark(tuple, 1, 1));
  }

  @Test
  void dump_byMarkAndFamily_tellsThoseOnly() throws IOException {
    FlowTuple marked = udp("192.0.2.2", "192.0.2.1", 50000);
    FlowTuple marked6 = udp("2001:db8::1", "2001:db8::1", 50000);
    FlowTuple plain = udp("192.0.2.2", "192.0.2.1", 9);
    List<FlowTuple> seen = new ArrayList<>();
    client.dump(new DumpFilter(0, -1, MARK_OF_INTEREST), entry -> seen.add(entry.original()));
    assertTrue(seen.contains(marked));
    assertTrue(seen.contains(marked6));
    assertFalse(seen.contains(plain));
    seen.clear();
    client.dump(
        new DumpFilter(ConntrackMessages.AF_INET, MARK_OF_INTEREST, MARK_OF_INTEREST),
        entry -> seen.add(entry.original()));
    assertTrue(seen.contains(marked));
    assertFalse(seen.contains(marked6));
    seen.clear();
    client.dump(DumpFilter.ALL, entry -> seen.add(entry.original()));
    assertTrue(seen.containsAll(List.of(marked, marked6, plain)));
  }

  @Test
  void dump_ofManyFlows_tellsEachOnce() throws IOException {
    // Longer than the slowest machine needs for all of them: what timed out is not in the dump.
    namespace.exec("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=600");
    List<FlowTuple> made = new ArrayList<>();
    for (int port = 20000; port < 21000; port++) {
      made.add(udp("192.0.2.2", "192.0.2.1", port));
    }
    List<FlowTuple> seen = new ArrayList<>();
    client.dump(
        DumpFilter.ALL,
        entry -> {
          int port = entry.original().destinationPort();
          if (port >= 20000 && port < 21000) {
            seen.add(entry.original());
          }
        });
    namespace.exec("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=30");
    assertEquals(1000, seen.size());
    assertTrue(seen.containsAll(made));
  }

  private static ConntrackEvents subscribe(int markMask, int receiveBufferBytes)
      throws IOException {
    return namespace.call(
        () ->
            ConntrackEvents.open(
                new EventOptions(true, true, markMask, receiveBufferBytes, Duration.ofSeconds(5))));
  }

  @Test
  void events_ofAFlow_tellItsBeginAndEnd() throws IOException {
    try (ConntrackEvents events = subscribe(0, 1 << 20)) {
      FlowTuple tuple = udp("192.0.2.2", "192.0.2.1", 9);
      int id = entry(tuple).id();
      client.delete(tuple, id);
      Recorder recorder = new Recorder();
      while (recorder.ended.stream().noneMatch(entry -> entry.id() == id)) {
        assertTrue(events.receive(recorder) > 0, "no event within 5 s");
      }
      assertTrue(
          recorder.started.stream()
              .anyMatch(entry -> entry.id() == id && entry.original().equals(tuple)));
      assertEquals(0, recorder.overruns);
    }
  }

  @Test
  void events_withAMarkMask_tellMarkedFlowsOnly() throws IOException {
    try (ConntrackEvents events = subscribe(MARK_OF_INTEREST | 0x40000000, 1 << 20)) {
      FlowTuple plain = udp("192.0.2.2", "192.0.2.1", 9);
      client.delete(plain, entry(plain).id());
      FlowTuple other = udp("192.0.2.2", "192.0.2.1", 10);
      client.setMark(other, 0x10000001, -1);
      client.delete(other, entry(other).id());
      FlowTuple marked = udp("192.0.2.2", "192.0.2.1", 50000);
      client.delete(marked, entry(marked).id());
      Recorder recorder = new Recorder();
      while (recorder.ended.isEmpty()) {
        assertTrue(events.receive(recorder) > 0, "no event within 5 s");
      }
      assertEquals(1, recorder.started.size());
      assertEquals(1, recorder.ended.size());
      assertEquals(marked, recorder.started.get(0).original());
      assertEquals(marked, recorder.ended.get(0).original());
      assertEquals(0x20000019, recorder.ended.get(0).mark());
      assertEquals(1, recorder.ended.get(0).originalPackets());
    }
  }

  @Test
  void events_thatOverrun_areToldAsLost() throws IOException {
    try (ConntrackEvents events = subscribe(0, 4096)) {
      for (int i = 0; i < 50; i++) {
        udp("192.0.2.2", "192.0.2.1", 30000 + i);
      }
      Recorder recorder = new Recorder();
      while (recorder.overruns == 0) {
        events.receive(recorder);
      }
      assertEquals(1, events.overruns());
    }
  }

  @Test
  void get_ofATranslatedFlow_hasTheTranslatedReplyTuple() throws IOException {
    namespace.exec("nft", "add table ip n");
    namespace.exec("nft", "add chain ip n o { type nat hook output priority -100; }");
    namespace.exec("nft", "add rule ip n o udp dport 40000 dnat to 192.0.2.1:40001");
    try {
      ConntrackEntry entry = entry(udp("192.0.2.2", "192.0.2.2", 40000));
      assertTrue(entry.isTranslated());
      assertEquals(40000, entry.original().destinationPort());
      assertEquals(address("192.0.2.1"), entry.reply().source());
      assertEquals(40001, entry.reply().sourcePort());
      assertEquals(entry.id(), entry(entry.reply()).id());
    } finally {
      namespace.exec("nft", "delete table ip n");
    }
  }

  /** A thread that listens until it has heard of one connection of interest, and what that cost. */
  private static final class Listener extends Thread implements ConntrackEvents.Handler {
    private final ConntrackEvents events;
    private long heard;
    private long cpuNs;
    private long timesRun;
    private volatile boolean done;
    private volatile String failure = "";

    Listener(ConntrackEvents events) {
      this.events = events;
    }

    @Override
    public void run() {
      try {
        long[] before = schedule();
        while (!done) {
          events.receive(this);
        }
        long[] after = schedule();
        cpuNs = after[0] - before[0];
        timesRun = after[2] - before[2];
      } catch (IOException e) {
        failure = e.toString();
      }
    }

    /** Nanoseconds on a processor, nanoseconds of waiting for one, times run. */
    private static long[] schedule() throws IOException {
      String text = Files.readString(Path.of("/proc/thread-self/schedstat"));
      return Pattern.compile(" ").splitAsStream(text.trim()).mapToLong(Long::parseLong).toArray();
    }

    @Override
    public void onNew(ConntrackEntry entry) {
      heard++;
      done |= entry.mark() != 0;
    }

    @Override
    public void onDestroy(ConntrackEntry entry) {
      heard++;
    }

    @Override
    public void onOverrun() {
      heard++;
    }

    @Override
    public String toString() {
      return heard + " events, " + cpuNs / 1000 + " us of CPU, run " + timesRun + " times";
    }
  }

  @Test
  void twentyThousandConnections_wakeNobodyBehindTheFilter() throws Exception {
    int connections = 20_000;
    try (ConntrackEvents all = subscribe(0);
        ConntrackEvents few = subscribe(MARK_OF_INTEREST)) {
      Listener withoutFilter = new Listener(all);
      Listener withFilter = new Listener(few);
      withoutFilter.start();
      withFilter.start();
      long beganNs = System.nanoTime();
      InetAddress source = address("192.0.2.2");
      InetAddress destination = address("192.0.2.1");
      try (DatagramSocket socket =
          namespace.call(() -> new DatagramSocket(new InetSocketAddress(source, 0)))) {
        DatagramPacket packet = new DatagramPacket(new byte[1], 1, destination, 1);
        for (int port = 10_000; port < 10_000 + connections; port++) {
          packet.setPort(port);
          socket.send(packet);
        }
      }
      double seconds = (System.nanoTime() - beganNs) / 1e9;
      for (Listener each : List.of(withoutFilter, withFilter)) {
        while (each.isAlive() && !each.done) {
          udp("192.0.2.2", "192.0.2.1", 50_000);
        }
        each.join();
        assertEquals("", each.failure);
      }
      System.out.printf(
          "%d connections in %.2f s; without filter: %s; with filter: %s%n",
          connections, seconds, withoutFilter, withFilter);
      assertTrue(withoutFilter.heard > connections / 2, withoutFilter::toString);
      // Those of interest only; a receive that times out runs it, too.
      assertTrue(withFilter.heard < connections / 100, withFilter::toString);
      assertTrue(withFilter.timesRun < connections / 100, withFilter::toString);
      assertTrue(withFilter.cpuNs * 5 < withoutFilter.cpuNs, withFilter::toString);
    }
  }

  private static ConntrackEvents subscribe(int markMask) throws IOException {
    return namespace.call(
        () ->
            ConntrackEvents.open(
                new EventOptions(true, true, markMask, 16 << 20, Duration.ofSeconds(5))));
  }
}
