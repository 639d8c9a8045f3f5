package org.pinholed.agent.event;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Endpoint;

class EventDocumentationTest {
  private static Endpoint endpoint(String address, int port) {
    return new Endpoint(new InetSocketAddress(address, port).getAddress(), port);
  }

  private static final Endpoint ENDPOINT = endpoint("192.0.2.10", 40000);

  private static Set<String> words(String table) {
    Matcher row = Pattern.compile("^\\| (`.*?`) \\|", Pattern.MULTILINE).matcher(table);
    Set<String> words = new TreeSet<>();
    while (row.find()) {
      for (String word : row.group(1).split(", ", -1)) {
        words.add(word.replace("`", ""));
      }
    }
    return words;
  }

  @Test
  void everyField_isInTheTable_andNoOther() throws IOException {
    String page = Files.readString(Path.of("..", "docs", "events.md"));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    AgentEvent.Kind kind = AgentEvent.Kind.MATCHED;
    EventJson.write(
        new AgentEvent(
            1,
            kind,
            "sip",
            25,
            "0000002a",
            "0000002b",
            7,
            ENDPOINT,
            ENDPOINT,
            ENDPOINT,
            ENDPOINT,
            "label",
            "reason",
            "detail",
            3),
        out);
    for (boolean counted : new boolean[] {true, false}) {
      ChildTraffic.Count count = counted ? new ChildTraffic.Count(1, 2) : null;
      EventJson.write(
          new AgentEvent(
              1,
              AgentEvent.Kind.CHILD_ENDED,
              "",
              0,
              "",
              "0000002b",
              0,
              null,
              null,
              ENDPOINT,
              ENDPOINT,
              "",
              "",
              "",
              0,
              new ChildTraffic("tcp", ENDPOINT, ENDPOINT, 1, 2, count, count)),
          out);
    }
    EventJson.writeLost(1, 2, out);
    Set<String> written = new TreeSet<>();
    for (String line : out.toString(StandardCharsets.US_ASCII).lines().toList()) {
      new ObjectMapper().readTree(line).fieldNames().forEachRemaining(written::add);
    }
    int from = page.indexOf("## Fields");
    Set<String> documented = words(page.substring(from, page.indexOf("## Events")));
    assertEquals(written, documented);
  }

  @Test
  void everyEvent_isInTheTable_andNoOther() throws IOException {
    String page = Files.readString(Path.of("..", "docs", "events.md"));
    Matcher row =
        Pattern.compile("^\\| `(\\w+)` \\|", Pattern.MULTILINE)
            .matcher(
                page.substring(page.indexOf("## Events"), page.indexOf("## Records of children")));
    Set<String> documented = new TreeSet<>();
    while (row.find()) {
      documented.add(row.group(1));
    }
    documented.remove("event");
    Set<String> known = new TreeSet<>(Set.of("eventsLost"));
    for (AgentEvent.Kind kind : AgentEvent.Kind.values()) {
      known.add(kind.word());
    }
    assertEquals(known, documented);
  }
}
