package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.time.Clock;
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
  void everyPacketHasOneVerdict() {
    bench.assertVerdicts();
  }

  private static PacketView view(byte[] packet) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(packet), 0, packet.length));
    return view;
  }

  private static String payload(byte[] packet) {
    PacketView view = view(packet);
    return new String(
        packet, view.payloadOffset(), view.payloadLengthBytes(), StandardCharsets.US_ASCII);
  }

  private static String lastPassed(WorkerBench of) {
    List<byte[]> passed = of.queue().passed();
    return payload(passed.get(passed.size() - 1));
  }

  /** How many packets had a question in their place. */
  private static int asked(WorkerBench of) {
    return of.metrics().of("withheld askedIfFirst");
  }

  /** The server says how far it has the client's bytes. */
  private void acknowledge(int moreBytes) {
    flow.deliver(flow.serverAcknowledging(moreBytes, ""));
  }

  @Test
  void firstSegment_itsReceiverIsAsked_andItIsReadWhenItComesAgain() {
    byte[] first = flow.clientSays("M1", PacketView.FIN);
    flow.deliver(first);
    assertEquals(List.of(), fed);
    PacketView question = view(bench.queue().passed().get(0));
    assertEquals(0, question.payloadLengthBytes());
    assertEquals(view(first).sequence() - 1, question.sequence());
    assertEquals(view(first).acknowledgement(), question.acknowledgement());
    assertFalse(question.has(PacketView.FIN));
    assertEquals(1, asked(bench));
    assertTrue(bench.backend().transactions().contains("hold " + 0x1234 + " original"));

    acknowledge(-3); // a FIN has a number, too
    flow.deliver(first.clone());
    assertEquals(List.of("client M1"), fed);
    assertEquals("M1", lastPassed(bench));
    assertEquals(1, asked(bench));
  }

  @Test
  void segmentBeforeWhichAllIsAcknowledged_isReadAtOnce() {
    flow.server("not the beginning of a message"); // acknowledges all of the client's
    flow.client("M1").server("M2").client("M3");
    assertEquals(List.of("client M1", "server M2", "client M3"), fed);
    assertEquals(0, asked(bench));
  }

  @Test
  void segmentThatBeginsNoMessage_passesUnread_andNobodyIsAsked() {
    flow.client("in the middle of a message");
    assertEquals("in the middle of a message", lastPassed(bench));
    assertEquals(List.of(), fed);
    assertEquals(0, asked(bench));
  }

  @Test
  void receiverLacksWhatIsBefore_theSegmentPassesUnread() {
    byte[] lost = flow.clientSays("a part of ", 0);
    byte[] second = flow.clientSays("M a message", 0);
    flow.deliver(second);
    acknowledge(-"a part of M a message".length());
    flow.deliver(lost);
    assertEquals("a part of ", lastPassed(bench));
    flow.deliver(second.clone());
    assertEquals("M a message", lastPassed(bench));
    assertEquals(List.of(), fed);
    flow.server("M3");
    flow.client("M4").client("M5");
    assertEquals(List.of("server M3", "client M4", "client M5"), fed);
    assertEquals(1, asked(bench));
  }

  /** It comes once more, because its acknowledgement was lost: it begins nothing. */
  @Test
  void receiverHasTheSegmentAlready_itPassesUnread_andReadingBeginsBehindIt() {
    byte[] old = flow.clientSays("M0", 0);
    flow.deliver(old);
    acknowledge(0);
    flow.deliver(old.clone());
    assertEquals("M0", lastPassed(bench));
    assertEquals(List.of(), fed);
    flow.client("M1");
    assertEquals(List.of("client M1"), fed);
  }

  @Test
  void nobodyAnswers_theSegmentPassesUnreadWhenItComesAgain_andIsNotAskedOfOnceMore() {
    byte[] first = flow.clientSays("M1", 0);
    flow.deliver(first);
    flow.deliver(first.clone());
    assertEquals("M1", lastPassed(bench));
    flow.deliver(first.clone());
    assertEquals("M1", lastPassed(bench));
    assertEquals(List.of(), fed);
    assertEquals(1, asked(bench));
  }

  @Test
  void receiverThatNeverAnswers_isAskedThreeTimes() {
    for (int message = 0; message < 6; message++) {
      byte[] packet = flow.clientSays("M" + message, 0);
      flow.deliver(packet);
      flow.deliver(packet.clone());
      assertEquals("M" + message, lastPassed(bench));
    }
    assertEquals(3, asked(bench));
    assertEquals(List.of(), fed);
    acknowledge(0);
    flow.client("M7");
    assertEquals(List.of("client M7"), fed, "it is read all the same once it is known");
  }

  @Test
  void acknowledgementFromBeforeTheQuestion_isNoAnswer() {
    flow.client("old words");
    byte[] first = flow.clientSays("M1", 0);
    flow.deliver(first);
    acknowledge(-"old wordsM1".length());
    acknowledge(-2);
    flow.deliver(first.clone());
    assertEquals(List.of("client M1"), fed);
  }

  @Test
  void segmentBehindTheOneThatWasAskedOf_passesWhereNothingIsTranslated_andIsReadBehindIt() {
    byte[] first = flow.clientSays("M1 ", 0);
    byte[] second = flow.clientSays("goes on", 0);
    flow.deliver(first);
    flow.deliver(second);
    assertEquals("goes on", lastPassed(bench));
    acknowledge(-10);
    flow.deliver(first.clone());
    assertEquals(List.of("client M1 ", "client goes on"), fed);
  }

  /**
   * What an agent before this one held the sender sends again, from where nothing is acknowledged.
   */
  @Test
  void segmentThatIsSentAgain_isReadFromItsBeginning_onceAndNoMore() {
    flow.server("acknowledges all of the client's");
    byte[] held = flow.clientSays("M3", 0);
    flow.deliver(held);
    flow.deliver(held.clone());
    flow.client("M4");
    assertEquals(List.of("client M3", "client M4"), fed);
  }

  @Test
  void oldSegment_beginsNothing() {
    byte[] old = flow.clientSays("M0", 0);
    flow.server("M2");
    fed.clear();
    flow.deliver(old);
    assertEquals("M0", lastPassed(bench));
    assertEquals(List.of(), fed);
    flow.client("M3");
    assertEquals(List.of("client M3"), fed);
  }

  /** The client is behind a source translation: what it says must be changed. */
  @Nested
  class Translated {
    private static final String LINE = "OFFER <192.0.2.10:30000> and <192.0.2.10:30002> end\n";
    private static final String SEEN = "OFFER <203.0.113.9:30000> and <203.0.113.9:30002> end\n";

    private final AtomicLong nowNs = new AtomicLong(1_000_000_000L);
    private final WorkerBench own;
    private final TcpDialogue hidden;

    Translated() throws NetlinkException {
      own =
          WorkerBench.at(
              new LineProtocol(false),
              new Clock() {
                @Override
                public long nanoTime() {
                  return nowNs.get();
                }

                @Override
                public long epochMicros() {
                  return nowNs.get() / 1000;
                }
              });
      own.queue().allowDrops();
      InetSocketAddress server = TcpDialogue.SERVER;
      hidden =
          new TcpDialogue(
                  own,
                  new InetSocketAddress("192.0.2.10", 40001),
                  server,
                  new InetSocketAddress("203.0.113.9", 40001),
                  server,
                  0x77,
                  25 | WorkerBench.MARKS.vetted() | WorkerBench.MARKS.proven())
              .connectUnseen();
      hidden.connection().makeAdjustable();
    }

    @AfterEach
    void everyPacketHasOneVerdict() {
      own.assertVerdicts();
    }

    /** What arrived at the server, in the order in which it left. */
    private String arrived() {
      return own.queue().passed().stream()
          .map(ResumedStreamTest::payload)
          .collect(Collectors.joining());
    }

    private void acknowledge(int moreBytes) {
      hidden.deliver(hidden.serverAcknowledging(moreBytes, ""));
    }

    @Test
    void firstMessage_isChanged() {
      byte[] first = hidden.clientSays(LINE, 0);
      hidden.deliver(first);
      assertEquals("", arrived());
      acknowledge(-LINE.length());
      hidden.deliver(first.clone());
      assertEquals(SEEN, arrived());
    }

    @Test
    void firstMessageOverTwoSegments_theSecondOneWaits_andBothAreChanged() {
      byte[] first = hidden.clientSays(LINE.substring(0, 20), 0);
      byte[] second = hidden.clientSays(LINE.substring(20), 0);
      hidden.deliver(first);
      hidden.deliver(second);
      assertEquals(1, own.queue().held().size());
      acknowledge(-LINE.length());
      hidden.deliver(first.clone());
      assertEquals(SEEN, arrived());
    }

    @Test
    void nobodyAnswers_bothPassAsTheyCame_inOrder() {
      byte[] first = hidden.clientSays(LINE.substring(0, 20), 0);
      hidden.deliver(first);
      hidden.deliver(hidden.clientSays(LINE.substring(20), 0));
      hidden.deliver(first.clone());
      assertEquals(LINE, arrived());
      byte[] more = hidden.clientSays("more\n", 0);
      hidden.deliver(more);
      hidden.deliver(more.clone());
      assertEquals(LINE + "more\n", arrived());
    }

    @Test
    void whatWaitsForTheFirstSegment_doesNotWaitForLong_andWhatComesAgainPasses() {
      byte[] first = hidden.clientSays(LINE.substring(0, 20), 0);
      byte[] second = hidden.clientSays(LINE.substring(20), 0);
      hidden.deliver(first);
      hidden.deliver(second);
      nowNs.addAndGet(600_000_000L);
      own.turn();
      assertEquals(List.of(), own.queue().held());
      assertEquals("", arrived(), "its sender sends it again");
      acknowledge(-LINE.length());
      hidden.deliver(first.clone());
      hidden.deliver(second.clone());
      String begun = SEEN.substring(0, SEEN.indexOf(" and ") + 5);
      assertEquals(begun, arrived(), "one change of length waits for the other");
      acknowledge(begun.length() - LINE.length());
      String rest = LINE.substring(LINE.indexOf(" and ") + 5);
      hidden.deliver(hidden.clientOutOfTurn(-rest.length(), rest, 0));
      assertEquals(SEEN, arrived());
    }

    @Test
    void receiverHasIt_nothingWaits_andTheNextMessageIsChanged() {
      byte[] old = hidden.clientSays("old words\n", 0);
      hidden.deliver(old);
      acknowledge(0);
      hidden.client(LINE);
      assertEquals(SEEN, arrived());
    }

    /** Bytes that passed by us, because the queue was full: they are not waited for. */
    @Test
    void gapThatTheReceiverHas_isNotWaitedFor() {
      byte[] old = hidden.clientSays("old words\n", 0);
      hidden.deliver(old);
      hidden.deliver(old.clone());
      hidden.clientSays("never seen\n", 0);
      byte[] next = hidden.clientSays("M passes\n", 0);
      hidden.deliver(next);
      hidden.deliver(next.clone());
      assertEquals("old words\nM passes\n", arrived());
      hidden.clientSays("neither\n", 0);
      acknowledge(0);
      hidden.client(LINE);
      assertEquals("old words\nM passes\n" + SEEN, arrived());
    }
  }
}
