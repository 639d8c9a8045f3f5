package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.expectation.Children;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.Errno;

/** Parents are kept while a child lives, and no longer. */
class ParentKeeperTest {
  private static final long SECOND_NS = 1_000_000_000;

  private final FakeConntrackKernel kernel = new FakeConntrackKernel();
  private final Children living = new Children();
  private final List<String> failed = new ArrayList<>();
  private final Path settings;
  private final ParentKeeper keeper;

  ParentKeeperTest(@TempDir Path settings) throws IOException {
    this.settings = settings;
    set("established", 600);
    keeper = keeperOf(kernel, living);
  }

  private void set(String state, int seconds) throws IOException {
    Files.writeString(settings.resolve("nf_conntrack_tcp_timeout_" + state), seconds + "\n");
  }

  private ParentKeeper keeperOf(FakeConntrackKernel conntrack, Children children) {
    return new ParentKeeper(
        ConntrackClient.open(conntrack),
        children,
        new TcpTimeouts(settings),
        (operation, message) -> failed.add(operation),
        0);
  }

  private Connection connection(int id, int port, int serverPort) {
    InetSocketAddress client = TcpDialogue.CLIENT;
    FlowTuple original =
        new FlowTuple(6, client.getAddress(), port, TcpDialogue.SERVER.getAddress(), serverPort);
    Connection made =
        new Connection(id, original, original.inverse(), 0, FakeConntrackKernel.ESTABLISHED);
    kernel.add(made);
    return made;
  }

  private Connection control(int id) {
    return connection(id, 40_000 + id, 21);
  }

  private Connection child(int id) {
    return connection(id, 50_000 + id, 30_000);
  }

  private static Parent parent(Connection control) {
    FlowTuple tuple = control.identity().original();
    return new Parent(
        control.identity(),
        "ftp",
        1,
        0,
        0,
        new Endpoint(tuple.source(), tuple.sourcePort()),
        new Endpoint(tuple.destination(), tuple.destinationPort()));
  }

  @Test
  void childLives_itsParentIsKept() {
    Connection control = control(1);
    living.inherit(child(2).identity(), List.of(parent(control)));
    keeper.tick(0);
    assertEquals(600, control.timeoutSeconds());
    assertEquals(List.of(), failed);
  }

  @Test
  void timeMadeShorterBetweenTwoRounds_theNextOneComesSooner() throws IOException {
    living.inherit(child(2).identity(), List.of(parent(control(1))));
    keeper.tick(0); // the next one is due in 20 s
    int gets = kernel.gets();
    set("established", 9);
    keeper.tick(SECOND_NS);
    keeper.tick(4 * SECOND_NS - 1);
    assertEquals(gets, kernel.gets());
    keeper.tick(4 * SECOND_NS);
    assertTrue(kernel.gets() > gets, "a third of the time after it was seen");
  }

  @Test
  void nobodysParent_isNotTouched() {
    Connection control = control(1);
    child(2);
    keeper.tick(0);
    assertEquals(60, control.timeoutSeconds());
    assertEquals(0, kernel.gets());
  }

  @Test
  void twoPerhaps_bothAreKept_andTheKernelIsAskedForOneChild() {
    Connection one = control(1);
    Connection other = control(2);
    List<Parent> both = List.of(parent(one), parent(other));
    for (int id = 3; id < 60; id++) {
      living.inherit(child(id).identity(), both);
    }
    keeper.tick(0);
    assertEquals(600, one.timeoutSeconds());
    assertEquals(600, other.timeoutSeconds());
    assertEquals(1 + 2 * 2, kernel.gets()); // that it is the same one is looked at once more
  }

  @Test
  void childIsGone_ofWhichNothingWasTold_itsParentIsNotKept_andItIsForgotten() {
    Connection control = control(1);
    Connection child = child(2);
    living.inherit(child.identity(), List.of(parent(control)));
    kernel.remove(child);
    keeper.tick(0);
    assertEquals(60, control.timeoutSeconds());
    assertEquals(List.of(), living.known());
  }

  @Test
  void oneChildIsGone_anotherLives_theirParentIsKept() {
    Connection control = control(1);
    List<Parent> perhaps = List.of(parent(control));
    List<Connection> children = List.of(child(2), child(3), child(4));
    children.forEach(each -> living.inherit(each.identity(), perhaps));
    kernel.remove(children.get(0));
    kernel.remove(children.get(2));
    keeper.tick(0);
    assertEquals(600, control.timeoutSeconds());
  }

  @Test
  void parentHasEnded_theKernelIsNotAsked_andItsChildrenAreForgotten() {
    Parent parent = parent(control(1));
    List<Parent> perhaps = List.of(parent);
    living.inherit(child(2).identity(), perhaps);
    living.inherit(child(3).identity(), perhaps);
    parent.end();
    keeper.tick(0);
    assertEquals(0, kernel.gets());
    assertEquals(List.of(), living.known());
  }

  @Test
  void parentThatTheKernelDoesNotHave_isNotMadeAgain() {
    Connection control = control(1);
    living.inherit(child(2).identity(), List.of(parent(control)));
    kernel.remove(control);
    keeper.tick(0);
    assertFalse(kernel.has(control));
    assertEquals(0, kernel.changes());
  }

  @Test
  void anotherConnectionHasItsTuples_isNotTouched() {
    Connection control = control(1);
    Parent parent = parent(control);
    living.inherit(child(2).identity(), List.of(parent));
    FlowTuple tuple = control.identity().original();
    Connection another =
        new Connection(77, tuple, tuple.inverse(), 0, FakeConntrackKernel.ESTABLISHED);
    kernel.add(another);
    keeper.tick(0);
    assertEquals(60, another.timeoutSeconds());
  }

  @ParameterizedTest
  @CsvSource({"600, 401, 401", "600, 400, 600", "600, 0, 600", "1, 1, 1", "1, 0, 1", "2, 1, 2"})
  void lastThird_isNotWaitedFor(int full, int left, int kept) throws IOException {
    set("established", full);
    Connection control = control(1);
    control.setTimeoutSeconds(left);
    living.inherit(child(2).identity(), List.of(parent(control)));
    keeper.tick(0);
    assertEquals(kept, control.timeoutSeconds());
  }

  @ParameterizedTest
  @CsvSource({
    "SYN_SENT, 1, 60",
    "SYN_RECV, 2, 60",
    "ESTABLISHED, 3, 600",
    "FIN_WAIT, 4, 300",
    "CLOSE_WAIT, 5, 200",
    "LAST_ACK, 6, 60",
    "TIME_WAIT, 7, 60",
    "CLOSE, 8, 60"
  })
  void keptAsLongAsItsStateAllows(String state, int tcpState, int kept) throws IOException {
    set("fin_wait", 300);
    set("close_wait", 200);
    Connection control = control(1);
    control.setTcpState(tcpState);
    living.inherit(child(2).identity(), List.of(parent(control)));
    keeper.tick(0);
    assertEquals(kept, control.timeoutSeconds(), state);
  }

  @ParameterizedTest
  @CsvSource({"FIN_WAIT, 4, 300", "LAST_ACK, 6, 200", "TIME_WAIT, 7, 200", "CLOSE, 8, 60"})
  void oneFinWasRead_theKernelMayHaveCountedItTwice(String state, int tcpState, int kept)
      throws IOException {
    set("fin_wait", 300);
    set("close_wait", 200);
    Connection control = control(1);
    control.setTcpState(tcpState);
    Parent parent = parent(control);
    parent.halfClose();
    living.inherit(child(2).identity(), List.of(parent));
    keeper.tick(0);
    assertEquals(kept, control.timeoutSeconds(), state);
  }

  @ParameterizedTest
  @CsvSource({"600, 60, 20000", "600, 30, 10000", "9, 60, 3000", "1, 60, 333"})
  void looksAgain_threeTimesInTheShortestTime(int established, int closeWait, int betweenMs)
      throws IOException {
    set("established", established);
    set("close_wait", closeWait);
    Connection control = control(1);
    living.inherit(child(2).identity(), List.of(parent(control)));
    keeper.tick(0);
    control.setTimeoutSeconds(0);
    keeper.tick((betweenMs - 1) * 1_000_000L);
    assertEquals(0, control.timeoutSeconds());
    keeper.tick((betweenMs + 1) * 1_000_000L);
    assertEquals(established, control.timeoutSeconds());
  }

  @Test
  void veryMany_aFewAtATime() {
    List<Connection> controls = new ArrayList<>();
    for (int id = 0; id < 300; id++) {
      Connection control = control(id);
      controls.add(control);
      living.inherit(child(1000 + id).identity(), List.of(parent(control)));
    }
    keeper.tick(0);
    long kept = controls.stream().filter(each -> each.timeoutSeconds() == 600).count();
    assertEquals(64, kept); // of 256 requests each takes 4
    for (int tick = 1; tick < 5; tick++) {
      keeper.tick(tick);
    }
    assertEquals(300, controls.stream().filter(each -> each.timeoutSeconds() == 600).count());
  }

  @Test
  void kernelRefuses_isSaid_andTriedAgain() {
    Connection control = control(1);
    living.inherit(child(2).identity(), List.of(parent(control)));
    kernel.failWith(Errno.EPERM);
    keeper.tick(0);
    assertEquals(List.of("conntrack", "conntrackTimeout"), failed);
    kernel.failWith(0);
    keeper.tick(21 * SECOND_NS);
    assertEquals(600, control.timeoutSeconds());
  }

  @Test
  void settingsThatCannotBeRead_areThoseOfTheKernel() throws IOException {
    set("established", 0);
    Files.writeString(settings.resolve("nf_conntrack_tcp_timeout_fin_wait"), "soon");
    TcpTimeouts timeouts = new TcpTimeouts(settings);
    assertEquals(1, timeouts.ofOpenSeconds(3));
    assertEquals(120, timeouts.ofOpenSeconds(4));
    assertEquals(60, timeouts.ofOpenSeconds(5));
    assertEquals(432_000, new TcpTimeouts(settings.resolve("none")).ofOpenSeconds(3));
  }

  @Test
  void childThatCameByAPinhole_keepsItsParent_untilItsEnd() throws IOException {
    FakeEventsKernel events = new FakeEventsKernel();
    ConntrackEvents socket = ConntrackEvents.open(events);
    WorkerBench bench = new WorkerBench();
    KernelEvents thread = EventsBench.events(socket, bench);
    TcpDialogue dialogue = new TcpDialogue(bench).login().passive(30_000);
    Connection child = EventsBench.child(2, 50_000, 30_000);
    bench.conntrack().add(child);
    events.began(child);
    socket.receive(thread);
    ParentKeeper ofBench = keeperOf(bench.conntrack(), bench.table().living());
    ofBench.tick(0);
    assertEquals(600, dialogue.connection().timeoutSeconds());

    events.ended(child);
    socket.receive(thread);
    dialogue.connection().setTimeoutSeconds(1);
    ofBench.tick(21 * SECOND_NS);
    assertEquals(1, dialogue.connection().timeoutSeconds());
  }
}
