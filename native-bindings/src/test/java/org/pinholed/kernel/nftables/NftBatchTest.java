package org.pinholed.kernel.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.nftables.NftExpressions.Base;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.Direction;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftExpressions.Meta;

/**
 * The bytes of each message. They were compared with what nft 1.0.6 sends for the same (strace);
 * where the order of attributes differs, the kernel does not mind.
 */
@SuppressWarnings("NullAway.Init")
class NftBatchTest {
  private static final NftTable TABLE = new NftTable(NftFamily.INET, "ph");
  private static final NftSet ONCE4 =
      NftSet.named(
              "once4",
              NftField.INET_PROTO,
              NftField.IPV4_ADDR,
              NftField.IPV4_ADDR,
              NftField.INET_SERVICE)
          .mapsTo(NftField.MARK)
          .timeouts()
          .changedByRules()
          .size(100)
          .build();
  private static final NftSet PORTS = NftSet.named("p", NftField.INET_SERVICE).build();

  private FakeNetlinkTransport kernel;
  private int sequence;
  private NftClient client;

  @BeforeEach
  void open() {
    Assumptions.assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN, "bytes of a little-endian machine");
    kernel = new FakeNetlinkTransport().takeAnything();
    client = new NftClient(new NetlinkChannel(kernel, 65536), 4711);
  }

  private static NftValue key() {
    return new NftValue()
        .put8(6)
        .putBytes(new byte[] {(byte) 192, 0, 2, 1})
        .putBytes(new byte[] {(byte) 192, 0, 2, 2})
        .put16be(80);
  }

  /** Commits a batch of so many messages; returns each with its type, flags and body in hex. */
  private List<String> commit(int messages) throws NetlinkException {
    sequence += messages + 1;
    kernel.acknowledge(sequence);
    client.commit();
    byte[] bytes = kernel.lastSent();
    ByteBuffer buffer =
        ByteBuffer.allocateDirect(bytes.length).order(ByteOrder.nativeOrder()).put(0, bytes);
    NetlinkReader reader = new NetlinkReader().wrap(buffer, 0, bytes.length);
    List<String> sent = new ArrayList<>();
    while (reader.nextMessage()) {
      byte[] body = new byte[reader.payloadLengthBytes()];
      buffer.get(reader.payloadOffset(), body);
      sent.add(
          String.format("%04x %03x ", reader.type(), reader.flags())
              + HexFormat.of().formatHex(body));
    }
    return sent;
  }

  /** Commits and compares all messages between begin and end. */
  private void expect(String... messages) throws NetlinkException {
    List<String> sent = commit(messages.length);
    assertEquals("0010 001 0000000a", sent.get(0));
    assertEquals("0011 001 0000000a", sent.get(sent.size() - 1));
    for (int i = 0; i < messages.length; i++) {
      String expected = messages[i].replaceAll("\\s+", "");
      String actual = sent.get(i + 1).replaceAll("\\s+", "");
      assertEquals(expected, actual, "message " + (i + 1));
    }
    assertEquals(messages.length + 2, sent.size());
  }

  /** Commits one rule and compares its expressions. */
  private void expectExpressions(String hex) throws NetlinkException {
    String rule = commit(1).get(1);
    String names = "0a06 c05 01000000" + "07000100 70680000" + "06000200 63000000";
    assertEquals(names.replace(" ", ""), rule.substring(0, 9 + 40).replace(" ", ""));
    assertEquals(hex.replaceAll("\\s+", ""), rule.substring(9 + 40 + 8));
  }

  private NftExpressions rule() {
    return client.begin().addRule(TABLE, "c");
  }

  @Test
  void table_withComment() throws NetlinkException {
    client.begin().addTable(TABLE, "hi");
    expect("0a00 405 01000000 07000100 70680000 08000200 00000000 09000600 0003686900 000000");
  }

  @Test
  void chains() throws NetlinkException {
    client
        .begin()
        .addBaseChain(TABLE, "pre", new BaseChain(BaseChain.Hook.PREROUTING, -150))
        .addChain(TABLE, "divert")
        .flushChain(TABLE, "divert");
    expect(
        """
        0a03 401 01000000 07000100 70680000 08000300 70726500 0b000700 66696c74657200 00
        08000500 00000001 14000480 08000100 00000000 08000200 ffffff6a
        """,
        "0a03 401 01000000 07000100 70680000 0b000300 6469766572740000",
        "0a08 005 01000000 07000100 70680000 0b000200 6469766572740000");
  }

  @Test
  void map_andSet() throws NetlinkException {
    client.begin().addSet(TABLE, ONCE4).addSet(TABLE, PORTS).deleteTable(TABLE);
    expect(
        """
        0a09 401 01000000 07000100 70680000 0a000200 6f6e6365340000 00 08000300 00000038
        08000400 003071cd 08000500 00000010 08000600 00000013 08000700 00000004
        08000a00 00000001 0c000980 08000100 00000064 10000d00 000400000000 010401000000
        """,
        """
        0a09 401 01000000 07000100 70680000 06000200 70000000 08000300 00000000
        08000400 0000000d 08000500 00000002 08000a00 00000002 0a000d00 000402000000 0000
        """,
        "0a02 005 01000000 07000100 70680000");
  }

  @Test
  void set_whoseElementsAreFoundOnce_hasALimit() throws NetlinkException {
    NftSet once = NftSet.named("once", NftField.INET_SERVICE).changedByRules().foundOnce().build();
    client.begin().addSet(TABLE, once);
    expect(
        """
        0a09 405 01000000 07000100 70680000 09000200 6f6e6365 00000000 08000300 00000020
        08000400 0000000d 08000500 00000002 08000a00 00000001 0a000d00 000402000000 0000
        3c001180 0a000100 6c696d697400 0000 2c000280 0c000100 0000000000000001
        0c000200 0000000000015180 08000300 00000001 08000400 00000000
        """);
  }

  @Test
  void element_ofMap() throws NetlinkException {
    client
        .begin()
        .addElement(
            TABLE, ONCE4, key(), new NftValue().put32host(0x40000019), 30_000, 20_000, "hi");
    expect(
        """
        0a0c 405 01000000 07000100 70680000 0a000200 6f6e6365340000 00 50000380 4c000180
        18000180 14000100 06000000 c0000201 c0000202 00500000
        0c000280 08000100 19000040
        0c000400 0000000000007530 0c000500 0000000000004e20
        09000600 0003686900 000000
        """);
  }

  @Test
  void element_thatSomeLookupsFind_hasALimitOfItsOwn() throws NetlinkException {
    client
        .begin()
        .addElement(TABLE, ONCE4, key(), new NftValue().put32host(0x40000019), 30_000, 0, "", 200);
    expect(
        """
        0a0c 405 01000000 07000100 70680000 0a000200 6f6e6365340000 00 74000380 70000180
        18000180 14000100 06000000 c0000201 c0000202 00500000
        0c000280 08000100 19000040
        0c000400 0000000000007530
        3c000780 0a000100 6c696d697400 0000 2c000280 0c000100 0000000000000001
        0c000200 0000000000015180 08000300 000000c8 08000400 00000000
        """);
    assertThrows(
        IllegalArgumentException.class,
        () -> client.begin().addElement(TABLE, ONCE4, key(), null, 0, 0, "", 100_001));
  }

  @Test
  void rule_withARangeOfPorts_constants_andAnIdInHostOrder() throws NetlinkException {
    client
        .begin()
        .addRule(TABLE, "c")
        .range16be(0, 49152, 65535)
        .load16be(1, 49152)
        .toHostOrder32(2)
        .endRule();
    expect(
        """
        0a06 c05 01000000 07000100 70680000 06000200 63000000 ac000480
        3c000180 0a000100 72616e676500 0000 2c000280 08000100 00000008 08000200 00000000
        0c000380 06000100 c0000000 0c000480 06000100 ffff0000
        2c000180 0e000100 696d6d65646961746500 0000 18000280 08000100 00000009
        0c000280 06000100 c0000000
        40000180 0e000100 627974656f7264657200 0000 2c000280 08000100 0000000a
        08000200 0000000a 08000300 00000000 08000400 00000004 08000500 00000004
        """);
  }

  @Test
  void elements_ofOneSet_shareAMessage_untilSomethingElseComes() throws NetlinkException {
    NftValue port = new NftValue();
    client
        .begin()
        .addElement(TABLE, PORTS, port.reset().put16be(21), null, 0, 0, "")
        .addElement(TABLE, PORTS, port.reset().put16be(69), null, 0, 0, "")
        .deleteElement(TABLE, PORTS, port)
        .destroyElement(TABLE, PORTS, port)
        .flushSet(TABLE, PORTS);
    String names = " 01000000 07000100 70680000 06000200 70000000";
    String first = "10000180 0c000180 06000100 00150000";
    String second = "10000180 0c000180 06000100 00450000";
    expect(
        "0a0c 401" + names + "24000380" + first + second,
        "0a0e 001" + names + "14000380" + second,
        "0a1e 001" + names + "14000380" + second,
        "0a0e 005" + names);
  }

  @Test
  void expectationObject_ofSizeZero() throws NetlinkException {
    client
        .begin()
        .addExpectationObject(TABLE, "e", new ExpectationObject(NftFamily.IP, 6, 1, 1000, 0));
    expect(
        """
        0a12 405 01000000 07000100 70680000 06000200 65000000 08000300 00000009 2c000480
        06000100 00020000 05000200 06000000 06000300 00010000 08000400 e8030000
        05000500 00000000
        """);
  }

  @Test
  void generation_standsInTheBegin() throws NetlinkException {
    client.begin().onlyAtGeneration(0x01020304).addChain(TABLE, "c");
    assertEquals("0010 001 0000000a0800010001020304", commit(1).get(0));
  }

  @Test
  void expressions_loadAndCompare() throws NetlinkException {
    rule()
        .loadCt(Ct.MARK, 0)
        .mask32host(0, 0x50000000)
        .compare32host(0, Compare.NOT_EQUAL, 0)
        .loadMeta(Meta.L4PROTO, 1)
        .compare8(1, Compare.EQUAL, 17)
        .loadPayload(Base.INNER, 0, 1, 2)
        .endRule();
    expectExpressions(
        """
        20000180 07000100 63740000 14000280 08000200 00000003 08000100 00000008
        44000180 0c000100 6269747769736500 34000280 08000100 00000008 08000200 00000008
          08000300 00000004 0c000480 08000100 00000050 0c000580 08000100 00000000
        2c000180 08000100 636d7000 20000280 08000100 00000008 08000200 00000001
          0c000380 08000100 00000000
        24000180 09000100 6d657461 00000000 14000280 08000200 00000010 08000100 00000009
        2c000180 08000100 636d7000 20000280 08000100 00000009 08000200 00000000
          0c000380 05000100 11000000
        34000180 0c000100 7061796c6f616400 24000280 08000100 0000000a 08000200 00000003
          08000300 00000000 08000400 00000001
        """);
  }

  @Test
  void expressions_ofSetsAndVerdicts() throws NetlinkException {
    rule()
        .loadCt(Ct.PROTO_DST, Direction.ORIGINAL, 0)
        .lookup(ONCE4, 0, 4)
        .storeCtMark(4)
        .changeElement(ElementOperation.DELETE, ONCE4, 0, 4, 0)
        .jump("d")
        .comment("x")
        .endRule();
    expectExpressions(
        """
        28000180 07000100 63740000 1c000280 08000200 0000000c 08000100 00000008 05000300 00000000
        30000180 0b000100 6c6f6f6b75700000 20000280 0a000100 6f6e6365340000 00
          08000200 00000008 08000300 0000000c
        20000180 07000100 63740000 14000280 08000200 00000003 08000400 0000000c
        38000180 0b000100 64796e7365740000 28000280 0a000100 6f6e6365340000 00
          08000300 00000002 08000400 00000008 08000500 0000000c
        38000180 0e000100 696d6d65646961746500 0000 24000280 08000100 00000000 18000280
          14000280 08000100 fffffffd 06000200 64000000
        08000700 00027800
        """);
  }

  @Test
  void ctZone() throws NetlinkException {
    rule().loadCt(Ct.ZONE, 0).endRule();
    expectExpressions("20000180 07000100 63740000 14000280 08000200 00000011 08000100 00000008");
  }

  @Test
  void queue_native_andByTarget() throws NetlinkException {
    rule().queue(7, true).endRule();
    expectExpressions(
        "2c000180 0a000100 7175657565000000 1c000280 06000100 00070000 06000200 00010000"
            + " 06000300 00010000");
    rule().queueByTarget(7, true).endRule();
    expectExpressions(
        "34000180 0b000100 7461726765740000 24000280 0c000100 4e46515545554500"
            + " 08000200 00000003 0c000300 0700010001000000"
            + " 14000580 08000100 00000000 08000200 00000000");
  }

  @Test
  void hash_ofTheConntrackId() throws NetlinkException {
    // as nft 1.0.6 writes "jhash ct id mod 3 seed 0x1 2"
    rule().loadCt(Ct.ID, 0).hash(0, 3, 1, 0).compare32host(0, Compare.EQUAL, 2).endRule();
    expectExpressions(
        """
        20000180 07000100 63740000 14000280 08000200 00000017 08000100 00000008
        3c000180 09000100 68617368 00000000 2c000280 08000100 00000008 08000200 00000008
          08000300 00000004 08000400 00000003 08000500 00000001
        2c000180 08000100 636d7000 20000280 08000100 00000008 08000200 00000000
          0c000380 08000100 02000000
        """);
    rule().compare32be(0, Compare.AT_LEAST, 0x55555555).endRule();
    expectExpressions(
        """
        2c000180 08000100 636d7000 20000280 08000100 00000008 08000200 00000005
          0c000380 08000100 55555555
        """);
  }

  @Test
  void commit_refused_namesTheMessage() {
    client.begin().addTable(TABLE, "").addChain(TABLE, "divert").addSet(TABLE, ONCE4);
    kernel.refuse(3, Errno.EOPNOTSUPP); // the begin of the batch has sequence 1
    NetlinkException e = assertThrows(NetlinkException.class, client::commit);
    assertEquals("nftables: add chain ph divert: errno 95 (EOPNOTSUPP)", e.getMessage());
    assertEquals(2, e.failedMessage());
  }

  @Test
  void commit_refusedAsAWhole_saysSo() {
    client.begin().addTable(TABLE, "");
    kernel.refuse(1, Errno.EPERM);
    NetlinkException e = assertThrows(NetlinkException.class, client::commit);
    assertEquals("nftables: transaction: errno 1 (EPERM)", e.getMessage());
  }

  @Test
  void addElement_allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    NftValue key = new NftValue();
    NftValue mark = new NftValue();
    byte[] address = {(byte) 192, 0, 2, 1};
    long allocated = 0;
    for (int round = 0; round < 3; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 10_000; i++) {
        client.begin();
        key.reset().put8(6).putBytes(address).putBytes(address).put16be(i & 0xffff);
        client
            .batch()
            .addElement(TABLE, ONCE4, key, mark.reset().put32host(i), 30_000, 0, "ftp policy=25")
            .deleteElement(TABLE, ONCE4, key);
        client.batch().end();
      }
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
    }
    assertTrue(allocated < 10_000, "allocated " + allocated + " bytes in 10,000 batches");
  }

  @Test
  void hasRoom_isFalseBeforeTheBufferOverflows_withTheLongestElements() throws NetlinkException {
    NftValue value = new NftValue().put32host(1);
    client.begin();
    int count = 0;
    while (client.batch().hasRoom()) {
      client.batch().addElement(TABLE, ONCE4, key(), value, 1000, 1000, "x".repeat(128));
      count++;
    }
    List<String> sent = commit(2);
    assertTrue(count > 200, "count " + count);
    long messages = sent.stream().filter(message -> message.startsWith("0a0c")).count();
    assertEquals(2, messages, "attribute lists of at most 32 KiB each");
  }

  @Nested
  class Refuses {
    @Test
    void aKeyOfAnotherLength() {
      assertThrows(
          IllegalArgumentException.class,
          () -> client.begin().deleteElement(TABLE, ONCE4, new NftValue().put16be(1)));
      assertThrows(
          IllegalArgumentException.class,
          () -> client.begin().deleteElement(TABLE, PORTS, new NftValue().put32host(1)));
    }

    @Test
    void aMapElementWithoutValue() {
      assertThrows(
          IllegalArgumentException.class,
          () -> client.begin().addElement(TABLE, ONCE4, key(), null, 0, 0, ""));
    }

    @Test
    void aCommentOf129() {
      assertThrows(
          IllegalArgumentException.class, () -> client.begin().addTable(TABLE, "x".repeat(129)));
    }

    @Test
    void namesThatNftCouldNotRead() {
      assertThrows(IllegalArgumentException.class, () -> new NftTable(NftFamily.INET, ""));
      assertThrows(IllegalArgumentException.class, () -> new NftTable(NftFamily.INET, "a b"));
      assertThrows(
          IllegalArgumentException.class, () -> new NftTable(NftFamily.INET, "x".repeat(256)));
      assertEquals("inet " + "x".repeat(255), new NftTable(NftFamily.INET, "x".repeat(255)) + "");
    }

    @Test
    void keysOfSixFields_andRegistersThatAreNotThere() {
      NftField field = NftField.MARK;
      assertThrows(
          IllegalArgumentException.class,
          () -> NftSet.named("s", field, field, field, field, field, field));
      assertThrows(IllegalArgumentException.class, () -> NftSet.named("s"));
      assertThrows(IllegalArgumentException.class, () -> NftSet.named("s", field).size(0));
      assertThrows(IllegalArgumentException.class, () -> rule().loadMeta(Meta.L4PROTO, 16));
    }

    @Test
    void anEmptyBatch_andOneWithAnOpenRule() {
      client.begin();
      assertTrue(client.batch().isEmpty());
      assertThrows(IllegalStateException.class, client::commit);
      client.begin().addRule(TABLE, "c");
      assertFalse(client.batch().isEmpty());
      assertThrows(IllegalStateException.class, client::commit);
      assertThrows(IllegalStateException.class, () -> client.batch().addTable(TABLE, ""));
    }

    @Test
    void expectationsOutOfRange() {
      assertThrows(
          IllegalArgumentException.class, () -> new ExpectationObject(NftFamily.IP, 6, 1, 1, 256));
      assertThrows(
          IllegalArgumentException.class, () -> new ExpectationObject(NftFamily.IP, 0, 1, 1, 0));
    }
  }
}
