package org.pinholed.it.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.it.lab.FtpClient.Transfer;

/**
 * Runs the cells of a matrix of real peers beside an agent: the file must arrive whole, by the mode
 * that was asked for, and nothing may be invalid or complained of meanwhile. Neighbouring cells
 * share a lab. Not thread-safe; closing it closes the last lab.
 */
public final class FtpMatrix implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** The labs that could not be opened: the other cells of each say so at once. */
  private final Set<String> failed = new HashSet<>();

  private @Nullable Bench bench;

  /** A lab with one translation or none, one firewall, one server and the agent. */
  private record Bench(
      String name, Lab lab, InvalidWatch watch, FtpServerProcess server, AgentProcess agent) {
    static Bench open(
        String name, @Nullable NatMode nat, RouterFirewall firewall, FtpServerProcess.Kind kind) {
      Lab lab = Lab.create();
      try {
        firewall.installWithAcceptRule(lab);
        if (nat != null) {
          nat.install(lab, firewall);
        }
        InvalidWatch watch = InvalidWatch.start(lab);
        FtpServerProcess server = FtpServerProcess.start(lab, kind);
        AgentProcess agent = AgentProcess.start(lab);
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

  /** Runs a cell where nothing is translated. */
  public void transfer(FtpCase cell) {
    transfer(cell, null, cell.family().server());
  }

  /** Runs a cell behind translation. */
  public void transfer(NatCase cell) {
    transfer(cell.cell(), cell.nat(), cell.nat().dialed(cell.cell().family()));
  }

  private void transfer(FtpCase cell, @Nullable NatMode nat, String host) {
    Bench current = benchFor(cell, nat);
    Transfer transfer =
        cell.upload()
            ? cell.client().upload(current.lab, current.server, host, cell.mode(), TIMEOUT)
            : cell.client().download(current.lab, current.server, host, cell.mode(), TIMEOUT);
    assertTrue(
        transfer.intact(),
        () -> transfer.result() + "\n" + current.agent.log() + current.watch.log());
    assertEquals(Set.of(cell.mode()), transfer.modes(), transfer.result()::toString);
  }

  private Bench benchFor(FtpCase cell, @Nullable NatMode nat) {
    String name = (nat == null ? "" : nat + " ") + cell.firewall() + " " + cell.server();
    Bench current = bench;
    if (current != null && current.name.equals(name)) {
      return current;
    }
    close();
    if (!failed.add(name)) {
      throw new AssertionError("no lab for " + name + ": see the first failure of it");
    }
    Bench fresh = Bench.open(name, nat, cell.firewall(), cell.server());
    failed.remove(name);
    bench = fresh;
    return fresh;
  }

  @Override
  public void close() {
    Bench last = bench;
    bench = null;
    if (last != null) {
      last.close();
    }
  }
}
