package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.invite;
import static org.pinholed.helper.sip.message.SipText.read;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;

class UriListTest {
  private static UriList contacts(String... values) {
    String[] lines = new String[values.length];
    for (int at = 0; at < lines.length; at++) {
      lines[at] = "Contact: " + values[at];
    }
    return new UriList().begin(read(invite(lines)), SipHeader.CONTACT);
  }

  private static String text(Span span) {
    return span.isAbsent() ? "-" : span.text();
  }

  // scheme user host port transport maddr expires of each entry.
  private static List<String> entries(UriList list) {
    List<String> found = new ArrayList<>();
    while (list.next()) {
      UriView uri = list.uri();
      found.add(
          list.isStar()
              ? "*"
              : String.join(
                  " ",
                  uri.scheme().name(),
                  text(uri.user()),
                  text(uri.host()),
                  text(uri.portDigits()),
                  text(uri.transport()),
                  text(uri.maddr()),
                  String.valueOf(list.expires())));
    }
    return found;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "<sip:a@192.0.2.10:5062>                         | SIP a 192.0.2.10 5062 - - -1",
        "<sip:192.0.2.10>                                | SIP - 192.0.2.10 - - - -1",
        "sip:a@192.0.2.10:5062                           | SIP a 192.0.2.10 5062 - - -1",
        "sip:a@192.0.2.10;transport=tcp;expires=7        | SIP a 192.0.2.10 - - - 7",
        "<sip:a@192.0.2.10;transport=tcp>;expires=7      | SIP a 192.0.2.10 - tcp - 7",
        "<sip:a@192.0.2.10;expires=9>                    | SIP a 192.0.2.10 - - - -1",
        "<sip:a@192.0.2.10;transport=udp;transport=UDP>  | SIP a 192.0.2.10 - udp - -1",
        "<sips:a:pw@[2001:db8::10]:5061;lr;TRANSPORT=TLS;x=y>  | SIPS a:pw [2001:db8::10] 5061 TLS - -1",
        "<SIP:a@b.example.com;maddr=192.0.2.1?Subject=x> | SIP a b.example.com - - 192.0.2.1 -1",
        "<sip:a@b?x;transport=tcp>                       | SIP a b - - - -1",
        "<sip:a;x=,@192.0.2.10>;q=0.7;expires = 99       | SIP a;x=, 192.0.2.10 - - - 99",
        "\"a, <sip:x@y>; \\\" \" <sip:a@b>               | SIP a b - - - -1",
        "a b <sip:a@b>                                   | SIP a b - - - -1",
        "<tel:+1-201-555-0123;x,y@z>                     | OTHER - - - - - -1",
        "mailto:a@b                                      | OTHER - - - - - -1",
        "<sip+x.y-z:a@b>                                 | OTHER - - - - - -1",
        "<sip:a@b>;x=\"y,z;expires=3\";EXPIRES=5000000000 | SIP a b - - - 4294967295",
        "<sip:a@b>;expires=soon                          | SIP a b - - - -1",
        "<sip:a@b>;;x;                                   | SIP a b - - - -1",
        "<sip:a@b>;+sip.instance=\"<urn:uuid:0-0>\"      | SIP a b - - - -1",
        "*                                               | *"
      })
  void anEntry(String value, String expected) {
    UriList list = contacts(value);
    assertEquals(List.of(expected), entries(list));
    assertNull(list.problem());
    assertFalse(list.next());
  }

  @Test
  void severalEntries_inSeveralLines() {
    UriList list =
        contacts(
            "<sip:a@b>,\"x\" <sip:c@d:1> ;expires=3\r\n , sip:e@f",
            "",
            "sip:g@h;expires=4,sip:i@j",
            "\r\n <sip:k@l>");
    assertEquals(
        List.of(
            "SIP a b - - - -1",
            "SIP c d 1 - - 3",
            "SIP e f - - - -1",
            "SIP g h - - - 4",
            "SIP i j - - - -1",
            "SIP k l - - - -1"),
        entries(list));
    assertNull(list.problem());
  }

  @Test
  void aListIsWalkedAgain() {
    SipMessage message = read(invite("m: <sip:a@b>", "Route: <sip:c@d>", "m: <sip:e@f"));
    UriList list = new UriList();
    assertFalse(list.next());
    assertEquals(1, entries(list.begin(message, SipHeader.CONTACT)).size());
    assertEquals(SipReason.URI, list.problem());
    assertFalse(list.next());
    assertEquals(1, entries(list.begin(message, SipHeader.ROUTE)).size());
    assertNull(list.problem());
    assertEquals(0, entries(list.begin(message, SipHeader.PATH)).size());
    assertNull(list.problem());
  }

  @Test
  void offsets_areThoseOfTheCursor() {
    String text =
        invite("Contact: \"A\" \r\n <sip:u@192.0.2.10:5062;transport=tcp> ; expires=60 , *");
    UriList list = new UriList().begin(read(text), SipHeader.CONTACT);
    assertTrue(list.next());
    assertAt(text, "\"A\" \r\n <sip:u@192.0.2.10:5062;transport=tcp> ; expires=60", list.entry());
    assertAt(text, "sip:u@192.0.2.10:5062;transport=tcp", list.uri());
    assertAt("192.0.2.10", list.uri().host(), text.indexOf("u@192.0.2.10") + 2);
    assertAt("5062", list.uri().portDigits(), text.lastIndexOf("5062"));
    assertAt(text, "tcp", list.uri().transport());
    assertEquals(5062, list.uri().port());
    assertFalse(list.next());
    assertEquals(SipReason.URI, list.problem());
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
  void hosts() {
    UriList list = contacts("<sip:192.0.2.10>,<sip:[::ffff:192.0.2.10]>,<sip:example.com>,<tel:1>");
    byte[] address = {(byte) 192, 0, 2, 10};
    for (int at = 0; at < 2; at++) {
      assertTrue(list.next());
      assertTrue(list.uri().host().isAddress(address));
      assertFalse(list.uri().host().isAddress(new byte[] {(byte) 192, 0, 2, 11}));
      assertFalse(list.uri().host().isName());
      assertTrue(list.uri().host().isAddress());
      assertEquals(at == 1, list.uri().host().isBracketed());
      assertEquals("/192.0.2.10", list.uri().host().address().toString());
    }
    assertTrue(list.next());
    assertTrue(list.uri().host().isName());
    assertFalse(list.uri().host().isAddress());
    assertFalse(list.uri().host().isBracketed());
    assertFalse(list.uri().host().isAddress(address));
    assertThrows(IllegalStateException.class, () -> list.uri().host().address());
    assertTrue(list.next());
    assertFalse(list.uri().host().isName());
    assertFalse(list.uri().host().isAddress());
    assertFalse(list.uri().host().isBracketed());
    assertFalse(list.uri().host().isAddress(address));
    assertEquals(UriView.NO_PORT, list.uri().port());
    assertThrows(IllegalStateException.class, () -> list.uri().host().address());
  }

  /** What one reader takes for one URI or list, and another one for another. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "<sip:a@b",
        "<sip:a@b>x",
        "<sip:a@b> x",
        "<sip:a@b><sip:c@d>",
        "<sip:a@b> <sip:c@d>",
        "<<sip:a@b>>",
        "<sip:a@b,<sip:c@d>",
        "<>",
        "< sip:a@b>",
        "<sip:a@b >",
        "<sip:a\r\n @b>",
        "<sip:a @b>",
        "<sip:a\"@b>",
        "<sip:a\u007f@b>",
        "<sip:a@b@c>",
        "<sip:@b>",
        "<sip:>",
        "<sip:a@>",
        "<sip:a@:5060>",
        "<sip:a@b:>",
        "<sip:a@b:x>",
        "<sip:a@b:65536>",
        "<sip:a@b:4294972356>",
        "<sip:a@b:5060x>",
        "<sip:a@192.0.2.010>",
        "<sip:a@192.0.2>",
        "<sip:a@192.0.2.256>",
        "<sip:a@192.0.2.10.1>",
        "<sip:a@2001:db8::1>",
        "<sip:a@[2001:db8::1>",
        "<sip:a@[2001:db8::1]x>",
        "<sip:a@[fe80::1%25eth0]>",
        "<sip:a@b/c>",
        "<sip:a@b;transport=udp;Transport=tcp>",
        "<a@b>",
        "<:a@b>",
        "<1sip:a@b>",
        "<mailto:>",
        "a@b",
        "sip:a@b?Route=x",
        "sip:a@b x",
        "sip:a@b<sip:c@d>",
        "x:y <sip:c@d>",
        "x@y <sip:c@d>",
        "\"x\" y <sip:c@d>",
        "\"x\"",
        "\"x",
        "\"x\\\" <sip:a@b>",
        "x\\y <sip:a@b>",
        "x \"y\" <sip:a@b>",
        "x\u0007 <sip:a@b>",
        "<sip:a@b>,",
        ",<sip:a@b>",
        "<sip:a@b>,,<sip:c@d>",
        "*,<sip:a@b>",
        "<sip:a@b>,*",
        "*;expires=0",
        "* *",
        "**",
        "<sip:a@b>;expires=1;expires=2",
        "<sip:a@b>;expires",
        "<sip:a@b>;x=\"y",
        "<sip:a@b>;x=\"y\"z",
        "<sip:a@b>;x y",
        "<sip:a@b>;x=<y>",
        "<sip:a@b>;x=y z"
      })
  void refuses(String value) {
    UriList list = contacts(value);
    entries(list);
    assertEquals(SipReason.URI, list.problem());
    assertFalse(list.next());
    UriList behindGood = contacts("<sip:good@example.com>", value);
    entries(behindGood);
    assertEquals(SipReason.URI, behindGood.problem());
  }

  /**
   * Whoever looks at the URI of a star must find nothing, least of all that of a message before.
   */
  @Test
  void aStar_hasNoUri() {
    UriList list = contacts("<sip:a@192.0.2.10:5062;transport=tcp;maddr=b>");
    assertTrue(list.next());
    list.begin(read(invite("Contact: *")), SipHeader.CONTACT);
    assertTrue(list.next() && list.isStar());
    UriView uri = list.uri();
    for (Span span :
        List.of(uri, uri.user(), uri.host(), uri.portDigits(), uri.transport(), uri.maddr())) {
      assertTrue(span.isAbsent());
    }
    assertEquals(UriView.Scheme.OTHER, uri.scheme());
    assertEquals(UriView.NO_PORT, uri.port());
  }

  @Test
  void aStar_standsAloneInAllLines() {
    for (String[] lines : new String[][] {{"*", "<sip:a@b>"}, {"<sip:a@b>", "*"}, {"*", "*"}}) {
      UriList list = contacts(lines);
      entries(list);
      assertEquals(SipReason.URI, list.problem());
    }
  }
}
