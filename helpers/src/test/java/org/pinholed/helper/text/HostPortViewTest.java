package org.pinholed.helper.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;

class HostPortViewTest {
  private final HostPortView view = new HostPortView();

  private HostPortView.Found read(String text) {
    return view.read(LineViewTest.of(text), false);
  }

  @ParameterizedTest
  @CsvSource({
    // text, address, port, what stands behind
    "192.0.2.1,192.0.2.1,-1,''",
    "192.0.2.1:5060,192.0.2.1,5060,''",
    "'0.0.0.0:0;a',0.0.0.0,0,';a'",
    "255.255.255.255:65535>,255.255.255.255,65535,>",
    "[2001:db8::1],2001:db8::1,-1,''",
    "'[2001:DB8::1]:05062 x',2001:db8::1,5062,' x'",
    // RFC 5118 section 4.5: an IPv6 reference with and without a port
    "[2001:db8::9:1];received=,2001:db8::9:1,-1,;received=",
    "[::ffff:192.0.2.1]:1,192.0.2.1,1,''",
    "192.0.2.1 :5060,192.0.2.1,-1,' :5060'",
  })
  void addresses(String text, String address, int port, String behind) throws Exception {
    LineView line = LineViewTest.of(text);
    assertEquals(HostPortView.Found.ADDRESS, view.read(line, false));
    assertEquals(address, AddressText.of(view.address()));
    assertTrue(view.isAddress(view.address().getAddress()));
    assertEquals(port, view.port());
    assertEquals(behind, LineViewTest.rest(line));
  }

  @ParameterizedTest
  @CsvSource({
    "pbx.example.com:5062,-,5062",
    "a,-,-1",
    "example.com.:1,-,1",
    "4u.example,-,-1",
    "1.2.3.4.example,-,-1",
    "999.a,-,-1",
    "my_host-1:9,-,9",
    "a..b,-,-1",
    "xn--n3h.example,-,-1"
  })
  void names(String text, String none, int port) {
    assertEquals(HostPortView.Found.NAME, read(text));
    assertEquals(port, view.port());
    assertFalse(view.isAddress(new byte[4]));
    assertThrows(IllegalStateException.class, view::address);
  }

  @Test
  void whereTheyStand() {
    LineView line = LineViewTest.of("<sip:a@[2001:db8::1]:5060;x>");
    line.skipTo('@');
    line.advance();
    assertEquals(HostPortView.Found.ADDRESS, view.read(line, false));
    assertEquals(7, view.hostOffset());
    assertEquals(13, view.hostLengthBytes());
    assertEquals(21, view.portOffset());
    assertEquals(4, view.portLengthBytes());
    assertEquals(HostPortView.Found.NAME, read("h"));
    assertEquals(0, view.portLengthBytes());
    assertEquals(1, view.hostLengthBytes());
  }

  @Test
  void spacesRoundTheColon_asInVia() {
    // RFC 3261 section 20.42
    LineView line = LineViewTest.folded("first.example.com: 4000;ttl=16");
    assertEquals(HostPortView.Found.NAME, view.read(line, true));
    assertEquals(4000, view.port());
    assertEquals(";ttl=16", LineViewTest.rest(line));
    line = LineViewTest.folded("192.0.2.1\r\n : \t5060 ;x");
    assertEquals(HostPortView.Found.ADDRESS, view.read(line, true));
    assertEquals(5060, view.port());
    assertEquals(9, view.hostLengthBytes());
    assertEquals(";x", LineViewTest.rest(line));
    line = LineViewTest.of("192.0.2.1 ;x");
    assertEquals(HostPortView.Found.ADDRESS, view.read(line, true));
    assertEquals(HostPortView.NO_PORT, view.port());
    assertEquals(";x", LineViewTest.rest(line));
  }

  @Test
  void isAddress_comparesFamilyAndBytes() {
    assertEquals(HostPortView.Found.ADDRESS, read("192.0.2.1"));
    assertTrue(view.isAddress(new byte[] {(byte) 192, 0, 2, 1}));
    assertFalse(view.isAddress(new byte[] {(byte) 192, 0, 2, 2}));
    assertFalse(view.isAddress(new byte[16]));
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.00", "1.2.3.4.", "1..2.3", ".",
          "..", "a.1", "192.0.2.0x1", "4294967297", "192.0.2.1x", "[", "[]", "[::1", "[1.2.3.4]",
          "[fe80::1%25eth0]", "[::1:5060", "a.8", "192.0.2.99999999999", "192.0.2.1-2"
        })
    void whatIsTakenForAnAddressBySomeOnly(String text) {
      assertEquals(HostPortView.Found.BAD_HOST, read(text));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "a:",
          "a:x",
          "a:65536",
          "192.0.2.1:70000",
          "[::1]:4294972356",
          "a:-1",
          "a:18446744073709556676"
        })
    void aPortThatIsNone(String text) {
      assertEquals(HostPortView.Found.BAD_PORT, read(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ":5060", " a", "*", "<a>", "\u00e4.example"})
    void whatBeginsNoHost(String text) {
      assertEquals(HostPortView.Found.NONE, read(text));
    }
  }

  @Property
  void roundTrip(
      @ForAll @Size(16) byte[] bytes, @ForAll boolean six, @ForAll @IntRange(max = 65535) int port)
      throws UnknownHostException {
    InetAddress address = InetAddress.getByAddress(six ? bytes : java.util.Arrays.copyOf(bytes, 4));
    assertEquals(HostPortView.Found.ADDRESS, read(new Endpoint(address, port).toString()));
    assertEquals(address, view.address());
    assertEquals(port, view.port());
  }

  @Property(tries = 5000)
  void anIpv4Address_isTheOneOfTheParser(
      @ForAll @StringLength(max = 12) @Chars({'0', '1', '2', '5', '.', 'a'}) String text) {
    byte[] address = new byte[16];
    LineView line = LineViewTest.of(text);
    boolean isOne =
        AddressParser.parseIpv4(line, address) != AddressParser.NONE
            && line.current() == LineView.END;
    assertEquals(isOne, read(text) == HostPortView.Found.ADDRESS);
    if (isOne) {
      assertTrue(view.isAddress(java.util.Arrays.copyOf(address, 4)));
    }
  }

  @Property
  void anything_neverThrows(
      @ForAll @StringLength(max = 30) @CharRange(from = '-', to = ']') String text,
      @ForAll boolean spaced) {
    HostPortView.Found found = view.read(LineViewTest.of(text), spaced);
    assertTrue(found != HostPortView.Found.BAD_PORT || text.contains(":"));
  }
}
