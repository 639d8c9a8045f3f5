package org.pinholed.kernel.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkWriter;
import org.pinholed.kernel.nftables.NftRule.Action;
import org.pinholed.kernel.nftables.NftRule.MarkTest;

/** Rules as the kernel lists them, put together expression by expression. */
class NftRuleReaderTest {
  private static final int NEWRULE = 6;
  private static final int INET = 1;
  private static final int CHILD = 0x40000000;
  private static final int EQUAL = 0;
  private static final int NOT_EQUAL = 1;
  private static final int LESS = 2;

  private final NetlinkWriter rule = new NetlinkWriter(4096);
  private int expressions;

  private NftRuleReaderTest() {
    begin(INET);
  }

  private void begin(int family) {
    expressions = 0;
    rule.reset()
        .beginNfnetlink(10, NEWRULE, 0, 1, family, 0)
        .attrString(Nft.NFTA_RULE_TABLE, "filter")
        .attrString(Nft.NFTA_RULE_CHAIN, "forward")
        .attr64be(Nft.NFTA_RULE_HANDLE, 17)
        .beginNested(Nft.NFTA_RULE_EXPRESSIONS);
  }

  private NftRuleReaderTest has(String kind, Consumer<NetlinkWriter> attributes) {
    rule.beginNested(1).attrString(Nft.NFTA_EXPR_NAME, kind).beginNested(Nft.NFTA_EXPR_DATA);
    attributes.accept(rule);
    rule.endNested().endNested();
    expressions++;
    return this;
  }

  private static void value(NetlinkWriter writer, int type, int value) {
    writer.beginNested(type).attr32host(Nft.NFTA_DATA_VALUE, value).endNested();
  }

  private NftRuleReaderTest load(String kind, int key, int register) {
    return has(kind, writer -> writer.attr32be(1, register).attr32be(2, key));
  }

  private NftRuleReaderTest masked(int from, int to, int mask, int flip) {
    return has(
        "bitwise",
        writer -> {
          writer.attr32be(1, from).attr32be(2, to).attr32be(3, 4);
          value(writer, 4, mask);
          value(writer, 5, flip);
        });
  }

  private NftRuleReaderTest compared(int register, int how, int with) {
    return has(
        "cmp",
        writer -> {
          writer.attr32be(1, register).attr32be(2, how);
          value(writer, 3, with);
        });
  }

  private NftRuleReaderTest verdict(int code, String chain) {
    return has(
        "immediate",
        writer -> {
          writer.attr32be(1, 0).beginNested(2).beginNested(Nft.NFTA_DATA_VERDICT);
          writer.attr32be(Nft.NFTA_VERDICT_CODE, code);
          if (!chain.isEmpty()) {
            writer.attrString(Nft.NFTA_VERDICT_CHAIN, chain);
          }
          writer.endNested().endNested();
        });
  }

  private NftRuleReaderTest matched(String name, byte[] info) {
    return has("match", writer -> writer.attrString(1, name).attr32be(2, 1).attrBytes(3, info));
  }

  private byte[] message() {
    return rule.endNested().endMessage().toBytes();
  }

  private static @Nullable NftRule read(byte[] message) {
    ByteBuffer buffer = ByteBuffer.wrap(message).order(ByteOrder.nativeOrder());
    NetlinkReader reader = new NetlinkReader().wrap(buffer, 0, message.length);
    return reader.nextMessage() ? new NftRuleReader().read(reader) : null;
  }

  private NftRule read() {
    NftRule read = read(message());
    assertNotNull(read);
    return read;
  }

  @Test
  void markWithAMask_isWhatItAsksFor() {
    NftRule read =
        load("ct", 3, 1).masked(1, 1, CHILD, 0).compared(1, NOT_EQUAL, 0).verdict(1, "").read();
    assertEquals(
        new NftRule(
            new NftTable(NftFamily.INET, "filter"),
            "forward",
            17,
            "",
            List.of(new MarkTest(CHILD, 0, 0, true)),
            false,
            false,
            Action.ACCEPT,
            ""),
        read);
    assertTrue(read.wants(CHILD) && read.takes(CHILD | 25) && !read.takes(25));
    assertFalse(read.takesAll());
  }

  @Test
  void markThatMustBeClear_isNotWanted() {
    NftRule read =
        load("ct", 3, 1).masked(1, 1, CHILD, 0).compared(1, EQUAL, 0).verdict(0, "").read();
    assertEquals(Action.DROP, read.action());
    assertFalse(read.wants(CHILD));
    assertTrue(read.takes(25) && !read.takes(CHILD));
  }

  @Test
  void bitsTurnedOver_countAsWhatTheyWere() {
    NftRule read =
        load("meta", 3, 2).masked(2, 1, CHILD, CHILD).compared(1, EQUAL, 0).verdict(1, "").read();
    assertTrue(read.wants(CHILD) && read.takes(CHILD) && !read.takes(0));
  }

  @Test
  void anotherRegister_isSomethingElse() {
    NftRule read = load("ct", 3, 1).compared(2, EQUAL, CHILD).verdict(1, "").read();
    assertTrue(read.asksMore() && read.markTests().isEmpty());
  }

  @Test
  void registerThatIsWrittenOver_isTheMarkNoMore() {
    assertTrue(load("ct", 3, 1).load("ct", 0, 1).compared(1, EQUAL, CHILD).read().asksMore());
    begin(INET);
    has(
        "immediate",
        writer -> {
          writer.attr32be(1, 1);
          value(writer, 2, 5);
        });
    assertFalse(read().asksMore());
    begin(INET);
    assertTrue(load("ct", 3, 1).masked(3, 1, CHILD, 0).compared(1, EQUAL, 0).read().asksMore());
    begin(INET);
    load("ct", 3, 1).has("payload", writer -> writer.attr32be(1, 1));
    assertTrue(compared(1, EQUAL, 0).read().asksMore());
  }

  @Test
  void markThatIsWritten_asksForNothing() {
    NftRule read = has("ct", writer -> writer.attr32be(2, 3).attr32be(3, 1)).verdict(1, "").read();
    assertTrue(read.takesAll());
  }

  @Test
  void comparisonOfOrder_isNotUnderstood() {
    assertTrue(load("ct", 3, 1).compared(1, LESS, CHILD).read().asksMore());
  }

  @Test
  void valueOfAnotherLength_isNotUnderstood() {
    load("ct", 3, 1);
    has(
        "cmp",
        writer ->
            writer
                .attr32be(1, 1)
                .attr32be(2, EQUAL)
                .beginNested(3)
                .attr16be(Nft.NFTA_DATA_VALUE, 1)
                .endNested());
    assertTrue(read().asksMore());
  }

  @ParameterizedTest
  @CsvSource({"1, ACCEPT", "0, DROP", "-3, JUMP", "-4, GOTO", "-5, OTHER"})
  void verdicts(int code, Action action) {
    NftRule read = verdict(code, code < -2 ? "other" : "").read();
    assertEquals(action, read.action());
    assertEquals(code < -2 ? "other" : "", read.target());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void lookupOfTheMark_mayTakeIt_ofAnythingElseMayNot(boolean mark) {
    load("ct", mark ? 3 : 0, 1);
    has("lookup", writer -> writer.attrString(1, "set").attr32be(2, 1).attr32be(3, 0));
    NftRule read = read();
    assertEquals(Action.MAP, read.action());
    assertEquals(mark, read.looksMarkUp());
    assertEquals(!mark, read.asksMore());
    assertEquals(mark, read.wants(CHILD));
    begin(INET);
    has("lookup", writer -> writer.attr32be(2, 1));
    assertEquals(Action.OTHER, read().action());
  }

  @ParameterizedTest
  @ValueSource(strings = {"connmark", "mark"})
  void matchesOfIptables(String name) {
    byte[] info =
        ByteBuffer.allocate(16).order(ByteOrder.nativeOrder()).putInt(CHILD).putInt(CHILD).array();
    NftRule read = matched(name, info).verdict(1, "").read();
    assertTrue(read.wants(CHILD) && read.takes(CHILD) && !read.takes(0) && !read.asksMore());
    begin(INET);
    assertTrue(matched(name, new byte[4]).read().asksMore(), "cut");
    begin(INET);
    assertFalse(matched("comment", new byte[256]).read().asksMore());
    begin(INET);
    assertTrue(matched("conntrack", new byte[64]).read().asksMore());
  }

  @Test
  void rejections_areDrops_andOtherTargetsNothing() {
    assertEquals(Action.DROP, has("reject", writer -> writer.attr32be(1, 0)).read().action());
    begin(INET);
    assertEquals(Action.DROP, has("target", w -> w.attrString(1, "REJECT")).read().action());
    begin(INET);
    assertEquals(Action.OTHER, has("target", w -> w.attrString(1, "LOG")).read().action());
    begin(INET);
    assertTrue(has("counter", writer -> writer.attr32be(1, 0)).read().takesAll());
  }

  @Test
  void familyThatIsNotOurs_isNoRule() {
    begin(3); // arp
    assertNull(read(message()));
  }

  @Test
  void tableWithAnyName_isRead_orIsNoRule() {
    NftTable odd = NftTable.named(NftFamily.INET, "?ilter");
    assertNotNull(odd);
    assertEquals("?ilter", odd.name());
    assertNull(NftTable.named(NftFamily.INET, "\u00fcber"));
    assertNull(NftTable.named(NftFamily.INET, ""));
    assertNull(NftTable.named(NftFamily.INET, "a b"));
  }

  @Property(tries = 2000)
  void anyByteChanged_neverThrows(@ForAll @IntRange(max = 400) int at, @ForAll byte value) {
    begin(INET);
    load("ct", 3, 1).masked(1, 1, CHILD, 0).compared(1, NOT_EQUAL, 0);
    matched("connmark", new byte[12]).verdict(-3, "other");
    byte[] message = message();
    assertEquals(5, expressions);
    message[16 + at % (message.length - 16)] = value;
    NftRule read = read(message);
    if (read != null) {
      read.takes(CHILD);
    }
  }
}
