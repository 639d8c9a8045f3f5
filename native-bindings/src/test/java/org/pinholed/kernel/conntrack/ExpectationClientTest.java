package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** What is asked again when the kernel refuses, and answers that lie. */
class ExpectationClientTest {
  private static final int NEW = 0;
  private static final int MASTER = 1;
  private static final int TUPLE = 2;
  private static final int MASK = 3;
  private static final int TIMEOUT = 4;
  private static final int FLAGS = 8;
  private static final int ACK = NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ACK;
  private static final int CREATE =
      ACK | NetlinkConstants.NLM_F_CREATE | NetlinkConstants.NLM_F_EXCL;

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final ExpectationClient client = ExpectationClient.open(kernel);
  private final FlowTuple parent = ConntrackClientTest.control();

  @AfterEach
  void playedToItsEnd() {
    client.close();
    assertTrue(kernel.isClosed());
  }

  private static ConntrackExpectation expectation() {
    return new ConntrackExpectation(
        6,
        ConntrackClientTest.address("192.0.2.2"),
        ConntrackClientTest.address("198.51.100.21"),
        40000,
        false,
        20);
  }

  private static FlowTuple child() {
    return new FlowTuple(
        6,
        ConntrackClientTest.address("192.0.2.2"),
        0,
        ConntrackClientTest.address("198.51.100.21"),
        40000);
  }

  private static FlowTuple mask(String source) {
    return new FlowTuple(
        6,
        ConntrackClientTest.address(source),
        0,
        ConntrackClientTest.address("255.255.255.255"),
        65535);
  }

  // An expectation as it is made, or given another time.
  private NetlinkWriter told(NetlinkWriter writer, int flags, int sequence) {
    writer.beginNfnetlink(2, 0, flags, sequence, 2, 0);
    ConntrackMessages.tuple(writer, MASTER, parent);
    ConntrackMessages.tuple(writer, TUPLE, child());
    ConntrackMessages.tuple(writer, MASK, mask("255.255.255.255"));
    return writer.attr32be(TIMEOUT, 20).attr32be(FLAGS, 0).endMessage();
  }

  private FakeNetlinkTransport expectMaking(int sequence) {
    return kernel.expect(writer -> told(writer, CREATE, sequence));
  }

  private FakeNetlinkTransport expectQuestion(int sequence) {
    return kernel.expect(
        writer -> {
          writer.beginNfnetlink(2, 1, NetlinkConstants.NLM_F_REQUEST, sequence, 2, 0);
          ConntrackMessages.tuple(writer, TUPLE, child());
          writer.endMessage();
        });
  }

  /** Asked for it, the kernel has this one. */
  private void standing(int sequence, FlowTuple child, FlowTuple mask) {
    expectQuestion(sequence)
        .answer(
            writer -> {
              writer.beginNfnetlink(2, 0, 0, sequence, 2, 0);
              ConntrackMessages.tuple(writer, MASTER, parent);
              ConntrackMessages.tuple(writer, TUPLE, child);
              ConntrackMessages.tuple(writer, MASK, mask);
              writer.attr32be(TIMEOUT, 20).endMessage();
            });
  }

  private FakeNetlinkTransport expectRemoval(int sequence) {
    standing(sequence - 1, child(), mask("255.255.255.255"));
    return kernel.expect(
        writer -> {
          writer.beginNfnetlink(2, 2, ACK, sequence, 2, 0);
          ConntrackMessages.tuple(writer, TUPLE, child());
          writer.endMessage();
        });
  }

  /** One that any source may come by. */
  private void standingWide(int sequence) {
    FlowTuple any =
        new FlowTuple(
            6,
            ConntrackClientTest.address("0.0.0.0"),
            0,
            ConntrackClientTest.address("198.51.100.21"),
            40000);
    standing(sequence, any, mask("0.0.0.0"));
  }

  @Test
  void expect_whatIsThere_isRemovedFirst() throws NetlinkException {
    expectMaking(1).refuse(1, Errno.EEXIST);
    expectRemoval(3).acknowledge(3);
    expectMaking(4).acknowledge(4);
    kernel.expect(writer -> told(writer, ACK, 5)).acknowledge(5);
    client.expect(parent, expectation());
  }

  @Test
  void expect_whereAWiderOneStands_leavesThat() {
    expectMaking(1).refuse(1, Errno.EEXIST);
    standingWide(2);
    expectMaking(3).refuse(3, Errno.EEXIST);
    assertThrows(NetlinkException.class, () -> client.expect(parent, expectation()));
  }

  @Test
  void expect_ofAParentWithoutHelper_isRefusedAtOnce() {
    expectMaking(1).refuse(1, Errno.EOPNOTSUPP);
    assertThrows(NetlinkException.class, () -> client.expect(parent, expectation()));
  }

  @Test
  void prolong_tellsWhetherItWasThere() throws NetlinkException {
    standing(1, child(), mask("255.255.255.255"));
    kernel.expect(writer -> told(writer, ACK, 2)).acknowledge(2);
    assertTrue(client.prolong(parent, expectation()));
    expectQuestion(3).refuse(3, Errno.ENOENT);
    assertFalse(client.prolong(parent, expectation()));
    standingWide(4);
    assertFalse(client.prolong(parent, expectation()), "another one stands");
    standing(5, child(), mask("255.255.255.255"));
    kernel.expect(writer -> told(writer, ACK, 6)).refuse(6, Errno.ENOENT);
    assertFalse(client.prolong(parent, expectation()), "it went meanwhile");
    standing(7, child(), mask("255.255.255.255"));
    kernel.expect(writer -> told(writer, ACK, 8)).refuse(8, Errno.EPERM);
    assertThrows(NetlinkException.class, () -> client.prolong(parent, expectation()));
  }

  @Test
  void remove_tellsWhetherItWasThere() throws NetlinkException {
    expectRemoval(2).acknowledge(2);
    expectRemoval(4).refuse(4, Errno.ENOENT);
    expectQuestion(5).refuse(5, Errno.ENOENT);
    standingWide(6);
    expectRemoval(8).refuse(8, Errno.EPERM);
    assertTrue(client.remove(expectation()));
    assertFalse(client.remove(expectation()), "it went meanwhile");
    assertFalse(client.remove(expectation()), "nothing stands");
    assertFalse(client.remove(expectation()), "another one stands");
    assertThrows(NetlinkException.class, () -> client.remove(expectation()));
  }

  private NetlinkWriter entry(NetlinkWriter writer, int timeout, int... attributes) {
    writer.beginNfnetlink(
        NetlinkConstants.NFNL_SUBSYS_CTNETLINK_EXP, NEW, NetlinkConstants.NLM_F_MULTI, 1, 2, 0);
    for (int attribute : attributes) {
      ConntrackMessages.tuple(writer, attribute, parent);
    }
    return writer.attr32be(TIMEOUT, timeout).endMessage();
  }

  @Test
  void dump_leavesOutWhatIsNotWhole_andWhatIsOverHasNoTimeLeft() throws NetlinkException {
    kernel
        .takeAnything()
        .answer(writer -> entry(writer, 5, MASTER, TUPLE))
        .answer(writer -> entry(writer, 5, MASTER, MASK))
        .answer(writer -> entry(writer, 5, TUPLE, MASK))
        .answer(writer -> entry(writer, -3, MASTER, TUPLE, MASK))
        .answer(
            writer ->
                writer
                    .beginMessage(NetlinkConstants.NLMSG_DONE, NetlinkConstants.NLM_F_MULTI, 1)
                    .raw32host(0)
                    .endMessage());
    List<ExpectationEntry> found = new ArrayList<>();
    assertTrue(client.dump(found::add));
    assertEquals(List.of(new ExpectationEntry(parent, parent, parent, 0, false, "")), found);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 40000, 20",
    "256, 40000, 20",
    "6, 0, 20",
    "6, 65536, 20",
    "6, 40000, 0",
    "6, 40000, -1"
  })
  void expectation_refusesWhatNoneCanHave(int protocol, int port, int seconds) {
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ConntrackExpectation(
                protocol, null, ConntrackClientTest.address("192.0.2.1"), port, true, seconds));
  }

  @Test
  void expectation_isOfOneFamily() {
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ConntrackExpectation(
                6,
                ConntrackClientTest.address("2001:db8::1"),
                ConntrackClientTest.address("192.0.2.1"),
                1,
                true,
                1));
  }

  @ParameterizedTest
  @CsvSource({"'', NONE", "nft_ct_expect, NONE", "pinholed, OWN", "ftp, FOREIGN"})
  void helpers_areJudgedByTheirNames(String name, AssignedHelper helper) {
    assertEquals(helper, AssignedHelper.of(name));
  }
}
