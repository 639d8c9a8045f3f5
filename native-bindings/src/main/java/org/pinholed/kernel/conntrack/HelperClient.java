package org.pinholed.kernel.conntrack;

import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * Makes helpers that only carry expectations ({@code nfnetlink_cthelper}, {@code
 * linux/netfilter/nfnetlink_cthelper.h}). They are disabled in the kernel's sense: no packet is
 * given to anybody because of them. Helpers are known in all network namespaces of the machine.
 *
 * <p>Not thread-safe; whoever opened it closes it.
 */
public final class HelperClient implements AutoCloseable {
  /** The longest name that the kernel takes: {@code NF_CT_HELPER_NAME_LEN} with its end. */
  public static final int NAME_LENGTH = 15;

  /** {@code NF_CT_EXPECT_MAX_CNT}. */
  public static final int MOST_EXPECTATIONS = 255;

  // enum nfnl_cthelper_msg_types, nfnl_cthelper_type and below
  private static final int NEW = NetlinkConstants.NFNL_SUBSYS_CTHELPER << 8;
  private static final int DELETE = NEW | 2;
  private static final int NFCTH_NAME = 1;
  private static final int NFCTH_TUPLE = 2;
  private static final int NFCTH_QUEUE_NUM = 3;
  private static final int NFCTH_POLICY = 4;
  private static final int NFCTH_PRIV_DATA_LEN = 5;
  private static final int NFCTH_STATUS = 6;
  private static final int NFCTH_TUPLE_L3PROTONUM = 1;
  private static final int NFCTH_TUPLE_L4PROTONUM = 2;
  private static final int NFCTH_POLICY_SET_NUM = 1;
  private static final int NFCTH_POLICY_SET = 2;
  private static final int NFCTH_POLICY_NAME = 1;
  private static final int NFCTH_POLICY_EXPECT_MAX = 2;
  private static final int NFCTH_POLICY_EXPECT_TIMEOUT = 3;
  private static final int DISABLED = 0;

  private final NetlinkChannel channel;

  private HelperClient(NetlinkTransport transport) {
    channel = new NetlinkChannel(transport);
  }

  /**
   * Opens a client.
   *
   * @return an open client
   * @throws NetlinkException if the kernel refuses the socket
   */
  public static HelperClient open() throws NetlinkException {
    return open(NetlinkSocket.open(NetlinkSocketOptions.forRequests()));
  }

  /**
   * Makes a client over a transport that exists.
   *
   * @param transport owned by the client from now on
   * @return an open client
   */
  public static HelperClient open(NetlinkTransport transport) {
    return new HelperClient(transport);
  }

  /**
   * Makes a helper, or gives one that is there this policy.
   *
   * @param name 1..15 characters of ASCII
   * @param ipv6 the family of the connections that it may be assigned to
   * @param protocol their IP protocol number
   * @param most how many expectations one connection may have, 1..255
   * @param timeoutSeconds how long one stands that nothing else is said of, 1 or more
   * @throws NetlinkException {@link Errno#EINVAL} if this kernel has no nfnetlink_cthelper, {@link
   *     Errno#EPERM} without CAP_NET_ADMIN in the first user namespace
   */
  public void make(String name, boolean ipv6, int protocol, int most, int timeoutSeconds)
      throws NetlinkException {
    NetlinkWriter writer = begin(NEW, NetlinkConstants.NLM_F_CREATE, name, ipv6, protocol);
    writer
        .attr32be(NFCTH_QUEUE_NUM, 0)
        .beginNested(NFCTH_POLICY)
        .attr32be(NFCTH_POLICY_SET_NUM, 1)
        .beginNested(NFCTH_POLICY_SET)
        .attrString(NFCTH_POLICY_NAME, name)
        .attr32be(NFCTH_POLICY_EXPECT_MAX, most)
        .attr32be(NFCTH_POLICY_EXPECT_TIMEOUT, timeoutSeconds)
        .endNested()
        .endNested()
        .attr32be(NFCTH_PRIV_DATA_LEN, 0)
        .attr32be(NFCTH_STATUS, DISABLED)
        .endMessage();
    channel.request("cthelper: make " + name);
  }

  /**
   * Removes a helper. Up to Linux 7.1 the kernel refuses while rules or connections have it; later
   * it is taken from them, in all network namespaces.
   *
   * @param name its name
   * @param ipv6 its family
   * @param protocol its protocol
   * @return false if it is not there, or the kernel does not remove it because it is in use
   * @throws NetlinkException if the kernel refuses for another reason
   */
  public boolean remove(String name, boolean ipv6, int protocol) throws NetlinkException {
    begin(DELETE, 0, name, ipv6, protocol).endMessage();
    try {
      channel.request("cthelper: remove " + name);
      return true;
    } catch (NetlinkException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.EBUSY) {
        return false;
      }
      throw e;
    }
  }

  private NetlinkWriter begin(int type, int flags, String name, boolean ipv6, int protocol) {
    if (name.isEmpty() || name.length() > NAME_LENGTH) {
      throw new IllegalArgumentException(
          "name: " + name + " (expected: 1.." + NAME_LENGTH + " characters)");
    }
    channel.writer().reset();
    return ConntrackMessages.begin(
            channel.writer(),
            type,
            NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ACK | flags,
            channel.nextSequence(),
            0)
        .attrString(NFCTH_NAME, name)
        .beginNested(NFCTH_TUPLE)
        .attr16be(
            NFCTH_TUPLE_L3PROTONUM, ipv6 ? ConntrackMessages.AF_INET6 : ConntrackMessages.AF_INET)
        .attr8(NFCTH_TUPLE_L4PROTONUM, protocol)
        .endNested();
  }

  @Override
  public void close() {
    channel.close();
  }
}
