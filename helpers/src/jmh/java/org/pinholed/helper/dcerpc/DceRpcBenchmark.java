package org.pinholed.helper.dcerpc;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.pinholed.helper.ByteCursor;
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
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.DceRpcWord;
import org.pinholed.helper.dcerpc.words.Syntax;
import org.pinholed.helper.stream.InOrderStream;

/**
 * What an ept_map costs: the parser of its reply alone, and request and reply, each as a segment
 * through stream and helper. Compared with the 227 parser of {@code FtpBenchmark}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class DceRpcBenchmark {
  private static final String INTERFACES =
      "05001300 0d 785734123412cdabef000123456789ac 0100 0200 0000"
          + "1300 0d 045d888aeb1cc9119fe808002b104860 0200 0200 0000";
  private static final String TCP = "0100 0b 0200 0000 0100 07 0200 c002 0100 09 0400 cb00710a";

  /** As long as that of TCP: HTTP on port 593. */
  private static final String HTTP = "0100 0b 0200 0000 0100 1f 0200 0251 0100 09 0400 cb00710a";

  private static final String EMPTY_HANDLE = "00".repeat(20);

  private final ByteBuffer request =
      packet(
          "05000003 10000000 8c000000 02000000 74000000 0000 0300 00000000 01000000"
              + "4b0000004b000000"
              + INTERFACES
              + TCP
              + "00"
              + EMPTY_HANDLE
              + "01000000");
  private final ByteBuffer reply = reply(TCP);
  private final ByteBuffer replyOfHttp = reply(HTTP);
  private final ByteCursor cursor = new ByteCursor();
  private final StubReader stub = new StubReader(new ByteCursor());
  private final DceRpcViews views = new DceRpcViews();
  private final Flow flow = new Flow();

  /** Brings the flow to where it spends its life, and tries that a reply opens. */
  public DceRpcBenchmark() {
    flow.fromClient(
        packet(
            "05000b03 10000000 48000000 01000000 b810b810 00000000 01000000 00000100"
                + "0883afe1 1f5dc911 91a40800 2b14a0fa 03000000"
                + "045d888a eb1cc911 9fe80800 2b104860 02000000"));
    flow.fromServer(
        packet(
            "05000c03 10000000 3c000000 01000000 b810b810 a2c50000 04003133 35000000"
                + "01000000 00000000 045d888a eb1cc911 9fe80800 2b104860 02000000"));
    if (map() != 1) {
      throw new IllegalStateException("announced: " + flow.announced + " (expected: 1)");
    }
  }

  private static ByteBuffer reply(String floors) {
    return packet(
        "05000203 10000000 98000000 02000000 80000000 00000000"
            + EMPTY_HANDLE
            + "01000000 01000000 00000000 01000000 02000000 4b0000004b000000"
            + INTERFACES
            + floors
            + "00"
            + "00000000");
  }

  private static ByteBuffer packet(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    return ByteBuffer.allocateDirect(bytes.length).put(0, bytes);
  }

  /** The stub of a reply with one tower, as the parser of FTP reads a 227. */
  @Benchmark
  public int parseReply() {
    cursor.wrap(reply, 0, reply.capacity(), 0);
    int stubAt = PduView.CALL_HEADER_BYTES;
    stub.wrap(cursor, stubAt, reply.capacity() - stubAt, ByteOrder.LITTLE_ENDIAN, Syntax.NDR);
    DceRpcReason reason = views.readReply(DceRpcWord.EPT_MAP, stub);
    if (reason != null || views.ports.count() != 1) {
      throw new IllegalStateException("ports: " + views.ports.count() + " (expected: 1)");
    }
    return views.ports.port(0);
  }

  /** A service that is announced again and again. */
  @Benchmark
  public int map() {
    flow.fromClient(request);
    flow.fromServer(reply);
    return flow.announced;
  }

  /** A service whose tower has no port to open: all is read, and nothing opens. */
  @Benchmark
  public @Nullable HelperWord mapWithoutPort() {
    flow.fromClient(request);
    flow.fromServer(replyOfHttp);
    return flow.last;
  }

  private static Endpoint endpoint(int a, int b, int c, int d, int port)
      throws UnknownHostException {
    byte[] address = {(byte) a, (byte) b, (byte) c, (byte) d};
    return new Endpoint(InetAddress.getByAddress(address), port);
  }

  /** Maps without bounds, of one thread. */
  private static final class Maps implements SharedState {
    @Override
    public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec) {
      return new PlainMap<>();
    }
  }

  /** Values without a time, which is enough for one service. */
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

  /** One flow as the agent holds it. */
  private static final class Flow implements OutcomeSink {
    private final InOrderStream client = new InOrderStream(HelperLimits.DEFAULT);
    private final InOrderStream server = new InOrderStream(HelperLimits.DEFAULT);
    private final InOrderStream.Reader onClient = this::onClient;
    private final InOrderStream.Reader onServer = this::onServer;
    private final StreamHelper helper;
    private @Nullable HelperWord last;
    private int announced;

    Flow() {
      client.start(0);
      server.start(0);
      try {
        Endpoint asks = endpoint(198, 51, 100, 9, 50000);
        Endpoint mapper = endpoint(203, 0, 113, 10, 135);
        FlowFacts facts =
            new FlowFacts(Transport.TCP, asks, asks, mapper, mapper, FlowFacts.Origin.FIRST_BYTE);
        helper =
            (StreamHelper)
                new DceRpcProtocol()
                    .configure(Map.of(), HelperLimits.DEFAULT)
                    .open(facts, new Maps());
      } catch (UnknownHostException e) {
        throw new IllegalStateException(e);
      }
    }

    void fromClient(ByteBuffer bytes) {
      client.push(client.sequenceOf(client.bytesRead()), bytes, 0, bytes.capacity(), onClient);
    }

    void fromServer(ByteBuffer bytes) {
      server.push(server.sequenceOf(server.bytesRead()), bytes, 0, bytes.capacity(), onServer);
    }

    private int onClient(ByteCursor bytes) {
      return helper.onBytes(Direction.ORIGINAL, bytes, 0, this);
    }

    private int onServer(ByteCursor bytes) {
      return helper.onBytes(Direction.REPLY, bytes, 0, this);
    }

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
