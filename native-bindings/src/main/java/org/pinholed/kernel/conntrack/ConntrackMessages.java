package org.pinholed.kernel.conntrack;

import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** The numbers of {@code linux/netfilter/nfnetlink_conntrack.h} and the form of a tuple. */
final class ConntrackMessages {
  static final int AF_INET = 2;
  static final int AF_INET6 = 10;

  static final int NEW = NetlinkConstants.NFNL_SUBSYS_CTNETLINK << 8;
  static final int GET = NEW | 1;
  static final int DELETE = NEW | 2;

  static final int CTA_TUPLE_ORIG = 1;
  static final int CTA_TUPLE_REPLY = 2;
  static final int CTA_STATUS = 3;
  static final int CTA_PROTOINFO = 4;
  static final int CTA_HELP = 5;
  static final int CTA_TIMEOUT = 7;
  static final int CTA_MARK = 8;
  static final int CTA_COUNTERS_ORIG = 9;
  static final int CTA_COUNTERS_REPLY = 10;
  static final int CTA_ID = 12;
  static final int CTA_SEQ_ADJ_ORIG = 15;
  static final int CTA_SEQ_ADJ_REPLY = 16;
  static final int CTA_ZONE = 18;
  static final int CTA_MARK_MASK = 21;

  static final int CTA_TUPLE_IP = 1;
  static final int CTA_TUPLE_PROTO = 2;
  static final int CTA_TUPLE_ZONE = 3;
  static final int CTA_IP_V4_SRC = 1;
  static final int CTA_IP_V4_DST = 2;
  static final int CTA_IP_V6_SRC = 3;
  static final int CTA_IP_V6_DST = 4;
  static final int CTA_PROTO_NUM = 1;
  static final int CTA_PROTO_SRC_PORT = 2;
  static final int CTA_PROTO_DST_PORT = 3;

  static final int CTA_PROTOINFO_TCP = 1;
  static final int CTA_PROTOINFO_TCP_STATE = 1;
  static final int CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
  static final int CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

  /** {@code linux/netfilter/nf_conntrack_tcp.h}. */
  static final int IP_CT_TCP_FLAG_CLOSE_INIT = 4;

  static final int IP_CT_TCP_FLAG_BE_LIBERAL = 8;

  static final int CTA_HELP_NAME = 1;
  static final int CTA_SEQADJ_CORRECTION_POS = 1;
  static final int CTA_SEQADJ_OFFSET_BEFORE = 2;
  static final int CTA_SEQADJ_OFFSET_AFTER = 3;
  static final int CTA_COUNTERS_PACKETS = 1;
  static final int CTA_COUNTERS_BYTES = 2;

  private ConntrackMessages() {}

  static NetlinkWriter begin(NetlinkWriter writer, int type, int flags, int sequence, int family) {
    return writer.beginNfnetlink(type >> 8, type & 0xff, flags, sequence, family, 0);
  }

  static int family(FlowTuple tuple) {
    return tuple.isIpv6() ? AF_INET6 : AF_INET;
  }

  static NetlinkWriter tuple(NetlinkWriter writer, int attribute, FlowTuple tuple) {
    boolean six = tuple.isIpv6();
    writer.beginNested(attribute).beginNested(CTA_TUPLE_IP);
    writer.attrBytes(six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, tuple.source().getAddress());
    writer.attrBytes(six ? CTA_IP_V6_DST : CTA_IP_V4_DST, tuple.destination().getAddress());
    writer.endNested().beginNested(CTA_TUPLE_PROTO).attr8(CTA_PROTO_NUM, tuple.protocol());
    writer.attr16be(CTA_PROTO_SRC_PORT, tuple.sourcePort());
    writer.attr16be(CTA_PROTO_DST_PORT, tuple.destinationPort());
    return writer.endNested().endNested();
  }
}
