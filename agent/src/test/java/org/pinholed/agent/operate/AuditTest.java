package org.pinholed.agent.operate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.netlink.NetlinkException;

class AuditTest {
  private static final String PINHOLE = "ONCE TCP 192.0.2.10 > 198.51.100.7:30000";

  private final WorkerBench bench;
  private final HelperTable helpers =
      new HelperTable(
          List.of(
              new HelperEntry(1, "ftp", Transport.TCP, 21, true, Duration.ofSeconds(30), Map.of())),
          List.of(new FtpProtocol()),
          HelperLimits.DEFAULT,
          new SharedStates());

  AuditTest() throws NetlinkException {
    bench = new WorkerBench();
  }

  private Audit audit() {
    return new Audit(
        ConntrackClient.open(bench.conntrack()),
        bench.backend().openSession(),
        bench.table(),
        () -> bench.worker().flows().listing().entries(ListingFilter.ALL),
        helpers,
        WorkerBench.MARKS,
        Clock.SYSTEM);
  }

  private List<String> differences() throws IOException, ControlException {
    return audit().run().stream()
        .map(row -> row.difference() + " " + row.parentSerial() + " " + row.what())
        .toList();
  }

  private Pinhole open() {
    Pinhole found = bench.backend().find(PINHOLE);
    if (found == null) {
      throw new AssertionError(bench.backend().open());
    }
    return found;
  }

  @Test
  void allAsItShouldBe_nothing() throws Exception {
    new TcpDialogue(bench).login().passive(30000);

    assertEquals(List.of(), differences());
  }

  @Test
  void nobodyWaits_orphan() throws Exception {
    new TcpDialogue(bench).login().passive(30000);
    bench.table().end(bench.table().pending().get(0));

    assertEquals(
        List.of("orphan 00001234 once tcp 192.0.2.10 -> 198.51.100.7:30000"), differences());
  }

  @Test
  void somebodyTookItOut_missing() throws Exception {
    new TcpDialogue(bench).login().passive(30000);
    bench.backend().use(open());

    assertEquals(
        List.of("missing 00001234 once tcp 192.0.2.10 -> 198.51.100.7:30000"), differences());
  }

  @Test
  void childComesBetweenTheLooks_nothing() throws Exception {
    new TcpDialogue(bench).login().passive(30000);
    Pinhole pinhole = open();
    bench.backend().use(pinhole);
    Audit audit = audit();
    assertEquals(1, audit.look().size());
    bench.table().end(bench.table().pending().get(0));

    assertEquals(List.<AuditRow>of(), audit.run());
  }

  @Test
  void conntrackIsGone_parentGone() throws Exception {
    TcpDialogue dialogue = new TcpDialogue(bench).login();
    bench.conntrack().remove(dialogue.connection());

    assertEquals(
        List.of("parentGone 00001234 tcp 192.0.2.10:40001 -> 198.51.100.7:21"), differences());
  }

  @Test
  void vettedAndNotKnown_parentUnknown() throws Exception {
    TcpDialogue dialogue =
        new TcpDialogue(
            bench, TcpDialogue.CLIENT, TcpDialogue.SERVER, 0x1234, 25 | WorkerBench.MARKS.vetted());
    assertEquals(List.of(), differences(), "not established yet");
    dialogue.connection().setTcpState(FakeConntrackKernel.ESTABLISHED);

    assertEquals(
        List.of("parentUnknown 00001234 tcp 192.0.2.10:40001 -> 198.51.100.7:21"), differences());
  }
}
