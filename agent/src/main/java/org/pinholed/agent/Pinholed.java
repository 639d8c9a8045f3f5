package org.pinholed.agent;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.config.ConfigLoader;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.Memory;
import org.pinholed.agent.control.ControlServer;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.JsonEventLog;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.handover.HandOverSocket;
import org.pinholed.agent.handover.StoredHandOver;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.MetricsServer;
import org.pinholed.agent.metrics.PrometheusMetrics;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ObservingBackend;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RecordingBackend;
import org.pinholed.agent.pinhole.conntrack.ConntrackBackend;
import org.pinholed.agent.pinhole.nftables.NftablesBackend;
import org.pinholed.agent.pinhole.nftables.NftablesOptions;
import org.pinholed.agent.service.JournalOutput;
import org.pinholed.agent.service.PassedDescriptor;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.agent.start.Agent;
import org.pinholed.agent.start.AgentNumbers;
import org.pinholed.agent.start.HangUpSignal;
import org.pinholed.agent.start.LateOpening;
import org.pinholed.agent.start.OneAgent;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.QueueReport;
import org.pinholed.agent.view.Version;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.dcerpc.DceRpcProtocol;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The program {@code pinholed}: the agent as a process, in the network namespace it is started in.
 */
@Command(
    name = "pinholed",
    mixinStandardHelpOptions = true,
    versionProvider = Pinholed.VersionText.class,
    description = {
      "Session helpers for Linux firewalls in user space: reads the control channels that nftables"
          + " diverts to it and opens the announced data connections, no others, no longer.",
      "Runs in the foreground, in the network namespace it is started in, and needs CAP_NET_ADMIN."
    },
    footer = {
      "",
      "Signals: HUP reads the configuration again, TERM and INT stop cleanly.",
      "Watch it with pinholectl; 'pinholectl doctor' tells what the firewall still needs."
    })
public final class Pinholed implements Callable<Integer> {
  static {
    JournalOutput.useIfItIsTheJournal(System.getenv()); // before anything is logged
  }

  private static final Logger LOG = LoggerFactory.getLogger(Pinholed.class);
  private static final long STOP_SECONDS = 10;
  private static final int EXIT_DONE = 0;
  private static final int EXIT_REFUSED = 1;
  private static final int EXIT_USAGE = 2;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      defaultValue = "/etc/pinholed/pinholed.yaml",
      description = "the configuration (default: ${DEFAULT-VALUE})")
  private Path configFile = Path.of("/etc/pinholed/pinholed.yaml");

  @Option(names = "--check-config", description = "check the configuration and exit")
  private boolean checkOnly;

  @Option(
      names = "--replace",
      description =
          "take the place of the agent that answers on the configured control socket: it hands over"
              + " its packet queue and ends; no packet is lost, none passes unread")
  private boolean replace;

  private final List<HelperProtocol> protocols;
  private final CountDownLatch stop = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  private Pinholed(List<HelperProtocol> protocols) {
    this.protocols = List.copyOf(protocols);
  }

  /**
   * Runs the program.
   *
   * @param args command line
   */
  public static void main(String[] args) {
    System.exit(run(List.of(new FtpProtocol(), new SipProtocol(), new DceRpcProtocol()), args));
  }

  /**
   * Runs the program with other protocols.
   *
   * @param protocols those that a configuration may name
   * @param args command line
   * @return exit code: 0, 1 if it cannot start, 2 if command line or configuration are wrong
   */
  public static int run(List<HelperProtocol> protocols, String... args) {
    return commandLine(protocols).execute(args);
  }

  /**
   * The options of the program, also for what is made of their descriptions, such as man pages.
   *
   * @param protocols those that a configuration may name
   * @return a new parser
   */
  public static CommandLine commandLine(List<HelperProtocol> protocols) {
    return new CommandLine(new Pinholed(protocols));
  }

  @Override
  public Integer call() throws IOException {
    ConfigLoader loader = new ConfigLoader(protocols, Memory.ofThisProcess());
    AgentConfig config;
    try {
      config = loader.load(configFile);
    } catch (ConfigException e) {
      System.err.println("pinholed: " + e.getMessage());
      return EXIT_USAGE;
    }
    if (checkOnly) {
      System.out.println(configFile + ": good");
      return EXIT_DONE;
    }
    List<AutoCloseable> opened = new ArrayList<>();
    ServiceManager manager = ServiceManager.of(System.getenv(), ProcessHandle.current().pid());
    opened.add(manager);
    try {
      run(config, loader, manager, opened);
      return EXIT_DONE;
    } catch (IOException e) {
      LOG.error("{}", e.getMessage());
      return EXIT_REFUSED;
    } finally {
      for (int i = opened.size() - 1; i >= 0; i--) {
        closeQuietly(opened.get(i));
      }
      closed.countDown();
    }
  }

  /** How many owners beyond flows the entries of a configuration may have together. */
  private long owners(AgentConfig config) {
    long owners = 0;
    for (HelperEntry entry : config.helpers()) {
      for (HelperProtocol protocol : protocols) {
        if (protocol.name().equals(entry.name())) {
          EntryLimits limits = entry.withLimitsOf(protocol.limits()).limits();
          owners += limits.isSet(EntryLimit.OWNERS) ? limits.most(EntryLimit.OWNERS) : 0;
        }
      }
    }
    return owners;
  }

  private PinholeBackend openBackend(AgentConfig config, AgentMetrics metrics)
      throws BackendException {
    NftablesOptions options = NftablesOptions.of(config, owners(config));
    return switch (config.backend()) {
      case NFTABLES -> NftablesBackend.open(options);
      case RECORDING -> new RecordingBackend(NftablesBackend.open(options));
      case CONNTRACK, AUTO ->
          ConntrackBackend.open(
              options.table(),
              config.backend() == AgentConfig.Backend.CONNTRACK,
              expects -> NftablesBackend.open(options.withExpectations(expects)),
              metrics::withoutExpectation);
    };
  }

  private void run(
      AgentConfig config, ConfigLoader loader, ServiceManager manager, List<AutoCloseable> opened)
      throws IOException {
    OneAgent.requirePrivileges();
    OneAgent.requireKernel();
    if (!replace) { // else the other one is there until it has handed over
      opened.add(OneAgent.become());
    }
    EventListener eventLog = EventListener.NONE;
    JsonEventLog jsonLog = null;
    if (!config.eventLog().file().isEmpty()) {
      jsonLog = JsonEventLog.open(config.eventLog().file());
      opened.add(jsonLog);
      eventLog = jsonLog;
    }
    AgentNumbers gauges = new AgentNumbers(jsonLog);
    PrometheusMetrics metrics = new PrometheusMetrics(gauges, Version.text());
    opened.add(metrics);
    PinholeBackend backend = new ObservingBackend(openBackend(config, metrics));
    StoredHandOver stored =
        new StoredHandOver(
            manager, PassedDescriptor.of(System.getenv(), ProcessHandle.current().pid()));
    HandOver[] left = {HandOver.NOTHING};
    Agent agent =
        new Agent(
            config,
            protocols,
            backend,
            eventLog,
            metrics,
            () -> {
              left[0] = replace ? HandOverSocket.ask(config.control().socket()) : stored.take();
              return left[0];
            });
    opened.add(agent);
    stored.keep(agent.packetQueues(), agent.eventsDescriptor());
    gauges.attach(agent);
    boolean handedOver = replace && !left[0].equals(HandOver.NOTHING);
    HandOverSocket.awaitEnd(left[0]);
    if (replace) {
      opened.add(open("the name of the agent", OneAgent::become, handedOver));
    }
    if (config.metrics().enabled()) {
      opened.add(
          open(
              "the metrics",
              () -> {
                MetricsServer metricsServer = MetricsServer.start(metrics, config.metrics());
                agent.setMetricsAddress(metricsServer.address());
                return metricsServer;
              },
              handedOver));
    }
    JsonEventLog reopened = jsonLog;
    agent.setConfigSource(
        () -> {
          try {
            AgentConfig read = loader.load(configFile);
            if (reopened != null) {
              reopened.reopen();
            }
            return read;
          } catch (ConfigException e) {
            throw new ControlException(String.valueOf(e.getMessage()));
          }
        });
    ControlServer server =
        ControlServer.open(
            config.control().socket(),
            config.control().group(),
            agent,
            metrics::summary,
            handedOver);
    opened.add(server);
    server.setSuccessor(
        connection -> {
          HandOver leaving = agent.handOver();
          try {
            HandOverSocket.send(connection, leaving);
            LOG.info("handed over {} flows to another process", leaving.flows().size());
          } finally {
            stop.countDown();
          }
        });
    handleSignals(agent);
    LOG.info(
        "pinholed {} is ready: helpers {}, queues {}, control socket {}",
        Version.text(),
        agent.status().helpers(),
        agent.queues().stream().map(QueueReport::queue).toList(),
        config.control().socket());
    agent.serveUnder(manager);
    awaitStop();
    LOG.info("stopping");
    manager.stopping();
    if (agent.keepsOnStop() && manager.isThere()) {
      leave(agent, stored);
    } else {
      stored.discardAll();
    }
  }

  /**
   * Opens what only one process can have. After a hand-over nobody else reads the packets, so this
   * process goes on without it where the other one does not let go.
   */
  private static AutoCloseable open(String name, LateOpening.Opening opening, boolean handedOver)
      throws IOException {
    return handedOver ? LateOpening.begin(name, opening) : opening.open();
  }

  /** A service manager that starts the next process at once gives it what is left here. */
  private static void leave(Agent agent, StoredHandOver stored) throws IOException {
    try {
      stored.leave(agent.handOver());
    } catch (ControlException e) {
      LOG.debug("nothing to leave: {}", e.getMessage()); // another process has it already
    }
  }

  private void handleSignals(AgentControl agent) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  stop.countDown();
                  try {
                    if (!closed.await(STOP_SECONDS, TimeUnit.SECONDS)) {
                      LOG.warn("stop: not all was closed within {} s", STOP_SECONDS);
                    }
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                },
                "pinholed-stop"));
    try {
      HangUpSignal.handle(
          () -> {
            try {
              agent.reload();
            } catch (ControlException e) {
              LOG.error("reload refused, nothing changed: {}", e.getMessage());
            }
          });
    } catch (ReflectiveOperationException e) {
      LOG.warn(
          "SIGHUP will not reload the configuration, only pinholectl reload: {}", e.toString());
    }
  }

  private void awaitStop() {
    try {
      stop.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOG.warn("stop: {}", e.toString());
    }
  }

  /** The text of {@code --version}. */
  static final class VersionText implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"pinholed " + Version.text()};
    }
  }
}
