package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.AgentUnreachableException;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command {@code pinholectl}: asks a running agent, and looks at the machine around it. */
@Command(
    name = "pinholectl",
    scope = ScopeType.INHERIT,
    mixinStandardHelpOptions = true,
    versionProvider = Pinholectl.Version.class,
    description = "Asks a running agent, and looks at the machine around it.",
    usageHelpAutoWidth = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:refused, or not found",
      "2:wrong usage",
      "3:no agent answers on the control socket"
    })
public final class Pinholectl implements Runnable {
  /** No agent answers. */
  static final int EXIT_UNREACHABLE = 3;

  private static final String DEFAULT_SOCKET = "/run/pinholed/control.sock";
  private static final Duration SILENCE = Duration.ofSeconds(30);

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @Spec
  CommandSpec spec;

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      scope = ScopeType.INHERIT,
      description =
          "Control socket of the agent. Default: the environment's PINHOLED_SOCKET, or "
              + DEFAULT_SOCKET
              + ".")
  @Nullable Path socket;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print one JSON document instead of text.")
  boolean json;

  /** Prints the version of the program. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"pinholectl " + org.pinholed.agent.view.Version.text()};
    }
  }

  /**
   * Runs one command and ends the process with its exit code.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    PrintWriter out = new PrintWriter(System.out, false, StandardCharsets.US_ASCII);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.US_ASCII);
    int code = run(args, out, err);
    out.flush();
    System.exit(code);
  }

  /**
   * Runs one command.
   *
   * @param args the command line
   * @param out takes what was asked for
   * @param err takes everything else
   * @return the exit code
   */
  static int run(String[] args, PrintWriter out, PrintWriter err) {
    CommandLine commandLine = commandLine(onlyCommand(args));
    commandLine.setOut(out).setErr(err);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setExecutionExceptionHandler(
        (e, failed, parsed) -> {
          if (e instanceof ControlError error) {
            err.println("pinholectl: " + Printable.of(String.valueOf(error.getMessage())));
            return error.code();
          }
          if (e instanceof OutputClosed) {
            return CommandLine.ExitCode.OK;
          }
          if (e instanceof AgentUnreachableException) {
            err.println("pinholectl: " + Printable.of(String.valueOf(e.getMessage())));
            return EXIT_UNREACHABLE;
          }
          throw e;
        });
    int code = commandLine.execute(args);
    out.flush();
    return code;
  }

  // All commands, in the order of the help.
  private static Map<String, Supplier<Object>> commands() {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("status", StatusCommand::new);
    commands.put("expectations", ExpectationsCommand::new);
    commands.put("sessions", SessionsCommand::new);
    commands.put("calls", OwnersCommand.Calls::new);
    commands.put("registrations", OwnersCommand.Registrations::new);
    commands.put("explain", ExplainCommand::new);
    commands.put("events", EventsCommand::new);
    commands.put("clear", ClearCommand::new);
    commands.put("helpers", HelpersCommand::new);
    commands.put("trace", TraceCommand::new);
    commands.put("stats", StatsCommand::new);
    commands.put("audit", AuditCommand::new);
    commands.put("report", ReportCommand::new);
    commands.put("config", ConfigCommand::new);
    commands.put("reload", ReloadCommand::new);
    commands.put("doctor", DoctorCommand::new);
    commands.put("firewall", FirewallCommand::new);
    commands.put("replay", ReplayCommand::new);
    commands.put("bugreport", BugreportCommand::new);
    commands.put("completion", CompletionCommand::new);
    commands.put("help", CommandLine.HelpCommand::new);
    return commands;
  }

  /**
   * The parser with one command, or with all.
   *
   * <p>Building the model of all commands takes longer than asking the agent does, so an ordinary
   * call builds only the command that it names.
   *
   * @param only the command; null for all
   * @return a new parser
   */
  static CommandLine commandLine(@Nullable String only) {
    CommandLine commandLine = new CommandLine(new Pinholectl());
    commands()
        .forEach(
            (name, command) -> {
              if (only == null || only.equals(name)) {
                commandLine.addSubcommand(name, command.get());
              }
            });
    return commandLine;
  }

  /**
   * All commands, for what is made of their descriptions, such as man pages.
   *
   * @return a new parser
   */
  public static CommandLine allCommands() {
    return commandLine(null);
  }

  private static @Nullable String onlyCommand(String[] args) {
    for (int i = 0; i < args.length; i++) {
      if (args[i].equals("--socket")) {
        i++;
      } else if (!args[i].startsWith("-")) {
        // help and completion speak of all commands
        return commands().containsKey(args[i]) && !args[i].equals("help") ? args[i] : null;
      } else if (!args[i].equals("--json") && !args[i].startsWith("--socket=")) {
        return null; // --help and --version want to know everything
      }
    }
    return null;
  }

  Path socket() {
    return socketOr(Path.of(DEFAULT_SOCKET));
  }

  Path socketOr(Path configured) {
    if (socket != null) {
      return socket;
    }
    String environment = System.getenv("PINHOLED_SOCKET");
    return environment == null || environment.isEmpty() ? configured : Path.of(environment);
  }

  boolean json() {
    return json;
  }

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  /**
   * Prints what has to be seen at once.
   *
   * @param text whole lines
   * @throws OutputClosed if nobody reads any more, as behind {@code head}
   */
  void emit(String text) {
    out().print(text);
    requireReader();
  }

  /**
   * Writes what waits to be written.
   *
   * @throws OutputClosed if nobody reads any more, as behind {@code head}
   */
  void requireReader() {
    if (out().checkError()) {
      throw new OutputClosed();
    }
  }

  /** Nobody reads the output any more, so there is nothing left to do. */
  static final class OutputClosed extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }

  JsonFields ask(JsonFields request, Consumer<JsonFields> rows)
      throws AgentUnreachableException, ControlError {
    return ControlClient.call(socket(), request, SILENCE, rows);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Name a command.");
  }
}
