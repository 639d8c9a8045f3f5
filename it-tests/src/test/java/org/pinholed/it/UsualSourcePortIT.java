package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RewriteBench;
import org.pinholed.it.lab.ScriptedSession;

/**
 * A server that connects from port 20, as most do, to clients behind one address: it can have one
 * connection to each port of that address, so what a living one uses is not announced again.
 */
class UsualSourcePortIT {
  private static final int ANNOUNCED = 40001;
  private static final int FTP_DATA = 20;

  private static RewriteBench bench(Family family) {
    return RewriteBench.start(Links.VETH, NatMode.MASQUERADE, family);
  }

  private static Connection dial(RewriteBench bench, Family family, Endpoint to) {
    return bench.scenario().server().connectFrom(family.server(), FTP_DATA, to.host(), to.port());
  }

  private static void use(Connection dialed, Listener listener) {
    try (Connection accepted = listener.accept()) {
      dialed.send("content\n");
      assertEquals("content\n", accepted.line());
    }
  }

  @ParameterizedTest
  @EnumSource
  void portOfALivingChild_isNotAnnouncedForAnotherClient(Family family) {
    DataMode mode = DataMode.EPRT;
    try (RewriteBench bench = bench(family);
        ScriptedSession first = bench.scenario().login(family.client());
        ScriptedSession second = bench.scenario().login(family.otherClient());
        Listener firstListener = bench.scenario().listen(mode, family.client(), ANNOUNCED);
        Listener secondListener = bench.scenario().listen(mode, family.otherClient(), ANNOUNCED)) {
      Endpoint a = bench.scenario().announce(first, mode, family.client(), firstListener);
      assertEquals(ANNOUNCED, a.port(), "a free port is kept");
      try (Connection living = dial(bench, family, a);
          Connection accepted = firstListener.accept()) {
        Endpoint b = bench.scenario().announce(second, mode, family.otherClient(), secondListener);
        assertNotEquals(a, b);
        try (Connection other = dial(bench, family, b)) {
          use(other, secondListener);
        }
        living.send("still here\n");
        assertEquals("still here\n", accepted.line());
      }
      bench.assertClean();
    }
  }

  @ParameterizedTest
  @EnumSource
  void portOfAChildOfTheSameClient_isKeptForTheNextOne(Family family) {
    DataMode mode = DataMode.EPRT;
    try (RewriteBench bench = bench(family);
        ScriptedSession session = bench.scenario().login();
        Listener listener = bench.scenario().listen(mode, family.client(), ANNOUNCED)) {
      for (int transfer = 0; transfer < 3; transfer++) {
        Endpoint to = bench.scenario().announce(session, mode, family.client(), listener);
        assertEquals(ANNOUNCED, to.port());
        // The client closes first, so that the server may use its port again at once; conntrack
        // still knows the connection.
        try (Connection dialed = dial(bench, family, to)) {
          use(dialed, listener);
        }
      }
      bench.assertClean();
    }
  }
}
