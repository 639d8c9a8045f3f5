package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * From which byte on a helper is fed whose messages may be longer than a segment, if the agent that
 * read the flow before was killed.
 */
class ResumedStreamTest {
  private final List<String> fed = new ArrayList<>();
  private final WorkerBench bench;
  private final TcpDialogue flow;

  ResumedStreamTest() throws NetlinkException {
    bench = new WorkerBench(new Messages(), AgentConfig.Limits.DEFAULT, Duration.ofSeconds(30));
    flow =
        new TcpDialogue(
                bench,
                new InetSocketAddress("192.0.2.10", 40001),
                TcpDialogue.SERVER,
                0x1234,
                25 | WorkerBench.MARKS.vetted() | WorkerBench.MARKS.proven())
            .connectUnseen();
  }

  /** A message begins with {@code M}. */
  private final class Messages implements HelperProtocol {
    @Override
    public String name() {
      return "test";
    }

    @Override
    public Set<Transport> transports() {
      return Set.of(Transport.TCP);
    }

    @Override
    public Map<String, String> options() {
      return Map.of();
    }

    @Override
    public EntryLimits limits() {
      return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 8);
    }

    @Override
    public Factory configure(Map<String, Object> options, HelperLimits limits) {
      return (facts, shared) -> new Reader();
    }
  }

  private final class Reader implements StreamHelper {
    @Override
    public boolean hasLongMessages(Direction direction) {
      return true;
    }

    @Override
    public boolean mayBeginWith(Direction direction, ByteCursor segment) {
      return segment.buffer().get(segment.position()) == 'M';
    }

    @Override
    public String stateWord() {
      return "read";
    }

    @Override
    public String snapshot() {
      return "";
    }

    @Override
    public boolean restore(String snapshot) {
      return false;
    }

    @Override
    public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
      byte[] shown = new byte[bytes.remaining()];
      bytes.buffer().get(bytes.position(), shown);
      fed.add(
          (direction == Direction.ORIGINAL ? "client " : "server ")
              + new String(shown, StandardCharsets.US_ASCII));
      return bytes.remaining();
    }
  }

  @AfterEach
  void everyPacketPassed() {
    bench.assertVerdicts();
  }

  @Test
  void firstSegment_ofWhichNobodyKnowsWhatIsBeforeIt_passesUnread() {
    flow.client("M1 in the middle of a message, perhaps");
    assertEquals(List.of(), fed);
    // its answer acknowledges it, and all of the server's was acknowledged by it
    flow.server("M2 answer");
    assertEquals(List.of("server M2 answer"), fed);
    flow.client("M3 next");
    assertEquals(List.of("server M2 answer", "client M3 next"), fed);
  }

  @Test
  void segmentBehindOneThatIsNotAcknowledged_passesUnread() {
    flow.client("M1");
    flow.deliver(flow.serverAcknowledging(0, "M2"));
    fed.clear();
    byte[] lost = flow.clientSays("a part of ", 0);
    byte[] second = flow.clientSays("M a message", 0);
    flow.deliver(second);
    assertEquals(List.of(), fed, "what is before it may be the beginning of its message");
    flow.deliver(lost);
    assertEquals(List.of(), fed, "no message begins with it");
    flow.server("M3");
    flow.client("M4").client("M5");
    assertEquals(List.of("server M3", "client M4", "client M5"), fed);
  }

  /**
   * What an agent before this one held the sender sends again, from where nothing is acknowledged.
   */
  @Test
  void segmentThatIsSentAgain_isReadFromItsBeginning_onceAndNoMore() {
    flow.client("M1");
    flow.server("M2");
    fed.clear();
    byte[] held = flow.clientSays("M3", 0);
    flow.deliver(held);
    flow.deliver(held.clone());
    flow.client("M4");
    assertEquals(List.of("client M3", "client M4"), fed);
  }

  @Test
  void oldSegment_beginsNothing() {
    byte[] old = flow.clientSays("M0", 0);
    flow.deliver(old);
    flow.server("M2");
    fed.clear();
    flow.deliver(old.clone());
    assertEquals(List.of(), fed);
    flow.client("M3");
    assertEquals(List.of("client M3"), fed);
  }
}
