package org.pinholed.kernel.conntrack;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkReader;

/**
 * Reads the {@code CTA_*} attributes of one connection, from an answer, an event or the nested
 * attribute that comes with a queued packet.
 *
 * <p>Nothing that the bytes say makes it throw: attributes it does not know are skipped, and an
 * entry without a readable original tuple is none. Not thread-safe; what it returns is a copy.
 */
public final class ConntrackView {
  private final NetlinkReader own = new NetlinkReader();

  private @Nullable FlowTuple original;
  private @Nullable FlowTuple reply;
  private int id;
  private int mark;
  private int status;
  private long timeoutSeconds;
  private int tcpState;
  private ConntrackEntry.TcpCloser tcpCloser = ConntrackEntry.TcpCloser.NOBODY;
  private String helperName = "";
  private long originalPackets;
  private long originalBytes;
  private long replyPackets;
  private long replyBytes;
  private int zone;
  private @Nullable SequenceAdjustment originalAdjustment;
  private @Nullable SequenceAdjustment replyAdjustment;

  /** Makes a view to be used for one entry after another. */
  public ConntrackView() {}

  /**
   * Reads the attributes of one connection.
   *
   * @param buffer in the byte order of the machine
   * @param offset index of the first attribute
   * @param lengthBytes length of all attributes
   * @return the entry; empty if it has no original tuple or a length lies
   */
  public static Optional<ConntrackEntry> parse(ByteBuffer buffer, int offset, int lengthBytes) {
    ConntrackView view = new ConntrackView();
    return view.read(view.own.wrapAttributes(buffer, offset, lengthBytes));
  }

  // The reader stands before the first attribute.
  Optional<ConntrackEntry> read(NetlinkReader reader) {
    clear();
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case ConntrackMessages.CTA_TUPLE_ORIG -> original = tuple(reader);
        case ConntrackMessages.CTA_TUPLE_REPLY -> reply = tuple(reader);
        case ConntrackMessages.CTA_STATUS -> status = reader.s32be();
        case ConntrackMessages.CTA_PROTOINFO -> protocolState(reader);
        case ConntrackMessages.CTA_HELP -> helper(reader);
        case ConntrackMessages.CTA_TIMEOUT -> timeoutSeconds = reader.u32be();
        case ConntrackMessages.CTA_MARK -> mark = reader.s32be();
        case ConntrackMessages.CTA_COUNTERS_ORIG, ConntrackMessages.CTA_COUNTERS_REPLY ->
            counters(reader, reader.attributeType() == ConntrackMessages.CTA_COUNTERS_REPLY);
        case ConntrackMessages.CTA_ID -> id = reader.s32be();
        case ConntrackMessages.CTA_ZONE -> zone = reader.u16be();
        case ConntrackMessages.CTA_SEQ_ADJ_ORIG -> originalAdjustment = adjustment(reader);
        case ConntrackMessages.CTA_SEQ_ADJ_REPLY -> replyAdjustment = adjustment(reader);
        default -> {}
      }
    }
    FlowTuple first = original;
    if (!reader.ok() || first == null) {
      return Optional.empty();
    }
    FlowTuple second = reply;
    return Optional.of(
        new ConntrackEntry(
            first,
            second == null ? first.inverse() : second,
            id,
            mark,
            status,
            timeoutSeconds,
            tcpState,
            helperName,
            originalPackets,
            originalBytes,
            replyPackets,
            replyBytes,
            zone,
            tcpCloser));
  }

  private void clear() {
    original = null;
    reply = null;
    id = 0;
    mark = 0;
    status = 0;
    timeoutSeconds = -1;
    tcpState = -1;
    tcpCloser = ConntrackEntry.TcpCloser.NOBODY;
    helperName = "";
    originalPackets = -1;
    originalBytes = -1;
    replyPackets = -1;
    replyBytes = -1;
    zone = 0;
    originalAdjustment = null;
    replyAdjustment = null;
  }

  // Of the entry that was read last; null if the connection has no extension for it.
  @Nullable SequenceAdjustment adjustment(boolean ofReply) {
    return ofReply ? replyAdjustment : originalAdjustment;
  }

  private static SequenceAdjustment adjustment(NetlinkReader reader) {
    int position = 0;
    int before = 0;
    int after = 0;
    reader.enterNested();
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case ConntrackMessages.CTA_SEQADJ_CORRECTION_POS -> position = reader.s32be();
        case ConntrackMessages.CTA_SEQADJ_OFFSET_BEFORE -> before = reader.s32be();
        case ConntrackMessages.CTA_SEQADJ_OFFSET_AFTER -> after = reader.s32be();
        default -> {}
      }
    }
    reader.leaveNested();
    return new SequenceAdjustment(position, before, after);
  }

  // The reader stands at an attribute that is a tuple.
  @Nullable FlowTuple tuple(NetlinkReader reader) {
    InetAddress source = null;
    InetAddress destination = null;
    int protocol = 0;
    int sourcePort = 0;
    int destinationPort = 0;
    reader.enterNested();
    while (reader.nextAttribute()) {
      int part = reader.attributeType();
      if (part == ConntrackMessages.CTA_TUPLE_ZONE) {
        zone = reader.u16be();
      }
      if (part != ConntrackMessages.CTA_TUPLE_IP && part != ConntrackMessages.CTA_TUPLE_PROTO) {
        continue;
      }
      reader.enterNested();
      while (reader.nextAttribute()) {
        int type = reader.attributeType();
        if (part == ConntrackMessages.CTA_TUPLE_IP) {
          switch (type) {
            case ConntrackMessages.CTA_IP_V4_SRC, ConntrackMessages.CTA_IP_V6_SRC ->
                source = address(reader);
            case ConntrackMessages.CTA_IP_V4_DST, ConntrackMessages.CTA_IP_V6_DST ->
                destination = address(reader);
            default -> {}
          }
        } else {
          switch (type) {
            case ConntrackMessages.CTA_PROTO_NUM -> protocol = reader.u8();
            case ConntrackMessages.CTA_PROTO_SRC_PORT -> sourcePort = reader.u16be();
            case ConntrackMessages.CTA_PROTO_DST_PORT -> destinationPort = reader.u16be();
            default -> {} // ICMP has type, code and id in place of ports
          }
        }
      }
      reader.leaveNested();
    }
    reader.leaveNested();
    if (source == null
        || destination == null
        || source instanceof Inet6Address != destination instanceof Inet6Address) {
      return null;
    }
    return new FlowTuple(protocol, source, sourcePort, destination, destinationPort);
  }

  private static @Nullable InetAddress address(NetlinkReader reader) {
    int lengthBytes = reader.attributeLengthBytes();
    try {
      if (lengthBytes == 4) {
        return InetAddress.getByAddress(reader.bytes());
      }
      // The general method would turn ::ffff:192.0.2.1 into an IPv4 address.
      return lengthBytes == 16 ? Inet6Address.getByAddress(null, reader.bytes(), -1) : null;
    } catch (UnknownHostException e) {
      throw new AssertionError("4 or 16 bytes are an address", e);
    }
  }

  private void protocolState(NetlinkReader reader) {
    reader.enterNested();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == ConntrackMessages.CTA_PROTOINFO_TCP) {
        reader.enterNested();
        while (reader.nextAttribute()) {
          switch (reader.attributeType()) {
            case ConntrackMessages.CTA_PROTOINFO_TCP_STATE -> tcpState = reader.u8();
            case ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL ->
                closer(reader, ConntrackEntry.TcpCloser.ORIGINAL);
            case ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_REPLY ->
                closer(reader, ConntrackEntry.TcpCloser.REPLY);
            default -> {}
          }
        }
        reader.leaveNested();
      }
    }
    reader.leaveNested();
  }

  // struct nf_ct_tcp_flags: flags and mask, a byte each.
  private void closer(NetlinkReader reader, ConntrackEntry.TcpCloser side) {
    byte[] flags = reader.bytes();
    if (flags.length == 2 && (flags[0] & ConntrackMessages.IP_CT_TCP_FLAG_CLOSE_INIT) != 0) {
      tcpCloser = side;
    }
  }

  private void helper(NetlinkReader reader) {
    reader.enterNested();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == ConntrackMessages.CTA_HELP_NAME) {
        helperName = reader.string();
      }
    }
    reader.leaveNested();
  }

  private void counters(NetlinkReader reader, boolean ofReply) {
    long packets = -1;
    long bytes = -1;
    reader.enterNested();
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case ConntrackMessages.CTA_COUNTERS_PACKETS -> packets = reader.s64be();
        case ConntrackMessages.CTA_COUNTERS_BYTES -> bytes = reader.s64be();
        default -> {}
      }
    }
    reader.leaveNested();
    if (ofReply) {
      replyPackets = packets;
      replyBytes = bytes;
    } else {
      originalPackets = packets;
      originalBytes = bytes;
    }
  }
}
