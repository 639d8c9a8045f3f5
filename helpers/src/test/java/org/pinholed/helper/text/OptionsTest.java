package org.pinholed.helper.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.LeasedPorts;

class OptionsTest {
  private static Options of(Object value) {
    return new Options(Map.of("x", value), Set.of("x", "y"));
  }

  private static void refused(String message, Object value, Consumer<Options> read) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> read.accept(of(value))).getMessage());
  }

  @Test
  void unknown_isRefusedWithWhatIsKnown() {
    assertEquals(
        "z: 1 (expected: one of x)",
        assertThrows(
                IllegalArgumentException.class, () -> new Options(Map.of("z", 1), List.of("x")))
            .getMessage());
  }

  @Test
  void word_isOneOfThem() {
    assertEquals("peer", of("peer").word("x", "peer", "any"));
    assertEquals("any", of("any").word("x", "peer", "any"));
    assertEquals("peer", of("any").word("y", "peer", "any"));
    refused(
        "x: all (expected: peer or networks or any)",
        "all",
        o -> o.word("x", "peer", "networks", "any"));
  }

  @Test
  void withoutAValue_isRefused() {
    Map<String, Object> values = new HashMap<>();
    values.put("x", null);
    assertThrows(
        IllegalArgumentException.class,
        () -> new Options(values, Set.of("x")).word("x", "peer", "any"));
  }

  @Test
  void flag_isTrueOrFalse() {
    assertTrue(of(true).flag("x", false));
    assertFalse(of("false").flag("x", true));
    assertTrue(of("false").flag("y", true));
    refused("x: yes (expected: true or false)", "yes", o -> o.flag("x", true));
  }

  @Test
  void number_isInItsRange() {
    assertEquals(4, of(4).number("x", 1, 1, 4));
    assertEquals(1, of("1").number("x", 4, 1, 4));
    assertEquals(3, of("1").number("y", 3, 1, 4));
    for (Object bad : List.of(0, 5, "", "a", "-1", "4294967297", "18446744073709551617", 1.5)) {
      refused("x: " + bad + " (expected: 1..4)", bad, o -> o.number("x", 1, 1, 4));
    }
  }

  @Test
  void duration_isInItsRange() {
    Duration min = Duration.ofSeconds(1);
    Duration max = Duration.ofHours(24);
    assertEquals(max, of("24h").duration("x", min, min, max));
    assertEquals(min, of("1000ms").duration("x", max, min, max));
    assertEquals(Duration.ofMinutes(10), of("1h").duration("y", Duration.ofMinutes(10), min, max));
    for (Object bad :
        List.of("999ms", "25h", "10", "h", "", "1d", "-1s", "1 s", 30, "9999999999s")) {
      refused("x: " + bad + " (expected: 1s..24h)", bad, o -> o.duration("x", min, min, max));
    }
  }

  @Test
  void durations_areWrittenInTheirShortestForm() {
    for (String text :
        List.of("0s", "1ms", "1500ms", "1s", "90s", "2m", "61m", "1h", "999999999h")) {
      assertEquals(text, Durations.format(Objects.requireNonNull(Durations.parse(text))));
    }
    assertEquals("2m", Durations.format(Objects.requireNonNull(Durations.parse("120s"))));
    assertEquals("36h", Durations.format(Objects.requireNonNull(Durations.parse("2160m"))));
  }

  @Test
  void networks_areAListOrAText() throws Exception {
    InetAddress inside = InetAddress.getByName("192.0.2.200");
    for (Object value :
        List.of("192.0.2.128/25,2001:db8::/32", List.of("192.0.2.128/25", " 2001:db8::/32"))) {
      List<Network> networks = of(value).networks("x");
      assertTrue(Options.anyContains(networks, inside));
      assertTrue(Options.anyContains(networks, InetAddress.getByName("2001:db8:ffff::1")));
      assertFalse(Options.anyContains(networks, InetAddress.getByName("192.0.2.1")));
      assertFalse(Options.anyContains(networks, InetAddress.getByName("2001:db9::1")));
    }
    assertEquals(List.of(), of("").networks("x"));
    assertEquals(List.of(), of("").networks("y"));
    refused(
        "x: pbx (expected: networks such as 192.0.2.0/24 or 2001:db8::/32)",
        "pbx",
        o -> o.networks("x"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/24x",
        "192.0.2.0/0024",
        "2001:db8::/129",
        "192.0.2",
        "192.0.2.0/4294967320",
        "a",
        "",
        "2001:db8::/-1"
      })
  void aNetworkThatIsNone(String text) {
    assertEquals(null, Network.parse(text));
  }

  @Test
  void aNetwork_hasAPrefixOfAnyLength() throws Exception {
    for (int bits = 0; bits <= 32; bits++) {
      Network network = Objects.requireNonNull(Network.parse("255.255.255.255/" + bits));
      assertTrue(network.contains(InetAddress.getByName("255.255.255.255")));
      if (bits > 0) {
        byte[] other = {-1, -1, -1, -1};
        other[(bits - 1) / 8] ^= (byte) (0x80 >> (bits - 1) % 8);
        assertFalse(network.contains(InetAddress.getByAddress(other)), "/" + bits);
      }
    }
  }

  @Test
  void ports_andRangesOfThem() {
    PortSet ports = of("5060, 5900-5902,0,65535").ports("x", "1");
    for (int port : new int[] {0, 5060, 5900, 5901, 5902, 65535}) {
      assertTrue(ports.contains(port), "" + port);
    }
    for (int port : new int[] {1, 5059, 5061, 5899, 5903, 65534}) {
      assertFalse(ports.contains(port), "" + port);
    }
    assertTrue(of(List.of(80)).ports("x", "").contains(80));
    assertTrue(of("80").ports("y", "81").contains(81));
    for (String bad : List.of("65536", "5-4", "-5", "5-", "a", "000080", "1-65536", "1-2-3")) {
      refused(
          "x: " + bad + " (expected: ports 0..65535 or ranges of them such as 5900-5905)",
          bad,
          o -> o.ports("x", ""));
    }
  }

  @Test
  void decimals_neverWrap() {
    assertEquals(0, Decimals.parse("000", 9));
    assertEquals(9, Decimals.parse("9", 9));
    assertEquals(Decimals.TOO_LARGE, Decimals.parse("10", 9));
    assertEquals(Decimals.NONE, Decimals.parse("", 9));
    assertEquals(Decimals.NONE, Decimals.parse("1 ", 9));
    assertEquals(Decimals.NONE, Decimals.parse("/", 9));
    assertEquals(1L << 59, Decimals.parse("576460752303423488", 1L << 59));
    for (String text : List.of("576460752303423489", "18446744073709551617", "9".repeat(1000))) {
      assertEquals(Decimals.TOO_LARGE, Decimals.parse(text, 1L << 59));
      LineView line = LineViewTest.of(text + "x");
      assertEquals(Decimals.TOO_LARGE, Decimals.read(line, 1L << 59));
      assertEquals('x', line.current());
    }
    assertEquals(Decimals.NONE, Decimals.read(LineViewTest.of("x"), 9));
    assertEquals(Decimals.NONE, Decimals.read(LineViewTest.of(""), 9));
    assertEquals(8, Decimals.read(LineViewTest.of("0008"), 9));
  }

  @Test
  void portRange_isOneRange() {
    assertEquals(new LeasedPorts(5000, 5010), of("5000-5010").portRange("x", "1-2"));
    assertEquals(new LeasedPorts(21, 21), of(21).portRange("x", "1-2"));
    assertEquals(new LeasedPorts(1, 65535), of("x").portRange("y", "1-65535"));
    for (Object bad : List.of("", "0-5", "5-4", "1-65536", "1-", "-1", "1-2-3", "1,2", " 1-2")) {
      refused(
          "x: " + bad + " (expected: a range of ports such as 49152-65535)",
          bad,
          o -> o.portRange("x", "1-2"));
    }
  }

  @Test
  void words_areAsTheyAreWritten() {
    assertEquals(List.of("a", "B"), of(List.of("a", "B")).words("x", ""));
    assertEquals(List.of("a", "B"), of("a, B").words("x", ""));
    assertEquals(List.of("any"), of("a").words("y", "any"));
    assertEquals(List.of(), of("").words("x", "any"));
  }
}
