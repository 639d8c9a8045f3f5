package org.pinholed.helper.testkit.faults;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.CostChecks;
import org.pinholed.helper.testkit.CutChecks;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperKit;
import org.pinholed.helper.testkit.HelperSetup;
import org.pinholed.helper.testkit.HostileChecks;
import org.pinholed.helper.testkit.SnapshotChecks;
import org.pinholed.helper.testkit.faults.FaultyProtocol.Fault;

/** The kit passes what is sound and finds what is not. */
class HelperKitTest {
  private static final long SEED = 1;

  private static HelperSetup setup(Fault fault, Transport transport) {
    try {
      Endpoint client = new Endpoint(InetAddress.getByName("192.0.2.10"), 40000);
      Endpoint server = new Endpoint(InetAddress.getByName("198.51.100.20"), 999);
      FlowFacts facts =
          new FlowFacts(transport, client, client, server, server, FlowFacts.Origin.FIRST_BYTE);
      return new HelperSetup(new FaultyProtocol(fault), HelperLimits.DEFAULT, facts);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] message(char letter, int... numbers) {
    ByteBuffer bytes = ByteBuffer.allocate(5 + 2 * numbers.length);
    bytes.putInt(1 + 2 * numbers.length).put((byte) letter);
    for (int number : numbers) {
      bytes.putShort((short) number);
    }
    return bytes.array();
  }

  private static Dialogue dialogue() {
    return new Dialogue()
        .client(message('O', 40001))
        .length(0, 4, ByteOrder.BIG_ENDIAN)
        .server(message('G'))
        .client(message('N', 1, 2, 3))
        .client(message('L', 2, 40002, 40003))
        .length(0, 4, ByteOrder.BIG_ENDIAN)
        .length(5, 2, ByteOrder.BIG_ENDIAN)
        .client(message('O', 40004))
        .pause(Duration.ofSeconds(2))
        .server(message('G'))
        .client(message('L', 1, 80))
        .client(message('O', 40005))
        .server(message('G'));
  }

  /** One message that grows: what is looked at again when it comes byte by byte. */
  private static Dialogue longMessage(int size) {
    return new Dialogue().client(message('N', new int[size / 2]));
  }

  /** A datagram, or segment, with more and more messages. */
  private static Dialogue manyMessages(int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * 7);
    for (int index = 0; index < count; index++) {
      bytes.put(message('N', index));
    }
    return new Dialogue().client(bytes.array());
  }

  private static void finds(String what, Executable check) {
    AssertionError found = assertThrows(AssertionError.class, check);
    assertTrue(String.valueOf(found.getMessage()).contains(what), found.getMessage());
  }

  @ParameterizedTest
  @EnumSource
  void aSoundHelper_passesEverything(Transport transport) {
    HelperSetup sound = setup(Fault.NONE, transport);
    HelperKit.everything(sound, dialogue());
    CostChecks.linear(sound, HelperKitTest::longMessage, 1000);
    CostChecks.linear(sound, HelperKitTest::manyMessages, 100);
    CostChecks.allocatesNothing(sound, dialogue(), manyMessages(10));
  }

  @ParameterizedTest
  @EnumSource
  void work_thatGrowsAsTheSquare(Transport transport) {
    finds(
        "bytes read: grew from",
        () ->
            CostChecks.linear(
                setup(Fault.REREADS, transport),
                transport == Transport.TCP
                    ? HelperKitTest::longMessage
                    : HelperKitTest::manyMessages,
                400));
    finds(
        "memory: grew from",
        () ->
            CostChecks.linear(
                setup(Fault.COPIES_AGAIN, transport),
                transport == Transport.TCP
                    ? HelperKitTest::longMessage
                    : HelperKitTest::manyMessages,
                400));
    assertDoesNotThrow(() -> HelperKit.everything(setup(Fault.REREADS, transport), dialogue()));
  }

  @ParameterizedTest
  @EnumSource
  void memory_forAMessageOfNoInterest(Transport transport) {
    HelperSetup faulty = setup(Fault.ALLOCATES_ALWAYS, transport);
    finds(
        "bytes (expected: 0)",
        () -> CostChecks.allocatesNothing(faulty, dialogue(), manyMessages(10)));
    assertDoesNotThrow(() -> HelperKit.everything(faulty, dialogue()));
  }

  @ParameterizedTest
  @CsvSource({
    "THROWS_ON_LENGTH,TCP,'threw java.lang.NegativeArraySizeException'",
    "THROWS_ON_LENGTH,UDP,'threw java.lang.NegativeArraySizeException'",
    "ALLOCATES_BY_LENGTH,TCP,': allocates '",
    "ALLOCATES_BY_LENGTH,UDP,': allocates '",
    "COUNTS_BY_LENGTH,TCP,'work without end'",
    "COUNTS_BY_LENGTH,UDP,'work without end'",
  })
  void lengths_thatAreBelieved(Fault fault, Transport transport, String what) {
    finds(what, () -> new HostileChecks(setup(fault, transport), dialogue(), SEED).lengths());
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.class,
      names = {"THROWS_ON_LENGTH", "COUNTS_BY_LENGTH"})
  void lengths_thatAreBelieved_showWithoutTheirPlacesToo(Fault fault) {
    HostileChecks checks = new HostileChecks(setup(fault, Transport.UDP), dialogue(), SEED);
    assertThrows(AssertionError.class, checks::flippedBytes);
  }

  @ParameterizedTest
  @EnumSource
  void aByteOutside(Transport transport) {
    finds(
        "outside of what was given",
        () -> HelperKit.everything(setup(Fault.READS_OUTSIDE, transport), dialogue()));
  }

  @Test
  void partsOfAStream_thatAreTakenForMessages() {
    CutChecks checks = new CutChecks(setup(Fault.READS_PARTS, Transport.TCP), dialogue());
    finds("cut at 4: other outcomes", checks::everyCutInTwo);
    finds("one byte at a time: other outcomes", checks::byteByByte);
    finds("of seed 1: other outcomes", () -> checks.randomCuts(50, SEED));
  }

  @Test
  void partsOfADatagram_thatAreTakenForIt() {
    HelperSetup faulty = setup(Fault.READS_PARTS, Transport.UDP);
    finds(
        "5 bytes of client \"\\x00\\x00\\x00\\x03O\\x9cA\": opens [TCP 198.51.100.20:5000-5000",
        () -> new HostileChecks(faulty, dialogue(), SEED).truncated());
  }

  @ParameterizedTest
  @CsvSource({
    "FORGETS_STATE,TCP,handed over before",
    "FORGETS_STATE,UDP,handed over before",
    "FORGETS_SHARED,TCP,handed over before",
    "FORGETS_SHARED,UDP,handed over before",
  })
  void whatIsForgotten(Fault fault, Transport transport, String what) {
    SnapshotChecks checks = new SnapshotChecks(setup(fault, transport), dialogue());
    finds(what, checks::handOverBeforeEachMessage);
  }

  @ParameterizedTest
  @EnumSource
  void aDamagedSnapshot_thatIsBelieved(Transport transport) {
    SnapshotChecks checks =
        new SnapshotChecks(setup(Fault.THROWS_ON_SNAPSHOT, transport), dialogue());
    assertDoesNotThrow(checks::handOverBeforeEachMessage);
    finds("threw java.lang.", checks::damaged);
  }

  @ParameterizedTest
  @EnumSource
  void times_thatAreCompared(Transport transport) {
    finds(
        "begun at", () -> HelperKit.anyMoment(setup(Fault.COMPARES_TIMES, transport), dialogue()));
  }

  @Test
  void aHelperWithoutSnapshots_isFoundToHaveNone() {
    SnapshotChecks checks =
        new SnapshotChecks(
            setup(Fault.NONE, Transport.TCP), new Dialogue().client(new byte[] {0, 0, 0, 9}));
    assertDoesNotThrow(checks::handOverBeforeEachMessage);
    SnapshotChecks ended = new SnapshotChecks(setup(Fault.NONE, Transport.TCP), new Dialogue());
    finds("empty before every message", ended::handOverBeforeEachMessage);
  }
}
