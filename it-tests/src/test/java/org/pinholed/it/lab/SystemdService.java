package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The distribution and {@code deploy/pinholed.service} on the router, under a systemd of its own:
 * the first process of a process namespace, with its own mounts and control group. Nothing of the
 * machine is changed, and no other unit runs there. Closing it kills that systemd with all it
 * started.
 */
public final class SystemdService implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(40);
  private static final String UNIT = "pinholed.service";

  // Without the targets that a machine has: they would start what belongs to the machine.
  private static final String OVERRIDES =
      """
      [Unit]
      DefaultDependencies=no
      [Service]
      StandardOutput=append:/run/agent.log
      StandardError=inherit
      """;

  private final Lab lab;
  private final String controlGroup;
  private final Path log;
  private final Process process;

  private SystemdService(Lab lab, String yaml, String overrides) {
    this.lab = lab;
    controlGroup = lab.name();
    log = lab.workFolder().resolve("systemd.log");
    Path config = lab.workFolder().resolve("systemd.yaml");
    Path dropIn = lab.workFolder().resolve("systemd.conf");
    try {
      Files.writeString(config, yaml);
      Files.writeString(dropIn, OVERRIDES + overrides);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    process =
        lab.start(
            Lab.Host.ROUTER,
            ProcessBuilder.Redirect.to(log.toFile()),
            "bash",
            lab.resource("systemd.sh").toString(),
            controlGroup,
            AgentProcess.distribution().toString(),
            Lab.projectRoot().resolve("deploy").resolve(UNIT).toString(),
            config.toString(),
            dropIn.toString());
  }

  /**
   * Starts systemd and then the agent, and waits until systemd takes it for ready.
   *
   * @param yaml the configuration of the agent
   * @param overrides more lines for the section {@code [Service]} of the unit
   */
  public static SystemdService start(Lab lab, String yaml, String overrides) {
    SystemdService service = new SystemdService(lab, yaml, overrides);
    try {
      Scenario.await(
          PATIENCE,
          () ->
              !service.process.isAlive()
                  || service.systemctl("show", "--property=Version").succeeded(),
          service::log);
      if (!service.process.isAlive()) {
        throw new AssertionError("no systemd");
      }
      service.systemctl("start", UNIT).orFail();
      return service;
    } catch (RuntimeException | Error e) {
      String text = service.log();
      service.close();
      throw new AssertionError(e.getMessage() + "\n" + text, e);
    }
  }

  /** Runs a command where the agent runs. */
  public CommandResult run(String... command) {
    return lab.run(Lab.Host.ROUTER, PATIENCE, inside(command).toArray(String[]::new));
  }

  /** Starts a command where the agent runs, with its output in a file. */
  public Process launch(Path output, String... command) {
    return lab.start(
        Lab.Host.ROUTER,
        ProcessBuilder.Redirect.to(output.toFile()),
        inside(command).toArray(String[]::new));
  }

  private List<String> inside(String... command) {
    List<String> all =
        new ArrayList<>(
            List.of("nsenter", "--target=" + systemd(), "--mount", "--pid", "--net", "--cgroup"));
    all.addAll(List.of(command));
    return all;
  }

  /** The script has become unshare, whose one child is the first process of the namespace. */
  private long systemd() {
    return process.children().findFirst().map(ProcessHandle::pid).orElse(0L);
  }

  /** Runs {@code systemctl}. */
  public CommandResult systemctl(String... arguments) {
    List<String> command = new ArrayList<>(List.of("systemctl"));
    command.addAll(List.of(arguments));
    return run(command.toArray(String[]::new));
  }

  /** A property of the unit, such as {@code NRestarts}. */
  public String property(String name) {
    return systemctl("show", UNIT, "--value", "--property=" + name).orFail().strip();
  }

  /** The process id of the agent, in the namespace of its systemd. */
  public String mainPid() {
    return property("MainPID");
  }

  /** Waits until systemd has started the agent again and it is ready. */
  public void awaitRestart(int restarts) {
    Scenario.await(
        PATIENCE,
        () ->
            property("NRestarts").equals(Integer.toString(restarts))
                && property("SubState").equals("running"),
        () -> property("SubState") + log());
  }

  /** Kills the agent at once, as the kernel does when memory is short, and waits for its end. */
  public void kill() {
    Path agent = Path.of("/proc/" + systemd() + "/root/proc/" + mainPid());
    systemctl("kill", "--kill-who=main", "--signal=KILL", UNIT).orFail();
    Scenario.await(PATIENCE, () -> Files.notExists(agent), this::log);
  }

  /** Writes the configuration anew. */
  public void writeConfig(String yaml) {
    try {
      Path file = lab.workFolder().resolve("systemd.yaml");
      Files.writeString(file, yaml);
      run("install", "-m", "644", file.toString(), "/etc/pinholed/pinholed.yaml").orFail();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs {@code pinholectl} of the installed distribution. */
  public CommandResult ctl(String... arguments) {
    List<String> command = new ArrayList<>(List.of("/opt/pinholed/bin/pinholectl"));
    command.addAll(List.of(arguments));
    return run(command.toArray(String[]::new));
  }

  /** Like {@link AgentProcess#json}. */
  public JsonNode json(String... arguments) {
    if (ControlSocket.answers(arguments)) {
      try {
        return ControlSocket.ask(
            Path.of("/proc/" + systemd() + "/root/run/pinholed/control.sock"), arguments[0]);
      } catch (IOException e) {
        throw new AssertionError(e + "\n" + log(), e);
      }
    }
    String[] all = new String[arguments.length + 1];
    all[0] = "--json";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    String output = ctl(all).orFail();
    try {
      return JSON.readTree(output);
    } catch (IOException e) {
      throw new AssertionError("not JSON: " + output, e);
    }
  }

  /** What the agent wrote, and what systemd said. */
  public String log() {
    try {
      String systemd = Files.readString(log);
      return process.isAlive() ? systemd + run("cat", "/run/agent.log").output() : systemd;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    lab.kill(process);
    String folder = "/sys/fs/cgroup/" + controlGroup;
    String command =
        "mount -t cgroup2 none /sys/fs/cgroup; [ ! -d %s ] || find %s -depth -type d -exec rmdir {} +"
            .formatted(folder, folder);
    // The last process may be there for a moment longer.
    Scenario.await(
        Duration.ofSeconds(10),
        () ->
            lab.run(
                    Lab.Host.ROUTER,
                    Duration.ofSeconds(5),
                    "unshare",
                    "--mount",
                    "bash",
                    "-c",
                    command)
                .succeeded(),
        () -> "control group " + controlGroup + " stays");
  }
}
