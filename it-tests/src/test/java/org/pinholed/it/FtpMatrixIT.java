package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.FtpCase;
import org.pinholed.it.lab.FtpClient.Transfer;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;

/**
 * Every real server with every real client in every mode over both families, behind a router that
 * drops by default: the file arrives whole. What a client cannot be made to do is printed with the
 * reason.
 */
class FtpMatrixIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private static final Set<String> BENCHES_TRIED = new HashSet<>();

  private static @Nullable Bench bench;

  /** A lab with one firewall, one server and the agent; used by neighbouring cells. */
  private record Bench(
      RouterFirewall firewall,
      FtpServerProcess.Kind kind,
      Lab lab,
      FtpServerProcess server,
      AgentProcess agent) {
    static Bench open(RouterFirewall firewall, FtpServerProcess.Kind kind) {
      Lab lab = Lab.create();
      try {
        firewall.installWithAcceptRule(lab);
        FtpServerProcess server = FtpServerProcess.start(lab, kind);
        AgentProcess agent = AgentProcess.start(lab, kind.agentConfig());
        return new Bench(firewall, kind, lab, server, agent);
      } catch (RuntimeException | Error e) {
        lab.close();
        throw e;
      }
    }

    void close() {
      List<String> complaints = agent.complaints();
      lab.close();
      assertEquals(List.of(), complaints);
    }
  }

  @BeforeAll
  static void tellWhatIsLeftOut() {
    FtpCase.leftOut().forEach(line -> System.out.println("not in the matrix: " + line));
  }

  private static Bench benchFor(FtpCase cell) {
    Bench current = bench;
    if (current != null && current.firewall == cell.firewall() && current.kind == cell.server()) {
      return current;
    }
    closeBench();
    String name = cell.firewall() + " " + cell.server();
    if (!BENCHES_TRIED.add(name)) {
      throw new AssertionError("no lab for " + name + ": see the first failure of it");
    }
    Bench fresh = Bench.open(cell.firewall(), cell.server());
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

  static List<FtpCase> cells() {
    return FtpCase.all();
  }

  @ParameterizedTest
  @MethodSource("cells")
  void transfer_withAgent_arrivesWhole(FtpCase cell) {
    Bench current = benchFor(cell);
    Transfer transfer =
        cell.upload()
            ? cell.client().upload(current.lab, current.server, cell.mode(), cell.family(), TIMEOUT)
            : cell.client()
                .download(current.lab, current.server, cell.mode(), cell.family(), TIMEOUT);
    assertTrue(transfer.intact(), () -> transfer.result() + "\n" + current.agent.log());
    assertEquals(Set.of(cell.mode()), transfer.modes(), transfer.result()::toString);
  }
}
