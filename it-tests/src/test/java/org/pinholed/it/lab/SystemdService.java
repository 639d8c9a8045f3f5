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
 * The unit {@code pinholed.service} on the router, under a systemd of its own: the first process of
 * a process namespace, with its own mounts and control group. Nothing of the machine is changed,
 * and no other unit runs there. Closing it kills that systemd with all it started.
 *
 * <p>Either the distribution with {@code deploy/pinholed.service}, or nothing at first, and a
 * Debian package is installed there.
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
  private final String pinholectl;
  private final String controlGroup;
  private final Path log;
  private final Process process;

  private SystemdService(Lab lab, String pinholectl, String overrides, List<String> installed) {
    this.lab = lab;
    this.pinholectl = pinholectl;
    controlGroup = lab.name();
    log = lab.workFolder().resolve("systemd.log");
    Path dropIn = write(lab, "systemd.conf", OVERRIDES + overrides);
    List<String> command =
        new ArrayList<>(
            List.of(
                "bash", lab.resource("systemd.sh").toString(), controlGroup, dropIn.toString()));
    command.addAll(installed);
    process =
        lab.start(
            Lab.Host.ROUTER,
            ProcessBuilder.Redirect.to(log.toFile()),
            command.toArray(String[]::new));
  }

  private static Path write(Lab lab, String name, String text) {
    try {
      return Files.writeString(lab.workFolder().resolve(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts systemd and then the agent, and waits until systemd takes it for ready.
   *
   * @param yaml the configuration of the agent
   * @param overrides more lines for the section {@code [Service]} of the unit
   */
  public static SystemdService start(Lab lab, String yaml, String overrides) {
    SystemdService service =
        new SystemdService(
            lab,
            "/opt/pinholed/bin/pinholectl",
            overrides,
            List.of(
                AgentProcess.distribution().toString(),
                Lab.projectRoot().resolve("deploy").resolve(UNIT).toString(),
                write(lab, "systemd.yaml", yaml).toString()));
    service.orClose(
        () -> {
          service.awaitSystemd();
          service.systemctl("start", UNIT).orFail();
        });
    return service;
  }

  /** Starts systemd alone; {@link #ctl} asks what a package installs. */
  public static SystemdService startEmpty(Lab lab) {
    SystemdService service = new SystemdService(lab, "pinholectl", "", List.of());
    service.orClose(service::awaitSystemd);
    return service;
  }

  private void awaitSystemd() {
    Scenario.await(
        PATIENCE,
        () -> !process.isAlive() || systemctl("show", "--property=Version").succeeded(),
        this::log);
    if (!process.isAlive()) {
      throw new AssertionError("no systemd");
    }
  }

  private void orClose(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException | Error e) {
      String text = log();
      close();
      throw new AssertionError(e.getMessage() + "\n" + text, e);
    }
  }

  /** Runs a command where the agent runs. */
  public CommandResult run(String... command) {
    return run(PATIENCE, command);
  }

  /** The same for what takes long. */
  public CommandResult run(Duration patience, String... command) {
    return lab.run(Lab.Host.ROUTER, patience, inside(command).toArray(String[]::new));
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
    Path file = write(lab, "systemd.yaml", yaml);
    run("install", "-m", "644", file.toString(), "/etc/pinholed/pinholed.yaml").orFail();
  }

  /** Runs {@code pinholectl} of the installed distribution. */
  public CommandResult ctl(String... arguments) {
    List<String> command = new ArrayList<>(List.of(pinholectl));
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
