package org.pinholed.helper.ftp;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
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
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.helper.text.LineView;

/** What reading FTP costs, from packet buffers outside the heap, as the agent has them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class FtpBenchmark {
  private final ByteBuffer port = packet("PORT 192,0,2,10,156,65\r\n");
  private final ByteBuffer passive = packet(" Entering Passive Mode (198,51,100,20,156,64).\r\n");
  private final ByteBuffer eprt = packet("EPRT |2|2001:db8:1::10|5282|\r\n");
  private final ByteBuffer command = packet("RETR some/file/name.txt\r\n");
  private final ByteBuffer reply = packet("226 Transfer complete.\r\n");
  private final ByteCursor cursor = new ByteCursor();
  private final LineView line = new TelnetLineView();
  private final byte[] address = new byte[16];
  private final Flow flow = new Flow();

  /**
   * Brings the flow to where it spends its life: logged in, and read. That announcements open there
   * is tried, because a helper that waits for a login reads less.
   */
  public FtpBenchmark() {
    reply("220 ready\r\n");
    command("USER anonymous\r\n");
    reply("331 and the password\r\n");
    command("PASS guest\r\n");
    reply("230 in\r\n");
    command("PASV\r\n");
    reply("227 Entering Passive Mode (192,0,2,1,156,64).\r\n");
    if (flow.announced != 1) {
      throw new IllegalStateException("announced: " + flow.announced + " (expected: 1)");
    }
  }

  private void command(String text) {
    flow.fromClient(packet(text));
  }

  private void reply(String text) {
    flow.fromServer(packet(text));
  }

  /** The verb and the six numbers of a PORT command. */
  @Benchmark
  public long parsePort() {
    show(port);
    return FtpWord.readVerb(line) == FtpWord.PORT ? HostPortParser.parseArgument(line) : 0;
  }

  /** The text of a 227 reply. */
  @Benchmark
  public long parsePassive() {
    return HostPortParser.find(show(passive));
  }

  /** The verb and the fields of an EPRT command over IPv6. */
  @Benchmark
  public long parseEprt() {
    show(eprt);
    return FtpWord.readVerb(line) == FtpWord.EPRT
        ? ExtendedPortParser.parseArgument(line, address)
        : 0;
  }

  /** A command and its reply of no interest, each as a segment through stream and helper. */
  @Benchmark
  @OperationsPerInvocation(2)
  public @Nullable HelperWord segmentOfNoInterest() {
    flow.fromClient(command);
    flow.fromServer(reply);
    return flow.last;
  }

  private LineView show(ByteBuffer packet) {
    return line.wrap(cursor.wrap(packet, 0, packet.capacity(), 0), 0, packet.capacity() - 1);
  }

  private static ByteBuffer packet(String text) {
    byte[] bytes = text.getBytes(US_ASCII);
    return ByteBuffer.allocateDirect(bytes.length).put(0, bytes);
  }

  /** FTP shares nothing between flows. */
  private static final SharedState NOTHING_SHARED =
      new SharedState() {
        @Override
        public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec) {
          throw new IllegalStateException(name);
        }
      };

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
        Endpoint at = new Endpoint(InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1}), 21);
        FlowFacts facts = new FlowFacts(Transport.TCP, at, at, at, at, FlowFacts.Origin.FIRST_BYTE);
        helper =
            (StreamHelper)
                new FtpProtocol()
                    .configure(Map.of(), HelperLimits.DEFAULT)
                    .open(facts, NOTHING_SHARED);
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
      announced++;
      return List.of(Optional.of(requests.get(0).destination()));
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
