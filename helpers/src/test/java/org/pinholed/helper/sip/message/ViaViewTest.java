package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.invite;
import static org.pinholed.helper.sip.message.SipText.read;
import static org.pinholed.helper.sip.message.SipText.reason;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.sip.words.SipReason;

class ViaViewTest {
  private static ViaView via(String value) {
    return read(invite("Via: " + value)).via();
  }

  private static String text(Span span) {
    return span.isAbsent() ? "-" : "'" + span.text() + "'";
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9hG4bK1 | UDP 192.0.2.10 5062 - '' - 'z9hG4bK1'",
        "SIP/2.0/TCP 192.0.2.10                            | TCP 192.0.2.10 -1 - - - -",
        "sip / 2.0 / x-y  host.example.com : 5061 ; ttl=1  | x-y host.example.com 5061 - - - -",
        "SIP/2.0/UDP [2001:db8::9:1]:5060;received=[2001:db8::1];branch=a"
            + " | UDP [2001:db8::9:1] 5060 '[2001:db8::1]' - - 'a'",
        "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::1;BRANCH = a"
            + " | UDP [2001:db8::9:1] -1 '2001:db8::1' - - 'a'",
        "SIP/2.0/UDP a;RPORT = 5064 ;received = 203.0.113.1;x=\"y,;\\\"\";maddr=b"
            + " | UDP a -1 '203.0.113.1' '5064' 'b' -",
        "SIP/2.0/UDP a;branch=b, SIP/2.0/UDP c;branch=d;rport=1 | UDP a -1 - - - 'b'",
        "SIP/2.0/UDP a;maddr=::1;;                         | UDP a -1 - - '::1' -",
        "SIP/2.0/UDP a;received=1234::                     | UDP a -1 '1234::' - - -",
        "SIP/2.0/UDP a,garbage                             | UDP a -1 - - - -"
      })
  void aValue(String value, String expected) {
    ViaView via = via(value);
    assertEquals(
        expected,
        via.transport().text()
            + " "
            + via.host().text()
            + " "
            + via.port()
            + " "
            + text(via.received())
            + " "
            + text(via.rport())
            + " "
            + text(via.maddr())
            + " "
            + text(via.branch()));
  }

  @Test
  void offsets_areThoseOfTheCursor() {
    String text =
        invite(
            "Via: \r\n SIP/2.0/UDP\r\n 192.0.2.9:5062 ;rport;received=192.0.2.8;branch=b\r\n , SIP/2.0/UDP x",
            "v: SIP/2.0/UDP y");
    ViaView via = read(text).via();
    assertAt(text, "SIP/2.0/UDP\r\n 192.0.2.9:5062 ;rport;received=192.0.2.8;branch=b", via);
    assertAt(text, "192.0.2.9", via.host());
    assertAt(text, "5062", via.portDigits());
    assertAt(text, "192.0.2.8", via.received());
    assertTrue(via.rport().isEmpty());
    assertEquals(SipText.FROM + text.indexOf(";received"), via.rport().from());
    assertEquals(UriView.NO_PORT, via.rportNumber());
    assertAt("b", via.branch(), text.indexOf("branch=b") + 7);
  }

  private static void assertAt(String text, String part, Span span) {
    assertAt(part, span, text.indexOf(part));
  }

  private static void assertAt(String part, Span span, int index) {
    assertEquals(part, span.text());
    assertEquals(SipText.FROM + index, span.from());
    assertEquals(SipText.FROM + index + part.length(), span.to());
  }

  @Test
  void received_inAnyWriting_isTheSameAddress() throws UnknownHostException {
    byte[] address = InetAddress.getByName("2001:db8::a").getAddress();
    for (String text : new String[] {"2001:db8::a", "[2001:db8::a]", "2001:DB8:0:0::A"}) {
      assertTrue(via("SIP/2.0/UDP x;received=" + text).received().isAddress(address), text);
    }
    assertEquals(65535, via("SIP/2.0/UDP x;rport=65535").rportNumber());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "SIP",
        "SIP/2.0",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0/UDP,x",
        "SIP/2.0/ x",
        "SIP/3.0/UDP x",
        "SIP/2.0.1/UDP x",
        "SIPS/2.0/UDP x",
        "SIP//UDP x",
        "SIP/2.0/UDP x:",
        "SIP/2.0/UDP x:65536",
        "SIP/2.0/UDP x:4294972356",
        "SIP/2.0/UDP x:y",
        "SIP/2.0/UDP x:5060:1",
        "SIP/2.0/UDP 192.0.2.010",
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP [2001:db8::1",
        "SIP/2.0/UDP x y",
        "SIP/2.0/UDP x/y",
        "SIP/2.0/UDP x;rport=",
        "SIP/2.0/UDP x;rport=y",
        "SIP/2.0/UDP x;rport=65536",
        "SIP/2.0/UDP x;rport=1x",
        "SIP/2.0/UDP x;rport=1;rport=2",
        "SIP/2.0/UDP x;rport;RPORT",
        "SIP/2.0/UDP x;rport=\"1\"",
        "SIP/2.0/UDP x;branch=a;branch=b",
        "SIP/2.0/UDP x;branch",
        "SIP/2.0/UDP x;branch=",
        "SIP/2.0/UDP x;branch=a b",
        "SIP/2.0/UDP x;branch=<a>",
        "SIP/2.0/UDP x;received",
        "SIP/2.0/UDP x;received=",
        "SIP/2.0/UDP x;received=192.0.2.256",
        "SIP/2.0/UDP x;received=192.0.2.1:5060",
        "SIP/2.0/UDP x;received=192.0.2.1;received=192.0.2.2",
        "SIP/2.0/UDP x;received=[192.0.2.1]",
        "SIP/2.0/UDP x;received=2001:db8::1]",
        "SIP/2.0/UDP x;received=\"192.0.2.1\"",
        "SIP/2.0/UDP x;maddr",
        "SIP/2.0/UDP x;maddr=,",
        "SIP/2.0/UDP x;maddr=a;maddr=a",
        "SIP/2.0/UDP x;y=\"z",
        "SIP/2.0/UDP x;y=\"z\"a",
        "SIP/2.0/UDP x (comment)"
      })
  void refuses(String value) {
    assertEquals(SipReason.VIA, reason(invite("Via: " + value)));
    assertEquals(SipReason.VIA, reason(invite("Via: " + value, "v: SIP/2.0/UDP x")));
  }

  @Test
  void onlyTheTopmostValue_isRead() {
    assertFalse(read(invite("Via: SIP/2.0/UDP a,SIP/9", "v: SIP/1")).via().host().isAbsent());
  }
}
