package org.pinholed.agent.expectation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/** How the ports of a translated address are shared out. */
class ReservationsTest {
  private static final InetAddress PEER = new InetSocketAddress("198.51.100.7", 0).getAddress();
  private static final InetAddress OUTSIDE = new InetSocketAddress("203.0.113.9", 0).getAddress();
  private static final InetAddress HOST = new InetSocketAddress("192.0.2.10", 0).getAddress();
  private static final InetAddress OTHER = new InetSocketAddress("192.0.2.11", 0).getAddress();
  private static final Stay STAY = new Stay(Stay.Kind.OWNER, 0, 0, 0, 3_600_000);
  private static final int FIRST = 1024;

  private final Reservations reservations = new Reservations();
  private int ids;

  private enum Word implements HelperWord {
    SAID;

    @Override
    public String word() {
      return "said";
    }
  }

  private static Parent parent() {
    FlowTuple original = new FlowTuple(17, HOST, 5060, PEER, 5060);
    return new Parent(
        new ConntrackIdentity(1, original, original.inverse(), 0),
        "sip",
        7,
        25,
        25,
        new Endpoint(HOST, 5060),
        new Endpoint(PEER, 5060));
  }

  /** A port outside that leads to the same port inside, of an owner beyond flows or of a flow. */
  private Expectation made(Transport transport, InetAddress host, int port, boolean ofFlow) {
    Endpoint inside = new Endpoint(host, port);
    OwnerId id = new OwnerId(9, ++ids);
    ExpectationRequest.Builder request =
        ExpectationRequest.builder("m", Direction.ORIGINAL, inside, Word.SAID).transport(transport);
    Pinhole pinhole =
        new Pinhole(
            Pinhole.Kind.OPEN,
            transport,
            PEER,
            OUTSIDE,
            port,
            0x40000019,
            STAY.kernelTimeoutMs(),
            "",
            new ChildTranslation(inside, null));
    return new Expectation(
        ids,
        parent(),
        ofFlow ? Owner.flow("sip") : Owner.beyondFlows("sip", id),
        ofFlow ? request.build() : request.owner(id).many().build(),
        pinhole,
        STAY,
        0);
  }

  private Expectation made(InetAddress host, int port) {
    return made(Transport.UDP, host, port, false);
  }

  private int nextFree(InetAddress host, boolean pair) {
    return reservations.nextFree(17, OUTSIDE, host, FIRST, pair);
  }

  @Test
  void oneInsideAddress_getsAQuarterOfThePortsOutside() {
    Expectation first = made(HOST, FIRST);
    assertTrue(reservations.take(first));
    for (int more = 1; more < Reservations.SHARE; more++) {
      assertTrue(reservations.take(made(HOST, FIRST + more)), "port " + more);
    }
    int next = FIRST + Reservations.SHARE;
    assertFalse(reservations.take(made(HOST, next)));
    assertEquals(0, nextFree(HOST, false));
    assertEquals(FIRST, reservations.standingFor(17, OUTSIDE, new Endpoint(HOST, FIRST)));
    assertTrue(reservations.take(made(HOST, FIRST)), "what leads there already does so for all");

    assertEquals(next, nextFree(OTHER, true), "others have theirs");
    assertTrue(reservations.take(made(OTHER, next)));
    assertTrue(reservations.take(made(Transport.TCP, HOST, next, false)), "each protocol");
    assertTrue(reservations.take(made(Transport.UDP, HOST, next + 1, true)), "a flow's, as before");
  }

  @Test
  void whatIsGivenBack_mayBeTakenAgain_aPairOnlyIfThereIsRoomForBoth() {
    Expectation first = made(HOST, FIRST);
    Expectation second = made(HOST, FIRST + 1);
    assertTrue(reservations.take(first));
    assertTrue(reservations.take(second));
    for (int more = 2; more < Reservations.SHARE; more++) {
      assertTrue(reservations.take(made(HOST, FIRST + more)), "port " + more);
    }
    reservations.giveBack(first);
    reservations.giveBack(first); // does nothing
    assertEquals(FIRST, nextFree(HOST, false));
    assertEquals(0, nextFree(HOST, true));
    reservations.giveBack(second);
    assertEquals(FIRST, nextFree(HOST, true));
    assertTrue(reservations.take(made(HOST, FIRST)));
    assertTrue(reservations.take(made(HOST, FIRST + 1)));
    assertFalse(reservations.take(made(HOST, FIRST + Reservations.SHARE)));
  }
}
