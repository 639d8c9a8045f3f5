package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.Transport;

class HelperEntryParserTest {
  @Test
  void parse_aWholeLine_isTaken() {
    assertEquals(
        new HelperEntry(
            2,
            "ftp",
            Transport.TCP,
            2121,
            true,
            Duration.ofMinutes(2),
            Map.of("a", true, "b", 7, "c", List.of("x", 1), "d", "w=1")),
        HelperEntryParser.parse(
            2, "FTP", "tcp", 2121, "2m", List.of("a=true", "b=7", "c=[x, 1]", "d=w=1")));
  }

  @Test
  void parse_withoutTimeout_isTheDefault() {
    assertEquals(
        Duration.ofSeconds(30),
        HelperEntryParser.parse(2, "sip", "udp", 5060, null, List.of()).timeout());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "k | option: k (expected: key=value)",
        "=v | option: =v (expected: key=value)",
        "k= | option: k= (expected: key=value)",
        "k=[a | option: k=[a (expected: a number, true, false, text or [a, b])",
        "k=*a | option: k=*a (expected: a number, true, false, text or [a, b])",
      })
  void parse_badOption_isRefused(String option, String message) {
    assertEquals(
        message,
        assertThrows(
                IllegalArgumentException.class,
                () -> HelperEntryParser.parse(2, "ftp", "tcp", 21, null, List.of(option)))
            .getMessage());
  }

  @Test
  void parse_anOptionTwice_isRefused() {
    assertEquals(
        "option: k (expected: each key once)",
        assertThrows(
                IllegalArgumentException.class,
                () -> HelperEntryParser.parse(2, "ftp", "tcp", 21, null, List.of("k=1", "k=2")))
            .getMessage());
  }

  @Test
  void parse_unknownTransport_isRefused() {
    assertEquals(
        "protocol: sctp (expected: tcp, udp)",
        assertThrows(
                IllegalArgumentException.class,
                () -> HelperEntryParser.parse(2, "ftp", "sctp", 21, null, List.of()))
            .getMessage());
  }

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
