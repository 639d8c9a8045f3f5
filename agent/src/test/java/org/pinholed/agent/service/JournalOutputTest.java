package org.pinholed.agent.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalOutputTest {
  @TempDir Path folder = Path.of("");

  private final ByteArrayOutputStream journal = new ByteArrayOutputStream();
  private final PrintStream err =
      new PrintStream(new JournalOutput(journal), true, StandardCharsets.UTF_8);

  private List<String> lines() {
    return journal.toString(StandardCharsets.UTF_8).lines().toList();
  }

  @Test
  void line_hasTheLevelOfItsWord() {
    err.println("[main] INFO Pinholed - ready");
    err.println("[pinholed-worker-0] WARN FlowMarks - a flow");
    err.println("[main] ERROR Pinholed - [x] INFO y");
    err.println("[main] DEBUG A - b");
    err.println("[main] TRACE A - b");
    assertEquals(
        List.of(
            "<6>[main] INFO Pinholed - ready",
            "<4>[pinholed-worker-0] WARN FlowMarks - a flow",
            "<3>[main] ERROR Pinholed - [x] INFO y",
            "<7>[main] DEBUG A - b",
            "<7>[main] TRACE A - b"),
        lines());
  }

  @Test
  void stackTrace_hasTheLevelOfItsMessage() {
    err.println("[main] WARN A - b");
    err.println("java.io.IOException: c");
    err.print("\tat d\n\tat e\n");
    assertEquals(
        List.of("<4>[main] WARN A - b", "<4>java.io.IOException: c", "<4>\tat d", "<4>\tat e"),
        lines());
  }

  @Test
  void whatComesBeforeTheLog_isAnError() {
    err.println("pinholed: pinholed.yaml:7: helpers[0].port: 0 (expected: 1..65535)");
    assertTrue(lines().get(0).startsWith("<3>pinholed: "), lines()::toString);
  }

  @Test
  void lineThatIsLongerThanTheJournalTakes_isCut_andNothingIsLost() {
    String text = "x".repeat(100_000);
    err.println(text);
    assertTrue(lines().size() > 2);
    assertEquals(text, String.join("", lines().stream().map(line -> line.substring(3)).toList()));
  }

  @Test
  void stream_isKnownByDeviceAndInode() throws IOException {
    Path file = Files.createFile(folder.resolve("err"));
    String named =
        Files.getAttribute(file, "unix:dev") + ":" + Files.getAttribute(file, "unix:ino");
    assertTrue(JournalOutput.isStream(named, file));
    assertFalse(JournalOutput.isStream(named + "1", file));
    assertFalse(JournalOutput.isStream("", file));
    assertFalse(JournalOutput.isStream(null, file));
    assertFalse(JournalOutput.isStream(named, folder.resolve("none")));
  }
}
