package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.flow.LeftFlow;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * However many parents a worker has, none of its turns takes long: what concerns all of them is
 * done in pieces, and packets come first in between. Prints the longest turns.
 */
class FlushedParentsTest {
  private static final int VETTED_AND_PROVEN = 0x24000000;

  private WorkerBench bench;
  private QueueWorkers workers;
  private TcpDialogue living;
  private Connection[] connections = {};
  private int turns;
  private long longestNs;
  private int mostGets;
  private int mostRequests;

  FlushedParentsTest() throws NetlinkException {
    bench = new WorkerBench();
    workers = bench.workers();
    living = new TcpDialogue(bench);
  }

  private void adopt(int parents) throws Exception {
    adopt(parents, VETTED_AND_PROVEN);
    assertEquals(parents + 1, bench.worker().parents());
  }

  private void adopt(int parents, int marks) throws Exception {
    bench =
        new WorkerBench(
            new FtpProtocol(),
            new AgentConfig.Limits(
                16, 64, 100_000, 100_000, 100_000, 1024, 1 << 20, HelperLimits.DEFAULT),
            Duration.ofSeconds(30));
    workers = bench.workers();
    ConntrackClient client = ConntrackClient.open(bench.conntrack());
    connections = new Connection[parents];
    for (int i = 0; i < parents; i++) {
      InetAddress address =
          new InetSocketAddress(i < 50_000 ? "198.51.100.9" : "203.0.113.9", 0).getAddress();
      FlowTuple original =
          new FlowTuple(6, address, 1024 + i % 50_000, TcpDialogue.SERVER.getAddress(), 21);
      connections[i] =
          new Connection(
              0x10000 + i,
              original,
              original.inverse(),
              25 | marks,
              FakeConntrackKernel.ESTABLISHED);
      bench.conntrack().add(connections[i]);
      ConntrackEntry entry = client.get(original).orElseThrow();
      int changes = bench.conntrack().changes();
      bench.worker().takeover().takeOver(new LeftFlow(entry, null, null, null, false));
      assertEquals(changes, bench.conntrack().changes(), "packets wait");
    }
    living = new TcpDialogue(bench).login();
  }

  /** One turn with a packet in it, which gets its verdict in this very turn. */
  private void turn() {
    turns++;
    int gets = bench.conntrack().gets();
    int changes = bench.conntrack().changes();
    long beganNs = cpuNs();
    living.client("NOOP\r\n");
    longestNs = Math.max(longestNs, cpuNs() - beganNs);
    gets = bench.conntrack().gets() - gets;
    mostGets = Math.max(mostGets, gets);
    mostRequests = Math.max(mostRequests, gets + bench.conntrack().changes() - changes);
    bench.assertVerdicts();
  }

  /** Of this thread: what others do on the machine at this time is not asked for. */
  private static long cpuNs() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private void print(String what, int parents) {
    System.out.printf(
        "%s, %d parents: %d turns, longest %.2f ms of processor, at most %d look-ups in one%n",
        what, parents, turns, longestNs / 1e6, mostGets);
  }

  @ParameterizedTest
  @ValueSource(ints = {1000, 65_536})
  void conntrackFlushed(int parents) throws Exception {
    adopt(parents);
    for (Connection connection : connections) {
      bench.conntrack().remove(connection);
      workers.endParentIfGone(connection.identity(), false);
    }
    while (bench.worker().parents() > 1) {
      assertTrue(turns < parents, "it goes on");
      turn();
    }
    print("conntrack -F", parents);
    assertEquals(1, bench.worker().parents(), "the living one");
    assertEquals(parents, workers.lostParents());
    assertTrue(mostGets <= LongWork.REQUESTS_A_TURN, mostGets + " look-ups in one turn");
  }

  @ParameterizedTest
  @ValueSource(ints = {1000, 65_536})
  void notToBeRead_asFoundAtTheStart(int parents) throws Exception {
    adopt(parents, WorkerBench.MARKS.vetted());
    while (connections[parents - 1].mark() != (25 | WorkerBench.MARKS.opaque())) {
      assertTrue(turns < parents, "it goes on");
      turn();
    }
    print("distrust at the start", parents);
    for (Connection connection : connections) {
      assertEquals(25 | WorkerBench.MARKS.opaque(), connection.mark());
    }
    assertTrue(mostRequests <= LongWork.REQUESTS_A_TURN, mostRequests + " requests in one turn");
  }

  @ParameterizedTest
  @ValueSource(ints = {1000, 65_536})
  void theirHelperIsSwitchedOff(int parents) throws Exception {
    adopt(parents);
    bench.worker().setHelpers(bench.helpers());
    CompletableFuture<?> ended = workers.endWithoutHelper();
    while (!ended.isDone()) {
      turn();
    }
    print("helper switched off", parents);
    assertEquals(0, bench.worker().parents());
    assertTrue(mostRequests <= LongWork.REQUESTS_A_TURN, mostRequests + " requests in one turn");
  }

  @ParameterizedTest
  @ValueSource(ints = {1000, 65_536})
  void listedAndCleared(int parents) throws Exception {
    adopt(parents);
    CompletableFuture<List<SessionRow>> rows = workers.sessions(ListingFilter.ALL);
    while (!rows.isDone()) {
      turn();
    }
    print("sessions", parents);
    assertEquals(parents + 1, rows.join().size());
    assertTrue(turns >= parents / LongWork.FLOWS_A_TURN, turns + " turns");

    turns = 0;
    longestNs = 0;
    CompletableFuture<List<ConntrackEntry>> entries = workers.beginClear(ListingFilter.ALL);
    while (!entries.isDone()) {
      turn();
    }
    CompletableFuture<?> ended = workers.endParents(entries.join(), AgentEvent.Kind.CLEARED);
    while (!ended.isDone()) {
      bench.turn();
      turns++;
    }
    print("clear", parents);
    assertEquals(0, bench.worker().parents());
  }
}
