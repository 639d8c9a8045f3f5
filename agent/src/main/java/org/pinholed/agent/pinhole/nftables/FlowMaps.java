package org.pinholed.agent.pinhole.nftables;

import java.net.Inet4Address;
import java.net.UnknownHostException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftElementHandler;
import org.pinholed.kernel.nftables.NftElementView;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.Direction;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftField;
import org.pinholed.kernel.nftables.NftSet;
import org.pinholed.kernel.nftables.NftTable;
import org.pinholed.kernel.nftables.NftValue;

/**
 * What the first datagram of a flow was before it was translated. While that datagram is in the
 * queue its conntrack is not in the kernel's table yet, so ctnetlink does not find it: a rule
 * writes it down here, right before the datagram is queued. Immutable; may be shared between
 * threads.
 *
 * <p>Of a datagram as it leaves (source, its port, destination, its port; all UDP) one map has
 * source, port and id of its conntrack, and another one destination, port and mark. They are two
 * because a rule has 64 bytes of registers: IPv6 takes 40 of them for the key and 24 for a half.
 *
 * <p>What stands of an earlier flow is deleted first, because adding does not replace. A map that
 * is full ends the rule and nothing else: the datagram goes on, and is not found here. The half
 * that is asked for first is written first, so no half of one flow is taken with that of another.
 *
 * <p>Until a flow is confirmed the kernel may translate another one to the same outside port: two
 * phones that send from port 5060 to the same registrar at the same moment. It drops the second one
 * when that is to be confirmed, for its reply tuple is taken. In the queue the two look alike. So
 * the second one is dropped here already, while the first may still be in the queue: its sender
 * sends again, and gets another port then.
 */
final class FlowMaps {
  static final String CHAIN_FLOWS = "flows";
  static final String CHAIN_WRITE = "flowwrite";

  /** How many rules there are in the chain that drops the second one. */
  static final int RULES = 5;

  /** How many rules there are in the chain that writes. */
  static final int WRITE_RULES = 2;

  private static final long TIMEOUT_MS = 30_000; // a new agent may first have to start

  /**
   * How long a datagram may be in the queue before another one is taken for the next flow. A
   * conntrack that was deleted meanwhile costs the next sender so much: SIP sends again 0.5, 1.5
   * and 3.5 s later (RFC 3261 section 17.1.1.2).
   */
  private static final long WAITING_MS = 3_000;

  private final NftTable table;
  private final NftSet sources4;
  private final NftSet sources6;
  private final NftSet destinations4;
  private final NftSet destinations6;
  private final NftSet waiting4;
  private final NftSet waiting6;
  private final NftSet senders4;
  private final NftSet senders6;

  FlowMaps(NftTable table, int sizeElements) {
    this.table = table;
    sources4 = map("flowsrc4", NftField.IPV4_ADDR, sizeElements, "source . port . conntrack id");
    sources6 = map("flowsrc6", NftField.IPV6_ADDR, sizeElements, "source . port . conntrack id");
    destinations4 = map("flowdst4", NftField.IPV4_ADDR, sizeElements, "destination . port . mark");
    destinations6 = map("flowdst6", NftField.IPV6_ADDR, sizeElements, "destination . port . mark");
    waiting4 = waiting("flowwait4", NftField.IPV4_ADDR, sizeElements);
    waiting6 = waiting("flowwait6", NftField.IPV6_ADDR, sizeElements);
    senders4 = senders("flowfrom4", NftField.IPV4_ADDR, sizeElements);
    senders6 = senders("flowfrom6", NftField.IPV6_ADDR, sizeElements);
  }

  private static NftSet map(String name, NftField address, int size, String value) {
    return named(name, size, address, NftField.INET_SERVICE, address, NftField.INET_SERVICE)
        .mapsTo(address, NftField.INET_SERVICE, NftField.MARK)
        .comment("first datagram as it leaves : its original " + value)
        .build();
  }

  private static NftSet waiting(String name, NftField address, int size) {
    return named(name, size, address, NftField.INET_SERVICE, address, NftField.INET_SERVICE)
        .comment("first datagram as it leaves, which may be in the queue")
        .build();
  }

  /** Of the original source the address alone: keys have five fields at most. */
  private static NftSet senders(String name, NftField address, int size) {
    return named(
            name, size, address, NftField.INET_SERVICE, address, NftField.INET_SERVICE, address)
        .comment("first datagram as it leaves, with its original source")
        .build();
  }

  private static NftSet.Builder named(String name, int size, NftField... key) {
    return NftSet.named(name, key).timeouts().changedByRules().size(size);
  }

  List<NftSet> sets() {
    return List.of(
        sources4, sources6, destinations4, destinations6, waiting4, waiting6, senders4, senders6);
  }

  /** Writes the rules of {@link #CHAIN_FLOWS}, which comes behind a look at what is unconfirmed. */
  void addRules(NftBatch batch) {
    for (boolean ipv6 : new boolean[] {false, true}) {
      beginWithSource(batch, CHAIN_FLOWS, ipv6)
          .lookup(ipv6 ? senders6 : senders4, 0)
          .goTo(CHAIN_WRITE)
          .comment("of the same sender as before")
          .endRule();
    }
    for (boolean ipv6 : new boolean[] {false, true}) {
      begin(batch, CHAIN_FLOWS, ipv6)
          .lookup(ipv6 ? waiting6 : waiting4, 0)
          .counter()
          .drop()
          .comment("of another one: the kernel would drop it a moment later")
          .endRule();
    }
    batch.addRule(table, CHAIN_FLOWS).goTo(CHAIN_WRITE).endRule();
    addWriteRule(batch, false);
    addWriteRule(batch, true);
  }

  /** Begins a rule that has the datagram as it leaves, from register 0. */
  private NftExpressions begin(NftBatch batch, String chain, boolean ipv6) {
    return PacketTuple.loadPorts(PacketTuple.family(batch.addRule(table, chain), ipv6), ipv6);
  }

  /** The same, and behind that the address of its original source. */
  private NftExpressions beginWithSource(NftBatch batch, String chain, boolean ipv6) {
    return begin(batch, chain, ipv6)
        .loadCt(ipv6 ? Ct.SRC_IP6 : Ct.SRC_IP, Direction.ORIGINAL, sourceRegister(ipv6));
  }

  private static int sourceRegister(boolean ipv6) {
    return 2 * PacketTuple.addressBytes(ipv6) / 4 + 2;
  }

  private void addWriteRule(NftBatch batch, boolean ipv6) {
    NftSet sources = ipv6 ? sources6 : sources4;
    NftSet destinations = ipv6 ? destinations6 : destinations4;
    int address = sourceRegister(ipv6);
    int port = address + PacketTuple.addressBytes(ipv6) / 4;
    int last = port + 1;
    beginWithSource(batch, CHAIN_WRITE, ipv6)
        .loadCt(Ct.PROTO_SRC, Direction.ORIGINAL, port)
        .changeElement(ElementOperation.UPDATE, ipv6 ? senders6 : senders4, 0, WAITING_MS)
        .changeElement(ElementOperation.UPDATE, ipv6 ? waiting6 : waiting4, 0, WAITING_MS)
        .loadCt(Ct.ID, last)
        .toHostOrder32(last)
        .changeElement(ElementOperation.DELETE, sources, 0, address, 0)
        .changeElement(ElementOperation.DELETE, destinations, 0, address, 0)
        .changeElement(ElementOperation.ADD, sources, 0, address, TIMEOUT_MS)
        .loadCt(ipv6 ? Ct.DST_IP6 : Ct.DST_IP, Direction.ORIGINAL, address)
        .loadCt(Ct.PROTO_DST, Direction.ORIGINAL, port)
        .loadCt(Ct.MARK, last)
        .changeElement(ElementOperation.ADD, destinations, 0, address, TIMEOUT_MS)
        .counter()
        .endRule();
  }

  /** Finds what a datagram was; null if it is not there, or not whole. */
  @Nullable FlowOrigin find(NftClient client, Endpoint source, Endpoint destination, NftValue key)
      throws NetlinkException {
    boolean ipv6 = !(source.address() instanceof Inet4Address);
    int length = PacketTuple.addressBytes(ipv6);
    key.reset()
        .putBytes(source.address().getAddress())
        .put16be(source.port())
        .putBytes(destination.address().getAddress())
        .put16be(destination.port());
    Half from = new Half(length);
    Half to = new Half(length);
    client.getElement(table, ipv6 ? sources6 : sources4, key, from);
    Endpoint cameFrom = from.endpoint;
    if (cameFrom == null) {
      return null;
    }
    client.getElement(table, ipv6 ? destinations6 : destinations4, key, to);
    Endpoint wasSentTo = to.endpoint;
    return wasSentTo == null
        ? null
        : new FlowOrigin(cameFrom, wasSentTo, from.last32host(), to.last32host());
  }

  /** One half of a flow, as an element of a map says it: address, port, and four bytes more. */
  private static final class Half implements NftElementHandler {
    private final int addressBytes;
    private @Nullable Endpoint endpoint;
    private int last32host;

    Half(int addressBytes) {
      this.addressBytes = addressBytes;
    }

    @Override
    public void onElement(NftElementView element) {
      try {
        byte[] port = element.valueBytes(addressBytes, 2);
        endpoint =
            new Endpoint(
                PacketTuple.address(element.valueBytes(0, addressBytes)),
                (port[0] & 0xff) << 8 | (port[1] & 0xff));
        last32host = element.value32host(addressBytes + 4);
      } catch (UnknownHostException | IllegalArgumentException e) {
        endpoint = null; // port 0, from which nobody is answered
      }
    }

    int last32host() {
      return last32host;
    }
  }
}
