package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The distribution under test, as an operator runs it: {@code bin/pinholed} on the router with a
 * configuration file, asked by {@code bin/pinholectl}. Closing kills it.
 */
public final class AgentProcess implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AtomicInteger COUNTER = new AtomicInteger();
  private static final Duration READY_TIMEOUT = Patience.of(Duration.ofSeconds(60));
  private static final Duration CTL_TIMEOUT = Duration.ofSeconds(30);

  private final Lab lab;
  private final Path socket;
  private final Path config;
  private final Path eventLog;
  private final Path log;
  private @Nullable Process process;
  private long matchesReadTo;
  private long matches;

  /** Null for the product as the lab has it. */
  private final @Nullable String program;

  private AgentProcess(Lab lab, @Nullable String program) {
    this.lab = lab;
    this.program = program;
    String name = "agent-" + COUNTER.incrementAndGet();
    socket = lab.workFolder().resolve(name + ".sock");
    config = lab.workFolder().resolve(name + ".yaml");
    eventLog = lab.workFolder().resolve(name + ".jsonl");
    log = lab.workFolder().resolve(name + ".log");
  }

  private AgentProcess launch() {
    process = startProgram("--config", config.toString());
    awaitReady();
    return this;
  }

  private Process startProgram(String... arguments) {
    ProcessBuilder.Redirect output = ProcessBuilder.Redirect.appendTo(log.toFile());
    if (program == null) {
      return lab.startAgent(output, arguments);
    }
    List<String> command = new ArrayList<>(List.of(program));
    command.addAll(List.of(arguments));
    return lab.start(Lab.Host.ROUTER, output, command.toArray(String[]::new));
  }

  /** Starts the agent with its defaults and waits until it is ready. */
  public static AgentProcess start(Lab lab) {
    return start(lab, "");
  }

  /**
   * Starts the agent and waits until it is ready.
   *
   * @param yaml configuration beside the control socket and the event log, which are the lab's
   */
  public static AgentProcess start(Lab lab, String yaml) {
    return start(lab, null, yaml);
  }

  /** Starts the agent with the protocol {@code lab} of the tests, and waits until it is ready. */
  public static AgentProcess startWithLabProtocol(Lab lab, String yaml) {
    return start(lab, TestAgentProgram.install(lab).toString(), yaml);
  }

  private static AgentProcess start(Lab lab, @Nullable String program, String yaml) {
    AgentProcess agent = new AgentProcess(lab, program);
    agent.writeConfig(yaml);
    return agent.launch();
  }

  /** Starts the agent again after its end, with the same files, and waits until it is ready. */
  public void startAgain() {
    if (process().isAlive()) {
      throw new IllegalStateException("the agent still runs");
    }
    launch();
  }

  /** Starts another agent that takes the place of this one, and waits until it is ready. */
  public void replace() {
    Process before = process();
    process = startProgram("--config", config.toString(), "--replace");
    try {
      if (!before.waitFor(READY_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
        throw new AssertionError("the agent before does not end\n" + log());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    awaitReady();
  }

  private Process process() {
    if (process == null) {
      throw new IllegalStateException("not started");
    }
    return process;
  }

  /** The folder of the distribution. */
  public static Path distribution() {
    return Path.of(System.getProperty("pinholed.distribution", "../agent/target/pinholed"))
        .toAbsolutePath()
        .normalize();
  }

  /** Like {@link Lab#program} where the router sees the distribution's folder. */
  static String program(String name) {
    Path program = distribution().resolve("bin").resolve(name);
    if (!Files.isExecutable(program)) {
      throw new AssertionError(program + " is not there: build it with mvn -pl agent -am package");
    }
    return program.toString();
  }

  /** Writes the configuration file anew; the agent sees it at its next reload. */
  public void writeConfig(String yaml) {
    String own =
        """
        control: {socket: %s}
        eventLog: {file: %s}
        """
            .formatted(socket, eventLog);
    try {
      Files.writeString(config, own + Backend.ofRun().inYaml(withPatience(yaml)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Pinholes of the default helper wait longer, too, where everything takes longer. */
  private static String withPatience(String yaml) {
    boolean asItIs = Patience.FACTOR == 1 || yaml.contains("helpers:");
    return asItIs ? yaml : yaml + Scenario.ftpWithTimeout(Duration.ofSeconds(30));
  }

  private void awaitReady() {
    long deadline = System.nanoTime() + READY_TIMEOUT.toNanos();
    while (true) {
      String answer;
      try {
        JsonNode status = ControlSocket.ask(socket, "status");
        if (status.path("pid").asLong() == pid()) {
          return;
        }
        answer = status.toString();
      } catch (IOException e) {
        answer = e.toString();
      }
      if (!process().isAlive() || System.nanoTime() > deadline) {
        String text = "agent not ready\n" + answer + "\n" + log();
        close();
        throw new AssertionError(text);
      }
      // Not ready yet: the control socket is the only sign there is, so ask again.
      pause();
    }
  }

  /** An emulated processor that is asked all the time does nothing else. */
  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(10L * Patience.FACTOR * Patience.FACTOR);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Runs {@code pinholectl} on the router against this agent. */
  public CommandResult ctl(String... arguments) {
    return lab.run(Lab.Host.ROUTER, CTL_TIMEOUT, ctlCommand(arguments).toArray(String[]::new));
  }

  /** Starts {@code pinholectl} and lets it run, with its output in a file. */
  public Process startCtl(Path output, String... arguments) {
    return lab.start(
        Lab.Host.ROUTER,
        ProcessBuilder.Redirect.to(output.toFile()),
        ctlCommand(arguments).toArray(String[]::new));
  }

  /**
   * Traces what goes on.
   *
   * @param port of the packets that are shown
   * @param talk makes some; done again and again until the trace has had enough, since nobody sees
   *     at which moment it begins
   * @param more further arguments, such as {@code --style fortios}
   * @return the lines of 40 packets
   */
  public String traceOf(int port, Runnable talk, String... more) {
    Path output = lab.workFolder().resolve("trace-" + port + ".out");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "trace",
                "--port",
                Integer.toString(port),
                "--count",
                "40",
                "--timeout",
                Integer.toString(60 * Patience.FACTOR)));
    arguments.addAll(List.of(more));
    Process trace = startCtl(output, arguments.toArray(String[]::new));
    while (trace.isAlive()) {
      talk.run();
    }
    try {
      String text = Files.readString(output);
      if (trace.waitFor() != 0) {
        throw new AssertionError("trace: exit code " + trace.exitValue() + "\n" + text);
      }
      return text;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  private List<String> ctlCommand(String... arguments) {
    List<String> command =
        new ArrayList<>(List.of(lab.program("pinholectl"), "--socket", socket.toString()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** The control socket. */
  public Path socket() {
    return socket;
  }

  /**
   * What {@code pinholectl --json} prints, insisting on success. The status and whole listings are
   * asked for on the control socket, without a virtual machine: scenarios ask for them very often.
   */
  public JsonNode json(String... arguments) {
    if (!ControlSocket.answers(arguments)) {
      return printed(arguments);
    }
    try {
      return ControlSocket.ask(socket, arguments[0]);
    } catch (IOException e) {
      throw new AssertionError(e + "\n" + log(), e);
    }
  }

  /**
   * What the agent says it can do here, as the status has it.
   *
   * @param name as in {@code expectations}
   * @return a text that begins with {@code yes} or {@code no}; empty if it says nothing of that
   */
  public String feature(String name) {
    return json("status").path("features").path(name).asText();
  }

  /** What {@code pinholectl --json} prints, insisting on success. */
  public JsonNode printed(String... arguments) {
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

  /**
   * How many children came so far, by the event log; a line that a kill cut short is none. Reads
   * what is new only, so that it may be asked often.
   */
  public long matches() {
    try (RandomAccessFile file = new RandomAccessFile(eventLog.toFile(), "r")) {
      byte[] bytes = new byte[(int) (file.length() - matchesReadTo)];
      file.seek(matchesReadTo);
      file.readFully(bytes);
      String text = new String(bytes, StandardCharsets.UTF_8);
      int end = text.lastIndexOf('\n') + 1;
      matchesReadTo += text.substring(0, end).getBytes(StandardCharsets.UTF_8).length;
      matches += text.substring(0, end).split("\"event\":\"matched\"", -1).length - 1;
      return matches;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The file of the event log. */
  public Path eventLog() {
    return eventLog;
  }

  /** The event log so far, one object a line. */
  public List<JsonNode> events() {
    if (!Files.exists(eventLog)) {
      return List.of();
    }
    try {
      String text = Files.readString(eventLog);
      List<JsonNode> events = new ArrayList<>();
      // The last line may be half written.
      for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
        events.add(JSON.readTree(line));
      }
      return events;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until the event log has a line that fits, and returns the first such line. */
  public JsonNode awaitEvent(Duration patience, Predicate<JsonNode> wanted) {
    long deadline = System.nanoTime() + Patience.of(patience).toNanos();
    while (true) {
      List<JsonNode> events = events();
      for (JsonNode event : events) {
        if (wanted.test(event)) {
          return event;
        }
      }
      if (System.nanoTime() > deadline) {
        List<JsonNode> last = events.subList(Math.max(0, events.size() - 20), events.size());
        throw new AssertionError(
            events.size() + " events, none as wanted; the last: " + last + "\n" + log());
      }
      pause();
    }
  }

  /** Waits for an event of this kind, such as {@code matched}. */
  public JsonNode awaitEvent(String kind) {
    return awaitEvent(Duration.ofSeconds(5), e -> e.path("event").asText().equals(kind));
  }

  /** What the agent wrote to standard output and standard error. */
  public String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "no log: " + e;
    }
  }

  /**
   * Stack traces and error lines in the agent's log: none are expected, whatever strangers send.
   *
   * @return the lines, or an empty list
   */
  public List<String> complaints() {
    return log()
        .lines()
        .filter(l -> l.contains("Exception") || l.contains("Error") || l.startsWith("\tat "))
        .toList();
  }

  /** The agent's process id; the start script has replaced itself by the virtual machine. */
  public long pid() {
    return process().pid();
  }

  /** Resident memory now, in KiB. */
  public long residentKib() {
    String status = lab.read(Lab.Host.ROUTER, "/proc/" + pid() + "/status");
    for (String line : status.lines().toList()) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new AssertionError("no VmRSS of process " + pid());
  }

  /** Whether the process lives. */
  public boolean isAlive() {
    return process().isAlive();
  }

  /** Asks the agent to reload by SIGHUP. */
  public void hangUp() {
    lab.run(Lab.Host.ROUTER, CTL_TIMEOUT, "kill", "-HUP", Long.toString(pid())).orFail();
  }

  /** Stops the agent as a service manager does, and waits for its end. */
  public void stop() {
    process().destroy();
    try {
      if (!process().waitFor(10L * Patience.FACTOR, TimeUnit.SECONDS)) {
        throw new AssertionError("the agent does not stop\n" + log());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Kills the agent at once ({@code kill -9}). */
  public void kill() {
    lab.kill(process());
  }

  @Override
  public void close() {
    kill();
  }
}
