package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Timeouts as configuration and commands spell them. */
class DurationParserTest {
  @ParameterizedTest
  @CsvSource({
    "1s,1000,1s",
    "1500ms,1500,1500ms",
    "60s,60000,1m",
    "60m,3600000,1h",
    "1h,3600000,1h",
    "01s,1000,1s",
    "90s,90000,90s"
  })
  void parseTimeout_inRange_isTakenAndWrittenBack(String text, long millis, String written) {
    Duration timeout = DurationParser.parseTimeout(text);
    assertEquals(Duration.ofMillis(millis), timeout);
    assertEquals(written, DurationParser.formatTimeout(timeout));
  }

  @Test
  void parseTimeout_parent_isNoTimeout() {
    assertNull(DurationParser.parseTimeout("parent"));
    assertEquals("parent", DurationParser.formatTimeout(null));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "s",
        "30",
        "30 s",
        "30S",
        "-1s",
        "+1s",
        "1.5s",
        "999ms",
        "3601s",
        "61m",
        "2h",
        "9999999999s",
        "1d",
        "\u0663s",
        "Parent"
      })
  void parseTimeout_anythingElse_isRefused(String text) {
    assertEquals(
        "timeout: "
            + ConfigNode.shown(text)
            + " (expected: 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)",
        assertThrows(IllegalArgumentException.class, () -> DurationParser.parseTimeout(text))
            .getMessage());
  }
}
