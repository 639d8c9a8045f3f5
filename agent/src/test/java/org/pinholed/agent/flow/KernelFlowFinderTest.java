package org.pinholed.agent.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.packet.PacketBuilder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.FakeDatagrams;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/** Where a flow is looked for, and what is believed. */
class KernelFlowFinderTest {
  private static final int UDP = 17;

  /**
   * What {@code __ctnetlink_glue_build} (nf_conntrack_netlink.c) attaches of a masqueraded flow
   * that is not confirmed yet: both tuples, id, status, timeout, helper, mark.
   */
  private static final String ATTACHED =
      """
      34000180 14000180 08000100 c0000202 08000200 c6336402
               1c000280 05000100 11000000 06000200 13c60000 06000300 13c40000
      34000280 14000180 08000100 c6336402 08000200 c6336401
               1c000280 05000100 11000000 06000200 13c40000 06000300 1b580000
      08000c00 12345678 08000300 STATUS__ 08000700 0000001e
      0c000580 08000100 73697000 08000800 00000019
      """;

  private final FakeConntrackKernel kernel = new FakeConntrackKernel();
  private final PacketView packet = new PacketView();
  private @Nullable FlowOrigin origin;
  private boolean refuses;
  private int asked;
  private final KernelFlowFinder finder =
      new KernelFlowFinder(ConntrackClient.open(kernel), new Maps());

  /** The maps of first datagrams. */
  private final class Maps implements PinholeBackend.Session {
    @Override
    public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination)
        throws BackendException {
      asked++;
      if (refuses) {
        throw new BackendException("refused", 1, new IOException());
      }
      assertEquals(new Endpoint(address("198.51.100.1"), 7000), source);
      assertEquals(new Endpoint(address("198.51.100.2"), 5060), destination);
      return origin;
    }

    @Override
    public List<Pinhole> apply(
        List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten) {
      throw new AssertionError();
    }

    @Override
    public void renew(List<Pinhole> pinholes) {
      throw new AssertionError();
    }

    @Override
    public boolean stands(Pinhole pinhole) {
      throw new AssertionError();
    }

    @Override
    public List<OwnedPinhole> listOwned() {
      throw new AssertionError();
    }

    @Override
    public void close() {
      throw new AssertionError();
    }
  }

  private static InetAddress address(String text) {
    return new InetSocketAddress(text, 0).getAddress();
  }

  private static FlowTuple tuple(String source, int sourcePort, String destination, int port) {
    return new FlowTuple(UDP, address(source), sourcePort, address(destination), port);
  }

  private static final FlowTuple ORIGINAL = tuple("192.0.2.2", 5062, "198.51.100.2", 5060);
  private static final FlowTuple REPLY = tuple("198.51.100.2", 5060, "198.51.100.1", 7000);

  /** A datagram behind the masquerade, as it is queued. */
  private QueuedPacketView queued(String attached, boolean tcp, int sourcePort) {
    InetSocketAddress from = new InetSocketAddress("198.51.100.1", sourcePort);
    InetSocketAddress to = new InetSocketAddress("198.51.100.2", 5060);
    byte[] bytes =
        (tcp ? PacketBuilder.tcp(from, to) : PacketBuilder.udp(from, to)).payload("x").build();
    byte[] conntrack = HexFormat.of().parseHex(attached.replaceAll("\\s", ""));
    byte[] datagram =
        FakeDatagrams.datagram(
            writer -> {
              writer
                  .beginNfnetlink(NetlinkConstants.NFNL_SUBSYS_QUEUE, 0, 0, 0, 2, 0)
                  .attrHeader(1, 7)
                  .raw32be(1)
                  .raw16be(0x0800)
                  .raw8(4)
                  .pad();
              if (conntrack.length > 0) {
                writer.attrBytes(11, conntrack).attr32be(12, 2);
              }
              writer.attrBytes(10, bytes).endMessage();
            });
    ByteBuffer buffer = ByteBuffer.allocateDirect(datagram.length).order(ByteOrder.nativeOrder());
    buffer.put(0, datagram);
    QueuedPacketView view = new QueuedPacketView();
    assertTrue(view.wrap(buffer, 0, datagram.length));
    assertNull(packet.wrap(view.buffer(), view.payloadOffset(), view.payloadLengthBytes()));
    return view;
  }

  private FlowFinder.@Nullable Found find(QueuedPacketView queued) throws IOException {
    return finder.find(packet, queued);
  }

  @Test
  void unconfirmed_isTakenFromThePacket_withoutAQuestion() throws IOException {
    FlowFinder.Found found = find(queued(ATTACHED.replace("STATUS__", "00000190"), false, 7000));
    assertNotNull(found);
    assertFalse(found.confirmed());
    assertEquals(ORIGINAL, found.entry().original());
    assertEquals(REPLY, found.entry().reply());
    assertEquals(0x12345678, found.entry().id());
    assertEquals(0x19, found.entry().mark());
    assertEquals("sip", found.entry().helperName());
    assertEquals(30, found.entry().timeoutSeconds());
    assertTrue(found.entry().isTranslated());
    assertEquals(0, asked);
    assertEquals(0, kernel.gets());
  }

  @Test
  void confirmedWhenItWasQueued_isAskedFor_becauseItsMarkMayHaveChanged() throws IOException {
    kernel.add(new FakeConntrackKernel.Connection(0x12345678, ORIGINAL, REPLY, 0x20000019, -1));
    FlowFinder.Found found = find(queued(ATTACHED.replace("STATUS__", "00000198"), false, 7000));
    assertNotNull(found);
    assertTrue(found.confirmed());
    assertEquals(0x20000019, found.entry().mark());
    assertEquals(0, asked);
  }

  @Test
  void goneSinceItWasQueued_isNotFound() throws IOException {
    assertNull(find(queued(ATTACHED.replace("STATUS__", "00000198"), false, 7000)));
    assertEquals(0, asked, "what was written down is older");
  }

  @Test
  void attachedNonsense_isAsIfThereWasNone() throws IOException {
    kernel.add(new FakeConntrackKernel.Connection(7, ORIGINAL, REPLY, 0x19, -1));
    String whole = ATTACHED.replace("STATUS__", "00000190").replaceAll("\\s", "");
    for (String bytes :
        List.of("ff", "ffff0180", whole.substring(0, 40), whole.substring(0, 104) + "05")) {
      FlowFinder.Found found = find(queued(bytes, false, 7000));
      assertNotNull(found, bytes);
    }
  }

  @Test
  void withoutNfqaCt_confirmedOnesAreFoundByCtnetlink_firstOnesByTheMaps() throws IOException {
    origin =
        new FlowOrigin(
            new Endpoint(address("192.0.2.2"), 5062),
            new Endpoint(address("198.51.100.2"), 5060),
            0x12345678,
            0x19);
    FlowFinder.Found first = find(queued("", false, 7000));
    assertNotNull(first);
    assertFalse(first.confirmed());
    assertEquals(ORIGINAL, first.entry().original());
    assertEquals(REPLY, first.entry().reply());
    assertEquals(0x12345678, first.entry().id());
    assertEquals(0x19, first.entry().mark());
    assertTrue(first.entry().isTranslated());
    assertEquals(0, first.entry().zone());
    kernel.add(new FakeConntrackKernel.Connection(0x12345678, ORIGINAL, REPLY, 0x19, -1));
    FlowFinder.Found later = find(queued("", false, 7000));
    assertNotNull(later);
    assertTrue(later.confirmed());
    assertEquals(first.entry().identity(), later.entry().identity());
    assertEquals(1, asked);
  }

  @Test
  void whatNobodyKnows_isNotFound_andPortZeroIsNotAskedFor() throws IOException {
    assertNull(find(queued("", false, 7000)));
    assertEquals(1, asked);
    assertNull(find(queued("", false, 0)));
    assertEquals(1, asked);
  }

  @Test
  void tcp_isAskedForOfCtnetlinkOnly() throws IOException {
    assertNull(find(queued(ATTACHED.replace("STATUS__", "00000190"), true, 7000)));
    assertEquals(0, asked);
    assertEquals(1, kernel.gets());
  }

  @Test
  void refusals_areTold() {
    refuses = true;
    assertThrows(BackendException.class, () -> find(queued("", false, 7000)));
  }
}
