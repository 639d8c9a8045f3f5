package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Conntracks;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.PeerException;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * A transfer that takes longer than the router keeps an idle connection, and nothing is said on the
 * control connection meanwhile.
 */
class KeptParentIT {
  private static final int CONTROL = 21;

  /** What the router gives an idle connection. */
  private static final int IDLE_SECONDS = 8;

  private static final Duration LONGER = Duration.ofMillis(IDLE_SECONDS * 1200);
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long BETWEEN_LINES_NS = 100_000_000;

  /** Which way the two connections go. */
  private enum Way {
    MASQUERADE(NatMode.MASQUERADE, Family.V4, DataMode.PORT),
    DNAT(NatMode.DNAT, Family.V4, DataMode.PASV),
    TWICE(NatMode.TWICE, Family.V4, DataMode.PORT),
    PLAIN_V6(null, Family.V6, DataMode.EPSV);

    private final @Nullable NatMode nat;
    private final Family family;
    private final DataMode mode;

    Way(@Nullable NatMode nat, Family family, DataMode mode) {
      this.nat = nat;
      this.family = family;
      this.mode = mode;
    }
  }

  /** What becomes of the agent while the transfer runs. */
  private enum Change {
    NONE,
    KILLED {
      @Override
      void happen(AgentProcess agent) {
        agent.kill();
        agent.startAgain();
      }
    },
    REPLACED {
      @Override
      void happen(AgentProcess agent) {
        agent.replace();
      }
    };

    void happen(AgentProcess agent) {}
  }

  /** A router with an agent, a session, and a transfer in it that does not end by itself. */
  private static final class Stage implements AutoCloseable {
    private final Way way;
    private final NatScenario scenario;
    private final ScriptedSession session;
    private final Listener listener;
    private final Connection data;
    private final Connection accepted;

    Stage(Way way) {
      this.way = way;
      scenario = NatScenario.withAgent(way.nat, way.family, "");
      try {
        session = scenario.login();
        boolean passive = way.mode.isPassive();
        String host = passive ? way.family.server() : way.family.client();
        listener = scenario.listen(way.mode, host, 0);
        Endpoint to = scenario.announce(session, way.mode, host, listener);
        Peer dialer = passive ? scenario.client() : scenario.server();
        data =
            dialer.connect(
                passive ? way.family.client() : way.family.server(), to.host(), to.port());
        accepted = listener.accept();
        session.exchange("RETR a\r\n", "150 here it comes\r\n");
        agent().awaitEvent("matched");
      } catch (RuntimeException | Error e) {
        scenario.close();
        throw e;
      }
    }

    Lab lab() {
      return scenario.lab();
    }

    AgentProcess agent() {
      return scenario.agent();
    }

    /** The control connection has been idle for long, and from now on all are kept for short. */
    void makeIdleTimesShort() {
      lab()
          .sysctl(
              Lab.Host.ROUTER,
              "net.netfilter.nf_conntrack_tcp_timeout_established=" + IDLE_SECONDS,
              "net.netfilter.nf_conntrack_tcp_timeout_fin_wait=" + IDLE_SECONDS,
              "net.netfilter.nf_conntrack_tcp_timeout_close_wait=" + IDLE_SECONDS,
              "net.netfilter.nf_conntrack_tcp_timeout_time_wait=1");
      Conntracks.leave(lab(), CONTROL, IDLE_SECONDS);
    }

    void transfer() {
      accepted.send("content\n");
      assertEquals("content\n", data.line());
      data.send("more\n");
      assertEquals("more\n", accepted.line());
    }

    /** A slow transfer, for longer than the router keeps an idle connection. */
    void transferForLong() {
      long end = System.nanoTime() + LONGER.toNanos();
      while (System.nanoTime() < end) {
        transfer();
        LockSupport.parkNanos(BETWEEN_LINES_NS);
      }
    }

    void transferUntilControlsAreGone() {
      Scenario.await(
          PATIENCE,
          () -> {
            transfer();
            return controls().isEmpty();
          },
          () -> controls().toString());
    }

    List<String> controls() {
      return scenario.conntracks(CONTROL);
    }

    void endTransfer() {
      data.close();
      accepted.close();
      listener.close();
    }

    /** The end of the transfer is told, and the session goes on. */
    void goOn(ScriptedSession controlled) {
      controlled.reply("226 done\r\n");
      controlled.exchange("NOOP\r\n", "200 ok\r\n");
      controlled.exchange("TYPE I\r\n", "200 binary\r\n");
      scenario.transfer(controlled, way.mode);
    }

    @Override
    public void close() {
      scenario.close();
    }
  }

  static Stream<Arguments> transfers() {
    List<Arguments> transfers = new ArrayList<>();
    for (Way way : List.of(Way.MASQUERADE, Way.DNAT, Way.PLAIN_V6)) {
      for (Change change : Change.values()) {
        transfers.add(Arguments.of(way, change));
      }
    }
    transfers.add(Arguments.of(Way.TWICE, Change.KILLED));
    return transfers.stream();
  }

  @ParameterizedTest
  @MethodSource("transfers")
  void idleForLongerThanTheRouterKeepsIt_theSessionGoesOn(Way way, Change change) {
    try (Stage stage = new Stage(way)) {
      change.happen(stage.agent());
      stage.makeIdleTimesShort();
      stage.transferForLong();
      stage.endTransfer();

      stage.goOn(stage.session);
      stage.scenario.watch().assertNone();
    }
  }

  @ParameterizedTest
  @EnumSource(Change.class)
  void clientHasClosedItsSide_theServersLastWordsArrive(Change change) {
    try (Stage stage = new Stage(Way.DNAT)) {
      stage.session.client().shutdownOutput();
      Scenario.await(
          PATIENCE,
          () -> stage.controls().stream().anyMatch(line -> line.contains("CLOSE_WAIT")),
          () -> stage.controls().toString());
      change.happen(stage.agent());
      stage.makeIdleTimesShort();
      stage.transferForLong();
      stage.endTransfer();

      assertEquals(1, stage.agent().json("sessions").size());
      stage.session.reply("226 done\r\n");
      stage.session.server().close();
      Scenario.await(
          PATIENCE,
          () -> stage.agent().json("sessions").isEmpty(),
          () -> stage.agent().json("sessions").toString());
      stage.scenario.watch().assertNone();
    }
  }

  /** That the scenarios above can fail. */
  @Test
  void withoutAnAgent_theRouterForgetsIt() {
    try (Stage stage = new Stage(Way.PLAIN_V6)) {
      stage.agent().kill();
      stage.makeIdleTimesShort();
      stage.transferUntilControlsAreGone();

      stage.session.server().send("226 done\r\n");
      assertThrows(PeerException.class, () -> stage.session.client().line(Duration.ofMillis(500)));
    }
  }

  @Test
  void twoBetweenTheSameHosts_ofAnEarlierAgent_bothAreKept() {
    try (Stage stage = new Stage(Way.MASQUERADE);
        ScriptedSession other = stage.scenario.login()) {
      Change.KILLED.happen(stage.agent());
      stage.makeIdleTimesShort();
      stage.transferForLong();
      stage.endTransfer();

      stage.goOn(stage.session);
      stage.goOn(other);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Change.class,
      names = {"NONE", "KILLED"})
  void childHasEnded_theRouterForgetsAnIdleOneAsEver(Change change) {
    try (Stage stage = new Stage(Way.DNAT)) {
      change.happen(stage.agent());
      stage.makeIdleTimesShort();
      stage.endTransfer();
      Scenario.await(PATIENCE, () -> stage.controls().isEmpty(), () -> stage.controls().toString());

      Scenario.await(
          PATIENCE,
          () -> stage.agent().json("sessions").isEmpty(),
          () -> stage.agent().json("sessions").toString());
    }
  }

  @Test
  void operatorDeletesIt_itStaysDeleted() {
    try (Stage stage = new Stage(Way.PLAIN_V6)) {
      Change.KILLED.happen(stage.agent());
      Conntracks.delete(stage.lab(), CONTROL);
      Scenario.await(
          PATIENCE,
          () -> stage.agent().json("sessions").isEmpty(),
          () -> stage.agent().json("sessions").toString());
      stage.makeIdleTimesShort();
      stage.transferForLong();

      assertEquals(List.of(), stage.controls());
    }
  }
}
