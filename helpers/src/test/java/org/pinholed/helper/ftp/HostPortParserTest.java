package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostPortParserTest {
  private static long argument(String text) {
    return HostPortParser.parseArgument(TelnetLineViewTest.of(text));
  }

  private static long find(String text) {
    return HostPortParser.find(TelnetLineViewTest.of(text));
  }

  private static long hostPort(int a, int b, int c, int d, int port) {
    return ((long) a << 40) | ((long) b << 32) | ((long) c << 24) | ((long) d << 16) | port;
  }

  @Test
  void theExampleOfRfc959() {
    // RFC 959 section 5.3.2: <host-port> ::= h1,h2,h3,h4,p1,p2
    assertEquals(hostPort(132, 235, 1, 2, 24 * 256 + 131), argument("132,235,1,2,24,131"));
  }

  @ParameterizedTest
  @CsvSource({
    "'0,0,0,0,0,0',0",
    "'255,255,255,255,255,255',281474976710655",
    "' 001,002,003,004,000,010 ',1108152156170"
  })
  void limits(String text, long expected) {
    assertEquals(expected == 1108152156170L ? hostPort(1, 2, 3, 4, 10) : expected, argument(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // RFC 959 appendix, vsftpd, ProFTPD, Pure-FTPd
        " Entering Passive Mode (192,0,2,1,4,210).",
        " Entering Passive Mode (192,0,2,1,4,210)",
        // pyftpdlib
        " Entering passive mode (192,0,2,1,4,210).",
        // RFC 1123 section 4.1.2.6: no parentheses; Serv-U and mainframes
        " Entering Passive Mode 192,0,2,1,4,210",
        " Entering Passive Mode. 192,0,2,1,4,210",
        // publicfile, twoftpd: =h1,...
        " =192,0,2,1,4,210",
        // NcFTPd and others put the numbers first
        " 192,0,2,1,4,210 is where to go.",
        // embedded systems: spaces behind commas, zeros in front
        " Passive (192, 0, 2, 1, 4, 210)",
        " Passive (192,000,002,001,004,210)",
        // numbers in the text before and behind
        " Session 12345, port 9, (192,0,2,1,4,210) in 30 s, 5 left",
        " v1.2 1,2,3 go (192,0,2,1,4,210), have fun",
        // other brackets
        " Entering Passive Mode [192,0,2,1,4,210]",
      })
  void formsOf227SeenInTheWild(String text) {
    assertEquals(hostPort(192, 0, 2, 1, 1234), find(text));
  }

  @Test
  void everyCut_hasMissingFields() {
    String whole = "192,0,2,1,4,210";
    for (int length = 0; length < whole.length() - 3; length++) {
      assertEquals(HostPortParser.MISSING_FIELDS, argument(whole.substring(0, length)));
      assertEquals(HostPortParser.MISSING_FIELDS, find(whole.substring(0, length)));
    }
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "256,0,2,1,4,210",
          "192,0,2,257,4,210",
          "192,0,2,1,256,210",
          "192,0,2,1,4,256",
          "192,0,2,1,4,65746",
          "192,0,2,1,4,4294967298",
          "0192,0,2,1,4,1"
        })
    void aNumberAbove255(String text) {
      assertEquals(HostPortParser.OCTET_OUT_OF_RANGE, argument(text));
      assertEquals(HostPortParser.OCTET_OUT_OF_RANGE, find("(" + text + ")"));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "",
          "x",
          "192,0,2,1,4,210x",
          "192,0,2,1,4,210,",
          "192,0,2,1,4,210 5",
          "(192,0,2,1,4,210)",
          "192.0.2.1.4.210",
          "192,0,2,1,4",
          "192,0,2,1,,4",
          "-192,0,2,1,4,210",
          "192,0,2,1,4,-210",
          "192 ,0,2,1,4,210"
        })
    void anArgumentWithAnythingElseInIt(String text) {
      assertEquals(HostPortParser.MISSING_FIELDS, argument(text));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          " Logout.",
          " Entering Passive Mode (192,0,2,1,4)",
          "1,2,3,4,5,6,7",
          "1,2,3,4,5,6,7,8,9,10,11,12"
        })
    void textsWithoutSixNumbers(String text) {
      assertEquals(HostPortParser.MISSING_FIELDS, find(text));
    }
  }

  @Property
  void roundTrip(@ForAll @IntRange(max = 255) int high, @ForAll @IntRange(max = 65535) int port) {
    String text = high + ",0,2," + high + "," + port / 256 + "," + port % 256;
    assertEquals(hostPort(high, 0, 2, high, port), argument(text));
    assertEquals(hostPort(high, 0, 2, high, port), find("(" + text + ")"));
  }

  @Property
  void anything_neverThrows(
      @ForAll @StringLength(max = 60) @CharRange(from = '(', to = '9') String text) {
    long found = find(text);
    long argument = argument(text);
    assertEquals(true, found >= HostPortParser.OCTET_OUT_OF_RANGE);
    assertEquals(true, argument <= 0xffff_ffff_ffffL);
  }
}
