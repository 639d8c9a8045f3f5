package org.pinholed.agent.service;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PassedDescriptorTest {
  private static List<PassedDescriptor> read(String pid, String count, String names) {
    return PassedDescriptor.of(
        Map.of("LISTEN_PID", pid, "LISTEN_FDS", count, "LISTEN_FDNAMES", names), 4711);
  }

  @Test
  void names_goWithTheNumbersFromThreeOn() {
    assertEquals(
        List.of(
            new PassedDescriptor("pinholed-queue-0", 3),
            new PassedDescriptor("unknown", 4),
            new PassedDescriptor("stored", 5),
            new PassedDescriptor("unknown", 6)),
        read("4711", "4", "pinholed-queue-0::stored"));
  }

  @Test
  void ofAnotherProcess_areNotTaken() {
    assertEquals(List.of(), read("4712", "1", "a"));
    assertEquals(List.of(), PassedDescriptor.of(Map.of("LISTEN_FDS", "1"), 4711));
    assertEquals(List.of(), PassedDescriptor.of(Map.of("LISTEN_PID", "4711"), 4711));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "-1", "x", "1025", "99999999999"})
  void countThatMakesNoSense_isNone(String count) {
    assertEquals(List.of(), read("4711", count, "a"));
  }
}
