package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options of helpers on the command line. */
class OptionArgumentsTest {
  @Test
  void parse_valuesAsInTheConfigurationFile() {
    assertEquals(
        Map.of("a", true, "b", 7, "c", List.of("x", 1), "d", "w=1"),
        OptionArguments.parse(List.of("a=true", "b=7", "c=[x, 1]", "d=w=1")));
    assertEquals(Map.of(), OptionArguments.parse(List.of()));
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
        assertThrows(IllegalArgumentException.class, () -> OptionArguments.parse(List.of(option)))
            .getMessage());
  }

  @Test
  void parse_anOptionTwice_isRefused() {
    assertEquals(
        "option: k (expected: each key once)",
        assertThrows(
                IllegalArgumentException.class, () -> OptionArguments.parse(List.of("k=1", "k=2")))
            .getMessage());
  }
}
