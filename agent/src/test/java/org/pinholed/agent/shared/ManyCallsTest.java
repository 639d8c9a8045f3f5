package org.pinholed.agent.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.SipProtocol;
import org.pinholed.helper.testkit.QuietSink;
import org.pinholed.helper.testkit.UsedHeap;

/**
 * As many calls and registrations as the defaults of SIP allow, in the maps that the workers share:
 * what each takes, and that a message costs what it costs with few of them.
 */
class ManyCallsTest {
  private static final int CALLS = 20_000;
  private static final int FEW = 100;
  private static final int REGISTRATIONS = 10_000;
  private static final int PER_SOURCE = 100;
  private static final int ROUNDS = 20;
  private static final long CALL_BYTES = 2048;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final SharedStates states = new SharedStates();
  private final HelperProtocol.Factory factory =
      new SipProtocol().configure(Map.of(), HelperLimits.DEFAULT);
  private final ByteBuffer packet = ByteBuffer.allocate(2000);
  private final ByteCursor cursor = new ByteCursor();
  private final Sink sink = new Sink();

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  /** A phone behind masquerade, and its server. */
  private DatagramHelper flow(String phone, int seenPort) {
    Endpoint server = new Endpoint(address("198.51.100.7"), 5060);
    FlowFacts facts =
        new FlowFacts(
            Transport.UDP,
            new Endpoint(address(phone), 5060),
            new Endpoint(address("203.0.113.1"), seenPort),
            server,
            server,
            FlowFacts.Origin.FIRST_BYTE);
    return (DatagramHelper) factory.open(facts, states.of("sip"));
  }

  private void say(DatagramHelper flow, Direction direction, String text) {
    byte[] bytes = text.replace("\n", "\r\n").getBytes(StandardCharsets.ISO_8859_1);
    packet.put(0, bytes);
    flow.onDatagram(direction, cursor.wrap(packet, 0, bytes.length, 0), 1, sink);
  }

  private static String message(
      String first, String call, String toTag, int cseq, String method, String own, String more) {
    return first
        + "\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK"
        + call
        + cseq
        + "\nFrom: <sip:a@example.com>;tag=f"
        + call
        + "\nTo: <sip:b@example.com>"
        + toTag
        + "\nCall-ID: "
        + call
        + "@example.com\nCSeq: "
        + cseq
        + " "
        + method
        + "\nContact: <sip:x@"
        + own
        + ":5060>\n"
        + more;
  }

  private static String sdp(String host, int port) {
    String body =
        "v=0\no=- 1 1 IN IP4 %1$s\ns=-\nc=IN IP4 %1$s\nt=0 0\nm=audio %2$d RTP/AVP 0\nm=video %3$d RTP/AVP 31\n"
            .formatted(host, port, port + 2);
    int length = body.replace("\n", "\r\n").length();
    return "Content-Type: application/sdp\nContent-Length: " + length + "\n\n" + body;
  }

  /** INVITE, 200 and ACK of a call with audio and video. */
  private void call(DatagramHelper flow, int number) {
    String call = "c" + number;
    int port = 30_000 + 4 * (number % 8_000);
    String invite = "INVITE sip:b@198.51.100.7 SIP/2.0";
    String tag = ";tag=t" + call;
    say(
        flow,
        Direction.ORIGINAL,
        message(invite, call, "", 1, "INVITE", "192.0.2.10", sdp("192.0.2.10", port)));
    say(
        flow,
        Direction.REPLY,
        message(
            "SIP/2.0 200 OK", call, tag, 1, "INVITE", "198.51.100.7", sdp("198.51.100.7", port)));
    say(
        flow,
        Direction.ORIGINAL,
        message(
            "ACK sip:b@198.51.100.7 SIP/2.0",
            call,
            tag,
            1,
            "ACK",
            "192.0.2.10",
            "Content-Length: 0\n\n"));
  }

  private void hangUp(DatagramHelper flow, int number) {
    String call = "c" + number;
    String tag = ";tag=t" + call;
    String bye = "BYE sip:b@198.51.100.7 SIP/2.0";
    String end = "Content-Length: 0\n\n";
    say(flow, Direction.ORIGINAL, message(bye, call, tag, 2, "BYE", "192.0.2.10", end));
    say(flow, Direction.REPLY, message("SIP/2.0 200 OK", call, tag, 2, "BYE", "198.51.100.7", end));
  }

  /** What some work costs a thread. */
  private record Cost(long bytes, long nanoseconds) {
    /** The least of several rounds: what others do to the machine is not ours. */
    static Cost least(Runnable round) {
      long bytes = Long.MAX_VALUE;
      long nanoseconds = Long.MAX_VALUE;
      for (int i = 0; i < ROUNDS; i++) {
        long bytesBefore = THREADS.getCurrentThreadAllocatedBytes();
        long before = THREADS.getCurrentThreadCpuTime();
        round.run();
        nanoseconds = Math.min(nanoseconds, THREADS.getCurrentThreadCpuTime() - before);
        bytes = Math.min(bytes, THREADS.getCurrentThreadAllocatedBytes() - bytesBefore);
      }
      return new Cost(bytes, nanoseconds);
    }

    void assertNotMoreThan(Cost few) {
      assertTrue(bytes <= few.bytes() * 1.02, () -> this + " after " + few);
      assertTrue(nanoseconds <= few.nanoseconds() * 5, () -> this + " after " + few);
    }
  }

  @Test
  void aMessageOfACall_costsTheSameWith20000CallsInItsFlow_andEachTakesLessThan2KiB() {
    DatagramHelper flow = flow("192.0.2.10", 5060);
    SharedMap<?> calls = states.of("sip").map("calls", CALLS, NOTHING);
    for (int number = 0; number < FEW; number++) {
      call(flow, number);
    }
    assertEquals(FEW, calls.size());
    int[] next = {100_000};
    Runnable some =
        () -> {
          for (int i = 0; i < 20; i++) {
            int number = next[0]++;
            call(flow, number);
            hangUp(flow, number);
          }
        };
    for (int warm = 0; warm < 10; warm++) {
      some.run();
    }
    Cost few = Cost.least(some);
    states.purge(1 + Duration.ofMinutes(1).toNanos()); // what is over was remembered until now
    assertEquals(FEW, calls.size());

    long before = UsedHeap.bytes();
    for (int number = FEW; number < CALLS - 500; number++) {
      call(flow, number);
    }
    long each = (UsedHeap.bytes() - before) / (CALLS - 500 - FEW);
    assertEquals(CALLS - 500, calls.size());
    assertTrue(each <= CALL_BYTES, () -> each + " bytes each");
    assertTrue(each >= CALL_BYTES / 4, () -> each + " bytes each");
    Cost many = Cost.least(some);
    many.assertNotMoreThan(few);
    assertEquals(List.of(), sink.reasons);

    for (int number = CALLS - 500; number < CALLS + 5; number++) {
      call(flow, number);
    }
    assertEquals(CALLS, calls.size());
    assertTrue(sink.reasons.contains("tooManyCalls"), () -> sink.reasons.toString());
  }

  @Test
  void aRegister_costsTheSameWith10000Registrations_andEachTakesLessThan2KiB() {
    List<DatagramHelper> flows = new ArrayList<>();
    for (int source = 0; source < REGISTRATIONS / PER_SOURCE; source++) {
      flows.add(flow("192.0.2." + (1 + source), 10_000 + source));
    }
    SharedMap<?> registrations = states.of("sip").map("registrations", REGISTRATIONS, NOTHING);
    for (int number = 0; number < FEW; number++) {
      register(flows, number);
    }
    Runnable again =
        () -> {
          for (int number = 0; number < FEW; number++) {
            register(flows, number);
          }
        };
    again.run();
    Cost few = Cost.least(again);
    long before = UsedHeap.bytes();
    for (int number = FEW; number < REGISTRATIONS; number++) {
      register(flows, number);
    }
    long each = (UsedHeap.bytes() - before) / (REGISTRATIONS - FEW);
    assertEquals(REGISTRATIONS, registrations.size());
    assertEquals(List.of(), sink.reasons);
    assertTrue(each <= CALL_BYTES, () -> each + " bytes each");
    assertTrue(each >= CALL_BYTES / 8, () -> each + " bytes each");
    Cost.least(again).assertNotMoreThan(few);

    register(flows, REGISTRATIONS);
    assertEquals("tooManyRegistrationsOfSource", sink.reasons.get(0));
    sink.reasons.clear();
    register(flow("192.0.2.250", 20_000), "192.0.2.250", 0);
    assertEquals("tooManyRegistrations", sink.reasons.get(0));
  }

  private void register(List<DatagramHelper> flows, int number) {
    int source = number / PER_SOURCE % flows.size();
    register(flows.get(source), "192.0.2." + (1 + source), number);
  }

  private void register(DatagramHelper flow, String phone, int number) {
    String text =
        "\nVia: SIP/2.0/UDP "
            + phone
            + ":5060;branch=z9hG4bKr"
            + number
            + "\nFrom: <sip:p"
            + number
            + "@example.com>;tag=r\nTo: <sip:p"
            + number
            + "@example.com>\nCall-ID: r"
            + number
            + "\nCSeq: 1 REGISTER\nContact: <sip:p"
            + number
            + "@"
            + phone
            + ":5060>;expires=600\nContent-Length: 0\n\n";
    say(flow, Direction.ORIGINAL, "REGISTER sip:198.51.100.7 SIP/2.0" + text);
    say(flow, Direction.REPLY, "SIP/2.0 200 OK" + text);
  }

  /** Looks at a map only. */
  private static final SharedMap.Codec<Object> NOTHING =
      new SharedMap.Codec<>() {
        @Override
        public String write(Object value, long nowNs) {
          return "";
        }

        @Override
        public @Nullable Object read(String text, long nowNs) {
          return null;
        }
      };

  /** Opens whatever is asked for, on the outside address, and keeps nothing but reasons. */
  private static final class Sink extends QuietSink {
    private final List<String> reasons = new ArrayList<>();
    private final InetAddress outside = address("203.0.113.1");

    @Override
    protected Endpoint seenOf(Endpoint inside) {
      return new Endpoint(outside, inside.port());
    }

    @Override
    public void report(Reason reason, long streamOffset) {
      if (!reasons.contains(reason.word())) {
        reasons.add(reason.word());
      }
    }
  }
}
