package org.pinholed.agent.control;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.NumericAddress;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.EventRing;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ClearReport;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.EventFilter;
import org.pinholed.agent.view.EventPage;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.ObservedRow;
import org.pinholed.agent.view.OwnerRow;
import org.pinholed.agent.view.QueueReport;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StatusReport;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;

/** An agent with tables that a test fills, behind the real socket. */
public final class FakeAgent implements AgentControl {
  /** The expectation table. */
  public final List<ExpectationRow> expectations = new CopyOnWriteArrayList<>();

  /** The owners beyond flows. */
  public final List<OwnerRow> owners = new CopyOnWriteArrayList<>();

  /** The owners whose end was asked for. */
  public final List<String> clearedOwners = new CopyOnWriteArrayList<>();

  /** The parents. */
  public final List<SessionRow> sessions = new CopyOnWriteArrayList<>();

  /** The differences that an audit finds. */
  public final List<AuditRow> differences = new CopyOnWriteArrayList<>();

  /** What came of what is only observed. */
  public final List<ObservedRow> observed = new CopyOnWriteArrayList<>();

  /** The helpers. */
  public final List<HelperEntry> helpers = new CopyOnWriteArrayList<>();

  /** The filters of all clears that were asked for. */
  public final List<ListingFilter> clears = new CopyOnWriteArrayList<>();

  /** What it explains. */
  public final List<StoryRow> stories = new CopyOnWriteArrayList<>();

  /** What was to be explained. */
  public final List<StoryFilter> asked = new CopyOnWriteArrayList<>();

  /** What it remembers. */
  public final EventRing events = new EventRing(EventListener.NONE);

  /** The filters of all traces that were asked for. */
  public final List<ListingFilter> traces = new CopyOnWriteArrayList<>();

  /** What a trace shows at once; each line is a packet. */
  public final List<TraceLine> traceLines = new CopyOnWriteArrayList<>();

  /** Counted down when a trace is closed. */
  public volatile CountDownLatch traceClosed = new CountDownLatch(1);

  /** When set, every status waits for it. */
  public volatile CountDownLatch statusGate = new CountDownLatch(0);

  /** Counted down when a status was asked for. */
  public volatile CountDownLatch statusEntered = new CountDownLatch(1);

  /** When true, a status fails as a bug would make it fail. */
  public volatile boolean broken;

  /** What keeps the table from being watched. */
  public volatile String tableWatchProblem = "";

  /** Makes an agent with one FTP helper. */
  public FakeAgent() {
    helpers.add(
        new HelperEntry(
            1, "ftp", Transport.TCP, 21, true, Duration.ofSeconds(30), Map.of("loose", false)));
  }

  /**
   * A passive FTP expectation.
   *
   * @param id its number
   * @param policyId its policy
   * @return a row
   */
  public static ExpectationRow passive(long id, int policyId) {
    return new ExpectationRow(
        id,
        "pending",
        "ftp",
        1,
        "tcp",
        6,
        policyId,
        "0000e39a",
        null,
        3,
        26,
        30,
        "timeout",
        List.of("once"),
        0,
        0x40000000 | policyId,
        new EndpointRow("198.51.100.2", 0),
        new EndpointRow("203.0.113.2", 40000),
        null,
        null,
        new EndpointRow("198.51.100.2", 40312),
        new EndpointRow("203.0.113.2", 21),
        "227",
        412,
        null,
        "data",
        "",
        "",
        "",
        0);
  }

  /**
   * An active FTP expectation whose child is translated: 198.51.100.2 announced its port 50000 to a
   * server that sees it as 203.0.113.1.
   *
   * @param source from where the child comes for the client; null for the server's own address
   * @param destination where the child goes; null if that is not translated
   * @return a row
   */
  public static ExpectationRow translated(
      @Nullable EndpointRow source, @Nullable EndpointRow destination) {
    return new ExpectationRow(
        7,
        "pending",
        "ftp",
        1,
        "tcp",
        6,
        25,
        "0000e39a",
        null,
        3,
        26,
        30,
        "timeout",
        List.of("once"),
        0,
        0x40000019,
        new EndpointRow("203.0.113.2", 0),
        new EndpointRow(destination == null ? "198.51.100.2" : "203.0.113.1", 50001),
        source,
        destination,
        new EndpointRow("198.51.100.2", 40312),
        new EndpointRow("203.0.113.2", 21),
        "PORT",
        412,
        null,
        "data",
        "",
        "",
        "",
        0);
  }

  /**
   * An active FTP expectation over IPv6 that lives as long as its parent.
   *
   * @param id its number
   * @return a row
   */
  public static ExpectationRow active6(long id) {
    return new ExpectationRow(
        id,
        "matched",
        "ftp",
        1,
        "tcp",
        6,
        0,
        "00beef01",
        "00beef02",
        95,
        -35,
        0,
        "parent",
        List.of("many"),
        2,
        0x40000000,
        new EndpointRow("2001:db8:2::2", 0),
        new EndpointRow("2001:db8:1::2", 50000),
        null,
        null,
        new EndpointRow("2001:db8:1::2", 40000),
        new EndpointRow("2001:db8:2::2", 21),
        "EPRT",
        88,
        null,
        "data",
        "",
        "",
        "",
        0);
  }

  /**
   * A session.
   *
   * @param opaque whether its reading ended
   * @return a row
   */
  public static SessionRow session(boolean opaque) {
    return new SessionRow(
        opaque ? "0000aaaa" : "0000e39a",
        "ftp",
        1,
        "tcp",
        opaque ? "opaque" : "ready",
        25,
        0x20000019,
        new EndpointRow("198.51.100.2", 40312),
        new EndpointRow("203.0.113.2", 21),
        120,
        950,
        14,
        opaque ? 3 : 0,
        opaque ? 0 : 1,
        opaque,
        opaque ? "authTls" : null,
        opaque ? "AUTH TLS was accepted: what follows is encrypted" : null,
        0,
        null,
        60,
        2);
  }

  /**
   * A session that is read and had parts that are encrypted.
   *
   * @return a row
   */
  public static SessionRow sealedSession() {
    return new SessionRow(
        "0000bbbb",
        "dcerpc",
        2,
        "tcp",
        "bound",
        25,
        0x20000019,
        new EndpointRow("198.51.100.2", 40313),
        new EndpointRow("203.0.113.2", 135),
        120,
        950,
        14,
        0,
        0,
        false,
        "sealed",
        "the answer is encrypted",
        2,
        "IActivation opnum 0, server 203.0.113.2, level 6",
        60,
        2);
  }

  @Override
  public StatusReport status() {
    statusEntered.countDown();
    try {
      statusGate.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (broken) {
      throw new IllegalStateException("bug");
    }
    return new StatusReport(
        "0.1.0",
        4711,
        61,
        "nftables",
        List.of("ftp/tcp/21"),
        2,
        1,
        Map.of("pending", 1),
        1234,
        6,
        5,
        List.of(
            new QueueReport(0, 1000, 2, 0, 3, 2, 1, 4),
            new QueueReport(1, 234, 0, 1, 0, 2, 0, 250)),
        tableWatchProblem,
        0,
        "present",
        "inet filter forward",
        "",
        "127.0.0.1:9765",
        Map.of("queueStatement", "yes"),
        Map.of("agentDown", "pass"));
  }

  @Override
  public List<ExpectationRow> expectations(ListingFilter filter) {
    List<ExpectationRow> rows = new ArrayList<>();
    for (ExpectationRow row : expectations) {
      if (filter.matches(
          row.policyId(),
          row.helper(),
          row.parentSerial(),
          endpoint(row.client()),
          endpoint(row.server()),
          endpoint(row.source()),
          endpoint(row.destination()))) {
        rows.add(row);
      }
    }
    return rows;
  }

  @Override
  public List<SessionRow> sessions(ListingFilter filter) {
    List<SessionRow> rows = new ArrayList<>();
    for (SessionRow row : sessions) {
      if (filter.matches(
          row.policyId(),
          row.helper(),
          row.serial(),
          endpoint(row.client()),
          endpoint(row.server()))) {
        rows.add(row);
      }
    }
    return rows;
  }

  @Override
  public List<StoryRow> explain(StoryFilter filter) {
    asked.add(filter);
    return List.copyOf(stories);
  }

  private static Endpoint endpoint(EndpointRow row) {
    InetAddress address = NumericAddress.parse(row.address());
    return new Endpoint(Objects.requireNonNull(address), row.port());
  }

  @Override
  public EventPage events(EventFilter filter, long after, long waitMs) throws InterruptedException {
    return events.page(filter, after, waitMs);
  }

  @Override
  public ClearReport clearExpectation(long id) {
    return new ClearReport(0, expectations.removeIf(row -> row.id() == id) ? 1 : 0);
  }

  @Override
  public ClearReport clear(ListingFilter filter) throws ControlException {
    clears.add(filter);
    int parents = sessions(filter).size();
    int rows = expectations(filter).size();
    expectations.removeAll(expectations(filter));
    sessions.removeAll(sessions(filter));
    return new ClearReport(parents, rows);
  }

  @Override
  public List<AuditRow> audit() {
    return List.copyOf(differences);
  }

  @Override
  public List<ObservedRow> report() {
    return List.copyOf(observed);
  }

  @Override
  public List<OwnerRow> owners(String kind) {
    return owners.stream().filter(row -> row.kind().equals(kind)).toList();
  }

  @Override
  public ClearReport clearOwner(String kind, String id) {
    clearedOwners.add(kind + " " + id);
    long ended =
        owners.stream().filter(row -> row.kind().equals(kind) && row.id().startsWith(id)).count();
    return new ClearReport(0, (int) ended);
  }

  @Override
  public AgentConfig config() {
    return AgentConfig.DEFAULT.withHelpers(helpers);
  }

  @Override
  public List<HelperEntry> helpers() {
    return List.copyOf(helpers);
  }

  @Override
  public void addHelper(HelperEntry entry) throws ControlException {
    for (HelperEntry helper : helpers) {
      if (helper.id() == entry.id()) {
        throw new ControlException("helper id " + entry.id() + " is taken");
      }
    }
    helpers.add(entry);
  }

  @Override
  public void deleteHelper(int id) throws ControlException {
    if (!helpers.removeIf(helper -> helper.id() == id)) {
      throw new ControlException("there is no helper with id " + id);
    }
  }

  @Override
  public void setHelperEnabled(int id, boolean enabled) throws ControlException {
    for (int i = 0; i < helpers.size(); i++) {
      if (helpers.get(i).id() == id) {
        helpers.set(i, helpers.get(i).withEnabled(enabled));
        return;
      }
    }
    throw new ControlException("there is no helper with id " + id);
  }

  @Override
  public Trace trace(ListingFilter filter, int packets, Consumer<TraceLine> lines) {
    traces.add(filter);
    int shown = Math.min(packets, traceLines.size());
    for (int i = 0; i < shown; i++) {
      lines.accept(traceLines.get(i));
    }
    boolean done = shown == packets;
    return new Trace() {
      @Override
      public boolean isDone() {
        return done;
      }

      @Override
      public void close() {
        traceClosed.countDown();
      }
    };
  }

  @Override
  public List<String> reload() throws ControlException {
    return List.of("helper 2 ftp/tcp/2121 added");
  }
}
