package org.pinholed.agent.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.pinholed.agent.config.DurationParser;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.OptionArguments;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Printable;
import org.pinholed.helper.Transport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "helpers",
    description =
        "The table of session helpers: which protocol is read on which port. Without a command of"
            + " its own: list. Changes last until the next reload or restart.",
    subcommands = {
      HelpersCommand.ListCommand.class,
      HelpersCommand.TypesCommand.class,
      HelpersCommand.AddCommand.class,
      HelpersCommand.DeleteCommand.class,
      HelpersCommand.EnableCommand.class,
      HelpersCommand.DisableCommand.class
    },
    footer = {
      "%nExamples:",
      "  pinholectl helpers",
      "  pinholectl helpers add --id 2 --name ftp --port 2121",
      "  pinholectl helpers delete 2"
    })
final class HelpersCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin WidthOption width = new WidthOption();

  @Override
  public Integer call() throws Exception {
    return list(width);
  }

  private int list(WidthOption ofTable) throws Exception {
    return new ListingOptions(ofTable)
        .show(
            pinholectl, new JsonFields().with("command", "helpers"), "helpers", Listings::helpers);
  }

  int change(JsonFields request, String done) throws Exception {
    JsonFields answer = pinholectl.ask(request, row -> {});
    pinholectl.out().println(pinholectl.json() ? ControlJson.line(answer) : Printable.of(done));
    return 0;
  }

  @Command(
      name = "list",
      description = "Lists the entries.",
      footer = {"%nExamples:", "  pinholectl helpers list --json"})
  static final class ListCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    HelpersCommand helpers;

    @Mixin WidthOption width = new WidthOption();

    @Override
    public Integer call() throws Exception {
      return helpers.list(width);
    }
  }

  @Command(
      name = "types",
      description =
          "Lists the protocols that an entry may name, over what they run, and their options.",
      footer = {"%nExamples:", "  pinholectl helpers types", "  pinholectl helpers types --json"})
  static final class TypesCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    HelpersCommand helpers;

    @Override
    public Integer call() {
      Pinholectl pinholectl = helpers.pinholectl;
      if (pinholectl.json()) {
        Listing listing = Listings.json(pinholectl.out());
        GivenConfig.PROTOCOLS.forEach(
            protocol ->
                listing.add(
                    new JsonFields()
                        .with("name", protocol.name())
                        .with("protocols", transports(protocol))
                        .with("options", new TreeMap<>(protocol.options()))));
        listing.end();
        return 0;
      }
      for (HelperProtocol protocol : GivenConfig.PROTOCOLS) {
        pinholectl
            .out()
            .println(protocol.name() + " (" + String.join(", ", transports(protocol)) + ")");
        new TreeMap<>(protocol.options())
            .forEach((option, text) -> pinholectl.out().println("  " + option + ": " + text));
      }
      return 0;
    }

    private static List<String> transports(HelperProtocol protocol) {
      return protocol.transports().stream()
          .map(transport -> transport.name().toLowerCase(Locale.ROOT))
          .sorted()
          .toList();
    }
  }

  @Command(
      name = "add",
      description = "Adds an entry: the protocol is read on one more port at once.",
      footer = {
        "%nExamples:",
        "  pinholectl helpers add --id 2 --name ftp --port 2121",
        "  pinholectl helpers add --id 3 --name ftp --port 8021 --timeout parent",
        "  pinholectl helpers add --id 6 --name ftp --port 9021 --save \\",
        "      --config router.yaml",
        "  pinholectl helpers add --id 4 --name ftp --port 2221 --option activeOpen=reply",
        "  pinholectl helpers add --id 5 --name ftp --port 3721 --timeout 2m \\",
        "      --option 'fxpNetworks=[192.0.2.0/24, 2001:db8:9::/48]'"
      })
  static final class AddCommand implements Callable<Integer> {
    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    HelpersCommand helpers;

    @Option(names = "--id", required = true, paramLabel = "ID", description = "1..65535, unique.")
    long id;

    @Option(
        names = "--name",
        required = true,
        paramLabel = "NAME",
        description = "The protocol, as in ftp.")
    String name = "";

    @Option(
        names = "--port",
        required = true,
        paramLabel = "PORT",
        description = "Server port of the parents, 1..65535.")
    long port;

    @Option(
        names = "--protocol",
        paramLabel = "PROTOCOL",
        description = "tcp or udp. Default: tcp.")
    String protocol = "tcp";

    @Option(
        names = "--timeout",
        paramLabel = "TIME",
        description =
            "How long an expectation waits, as in 30s or 2m, or parent: as long as its parent"
                + " lives. Default: 30s.")
    String timeout = "30s";

    @Option(
        names = "--option",
        paramLabel = "KEY=VALUE",
        description =
            "An option of the protocol; its value as in the configuration file. Repeatable.")
    List<String> options = new ArrayList<>();

    @Option(
        names = "--mode",
        paramLabel = "MODE",
        description =
            "enforce, or observe: reads and reports, opens nothing (see 'pinholectl report')."
                + " Default: enforce.")
    String mode = "enforce";

    @Option(names = "--disabled", description = "Adds it switched off.")
    boolean disabled;

    @Option(
        names = "--save",
        description =
            "Puts it into the configuration file, too, so that it is there after the next reload or"
                + " restart. Comments stay.")
    boolean save;

    @Option(
        names = "--config",
        paramLabel = "FILE",
        description = "The file for --save. Default: /etc/pinholed/pinholed.yaml.")
    Path configFile = GivenConfig.DEFAULT_FILE;

    @Override
    public Integer call() throws Exception {
      Map<String, Object> values;
      try {
        values = OptionArguments.parse(options);
      } catch (IllegalArgumentException e) {
        throw new ControlError(ControlError.BAD_REQUEST, String.valueOf(e.getMessage()));
      }
      SavedHelper saved = save ? SavedHelper.of(configFile, entry(values)) : null;
      int code =
          helpers.change(
              new JsonFields()
                  .with("command", "helpersAdd")
                  .with("id", id)
                  .with("name", name)
                  .with("protocol", protocol)
                  .with("port", port)
                  .with("enabled", !disabled)
                  .with("mode", mode)
                  .with("timeout", timeout)
                  .with("options", values),
              "added: helper " + id + " " + name + "/" + protocol + "/" + port);
      if (saved != null) {
        saved.write();
        helpers.pinholectl.err().println("saved in " + configFile);
      }
      return code;
    }

    private HelperEntry entry(Map<String, Object> values) throws ControlError {
      try {
        return new HelperEntry(
                Math.toIntExact(id),
                name,
                Transport.valueOf(protocol.toUpperCase(Locale.ROOT)),
                Math.toIntExact(port),
                !disabled,
                DurationParser.parseTimeout(timeout),
                values)
            .withMode(HelperEntry.Mode.valueOf(mode.toUpperCase(Locale.ROOT)));
      } catch (IllegalArgumentException | ArithmeticException e) {
        throw new ControlError(ControlError.BAD_REQUEST, String.valueOf(e.getMessage()));
      }
    }
  }

  /** What is done to one entry that is there already. */
  abstract static class EntryCommand implements Callable<Integer> {
    private final String request;
    private final String done;

    @SuppressWarnings("NullAway.Init") // set by picocli before the call
    @ParentCommand
    HelpersCommand helpers;

    @Parameters(paramLabel = "ID", description = "Id of the entry.")
    long id;

    EntryCommand(String request, String done) {
      this.request = request;
      this.done = done;
    }

    @Override
    public Integer call() throws Exception {
      return helpers.change(
          new JsonFields().with("command", request).with("id", id), done + ": helper " + id);
    }
  }

  @Command(
      name = "delete",
      description = "Deletes an entry: plain firewall policies apply to its port from now on.",
      footer = {"%nExamples:", "  pinholectl helpers delete 2"})
  static final class DeleteCommand extends EntryCommand {
    DeleteCommand() {
      super("helpersDelete", "deleted");
    }
  }

  @Command(
      name = "enable",
      description = "Switches an entry on.",
      footer = {"%nExamples:", "  pinholectl helpers enable 2"})
  static final class EnableCommand extends EntryCommand {
    EnableCommand() {
      super("helpersEnable", "enabled");
    }
  }

  @Command(
      name = "disable",
      description = "Switches an entry off and keeps it in the table.",
      footer = {"%nExamples:", "  pinholectl helpers disable 2"})
  static final class DisableCommand extends EntryCommand {
    DisableCommand() {
      super("helpersDisable", "disabled");
    }
  }
}
