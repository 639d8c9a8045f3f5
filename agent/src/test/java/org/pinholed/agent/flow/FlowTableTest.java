package org.pinholed.agent.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.limit.BufferedBytes;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

class FlowTableTest {
  private static final InetSocketAddress CLIENT = new InetSocketAddress("192.0.2.10", 40001);
  private static final InetSocketAddress SERVER = new InetSocketAddress("198.51.100.7", 21);
  private static final InetSocketAddress CLIENT6 = new InetSocketAddress("2001:db8:1::10", 40001);
  private static final InetSocketAddress SERVER6 = new InetSocketAddress("2001:db8:2::7", 21);

  private final FlowTable table = new FlowTable();

  private static FlowTuple tuple(InetSocketAddress from, InetSocketAddress to) {
    return new FlowTuple(6, from.getAddress(), from.getPort(), to.getAddress(), to.getPort());
  }

  private static Flow flow(int id, InetSocketAddress client, InetSocketAddress server) {
    return flow(id, tuple(client, server), tuple(server, client));
  }

  private static Flow flow(int id, FlowTuple original, FlowTuple reply) {
    ConntrackEntry entry =
        new ConntrackEntry(
            original,
            reply,
            id,
            0,
            0,
            60,
            2,
            "",
            -1,
            -1,
            -1,
            -1,
            0,
            ConntrackEntry.TcpCloser.NOBODY);
    Endpoint client = new Endpoint(original.source(), original.sourcePort());
    Endpoint server = new Endpoint(original.destination(), original.destinationPort());
    return new Flow(
        new Parent(entry.identity(), "ftp", 1, 0, 0, client, server),
        entry,
        new FlowFacts(Transport.TCP, client, client, server, server, FlowFacts.Origin.FIRST_BYTE),
        new HelperEntry(1, "ftp", Transport.TCP, 21, true, null, Map.of()),
        null,
        HelperLimits.DEFAULT,
        new BufferedBytes(1 << 20),
        flow -> {},
        0);
  }

  private static PacketView packet(InetSocketAddress from, InetSocketAddress to) {
    return wrap(PacketBuilder.tcp(from, to).payload("x").build());
  }

  private static PacketView wrap(byte[] bytes) {
    PacketView view = new PacketView();
    assertNull(view.wrap(ByteBuffer.wrap(bytes), 0, bytes.length));
    return view;
  }

  private void assertFinds(
      Flow flow, Direction direction, InetSocketAddress from, InetSocketAddress to) {
    FlowTable.End end = table.find(packet(from, to));
    assertNotNull(end, "not found: " + from + " -> " + to);
    assertSame(flow, end.flow());
    assertEquals(direction, end.direction());
  }

  @Test
  void find_packetsOfBothDirections_theFlowAndTheirDirection() {
    Flow flow = flow(1, CLIENT, SERVER);
    table.add(flow);

    assertFinds(flow, Direction.ORIGINAL, CLIENT, SERVER);
    assertFinds(flow, Direction.REPLY, SERVER, CLIENT);
    assertSame(flow, table.find(flow.parent().identity()));
    assertEquals(1, table.size());
  }

  @Test
  void find_ipv6Packets_theFlow() {
    Flow flow = flow(1, CLIENT6, SERVER6);
    table.add(flow);

    assertFinds(flow, Direction.ORIGINAL, CLIENT6, SERVER6);
    assertFinds(flow, Direction.REPLY, SERVER6, CLIENT6);
  }

  @Test
  void find_sourceAndDestinationTranslated_packetsAsTheyLookBehindNat() {
    InetSocketAddress publicServer = new InetSocketAddress("203.0.113.1", 2121);
    InetSocketAddress publicClient = new InetSocketAddress("203.0.113.2", 50000);
    Flow flow = flow(1, tuple(CLIENT, publicServer), tuple(SERVER, publicClient));
    table.add(flow);

    assertFinds(flow, Direction.ORIGINAL, publicClient, SERVER);
    assertFinds(flow, Direction.REPLY, publicServer, CLIENT);
    assertNull(table.find(packet(CLIENT, publicServer)), "as it looks in front of NAT");
    assertNull(table.find(packet(SERVER, publicClient)), "as it looks in front of NAT");
  }

  @Test
  void find_otherPacket_null() {
    table.add(flow(1, CLIENT, SERVER));

    assertNull(table.find(packet(new InetSocketAddress(CLIENT.getAddress(), 40002), SERVER)));
    assertNull(table.find(packet(CLIENT, new InetSocketAddress(SERVER.getAddress(), 22))));
    assertNull(table.find(packet(new InetSocketAddress("192.0.2.11", 40001), SERVER)));
    assertNull(table.find(packet(CLIENT, new InetSocketAddress("198.51.100.8", 21))));
    assertNull(table.find(wrap(PacketBuilder.udp(CLIENT, SERVER).payload("x").build())));
    assertNull(table.find(flow(2, CLIENT, SERVER).parent().identity()));
    assertNull(table.find(flow(1, SERVER, CLIENT).parent().identity()));
  }

  @Test
  void find_ipv6PacketWithIpv4MappedAddresses_notTheIpv4Flow() throws UnknownHostException {
    table.add(flow(1, CLIENT, SERVER));
    InetSocketAddress from = new InetSocketAddress(mapped(CLIENT.getAddress()), CLIENT.getPort());
    InetSocketAddress to = new InetSocketAddress(mapped(SERVER.getAddress()), SERVER.getPort());

    assertNull(table.find(packet(from, to)));
  }

  private static InetAddress mapped(InetAddress address) throws UnknownHostException {
    byte[] bytes = new byte[16];
    bytes[10] = (byte) 0xff;
    bytes[11] = (byte) 0xff;
    System.arraycopy(address.getAddress(), 0, bytes, 12, 4);
    return Inet6Address.getByAddress(null, bytes, -1);
  }

  @Test
  void remove_theFlow_nothingIsLeft() {
    Flow flow = flow(1, CLIENT, SERVER);
    table.add(flow);
    table.remove(flow);

    assertNull(table.find(packet(CLIENT, SERVER)));
    assertNull(table.find(packet(SERVER, CLIENT)));
    assertNull(table.find(flow.parent().identity()));
    assertEquals(0, table.size());
    assertTrue(table.flows().isEmpty());
  }

  @Test
  void remove_flowWhoseTupleAnotherTook_theOtherStays() {
    Flow older = flow(1, CLIENT, SERVER);
    Flow newer = flow(2, CLIENT, SERVER);
    table.add(older);
    table.add(newer);
    table.remove(older);

    assertFinds(newer, Direction.ORIGINAL, CLIENT, SERVER);
    assertFinds(newer, Direction.REPLY, SERVER, CLIENT);
    assertSame(newer, table.find(newer.parent().identity()));
    assertNull(table.find(older.parent().identity()));
  }

  @Test
  void remove_flowWhoseConntrackAnotherTook_theOtherStays() {
    Flow older = flow(1, CLIENT, SERVER);
    Flow newer = flow(1, CLIENT, SERVER);
    table.add(older);
    table.add(newer);
    table.remove(older);

    assertSame(newer, table.find(newer.parent().identity()));
    assertFinds(newer, Direction.REPLY, SERVER, CLIENT);
  }

  @Test
  void find_severalFlows_eachByItsPorts() {
    List<Flow> flows = new ArrayList<>();
    for (int port = 10_000; port < 12_000; port++) {
      flows.add(flow(port, new InetSocketAddress(CLIENT.getAddress(), port), SERVER));
      table.add(flows.get(flows.size() - 1));
    }
    for (int port = 10_000; port < 12_000; port++) {
      InetSocketAddress client = new InetSocketAddress(CLIENT.getAddress(), port);
      assertFinds(flows.get(port - 10_000), Direction.REPLY, SERVER, client);
    }
    assertEquals(2_000, table.size());
  }

  @Test
  void find_twoFlowsOfOneId_each_andOneEndsAlone() {
    Flow one = flow(1, CLIENT, SERVER);
    Flow other = flow(1, new InetSocketAddress(CLIENT.getAddress(), 40002), SERVER);
    table.add(one);
    table.add(other);

    assertEquals(2, table.size());
    assertEquals(List.of(), table.withTuplesOf(flow(1, CLIENT6, SERVER6).entry()));
    assertSame(one, table.find(one.parent().identity()));
    assertSame(other, table.find(other.parent().identity()));
    table.remove(one);
    assertNull(table.find(one.parent().identity()));
    assertSame(other, table.find(other.parent().identity()));
    assertEquals(List.of(other), List.copyOf(table.flows()));
  }

  @Test
  void withTuplesOf_flowsThatShareATuple_areFoundOnce() {
    InetSocketAddress inside = new InetSocketAddress("203.0.113.5", 21);
    Flow plain = flow(1, CLIENT, SERVER);
    Flow translated = flow(2, tuple(CLIENT6, SERVER6), tuple(SERVER6, CLIENT6));
    table.add(plain);
    table.add(translated);

    assertEquals(List.of(plain), table.withTuplesOf(plain.entry()));
    assertEquals(
        List.of(plain),
        table.withTuplesOf(flow(3, tuple(CLIENT, SERVER), tuple(inside, CLIENT)).entry()));
    assertEquals(
        List.of(plain),
        table.withTuplesOf(flow(3, tuple(CLIENT, inside), tuple(SERVER, CLIENT)).entry()));
    assertEquals(
        List.of(),
        table.withTuplesOf(flow(1, tuple(CLIENT, inside), tuple(inside, CLIENT)).entry()));
  }

  @Test
  void find_knownAndUnknownPackets_nothingAllocated() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    table.add(flow(1, CLIENT, SERVER));
    PacketView known = packet(SERVER, CLIENT);
    PacketView unknown = packet(SERVER, new InetSocketAddress("192.0.2.99", 22));
    int found = lookUp(known, unknown, 20_000); // the compiler has its own allocations until here
    long self = Thread.currentThread().getId();

    long before = threads.getThreadAllocatedBytes(self);
    found += lookUp(known, unknown, 100_000);
    long allocated = threads.getThreadAllocatedBytes(self) - before;

    assertEquals(120_000, found);
    assertTrue(allocated < 100_000, allocated + " bytes for 200,000 look-ups");
  }

  private int lookUp(PacketView known, PacketView unknown, int times) {
    int found = 0;
    for (int i = 0; i < times; i++) {
      if (table.find(known) != null && table.find(unknown) == null) {
        found++;
      }
    }
    return found;
  }

  @Test
  void hashCode_addressesThatCancelOut_differ() throws UnknownHostException {
    // Whoever has a prefix of 48 bits chooses 80 bits of the address. If both halves went into the
    // hash by one exclusive or, he could choose one half so that it takes the other out again, and
    // put all his flows into one bucket, whatever the seed.
    for (int rotation : new int[] {0, 23, 41, 32}) {
      Set<Integer> hashes = new HashSet<>();
      for (int i = 0; i < 4096; i++) {
        long high = 0x20010db8_00010000L | i;
        ByteBuffer bytes = ByteBuffer.allocate(16).putLong(high);
        bytes.putLong(0x1234L ^ Long.rotateLeft(high, rotation));
        InetAddress source = InetAddress.getByAddress(bytes.array());
        hashes.add(FlowKey.of(6, source, 40001, SERVER6.getAddress(), 21).hashCode());
        hashes.add(FlowKey.of(6, SERVER6.getAddress(), 21, source, 40001).hashCode());
      }
      assertTrue(hashes.size() > 8000, hashes.size() + " of 8192 hashes, rotation " + rotation);
    }
  }

  @Test
  void equals_sameFields_sameKey() {
    FlowKey key = FlowKey.of(6, CLIENT.getAddress(), 1, SERVER.getAddress(), 2);
    FlowKey same = FlowKey.of(6, CLIENT.getAddress(), 1, SERVER.getAddress(), 2);

    assertEquals(key, same);
    assertEquals(key.hashCode(), same.hashCode());
    assertNotEquals(key, FlowKey.of(17, CLIENT.getAddress(), 1, SERVER.getAddress(), 2));
    assertNotEquals(key, FlowKey.of(6, CLIENT.getAddress(), 2, SERVER.getAddress(), 1));
    assertNotEquals(key, FlowKey.of(6, SERVER.getAddress(), 1, CLIENT.getAddress(), 2));
    assertNotEquals(key, (Object) "key");
  }
}
