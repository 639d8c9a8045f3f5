package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.FtpCase;
import org.pinholed.it.lab.FtpClient.Transfer;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.InvalidWatch;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatCase;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RouterFirewall;

/**
 * The matrix of {@link FtpMatrixIT} behind a router that translates and drops what connection
 * tracking calls invalid: the file arrives whole, and nothing was invalid. Both servers refuse data
 * connections and announcements of an address that is not the client's. {@link NatLabIT} shows that
 * without a helper no such transfer works.
 */
class FtpNatMatrixIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private static final Set<String> BENCHES_TRIED = new HashSet<>();

  private static @Nullable Bench bench;

  /** A lab with one translation, one firewall, one server and the agent. */
  private record Bench(
      String name, Lab lab, InvalidWatch watch, FtpServerProcess server, AgentProcess agent) {
    static Bench open(
        String name, NatMode nat, RouterFirewall firewall, FtpServerProcess.Kind kind) {
      Lab lab = Lab.create();
      try {
        firewall.installWithAcceptRule(lab);
        nat.install(lab, firewall);
        InvalidWatch watch = InvalidWatch.start(lab);
        FtpServerProcess server = FtpServerProcess.start(lab, kind);
        AgentProcess agent = AgentProcess.start(lab, kind.agentConfig());
        return new Bench(name, lab, watch, server, agent);
      } catch (RuntimeException | Error e) {
        lab.close();
        throw e;
      }
    }

    void close() {
      try (lab) {
        assertEquals(List.of(), agent.complaints(), name);
        watch.assertNone();
      }
    }
  }

  private static Bench benchFor(NatCase which) {
    FtpCase cell = which.cell();
    String name = which.nat() + " " + cell.firewall() + " " + cell.server();
    Bench current = bench;
    if (current != null && current.name.equals(name)) {
      return current;
    }
    closeBench();
    if (!BENCHES_TRIED.add(name)) {
      throw new AssertionError("no lab for " + name + ": see the first failure of it");
    }
    Bench fresh = Bench.open(name, which.nat(), cell.firewall(), cell.server());
    bench = fresh;
    return fresh;
  }

  @AfterAll
  static void closeBench() {
    Bench last = bench;
    bench = null;
    if (last != null) {
      last.close();
    }
  }

  static List<NatCase> cells() {
    return NatCase.all();
  }

  @ParameterizedTest
  @MethodSource("cells")
  void transfer_behindTranslation_arrivesWhole(NatCase which) {
    Bench current = benchFor(which);
    FtpCase cell = which.cell();
    String host = which.nat().dialed(cell.family());
    Transfer transfer =
        cell.upload()
            ? cell.client().upload(current.lab, current.server, host, cell.mode(), TIMEOUT)
            : cell.client().download(current.lab, current.server, host, cell.mode(), TIMEOUT);
    assertTrue(
        transfer.intact(),
        () -> transfer.result() + "\n" + current.agent.log() + current.watch.log());
    assertEquals(Set.of(cell.mode()), transfer.modes(), transfer.result()::toString);
  }
}
