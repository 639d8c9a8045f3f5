package org.pinholed.helper.ftp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SimpleState;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.stream.InOrderStream;

/**
 * What reading costs: bytes of heap for a packet and for a flow, and work for the longest lines.
 */
class FtpCostTest {
  private static final SimpleState NOTHING_SHARED = new SimpleState();
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** One flow as the agent holds it. */
  private static final class Flow implements OutcomeSink {
    private final StreamHelper helper;
    private final InOrderStream client = new InOrderStream(HelperLimits.DEFAULT);
    private final InOrderStream server = new InOrderStream(HelperLimits.DEFAULT);
    private final InOrderStream.Reader clientReader = this::onClientBytes;
    private final InOrderStream.Reader serverReader = this::onServerBytes;

    Flow(HelperProtocol.Factory factory, FlowFacts facts) {
      helper = (StreamHelper) factory.open(facts, NOTHING_SHARED);
      client.start(1);
      server.start(2);
    }

    private int onClientBytes(ByteCursor bytes) {
      return helper.onBytes(Direction.ORIGINAL, bytes, 0, this);
    }

    private int onServerBytes(ByteCursor bytes) {
      return helper.onBytes(Direction.REPLY, bytes, 0, this);
    }

    void client(ByteBuffer segment) {
      client.push(
          client.sequenceOf(client.bytesRead()), segment, 0, segment.capacity(), clientReader);
    }

    void server(ByteBuffer segment) {
      server.push(
          server.sequenceOf(server.bytesRead()), segment, 0, segment.capacity(), serverReader);
    }

    @Override
    public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
      return List.of(Optional.of(requests.get(0).destination()));
    }

    @Override
    public void activate(@Nullable OwnerId owner, String group) {}

    @Override
    public void close(@Nullable OwnerId owner, String group) {}

    @Override
    public void keepOwner(OwnerId owner, Duration atMost) {}

    @Override
    public void endOwner(OwnerId owner, Children children) {}

    @Override
    public void cut(Reason reason, long streamOffset) {}

    @Override
    public void edit(long streamOffset, int lengthBytes, byte[] replacement) {}

    @Override
    public void report(Reason reason, long streamOffset) {}

    @Override
    public void understood(HelperWord word) {}
  }

  private static Flow flow() {
    return new Flow(
        new FtpProtocol().configure(Map.of(), HelperLimits.DEFAULT),
        FtpDialogue.facts(FlowFacts.Origin.FIRST_BYTE, false));
  }

  private static ByteBuffer packet(String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    return ByteBuffer.allocateDirect(bytes.length).put(0, bytes);
  }

  private static long allocatedBytes(Runnable action) {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      action.run();
      best = Math.min(best, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    return best;
  }

  @Test
  void segmentsOfNoInterest_allocateNothing() {
    Flow flow = flow();
    flow.server(packet("220 ready\r\n"));
    ByteBuffer commands = packet("NOOP\r\nTYPE I\r\nXYZ a\r\nRETR file name.txt\r\n");
    ByteBuffer replies = packet("200 ok\r\n200 ok\r\n500-no\r\n  no\r\n500 no\r\n226 done\r\n");
    Runnable dialogue =
        () -> {
          for (int count = 0; count < 200; count++) {
            flow.client(commands);
            flow.server(replies);
          }
        };
    dialogue.run();
    assertEquals(0, allocatedBytes(() -> {}), "the measurement itself");
    assertEquals(0, allocatedBytes(dialogue));
  }

  @Test
  void anIdleFlow_isSmall() {
    HelperProtocol.Factory factory = new FtpProtocol().configure(Map.of(), HelperLimits.DEFAULT);
    FlowFacts facts = FtpDialogue.facts(FlowFacts.Origin.FIRST_BYTE, false);
    ByteBuffer greeting = packet("220 ready\r\n");
    ByteBuffer login = packet("USER anonymous\r\n");
    List<Flow> flows = new ArrayList<>(1000);
    long bytes =
        allocatedBytes(
            () -> {
              flows.clear();
              for (int count = 0; count < 1000; count++) {
                Flow flow = new Flow(factory, facts);
                flow.server(greeting);
                flow.client(login);
                flows.add(flow);
              }
            });
    assertEquals(1000, flows.size());
    assertTrue(bytes < 1000 * 1024, bytes / 1000 + " bytes a flow");
  }

  /** With work that grows as the square of the line, each of these would take a minute and more. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "x",
        "(",
        "|",
        "1,",
        "1,2,3,4,5,",
        "9",
        "\u00ff",
        "\u00ff\u00fa",
        "\u00ff\u00f0",
        "(|",
        "\r"
      })
  void theWorstLines_takeLinearTime(String pattern) {
    String filler = pattern.repeat(8100 / pattern.length());
    ByteBuffer asked = packet("PASV\r\nEPSV\r\nPORT " + filler + "\r\nEPRT " + filler + "\r\n");
    ByteBuffer answered =
        packet("227 " + filler + "\r\n229 " + filler + "\r\n500 no\r\n500 no\r\n");
    Flow flow = flow();
    flow.server(packet("220 ready\r\n"));
    assertTimeout(
        Duration.ofSeconds(20),
        () -> {
          for (int count = 0; count < 500; count++) {
            flow.client(asked);
            flow.server(answered);
          }
        });
  }
}
