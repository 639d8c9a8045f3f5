package org.pinholed.helper.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressParserTest {
  private final byte[] address = new byte[16];

  private String ipv6(String text) throws Exception {
    Arrays.fill(address, (byte) 0x77);
    LineView line = LineViewTest.of(text);
    int length = AddressParser.parseIpv6(line, address);
    return length < 0 || line.current() != LineView.END
        ? "none"
        : InetAddress.getByAddress(Arrays.copyOf(address, length)).getHostAddress();
  }

  private String ipv4(String text) throws Exception {
    LineView line = LineViewTest.of(text);
    int length = AddressParser.parseIpv4(line, address);
    return length < 0 || line.current() != LineView.END
        ? "none"
        : InetAddress.getByAddress(Arrays.copyOf(address, length)).getHostAddress();
  }

  @ParameterizedTest
  @CsvSource({
    // RFC 4291 section 2.2
    "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789,abcd:ef01:2345:6789:abcd:ef01:2345:6789",
    "2001:DB8:0:0:8:800:200C:417A,2001:db8:0:0:8:800:200c:417a",
    "2001:DB8::8:800:200C:417A,2001:db8:0:0:8:800:200c:417a",
    "FF01::101,ff01:0:0:0:0:0:0:101",
    "::1,0:0:0:0:0:0:0:1",
    "::,0:0:0:0:0:0:0:0",
    "::13.1.68.3,0:0:0:0:0:0:d01:4403",
    "0:0:0:0:0:0:13.1.68.3,0:0:0:0:0:0:d01:4403",
    // an IPv4 address in disguise is an IPv4 address
    "::FFFF:129.144.52.38,129.144.52.38",
    "0:0:0:0:0:FFFF:192.0.2.1,192.0.2.1",
    "::ffff:c000:201,192.0.2.1",
    // and one that only looks so is not
    "::fffe:192.0.2.1,0:0:0:0:0:fffe:c000:201",
    "::ff:192.0.2.1,0:0:0:0:0:ff:c000:201",
    "::ff00:192.0.2.1,0:0:0:0:0:ff00:c000:201",
    "1::ffff:192.0.2.1,1:0:0:0:0:ffff:c000:201",
    "2001:db8::,2001:db8:0:0:0:0:0:0",
    "1:2:3:4:5:6:7::,1:2:3:4:5:6:7:0",
    "::2:3:4:5:6:7:8,0:2:3:4:5:6:7:8"
  })
  void ipv6Literals(String text, String expected) throws Exception {
    assertEquals(expected, ipv6(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"132.235.1.2", "0.0.0.0", "255.255.255.255"})
  void ipv4Literals(String text) throws Exception {
    assertEquals(text, ipv4(text));
  }

  @Test
  void everyCutOfAnIpv6Address_isReadOrRefused() throws Exception {
    String whole = "1080:1:2:3:8:800:200C:417A";
    for (int length = 0; length <= 22; length++) {
      assertEquals("none", ipv6(whole.substring(0, length)));
    }
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "",
          ":",
          ":1",
          ":::",
          "1",
          "1:",
          "1::2::3",
          "::1::",
          "12345::",
          "g::",
          "1:2:3:4:5:6:7",
          "1:2:3:4:5:6:7:8:9",
          "1:2:3:4:5:6:7:8::",
          "::1:2:3:4:5:6:7:8",
          "::1:2:3:4:5:6:7:8:9",
          "1:2:3:4:5:6:7:1.2.3.4",
          "::1.2.3",
          "::1.2.3.256",
          "::256.2.3.4",
          "::a1.2.3.4",
          "::1a.2.3.4",
          "::01.2.3.4",
          "::1.2.3.4:5",
          "::1.2.3.4.5",
          "1.2.3.4",
          "fe80::1%eth0"
        })
    void whatIsNoIpv6Address(String text) throws Exception {
      assertEquals("none", ipv6(text));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "",
          "1",
          "1.2.3",
          "1.2.3.",
          "1..3.4",
          "1.2.3.4.5",
          "256.2.3.4",
          "1.2.3.0x4",
          "01.2.3.4",
          "1.2.3.00",
          "4294967297.2.3.4",
          "localhost",
          "1.2,3.4"
        })
    void whatIsNoIpv4Address(String text) throws Exception {
      assertEquals("none", ipv4(text));
    }
  }

  @Property
  void whatJavaWrites_isReadBack(@ForAll @Size(16) byte[] bytes) throws Exception {
    bytes[0] |= 1; // not an IPv4 address in disguise
    String text = InetAddress.getByAddress(bytes).getHostAddress();
    assertEquals(16, AddressParser.parseIpv6(LineViewTest.of(text), address));
    assertArrayEquals(bytes, address);
  }

  @Property(tries = 5000)
  void whatIsRead_isWhatJavaReads(
      @ForAll @StringLength(max = 24) @CharRange(from = '0', to = ':') String text)
      throws Exception {
    String read = ipv6(text.replace('9', '.').replace('8', ':'));
    String java;
    try {
      // In brackets Java takes it for an IPv6 literal and asks nobody.
      java =
          InetAddress.getByName("[" + text.replace('9', '.').replace('8', ':') + "]")
              .getHostAddress();
    } catch (java.net.UnknownHostException e) {
      java = "none";
    }
    if (!read.equals("none")) {
      assertEquals(java, read);
    }
  }
}
