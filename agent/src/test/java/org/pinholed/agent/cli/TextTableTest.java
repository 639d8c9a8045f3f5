package org.pinholed.agent.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextTableTest {
  private final TextTable table = new TextTable("NAME", "COUNT", "LOST", "WHY");

  TextTableTest() {
    table.add("one", "12345", "0", "a long story of why it is as it is");
    table.add("two", "6", "0", "-");
  }

  private String print(int columns) {
    StringWriter text = new StringWriter();
    PrintWriter out = new PrintWriter(text);
    table.print(out, columns, List.of("COUNT", "LOST"), List.of("WHY"));
    out.flush();
    return text.toString();
  }

  @Test
  void noTerminal_all() {
    assertEquals(
        """
        NAME  COUNT  LOST  WHY
        one   12345  0     a long story of why it is as it is
        two   6      0     -
        """,
        print(0));
    assertEquals(print(0), print(200));
  }

  @Test
  void narrower_theTextIsCutFirst() {
    assertEquals(
        """
        NAME  COUNT  LOST  WHY
        one   12345  0     a long story of ~
        two   6      0     -
        """,
        print(36));
  }

  @Test
  void narrowerStill_whatSaysNothingGoesFirst() {
    assertEquals(
        """
        NAME  COUNT  WHY
        one   12345  a long story of~
        two   6      -
        """,
        print(29));
    assertEquals(
        """
        NAME  WHY
        one   a long story of~
        two   -
        """,
        print(22));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 10, 22, 23, 24, 29, 30, 35, 36, 53, 54, 80})
  void anyWidth_fitsOrHasOnlyWhatMayNotGo(int columns) {
    String text = print(columns);
    int longest = text.lines().mapToInt(String::length).max().orElse(0);
    assertTrue(longest <= Math.max(columns, 22), text);
  }
}
