package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.testkit.Work;

/** What must hold of any bytes, for property and fuzz tests. */
final class MessageChecks {
  private static final List<SipHeader> LISTS =
      List.of(
          SipHeader.CONTACT,
          SipHeader.RECORD_ROUTE,
          SipHeader.ROUTE,
          SipHeader.PATH,
          SipHeader.REFER_TO);

  /** How often each byte may be read, of a datagram, and of a stream that comes byte by byte. */
  private static final int READS_OF_DATAGRAM = 16;

  private static final int READS_OF_STREAM = 8;
  private static final int READS_ALWAYS = 64;

  private MessageChecks() {}

  /** Reads a datagram: nothing throws, nothing is outside, and the work is linear. */
  static void datagram(String text) {
    Work work = new Work();
    ByteCursor bytes = SipText.cursor(text, work);
    SipMessage message = new SipMessage();
    int limit = FROM + text.length();
    if (message.readDatagram(bytes, FROM, limit) == null) {
      checkInside(message, limit);
    }
    assertTrue(
        work.readBytes() <= READS_ALWAYS + (long) READS_OF_DATAGRAM * text.length(),
        work.readBytes() + " bytes read of " + text.length());
  }

  private static void checkInside(SipMessage message, int limit) {
    assertTrue(message.bodyStart() <= message.bodyEnd() && message.bodyEnd() <= limit);
    assertTrue(message.sdpStart() >= message.bodyStart() && message.sdpEnd() <= limit);
    int head = message.bodyStart();
    for (Span span :
        List.of(
            message.callId(),
            message.fromTag(),
            message.toTag(),
            message.branch(),
            message.requestUri(),
            message.fromUri(),
            message.toUri(),
            message.methodText(),
            message.contentLengthDigits(),
            message.via(),
            message.via().received(),
            message.via().rport(),
            message.via().maddr(),
            message.via().portDigits())) {
      checkInside(span, FROM, head);
    }
    checkInside(message.via().host(), message.via().from(), message.via().to());
    assertEquals(message.isRequest(), message.status() == 0);
    UriList list = new UriList();
    for (SipHeader header : LISTS) {
      list.begin(message, header);
      int last = FROM;
      while (list.next()) {
        Span entry = list.entry();
        checkInside(entry, FROM, head);
        assertTrue(entry.from() >= 0 && !entry.isEmpty());
        checkInside(list.uri(), entry.from(), entry.to());
        UriView uri = list.uri();
        if (!list.isStar()) {
          for (Span part :
              List.of(uri.user(), uri.host(), uri.portDigits(), uri.transport(), uri.maddr())) {
            checkInside(part, uri.from(), uri.to());
          }
          last = entry.to();
        }
        assertTrue(last <= head);
      }
    }
    for (int line = 0; line < message.lineCount(); line++) {
      assertTrue(message.lineFrom(line) < message.behindColon(line));
      assertTrue(message.behindColon(line) <= message.valueFrom(line));
      assertTrue(message.valueFrom(line) <= message.lineTo(line));
      assertTrue(message.lineTo(line) < head);
    }
  }

  private static void checkInside(Span span, int from, int to) {
    assertTrue(span.isAbsent() || (span.from() >= from && span.to() <= to), "outside");
    assertTrue(span.from() <= span.to());
  }

  /** Reads a stream in pieces; answers what was found, with offsets from its first byte. */
  static List<String> stream(String stream, int pieceBytes) {
    Work work = new Work();
    SipFramer framer = new SipFramer();
    SipMessage message = new SipMessage();
    List<String> found = new ArrayList<>();
    int consumed = 0;
    int limit = 0;
    SipFramer.Step step = SipFramer.Step.NEED_MORE;
    while (limit < stream.length() && step == SipFramer.Step.NEED_MORE) {
      limit = Math.min(stream.length(), limit + pieceBytes);
      ByteCursor bytes = SipText.cursor(stream.substring(consumed, limit), work);
      int end = FROM + limit - consumed;
      int at = FROM;
      while ((step = framer.next(bytes, at, end)) == SipFramer.Step.MESSAGE) {
        ByteCursor uncounted = SipText.cursor(stream.substring(consumed, limit));
        @Nullable SipReason reason =
            message.read(uncounted, framer.from(), framer.headEnd(), framer.end());
        if (reason == null) {
          checkInside(message, framer.end());
        }
        found.add((consumed + framer.from()) + " " + (framer.end() - framer.from()) + " " + reason);
        at = framer.behind();
      }
      consumed += framer.behind() - FROM;
    }
    found.add(step + " " + framer.reason());
    assertTrue(
        work.readBytes() <= READS_ALWAYS + (long) READS_OF_STREAM * stream.length(),
        work.readBytes() + " bytes read of " + stream.length());
    return found;
  }

  /** The same, whatever the segments. */
  static void streams(String stream) {
    List<String> whole = stream(stream, stream.length() + 1);
    assertEquals(whole, stream(stream, 1));
    assertEquals(whole, stream(stream, 7));
  }
}
