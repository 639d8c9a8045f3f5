package org.pinholed.agent.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "events",
    description = {
      "The events that the agent remembers: what was opened, used, ended, refused and why. Needs no"
          + " event log; the agent keeps the last 4096.",
      "With --json one JSON object a line, as in the event log."
    },
    footer = {
      "%nExamples:",
      "  pinholectl events --since 10m",
      "  pinholectl events --follow --event refused,opaque",
      "  pinholectl events --address 198.51.100.0/24 --json"
    })
final class EventsCommand implements Callable<Integer> {
  private static final Duration SILENCE = Duration.ofSeconds(30);

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin FilterOptions filter = new FilterOptions();

  @Option(names = "--follow", description = "Goes on with those that come, until interrupted.")
  boolean follow;

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description =
          "Only those since 90s, 10m, 2h or 1d ago, or since a time such as"
              + " 2026-10-14T17:46:40Z.")
  @Nullable String since;

  @Option(
      names = "--event",
      paramLabel = "WORD",
      split = ",",
      description = "Only this kind, as in created or refused. Repeatable.")
  List<String> kinds = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    JsonFields request =
        filter
            .request("events")
            .with("kinds", kinds.isEmpty() ? null : kinds)
            .with("since", since)
            .with("follow", follow ? true : null);
    if (follow) {
      Interruption.endsWithSuccess();
    }
    long[] count = new long[1];
    try {
      ControlClient.call(
          pinholectl.socket(),
          request,
          follow ? Duration.ZERO : SILENCE,
          row -> {
            count[0]++;
            show(row);
          });
    } finally {
      Interruption.over();
    }
    pinholectl.requireReader();
    if (count[0] == 0 && !pinholectl.json()) {
      pinholectl.err().println("no events");
    }
    return 0;
  }

  private void show(JsonFields row) {
    if (pinholectl.json()) {
      print(ControlJson.line(row) + "\n");
    } else if (row.text("event").equals("eventsLost")) {
      pinholectl.err().println(row.number("lost") + " older events are not remembered any more");
    } else {
      print(EventText.line(row) + "\n");
    }
  }

  private void print(String line) {
    if (follow) {
      pinholectl.emit(line);
    } else {
      pinholectl.out().print(line);
    }
  }
}
