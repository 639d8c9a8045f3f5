package org.pinholed.helper.sip.message;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;

/** The messages of RFC 4475, as datagrams and as streams. */
class TortureTest {
  private static final Pattern HEX = Pattern.compile("<hex>(\\p{XDigit}*)</hex>");
  private static final Pattern REPEAT =
      Pattern.compile("<repeat count=(\\d+)>(.*?)</repeat>", Pattern.DOTALL);

  /** A message, and what becomes of it. */
  record Torture(
      String name, String datagram, String stream, boolean sdp, String contacts, String text) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Torture> messages() {
    List<Torture> messages = new ArrayList<>();
    for (String part : SipText.resource("rfc4475.txt").split("(?m)^=== ", -1)) {
      String[] fields = part.substring(0, part.indexOf('\n')).split(" *\\| ?", -1);
      if (fields.length == 6) {
        messages.add(
            new Torture(
                fields[0],
                fields[2],
                fields[3],
                fields[4].equals("sdp"),
                fields[5],
                decode(part.substring(part.indexOf('\n') + 1))));
      }
    }
    return messages;
  }

  private static String decode(String text) {
    String crlf = text.replace("\n", "\r\n");
    String repeated = REPEAT.matcher(crlf).replaceAll(found -> quoted(found, found.group(2)));
    return HEX.matcher(repeated)
        .replaceAll(
            found ->
                Matcher.quoteReplacement(
                    new String(HexFormat.of().parseHex(found.group(1)), ISO_8859_1)));
  }

  private static String quoted(MatchResult found, String text) {
    return Matcher.quoteReplacement(text.repeat(Integer.parseInt(found.group(1))));
  }

  @Test
  void allOfThemAreThere() {
    assertEquals(49, messages().size());
  }

  @ParameterizedTest
  @MethodSource("messages")
  void asADatagram(Torture torture) {
    SipMessage message = new SipMessage();
    int limit = FROM + torture.text().length();
    @Nullable SipReason reason = message.readDatagram(SipText.cursor(torture.text()), FROM, limit);
    assertEquals(torture.datagram(), reason == null ? "read" : reason.name());
    if (reason == null) {
      assertRead(torture, message);
    }
  }

  private static void assertRead(Torture torture, SipMessage message) {
    assertEquals(torture.sdp(), message.hasSdp());
    if (torture.sdp()) {
      Span sdp = new Span();
      sdp.set(message.cursor(), message.sdpStart(), message.sdpEnd());
      assertTrue(sdp.text().startsWith("v=0\r\n") && sdp.text().endsWith("\r\n"), sdp.text());
    }
    UriList list = new UriList().begin(message, SipHeader.CONTACT);
    List<String> contacts = new ArrayList<>();
    while (list.next()) {
      contacts.add(list.uri().text());
    }
    if (list.problem() != null) {
      contacts.add(Objects.requireNonNull(list.problem()).name());
    }
    assertEquals(torture.contacts(), String.join(" ", contacts));
  }

  @ParameterizedTest
  @MethodSource("messages")
  void asAStream(Torture torture) {
    SipFramer framer = new SipFramer();
    SipMessage message = new SipMessage();
    int at = FROM;
    int limit = FROM + torture.text().length();
    List<String> steps = new ArrayList<>();
    SipFramer.Step step;
    while ((step = framer.next(SipText.cursor(torture.text()), at, limit))
        == SipFramer.Step.MESSAGE) {
      steps.add("message");
      @Nullable SipReason reason =
          message.read(
              SipText.cursor(torture.text()), framer.from(), framer.headEnd(), framer.end());
      if (steps.size() == 1) {
        assertEquals(torture.datagram(), reason == null ? "read" : reason.name());
      }
      at = framer.behind();
    }
    if (framer.mayMatter()) {
      steps.add("more");
    } else if (step != SipFramer.Step.NEED_MORE) {
      steps.add(Objects.requireNonNull(framer.reason()).name());
    }
    assertEquals(torture.stream(), String.join(" ", steps));
  }

  /** Whatever is cut off: nothing throws, and nothing is read outside of what there is. */
  @ParameterizedTest
  @MethodSource("messages")
  void eachBeginning_isReadSafely(Torture torture) {
    SipMessage message = new SipMessage();
    UriList list = new UriList();
    for (int length = 0; length < torture.text().length(); length++) {
      String text = torture.text().substring(0, length);
      if (message.readDatagram(SipText.cursor(text), FROM, FROM + length) == null) {
        list.begin(message, SipHeader.CONTACT);
        while (list.next()) {
          assertTrue(list.entry().to() <= FROM + length);
        }
      }
    }
  }
}
