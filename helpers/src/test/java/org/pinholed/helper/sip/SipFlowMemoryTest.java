package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.RecordingSink;
import org.pinholed.helper.testkit.SimpleState;
import org.pinholed.helper.testkit.UsedHeap;

/** What a flow takes that was read and says nothing at the moment. */
class SipFlowMemoryTest {
  private static final int FLOWS = 20_000;
  private static final String OPTIONS =
      """
      OPTIONS sip:b@203.0.113.10 SIP/2.0
      Via: SIP/2.0/UDP 198.51.100.10:5062;branch=z9hG4bKo
      From: <sip:a@x>;tag=1
      To: <sip:b@x>
      Call-ID: o
      CSeq: 7 OPTIONS
      Content-Length: 0

      """
          .replace("\n", "\r\n");

  /** As in the agent, where all flows see the same packet buffer. */
  private final ByteBuffer packet = ByteBuffer.allocate(1000);

  private final ByteCursor cursor = new ByteCursor();

  /** Without its streams, its conntrack and its places in tables, which are the agent's. */
  @ParameterizedTest
  @CsvSource({"UDP, 1024", "TCP, 1536"})
  void anIdleFlow(Transport transport, long mostBytes) {
    FlowFacts facts = SipFlow.masqueraded(transport, FlowFacts.Origin.FIRST_BYTE);
    HelperProtocol.Factory factory = new SipProtocol().configure(Map.of(), SipFlow.LIMITS);
    SimpleState shared = new SimpleState();
    read(factory.open(facts, shared)); // what they share is made
    SessionHelper[] flows = new SessionHelper[FLOWS];
    long before = UsedHeap.bytes();
    for (int at = 0; at < FLOWS; at++) {
      flows[at] = factory.open(facts, shared);
      read(flows[at]);
    }
    long each = (UsedHeap.bytes() - before) / FLOWS;
    assertEquals("proven", flows[FLOWS - 1].stateWord());
    assertTrue(each <= mostBytes, () -> each + " bytes each");
    assertTrue(each >= mostBytes / 4, () -> each + " bytes each");
  }

  private void read(SessionHelper flow) {
    RecordingSink sink = new RecordingSink();
    say(flow, Direction.ORIGINAL, OPTIONS, sink);
    say(flow, Direction.REPLY, "SIP/2.0 200 OK" + OPTIONS.substring(OPTIONS.indexOf("\r\n")), sink);
  }

  private void say(SessionHelper flow, Direction direction, String text, RecordingSink sink) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    packet.put(0, bytes);
    cursor.wrap(packet, 0, bytes.length, 0);
    if (flow instanceof DatagramHelper datagrams) {
      datagrams.onDatagram(direction, cursor, 0, sink);
    } else {
      assertEquals(bytes.length, ((StreamHelper) flow).onBytes(direction, cursor, 0, sink));
    }
  }
}
