package org.pinholed.helper.sip.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.call.CallBench.PHONE;
import static org.pinholed.helper.sip.call.CallBench.SERVER;
import static org.pinholed.helper.sip.call.CallBench.address;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.pinholed.helper.sip.sdp.SdpDescription;
import org.pinholed.helper.sip.words.SipWord;

/** The tables of right results: a BYE that is refused first, forks, offers and answers. */
class CallTablesTest {
  private static final Pattern SDP = Pattern.compile("SDP ([0-9.]+):([0-9]+)");
  private static final Pattern CSEQ = Pattern.compile("CSeq ([0-9]+)");
  private static final Pattern TO_TAG = Pattern.compile("To tag ([a-z]+)");
  private static final Pattern PORT = Pattern.compile("[0-9]{4,5}");

  private final CallBench bench = new CallBench();
  private final CallBench.Talk flow = bench.flow(CallBench.routed(PHONE, SERVER));

  private static List<String[]> rows(String name) throws IOException {
    try (InputStream in = CallTablesTest.class.getResourceAsStream(name)) {
      String text =
          new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
      List<String[]> rows = new ArrayList<>();
      text.lines().skip(1).forEach(line -> rows.add(line.split("\t", -1)));
      return rows;
    }
  }

  @Test
  void byeThatIsRefusedFirst() throws IOException {
    List<String[]> rows = rows("byeChallenged.tsv");
    assertEquals(7, rows.size());
    rows.forEach(this::step);
    assertEquals(
        Set.of(
            SERVER + " > " + PHONE + ":4000",
            SERVER + " > " + PHONE + ":4001",
            PHONE + " > " + SERVER + ":6000",
            PHONE + " > " + SERVER + ":6001"),
        bench.model.cut());
    assertTrue(bench.model.groups().isEmpty());
  }

  @Test
  void twoEarlyDialogs_theSecondAnswers() throws IOException {
    List<String[]> rows = rows("forked.tsv");
    assertEquals(6, rows.size());
    rows.forEach(this::step);
    assertTrue(bench.model.groups().isEmpty());
  }

  /** One row: a message, perhaps its answer, and what is open then. */
  private void step(String[] row) {
    boolean fromPhone = row[0].equals("phone>");
    String message = row[1];
    boolean forked = message.contains("To tag") || message.contains("From tag");
    long cseq = longIn(CSEQ, message, lastCseq);
    String to = message.contains("no To tag") ? "" : textIn(TO_TAG, message, forked ? "two" : "t");
    if (message.startsWith("INVITE")) {
      to = "";
    }
    lastCseq = cseq;
    String word = message.split("[ ,]", 2)[0];
    if (Character.isDigit(word.charAt(0))) {
      boolean ofBye = message.contains("to BYE");
      CallBench.Say answer =
          fromPhone
              ? flow.clientAnswers(Integer.parseInt(word), SipWord.BYE)
              : flow.serverAnswers(Integer.parseInt(word), ofBye ? SipWord.BYE : SipWord.INVITE);
      answer.cseq(cseq).tags("f", to).sdp(sdpIn(message)).say();
    } else {
      flow.client(SipWord.valueOf(word)).cseq(cseq).tags("f", to).sdp(sdpIn(message)).say();
      if (message.endsWith("; 200")) {
        flow.serverAnswers(200, SipWord.valueOf(word)).cseq(cseq).tags("f", to).say();
      }
    }
    assertEquals(ports(row[2]), bench.model.mediaPorts(address(PHONE)), message);
    assertEquals(ports(row[3]), bench.model.mediaPorts(address(SERVER)), message);
    assertEquals(List.of(), bench.model.takeReasons(), message);
  }

  private long lastCseq = 1;

  private static @Nullable SdpDescription sdpIn(String message) {
    Matcher found = SDP.matcher(message);
    return found.find() ? CallBench.audio(found.group(1), Integer.parseInt(found.group(2))) : null;
  }

  private static long longIn(Pattern pattern, String text, long otherwise) {
    Matcher found = pattern.matcher(text);
    return found.find() ? Long.parseLong(found.group(1)) : otherwise;
  }

  private static String textIn(Pattern pattern, String text, String otherwise) {
    Matcher found = pattern.matcher(text);
    return found.find() ? found.group(1) : otherwise;
  }

  private static Set<Integer> ports(String text) {
    Set<Integer> ports = new TreeSet<>();
    Matcher found = PORT.matcher(text.split("[(]", 2)[0]);
    while (found.find()) {
      ports.add(Integer.valueOf(found.group()));
    }
    return ports;
  }

  @TestFactory
  List<DynamicTest> offersAndAnswers() throws IOException {
    List<String[]> rows = rows("offersAndAnswers.tsv");
    assertEquals(11, rows.size());
    List<DynamicTest> tests = new ArrayList<>();
    for (String[] row : rows) {
      tests.add(DynamicTest.dynamicTest(row[0], () -> new CallTablesTest().offerAndAnswer(row)));
    }
    return tests;
  }

  private void offerAndAnswer(String[] row) {
    String offer = row[0].split(", then ", 2)[0];
    String answer = row[1].equals("-") ? "m=audio 6000" : row[1];
    flow.client(SipWord.INVITE).tags("f", "").sdp(description(PHONE, offer)).say();
    flow.serverAnswers(200, SipWord.INVITE).sdp(description(SERVER, answer)).say();
    flow.client(SipWord.ACK).say();
    if (row[0].contains("then re-INVITE m=audio 4020")) {
      boolean accepted = row[0].endsWith("200");
      assertTrue(accepted || row[0].endsWith("488"));
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      assertEquals(Set.of(4000, 4001, 4020, 4021), bench.model.mediaPorts(address(PHONE)));
      flow.serverAnswers(accepted ? 200 : 488, SipWord.INVITE)
          .cseq(2)
          .sdp(accepted ? description(SERVER, answer) : null)
          .say();
    }
    assertEquals(ports(row[2]), bench.model.mediaPorts(address(PHONE)));
    assertEquals(ports(row[3]), bench.model.mediaPorts(address(SERVER)));
    for (String open : bench.model.open()) {
      assertTrue(
          open.startsWith(SERVER + " > " + PHONE) || open.startsWith(PHONE + " > " + SERVER), open);
    }
    List<String> reasons = bench.model.takeReasons();
    assertEquals(row[2].contains("below 1024"), reasons.contains("portBelow1024"), row[2]);
    assertEquals(row[2].contains("not the peer"), reasons.contains("addressNotSender"), row[2]);
  }

  private static SdpDescription description(String address, String text) {
    String where = text.contains("198.51.100.11") ? "198.51.100.11" : address;
    List<String> lines = new ArrayList<>();
    for (String part : text.split("; |, ", -1)) {
      String line = part.split(" with ", 2)[0];
      lines.add(line.matches("m=[a-z]+ [0-9]+") ? line + " RTP/AVP 0" : line);
    }
    return CallBench.sdp(where, lines.toArray(String[]::new));
  }
}
