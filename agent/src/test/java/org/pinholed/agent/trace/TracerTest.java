package org.pinholed.agent.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.text.Network;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

class TracerTest {
  private static final ListingFilter ALL = ListingFilter.ALL;
  private static final InetSocketAddress CLIENT = new InetSocketAddress("192.0.2.10", 40001);
  private static final InetSocketAddress SERVER = new InetSocketAddress("198.51.100.7", 21);

  private final TraceHub hub = new TraceHub();
  private final Tracer tracer = new Tracer(hub, Clock.SYSTEM);
  private final List<TraceLine> lines = Collections.synchronizedList(new ArrayList<>());

  private static PacketView packet(InetSocketAddress from, InetSocketAddress to) {
    byte[] bytes = PacketBuilder.tcp(from, to).build();
    PacketView view = new PacketView();
    view.wrap(ByteBuffer.wrap(bytes), 0, bytes.length);
    return view;
  }

  private static Parent parent() {
    InetAddress client = CLIENT.getAddress();
    FlowTuple original = new FlowTuple(6, client, 40001, client, 21);
    return new Parent(
        new ConntrackIdentity(0xabcd, original, original.inverse(), 0),
        "ftp",
        1,
        25,
        25,
        new Endpoint(client, 40001),
        new Endpoint(client, 21));
  }

  /** One packet with one line; whether anybody wanted it. */
  private boolean trace(Tracer by, PacketView packet, @Nullable Parent parent) {
    by.begin(packet, parent);
    boolean on = by.isOn();
    if (on) {
      by.line("received", "text");
    }
    by.end();
    return on;
  }

  private boolean wants(ListingFilter filter, @Nullable Parent parent) {
    try (AgentControl.Trace trace = hub.subscribe(filter, 100, lines::add)) {
      assertFalse(trace.isDone());
      return trace(tracer, packet(CLIENT, SERVER), parent);
    }
  }

  @Test
  void begin_nobodyLooks_off() {
    assertFalse(trace(tracer, packet(CLIENT, SERVER), null));
    assertFalse(hub.isActive());
  }

  @Test
  void line_unknownFlow_dashForItsSerial() {
    hub.subscribe(ALL, 100, lines::add);
    trace(tracer, packet(CLIENT, SERVER), null);
    trace(tracer, packet(CLIENT, SERVER), parent());

    assertEquals(
        List.of("1 - received text", "2 0000abcd received text"),
        lines.stream()
            .map(
                line -> line.packet() + " " + line.serial() + " " + line.step() + " " + line.text())
            .toList());
  }

  @Nested
  class Filters {
    @Test
    void byPort() {
      assertTrue(wants(new ListingFilter(null, null, null, null, 21, Set.of()), null));
      assertTrue(wants(new ListingFilter(null, null, null, null, 40001, Set.of()), null));
      assertFalse(wants(new ListingFilter(null, null, null, null, 22, Set.of()), null));
    }

    @Test
    void byAddress() {
      assertTrue(
          wants(
              new ListingFilter(null, null, null, Network.parse("192.0.2.10"), null, Set.of()),
              null));
      assertTrue(
          wants(
              new ListingFilter(null, null, null, Network.parse("198.51.100.7"), null, Set.of()),
              null));
      assertFalse(
          wants(
              new ListingFilter(null, null, null, Network.parse("198.51.100.8"), null, Set.of()),
              null));
    }

    @Test
    void byAddressOfIpv6() {
      InetSocketAddress client = new InetSocketAddress("2001:db8:0:1::10", 40001);
      InetSocketAddress server = new InetSocketAddress("2001:db8:0:2::7", 21);
      hub.subscribe(
          new ListingFilter(null, null, null, Network.parse("2001:db8:0:1::10"), null, Set.of()),
          100,
          lines::add);

      assertTrue(trace(tracer, packet(client, server), null));
      assertTrue(trace(tracer, packet(server, client), null));
      assertFalse(trace(tracer, packet(CLIENT, SERVER), null));
    }

    @Test
    void byHelperAndPolicy() {
      assertTrue(wants(new ListingFilter(25, "ftp", null, null, null, Set.of()), parent()));
      assertFalse(wants(new ListingFilter(null, "sip", null, null, null, Set.of()), parent()));
      assertFalse(wants(new ListingFilter(26, null, null, null, null, Set.of()), parent()));
      assertFalse(
          wants(new ListingFilter(null, "ftp", null, null, null, Set.of()), null),
          "no flow, no helper");
      assertFalse(
          wants(new ListingFilter(25, null, null, null, null, Set.of()), null),
          "no flow, no policy");
    }
  }

  @Nested
  class Budget {
    @Test
    void endsTheTraceBehindItsLastPacket() {
      AgentControl.Trace trace = hub.subscribe(ALL, 3, lines::add);
      for (int i = 0; i < 2; i++) {
        assertTrue(trace(tracer, packet(CLIENT, SERVER), null));
      }
      tracer.begin(packet(CLIENT, SERVER), null);
      tracer.line("received", "last");
      assertFalse(trace.isDone(), "lines of the last packet may follow");
      tracer.end();

      assertTrue(trace.isDone());
      assertFalse(trace(tracer, packet(CLIENT, SERVER), null));
      assertEquals(3, lines.size());
    }

    @Test
    void isNotUsedByPacketsThatTheFilterLeavesOut() {
      AgentControl.Trace trace =
          hub.subscribe(new ListingFilter(null, null, null, null, 2121, Set.of()), 1, lines::add);
      trace(tracer, packet(CLIENT, SERVER), null);

      assertFalse(trace.isDone());
    }

    @Test
    void isSharedByAllWorkers() {
      AgentControl.Trace trace = hub.subscribe(ALL, 3, lines::add);
      Tracer other = new Tracer(hub, Clock.SYSTEM);
      assertTrue(trace(tracer, packet(CLIENT, SERVER), null));
      assertTrue(trace(other, packet(CLIENT, SERVER), null));
      assertTrue(trace(tracer, packet(CLIENT, SERVER), null));
      assertFalse(trace(other, packet(CLIENT, SERVER), null));

      assertTrue(trace.isDone());
      assertEquals(List.of(1L, 2L, 3L), lines.stream().map(TraceLine::packet).toList());
    }

    @Test
    void isEachTracesOwn() {
      AgentControl.Trace one = hub.subscribe(ALL, 1, lines::add);
      AgentControl.Trace two = hub.subscribe(ALL, 2, lines::add);
      trace(tracer, packet(CLIENT, SERVER), null);
      assertTrue(one.isDone());
      assertFalse(two.isDone());
      trace(tracer, packet(CLIENT, SERVER), null);

      assertTrue(two.isDone());
      assertEquals(3, lines.size());
    }
  }

  @Test
  void close_inTheMiddle_noMoreLines() {
    AgentControl.Trace trace = hub.subscribe(ALL, 100, lines::add);
    trace(tracer, packet(CLIENT, SERVER), null);
    trace.close();
    trace(tracer, packet(CLIENT, SERVER), null);

    assertEquals(1, lines.size());
    assertFalse(hub.isActive());
  }

  @Test
  void begin_packetBeforeDidNotEnd_itsLinesAreNotRepeated() {
    hub.subscribe(ALL, 100, lines::add);
    tracer.begin(packet(CLIENT, SERVER), null);
    tracer.begin(packet(CLIENT, SERVER), null);
    tracer.line("received", "text");

    assertEquals(List.of(2L), lines.stream().map(TraceLine::packet).toList());
  }
}
