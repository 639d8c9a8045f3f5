package org.pinholed.agent.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.Doctor;
import org.pinholed.agent.operate.doctor.DoctorSettings;
import org.pinholed.agent.operate.doctor.Finding;
import org.pinholed.agent.operate.doctor.SystemProbe;
import org.pinholed.helper.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "doctor",
    description = {
      "Looks at the machine around the agent: privileges, kernel, firewall, settings, packet queue;"
          + " says what is missing, what is lost by it, and what to type. Changes nothing.",
      "Works without a running agent, in the network namespace that it is started in. Exit code 1"
          + " if something fails."
    },
    footer = {
      "%nExamples:",
      "  pinholectl doctor",
      "  ip netns exec router pinholectl doctor --config router.yaml",
      "  pinholectl doctor --json | jq '.[] | select(.level == \"fail\")'"
    })
final class DoctorCommand implements Callable<Integer> {

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Configuration of an agent that does not run; one that runs is asked for its own."
              + " Default: /etc/pinholed/pinholed.yaml, and the built-in values where that is"
              + " missing.")
  Path configFile = GivenConfig.DEFAULT_FILE;

  @Override
  public Integer call() throws Exception {
    List<Finding> findings = new ArrayList<>();
    AgentConfig config = GivenConfig.builtIn();
    if (!GivenConfig.isBuiltIn(configFile)) {
      try {
        config = GivenConfig.of(configFile);
        findings.add(new Finding(Finding.Level.OK, "config", configFile + " is good", List.of()));
      } catch (ConfigException e) {
        findings.add(
            new Finding(Finding.Level.FAIL, "config", String.valueOf(e.getMessage()), List.of()));
      }
    } else {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "config",
              "there is no " + configFile + ": looked at with the built-in values",
              List.of()));
    }
    SystemProbe probe = new SystemProbe(pinholectl.socketOr(config.control().socket()));
    DoctorSettings settings = DoctorSettings.of(config);
    Optional<JsonFields> running = probe.agentConfig();
    if (running.isPresent()) {
      DoctorSettings inForce = DoctorSettings.of(running.get());
      if (!inForce.isLike(settings)) {
        findings.add(
            new Finding(
                Finding.Level.INFO,
                "config",
                "the agent has another configuration in force, which is looked at here",
                List.of()));
      }
      settings = inForce;
    }
    findings.addAll(Doctor.examine(probe, settings));
    print(findings);
    return Doctor.isHealthy(findings) ? 0 : 1;
  }

  private void print(List<Finding> findings) {
    if (pinholectl.json()) {
      Listing json = Listings.json(pinholectl.out());
      findings.forEach(finding -> json.add(fields(finding)));
      json.end();
    } else {
      findings.forEach(this::printText);
    }
  }

  private static JsonFields fields(Finding finding) {
    return new JsonFields()
        .with("level", level(finding))
        .with("name", finding.name())
        .with("text", finding.text())
        .with("advice", finding.advice());
  }

  private void printText(Finding finding) {
    PrintWriter out = pinholectl.out();
    out.printf(
        "%-5s %-21s %s%n",
        level(finding), Printable.of(finding.name()), Printable.of(finding.text()));
    for (String line : finding.advice()) {
      out.printf("%27s  %s%n", "", Printable.of(line));
    }
  }

  private static String level(Finding finding) {
    return finding.level().name().toLowerCase(Locale.ROOT);
  }
}
