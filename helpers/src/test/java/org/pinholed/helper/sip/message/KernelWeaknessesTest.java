package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;
import static org.pinholed.helper.sip.message.SipText.invite;
import static org.pinholed.helper.sip.message.SipText.read;
import static org.pinholed.helper.sip.message.SipText.reason;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;

/**
 * Each weakness of the kernel's helper (nf_conntrack_sip.c) that lay in how it reads. The cursors
 * refuse whoever reads outside of the message.
 */
class KernelWeaknessesTest {
  private static SipFramer frame(String stream) {
    SipFramer framer = new SipFramer();
    framer.next(SipText.cursor(stream), FROM, FROM + stream.length());
    return framer;
  }

  /** CVE-2026-23457: the number was cut off to 32 bits. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "4294967296",
        "4294967297",
        "4294967328",
        "18446744073709551616",
        "18446744073709551648",
        "340282366920938463463374607431768211488"
      })
  void contentLength_isNotTruncated(String value) {
    String message = invite("l: " + value) + "x".repeat(32) + invite("l: 0");
    assertEquals(SipReason.CONTENT_LENGTH_TOO_LARGE, frame(message).reason());
    assertEquals(SipReason.CONTENT_LENGTH_TOO_LARGE, reason(message));
  }

  /** The port of a URI was read beyond its end, and beyond the end of the packet. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "sip:a@b:",
        "sip:a@b:5",
        "sip:a@b:65535",
        "sip:a@b:65536",
        "sip:a@b:99999999999999999999"
      })
  void uriPort_isNotReadOutOfBounds(String uri) {
    UriView view = new UriView();
    ByteCursor bytes = SipText.cursor(uri); // the message is the URI and nothing else
    boolean isUri = view.read(bytes, FROM, FROM + uri.length());
    assertEquals(uri.endsWith("5") && !uri.endsWith(":99999999999999999999"), isUri);
    UriList list = new UriList().begin(read(invite("m: " + uri)), SipHeader.CONTACT);
    assertEquals(isUri, list.next());
  }

  /** A URI that ended the packet was read beyond it. */
  @Test
  void aUri_mayEndThePacket() {
    String uri = "sip:user@example.com:5060;transport=udp";
    UriView view = new UriView();
    for (int length = 0; length <= uri.length(); length++) {
      ByteCursor bytes = SipText.cursor(uri.substring(0, length));
      if (view.read(bytes, FROM, FROM + length)) {
        assertEquals(FROM + length, view.to());
        assertTrue(view.host().to() <= FROM + length);
      }
    }
    String message = invite("m: <" + uri);
    int end = message.indexOf(uri) + uri.length();
    assertEquals(
        SipReason.HEAD_UNFINISHED,
        new SipMessage().readDatagram(SipText.cursor(message.substring(0, end)), FROM, FROM + end));
  }

  /** simple_strtoul read numbers up to whatever ended them, be it behind the packet. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Length: 1",
        "CSeq: 1",
        "Contact: <sip:a@b>;expires=1",
        "Expires: 1",
        "Via: SIP/2.0/UDP a:1",
        "Via: SIP/2.0/UDP a;rport=1",
        "Session-Expires: 1"
      })
  void aNumber_mayEndThePacket(String line) {
    String text = invite(line);
    String cut = text.substring(0, text.indexOf(line) + line.length());
    assertEquals(SipReason.HEAD_UNFINISHED, reason(cut));
    SipFramer framer = new SipFramer();
    assertEquals(
        SipFramer.Step.NEED_MORE, framer.next(SipText.cursor(cut), FROM, FROM + cut.length()));
  }

  /** Where a number ends is where the text says, not where digits end. */
  @Test
  void aNumber_isFollowedByWhatTheGrammarSays() {
    assertEquals(SipReason.CONTENT_LENGTH_INVALID, reason(invite("l: 0x10") + "x".repeat(20)));
    assertEquals(SipReason.CONTENT_LENGTH_INVALID, reason(invite("l: 1e1") + "x".repeat(20)));
    assertEquals(SipReason.CSEQ, reason(invite("CSeq: 0x1 INVITE")));
    assertEquals(SipReason.VIA, reason(invite("Via: SIP/2.0/UDP a:0x13c4")));
  }

  /** The list went on at an old place once an entry before had become shorter. */
  @Test
  void contactsOfAList_areFoundWhereTheyAre() {
    String text =
        invite(
            "Contact: <sip:a@192.0.2.10:50620>,<sip:b@192.0.2.10:50621> , \"c\" <sip:c@192.0.2.10>",
            "m: sip:d@192.0.2.10:50622;expires=5,<sip:e@192.0.2.10>;expires=6");
    UriList list = new UriList().begin(read(text), SipHeader.CONTACT);
    List<Integer> hosts = new ArrayList<>();
    while (list.next()) {
      hosts.add(list.uri().host().from() - FROM);
    }
    assertNull(list.problem());
    List<Integer> expected = new ArrayList<>();
    for (int at = text.indexOf("Contact"); (at = text.indexOf("@192.0.2.10", at + 1)) >= 0; ) {
      expected.add(at + 1);
    }
    assertEquals(5, hosts.size());
    assertEquals(expected, hosts);
  }

  /** A list of Contact as long as a message may be: all lengths fit. */
  @Test
  void aContactListOfTheGreatestLength_isWalked() {
    String entry = "<sip:a@192.0.2.10:5062>,";
    int count = (SipMessage.LENGTH_MAX_BYTES - invite("Contact: ").length()) / entry.length() - 1;
    String text = invite("Contact: " + entry.repeat(count) + "<sip:z@b>");
    UriList list = new UriList().begin(read(text), SipHeader.CONTACT);
    int found = 0;
    while (list.next()) {
      found++;
    }
    assertNull(list.problem());
    assertEquals(count + 1, found);
  }

  /** A missing CSeq made the kernel's helper drop the packet; here it opens nothing, and passes. */
  @Test
  void aMessageWithoutCseq_isRefused() {
    assertEquals(SipReason.HEADER_MISSING, reason(SipText.inviteWithout("CSeq")));
  }

  /** On TCP a message without Content-Length was not looked at, and those behind it were. */
  @Test
  void aMessageOfAStreamWithoutContentLength_endsTheReading() {
    assertEquals(SipReason.CONTENT_LENGTH_MISSING, frame(invite()).reason());
  }

  /** A message that is split over segments was let through unread. */
  @Test
  void aMessageSplitOverSegments_isReadAsAWhole() {
    String text = invite("c: application/sdp", "l: 5") + "v=0\r\n";
    for (int cut = 1; cut < text.length(); cut++) {
      SipFramer framer = new SipFramer();
      assertEquals(
          SipFramer.Step.NEED_MORE,
          framer.next(SipText.cursor(text.substring(0, cut)), FROM, FROM + cut));
      assertTrue(framer.mayMatter());
      assertEquals(
          SipFramer.Step.MESSAGE, framer.next(SipText.cursor(text), FROM, FROM + text.length()));
      assertEquals(FROM + text.length(), framer.end());
    }
  }

  /** Text within a body posed as a message (NAT slipstreaming). */
  @Test
  void aMessageWithinABody_isNone() {
    String hidden = invite("l: 0");
    String stream = invite("c: text/plain", "l: " + hidden.length()) + hidden + invite("l: 0");
    SipFramer framer = new SipFramer();
    ByteCursor bytes = SipText.cursor(stream);
    int limit = FROM + stream.length();
    assertEquals(SipFramer.Step.MESSAGE, framer.next(bytes, FROM, limit));
    assertEquals(SipFramer.Step.MESSAGE, framer.next(bytes, framer.behind(), limit));
    assertEquals(FROM + stream.lastIndexOf("INVITE sip:"), framer.from());
    assertEquals(SipFramer.Step.NEED_MORE, framer.next(bytes, framer.behind(), limit));
  }
}
