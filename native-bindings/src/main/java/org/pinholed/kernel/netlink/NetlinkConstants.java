package org.pinholed.kernel.netlink;

/**
 * The part of {@code linux/netlink.h} and {@code linux/netfilter/nfnetlink.h} that is used here.
 */
public final class NetlinkConstants {
  /** {@code NLMSG_NOOP}: nothing, but acknowledged if asked for. */
  public static final int NLMSG_NOOP = 1;

  /** {@code NLMSG_ERROR}: an answer with an errno; 0 is an acknowledgement. */
  public static final int NLMSG_ERROR = 2;

  /** {@code NLMSG_DONE}: the end of a multipart answer. */
  public static final int NLMSG_DONE = 3;

  /** {@code NLMSG_MIN_TYPE}: types below are control messages. */
  public static final int NLMSG_MIN_TYPE = 0x10;

  /** {@code NLM_F_REQUEST}: set on every request. */
  public static final int NLM_F_REQUEST = 0x1;

  /** {@code NLM_F_MULTI}: part of a multipart answer. */
  public static final int NLM_F_MULTI = 0x2;

  /** {@code NLM_F_ACK}: answer with {@code NLMSG_ERROR}, also on success. */
  public static final int NLM_F_ACK = 0x4;

  /** {@code NLM_F_ECHO}: tell the sender what the request changed, before the acknowledgement. */
  public static final int NLM_F_ECHO = 0x8;

  /** {@code NLM_F_DUMP}: {@code NLM_F_ROOT | NLM_F_MATCH}, all objects. */
  public static final int NLM_F_DUMP = 0x300;

  /** {@code NLM_F_REPLACE}: replace an existing object. */
  public static final int NLM_F_REPLACE = 0x100;

  /** {@code NLM_F_EXCL}: refuse if the object exists. */
  public static final int NLM_F_EXCL = 0x200;

  /** {@code NLM_F_CREATE}: create the object if it does not exist. */
  public static final int NLM_F_CREATE = 0x400;

  /** {@code NLM_F_APPEND}: add to the end of the list. */
  public static final int NLM_F_APPEND = 0x800;

  /** {@code NLM_F_CAPPED}: the request is not repeated in the {@code NLMSG_ERROR}. */
  public static final int NLM_F_CAPPED = 0x100;

  /** {@code NLM_F_ACK_TLVS}: extended-ack attributes follow in the {@code NLMSG_ERROR}. */
  public static final int NLM_F_ACK_TLVS = 0x200;

  /** {@code NFNL_SUBSYS_CTNETLINK}: conntrack entries. */
  public static final int NFNL_SUBSYS_CTNETLINK = 1;

  /** {@code NFNL_SUBSYS_CTNETLINK_EXP}: expectations. */
  public static final int NFNL_SUBSYS_CTNETLINK_EXP = 2;

  /** {@code NFNL_SUBSYS_QUEUE}: packet queues. */
  public static final int NFNL_SUBSYS_QUEUE = 3;

  /** {@code NFNL_SUBSYS_CTHELPER}: helpers in user space. */
  public static final int NFNL_SUBSYS_CTHELPER = 9;

  /** {@code NFNL_SUBSYS_NFTABLES}: nf_tables. */
  public static final int NFNL_SUBSYS_NFTABLES = 10;

  /** Length of {@code struct nlmsghdr} in bytes. */
  public static final int HEADER_BYTES = 16;

  /** Length of {@code struct nfgenmsg} in bytes. */
  public static final int NFGENMSG_BYTES = 4;

  /** {@code NLA_F_NESTED}: the payload of the attribute is attributes. */
  public static final int NLA_F_NESTED = 0x8000;

  /** {@code NLA_TYPE_MASK}: the type without its two flag bits. */
  public static final int NLA_TYPE_MASK = 0x3fff;

  private NetlinkConstants() {}

  /**
   * Rounds up to the alignment of messages and attributes.
   *
   * @param lengthBytes a length, 0 or more
   * @return the next multiple of four
   */
  public static int align(int lengthBytes) {
    return (lengthBytes + 3) & ~3;
  }
}
