package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.DiversionRules;
import org.pinholed.agent.operate.doctor.DoctorSettings;
import org.pinholed.agent.operate.doctor.Finding;
import org.pinholed.agent.operate.doctor.FirewallRules;
import org.pinholed.agent.operate.doctor.FrontEnd;
import org.pinholed.agent.operate.doctor.SystemProbe;
import org.pinholed.helper.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.ScopeType;

@Command(
    name = "firewall",
    description = {
      "The rules of the firewall that let pinholes work: finds which are missing, in whatever wrote"
          + " the firewall, puts them in before what drops, and takes them out. The lines are those"
          + " that doctor prints.",
      "Works in the network namespace that it is started in, without a running agent too. Without"
          + " a command of its own: show."
    },
    subcommands = {
      FirewallCommand.ShowCommand.class,
      FirewallCommand.ApplyCommand.class,
      FirewallCommand.CheckCommand.class,
      FirewallCommand.RemoveCommand.class,
      FirewallCommand.DiversionCommand.class
    },
    footer = {
      "%nExamples:",
      "  pinholectl firewall show --control-ports",
      "  pinholectl firewall remove",
      "  pinholectl firewall apply --front-end nftables",
      "  pinholectl firewall check || pinholectl firewall apply"
    })
final class FirewallCommand implements Callable<Integer> {
  /** A line may uncover the next drop; each round does away with one in every chain. */
  private static final int ROUNDS_MAX = 8;

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description =
          "Configuration of an agent that does not run; one that runs is asked for its own."
              + " Default: /etc/pinholed/pinholed.yaml, and the built-in values where that is"
              + " missing.")
  Path configFile = GivenConfig.DEFAULT_FILE;

  @Option(
      names = "--front-end",
      paramLabel = "NAME",
      scope = ScopeType.INHERIT,
      description =
          "Only the rules of one: nftables, iptables-nft, iptables-legacy, ufw, firewalld, shorewall"
              + " or docker. Default: all that are in force. remove looks at all in any case.")
  @Nullable String frontEnd;

  @Option(
      names = "--control-ports",
      scope = ScopeType.INHERIT,
      description =
          "Also lets new connections to the ports of the helpers in, and their answers, from"
              + " anywhere. Without it that is left to the firewall's own policies. remove takes these"
              + " out in any case.")
  boolean controlPorts;

  @Override
  public Integer call() throws Exception {
    return show();
  }

  private @Nullable FrontEnd only() throws ControlError {
    String wanted = frontEnd;
    if (wanted == null) {
      return null;
    }
    List<String> words = new ArrayList<>();
    for (FrontEnd each : FrontEnd.values()) {
      if (each.word().equals(wanted)) {
        return each;
      }
      words.add(each.word());
    }
    throw new ControlError(
        ControlError.BAD_REQUEST,
        "--front-end: " + wanted + " (expected: " + String.join(", ", words) + ")");
  }

  private FirewallRules rules() throws ControlError {
    AgentConfig config = config();
    SystemProbe probe = probe(config);
    return new FirewallRules(probe, settings(probe, config));
  }

  private AgentConfig config() throws ControlError {
    try {
      return GivenConfig.of(configFile);
    } catch (ConfigException e) {
      throw new ControlError(ControlError.REFUSED, String.valueOf(e.getMessage()));
    }
  }

  private SystemProbe probe(AgentConfig config) {
    return new SystemProbe(pinholectl.socketOr(config.control().socket()));
  }

  private static DoctorSettings settings(SystemProbe probe, AgentConfig config) {
    return probe.agentConfig().map(DoctorSettings::of).orElseGet(() -> DoctorSettings.of(config));
  }

  private FirewallRules.Look look(FirewallRules rules) throws ControlError {
    return rules.look(only(), controlPorts);
  }

  int show() throws ControlError {
    FirewallRules.Look look = look(rules());
    report(look, look.lines(), look.lasting());
    return look.stands() || !look.lines().isEmpty() ? 0 : 1;
  }

  int apply() throws ControlError {
    FirewallRules rules = rules();
    FirewallRules.Look first = look(rules);
    FirewallRules.Look look = first;
    List<String> done = new ArrayList<>();
    for (int round = 0; round < ROUNDS_MAX && !look.lines().isEmpty(); round++) {
      run(look.lines(), done);
      look = look(rules);
    }
    report(look, done, first.lasting());
    return look.stands() ? 0 : 1;
  }

  int check() throws ControlError {
    FirewallRules.Look look = look(rules());
    report(look, List.of(), List.of());
    return look.stands() ? 0 : 1;
  }

  int remove() throws ControlError {
    FirewallRules rules = rules();
    List<String> done = new ArrayList<>();
    List<String> lines = rules.removal();
    for (int round = 0; round < ROUNDS_MAX && !lines.isEmpty(); round++) {
      run(lines, done);
      lines = rules.removal();
    }
    print(done);
    return lines.isEmpty() ? 0 : 1;
  }

  int diversion() throws ControlError {
    FrontEnd wanted = only();
    AgentConfig config = config();
    DoctorSettings settings = settings(probe(config), config);
    DiversionRules rules = new DiversionRules(settings);
    boolean nftables =
        wanted == null || wanted == FrontEnd.NFTABLES || wanted == FrontEnd.FIREWALLD;
    print(nftables ? rules.nftables() : rules.iptables());
    if (!pinholectl.json() && !settings.diversion().external()) {
      pinholectl
          .err()
          .println(
              "note: the agent's own rules divert; these are for rules: external in pinholed.yaml");
    }
    return 0;
  }

  private void print(List<String> lines) {
    if (pinholectl.json()) {
      pinholectl.out().println(ControlJson.line(new JsonFields().with("lines", lines)));
    } else {
      lines.forEach(line -> pinholectl.out().println(Printable.of(line)));
    }
  }

  private static void run(List<String> lines, List<String> done) throws ControlError {
    for (String line : lines) {
      String problem = FirewallRules.run(line);
      if (!problem.isEmpty()) {
        throw new ControlError(ControlError.REFUSED, line + ": " + problem);
      }
      done.add(line);
    }
  }

  /** What is not to be typed goes beside the lines, so that these can be piped into a shell. */
  private void report(FirewallRules.Look look, List<String> lines, List<Finding> lasting) {
    if (pinholectl.json()) {
      pinholectl
          .out()
          .println(
              ControlJson.line(
                  new JsonFields()
                      .with("stands", look.stands())
                      .with("inForce", look.inForce().stream().map(FrontEnd::word).toList())
                      .with("lines", lines)
                      .with(
                          "findings",
                          look.findings().stream().map(FirewallCommand::words).toList())));
      return;
    }
    lines.forEach(line -> pinholectl.out().println(Printable.of(line)));
    PrintWriter beside = pinholectl.err();
    beside.println("in force: " + look.inForceWords());
    look.findings().forEach(finding -> beside.println(Printable.of(words(finding))));
    for (Finding finding : lasting) {
      beside.println("to last: " + Printable.of(finding.text()));
      finding.advice().forEach(line -> beside.println("    " + Printable.of(line)));
    }
  }

  private static String words(Finding finding) {
    return finding.level().name().toLowerCase(Locale.ROOT) + ": " + finding.text();
  }

  @Command(
      name = "show",
      description =
          "Prints the lines that apply would run, and on standard error what was found and how the"
              + " lines last over a reload and a boot. Changes nothing.",
      footer = {"%nExamples:", "  pinholectl firewall show --front-end nftables"})
  static final class ShowCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    FirewallCommand firewall;

    @Override
    public Integer call() throws Exception {
      return firewall.show();
    }
  }

  @Command(
      name = "apply",
      description =
          "Puts in what is missing, before what drops. Twice is once: what stands, also by hand, is"
              + " left as it is. Exit code 1 if pinholes do not work after that.",
      footer = {"%nExamples:", "  pinholectl firewall apply --control-ports"})
  static final class ApplyCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    FirewallCommand firewall;

    @Override
    public Integer call() throws Exception {
      return firewall.apply();
    }
  }

  @Command(
      name = "check",
      description =
          "Tells whether the rules stand, whoever wrote them: exit code 0 if so, 1 if not. Changes"
              + " nothing.",
      footer = {"%nExamples:", "  pinholectl firewall check 2>/dev/null && echo stands"})
  static final class CheckCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    FirewallCommand firewall;

    @Override
    public Integer call() throws Exception {
      return firewall.check();
    }
  }

  @Command(
      name = "remove",
      description =
          "Takes out what apply put in, known by its comment, in all front ends. Rules by hand stay,"
              + " and so does one that the agent keeps (acceptRule).",
      footer = {"%nExamples:", "  pinholectl firewall remove"})
  static final class RemoveCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    FirewallCommand firewall;

    @Override
    public Integer call() throws Exception {
      return firewall.remove();
    }
  }

  @Command(
      name = "diversion",
      description =
          "Prints rules that give control packets to the agent's queue, for those who let no agent"
              + " write such rules (rules: external). They are for nft -f, and with --front-end"
              + " iptables-nft, iptables-legacy, ufw, shorewall or docker for iptables-restore"
              + " --noflush and ip6tables-restore --noflush. Changes nothing.",
      footer = {
        "%nExamples:",
        "  pinholectl firewall diversion",
        "  pinholectl firewall diversion --front-end iptables-nft"
      })
  static final class DiversionCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    FirewallCommand firewall;

    @Override
    public Integer call() throws Exception {
      return firewall.diversion();
    }
  }
}
