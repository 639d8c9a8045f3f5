package org.pinholed.helper.sip.message;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;

/** What reading a message of SIP costs, from packet buffers outside the heap. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SipMessageBenchmark {
  private static final String INVITE =
      """
      INVITE sip:bob@203.0.113.10:5060 SIP/2.0
      Via: SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9hG4bK776asdhds
      Via: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKinner
      Max-Forwards: 70
      From: <sip:alice@example.com>;tag=1928301774
      To: <sip:bob@example.com>
      Call-ID: a84b4c76e66710@192.0.2.10
      CSeq: 314159 INVITE
      Contact: "192.0.2.10:5060" <sip:192.0.2.10@192.0.2.10:5062;ob;line=192.0.2.10>;reg-id=1
      User-Agent: phone 192.0.2.10
      Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, REFER
      Content-Type: application/sdp
      Content-Length: 137

      v=0
      o=- 3394 1 IN IP4 192.0.2.10
      s=call from 192.0.2.10
      c=IN IP4 192.0.2.10
      t=0 0
      m=audio 4000 RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      """;

  private static final String RINGING =
      """
      SIP/2.0 180 Ringing
      Via: SIP/2.0/UDP 192.0.2.10:5062;rport=5062;received=203.0.113.1;branch=z9hG4bK776asdhds
      From: <sip:alice@example.com>;tag=1928301774
      To: <sip:bob@example.com>;tag=a6c85cf
      Call-ID: a84b4c76e66710@192.0.2.10
      CSeq: 314159 INVITE
      Contact: <sip:bob@203.0.113.10:5060>
      Content-Length: 0

      """;

  private final ByteBuffer invite = packet(INVITE);
  private final ByteBuffer ringing = packet(RINGING);
  private final ByteCursor cursor = new ByteCursor();
  private final SipMessage message = new SipMessage();
  private final UriList list = new UriList();
  private final SipFramer framer = new SipFramer();

  private static ByteBuffer packet(String text) {
    byte[] bytes = text.replace("\n", "\r\n").getBytes(US_ASCII);
    return ByteBuffer.allocateDirect(bytes.length).put(0, bytes);
  }

  private @Nullable SipReason read(ByteBuffer packet) {
    cursor.wrap(packet, 0, packet.capacity(), 0);
    @Nullable SipReason reason = message.readDatagram(cursor, 0, packet.capacity());
    if (reason != null) {
      throw new IllegalStateException(reason.name()); // a benchmark of the wrong thing
    }
    list.begin(message, SipHeader.CONTACT);
    if (!list.next()) {
      throw new IllegalStateException("no Contact");
    }
    return reason;
  }

  /** An INVITE with SDP, and its Contact, as a datagram. */
  @Benchmark
  public SipMessage readInvite() {
    read(invite);
    return message;
  }

  /** An answer without a body, and its Contact, as a datagram. */
  @Benchmark
  public SipMessage readRinging() {
    read(ringing);
    return message;
  }

  /** An INVITE with SDP on a stream: where it begins and ends. */
  @Benchmark
  public int frameInvite() {
    cursor.wrap(invite, 0, invite.capacity(), 0);
    if (framer.next(cursor, 0, invite.capacity()) != SipFramer.Step.MESSAGE) {
      throw new IllegalStateException("no message");
    }
    return framer.end();
  }
}
