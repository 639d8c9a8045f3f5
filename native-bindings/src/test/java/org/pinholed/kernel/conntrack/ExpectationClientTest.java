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
      NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_CREATE | NetlinkConstants.NLM_F_EXCL;

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

  // An expectation as it is made, or given another time.
  private NetlinkWriter told(NetlinkWriter writer, int flags, int sequence) {
    FlowTuple child =
        new FlowTuple(
            6,
            ConntrackClientTest.address("192.0.2.2"),
            0,
            ConntrackClientTest.address("198.51.100.21"),
            40000);
    FlowTuple mask =
        new FlowTuple(
            6,
            ConntrackClientTest.address("255.255.255.255"),
            0,
            ConntrackClientTest.address("255.255.255.255"),
            65535);
    writer.beginNfnetlink(2, 0, flags, sequence, 2, 0);
    ConntrackMessages.tuple(writer, MASTER, parent);
    ConntrackMessages.tuple(writer, TUPLE, child);
    ConntrackMessages.tuple(writer, MASK, mask);
    return writer.attr32be(TIMEOUT, 20).attr32be(FLAGS, 0).endMessage();
  }

  /** Two messages in one datagram. */
  private FakeNetlinkTransport expectMaking(int sequence) {
    return kernel.expect(
        writer -> {
          told(writer, CREATE, sequence);
          told(writer, ACK, sequence + 1);
        });
  }

  private FakeNetlinkTransport expectRemoval(int sequence) {
    return kernel.expect(
        writer -> {
          writer.beginNfnetlink(2, 2, ACK, sequence, 2, 0);
          ConntrackMessages.tuple(
              writer,
              TUPLE,
              new FlowTuple(
                  6,
                  ConntrackClientTest.address("192.0.2.2"),
                  0,
                  ConntrackClientTest.address("198.51.100.21"),
                  40000));
          writer.endMessage();
        });
  }

  @Test
  void expect_whatIsThere_isRemovedFirst() throws NetlinkException {
    expectMaking(1).refuse(1, Errno.EEXIST);
    expectRemoval(3).acknowledge(3);
    expectMaking(4).acknowledge(5);
    client.expect(parent, expectation());
  }

  @Test
  void expect_ofAParentWithoutHelper_isRefusedAtOnce() {
    expectMaking(1).refuse(1, Errno.EOPNOTSUPP);
    assertThrows(NetlinkException.class, () -> client.expect(parent, expectation()));
  }

  @Test
  void renew_whatIsGone_isExpectedAnew() throws NetlinkException {
    kernel.expect(writer -> told(writer, ACK, 1)).refuse(1, Errno.ENOENT);
    expectMaking(2).acknowledge(3);
    client.renew(parent, expectation());
  }

  @Test
  void renew_thatIsRefused_isNotTriedAnew() {
    kernel.expect(writer -> told(writer, ACK, 1)).refuse(1, Errno.EPERM);
    assertThrows(NetlinkException.class, () -> client.renew(parent, expectation()));
  }

  @Test
  void remove_tellsWhetherItWasThere() throws NetlinkException {
    expectRemoval(1).acknowledge(1);
    expectRemoval(2).refuse(2, Errno.ENOENT);
    expectRemoval(3).refuse(3, Errno.EPERM);
    assertTrue(client.remove(expectation()));
    assertFalse(client.remove(expectation()));
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
