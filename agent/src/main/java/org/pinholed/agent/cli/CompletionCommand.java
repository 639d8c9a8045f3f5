package org.pinholed.agent.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.operate.doctor.FrontEnd;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "completion",
    description =
        "Prints the completion script for a shell. It completes commands, options and values: the"
            + " running agent is asked for helpers, serials and ids.",
    footer = {
      "%nExamples:",
      "  source <(pinholectl completion)",
      "  pinholectl completion > /etc/bash_completion.d/pinholectl",
      "  pinholectl completion zsh > pinholectl.zsh      # source it in .zshrc",
      "  pinholectl completion fish > pinholectl.fish    # into completions/"
    })
final class CompletionCommand implements Callable<Integer> {
  /** For which shell. */
  enum Shell {
    /** Bash. */
    BASH,
    /** Zsh, by its support for scripts of Bash. */
    ZSH,
    /** Fish. */
    FISH;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT); // as it is typed, and as shells complete it
    }
  }

  /** What can be asked of the agent, with the options whose values that are. */
  enum Values {
    /** Names of helpers in force. */
    HELPERS("--helper"),
    /** Names of protocols. */
    TYPES("--name"),
    /** Ids of the entries of helpers. */
    HELPER_IDS(""),
    /** Serials of parents. */
    SERIALS("--parent"),
    /** Numbers of expectations. */
    EXPECTATIONS("--expectation"),
    /** Ids of calls. */
    CALLS("--call"),
    /** Firewall policies of parents. */
    POLICIES("--policy"),
    /** Kinds of events. */
    EVENTS("--event"),
    /** Fields that a filter may negate. */
    FIELDS("--not"),
    /** Front ends of a firewall. */
    FRONT_ENDS("--front-end"),
    /** Whether a helper enforces or observes. */
    MODES("--mode"),
    /** Transports of an entry. */
    TRANSPORTS("--protocol"),
    /** What stories can be asked for. */
    STORIES("");

    private final String option;

    Values(String option) {
      this.option = option;
    }

    String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Parameters(
      arity = "0..1",
      paramLabel = "SHELL",
      description = "bash, zsh or fish. Default: bash.")
  Shell shell = Shell.BASH;

  @Option(names = "--values", hidden = true, description = "Prints values; used by the scripts.")
  @Nullable String values;

  @Override
  public Integer call() throws Exception {
    if (values != null) {
      for (Values each : Values.values()) {
        if (each.word().equals(values)) {
          valuesOf(each).forEach(pinholectl.out()::println);
        }
      }
      return 0;
    }
    pinholectl.out().print(shell == Shell.FISH ? fish() : bash());
    return 0;
  }

  private Set<String> valuesOf(Values which) throws Exception {
    return switch (which) {
      case HELPERS -> asked("helpers", row -> row.text("name"));
      case HELPER_IDS -> asked("helpers", row -> row.text("id"));
      case SERIALS -> asked("sessions", row -> row.text("serial"));
      case POLICIES -> asked("sessions", row -> row.text("policyId"));
      case EXPECTATIONS -> asked("expectations", row -> row.text("id"));
      case STORIES -> {
        Set<String> all = new TreeSet<>(Set.of("last"));
        all.addAll(valuesOf(Values.SERIALS));
        all.addAll(valuesOf(Values.EXPECTATIONS));
        yield all;
      }
      case FRONT_ENDS -> words(FrontEnd.values(), FrontEnd::word);
      case MODES -> words(HelperEntry.Mode.values(), mode -> mode.name().toLowerCase(Locale.ROOT));
      case TRANSPORTS -> words(Transport.values(), each -> each.name().toLowerCase(Locale.ROOT));
      case CALLS -> {
        TreeSet<String> ids = new TreeSet<>();
        pinholectl.ask(
            new JsonFields().with("command", "owners").with("kind", "call"),
            row -> ids.add(row.text("id")));
        yield ids;
      }
      case TYPES -> {
        TreeSet<String> names = new TreeSet<>();
        GivenConfig.PROTOCOLS.stream().map(HelperProtocol::name).forEach(names::add);
        yield names;
      }
      case EVENTS -> words(AgentEvent.Kind.values(), AgentEvent.Kind::word);
      case FIELDS -> new TreeSet<>(Arrays.asList("policy", "helper", "parent", "address", "port"));
    };
  }

  private static <T> Set<String> words(T[] values, Function<T, String> word) {
    return Arrays.stream(values).map(word).collect(Collectors.toCollection(TreeSet::new));
  }

  private Set<String> asked(String command, Function<JsonFields, String> value) throws Exception {
    TreeSet<String> all = new TreeSet<>();
    pinholectl.ask(new JsonFields().with("command", command), row -> all.add(value.apply(row)));
    return all;
  }

  /** The generated script knows what is fixed; values of the agent are looked for before it. */
  private static String bash() {
    StringBuilder out = new StringBuilder();
    out.append(AutoComplete.bash("pinholectl", Pinholectl.commandLine(null)));
    out.append("\n# Values that the running agent knows.\n");
    out.append("function _pinholectl_values() {\n");
    out.append("  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}");
    out.append(" what=\n");
    out.append("  case $before in\n");
    for (Values each : Values.values()) {
      if (!each.option.isEmpty()) {
        out.append("    ")
            .append(each.option)
            .append(") what=")
            .append(each.word())
            .append(" ;;\n");
      }
    }
    out.append("    delete|enable|disable) what=").append(Values.HELPER_IDS.word()).append(" ;;\n");
    out.append("    explain) what=").append(Values.STORIES.word()).append(" ;;\n");
    out.append("  esac\n");
    out.append("  if [ -n \"$what\" ]; then\n");
    out.append("    COMPREPLY=( $(compgen -W \"$(pinholectl completion --values \"$what\"");
    out.append(" 2>/dev/null)\" -- \"$current\") )\n");
    out.append("    [ ${#COMPREPLY[@]} -eq 0 ] || return 0\n");
    out.append("  fi\n");
    out.append("  _complete_pinholectl\n");
    out.append("}\n");
    out.append("complete -F _pinholectl_values -o default pinholectl\n");
    return out.toString();
  }

  private static String fish() {
    StringBuilder out = new StringBuilder("# Completion of pinholectl for fish.\n");
    out.append("complete -c pinholectl -f\n");
    CommandLine all = Pinholectl.commandLine(null);
    options(out, all, "");
    all.getSubcommands()
        .forEach((name, command) -> command(out, name, command, "__fish_use_subcommand"));
    String commands = String.join(" ", all.getSubcommands().keySet());
    out.append("complete -c pinholectl -n '__fish_seen_subcommand_from help; and test (count");
    out.append(" (commandline -opc)) -eq 2' -a ").append(quoted(commands)).append('\n');
    return out.toString();
  }

  private static void command(StringBuilder out, String name, CommandLine command, String when) {
    out.append("complete -c pinholectl -n ").append(quoted(when));
    out.append(" -a ").append(name).append(" -d ").append(quoted(sentence(command))).append('\n');
    options(out, command, name);
    Set<String> names = command.getSubcommands().keySet();
    String noneYet =
        "__fish_seen_subcommand_from "
            + name
            + "; and not __fish_seen_subcommand_from "
            + String.join(" ", names);
    command.getSubcommands().forEach((below, sub) -> command(out, below, sub, noneYet));
    for (PositionalParamSpec each : command.getCommandSpec().positionalParameters()) {
      if (Path.class.isAssignableFrom(each.type())) {
        out.append("complete -c pinholectl").append(condition(name)).append(" -F\n");
      } else if (each.completionCandidates() != null) {
        out.append("complete -c pinholectl").append(condition(name));
        out.append(" -a ").append(quoted(candidates(each))).append('\n');
      }
    }
    if (name.equals("explain")) {
      values(out, name, "", Values.STORIES);
    } else if (Arrays.asList("delete", "enable", "disable").contains(name)) {
      values(out, name, "", Values.HELPER_IDS);
    }
  }

  private static String candidates(ArgSpec argument) {
    return String.join(" ", argument.completionCandidates());
  }

  /** What follows an option: a file, one of some words, something else, or nothing. */
  private static String argument(OptionSpec option) {
    if (option.arity().min() == 0) {
      return ""; // what follows may be the next word
    }
    if (Path.class.isAssignableFrom(option.type())) {
      return " -r -F";
    }
    return option.completionCandidates() == null ? " -x" : " -x -a " + quoted(candidates(option));
  }

  private static void options(StringBuilder out, CommandLine command, String name) {
    for (OptionSpec option : command.getCommandSpec().options()) {
      if (option.hidden() || (!name.isEmpty() && option.inherited())) {
        continue;
      }
      String longest = option.longestName();
      String flag = longest.startsWith("--") ? " -l " + longest.substring(2) : "";
      for (Values each : Values.values()) {
        if (each.option.equals(longest)) {
          values(out, name, flag, each);
          flag = "";
        }
      }
      if (!flag.isEmpty()) {
        out.append("complete -c pinholectl").append(condition(name)).append(flag);
        out.append(argument(option));
        String text = option.description().length == 0 ? "" : option.description()[0];
        out.append(" -d ").append(quoted(first(text))).append('\n');
      }
    }
  }

  private static void values(StringBuilder out, String name, String option, Values which) {
    out.append("complete -c pinholectl").append(condition(name)).append(option);
    out.append(option.isEmpty() ? "" : " -x");
    out.append(" -a ");
    out.append(quoted("(pinholectl completion --values " + which.word() + " 2>/dev/null)"));
    out.append('\n');
  }

  private static String condition(String name) {
    return name.isEmpty() ? "" : " -n " + quoted("__fish_seen_subcommand_from " + name);
  }

  private static String sentence(CommandLine command) {
    String[] description = command.getCommandSpec().usageMessage().description();
    return description.length == 0 ? "" : first(description[0]);
  }

  private static String first(String text) {
    int end = text.indexOf(". ");
    String sentence = end < 0 ? text : text.substring(0, end);
    return sentence.endsWith(".") ? sentence.substring(0, sentence.length() - 1) : sentence;
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
