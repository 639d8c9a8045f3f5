package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A router with the agent that knows the laboratory's own protocol, with or without translation, a
 * scripted peer on either side and a watch on invalid packets. Closing it ends everything.
 */
public final class LabScenario implements AutoCloseable {
  /** Longer than anything takes here that comes at all, but for a machine that stands still. */
  private static final Duration OPEN_PATIENCE = Duration.ofSeconds(5);

  /** Long against a round trip here, which is under 1 ms. */
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(300);

  private static final Duration AWAIT_PATIENCE = Duration.ofSeconds(30);

  private static final Pattern ENDPOINT = Pattern.compile("\\[?([0-9a-f.:]+?)\\]?:(\\d+)");
  private static final String HELPERS =
      """
      helpers:
        - {id: 1, name: lab, protocol: udp, port: 5959%1$s}
        - {id: 2, name: lab, protocol: tcp, port: 5959%1$s}
      """;

  private final AtomicInteger probes = new AtomicInteger();
  private final Lab lab;
  private final Family family;
  private final String dialedHost;
  private final InvalidWatch watch;
  private final AgentProcess agent;
  private final Peer client;
  private final Peer server;
  private final Datagrams serverSocket;
  private final Listener serverListener;

  private LabScenario(Lab lab, @Nullable NatMode nat, Family family, String yaml) {
    this.lab = lab;
    this.family = family;
    RouterFirewall.installWithAcceptRule(lab, Service.LAB);
    if (nat != null) {
      nat.install(lab, Service.LAB);
    }
    dialedHost = nat == null ? family.server() : nat.dialed(family);
    watch = InvalidWatch.start(lab);
    agent = AgentProcess.startWithLabProtocol(lab, yaml);
    client = Peer.start(lab, Lab.Host.CLIENT);
    server = Peer.start(lab, Lab.Host.SERVER);
    serverSocket = server.datagrams(family.server(), Service.LAB_PORT);
    serverListener = server.listen(family.server(), Service.LAB_PORT);
  }

  /**
   * Builds it.
   *
   * @param nat null if the router does not translate
   * @param yaml configuration of the agent that differs from its defaults, with the helpers
   */
  public static LabScenario start(@Nullable NatMode nat, Family family, String yaml) {
    Lab lab = Lab.create();
    try {
      return new LabScenario(lab, nat, family, yaml);
    } catch (RuntimeException | Error e) {
      lab.close();
      throw e;
    }
  }

  /** Builds it with the protocol on both transports and all defaults. */
  public static LabScenario start(@Nullable NatMode nat, Family family) {
    return start(nat, family, helpers(""));
  }

  /**
   * The part of a configuration that reads the protocol over both transports.
   *
   * @param more further keys of both entries, as in {@code , timeout: 5s}
   */
  public static String helpers(String more) {
    return HELPERS.formatted(more);
  }

  /** The three hosts. */
  public Lab lab() {
    return lab;
  }

  /** The addresses. */
  public Family family() {
    return family;
  }

  /** The agent on the router. */
  public AgentProcess agent() {
    return agent;
  }

  /** The scripted client. */
  public Peer client() {
    return client;
  }

  /** The scripted server. */
  public Peer server() {
    return server;
  }

  /** A dialogue of datagrams from a port of the client's. */
  public UdpDialogue udp() {
    return udpFrom(family.client());
  }

  /** A dialogue of datagrams from one of the client's addresses. */
  public UdpDialogue udpFrom(String source) {
    return udpFrom(source, 0);
  }

  /** A dialogue of datagrams from one of the client's addresses and a port of choice. */
  public UdpDialogue udpFrom(String source, int port) {
    Datagrams socket = client.datagrams(source, port);
    return new UdpDialogue(socket, serverSocket, new Endpoint(dialedHost, Service.LAB_PORT));
  }

  /** A dialogue of lines over a connection. */
  public TcpDialogue tcp() {
    Connection connection = client.connect(family.client(), dialedHost, Service.LAB_PORT);
    Endpoint local = new Endpoint(family.client(), connection.port());
    return new TcpDialogue(connection, serverListener.accept(), local);
  }

  /** A dialogue over either transport. */
  public LabDialogue dialogue(boolean overUdp) {
    return overUdp ? udp() : tcp();
  }

  /** A UDP socket of the client's at a port of choice, or with 0 a free one. */
  public Datagrams atClient(int port) {
    return client.datagrams(family.client(), port);
  }

  /** A UDP socket of the server's at a port of choice, or with 0 a free one. */
  public Datagrams atServer(int port) {
    return server.datagrams(family.server(), port);
  }

  /**
   * A message that announces children as one group.
   *
   * @param items each the fields of one child, as {@link #to} writes its destination
   */
  public static String expect(String... items) {
    return "item " + String.join(";item ", items) + ";expect";
  }

  /** The field that says where a child goes. */
  public static String to(Datagrams socket) {
    return "to=" + text(socket.local());
  }

  /** How a message writes an endpoint. */
  public static String text(Endpoint endpoint) {
    return Family.inUrl(endpoint.host()) + ":" + endpoint.port();
  }

  /** The endpoints that stand in the fields {@code to} and {@code at} of a message, in order. */
  public static List<Endpoint> endpoints(String message) {
    return Pattern.compile("\\b(?:to|at)=(\\S+?)(?=[ ;]|$)")
        .matcher(message)
        .results()
        .map(field -> endpoint(field.group(1)))
        .toList();
  }

  private static Endpoint endpoint(String text) {
    Matcher matcher = ENDPOINT.matcher(text);
    if (!matcher.matches()) {
      throw new AssertionError("no endpoint: " + text);
    }
    return new Endpoint(matcher.group(1), Integer.parseInt(matcher.group(2)));
  }

  /**
   * Sends one datagram from one socket to where the other one is to be found.
   *
   * @return who the receiver takes for its sender, or empty if it does not come
   */
  public Optional<Endpoint> reaches(Datagrams from, Endpoint to, Datagrams receiver) {
    return probe(from, to, receiver, OPEN_PATIENCE);
  }

  /** Whether one datagram does not come; takes its time. */
  public boolean isShut(Datagrams from, Endpoint to, Datagrams receiver) {
    return probe(from, to, receiver, SHUT_PATIENCE).isEmpty();
  }

  private Optional<Endpoint> probe(
      Datagrams from, Endpoint to, Datagrams receiver, Duration patience) {
    String text = "probe " + probes.incrementAndGet();
    from.send(to, text);
    long deadline = System.nanoTime() + Patience.of(patience).toNanos();
    while (true) {
      long leftNs =
          Math.max(0, deadline - System.nanoTime()) / Patience.FACTOR; // as receive takes it
      Duration left = Duration.ofNanos(leftNs);
      Optional<Datagram> came = receiver.receive(left);
      if (came.isEmpty()) {
        return Optional.empty();
      }
      if (came.get().data().equals(text)) {
        return came.map(Datagram::from);
      }
    }
  }

  /** The rows of a JSON listing. */
  public List<JsonNode> rows(String... arguments) {
    return StreamSupport.stream(agent.json(arguments).spliterator(), false).toList();
  }

  /** How the row of an item looks now, or empty if there is none. */
  public Optional<JsonNode> row(String group, String item) {
    return rows("expectations").stream()
        .filter(row -> row.path("group").asText().equals(group))
        .filter(row -> row.path("item").asText().equals(item))
        .findFirst();
  }

  /** How many events of this kind there were. */
  public long events(String kind) {
    return agent.events().stream().filter(e -> e.path("event").asText().equals(kind)).count();
  }

  /** Waits until something is so. */
  public void await(BooleanSupplier condition) {
    Scenario.await(
        AWAIT_PATIENCE,
        condition,
        () -> rows("expectations") + "\n" + rows("sessions") + "\n" + agent.log());
  }

  /** The conntrack entries of a transport to a port, as {@code conntrack -L} prints them. */
  public List<String> conntracks(String transport, int port) {
    String all =
        lab.run(
                Lab.Host.ROUTER,
                OPEN_PATIENCE,
                "conntrack",
                "-L",
                "-f",
                family == Family.V4 ? "ipv4" : "ipv6",
                "-p",
                transport,
                "--orig-port-dst",
                Integer.toString(port),
                "-o",
                "id")
            .orFail();
    return all.lines().filter(line -> line.contains("src=")).toList();
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    watch.assertNone();
    List<String> complaints = agent.complaints();
    if (!complaints.isEmpty()) {
      throw new AssertionError(String.join("\n", complaints));
    }
  }

  @Override
  public void close() {
    lab.close();
  }
}
