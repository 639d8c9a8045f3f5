package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExtendedPortParserTest {
  private static String words(long result, byte[] address) throws Exception {
    if (result == ExtendedPortParser.MISSING_FIELDS) {
      return "missing";
    } else if (result == ExtendedPortParser.WRONG_FAMILY) {
      return "family";
    } else if (result == ExtendedPortParser.BAD_ADDRESS) {
      return "address";
    } else if (result == ExtendedPortParser.PORT_OUT_OF_RANGE) {
      return "port";
    }
    int length = (int) (result >> 16);
    String host =
        length == 0
            ? "-"
            : InetAddress.getByAddress(Arrays.copyOf(address, length)).getHostAddress();
    return host + " " + (result & 0xffff);
  }

  private static String argument(String text) throws Exception {
    byte[] address = new byte[16];
    return words(ExtendedPortParser.parseArgument(TelnetLineViewTest.of(text), address), address);
  }

  private static String reply(String text) throws Exception {
    byte[] address = new byte[16];
    return words(ExtendedPassiveParser.find(TelnetLineViewTest.of(text), address), address);
  }

  @ParameterizedTest
  @CsvSource({
    // RFC 2428 section 2
    "|1|132.235.1.2|6275|,132.235.1.2 6275",
    "|2|1080::8:800:200C:417A|5282|,1080:0:0:0:8:800:200c:417a 5282",
    // spaces around, other delimiters, limits
    "'  !1!192.0.2.1!65535! ',192.0.2.1 65535",
    "#1#192.0.2.1#00021#,192.0.2.1 21",
    "|1|192.0.2.1|0|,192.0.2.1 0",
    // a dual-stack client
    "|2|::ffff:192.0.2.1|5000|,192.0.2.1 5000",
    // refused
    "|1|192.0.2.1|65536|,port",
    "|1|192.0.2.1|99999999999|,port",
    "|3|192.0.2.1|1|,family",
    "|0|192.0.2.1|1|,family",
    "|12|192.0.2.1|1|,family",
    "|1|2001:db8::1|1|,address",
    "|2|192.0.2.1|1|,address",
    "|1|ftp.example|1|,address",
    "|2|fe80::1%eth0|1|,address",
    "|1|192.0.2.256|1|,address",
    "|1|192.0.2.1x|1|,address",
    "||192.0.2.1|1|,missing",
    "|1||1|,missing",
    "|x|192.0.2.1|1|,missing",
    "|1|192.0.2|1|,address",
    "|1|192.0.2.1|1|x,missing",
    "|1|192.0.2.1|x|,missing",
    "|1|192.0.2.1!1|,address",
    "|1!192.0.2.1|1|,missing",
    ".1.192.0.2.1.1.,missing",
    ":2:::1:1:,missing",
    "a1a192.0.2.1a1a,missing",
    "010192.0.2.10500,missing",
    "' ',missing"
  })
  void argumentsOfEprt(String text, String expected) throws Exception {
    assertEquals(expected, argument(text));
  }

  @Test
  void everyCut_hasMissingFields() throws Exception {
    String whole = "|2|1080::8:800:200C:417A|5282|";
    for (int length = 0; length < whole.length(); length++) {
      assertEquals("missing", argument(whole.substring(0, length)), whole.substring(0, length));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // RFC 2428 section 3
        " Entering Extended Passive Mode (|||6446|)",
        // vsftpd, pyftpdlib; ProFTPD
        " Entering Extended Passive Mode (|||6446|).",
        " Entering extended passive mode (|||6446|).",
        // Pure-FTPd
        " Extended Passive mode OK (|||6446|)",
        " Entering (really) Extended Passive Mode (|||6446|)",
        " Entering Extended Passive Mode |||6446|",
        " Entering Extended Passive Mode (!!!6446!)",
        " ((((|||6446|)",
        " (|1|2|(|||6446|)",
        " (|||6446|",
      })
  void formsOf229(String text) throws Exception {
    assertEquals("- 6446", reply(text));
  }

  @ParameterizedTest
  @CsvSource({
    "' (|1|192.0.2.1|6446|)',192.0.2.1 6446",
    "' (|2|2001:db8::1|6446|)',2001:db8:0:0:0:0:0:1 6446",
    "' (||192.0.2.1|6446|)',192.0.2.1 6446",
    "' (|1||6446|)',- 6446",
    "' (|||65536|)',port",
    "' (|||0|)',- 0",
    "' (|9||6446|)',family",
    "' ||ftp|6446|',address",
    "' Entering ... 6446. or so',missing",
    "' (6446)',missing",
    "' (|||6446)',missing",
    "' (||6446|)',address",
    "' Logout',missing"
  })
  void whatElseMayBeInA229(String text, String expected) throws Exception {
    assertEquals(expected, reply(text));
  }

  @Property
  void anything_neverThrows(
      @ForAll
          @StringLength(max = 60)
          @CharRange(from = '(', to = ':')
          @CharRange(from = '|', to = '|')
          String text)
      throws Exception {
    assertEquals(false, argument(text).isEmpty());
    assertEquals(false, reply(text).isEmpty());
  }
}
