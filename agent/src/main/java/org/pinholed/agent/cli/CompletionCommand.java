package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "completion",
    description = "Prints the completion script for bash (and zsh through bashcompinit).",
    footer = {
      "%nExamples:",
      "  source <(pinholectl completion)",
      "  pinholectl completion > /etc/bash_completion.d/pinholectl"
    })
final class CompletionCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Override
  public Integer call() {
    pinholectl.out().print(AutoComplete.bash("pinholectl", Pinholectl.commandLine(null)));
    return 0;
  }
}
