package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;

/** What reading SIP costs on a routed flow, from packet buffers outside the heap. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SipBenchmark {
  private static final String TAIL =
      """
       198.51.100.10:5062;rport;branch=z9hG4bK776asdhds
      Max-Forwards: 70
      From: <sip:alice@example.com>;tag=1928301774
      To: <sip:bob@example.com>
      Call-ID: a84b4c76e66710@198.51.100.10
      Contact: <sip:alice@198.51.100.10:5062>
      User-Agent: phone
      """;
  private static final String SDP =
      """
      v=0
      o=- 3394 1 IN IP4 198.51.100.10
      s=-
      c=IN IP4 198.51.100.10
      t=0 0
      m=audio 4000 RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
      """;

  private final ByteBuffer options = message("OPTIONS sip:example.com SIP/2.0", "OPTIONS", "");
  private final ByteBuffer answer = message("SIP/2.0 200 OK", "OPTIONS", "");
  private final ByteBuffer invite = message("INVITE sip:bob@example.com SIP/2.0", "INVITE", SDP);
  private final ByteCursor cursor = new ByteCursor();
  private final Sink sink = new Sink();
  private final DatagramHelper helper;
  private long nowNs;

  /** Brings the flow to where it spends its life. */
  public SipBenchmark() {
    try {
      Endpoint phone = endpoint(198, 51, 100, 10, 5062);
      Endpoint server = endpoint(203, 0, 113, 10, 5060);
      FlowFacts facts =
          new FlowFacts(Transport.UDP, phone, phone, server, server, FlowFacts.Origin.FIRST_BYTE);
      helper =
          (DatagramHelper)
              new SipProtocol().configure(Map.of(), HelperLimits.DEFAULT).open(facts, new Maps());
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
    keepAlive();
    inviteAgain();
    if (sink.announced == 0) {
      throw new IllegalStateException("announced: nothing (expected: what the INVITE names)");
    }
  }

  private static Endpoint endpoint(int a, int b, int c, int d, int port)
      throws UnknownHostException {
    byte[] address = {(byte) a, (byte) b, (byte) c, (byte) d};
    return new Endpoint(InetAddress.getByAddress(address), port);
  }

  private static ByteBuffer message(String start, String method, String body) {
    String described = body.isEmpty() ? "" : "Content-Type: application/sdp\n";
    String crlfBody = body.replace("\n", "\r\n");
    String head = start + "\nVia: SIP/2.0/UDP" + TAIL + "CSeq: 1 " + method + "\n" + described;
    String text =
        head.replace("\n", "\r\n") + "Content-Length: " + crlfBody.length() + "\r\n\r\n" + crlfBody;
    byte[] bytes = text.getBytes(US_ASCII);
    return ByteBuffer.allocateDirect(bytes.length).put(0, bytes);
  }

  /** A keep-alive and its answer, of no interest. */
  @Benchmark
  @OperationsPerInvocation(2)
  public @Nullable HelperWord keepAlive() {
    feed(Direction.ORIGINAL, options);
    feed(Direction.REPLY, answer);
    return sink.last;
  }

  /** An INVITE of a call that is known: a retransmission, announced again. */
  @Benchmark
  public int inviteAgain() {
    feed(Direction.ORIGINAL, invite);
    return sink.announced;
  }

  private void feed(Direction direction, ByteBuffer bytes) {
    nowNs += 1000;
    cursor.wrap(bytes, 0, bytes.capacity(), 0);
    helper.onDatagram(direction, cursor, nowNs, sink);
  }

  /** Maps without bounds, of one thread. */
  private static final class Maps implements SharedState {
    @Override
    public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec) {
      return new PlainMap<>();
    }
  }

  /** Values without a time, which is enough for one call. */
  private static final class PlainMap<V> implements SharedMap<V> {
    private final Map<OwnerId, V> values = new HashMap<>();

    @Override
    public @Nullable V get(OwnerId key, long nowNs) {
      return values.get(key);
    }

    @Override
    public boolean change(OwnerId key, long nowNs, TimedChange<V> change) {
      Kept<V> after = change.of(values.get(key));
      if (after == null) {
        values.remove(key);
      } else {
        values.put(key, after.value());
      }
      return true;
    }

    @Override
    public int size() {
      return values.size();
    }
  }

  /** Counts, and opens whatever is asked for. */
  private static final class Sink implements OutcomeSink {
    private @Nullable HelperWord last;
    private int announced;

    @Override
    public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
      List<Optional<Endpoint>> seen = new ArrayList<>(requests.size());
      for (ExpectationRequest request : requests) {
        seen.add(Optional.of(request.destination()));
      }
      announced++;
      return seen;
    }

    @Override
    public void activate(@Nullable OwnerId owner, String group) {}

    @Override
    public void close(@Nullable OwnerId owner, String group, Children children) {}

    @Override
    public void keepOwner(OwnerId owner, Duration atMost, Children children) {}

    @Override
    public void endOwner(OwnerId owner, Children children) {}

    @Override
    public void cut(Reason reason, long streamOffset) {}

    @Override
    public void edit(long streamOffset, int lengthBytes, byte[] replacement) {}

    @Override
    public void report(Reason reason, long streamOffset) {
      throw new IllegalStateException(reason.name()); // a benchmark of the wrong thing
    }

    @Override
    public void understood(HelperWord word) {
      last = word;
    }
  }
}
