package org.pinholed.agent.event;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class EventDocumentationTest {
  @Test
  void everyEvent_isInTheTable_andNoOther() throws IOException {
    String page = Files.readString(Path.of("..", "docs", "events.md"));
    Matcher row =
        Pattern.compile("^\\| `(\\w+)` \\|", Pattern.MULTILINE)
            .matcher(page.substring(page.indexOf("## Events")));
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
