package org.pinholed.agent.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Option;

/** The filters that listings, events, traces and clear have in common. */
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

  @Option(
      names = "--address",
      paramLabel = "ADDRESS",
      description = "Only those with an end at this numeric address or in this network.")
  @Nullable String address;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description =
          "Only those with an end on this port; with --address, the same end must have both.")
  @Nullable Long port;

  @Option(
      names = "--not",
      paramLabel = "FIELD",
      split = ",",
      description =
          "Means a filter the other way round: policy, helper, parent, address or port."
              + " Repeatable.")
  List<String> not = new ArrayList<>();

  /**
   * A request with these filters.
   *
   * @param command what is asked
   * @return it, to be added to
   */
  JsonFields request(String command) {
    return new JsonFields()
        .with("command", command)
        .with("policyId", policy)
        .with("helper", helper)
        .with("parentSerial", parent)
        .with("address", address)
        .with("port", port)
        .with("not", not.isEmpty() ? null : not);
  }
}
