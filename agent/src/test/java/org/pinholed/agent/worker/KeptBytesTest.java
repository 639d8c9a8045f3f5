package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.helper.HelperLimits;
import org.pinholed.kernel.netlink.NetlinkException;

/** What helpers keep of messages that are not whole has its place in limits.bufferedBytes. */
class KeptBytesTest {
  private static final HelperLimits STREAM = new HelperLimits(512, 1024, 4, 512);

  /** A client may have a quarter of it. */
  private static final int LIMIT = (int) (4 * STREAM.mostBytesPerFlow());

  private static final int QUARTER = LIMIT / 4;
  private static final AgentConfig.Limits LIMITS =
      new AgentConfig.Limits(8, 100, 100, 1000, 1000, 1024, LIMIT, STREAM);

  private final List<String> heard = new ArrayList<>();

  /** Its helper keeps as many bytes as the last message says. */
  private LambdaProtocol protocol() {
    return new LambdaProtocol((direction, text, facts, out) -> heard.add(text))
        .keeping(Integer::parseInt);
  }

  private WorkerBench streams() throws NetlinkException {
    return new WorkerBench(protocol(), LIMITS, Duration.ofSeconds(30));
  }

  private static TcpDialogue connect(WorkerBench bench, int lastOctet, int id) {
    return new TcpDialogue(
            bench,
            new InetSocketAddress("192.0.2." + lastOctet, 40000 + id),
            TcpDialogue.SERVER,
            id,
            25)
        .connect();
  }

  private static long used(WorkerBench bench) {
    return bench.workers().bufferedBytes();
  }

  private static List<SessionRow> rows(WorkerBench bench) {
    return bench.worker().flows().listing().sessions(ListingFilter.ALL);
  }

  @Test
  void whatAHelperKeeps_isAccounted_untilItKeepsLessOrItsFlowEnds() throws NetlinkException {
    WorkerBench bench = streams();
    TcpDialogue one = connect(bench, 10, 1).server("700");
    TcpDialogue other = connect(bench, 10, 2).client("300");
    assertEquals(1000, used(bench));
    one.client("800");
    assertEquals(1100, used(bench));
    one.server("0");
    assertEquals(300, used(bench));
    other.close();
    assertEquals(0, used(bench));
  }

  @Test
  void helperThatKeepsMoreThanItsClientMayHave_isDropped_withAllItKeeps() throws NetlinkException {
    WorkerBench bench = streams();
    TcpDialogue dialogue = connect(bench, 10, 1).server("" + QUARTER);
    assertEquals(QUARTER, used(bench));
    assertFalse(rows(bench).get(0).opaque());
    dialogue.server("" + (QUARTER + 1));
    assertEquals(0, used(bench));
    assertEquals("bufferBudget", rows(bench).get(0).reason());
    assertTrue(rows(bench).get(0).opaque());
    heard.clear();
    dialogue.server("1");
    assertEquals(List.of(), heard, "it is not read any more");
    assertEquals(0, used(bench));
  }

  /** The victim is not the flow that asks: it is told, and gives back what its helper keeps. */
  @Test
  void largestFlowOfTheClientThatHasMost_givesWay_withWhatItsHelperKeeps() throws NetlinkException {
    WorkerBench bench = streams();
    connect(bench, 10, 1).server("" + (QUARTER - 10));
    connect(bench, 10, 2).server("10");
    for (int client = 1; client <= 3; client++) {
      connect(bench, 20 + client, 10 + client).server("" + (QUARTER - 5));
    }
    assertEquals(LIMIT - 15, used(bench));
    connect(bench, 30, 30).server("16");
    bench.turn();
    assertEquals(1, bench.metrics().of("reason bufferBudget test"));
    assertEquals(3L * (QUARTER - 5) + 10 + 16, used(bench));
    SessionRow gone = rows(bench).stream().filter(SessionRow::opaque).findFirst().orElseThrow();
    assertEquals(40001, gone.client().port());
  }

  @Test
  void ofDatagrams_isAccountedInTheSameWay() throws NetlinkException {
    WorkerBench bench = WorkerBench.datagrams(protocol(), LIMITS, Clock.SYSTEM);
    DatagramDialogue dialogue = new DatagramDialogue(bench);
    dialogue.client("700");
    dialogue.server("600");
    assertEquals(600, used(bench));
    dialogue.server("" + (QUARTER + 1));
    assertEquals(0, used(bench));
    assertEquals("bufferBudget", rows(bench).get(0).reason());
    heard.clear();
    dialogue.client("1");
    assertEquals(List.of(), heard, "it is not read any more");
  }
}
