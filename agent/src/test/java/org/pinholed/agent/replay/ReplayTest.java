package org.pinholed.agent.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.replay.capture.CaptureWriter;

/** Captures are decided on as the agent would have done it. */
class ReplayTest {
  private static final Path CONVERSATIONS =
      Path.of("..", "helpers/src/test/resources/org/pinholed/helper/dcerpc/cases");

  private static final InetSocketAddress CLIENT = new InetSocketAddress("192.0.2.10", 40_000);
  private static final InetSocketAddress SERVER = new InetSocketAddress("198.51.100.7", 21);
  private static final List<String> TRANSFERRED = List.of("created 227", "matched 227");

  private static InetSocketAddress at(InetSocketAddress host, int port) {
    return new InetSocketAddress(host.getAddress(), port);
  }

  static Talk passive() {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    control.client("PASV\r\n").server("227 Passive (198,51,100,7,117,48)\r\n");
    talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open().server("data").close();
    control.close();
    return talk;
  }

  static Stream<CaptureWriter> files() {
    List<CaptureWriter> files = new ArrayList<>();
    for (CaptureWriter.Format format : CaptureWriter.Format.values()) {
      for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
        files.add(new CaptureWriter(format, order, CaptureWriter.ETHERNET));
      }
    }
    ByteOrder order = ByteOrder.LITTLE_ENDIAN;
    for (int linkType : new int[] {CaptureWriter.RAW, CaptureWriter.SLL, CaptureWriter.SLL2}) {
      files.add(new CaptureWriter(CaptureWriter.Format.PCAP, order, linkType));
    }
    for (int linkType : new int[] {CaptureWriter.ETHERNET, CaptureWriter.SLL, CaptureWriter.SLL2}) {
      files.add(new CaptureWriter(CaptureWriter.Format.PCAP, order, linkType, 0x8100));
      files.add(new CaptureWriter(CaptureWriter.Format.PCAPNG, order, linkType, 0x88a8, 0x8100));
    }
    return files.stream();
  }

  @ParameterizedTest
  @MethodSource("files")
  void passiveTransfer_inEveryFile_isOpenedAndMatched(CaptureWriter file) throws IOException {
    ReplayBench bench = ReplayBench.of(passive().captured(file));
    assertEquals(TRANSFERRED, bench.words());
    assertEquals(Map.of("ftp", 1L), bench.totals().controlFlows());
    assertEquals(1, bench.totals().matched());
    assertEquals(0, bench.totals().unused() + bench.totals().waiting());
    assertEquals("", bench.damage());
    Decision created = bench.decisions().get(0);
    assertEquals("198.51.100.7:30000", String.valueOf(created.destination()));
    assertEquals(10, created.packet());
    assertEquals(Talk.BEGAN_MICROS + 900, created.epochMicros());
  }

  /** Who came cannot be told then, and must not be counted as nobody. */
  @Test
  void captureOfControlPortsAlone_saysThatItCannotTellWhoCame() throws IOException {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    control.client("PASV\r\n").server("227 Passive (198,51,100,7,117,48)\r\n").close();
    assertEquals(
        "needed a pinhole  not known, since the capture has nothing but control connections",
        needed(ReplayBench.of(talk)));
    assertEquals(
        "needed a pinhole  1 connection came by one, 0 found none",
        needed(ReplayBench.of(passive())));
  }

  private static String needed(ReplayBench bench) {
    return ReplayText.summary(bench.replay(), bench.totals(), bench.damage()).stream()
        .filter(line -> line.startsWith("needed a pinhole"))
        .findFirst()
        .orElse("");
  }

  @Test
  void ipv6_isOpenedAndMatched() throws IOException {
    InetSocketAddress client = new InetSocketAddress("2001:db8::10", 40_000);
    InetSocketAddress server = new InetSocketAddress("2001:db8:1::7", 21);
    Talk talk = new Talk();
    talk.tcp(client, server).login().client("EPSV\r\n").server("229 Extended (|||30000|)\r\n");
    talk.tcp(at(client, 40_001), at(server, 30_000)).open();
    assertEquals(List.of("created 229", "matched 229"), ReplayBench.of(talk).words());
  }

  @Test
  void byteByByte_andSentTwice_isOpenedOnce() throws IOException {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    control.client("PASV\r\n").serverByBytes("227 Passive (198,51,100,7,117,48)\r\n");
    Talk twice = new Talk();
    talk.all().forEach(each -> twice.send(each.ip()).send(each.ip()));
    assertEquals(List.of("created 227"), ReplayBench.of(twice).words());
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3", "4", "5", "6"})
  void segmentsInAnyOrder_areReadInTheirs(long seed) throws IOException {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    control.client("PASV\r\n");
    int from = talk.all().size();
    control.serverByBytes("227 Passive (198,51,100,7,117,48)\r\n");
    talk.mixUp(from, 12, seed);
    assertEquals(List.of("created 227"), ReplayBench.of(talk).words());
  }

  @Test
  void activeTransfer_opensForTheServer() throws IOException {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    control.client("PORT 192,0,2,10,117,48\r\n").server("200 PORT\r\n");
    talk.tcp(at(SERVER, 20), at(CLIENT, 30_000)).open();
    assertEquals(List.of("created PORT", "matched PORT"), ReplayBench.of(talk).words());
  }

  @Test
  void portOfAnotherHost_isRefused_andWhoComesThereFindsNoPinhole() throws IOException {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    control.client("PORT 192,0,2,77,117,48\r\n").server("200 PORT\r\n");
    talk.tcp(at(SERVER, 20), new InetSocketAddress("192.0.2.77", 30_000)).open();
    ReplayBench bench = ReplayBench.of(talk);
    assertEquals("refused addressNotAnnouncer", bench.words().get(0));
    assertEquals(Map.of("addressNotAnnouncer", 1L), bench.totals().refused());
    assertEquals(0, bench.totals().opened());
  }

  @Nested
  class InItsTime {
    private Talk announced() {
      Talk talk = new Talk();
      talk.tcp(CLIENT, SERVER)
          .login()
          .client("PASV\r\n")
          .server("227 Passive (198,51,100,7,117,48)\r\n");
      return talk;
    }

    @Test
    void aChildThatComesTooLate_findsNoPinhole() throws IOException {
      Talk talk = announced().after(31_000);
      talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
      ReplayBench bench = ReplayBench.of(talk);
      assertEquals(List.of("created 227", "expired 227", "noPinhole expired"), bench.words());
      assertEquals(1, bench.totals().withoutPinhole());
      assertEquals(1, bench.totals().unused());
      long expired = bench.decisions().get(1).epochMicros() - Talk.BEGAN_MICROS;
      assertTrue(expired >= 30_000_000 && expired < 31_000_000, () -> "after " + expired);
    }

    @Test
    void aChildJustInTime_isMatched() throws IOException {
      Talk talk = announced().after(29_000);
      talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
      assertEquals(TRANSFERRED, ReplayBench.of(talk).words());
    }

    @Test
    void theSecondOfTwoChildren_findsNoPinhole() throws IOException {
      Talk talk = announced();
      talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
      talk.tcp(at(CLIENT, 40_002), at(SERVER, 30_000)).open();
      assertEquals(
          List.of("created 227", "matched 227", "noPinhole matched"), ReplayBench.of(talk).words());
    }

    @Test
    void aParentThatEnds_takesItsPinholeWithIt() throws IOException {
      Talk talk = new Talk();
      talk.tcp(CLIENT, SERVER)
          .login()
          .client("PASV\r\n")
          .server("227 Passive (198,51,100,7,117,48)\r\n")
          .close();
      talk.after(1000).tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
      assertEquals(
          List.of("created 227", "parentClosed 227", "noPinhole parentClosed"),
          ReplayBench.of(talk).words());
    }

    @Test
    void timeThatGoesBack_isCounted_andEndsNothing() throws IOException {
      Talk talk = announced().after(-20_000);
      talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
      ReplayBench bench = ReplayBench.of(talk);
      assertEquals(TRANSFERRED, bench.words());
      assertEquals(3, bench.replay().back());
    }

    @Test
    void timesThatJumpAgainAndAgain_costSoMuchAndNoMore() throws IOException {
      Talk talk = new Talk();
      Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
      for (int i = 0; i < 3000; i++) {
        talk.after(3_500_000);
        control.client("NOOP\r\n");
      }
      ReplayBench bench = ReplayBench.of(talk);
      assertTrue(bench.replay().leaps() > 1000, () -> bench.replay().leaps() + " leaps");
      assertEquals(0, ReplayBench.of(announced().after(3_500_000)).replay().leaps());
    }

    @Test
    void aSilenceOfAMonth_isGoneThrough() throws IOException {
      Talk talk = announced().after(30L * 24 * 3600 * 1000);
      talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
      assertEquals("expired 227", ReplayBench.of(talk).words().get(1));
    }
  }

  @Nested
  class Incomplete {
    @Test
    void captureThatBeginsInMidStream_isNotRead() throws IOException {
      Talk talk = passive();
      talk.all().subList(0, 5).clear();
      ReplayBench bench = ReplayBench.of(talk);
      assertEquals(List.of("opaque midStream", "noPinhole midStream"), bench.words());
    }

    @Test
    void captureThatBeginsWithTheAnswerToTheSyn_isRead() throws IOException {
      Talk talk = passive();
      talk.all().remove(0);
      assertEquals(TRANSFERRED, ReplayBench.of(talk).words());
    }

    @Test
    void everyCut_countsWhatCameBefore() throws IOException {
      byte[] whole = passive().captured(CaptureWriter.usual());
      int opened = 0;
      for (int length = 24; length < whole.length; length++) {
        ReplayBench bench = ReplayBench.of(Arrays.copyOf(whole, length));
        opened += (int) bench.totals().opened();
        assertTrue(bench.damage().isEmpty() || bench.damage().contains("at offset"), bench::damage);
      }
      assertTrue(opened > 100, "cuts behind the announcement opened it: " + opened);
    }

    @Test
    void packetsCutByTheSnapLength_areCounted() throws IOException {
      CaptureWriter writer = CaptureWriter.usual();
      for (Talk.Sent each : passive().all()) {
        byte[] frame = writer.frame(each.ip());
        int kept = Math.min(frame.length, 60);
        writer.add(each.epochMicros(), Arrays.copyOf(frame, kept), frame.length);
      }
      ReplayBench bench = ReplayBench.of(writer.bytes());
      assertEquals(0, bench.totals().opened());
      assertTrue(
          bench.replay().skipped().getOrDefault("truncated", 0L) >= 6,
          bench.replay().skipped()::toString);
    }
  }

  @Nested
  class Fragmented {
    private static final InetSocketAddress PHONE = new InetSocketAddress("198.51.100.10", 5062);
    private static final InetSocketAddress PROXY = new InetSocketAddress("203.0.113.10", 5060);
    private static final String SIP =
        "helpers: [{id: 1, name: sip, protocol: udp, port: 5060, options: {media: any}}]";

    private static String invite() {
      String sdp =
          String.join(
              "\r\n",
              "v=0",
              "o=- 1 1 IN IP4 198.51.100.10",
              "s=-",
              "c=IN IP4 198.51.100.10",
              "t=0 0",
              "m=audio 4000 RTP/AVP 0",
              "");
      return String.join(
          "\r\n",
          "INVITE sip:bob@203.0.113.10 SIP/2.0",
          "Via: SIP/2.0/UDP 198.51.100.10:5062;branch=z9hG4bK1",
          "From: <sip:a@example.com>;tag=f",
          "To: <sip:b@example.com>",
          "Call-ID: c1",
          "CSeq: 1 INVITE",
          "Contact: <sip:a@198.51.100.10:5062>",
          "Content-Type: application/sdp",
          "Content-Length: " + sdp.length(),
          "",
          sdp);
    }

    private void assertOpensMedia(Talk talk) throws IOException {
      Set<String> opened = new TreeSet<>();
      for (Decision each : ReplayBench.of(talk, SIP).decisions()) {
        assertEquals("created", each.word());
        opened.add(String.valueOf(each.destination()));
      }
      assertTrue(
          opened.containsAll(List.of("198.51.100.10:4000", "198.51.100.10:4001")),
          opened::toString);
    }

    /** As with {@code tcpdump -i any} on the router that forwards them. */
    @ParameterizedTest
    @ValueSource(ints = {CaptureWriter.SLL, CaptureWriter.SLL2})
    void eachPacketAsItCameAndAsItLeft_isReadOnce(int linkType) throws IOException {
      Talk talk = new Talk();
      talk.send(PacketBuilder.udp(PHONE, PROXY).payload(invite()));
      talk.send(PacketBuilder.udp(PHONE, PROXY).payload(invite())); // sent again by the phone
      CaptureWriter writer =
          new CaptureWriter(CaptureWriter.Format.PCAP, ByteOrder.LITTLE_ENDIAN, linkType);
      for (Talk.Sent each : talk.all()) {
        writer.add(each.epochMicros(), each.ip());
        byte[] left = each.ip().clone();
        left[8]--; // hops to go
        left[10]++; // the checksum over them
        writer.add(each.epochMicros() + 50, left);
      }
      ReplayBench bench = ReplayBench.of(writer.bytes(), SIP);
      assertEquals(Map.of("copy", 2L), bench.replay().skipped());
      assertEquals(2, bench.replay().readable());
      assertEquals(ReplayBench.of(talk, SIP).words(), bench.words());
    }

    @Test
    void datagramInOnePiece_opensMedia() throws IOException {
      Talk talk = new Talk();
      talk.send(PacketBuilder.udp(PHONE, PROXY).payload(invite()));
      assertOpensMedia(talk);
    }

    @ParameterizedTest
    @CsvSource({"0 1 2", "2 1 0", "1 0 2", "0 0 1 1 2 2"})
    void datagramInPieces_opensTheSame(String order) throws IOException {
      byte[] whole = PacketBuilder.udp(PHONE, PROXY).payload(invite()).build();
      Talk talk = new Talk();
      for (String piece : order.split(" ", -1)) {
        int from = Integer.parseInt(piece) * 160;
        int to = piece.equals("2") ? whole.length - 20 : from + 160;
        byte[] fragment = new byte[20 + to - from];
        System.arraycopy(whole, 0, fragment, 0, 20);
        System.arraycopy(whole, 20 + from, fragment, 20, to - from);
        fragment[2] = (byte) (fragment.length >> 8);
        fragment[3] = (byte) fragment.length;
        fragment[6] = (byte) (piece.equals("2") ? 0 : 0x20);
        fragment[7] = (byte) (from / 8);
        talk.send(fragment);
      }
      assertOpensMedia(talk);
    }
  }

  /** The conversations of the helper's own tests, of which each says what it opens. */
  @ParameterizedTest
  @CsvSource({
    "01-map-two-towers, 49667 49676",
    "02-map-samba-ad, 49154",
    "03-map-big-endian-fragments, 50028",
    "04-map-ndr64, 50018 50019",
    "05-activation-signed, 49700",
    "06-activation-sealed, ''",
    "07-resolve-oxid, 51017"
  })
  void conversationsOfDceRpc_openWhatTheySay(String name, String ports) throws IOException {
    String text = conversation(name);
    InetSocketAddress client = endpoint(text, "client", "198.51.100.9", 40_000);
    InetSocketAddress server = endpoint(text, "server", "203.0.113.10", 135);
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(client, server).open();
    for (String message : text.split("\n(?=[<>])", -1)) {
      if (message.startsWith(">") || message.startsWith("<")) {
        String bytes = new String(hex(message), StandardCharsets.ISO_8859_1);
        if (message.startsWith(">")) {
          control.client(bytes);
        } else {
          control.server(bytes);
        }
      }
    }
    ReplayBench bench =
        ReplayBench.of(talk, "helpers: [{id: 1, name: dcerpc, protocol: tcp, port: 135}]");
    List<String> opened =
        bench.decisions().stream()
            .filter(each -> each.word().equals("created"))
            .map(each -> String.valueOf(Objects.requireNonNull(each.destination()).port()))
            .distinct()
            .sorted()
            .toList();
    assertEquals(ports, String.join(" ", opened), bench.words()::toString);
  }

  @Test
  void datagramsOfDceRpc_openWhatTheySay() throws IOException {
    String text = conversation("08-map-udp");
    InetSocketAddress client = endpoint(text, "client", "198.51.100.9", 40_000);
    InetSocketAddress server = endpoint(text, "server", "203.0.113.10", 135);
    Talk talk = new Talk();
    for (String message : text.split("\n(?=[<>])", -1)) {
      if (message.startsWith(">") || message.startsWith("<")) {
        String bytes = new String(hex(message), StandardCharsets.ISO_8859_1);
        talk.send(
            message.startsWith(">")
                ? PacketBuilder.udp(client, server).payload(bytes)
                : PacketBuilder.udp(server, client).payload(bytes));
      }
    }
    talk.send(PacketBuilder.udp(client, at(server, 52_001)).payload("asked"));
    ReplayBench bench =
        ReplayBench.of(talk, "helpers: [{id: 1, name: dcerpc, protocol: udp, port: 135}]");
    assertEquals(
        List.of("created", "matched"),
        bench.decisions().stream().map(Decision::word).toList(),
        bench.words()::toString);
    assertEquals("203.0.113.10:52001", String.valueOf(bench.decisions().get(0).destination()));
  }

  private static String conversation(String name) throws IOException {
    return Files.readString(CONVERSATIONS.resolve(name + ".txt"));
  }

  private static InetSocketAddress endpoint(String text, String who, String otherwise, int port) {
    Matcher found = Pattern.compile(who + " ([0-9a-f.:]+[0-9a-f])").matcher(text);
    return new InetSocketAddress(found.find() ? found.group(1) : otherwise, port);
  }

  private static byte[] hex(String message) {
    StringBuilder digits = new StringBuilder();
    for (String line : message.lines().toList()) {
      if (line.matches("[0-9a-f]{4}  .*")) {
        digits.append(line.substring(6, line.indexOf('|')).replace(" ", ""));
      }
    }
    return HexFormat.of().parseHex(digits);
  }

  @Test
  void twoConfigurations_differWhereTheyDecideOtherwise() throws IOException {
    List<String> differences = new ArrayList<>();
    ReplayDifferences comparison =
        new ReplayDifferences((side, decision) -> differences.add(side + " " + decision.word()));
    Replay replay = new Replay(ReplayBench.PROTOCOLS);
    replay.add(ReplayBench.config(""), comparison::first);
    replay.add(ReplayBench.config("helpers: []"), comparison::second);
    replay.setStepDone(comparison::compare);
    replay.run(ReplayBench.reader(passive().captured(CaptureWriter.usual())));
    assertEquals(List.of("FIRST created", "FIRST matched"), differences);
    assertEquals(List.of(1L, 0L), replay.totals().stream().map(ReplayTotals::opened).toList());
  }

  @Test
  void twiceTheSameConfiguration_differsNowhere() throws IOException {
    ReplayDifferences comparison = new ReplayDifferences((side, decision) -> {});
    Replay replay = new Replay(ReplayBench.PROTOCOLS);
    replay.add(ReplayBench.config(""), comparison::first);
    replay.add(ReplayBench.config(""), comparison::second);
    replay.setStepDone(comparison::compare);
    replay.run(ReplayBench.reader(passive().captured(CaptureWriter.usual())));
    assertEquals(0, comparison.count());
  }

  @Test
  void moreConnectionsThanThereIsRoomFor_leaveControlConnectionsAlone() throws IOException {
    Talk talk = new Talk();
    Talk.Tcp control = talk.tcp(CLIENT, SERVER).login();
    for (int i = 0; i < MemoryConntrack.MOST_FLOWS + 10; i++) {
      InetSocketAddress stranger =
          new InetSocketAddress("198.18." + (i >> 8 & 0xff) + "." + (i & 0xff), 1024 + (i >> 16));
      talk.send(PacketBuilder.tcp(stranger, at(SERVER, 443)).flags(PacketView.SYN));
    }
    control.client("PASV\r\n").server("227 Passive (198,51,100,7,117,48)\r\n");
    talk.tcp(at(CLIENT, 40_001), at(SERVER, 30_000)).open();
    ReplayBench bench = ReplayBench.of(talk);
    assertEquals(TRANSFERRED, bench.words());
    assertTrue(bench.totals().evicted() > 0);
  }
}
