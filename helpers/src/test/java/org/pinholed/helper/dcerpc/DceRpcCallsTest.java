package org.pinholed.helper.dcerpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.Direction;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

/** What PDUs mean for calls: contexts, fragments, replies nobody asked for, limits, other hosts. */
class DceRpcCallsTest {
  private static final String MAP = "01-map-two-towers";
  private static final List<DceRpcCases.Pdu> PDUS = DceRpcCases.read(MAP);
  private static final Set<String> BOTH =
      Set.of("TCP 203.0.113.10:49676-49676", "TCP 203.0.113.10:49667-49667");

  private static HelperRun run(Map<String, Object> options) {
    return new HelperRun(DceRpcFlow.setup(MAP, options));
  }

  private static byte[] pdu(int index) {
    return PDUS.get(index).bytes().clone();
  }

  private static HelperRun bound(Map<String, Object> options) {
    return run(options).say(new Dialogue().client(pdu(0)).server(pdu(1)));
  }

  private static HelperRun bound() {
    return bound(Map.of());
  }

  private static byte[] with(byte[] pdu, int at, int... values) {
    for (int next = 0; next < values.length; next++) {
      pdu[at + next] = (byte) values[next];
    }
    return pdu;
  }

  /** A PDU of a type with another body; version 5, little-endian, first and last. */
  private static byte[] made(int type, int flags, int callId, byte... body) {
    ByteBuffer pdu = ByteBuffer.allocate(16 + body.length).order(ByteOrder.LITTLE_ENDIAN);
    pdu.put(new byte[] {5, 0, (byte) type, (byte) flags, 0x10, 0, 0, 0});
    pdu.putShort((short) pdu.capacity()).putShort((short) 0).putInt(callId).put(body);
    return pdu.array();
  }

  /** A call cut into fragments with so many bytes of stub each. */
  private static Dialogue fragments(Direction direction, byte[] whole, int size) {
    Dialogue dialogue = new Dialogue();
    for (int at = 24; at < whole.length; at += size) {
      int end = Math.min(whole.length, at + size);
      byte[] head = Arrays.copyOf(whole, 24 + end - at);
      System.arraycopy(whole, at, head, 24, end - at);
      int flags = (at == 24 ? 1 : 0) | (end == whole.length ? 2 : 0);
      dialogue.add(direction, with(with(head, 3, flags), 8, head.length, head.length >> 8));
    }
    return dialogue;
  }

  private static void reports(HelperRun run, String reason) {
    List<String> outcomes = run.sink().outcomes();
    assertTrue(
        outcomes.stream().anyMatch(line -> line.startsWith(reason)),
        () -> String.join("\n", outcomes));
    assertEquals(Set.of(), run.sink().opened());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 50, 4000})
  void fragmentsOfRequestAndReply_areOneCall(int size) {
    HelperRun run =
        bound()
            .say(fragments(Direction.ORIGINAL, pdu(2), size))
            .say(fragments(Direction.REPLY, pdu(3), size));

    assertEquals(BOTH, run.sink().opened(), () -> String.join("\n", run.sink().outcomes()));
    assertEquals(0, run.helper().keptBytes());
  }

  @Test
  void fragmentsTakeMemory_untilTheirCallIsWhole() {
    HelperRun run = bound().say(fragments(Direction.ORIGINAL, pdu(2), 4000));
    byte[] first = with(Arrays.copyOf(pdu(3), 100), 3, 1);
    run.say(new Dialogue().server(with(first, 8, 100, 0)));
    assertTrue(run.helper().keptBytes() > 76, () -> "kept " + run.helper().keptBytes());

    HelperRun after = run.handOver();
    assertNotNull(after);
    assertEquals(run.helper().keptBytes(), after.helper().keptBytes());

    run.say(new Dialogue().client(made(19, 3, 2))); // orphaned
    assertEquals(0, run.helper().keptBytes());
  }

  @Test
  void pdusWithoutFlags_areWhole() {
    HelperRun run =
        bound().say(new Dialogue().client(with(pdu(2), 3, 0)).server(with(pdu(3), 3, 0)));

    assertEquals(BOTH, run.sink().opened());
  }

  @Test
  void nineCallsInFragments_areTooMany() {
    HelperRun run = bound();
    for (int call = 10; call < 19; call++) {
      byte[] first = with(Arrays.copyOf(pdu(2), 60), 3, 1);
      run.say(new Dialogue().client(with(with(first, 8, 60, 0), 12, call)));
    }
    reports(run, "TOO_MANY_FRAGMENTED_CALLS");
  }

  @Test
  void endlessFragments_areTooLong() {
    HelperRun run = bound().say(fragments(Direction.ORIGINAL, pdu(2), 4000));
    byte[] big = new byte[30_024];
    System.arraycopy(pdu(3), 0, big, 0, 24);
    with(big, 8, big.length & 0xff, big.length >> 8);
    run.say(new Dialogue().server(with(big.clone(), 3, 1)));
    run.say(new Dialogue().server(with(big.clone(), 3, 0)).server(with(big.clone(), 3, 0)));
    reports(run, "CALL_TOO_LONG");
    assertEquals(0, run.helper().keptBytes());
  }

  @Test
  void fragmentsOfTwoByteOrders_differ() {
    HelperRun run = bound().say(fragments(Direction.ORIGINAL, pdu(2), 4000));
    byte[] first = with(with(Arrays.copyOf(pdu(3), 100), 3, 1), 8, 100, 0);
    byte[] other = {
      5, 0, 2, 2, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4
    };
    reports(run.say(new Dialogue().server(first).server(other)), "FRAGMENTS_DIFFER");
  }

  @Test
  void aFragmentWithoutTheFirst_opensNothing() {
    reports(
        bound().say(new Dialogue().client(with(pdu(2), 3, 2)).server(pdu(3))),
        "FRAGMENT_WITHOUT_FIRST");
    reports(
        bound().say(new Dialogue().client(pdu(2)).server(with(pdu(3), 3, 2))),
        "FRAGMENT_WITHOUT_FIRST");
  }

  @Test
  void aReplyNobodyAskedFor_opensNothing() {
    reports(bound().say(new Dialogue().server(pdu(3))), "REPLY_WITHOUT_REQUEST");
    reports(
        bound().say(new Dialogue().client(pdu(2)).server(made(3, 3, 2)).server(pdu(3))),
        "REPLY_WITHOUT_REQUEST");
    HelperRun maybe = bound().say(new Dialogue().client(with(pdu(2), 3, 0x43)).server(pdu(3)));
    reports(maybe, "REPLY_WITHOUT_REQUEST");
  }

  @Test
  void tooManyRequests_areSaid_andTheOthersAreRead() {
    HelperRun run = bound();
    for (int call = 100; call < 165; call++) {
      run.say(new Dialogue().client(with(pdu(2), 12, call)));
    }
    reports(run, "TOO_MANY_REQUESTS");
    run.say(new Dialogue().server(with(pdu(3), 12, 100)));
    assertEquals(BOTH, run.sink().opened());
  }

  @Test
  void aContextThatWasNotAccepted_isNotRead() {
    for (int result = 1; result < 4; result++) {
      HelperRun run =
          run(Map.of())
              .say(new Dialogue().client(pdu(0)).server(with(pdu(1), 36, result)))
              .say(new Dialogue().client(pdu(2)).server(pdu(3)));
      assertEquals(Set.of(), run.sink().opened());
    }
    HelperRun nak =
        run(Map.of())
            .say(new Dialogue().client(pdu(0)).server(made(13, 3, 1)).server(pdu(1)))
            .say(new Dialogue().client(pdu(2)).server(pdu(3)));
    assertEquals(Set.of(), nak.sink().opened());
  }

  @Test
  void aSyntaxThatWasNotOffered_isNotRead() {
    reports(
        run(Map.of()).say(new Dialogue().client(pdu(0)).server(with(pdu(1), 56, 9))),
        "SYNTAX_NOT_OFFERED");
  }

  @Test
  void bindsThatEndTooEarly_areSaid() {
    byte[] bind = pdu(0);
    reports(run(Map.of()).say(new Dialogue().client(with(bind, 24, 9))), "BAD_BIND");
    reports(run(Map.of()).say(new Dialogue().client(made(11, 3, 1))), "BAD_BIND");
    reports(run(Map.of()).say(new Dialogue().client(pdu(0)).server(made(12, 3, 1))), "BAD_BIND");
    reports(
        run(Map.of()).say(new Dialogue().client(pdu(0)).server(with(pdu(1), 24, 0xff))),
        "BAD_BIND");
  }

  @Test
  void anIdThatMeansAnotherInterface_isNotReadAnyMore() {
    byte[] other = with(pdu(0), 2, 14);
    byte[] answer = with(pdu(1), 2, 15);
    HelperRun run =
        bound()
            .say(new Dialogue().client(with(with(other, 12, 7), 32, 1)).server(with(answer, 12, 7)))
            .say(new Dialogue().client(pdu(2)).server(pdu(3)));

    assertEquals(Set.of(), run.sink().opened());
  }

  @Test
  void shortPdus_areSaid() {
    reports(bound().say(new Dialogue().client(made(0, 3, 5))), "SHORT_PDU");
    reports(bound().say(new Dialogue().server(made(2, 3, 5))), "SHORT_PDU");
  }

  @Test
  void aTrailerBeyondItsPdu_endsReading() {
    HelperRun run = bound().say(new Dialogue().client(with(made(0, 3, 5), 10, 200)));
    reports(run, "TRAILER_BEYOND_PDU");
    run.say(new Dialogue().client(pdu(2)).server(pdu(3)));
    assertEquals(Set.of(), run.sink().opened());
    assertEquals("opaque", run.helper().stateWord());
    assertEquals("", run.helper().snapshot());
  }

  @Test
  void paddingBeyondTheStub_isSaid() {
    byte[] request = Arrays.copyOf(pdu(2), pdu(2).length + 12);
    int trailer = pdu(2).length;
    with(with(request, 8, request.length, 0), 10, 4, 0);
    with(request, trailer, 10, 5, 255);
    reports(bound().say(new Dialogue().client(request).server(pdu(3))), "BAD_PADDING");
  }

  @Test
  void whatIsNoHeader_endsReading() {
    reports(run(Map.of()).say(new Dialogue().client("GET / HTTP/1.1\r\n")), "NOT_DCERPC");
    reports(bound().say(new Dialogue().client("GET / HTTP/1.1\r\n")), "BROKEN_HEADER");
    reports(bound().say(new Dialogue().server(with(made(2, 3, 1), 8, 15))), "BROKEN_HEADER");
    reports(bound().say(new Dialogue().server(with(made(2, 3, 1), 4, 0x20))), "BROKEN_HEADER");
  }

  @Test
  void aSealedMap_isSaid_andOpensWhatWasLearned() {
    Map<String, Object> options = Map.of("learnedNetworks", List.of("203.0.113.0/24"));
    HelperRun run = bound(options).say(new Dialogue().client(pdu(2)).server(pdu(3)));
    assertEquals(BOTH, run.sink().opened());
    int before = run.sink().outcomes().size();

    byte[] sealed = Arrays.copyOf(pdu(2), pdu(2).length + 12);
    with(with(sealed, 8, sealed.length, 0), 10, 4, 0);
    with(sealed, pdu(2).length, 10, 6, 0);
    HelperRun after = run.handOver();
    assertNotNull(after);
    for (HelperRun each : List.of(run, after)) {
      each.say(new Dialogue().client(with(sealed.clone(), 12, 9)).server(with(pdu(3), 12, 9)));
    }
    List<String> outcomes = run.sink().outcomes().subList(before, run.sink().outcomes().size());
    assertEquals(3, outcomes.size(), () -> String.join("\n", outcomes));
    assertTrue(outcomes.get(2).contains("way out: learned, ports: 2"), outcomes.get(2));
    assertEquals(outcomes, after.sink().outcomes());
  }

  @Test
  void anotherHost_opensOnlyWhereForeignNetworksSaySo() {
    byte[] elsewhere = with(pdu(3), 0x93, 192, 0, 2, 7);
    HelperRun refused = bound().say(new Dialogue().client(pdu(2)).server(elsewhere));
    assertEquals(Set.of("TCP 203.0.113.10:49667-49667"), refused.sink().opened());
    assertTrue(refused.sink().outcomes().get(0).contains("at 192.0.2.7"));

    HelperRun allowed =
        bound(Map.of("foreignNetworks", List.of("192.0.2.0/24")))
            .say(new Dialogue().client(pdu(2)).server(elsewhere));
    assertTrue(allowed.sink().opened().contains("TCP 192.0.2.7:49676-49676"));
  }

  @ParameterizedTest
  @CsvSource({"0,PORT_BELOW_1024", "4,PORT_BELOW_1024", "13,PORT_DENIED"})
  void portsOfOtherServices_areRefused(int high, String reason) {
    byte[] reply = with(with(pdu(3), 0x8c, high, 0x3d), 0xe0, high, 0x3d);
    HelperRun run = bound().say(new Dialogue().client(pdu(2)).server(reply));
    if (high < 4) {
      reports(run, reason);
    }
    assertFalse(run.sink().outcomes().isEmpty());
  }

  @Test
  void anotherServiceThanTheAskedOne_isRefused() {
    reports(
        bound().say(new Dialogue().client(with(pdu(2), 0x3f, 9)).server(pdu(3))), "OTHER_SERVICE");
  }

  // ---- UDP ----------------------------------------------------------------------------------

  private static final List<DceRpcCases.Pdu> DATAGRAMS = DceRpcCases.read("08-map-udp");

  private static HelperRun udp() {
    return new HelperRun(DceRpcFlow.setup("08-map-udp", Map.of()));
  }

  private static byte[] datagram(int index) {
    return DATAGRAMS.get(index).bytes().clone();
  }

  private static byte[] piece(byte[] whole, int number, int from, int to) {
    byte[] piece = Arrays.copyOf(whole, 80 + to - from);
    System.arraycopy(whole, 80 + from, piece, 80, to - from);
    int stub = whole.length - 80;
    with(piece, 2, 4 | (to == stub ? 2 : 0));
    return with(with(piece, 74, to - from, 0), 76, number, 0);
  }

  @Test
  void fragmentsOfDatagrams_comeInAnyOrder_andTwice() {
    byte[] reply = datagram(1);
    int stub = reply.length - 80;
    byte[] request = datagram(0);
    HelperRun run =
        udp()
            .say(new Dialogue().client(piece(request, 0, 0, 40)))
            .say(new Dialogue().client(piece(request, 1, 40, request.length - 80)))
            .say(new Dialogue().server(piece(reply, 2, 90, stub)))
            .say(new Dialogue().server(piece(reply, 0, 0, 50)))
            .say(new Dialogue().server(piece(reply, 0, 0, 50)));
    assertTrue(run.helper().keptBytes() > 0);
    run.say(new Dialogue().server(piece(reply, 1, 50, 90)));

    assertEquals(Set.of("UDP 203.0.113.10:52001-52001"), run.sink().opened());
    assertEquals(0, run.helper().keptBytes());
  }

  @Test
  void fragmentsOfDatagrams_areBounded() {
    HelperRun run = udp().say(new Dialogue().client(datagram(0)));
    byte[] reply = datagram(1);
    for (int call = 0; call < 12; call++) {
      run.say(new Dialogue().client(with(datagram(0), 64, call)));
      run.say(new Dialogue().server(with(piece(reply, 1, 0, 50), 64, call)));
    }
    assertTrue(run.helper().keptBytes() < 8 * 400, () -> "kept " + run.helper().keptBytes());
    run.say(new Dialogue().server(with(piece(reply, 1, 0, 50), 77, 9)));
    assertEquals(Set.of(), run.sink().opened());
  }

  @Test
  void aPortOfTcp_isOpenedThoughItIsAnnouncedOverUdp() {
    HelperRun run =
        udp().say(new Dialogue().client(datagram(0)).server(with(datagram(1), 0xbd, 7)));
    assertEquals(Set.of("TCP 203.0.113.10:52001-52001"), run.sink().opened());
  }

  @Test
  void datagramsThatAreNone_passWithoutAWord() {
    HelperRun run =
        udp()
            .say(new Dialogue().client("x").server(""))
            .say(new Dialogue().client(with(datagram(0), 24, 1)).server(datagram(1)));
    reports(run, "REPLY_WITHOUT_REQUEST");
    reports(udp().say(new Dialogue().client(Arrays.copyOf(datagram(0), 79))), "BROKEN_DATAGRAM");
    reports(udp().say(new Dialogue().client(with(datagram(0), 75, 9))), "BROKEN_DATAGRAM");
  }

  @Test
  void sealedFailedAndUnwantedDatagrams() {
    byte[] sealed = with(datagram(0), 78, 10);
    reports(udp().say(new Dialogue().client(sealed).server(datagram(1))), "SEALED");
    HelperRun failed =
        udp().say(new Dialogue().client(datagram(0)).server(with(datagram(1), 1, 3)));
    reports(failed.say(new Dialogue().server(datagram(1))), "REPLY_WITHOUT_REQUEST");
    HelperRun lookup =
        udp().say(new Dialogue().client(with(datagram(0), 68, 2)).server(datagram(1)));
    reports(lookup, "LOOKUP_IGNORED");
    for (int call = 0; call < 80; call++) {
      lookup.say(new Dialogue().client(with(datagram(0), 64, call)));
    }
    assertEquals("", lookup.helper().snapshot());
  }

  @Test
  void anEntrySaysItsLimits() {
    DceRpcProtocol protocol = new DceRpcProtocol();
    assertEquals("dcerpc", protocol.name());
    assertEquals(Set.of(Transport.TCP, Transport.UDP), protocol.transports());
    assertEquals(
        1,
        protocol
            .configure(Map.of("leaseNetworks", List.of("192.0.2.0/24")), HelperLimits.DEFAULT)
            .leasedPorts()
            .size());
    assertEquals(0, protocol.configure(Map.of(), HelperLimits.DEFAULT).leasedPorts().size());
    assertEquals(
        HelperLimits.DEFAULT.forMessages(65_535),
        new HelperSetup(
                protocol, HelperLimits.DEFAULT, DceRpcFlow.facts(Transport.TCP, DceRpcFlow.SERVER))
            .limits());
  }
}
