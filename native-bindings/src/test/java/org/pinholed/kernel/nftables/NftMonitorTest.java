package org.pinholed.kernel.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** What the monitor and the element reader make of messages, good and bad ones. */
class NftMonitorTest implements NftMonitor.Handler {
  private static final NftTable TABLE = new NftTable(NftFamily.INET, "ph");
  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final NftMonitor monitor = new NftMonitor(kernel, TABLE);
  private final List<NftChange> changes = new ArrayList<>();
  private final List<String> removals = new ArrayList<>();
  private final List<String> others = new ArrayList<>();
  private int overruns;

  @Override
  public void onChange(NftChange change) {
    changes.add(change);
  }

  @Override
  public void onOtherRulesRemoved(int rules, String processName, int processId) {
    removals.add(rules + " by " + processName + " " + processId);
  }

  @Override
  public void onOtherRulesChanged(String processName, int processId) {
    others.add(processName + " " + processId);
  }

  @Override
  public void onOverrun() {
    overruns++;
  }

  private static NetlinkWriter notification(int message, int family, String table) {
    return new NetlinkWriter(1024)
        .beginNfnetlink(10, message, 0, 1, family, 0)
        .attrString(1, table)
        .endMessage();
  }

  private static NetlinkWriter generation() {
    return new NetlinkWriter(1024)
        .beginNfnetlink(10, 15, 0, 1, 0, 0)
        .attr32be(1, 7)
        .attr32be(2, 1234)
        .attrString(3, "nft")
        .endMessage();
  }

  private void receive(NetlinkWriter... datagrams) throws NetlinkException {
    for (NetlinkWriter datagram : datagrams) {
      kernel.answerBytes(datagram.toBytes());
      monitor.receive(this);
    }
  }

  @Test
  void receive_changeOfTheTable_isToldAtTheEndOfItsTransaction() throws NetlinkException {
    receive(notification(3, 1, "ph"), notification(6, 1, "ph"));
    assertEquals(List.of(), changes);
    receive(generation());
    assertEquals(
        List.of(
            new NftChange(
                0, 1234, "nft", false, Set.of(NftChange.Part.CHAIN, NftChange.Part.RULE))),
        changes);
    receive(generation());
    assertEquals(1, changes.size(), "an empty transaction says nothing");
  }

  @Test
  void receive_otherTableOrFamilyOrTrace_saysNothing() throws NetlinkException {
    receive(
        notification(0, 1, "p"),
        notification(0, 1, "phx"),
        notification(0, 2, "ph"),
        notification(17, 1, "ph"),
        generation());
    assertEquals(List.of(), changes);
  }

  @Test
  void receive_rulesOfOtherTablesRemoved_areCountedInEachTransaction() throws NetlinkException {
    receive(notification(8, 2, "filter"), notification(8, 1, "other"), generation());
    receive(notification(8, 2, "ph"), generation());
    assertEquals(List.of("2 by nft 1234", "1 by nft 1234"), removals);
    assertEquals(List.of(), changes);
  }

  @Test
  void receive_rulesChainsOrTablesOfOthers_areToldOnceInEachTransaction() throws NetlinkException {
    receive(notification(8, 2, "filter"), notification(6, 1, "other"), generation());
    receive(notification(5, 2, "filter"), generation());
    receive(notification(0, 2, "filter"), generation());
    assertEquals(List.of("nft 1234", "nft 1234", "nft 1234"), others);
    receive(notification(6, 1, "ph"), notification(12, 2, "filter"), generation());
    assertEquals(3, others.size(), "the own table, and elements of others");
    assertEquals(1, changes.size());
  }

  @Test
  void receive_flushedRuleset_saysBoth() throws NetlinkException {
    receive(notification(8, 2, "filter"), notification(8, 1, "ph"), notification(2, 1, "ph"));
    receive(generation());
    assertEquals(List.of("1 by nft 1234"), removals);
    assertEquals(1, changes.size());
  }

  @Test
  void receive_rulesOfOtherTablesReplacedOrOwnOnesRemoved_areNotRemovals() throws NetlinkException {
    receive(notification(8, 2, "filter"), notification(6, 2, "filter"), generation());
    receive(notification(8, 1, "ph"), generation());
    assertEquals(List.of(), removals);
  }

  @Test
  void receive_removedTable_isSaid() throws NetlinkException {
    receive(notification(2, 1, "ph"), generation());
    assertTrue(changes.get(0).tableRemoved());
  }

  @Test
  void receive_overrun_isTold_andForgetsTheHalfTransaction() throws NetlinkException {
    receive(notification(2, 1, "ph"));
    kernel.failReceive(Errno.ENOBUFS);
    monitor.receive(this);
    assertEquals(1, overruns);
    assertEquals(List.of(), others);
    receive(generation());
    assertEquals(List.of(), changes);
  }

  @Test
  void filter_dropsOwnPorts_andTakesOthers() {
    long[] program = NftMonitor.filter(0x01020304, 5);
    assertEquals(5, program.length);
    boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    assertEquals(0x20L << 48 | 12, program[0]);
    assertEquals(0x15L << 48 | 2L << 40 | (little ? 0x04030201 : 0x01020304), program[1]);
    assertEquals(0x15L << 48 | 1L << 40 | (little ? 0x05000000 : 5), program[2]);
    assertEquals(0x06L << 48 | 0xffffffffL, program[3]);
    assertEquals(0x06L << 48, program[4]);
  }

  @Test
  void filter_ofMoreThanAJumpReaches_leavesOutTheFirst() {
    assertEquals(131, NftMonitor.filter(new int[128]).length);
    long[] program = NftMonitor.filter(new int[300]);
    assertEquals(131, program.length);
    assertEquals(0x15L << 48 | 128L << 40, program[1]);
  }

  @Property(tries = 300)
  void receive_anyBytes_neverThrows(
      @ForAll @Size(max = 200) byte[] bytes, @ForAll @IntRange(max = 26) int message)
      throws NetlinkException {
    byte[] datagram =
        new NetlinkWriter(1024)
            .beginNfnetlink(10, message, 0, 1, 1, 0)
            .rawBytes(bytes)
            .endMessage()
            .toBytes();
    kernel.answerBytes(datagram);
    monitor.receive(this);
    receive(generation());
  }

  @Property(tries = 300)
  void element_anyBytes_neverThrows(@ForAll @Size(max = 200) byte[] bytes) {
    ByteBuffer buffer =
        ByteBuffer.allocateDirect(bytes.length).order(ByteOrder.nativeOrder()).put(0, bytes);
    NetlinkReader reader = new NetlinkReader().wrapAttributes(buffer, 0, bytes.length);
    NftElementView element = new NftElementView();
    while (reader.nextAttribute()) {
      if (element.wrap(reader)) {
        element.key8(0);
        element.value32host();
        element.comment();
      }
    }
    NftElementView.comment(buffer, 0, bytes.length);
  }

  @Test
  void comment_isFoundBehindOtherTlvs_andALyingLengthIsNone() {
    ByteBuffer tlvs = ByteBuffer.wrap(new byte[] {5, 1, 9, 0, 3, 'h', 'i', 0, 0, 9, 'x'});
    assertEquals("hi", NftElementView.comment(tlvs, 0, 11));
    assertEquals("", NftElementView.comment(tlvs, 0, 7));
    assertEquals("", NftElementView.comment(tlvs, 8, 3));
    assertEquals("", NftElementView.comment(tlvs, 8, 1));
  }
}
