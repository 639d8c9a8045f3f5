package org.pinholed.kernel.nfqueue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkReader;

/**
 * A flyweight over one {@code NFQNL_MSG_PACKET}: the packet's id, where it was taken out, and where
 * its bytes and its conntrack entry stand in the buffer.
 *
 * <p>Re-used for every packet and never stored; the buffer is filled again by the next receive. Not
 * thread-safe. Offsets are absolute; the buffer has the byte order of the machine, so who reads the
 * packet's big-endian fields from it does so byte by byte or turns them. An attribute that the
 * kernel left out reads as 0 (linux/netfilter/nfnetlink_queue.h, {@code enum nfqnl_attr_type}).
 */
public final class QueuedPacketView {
  /** {@code NFQNL_MSG_PACKET} with its subsystem, the {@code nlmsg_type}. */
  static final int MESSAGE_TYPE = NetlinkConstants.NFNL_SUBSYS_QUEUE << 8;

  private static final int NFQA_PACKET_HDR = 1;
  private static final int NFQA_MARK = 3;
  private static final int NFQA_IFINDEX_INDEV = 5;
  private static final int NFQA_IFINDEX_OUTDEV = 6;
  private static final int NFQA_PAYLOAD = 10;
  private static final int NFQA_CT = 11;
  private static final int NFQA_CT_INFO = 12;
  private static final int NFQA_CAP_LEN = 13;
  private static final int NFQA_SKB_INFO = 14;
  private static final int PACKET_HDR_BYTES = 7;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).order(ByteOrder.nativeOrder());

  private final NetlinkReader reader = new NetlinkReader();
  private ByteBuffer buffer = NOTHING;
  private int packetId;
  private int hook;
  private int hwProtocol;
  private int mark;
  private int inInterfaceIndex;
  private int outInterfaceIndex;
  private int payloadOffset;
  private int payloadLengthBytes;
  private int packetLengthBytes;
  private int conntrackOffset;
  private int conntrackLengthBytes;
  private int conntrackInfo;
  private int skbInfo;
  private int queueNumber;

  /** Makes a view of nothing. */
  public QueuedPacketView() {}

  /**
   * Reads one message.
   *
   * @param source a buffer in the byte order of the machine
   * @param offset index of its {@code struct nlmsghdr}
   * @param lengthBytes how many bytes were received
   * @return true if it is a packet that has an id. If a later length lies, what was read before it
   *     stays and the payload is empty: the packet can still get its verdict
   */
  public boolean wrap(ByteBuffer source, int offset, int lengthBytes) {
    reader.wrap(source, offset, lengthBytes);
    return reader.nextMessage() && wrap(reader);
  }

  boolean wrap(NetlinkReader message) {
    clear(message.buffer());
    if (message.type() != MESSAGE_TYPE) {
      return false;
    }
    queueNumber = message.resourceId();
    message.enterNfnetlink();
    boolean hasId = false;
    while (message.nextAttribute()) {
      switch (message.attributeType()) {
        case NFQA_PACKET_HDR -> hasId = readHeader(message);
        case NFQA_MARK -> mark = message.s32be();
        case NFQA_IFINDEX_INDEV -> inInterfaceIndex = message.s32be();
        case NFQA_IFINDEX_OUTDEV -> outInterfaceIndex = message.s32be();
        case NFQA_PAYLOAD -> {
          payloadOffset = message.attributeOffset();
          payloadLengthBytes = message.attributeLengthBytes();
        }
        case NFQA_CT -> {
          conntrackOffset = message.attributeOffset();
          conntrackLengthBytes = message.attributeLengthBytes();
        }
        case NFQA_CT_INFO -> conntrackInfo = message.s32be();
        case NFQA_CAP_LEN -> packetLengthBytes = message.s32be();
        case NFQA_SKB_INFO -> skbInfo = message.s32be();
        default -> {}
      }
    }
    if (packetLengthBytes <= payloadLengthBytes) {
      packetLengthBytes = payloadLengthBytes;
    }
    return hasId;
  }

  private void clear(ByteBuffer source) {
    buffer = source;
    packetId = 0;
    hook = 0;
    hwProtocol = 0;
    mark = 0;
    inInterfaceIndex = 0;
    outInterfaceIndex = 0;
    payloadOffset = 0;
    payloadLengthBytes = 0;
    packetLengthBytes = 0;
    conntrackOffset = 0;
    conntrackLengthBytes = 0;
    conntrackInfo = 0;
    skbInfo = 0;
  }

  /**
   * Takes a packet that no kernel queued: one that was written down. Of all that the kernel would
   * say besides only its id is known.
   *
   * @param source where it is
   * @param offset index of its IP header
   * @param lengthBytes its whole length from there on
   * @param id the number by which a verdict names it
   * @return this view
   */
  public QueuedPacketView wrapWritten(ByteBuffer source, int offset, int lengthBytes, int id) {
    clear(source);
    packetId = id;
    payloadOffset = offset;
    payloadLengthBytes = lengthBytes;
    packetLengthBytes = lengthBytes;
    return this;
  }

  private boolean readHeader(NetlinkReader message) {
    if (message.attributeLengthBytes() < PACKET_HDR_BYTES) {
      return false;
    }
    // struct nfqnl_msg_packet_hdr, packed: be32 packet_id, be16 hw_protocol, u8 hook.
    packetId = message.s32be();
    int at = message.attributeOffset();
    hwProtocol =
        Byte.toUnsignedInt(buffer.get(at + 4)) << 8 | Byte.toUnsignedInt(buffer.get(at + 5));
    hook = Byte.toUnsignedInt(buffer.get(at + 6));
    return true;
  }

  /**
   * The number by which a verdict names the packet; counts up by one in each queue.
   *
   * @return any 32 bits
   */
  public int packetId() {
    return packetId;
  }

  /**
   * The queue it came from.
   *
   * @return 0..65535
   */
  public int queueNumber() {
    return queueNumber;
  }

  /**
   * The hook at which it was taken out.
   *
   * @return {@code NF_INET_*}: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting
   */
  public int hook() {
    return hook;
  }

  /**
   * The protocol of the payload.
   *
   * @return an ethertype, for example 0x0800 or 0x86dd
   */
  public int hwProtocol() {
    return hwProtocol;
  }

  /**
   * The packet's own mark, not that of its conntrack.
   *
   * @return any 32 bits
   */
  public int mark() {
    return mark;
  }

  /**
   * The interface it came in by.
   *
   * @return an index, 0 if it starts on this machine
   */
  public int inInterfaceIndex() {
    return inInterfaceIndex;
  }

  /**
   * The interface it will leave by.
   *
   * @return an index, 0 if that is not known at this hook
   */
  public int outInterfaceIndex() {
    return outInterfaceIndex;
  }

  /**
   * The buffer that the offsets are about.
   *
   * @return a buffer in the byte order of the machine; not to be written
   */
  public ByteBuffer buffer() {
    return buffer;
  }

  /**
   * Where the IP header starts.
   *
   * @return an index into {@link #buffer}
   */
  public int payloadOffset() {
    return payloadOffset;
  }

  /**
   * How much of the packet was copied.
   *
   * @return length in bytes from the IP header on; 0 if nothing usable came
   */
  public int payloadLengthBytes() {
    return payloadLengthBytes;
  }

  /**
   * How long the packet is, in the kernel.
   *
   * @return length in bytes, {@link #payloadLengthBytes} or more
   */
  public int packetLengthBytes() {
    return packetLengthBytes;
  }

  /**
   * Whether less was copied than the packet has; such a packet must not be changed.
   *
   * @return true if the end is missing
   */
  public boolean isTruncated() {
    return packetLengthBytes > payloadLengthBytes;
  }

  /**
   * Where the attributes of the conntrack entry start ({@code NFQA_CT}).
   *
   * @return an index into {@link #buffer}
   */
  public int conntrackOffset() {
    return conntrackOffset;
  }

  /**
   * Length of the attributes of the conntrack entry.
   *
   * @return length in bytes; 0 if the kernel did not attach one
   */
  public int conntrackLengthBytes() {
    return conntrackLengthBytes;
  }

  /**
   * {@code enum ip_conntrack_info} of the packet, if the kernel attached its conntrack.
   *
   * @return 0 established, 1 related, 2 new; 3 more in the reply direction
   */
  public int conntrackInfo() {
    return conntrackInfo;
  }

  /**
   * {@code NFQA_SKB_INFO}.
   *
   * @return bits: 1 checksum not filled in yet, 2 to be segmented, 4 checksum not verified
   */
  public int skbInfo() {
    return skbInfo;
  }
}
