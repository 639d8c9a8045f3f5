package org.pinholed.agent.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.view.EndpointRow;

/** Captures of SIP: the cases of the helper's own tests, on either side of a router. */
class ReplayedSipTest {
  private static final Path RESOURCES =
      Path.of("..", "helpers/src/test/resources/org/pinholed/helper/sip");
  private static final String OVER_UDP = "helpers: [{id: 1, name: sip, protocol: udp, port: 5060}]";
  private static final String OVER_TCP = "helpers: [{id: 1, name: sip, protocol: tcp, port: 5060}]";

  private static final InetSocketAddress PHONE = new InetSocketAddress("198.51.100.10", 5062);
  private static final InetSocketAddress INSIDE = new InetSocketAddress("192.0.2.10", 5062);
  private static final InetSocketAddress OUTSIDE = new InetSocketAddress("203.0.113.1", 5062);
  private static final InetSocketAddress SERVER = new InetSocketAddress("203.0.113.10", 5060);

  private static final Pattern NUMBER = Pattern.compile("CSeq (\\d+)");
  private static final Pattern TO_TAG = Pattern.compile("To tag (\\w+)");
  private static final Pattern SDP = Pattern.compile("SDP \\S+:(\\d+)");

  private static String text(String file) throws IOException {
    return Files.readString(RESOURCES.resolve(file), StandardCharsets.ISO_8859_1);
  }

  /** What is open after the last packet; signalling is not told. */
  private static Set<String> open(ReplayBench bench) {
    Map<Long, EndpointRow> open = new LinkedHashMap<>();
    for (Decision each : bench.decisions()) {
      EndpointRow to = each.destination();
      if (each.word().equals("created") && to != null && to.port() != 5060 && to.port() != 5062) {
        open.put(each.expectationId(), to);
      } else if (!each.word().equals("matched")) {
        open.remove(each.expectationId());
      }
    }
    Set<String> texts = new TreeSet<>();
    open.values().forEach(each -> texts.add(each.toString()));
    return texts;
  }

  private static Talk datagrams(InetSocketAddress phone, String request, String answer) {
    return new Talk()
        .send(PacketBuilder.udp(phone, SERVER).payload(request))
        .send(PacketBuilder.udp(SERVER, phone).payload(answer));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void call_onBothSidesOfAMasquerade_opensWhatStandsInIt(boolean inside) throws IOException {
    String folder = "cases/1-masquerade-invite/";
    Talk talk =
        inside
            ? datagrams(INSIDE, text(folder + "in.sip"), text(folder + "answer-out.sip"))
            : datagrams(OUTSIDE, text(folder + "out.sip"), text(folder + "answer-in.sip"));
    String phone = (inside ? INSIDE : OUTSIDE).getAddress().getHostAddress();
    ReplayBench bench = ReplayBench.of(talk, OVER_UDP);
    assertEquals(
        Set.of(phone + ":4000", phone + ":4001", "203.0.113.10:6000", "203.0.113.10:6001"),
        open(bench),
        bench.words()::toString);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void registration_isOpenForTheTimeGranted(boolean inside) throws IOException {
    String folder = "cases/2-register/";
    InetSocketAddress phone = inside ? INSIDE : OUTSIDE;
    Talk talk =
        inside
            ? datagrams(phone, text(folder + "request-in.sip"), text(folder + "answer-out.sip"))
            : datagrams(phone, text(folder + "request-out.sip"), text(folder + "answer-in.sip"));
    InetSocketAddress other = new InetSocketAddress(SERVER.getAddress(), 7777);
    InetSocketAddress late = new InetSocketAddress(SERVER.getAddress(), 7778);
    InetSocketAddress stranger = new InetSocketAddress("203.0.113.11", 5060);
    talk.after(100_000).send(PacketBuilder.udp(other, phone).payload("x"));
    talk.send(PacketBuilder.udp(stranger, phone).payload("x"));
    talk.after(30_000).send(PacketBuilder.udp(late, phone).payload("x"));
    ReplayBench bench = ReplayBench.of(talk, OVER_UDP);
    List<String> words = bench.decisions().stream().map(Decision::word).toList();
    assertEquals(1, words.stream().filter("matched"::equals).count(), bench.words()::toString);
    assertEquals(1, words.stream().filter("created"::equals).count(), bench.words()::toString);
    int expired = words.indexOf("expired");
    assertTrue(expired > words.indexOf("matched"), bench.words()::toString);
    long lastedMicros =
        bench.decisions().get(expired).epochMicros() - bench.decisions().get(0).epochMicros();
    assertTrue(lastedMicros >= 119_000_000 && lastedMicros < 125_000_000, "" + lastedMicros);
  }

  @Test
  void lengthThatLies_opensNothing_andIsNotReadFurther() throws IOException {
    byte[] stream = Files.readAllBytes(RESOURCES.resolve("cases/3-fake-length/stream.bin"));
    Talk talk = new Talk();
    talk.tcp(PHONE, SERVER).open().client(new String(stream, StandardCharsets.ISO_8859_1));
    ReplayBench bench = ReplayBench.of(talk, OVER_TCP);
    assertFalse(bench.words().stream().anyMatch(word -> word.startsWith("created")));
    assertTrue(
        bench.words().stream().anyMatch(word -> word.startsWith("malformed ")),
        bench.words()::toString);
  }

  @Test
  void invite_cutAnywhere_opensTheSame() throws IOException {
    String invite = text("cases/4-tcp-cuts/in.sip");
    for (int cut = 0; cut < invite.length(); cut += 7) {
      Talk talk = new Talk();
      Talk.Tcp control = talk.tcp(INSIDE, SERVER).open();
      if (cut > 0) {
        control.client(invite.substring(0, cut));
      }
      control.client(invite.substring(cut));
      ReplayBench bench = ReplayBench.of(talk, OVER_TCP);
      assertEquals(Set.of("192.0.2.10:4000", "192.0.2.10:4001"), open(bench), "cut at " + cut);
    }
  }

  /** Messages of one call, as the tables write them. */
  private static final class Call {
    private final Talk talk = new Talk();
    private String toTag = "";
    private int number = 1;
    private String method = "";

    private static String sdp(String host, String media) {
      StringBuilder sdp = new StringBuilder("v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\n");
      Matcher other = Pattern.compile(" with c= (\\S+)").matcher(media);
      sdp.append("c=IN IP4 ").append(other.find() ? other.group(1) : host).append("\r\nt=0 0\r\n");
      for (String line : media.replaceFirst(" with .*", "").split("[,;] ", -1)) {
        sdp.append(line);
        if (line.matches("m=(audio|video) \\d+")) {
          sdp.append(line.startsWith("m=audio") ? " RTP/AVP 0" : " RTP/AVP 31");
        }
        sdp.append("\r\n");
      }
      return sdp.toString();
    }

    private void say(boolean phone, String first, int cseq, String of, String more, String body) {
      InetSocketAddress from = phone ? PHONE : SERVER;
      String message =
          String.join(
              "\r\n",
              first,
              "Via: SIP/2.0/UDP 198.51.100.10:5062;branch=z9hG4bK" + of + cseq,
              "Max-Forwards: 70",
              "From: <sip:a@example.com>;tag=f",
              "To: <sip:b@example.com>" + (toTag.isEmpty() ? "" : ";tag=" + toTag),
              "Call-ID: call-1",
              "CSeq: " + cseq + " " + of,
              "Contact: <sip:x@" + from.getAddress().getHostAddress() + ":" + from.getPort() + ">",
              more + "Content-Type: application/sdp",
              "Content-Length: " + body.length(),
              "",
              body);
      talk.send(PacketBuilder.udp(from, phone ? SERVER : PHONE).payload(message));
    }

    private void request(String what, String more, String body) {
      method = what;
      say(true, what + " sip:b@203.0.113.10 SIP/2.0", number, what, more, body);
    }

    private void answer(int status, String body) {
      if (toTag.isEmpty()) {
        toTag = "t";
      }
      say(false, "SIP/2.0 " + status + " Word", number, method, "", body);
    }

    /**
     * A message as a table of steps has it, such as {@code 200, To tag two, SDP 192.0.2.1:6000}.
     */
    private void step(boolean phone, String text) {
      Matcher tag = TO_TAG.matcher(text);
      if (tag.find()) {
        toTag = tag.group(1);
      }
      Matcher media = SDP.matcher(text);
      String host = phone ? "198.51.100.10" : "203.0.113.10";
      String body = media.find() ? sdp(host, "m=audio " + media.group(1)) : "";
      String word = text.split("[, ]", 2)[0];
      if (!phone) {
        answer(Integer.parseInt(word), body);
        return;
      }
      Matcher told = NUMBER.matcher(text);
      if (told.find()) {
        number = Integer.parseInt(told.group(1));
      } else if (word.equals("BYE")) {
        number++;
      }
      boolean proves = text.contains("Proxy-Authorization");
      request(word, proves ? "Proxy-Authorization: Digest username=\"a\"\r\n" : "", body);
      if (text.endsWith("; 200")) {
        answer(200, "");
      }
    }

    private Set<String> open() throws IOException {
      return ReplayedSipTest.open(ReplayBench.of(talk, OVER_UDP));
    }
  }

  /** The ports of two cells: what is open to the phone, and what to the server's side. */
  private static Set<String> cells(String phone, String server) {
    Set<String> open = new TreeSet<>();
    addPorts(phone, "198.51.100.10:", open);
    addPorts(server, "203.0.113.10:", open);
    return open;
  }

  private static void addPorts(String cell, String host, Set<String> into) {
    Matcher port = Pattern.compile("\\d+").matcher(cell.split("[(;]", 2)[0]);
    while (port.find()) {
      into.add(host + port.group());
    }
  }

  @ParameterizedTest
  @CsvSource({"byeChallenged", "forked"})
  void stepsOfACall_openAndShutWhatTheySay(String name) throws IOException {
    Call call = new Call();
    List<String> rows = text("call/" + name + ".tsv").lines().skip(1).toList();
    for (String row : rows) {
      String[] cells = row.split("\t", -1);
      call.step(cells[0].startsWith("phone"), cells[1]);
      assertEquals(cells(cells[2], cells[3]), call.open(), row);
    }
  }

  static Stream<String> offersAndAnswers() throws IOException {
    return text("call/offersAndAnswers.tsv").lines().skip(1);
  }

  @ParameterizedTest
  @MethodSource("offersAndAnswers")
  void offerAndAnswer_openWhatTheySay(String row) throws IOException {
    String[] cells = row.split("\t", -1);
    Matcher again = Pattern.compile(", then re-INVITE (.*) answered (\\d+)").matcher(cells[0]);
    boolean isAgain = again.find();
    String offer = isAgain ? cells[0].substring(0, again.start()) : cells[0];
    String answer = cells[1].equals("-") ? "m=audio 6000" : cells[1];
    Call call = new Call();
    String host = "203.0.113.10";
    call.request("INVITE", "", Call.sdp("198.51.100.10", offer.replaceFirst(" \\(.*", "")));
    call.answer(200, Call.sdp(host, answer));
    call.request("ACK", "", "");
    if (isAgain) {
      call.number++;
      call.request("INVITE", "", Call.sdp("198.51.100.10", again.group(1)));
      int status = Integer.parseInt(again.group(2));
      call.answer(status, status == 200 ? Call.sdp(host, answer) : "");
      call.request("ACK", "", "");
    }
    assertEquals(cells(cells[2], cells[3]), call.open());
  }
}
