package org.pinholed.agent.cli;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Option;

/** The filters that expectations, sessions and clear have in common. */
final class FilterOptions {
  @Option(
      names = "--policy",
      paramLabel = "ID",
      description = "Only those whose parent was let in by this firewall policy.")
  @Nullable Long policy;

  @Option(names = "--helper", paramLabel = "NAME", description = "Only this helper, as in ftp.")
  @Nullable String helper;

  @Option(
      names = "--parent",
      paramLabel = "SERIAL",
      description = "Only this parent: its serial, 8 hex digits.")
  @Nullable String parent;

  JsonFields request(String command) {
    return new JsonFields()
        .with("command", command)
        .with("policyId", policy)
        .with("helper", helper)
        .with("parentSerial", parent);
  }
}
