package org.pinholed.kernel.netlink;

import java.util.ArrayList;
import java.util.List;

/**
 * A part of the kernel that may be left out, or may be a module that is not there. The kernel's own
 * answer to that is a bare errno, so here are the words for it.
 */
public enum KernelPart {
  /** All of netfilter's netlink. */
  NFNETLINK("nfnetlink", "CONFIG_NETFILTER_NETLINK"),
  /** Looking at connections and changing them. */
  CONNTRACK("nf_conntrack_netlink", "CONFIG_NF_CT_NETLINK"),
  /** Packet queues. */
  QUEUE("nfnetlink_queue", "CONFIG_NETFILTER_NETLINK_QUEUE"),
  /** Tables, sets and rules. */
  NFTABLES("nf_tables", "CONFIG_NF_TABLES"),
  /** Tables of the family {@code inet}. */
  NFTABLES_INET("nf_tables", "CONFIG_NF_TABLES_INET"),
  /** The expressions {@code ct}, and the object {@code ct expectation}. */
  NFT_CT("nft_ct", "CONFIG_NFT_CT"),
  /** Chains of type {@code nat}. */
  NFT_CHAIN_NAT("nft_chain_nat", "CONFIG_NFT_NAT"),
  /** The statements {@code snat} and {@code dnat}. */
  NFT_NAT("nft_nat", "CONFIG_NFT_NAT"),
  /** The statement {@code limit}. */
  NFT_LIMIT("nft_limit", "CONFIG_NFT_LIMIT"),
  /** The statement {@code queue}. */
  NFT_QUEUE("nft_queue", "CONFIG_NFT_QUEUE"),
  /** Targets of xtables in rules of nftables. */
  NFT_COMPAT("nft_compat", "CONFIG_NFT_COMPAT"),
  /** The target NFQUEUE of xtables. */
  XT_NFQUEUE("xt_NFQUEUE", "CONFIG_NETFILTER_XT_TARGET_NFQUEUE");

  /** {@code IPCTNL_MSG_CT_GET_STATS}. */
  private static final int GET_STATS = 5;

  /** {@code NFQNL_MSG_CONFIG}. */
  private static final int QUEUE_CONFIG = 2;

  private static final int NFQA_CFG_CMD = 1;

  /** {@code NFQNL_CFG_CMD_PF_BIND}: does nothing since Linux 3.8, without a queue. */
  private static final byte[] NO_COMMAND = {3, 0, 0, 0};

  /** {@code NFT_MSG_GETGEN}. */
  private static final int GET_GENERATION = 16;

  private final String module;
  private final String option;

  KernelPart(String module, String option) {
    this.module = module;
    this.option = option;
  }

  /**
   * Where it is to be had.
   *
   * @return for example {@code nft_ct (CONFIG_NFT_CT; modprobe nft_ct)}
   */
  public String text() {
    return module + " (" + option + "; modprobe " + module + ")";
  }

  /**
   * Says that some are not there.
   *
   * @param parts at least one
   * @return the beginning of a sentence
   */
  public static String missing(List<KernelPart> parts) {
    return "this kernel has no "
        + String.join(", no ", parts.stream().map(KernelPart::text).toList());
  }

  /**
   * Finds out which of the subsystems of netfilter's netlink are not there, by a message to each
   * that changes nothing. The kernel loads a module for it if it can.
   *
   * @return {@link #NFNETLINK} alone, or some of {@link #CONNTRACK}, {@link #QUEUE} and {@link
   *     #NFTABLES}; usually nothing
   * @throws NetlinkException if it cannot be tried, for example without privileges
   */
  public static List<KernelPart> missingSubsystems() throws NetlinkException {
    NetlinkSocket socket;
    try {
      socket = NetlinkSocket.open(NetlinkSocketOptions.forRequests());
    } catch (NetlinkException e) {
      if (e.errno() == Errno.EPROTONOSUPPORT) {
        return List.of(NFNETLINK);
      }
      throw e;
    }
    try (socket) {
      return missingSubsystems(socket);
    }
  }

  static List<KernelPart> missingSubsystems(NetlinkTransport transport) throws NetlinkException {
    NetlinkChannel channel = new NetlinkChannel(transport);
    List<KernelPart> missing = new ArrayList<>();
    begin(channel, NetlinkConstants.NFNL_SUBSYS_CTNETLINK, GET_STATS).endMessage();
    addIfMissing(channel, CONNTRACK, missing);
    begin(channel, NetlinkConstants.NFNL_SUBSYS_QUEUE, QUEUE_CONFIG)
        .attrBytes(NFQA_CFG_CMD, NO_COMMAND)
        .endMessage();
    addIfMissing(channel, QUEUE, missing);
    begin(channel, NetlinkConstants.NFNL_SUBSYS_NFTABLES, GET_GENERATION).endMessage();
    addIfMissing(channel, NFTABLES, missing);
    return missing;
  }

  private static NetlinkWriter begin(NetlinkChannel channel, int subsystem, int message) {
    int flags = NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ACK;
    return channel
        .writer()
        .reset()
        .beginNfnetlink(subsystem, message, flags, channel.nextSequence(), 0, 0);
  }

  /** A message of no subsystem is answered by EINVAL (nfnetlink_rcv_msg). */
  private static void addIfMissing(NetlinkChannel channel, KernelPart part, List<KernelPart> into)
      throws NetlinkException {
    try {
      channel.request("nfnetlink: " + part.module);
    } catch (NetlinkException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      into.add(part);
    }
  }
}
