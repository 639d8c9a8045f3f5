package org.pinholed.agent.expectation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/** Whence datagrams may still come to a port after the end. */
class CutChildrenTest {
  private static final long MINUTE = Duration.ofMinutes(1).toNanos();
  private static final InetAddress INSIDE = address("192.0.2.10");
  private static final InetAddress OUTSIDE = address("203.0.113.9");
  private static final InetAddress PEER = address("198.51.100.7");

  private final CutChildren cut = new CutChildren();

  private static InetAddress address(String text) {
    return new InetSocketAddress(text, 0).getAddress();
  }

  /** The phone's own datagrams to its peer. */
  private static FlowTuple sent(int protocol, int port, int peerPort) {
    return new FlowTuple(protocol, INSIDE, port, PEER, peerPort);
  }

  /** What the peer sends to the phone. */
  private static FlowTuple came(int protocol, int port, int peerPort) {
    return new FlowTuple(protocol, PEER, peerPort, OUTSIDE, port);
  }

  private void end(int protocol, int port, int peerPort, long nowNs) {
    FlowTuple first = sent(protocol, port, peerPort);
    cut.note(new ConntrackIdentity(7, first, came(protocol, port, peerPort), 0), nowNs);
  }

  private List<FlowTuple> takenAt(
      Transport transport, InetAddress to, int port, @Nullable ChildTranslation how, long nowNs) {
    return cut.take(
        new Pinhole(Pinhole.Kind.OPEN, transport, PEER, to, port, 25, 60_000, "of a test", how),
        nowNs);
  }

  private List<FlowTuple> takenAt(int port, long nowNs) {
    ChildTranslation how = new ChildTranslation(new Endpoint(INSIDE, port), null);
    return takenAt(Transport.UDP, OUTSIDE, port, how, nowNs);
  }

  @Test
  void bothWaysOfAChildAreKnown_onceEach() {
    end(17, 4000, 6000, 0);
    ChildTranslation source = new ChildTranslation(null, OUTSIDE);

    assertEquals(List.of(came(17, 4000, 6000)), takenAt(4000, 1));
    assertEquals(List.of(), takenAt(4000, 1));
    assertEquals(List.of(sent(17, 4000, 6000)), takenAt(Transport.UDP, PEER, 6000, source, 1));
    assertEquals(List.of(), takenAt(Transport.UDP, PEER, 6000, source, 1));
  }

  @Test
  void theLastFourOfAPortAreKnown_forTwoMinutes() {
    for (int peerPort : new int[] {6000, 6002, 6004, 6000, 6006, 6008}) {
      end(17, 4000, peerPort, 0);
    }

    assertEquals(
        List.of(6004, 6000, 6006, 6008),
        takenAt(4000, 2 * MINUTE).stream().map(FlowTuple::sourcePort).toList());
    end(17, 4000, 6000, 0);
    assertEquals(List.of(), takenAt(4000, 2 * MINUTE + 1));
  }

  @Test
  void ofVeryManyTheOldestAreForgotten() {
    end(17, 4000, 6000, 0);
    for (int port = 5000; port < 5000 + 40_000; port++) {
      end(17, port, 6000, 1);
    }

    assertEquals(List.of(), takenAt(4000, 2));
    assertEquals(1, takenAt(44_999, 2).size());
  }

  @Test
  void whatWasNotTranslatedIsNotKept() {
    FlowTuple routed = sent(17, 4000, 6000);
    cut.note(new ConntrackIdentity(7, routed, routed.inverse(), 0), 0);
    end(6, 4002, 6000, 0);

    assertEquals(List.of(), takenAt(Transport.UDP, PEER, 6000, null, 1));
    assertEquals(List.of(), takenAt(4002, 1));
    assertEquals(
        List.of(),
        takenAt(
            Transport.TCP,
            OUTSIDE,
            4002,
            new ChildTranslation(new Endpoint(INSIDE, 4002), null),
            1));
  }
}
