package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Capture;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpCase;
import org.pinholed.it.lab.FtpClient.Transfer;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.InvalidWatch;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RewriteBench;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Cuts;

/**
 * Address translation over links that lose 5 % of all packets and let 10 % arrive late: every
 * transfer works, every line arrives whole and in its order, what is sent again is rewritten in the
 * same way again, and nothing was invalid (but bare acknowledgements that the kernel misjudges).
 *
 * <p>The cases stand side by side, each in a lab of its own: what they do most is wait for what is
 * sent again.
 */
@Execution(ExecutionMode.CONCURRENT)
class LossIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** Clients that wait for repetitions cost no processor. */
  private static final int CLIENTS_AT_ONCE = 12;

  static Stream<Arguments> translations() {
    return Stream.of(NatMode.MASQUERADE, NatMode.SNAT, NatMode.DNAT, NatMode.TWICE)
        .flatMap(nat -> Stream.of(Family.values()).map(family -> Arguments.of(nat, family)));
  }

  private static List<DataMode> modes(Family family) {
    return Stream.of(DataMode.values()).filter(mode -> mode.fits(family)).toList();
  }

  @ParameterizedTest
  @MethodSource("translations")
  void lostAndLateSegments_everyTransferWorks(NatMode nat, Family family) {
    try (RewriteBench bench = RewriteBench.start(Links.BAD, nat, family)) {
      // Where both wires begin: whatever is lost on them was seen here.
      Capture toClient = Capture.start(bench.scenario().lab(), "r0");
      Capture toServer = Capture.start(bench.scenario().lab(), "r1");
      try (ScriptedSession session = bench.scenario().login()) {
        for (int i = 0; i < 6; i++) {
          for (DataMode mode : modes(family)) {
            bench.scenario().transfer(session, mode);
          }
        }
      }
      bench.assertClean();
      toClient.assertCopiesAreEqual();
      toServer.assertCopiesAreEqual();
    }
  }

  @ParameterizedTest
  @MethodSource("translations")
  void lostAndLatePiecesOfLines_everyLineIsRewrittenAsAWhole(NatMode nat, Family family) {
    try (RewriteBench bench = RewriteBench.start(Links.BAD, nat, family);
        ScriptedSession session = bench.scenario().login()) {
      for (int cut : new int[] {1, 12, 20}) {
        session.cutLines(cutAt(cut));
        for (DataMode mode : modes(family)) {
          bench.scenario().transfer(session, mode);
        }
      }
      bench.assertClean();
    }
  }

  @ParameterizedTest
  @MethodSource("translations")
  void piecesOfLines_withoutLoss_everyLineIsRewrittenAsAWhole(NatMode nat, Family family) {
    try (RewriteBench bench = RewriteBench.start(Links.VETH, nat, family)) {
      for (DataMode mode : modes(family)) {
        for (int cut : new int[] {1, 12}) {
          try (ScriptedSession session = bench.scenario().login()) {
            session.cutLines(cutAt(cut));
            bench.scenario().transfer(session, mode);
            bench.scenario().transfer(session, mode);
          }
        }
      }
      bench.assertClean();
    }
  }

  private static Cuts cutAt(int offset) {
    return (fromClient, line) -> List.of(Math.min(offset, line.length() - 1));
  }

  @Test
  void burstBehindARewrite_arrivesInOrder() {
    // A window full of segments behind the rewritten one: holes in it make the server acknowledge
    // selectively, in numbers that the kernel shifts.
    try (RewriteBench bench = RewriteBench.start(Links.BAD, NatMode.SNAT, Family.V4);
        ScriptedSession session = bench.scenario().login();
        Listener listener = bench.scenario().listen(DataMode.PORT, Family.V4.client(), 0)) {
      Capture toServer = Capture.start(bench.scenario().lab(), "r1");
      for (int round = 0; round < 3; round++) {
        bench.scenario().announce(session, DataMode.PORT, Family.V4.client(), listener);
        List<String> burst =
            IntStream.range(0, 200).mapToObj(i -> "NOOP " + "x".repeat(i) + "\r\n").toList();
        session.client().blast(burst, true, 0, TIMEOUT);
        List<String> heard = new ArrayList<>();
        for (int i = 0; i < burst.size(); i++) {
          heard.add(session.server().line());
        }
        assertEquals(burst, heard);
      }
      bench.assertClean();
      toServer.assertCopiesAreEqual();
    }
  }

  @Test
  void burstsOfATranslatedServer_areNotHeldUpByWhatMisses() {
    // Nobody has asked for a passive port, so nothing in them can be an announcement. None is
    // longer than what the agent keeps of segments before their turn.
    try (RewriteBench bench = RewriteBench.start(Links.BAD, NatMode.DNAT, Family.V4);
        ScriptedSession session = bench.scenario().login()) {
      bench.scenario().transfer(session, DataMode.PASV);
      int before = withheldEarly(bench);
      for (int round = 0; round < 20; round++) {
        session.command("HELP\r\n");
        List<String> burst =
            IntStream.range(0, 20).mapToObj(i -> "214-" + "x".repeat(i) + "\r\n").toList();
        session.server().blast(burst, true, 0, TIMEOUT);
        for (String line : burst) {
          assertEquals(line, session.client().line());
        }
        session.reply("214 that is all\r\n");
      }
      assertEquals(before, withheldEarly(bench));
      bench.scenario().transfer(session, DataMode.PASV);
      bench.assertClean();
    }
  }

  /** How many segments of translated flows were dropped because they came before their turn. */
  private static int withheldEarly(RewriteBench bench) {
    return bench.agent().json("stats").path("withheldPackets.early").asInt();
  }

  static Stream<Arguments> servers() {
    return Stream.of(NatMode.MASQUERADE, NatMode.DNAT)
        .flatMap(
            nat ->
                Stream.of(FtpServerProcess.Kind.values()).map(server -> Arguments.of(nat, server)));
  }

  /** The matrix of {@link FtpNatMatrixIT}; under one firewall, as the links are beside it. */
  @ParameterizedTest
  @MethodSource("servers")
  @ResourceLock("processor") // twelve clients at a time
  void everyClientInEveryMode_arrivesWhole(NatMode nat, FtpServerProcess.Kind kind)
      throws InterruptedException, ExecutionException {
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS_AT_ONCE);
    try (Lab lab = Lab.create(Links.BAD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      nat.install(lab, RouterFirewall.NFTABLES);
      InvalidWatch watch = InvalidWatch.start(lab);
      FtpServerProcess server = FtpServerProcess.start(lab, kind);
      AgentProcess agent = AgentProcess.start(lab);
      List<FtpCase> cells = FtpCase.of(RouterFirewall.NFTABLES, kind);
      List<Callable<String>> transfers = new ArrayList<>();
      for (FtpCase cell : cells) {
        transfers.add(() -> complaintAbout(cell, lab, server, nat.dialed(cell.family())));
      }
      List<String> failed = new ArrayList<>();
      for (Future<String> done : clients.invokeAll(transfers)) {
        if (!done.get().isEmpty()) {
          failed.add(done.get());
        }
      }
      assertEquals(List.of(), failed, () -> agent.log() + watch.log());
      assertTrue(cells.size() > 40, cells::toString);
      watch.assertNoneButSelectiveAcknowledgements();
      assertEquals(List.of(), agent.complaints());
    } finally {
      clients.shutdownNow();
    }
  }

  /** Empty if the file arrived in the mode that was asked for. */
  private static String complaintAbout(
      FtpCase cell, Lab lab, FtpServerProcess server, String host) {
    Transfer transfer =
        cell.upload()
            ? cell.client().upload(lab, server, host, cell.mode(), TIMEOUT)
            : cell.client().download(lab, server, host, cell.mode(), TIMEOUT);
    boolean asAsked = transfer.intact() && transfer.modes().equals(Set.of(cell.mode()));
    return asAsked ? "" : cell + "\n" + transfer.result();
  }
}
