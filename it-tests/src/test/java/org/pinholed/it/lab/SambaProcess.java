package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Samba on the server host: its RPC services over TCP with the endpoint mapper on port 135, on all
 * addresses that the host has when it starts; and Samba's clients on the client host. Closing it
 * ends the server.
 */
public final class SambaProcess implements AutoCloseable {
  private static final AtomicInteger COUNTER = new AtomicInteger();
  private static final Duration READY = Duration.ofSeconds(40);
  private static final Duration PROVISIONED = Duration.ofMinutes(2);
  private static final Duration CLIENT_TIMEOUT = Duration.ofSeconds(30);

  /** Where Debian and Ubuntu have it. */
  private static final String RPC_DAEMON = "/usr/libexec/samba/samba-dcerpcd";

  /** The password of its user. */
  public static final String PASSWORD = "Passw0rd";

  private static final String FOLDERS =
      """
       private dir = %1$s/private
       state directory = %1$s/state
       cache directory = %1$s/cache
       lock directory = %1$s
       pid directory = %1$s
       ncalrpc dir = %1$s/ncalrpc
       log file = %1$s/%%m.log
      """;

  // Samba would refuse its users at the level connect, which others than Samba take.
  private static final String SERVER =
      """
      [global]
       workgroup = LAB
       interfaces = lo s0
       bind interfaces only = yes
       disable netbios = yes
       allow dcerpc auth level connect = yes
       load printers = no
       printcap name = /dev/null
       max log size = 0
      """
          + FOLDERS;

  private static final String STANDALONE =
      """
       netbios name = LABSRV
       server role = standalone server
       rpc start on demand helpers = no
      """;
  private static final String CONTROLLER =
      """
       netbios name = DC
       realm = LAB.EXAMPLE.ORG
       server role = active directory domain controller
       server services = rpc
      """;

  private final Lab lab;
  private final Process process;
  private final Path clientConfig;
  private final String credentials;

  private SambaProcess(Lab lab, Process process, String user) {
    this.lab = lab;
    this.process = process;
    clientConfig = write(folder(lab, "samba-client"), "[global]\n" + FOLDERS);
    credentials = "LAB\\" + user + "%" + PASSWORD;
  }

  /** Starts the RPC services of a server of its own and waits until all of them are registered. */
  public static SambaProcess startStandalone(Lab lab) {
    Path folder = folder(lab, "samba");
    Path config = write(folder, SERVER + STANDALONE);
    // A user whom each system has; Samba's own password is for this server only.
    lab.runWithInput(
            Lab.Host.SERVER,
            Lab.SHORT,
            PASSWORD + "\n" + PASSWORD + "\n",
            "pdbedit",
            "-s",
            config.toString(),
            "-a",
            "-u",
            "root",
            "-t")
        .orFail();
    Process process =
        lab.startPiped(
            Lab.Host.SERVER,
            folder.resolve("errors"),
            RPC_DAEMON,
            "--libexec-rpcds",
            "--foreground",
            "--no-process-group",
            "--configfile=" + config,
            "--ready-signal-fd=1");
    try {
      // It writes one byte when all is registered.
      if (process.getInputStream().read() < 0) {
        throw new AssertionError("Samba ended: " + logs(folder));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new SambaProcess(lab, process, "root");
  }

  /**
   * Makes a domain with all that belongs to it, which takes 10 s of a processor, starts its
   * controller, and waits until it serves.
   */
  public static SambaProcess startDomainController(Lab lab) {
    Path folder = folder(lab, "domain");
    Path config = write(folder, SERVER + CONTROLLER);
    lab.run(
            Lab.Host.SERVER,
            PROVISIONED,
            "samba-tool",
            "domain",
            "provision",
            "--targetdir=" + folder,
            "--realm=LAB.EXAMPLE.ORG",
            "--domain=LAB",
            "--host-name=dc",
            "--host-ip=" + Family.V4.server(),
            "--adminpass=" + PASSWORD,
            "--server-role=dc",
            "--dns-backend=NONE")
        .orFail();
    Process process =
        lab.start(
            Lab.Host.SERVER,
            ProcessBuilder.Redirect.to(folder.resolve("out.log").toFile()),
            "samba",
            "--foreground",
            "--no-process-group",
            "--model=single",
            "--configfile=" + config);
    // The mapper listens last.
    Scenario.await(READY, () -> listens(lab) || !process.isAlive(), () -> logs(folder));
    if (!process.isAlive()) {
      throw new AssertionError(logs(folder));
    }
    return new SambaProcess(lab, process, "Administrator");
  }

  private static Path folder(Lab lab, String name) {
    try {
      Path folder = lab.workFolder().resolve(name + "-" + COUNTER.incrementAndGet());
      for (String part : List.of("private", "state", "cache", "ncalrpc")) {
        Files.createDirectories(folder.resolve(part));
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path write(Path folder, String config) {
    try {
      return Files.writeString(folder.resolve("smb.conf"), config.formatted(folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean listens(Lab lab) {
    String sockets =
        lab.run(Lab.Host.SERVER, Lab.SHORT, "ss", "-Hltn", "sport = :" + Service.DCERPC_PORT)
            .orFail();
    return !sockets.isBlank();
  }

  private static String logs(Path folder) {
    StringBuilder text = new StringBuilder();
    try (var files = Files.newDirectoryStream(folder, "*{.log,errors}")) {
      for (Path file : files) {
        text.append(file).append('\n').append(Files.readString(file)).append('\n');
      }
    } catch (IOException e) {
      text.append(e);
    }
    return text.toString();
  }

  /** The name and password of its user, as {@code user%password}, with the domain. */
  public String credentials() {
    return credentials;
  }

  /**
   * Has rpcclient ask the mapper, connect to the port that it names, and do something.
   *
   * @param options as of a binding string, as in {@code [sign]}, or empty
   * @param commands rpcclient's own, separated by semicolons
   */
  public CommandResult rpcclient(String host, String options, String commands) {
    return client("rpcclient", "ncacn_ip_tcp:" + host + options, "-c", commands);
  }

  /**
   * Has smbtorture run one of its tests.
   *
   * @param options as of a binding string, as in {@code [bigendian]}, or empty
   */
  public CommandResult smbtorture(String host, String options, String test) {
    return client("smbtorture", "ncacn_ip_tcp:" + host + options, test);
  }

  private CommandResult client(String program, String... arguments) {
    List<String> command =
        new ArrayList<>(List.of(program, "--configfile=" + clientConfig, "--user=" + credentials));
    command.addAll(List.of(arguments));
    return lab.run(Lab.Host.CLIENT, CLIENT_TIMEOUT, command.toArray(String[]::new));
  }

  @Override
  public void close() {
    lab.kill(process);
  }
}
