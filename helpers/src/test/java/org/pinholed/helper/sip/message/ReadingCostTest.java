package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;
import static org.pinholed.helper.sip.message.SipText.invite;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;

/** What reading costs in bytes of heap. */
class ReadingCostTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final byte[] ADDRESS = {(byte) 192, 0, 2, 10};

  private final SipMessage message = new SipMessage();
  private final UriList list = new UriList();
  private final SipFramer framer = new SipFramer();

  private static final List<String> TEXTS =
      List.of(
          invite(
                  "Contact: \"a\" <sip:a@192.0.2.10:5062>;expires=60, <sip:b@[2001:db8::1]>",
                  "Record-Route: <sip:p.example.com;lr>",
                  "x: 1800",
                  "c: multipart/mixed;boundary=b",
                  "l: 46")
              + "--b\r\nc: application/sdp\r\n\r\nv=0\r\ns=x\r\n\r\n--b--\r\n",
          invite("Via: SIP/2.0/UDP a;received=2001:db8::1;rport=1;maddr=b", "l: 0"),
          invite("Contact: <", "l: 0"),
          invite("From: <", "l: 0"),
          invite("l: 3") + "abc\r\n\r\n",
          "SIP/2.0 999 x\r\nl: 0\r\n\r\n");

  private int read(ByteCursor bytes, int limit) {
    int count = 0;
    int at = FROM;
    while (framer.next(bytes, at, limit) == SipFramer.Step.MESSAGE) {
      if (message.read(bytes, framer.from(), framer.headEnd(), framer.end()) == null) {
        list.begin(message, SipHeader.CONTACT);
        while (list.next()) {
          count += list.uri().host().isAddress(ADDRESS) ? 2 : 1;
        }
        count += message.word().isAnswer() || message.hasSdp() ? 1 : 0;
      }
      at = framer.behind();
    }
    assertNull(framer.reason());
    return count;
  }

  @Test
  void readingAMessage_allocatesNothing() {
    ByteCursor[] cursors = new ByteCursor[TEXTS.size()];
    int[] limits = new int[cursors.length];
    for (int at = 0; at < cursors.length; at++) {
      cursors[at] = SipText.cursor(TEXTS.get(at));
      limits[at] = FROM + TEXTS.get(at).length();
    }
    assertEquals(4, read(cursors[0], limits[0]));
    long least = Long.MAX_VALUE;
    int found = 0;
    for (int round = 0; round < 6; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      before = THREADS.getCurrentThreadAllocatedBytes() - before;
      long start = THREADS.getCurrentThreadAllocatedBytes();
      for (int count = 0; count < 100; count++) {
        for (int at = 0; at < cursors.length; at++) {
          found += read(cursors[at], limits[at]);
        }
      }
      long allocated = THREADS.getCurrentThreadAllocatedBytes() - start - before;
      least = round == 0 ? least : Math.min(least, allocated); // classes are loaded in 0
    }
    assertTrue(found > 0);
    assertEquals(0, least);
  }

  /** Two framers, a message and a list: what a flow holds for reading. */
  @Test
  void whatAFlowHolds_isSmall() {
    Object[] kept = new Object[4000];
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 4; round++) {
      long start = THREADS.getCurrentThreadAllocatedBytes();
      for (int at = 0; at < kept.length; at += 2) {
        kept[at] = new SipFramer();
        kept[at + 1] = new SipFramer();
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - start);
    }
    assertTrue(least / (kept.length / 2) < 1024, least / (kept.length / 2) + " bytes a flow");
  }
}
