package org.pinholed.helper.dcerpc.mapper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.dcerpc.mapper.TowerText.NETLOGON;
import static org.pinholed.helper.dcerpc.mapper.TowerText.SAMR;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Words;
import org.pinholed.helper.dcerpc.DceRpcCases;
import org.pinholed.helper.dcerpc.mapper.TowerText.Floor;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.stub.StubWriter;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.Syntax;
import org.pinholed.helper.dcerpc.words.Uuid;
import org.pinholed.helper.testkit.Work;

class MapperTest {
  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
  private static final ByteOrder BIG = ByteOrder.BIG_ENDIAN;
  private static final int READS_PER_BYTE = 4;
  private static final int READS_ALWAYS = 256;

  private final MapRequest request = new MapRequest();
  private final MapReply reply = new MapReply();
  private final LookupReply lookup = new LookupReply();
  private final AnnouncedPorts ports = new AnnouncedPorts();

  /** Both orders in both syntaxes. */
  static List<Arguments> ways() {
    List<Arguments> ways = new ArrayList<>();
    for (Syntax syntax : Syntax.values()) {
      ways.add(Arguments.of(LITTLE, syntax));
      ways.add(Arguments.of(BIG, syntax));
    }
    return ways;
  }

  private String asked(StubReader stub) {
    @Nullable DceRpcReason reason = request.read(stub);
    if (reason != null) {
      return Words.lowerCamel(reason.name());
    }
    int version = request.version();
    String uuid = Uuid.text(request.high(), request.low());
    return uuid + " " + (version >>> 16) + "." + (version & 0xffff);
  }

  private String announced(@Nullable DceRpcReason reason) {
    if (reason != null) {
      assertEquals(0, ports.count());
      return Words.lowerCamel(reason.name());
    }
    List<String> list = new ArrayList<>();
    for (int at = 0; at < ports.count(); at++) {
      String address = ports.host(at) == AnnouncedPorts.Host.SERVER ? "" : hex(ports.ipv4(at));
      list.add(ports.transport(at) + " " + ports.port(at) + address);
    }
    return String.join(", ", list);
  }

  private static String hex(int address) {
    return " " + HexFormat.of().toHexDigits(address);
  }

  private String mapped(StubReader stub) {
    return announced(reply.read(stub, ports));
  }

  private String listed(StubReader stub) {
    return announced(lookup.read(stub, ports));
  }

  private static StubReader little(byte[] stub) {
    return StubWriter.reader(stub, LITTLE, Syntax.NDR);
  }

  @ParameterizedTest
  @CsvSource({
    "01-map-two-towers, 12345678-1234-abcd-ef00-01234567cffb 1.0, LITTLE_ENDIAN, NDR,"
        + " TCP 49676 cb00710a+TCP 49667 cb00710a",
    "02-map-samba-ad, 12345778-1234-abcd-ef00-0123456789ac 1.0, LITTLE_ENDIAN, NDR, TCP 49154",
    "03-map-big-endian-fragments, 12345778-1234-abcd-ef00-0123456789ac 1.0, BIG_ENDIAN, NDR,"
        + " TCP 50028 cb00710a",
    "04-map-ndr64, 12345778-1234-abcd-ef00-0123456789ac 1.0, LITTLE_ENDIAN, NDR64,"
        + " TCP 50018 cb00710a+TCP 50019 cb00710a",
    "08-map-udp, 12345778-1234-abcd-ef00-0123456789ab 1.0, LITTLE_ENDIAN, NDR,"
        + " UDP 52001 cb00710a",
  })
  void conversations(String name, String asked, String order, Syntax syntax, String announced) {
    ByteOrder byteOrder = order.equals("BIG_ENDIAN") ? BIG : LITTLE;
    byte[] ask = DceRpcCases.requestStub(name);
    assertEquals(asked, asked(StubWriter.reader(ask, byteOrder, syntax)));
    byte[] answer = DceRpcCases.replyStub(name);
    assertEquals(
        announced.replace("+", ", "), mapped(StubWriter.reader(answer, byteOrder, syntax)));
    for (int at = 0; at < ports.count(); at++) {
      assertEquals(
          asked,
          Uuid.text(ports.high(at), ports.low(at)) + " " + (ports.version(at) >>> 16) + ".0");
    }
    int length = answer.length;
    for (int cut = 0; cut < length; cut++) {
      byte[] beginning = Arrays.copyOf(answer, cut);
      assertNotNull(reply.read(StubWriter.reader(beginning, byteOrder, syntax), ports));
      assertEquals(0, ports.count());
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void aRequest_withAndWithoutObject_needsNoMoreThanItsTower(ByteOrder order, Syntax syntax) {
    byte[] octets = TowerText.octets(SAMR, 3, 1, TowerText.port(7, 0)).toBytes();
    for (boolean object : List.of(true, false)) {
      StubWriter stub = TowerText.request(order, syntax, object, octets);
      String asked = SAMR + " 3.1";
      assertEquals(asked, asked(stub.reader()));
      byte[] whole = stub.toBytes();
      int least = whole.length - 24 - (whole.length - 24 - octets.length) % 4;
      for (int cut = 0; cut < whole.length; cut++) {
        byte[] beginning = Arrays.copyOf(whole, cut);
        @Nullable DceRpcReason reason = request.read(StubWriter.reader(beginning, order, syntax));
        if (cut < least - 3) {
          assertNotNull(reason, cut + " bytes");
        }
      }
      assertEquals(asked, asked(StubWriter.reader(Arrays.copyOf(whole, 3000), order, syntax)));
    }
    StubWriter nothing = new StubWriter(order, syntax).pointer(0).pointer(0).raw(new byte[24]);
    assertEquals("badTower", asked(nothing.reader()));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void towersWithoutPort_andNullPointers_announceNothing(ByteOrder order, Syntax syntax) {
    List<byte[]> towers =
        List.of(
            TowerText.pipe(SAMR),
            TowerText.tcp(SAMR, 49154),
            new byte[0],
            TowerText.http(SAMR),
            TowerText.udp(SAMR, 52001),
            TowerText.octets(SAMR, 1, 0, new Floor(0x0c), new Floor(0x10, (byte) 'x')).toBytes());
    StubWriter map = TowerText.mapReply(order, syntax, 9, 0, towers);
    assertEquals("TCP 49154 cb00710a, UDP 52001", mapped(map.reader()));
    assertEquals(1 << 16, ports.version(0));
    byte[] bytes = map.toBytes();
    int at = ports.hostAt(0);
    assertEquals("cb00710a", HexFormat.of().formatHex(bytes, at, at + 4));
    assertEquals(4, ports.hostLength(0));
    at = ports.hostAt(1);
    assertEquals("00000000", HexFormat.of().formatHex(bytes, at, at + 4));
    StubWriter list = TowerText.lookupReply(order, syntax, 6, 0, towers);
    assertEquals("TCP 49154 cb00710a, UDP 52001", listed(list.reader()));
    for (int cut = 0; cut < list.toBytes().length; cut++) {
      byte[] beginning = Arrays.copyOf(list.toBytes(), cut);
      assertNotNull(lookup.read(StubWriter.reader(beginning, order, syntax), ports));
      assertEquals(0, ports.count());
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void aStatusOfFailure_announcesNothing(ByteOrder order, Syntax syntax) {
    List<byte[]> towers = List.of(TowerText.tcp(SAMR, 49154));
    for (long status : new long[] {1, 0x16c9a0d6L, 0xffff_ffffL}) {
      assertEquals("", mapped(TowerText.mapReply(order, syntax, 1, status, towers).reader()));
      assertEquals(status, ports.status());
      assertEquals("", listed(TowerText.lookupReply(order, syntax, 1, status, towers).reader()));
      assertEquals(status, ports.status());
    }
    assertEquals("", mapped(TowerText.mapReply(order, syntax, 4, 5, List.of()).reader()));
    assertEquals("stubTooShort", mapped(StubWriter.reader(new byte[0], order, syntax)));
    assertEquals(0, ports.status());
  }

  @ParameterizedTest
  @MethodSource("ways")
  void sixteenTowers_areRead_seventeenAreNot(ByteOrder order, Syntax syntax) {
    List<byte[]> towers = Collections.nCopies(16, TowerText.tcp(SAMR, 49154));
    mapped(TowerText.mapReply(order, syntax, 16, 0, towers).reader());
    assertEquals(16, ports.count());
    listed(TowerText.lookupReply(order, syntax, 99, 0, towers).reader());
    assertEquals(16, ports.count());
    towers = Collections.nCopies(17, TowerText.tcp(SAMR, 49154));
    StubWriter map = TowerText.mapReply(order, syntax, 17, 0, towers);
    assertEquals("tooManyTowers", mapped(map.reader()));
    StubWriter list = TowerText.lookupReply(order, syntax, 17, 0, towers);
    assertEquals("tooManyTowers", listed(list.reader()));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void everyCountAndLength_thatLies_announcesNothingElse(ByteOrder order, Syntax syntax) {
    List<byte[]> towers = List.of(TowerText.tcp(SAMR, 49154), TowerText.udp(SAMR, 52001));
    List<String> true4 = List.of("", "TCP 49154 cb00710a, UDP 52001");
    for (byte[] lie : TowerText.mapReply(order, syntax, 2, 0, towers).lies()) {
      Work work = new Work();
      String words = mapped(StubWriter.reader(work, lie, order, syntax));
      assertTrue(isReason(words) || true4.contains(words), words);
      assertTrue(work.readBytes() <= READS_ALWAYS + READS_PER_BYTE * lie.length);
    }
    for (byte[] lie : TowerText.lookupReply(order, syntax, 2, 0, towers).lies()) {
      String words = listed(StubWriter.reader(new Work(), lie, order, syntax));
      assertTrue(isReason(words) || true4.contains(words), words);
    }
    byte[] octets = TowerText.tcp(SAMR, 0);
    for (byte[] lie : TowerText.request(order, syntax, true, octets).lies()) {
      String words = asked(StubWriter.reader(new Work(), lie, order, syntax));
      assertTrue(isReason(words) || words.equals(SAMR + " 1.0"), words);
    }
  }

  private static boolean isReason(String words) {
    return List.of("stubTooShort", "badCount", "badTower", "tooManyTowers").contains(words);
  }

  /** The lengths within a tower. */
  @Test
  void everyLengthOfAFloor_thatLies_announcesNothingElse() {
    StubWriter octets =
        TowerText.octets(
            SAMR,
            1,
            0,
            new Floor(0x0b, (byte) 0, (byte) 0),
            TowerText.port(7, 49154),
            TowerText.address(203, 0, 113, 10));
    List<String> fewerFloors = List.of("", "TCP 49154", "TCP 49154 cb00710a");
    for (byte[] lie : octets.lies()) {
      StubWriter stub = TowerText.mapReply(LITTLE, Syntax.NDR, 1, 0, List.of(lie));
      String words = mapped(stub.reader());
      assertTrue(words.equals("badTower") || fewerFloors.contains(words), words);
    }
  }

  /** Written by the marshalling code of Samba, in both orders. */
  @ParameterizedTest
  @CsvSource({"lookup-little-endian, false", "lookup-big-endian, true"})
  void aListOfSamba_isRead(String name, boolean big) {
    String hex = big ? LOOKUP_BIG : LOOKUP_LITTLE;
    byte[] stub = HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
    StubReader reader = StubWriter.reader(stub, big ? BIG : LITTLE, Syntax.NDR);
    assertEquals("TCP 49154 cb00710a, UDP 52001", listed(reader), name);
    assertEquals(SAMR, Uuid.text(ports.high(0), ports.low(0)));
    assertEquals(NETLOGON, Uuid.text(ports.high(1), ports.low(1)));
  }

  @Nested
  class ATower {
    private String of(StubWriter octets) {
      List<byte[]> towers = List.of(TowerText.tcp(SAMR, 1), octets.toBytes());
      return mapped(TowerText.mapReply(BIG, Syntax.NDR, 2, 0, towers).reader());
    }

    @Test
    void withTwoPorts_isRefused() {
      String both = of(TowerText.octets(SAMR, 1, 0, TowerText.port(7, 2), TowerText.port(8, 2)));
      assertEquals("badTower", both);
      String twice = of(TowerText.octets(SAMR, 1, 0, TowerText.port(7, 2), TowerText.port(7, 2)));
      assertEquals("badTower", twice);
    }

    @Test
    void withTwoAddresses_isRefused() {
      Floor address = TowerText.address(203, 0, 113, 10);
      assertEquals(
          "badTower", of(TowerText.octets(SAMR, 1, 0, TowerText.port(7, 2), address, address)));
    }

    @Test
    void whoseFloorsAreInAnotherOrder_isRead() {
      Floor address = TowerText.address(203, 0, 113, 11);
      Floor calls = new Floor(0x0b, (byte) 0, (byte) 0);
      assertEquals(
          "TCP 1 cb00710a, TCP 50000 cb00710b",
          of(TowerText.octets(SAMR, 1, 0, address, TowerText.port(7, 50000), calls)));
    }

    @Test
    void withoutAddress_isOfTheServer() {
      assertEquals(
          "TCP 1 cb00710a, TCP 50000", of(TowerText.octets(SAMR, 1, 0, TowerText.port(7, 50000))));
      assertEquals(-1, ports.hostAt(1));
      assertEquals(0, ports.hostLength(1));
    }

    @Test
    void withRoomBehindItsFloors_isRead() {
      StubWriter octets = TowerText.octets(SAMR, 1, 0, TowerText.port(7, 2)).raw((byte) 9);
      assertEquals("TCP 1 cb00710a, TCP 2", of(octets));
    }

    @Test
    void whosePortOrAddressHasAnotherLength_isRefused() {
      for (int length : new int[] {0, 1, 3, 5, 16}) {
        Floor port = new Floor(7, new byte[length]);
        assertEquals("badTower", of(TowerText.octets(SAMR, 1, 0, port)));
        Floor address = new Floor(9, new byte[length]);
        assertEquals("badTower", of(TowerText.octets(SAMR, 1, 0, address)));
      }
    }

    @Test
    void withoutInterface_isRefused() {
      StubWriter octets = new StubWriter(LITTLE, Syntax.NDR);
      octets.u16(1).u16(1).u8(7).u16(2).u16(0x1234);
      assertEquals("badTower", of(octets));
      assertEquals("badTower", of(new StubWriter(LITTLE, Syntax.NDR).u16(0)));
      assertEquals("badTower", of(new StubWriter(LITTLE, Syntax.NDR).u8(1)));
    }

    @Test
    void whoseFloorHasNoProtocol_isRefused() {
      StubWriter octets = TowerText.octets(SAMR, 1, 0, TowerText.port(7, 2));
      byte[] bytes = octets.u16(0).u16(0).toBytes();
      bytes[0]++;
      assertEquals("badTower", of(new StubWriter(LITTLE, Syntax.NDR).raw(bytes)));
    }
  }

  @Test
  void anyBytes_neverThrow_orAnnounceTooMuch() {
    Random random = new Random(1);
    List<byte[]> towers = List.of(TowerText.tcp(SAMR, 49154), TowerText.pipe(SAMR));
    for (int round = 0; round < 20_000; round++) {
      Syntax syntax = random.nextBoolean() ? Syntax.NDR : Syntax.NDR64;
      ByteOrder order = random.nextBoolean() ? LITTLE : BIG;
      byte[] stub;
      if (round % 4 == 0) {
        stub = new byte[random.nextInt(300)];
        random.nextBytes(stub);
      } else {
        StubWriter good =
            round % 4 == 1
                ? TowerText.lookupReply(order, syntax, 2, 0, towers)
                : TowerText.mapReply(order, syntax, 2, 0, towers);
        stub = good.toBytes();
        for (int change = random.nextInt(4); change >= 0; change--) {
          stub[random.nextInt(stub.length)] = (byte) random.nextInt(8);
        }
      }
      request.read(StubWriter.reader(new Work(), stub, order, syntax));
      Work work = new Work();
      reply.read(StubWriter.reader(work, stub, order, syntax), ports);
      assertTrue(ports.count() <= 16);
      lookup.read(StubWriter.reader(work, stub, order, syntax), ports);
      assertTrue(ports.count() <= 16);
      assertTrue(work.readBytes() <= 2 * (READS_ALWAYS + READS_PER_BYTE * (long) stub.length));
    }
  }

  @Test
  void reading_allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    List<byte[]> towers = List.of(TowerText.tcp(SAMR, 49154), TowerText.pipe(SAMR));
    byte[] mapped = TowerText.mapReply(BIG, Syntax.NDR64, 2, 0, towers).toBytes();
    byte[] listed = TowerText.lookupReply(BIG, Syntax.NDR64, 2, 0, towers).toBytes();
    byte[] asked = TowerText.request(BIG, Syntax.NDR64, true, TowerText.tcp(SAMR, 0)).toBytes();
    StubReader reader = little(mapped);
    ByteCursor one = cursor(mapped);
    ByteCursor two = cursor(listed);
    ByteCursor three = cursor(asked);
    long least = Long.MAX_VALUE;
    int found = 0;
    for (int round = 0; round < 6; round++) {
      long measured = threads.getCurrentThreadAllocatedBytes();
      measured = threads.getCurrentThreadAllocatedBytes() - measured;
      long start = threads.getCurrentThreadAllocatedBytes();
      for (int count = 0; count < 200; count++) {
        reply.read(reader.wrap(one, 0, mapped.length, BIG, Syntax.NDR64), ports);
        found += ports.count();
        lookup.read(reader.wrap(two, 0, listed.length, BIG, Syntax.NDR64), ports);
        found += ports.count();
        request.read(reader.wrap(three, 0, asked.length, BIG, Syntax.NDR64));
        found += request.version() >>> 16;
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - start - measured;
      least = round == 0 ? least : Math.min(least, allocated); // classes are loaded in 0
    }
    assertEquals(6 * 200 * 3, found);
    assertNull(reply.read(reader.wrap(one, 0, mapped.length, BIG, Syntax.NDR64), ports));
    assertEquals(0, least);
  }

  private static final String LOOKUP_LITTLE =
      """
      0000000000000000000000000000000000000000040000000a0000000000000004000000111111112222333344
      4455555555555501000000000000000500000053414d5200000000111111112222333344445555555555550200
      0000000000000100000000000000111111112222333344445555555555550300000000000000120000004e6574
      204c6f676f6e205365727669636500000011111111222233334444555555555555040000000000000002000000
      780000004b0000004b000000050013000d785734123412cdabef000123456789ac01000200020013000d045d88
      8aeb1cc9119fe808002b10486002000200000001000b020000000100070200c0020100090400cb00710a005500
      000055000000050013000d785734123412cdabef000123456789ab01000200020013000d045d888aeb1cc9119f
      e808002b10486002000200000001000b0200000001000f0c005c706970655c6c73617373000100110400444331
      000000004b0000004b000000050013000d785634123412cdabef0001234567cffb01000200020013000d045d88
      8aeb1cc9119fe808002b10486002000200000001000a020000000100080200cb21010009040000000000004b00
      00004b000000050013000d785634123412cdabef0001234567cffb01000200020013000d045d888aeb1cc9119f
      e808002b10486002000200000001000b0200000001001f020002510100090400cb00710a0000000000
      """;

  private static final String LOOKUP_BIG =
      """
      0000000000000000000000000000000000000000000000040000000a0000000000000004111111112222333344
      4455555555555500000001000000000000000553414d5200000000111111112222333344445555555555550000
      0002000000000000000100000000111111112222333344445555555555550000000300000000000000124e6574
      204c6f676f6e205365727669636500000011111111222233334444555555555555000000040000000000000002
      780000000000004b0000004b050013000d785734123412cdabef000123456789ac01000200020013000d045d88
      8aeb1cc9119fe808002b10486002000200000001000b020000000100070200c0020100090400cb00710a000000
      005500000055050013000d785734123412cdabef000123456789ab01000200020013000d045d888aeb1cc9119f
      e808002b10486002000200000001000b0200000001000f0c005c706970655c6c73617373000100110400444331
      000000000000004b0000004b050013000d785634123412cdabef0001234567cffb01000200020013000d045d88
      8aeb1cc9119fe808002b10486002000200000001000a020000000100080200cb21010009040000000000000000
      004b0000004b050013000d785634123412cdabef0001234567cffb01000200020013000d045d888aeb1cc9119f
      e808002b10486002000200000001000b0200000001001f020002510100090400cb00710a0000000000
      """;

  private static ByteCursor cursor(byte[] bytes) {
    return new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
  }
}
