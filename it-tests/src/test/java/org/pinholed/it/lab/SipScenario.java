package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipRouter.Help;

/**
 * A router that drops by default, with or without translation, between phones of the client's and
 * of the server's side, of which the test moves both; a watch on invalid packets; and who helps
 * SIP. Closing it ends everything.
 */
public final class SipScenario implements AutoCloseable {
  /** Long against a round trip here, which is under 1 ms. */
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(250);

  /** The bit of the conntrack mark that says that a pinhole let a flow in. */
  private static final String CHILD_MARK = "0x40000000";

  private static final Duration AWAIT_PATIENCE = Duration.ofSeconds(20);

  /** Media ports: each call has twenty of its own on either host. */
  private static final int FIRST_MEDIA_PORT = 20000;

  /**
   * Somebody who sends to where nothing may be open.
   *
   * @param from who sends
   * @param to where to
   * @param receiver who must not get it
   */
  public record Probe(Datagrams from, Endpoint to, Datagrams receiver) {}

  private final AtomicInteger count = new AtomicInteger();
  private final AtomicInteger calls = new AtomicInteger();
  private final SipRouter router;
  private final Family family;
  private final Peer client;
  private final Peer server;
  private final Datagrams serverSocket;
  private final Listener serverListener;
  private final Datagrams serverStranger;
  private final Datagrams clientStranger;

  private SipScenario(SipRouter router, Family family) {
    this.router = router;
    this.family = family;
    Lab lab = router.lab();
    client = Peer.start(lab, Lab.Host.CLIENT);
    server = Peer.start(lab, Lab.Host.SERVER);
    serverSocket = server.datagrams(family.server(), Service.SIP_PORT);
    serverListener = server.listen(family.server(), Service.SIP_PORT);
    serverStranger = server.datagrams(family.otherServer(), 0);
    clientStranger = client.datagrams(family.otherClient(), 0);
  }

  /**
   * Builds it.
   *
   * @param nat null if the router does not translate
   * @param yaml configuration of the agent that differs from its defaults, with the helpers
   */
  public static SipScenario start(
      Links links, @Nullable NatMode nat, Family family, Help help, String yaml) {
    SipRouter router = SipRouter.start(links, nat, family, help, yaml);
    try {
      return new SipScenario(router, family);
    } catch (RuntimeException | Error e) {
      router.close();
      throw e;
    }
  }

  /** Builds it with the agent, SIP on both transports and all defaults. */
  public static SipScenario start(@Nullable NatMode nat, Family family) {
    return start(nat, family, "");
  }

  /**
   * Builds it with the agent and SIP on both transports.
   *
   * @param options of both entries, as in {@code media: any}
   */
  public static SipScenario start(@Nullable NatMode nat, Family family, String options) {
    return start(Links.VETH, nat, family, Help.AGENT, SipRouter.helpers(options));
  }

  /** The three hosts. */
  public Lab lab() {
    return router.lab();
  }

  /** The addresses. */
  public Family family() {
    return family;
  }

  /** The agent on the router. */
  public AgentProcess agent() {
    return router.agent();
  }

  /** The scripted client. */
  public Peer client() {
    return client;
  }

  /** The scripted server. */
  public Peer server() {
    return server;
  }

  /** The server's socket of SIP. */
  public Datagrams serverSocket() {
    return serverSocket;
  }

  /** Where the client finds the server. */
  public Endpoint dialed() {
    return router.dialed();
  }

  private Endpoint serverEnd() {
    return new Endpoint(family.server(), Service.SIP_PORT);
  }

  /** A flow of datagrams from a port of the client's; 0 for a free one. */
  public SipLine udp(int port) {
    return udpFrom(family.client(), port);
  }

  /** A flow of datagrams from one of the client's addresses. */
  public SipLine udpFrom(String source, int port) {
    Datagrams socket = client.datagrams(source, port);
    return new SipLine(
        new UdpDialogue(socket, serverSocket, dialed()), "UDP", serverEnd(), dialed());
  }

  /**
   * A flow of datagrams between any two sockets, neither of them translated by the server's side.
   */
  public SipLine udp(Datagrams from, Datagrams to) {
    return new SipLine(new UdpDialogue(from, to, to.local()), "UDP", to.local(), to.local());
  }

  /** A connection from the client to the server. */
  public SipLine tcp() {
    return tcpFrom(family.client());
  }

  /** A connection from one of the client's addresses to the server. */
  public SipLine tcpFrom(String source) {
    Connection connection = client.connect(source, dialed().host(), Service.SIP_PORT);
    Endpoint local = new Endpoint(source, connection.port());
    return new SipLine(
        new SipStream(connection, serverListener.accept(), local), "TCP", serverEnd(), dialed());
  }

  /** A flow of either transport from a free port. */
  public SipLine line(boolean overUdp) {
    return overUdp ? udp(0) : tcp();
  }

  /** A call of the client's to the server; nothing is said yet. */
  public SipCall call(SipLine line) {
    int port = FIRST_MEDIA_PORT + 20 * calls.incrementAndGet();
    return call(
        line,
        RtpPeer.open(client, line.client().host(), port),
        RtpPeer.open(server, line.server().host(), port + 10));
  }

  /** The same with media of choice. */
  public SipCall call(SipLine line, RtpPeer caller, RtpPeer callee) {
    return new SipCall(
        line,
        "call-" + count.incrementAndGet() + "@example.org",
        true,
        router.hasAgent(),
        caller,
        callee,
        "sip:bob@" + Family.inUrl(line.dialed().host()) + ":" + Service.SIP_PORT);
  }

  /**
   * A call of the server's to the client; nothing is said yet.
   *
   * @param target the URI at which the server has learned to reach the client
   */
  public SipCall callBack(SipLine line, String target) {
    int port = FIRST_MEDIA_PORT + 20 * calls.incrementAndGet();
    return new SipCall(
        line,
        "back-" + count.incrementAndGet() + "@example.org",
        false,
        router.hasAgent(),
        RtpPeer.open(server, family.server(), port),
        RtpPeer.open(client, line.client().host(), port + 10),
        target);
  }

  /** A UDP socket of the client's. */
  public Datagrams atClient(int port) {
    return client.datagrams(family.client(), port);
  }

  /** A UDP socket of the server's. */
  public Datagrams atServer(int port) {
    return server.datagrams(family.server(), port);
  }

  /** A socket of the server's side which no call knows. */
  public Datagrams serverStranger() {
    return serverStranger;
  }

  /** A socket of the client's side which no call knows. */
  public Datagrams clientStranger() {
    return clientStranger;
  }

  /** Insists that nothing of all this arrives; takes its time once for all of them. */
  public void assertShut(List<Probe> probes) {
    List<String> texts = new ArrayList<>();
    for (Probe probe : probes) {
      String text = "probe " + count.incrementAndGet();
      texts.add(text);
      try {
        probe.from().send(probe.to(), text);
      } catch (PeerException e) {
        // There is not even a way to it.
      }
    }
    Duration patience = SHUT_PATIENCE;
    List<String> arrived = new ArrayList<>();
    for (Datagrams receiver : probes.stream().map(Probe::receiver).distinct().toList()) {
      for (Datagram came : receiver.receive(Integer.MAX_VALUE, patience)) {
        if (texts.contains(came.data())) {
          Probe probe = probes.get(texts.indexOf(came.data()));
          arrived.add(
              "%s -> %s came to %s"
                  .formatted(probe.from().local(), probe.to(), probe.receiver().local()));
        }
      }
      patience = Duration.ofMillis(5); // all of them were on their way at the same time
    }
    if (!arrived.isEmpty()) {
      throw new AssertionError(String.join("\n", arrived) + "\n" + state());
    }
  }

  /**
   * Insists that of these sockets just those on these ports can be reached at an address.
   *
   * @param from who sends to all of them
   */
  public void assertOpenAre(
      Set<Integer> open, Datagrams from, String host, List<Datagrams> receivers) {
    List<Probe> shut = new ArrayList<>();
    for (Datagrams receiver : receivers) {
      Endpoint to = new Endpoint(host, receiver.local().port());
      if (open.contains(to.port())) {
        assertOpen(from, to, receiver);
      } else {
        shut.add(new Probe(from, to, receiver));
      }
    }
    assertShut(shut);
  }

  /** Insists that one datagram does not arrive. */
  public void assertShut(Datagrams from, Endpoint to, Datagrams receiver) {
    assertShut(List.of(new Probe(from, to, receiver)));
  }

  /** Insists that one datagram arrives; who the receiver takes for its sender. */
  public Endpoint assertOpen(Datagrams from, Endpoint to, Datagrams receiver) {
    String text = "probe " + count.incrementAndGet();
    from.send(to, text);
    while (true) {
      Optional<Datagram> came = receiver.receive(Duration.ofSeconds(5));
      if (came.isEmpty()) {
        throw new AssertionError(
            "%s -> %s does not come to %s\n%s"
                .formatted(from.local(), to, receiver.local(), state()));
      }
      if (came.get().data().equals(text)) {
        return came.get().from();
      }
    }
  }

  /** Insists that no media of a call's phones pass, neither theirs nor a stranger's. */
  public void assertSilent(SipCall call, SipSdp callerTold, SipSdp calleeTold) {
    List<Probe> probes = new ArrayList<>(strangers(call, callerTold, calleeTold));
    for (Side side : Side.values()) {
      RtpPeer own = call.audio(side);
      RtpPeer other = call.audio(side.other());
      SipSdp told = side == Side.CALLER ? calleeTold : callerTold;
      probes.add(new Probe(own.rtp(), told.rtp(), other.rtp()));
      probes.add(new Probe(own.rtcp(), told.rtcp(), other.rtcp()));
    }
    assertShut(probes);
  }

  /** Insists that strangers get to neither phone of a call that is on. */
  public void assertStrangersOut(SipCall call) {
    assertShut(strangers(call, call.heard(Side.CALLEE), call.heard(Side.CALLER)));
  }

  private List<Probe> strangers(SipCall call, SipSdp callerTold, SipSdp calleeTold) {
    List<Probe> probes = new ArrayList<>();
    for (Side side : Side.values()) {
      RtpPeer receiver = call.audio(side);
      SipSdp told = side == Side.CALLER ? callerTold : calleeTold;
      boolean client = receiver.rtp().local().host().equals(family.client());
      Datagrams stranger = client ? serverStranger : clientStranger;
      probes.add(new Probe(stranger, told.rtp(), receiver.rtp()));
      probes.add(new Probe(stranger, told.rtcp(), receiver.rtcp()));
    }
    return probes;
  }

  /**
   * Waits until no media are announced any more. Signalling may be: that of a request which is not
   * of a call stays open for a while.
   */
  public void awaitNoMedia() {
    await(() -> media().isEmpty());
  }

  /** The rows of what is announced and is no signalling, which would be read. */
  public List<JsonNode> media() {
    return rows("expectations").stream()
        .filter(row -> !row.path("flags").toString().contains("read"))
        .toList();
  }

  /** The rows of a JSON listing. */
  public List<JsonNode> rows(String... arguments) {
    return StreamSupport.stream(agent().json(arguments).spliterator(), false).toList();
  }

  /** Stops the agent by a signal, lets things happen, and has it go on when a packet waits. */
  public void whileAgentStands(Runnable things) {
    signalAgent("STOP");
    try {
      things.run();
      await(() -> waitingPackets() > 0);
    } finally {
      signalAgent("CONT");
    }
  }

  private void signalAgent(String name) {
    router.lab().run(Lab.Host.ROUTER, Lab.SHORT, "kill", "-" + name, "" + agent().pid());
  }

  private int waitingPackets() {
    return router
        .lab()
        .run(Lab.Host.ROUTER, Lab.SHORT, "cat", "/proc/net/netfilter/nfnetlink_queue")
        .output()
        .lines()
        .mapToInt(line -> Integer.parseInt(line.strip().split(" +", -1)[2]))
        .sum();
  }

  /** Somebody on the router itself; to be closed. */
  public Peer onRouter() {
    return Peer.start(router.lab(), Lab.Host.ROUTER);
  }

  /** The events of a kind so far. */
  public List<JsonNode> events(String kind) {
    return agent().events().stream().filter(e -> e.path("event").asText().equals(kind)).toList();
  }

  /** Forgets the flows of UDP that were begun to a port, as conntrack does with time. */
  public void deleteConntracks(int port) {
    router
        .lab()
        .run(
            Lab.Host.ROUTER,
            Lab.SHORT,
            "conntrack",
            "-D",
            "-f",
            family == Family.V4 ? "ipv4" : "ipv6",
            "-p",
            "udp",
            "--orig-port-dst",
            Integer.toString(port)); // fails if there is none
  }

  /**
   * The children of UDP that were begun to a port, as {@code conntrack -L} prints them; what came
   * to the router itself, because nothing led further, is none.
   */
  public List<String> conntracks(int port) {
    return listed(port, "-m", CHILD_MARK + "/" + CHILD_MARK);
  }

  /** All of UDP that were begun to a port, also those that no pinhole let in. */
  public List<String> allConntracks(int port) {
    return listed(port);
  }

  private List<String> listed(int port, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "conntrack",
                "-L",
                "-f",
                family == Family.V4 ? "ipv4" : "ipv6",
                "-p",
                "udp",
                "--orig-port-dst",
                Integer.toString(port)));
    command.addAll(List.of(more));
    String all =
        router.lab().run(Lab.Host.ROUTER, Lab.SHORT, command.toArray(String[]::new)).orFail();
    return all.lines().filter(line -> line.contains("src=")).toList();
  }

  /** Waits until something is so. */
  public void await(BooleanSupplier condition) {
    Scenario.await(AWAIT_PATIENCE, condition, this::state);
  }

  private String state() {
    return router.hasAgent()
        ? rows("expectations") + "\n" + rows("sessions") + "\n" + events("refused") + agent().log()
        : "";
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    router.assertClean();
  }

  /** Insists that the agent has nothing to complain of. */
  public void assertNoComplaint() {
    router.assertNoComplaint();
  }

  @Override
  public void close() {
    router.close();
  }
}
