package org.pinholed.kernel.route;

import java.net.Inet4Address;
import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * Asks the kernel which way a packet would take: {@code RTM_GETROUTE} of rtnetlink(7), which goes
 * through the policy rules and tables as the packet itself would.
 *
 * <p>Not thread-safe, one per thread; whoever opened it closes it.
 */
public final class RouteClient implements Routes, AutoCloseable {
  private static final int RTM_NEWLINK = 16;
  private static final int RTM_GETLINK = 18;
  private static final int RTM_NEWROUTE = 24;
  private static final int RTM_GETROUTE = 26;
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;

  /**
   * {@code struct rtmsg}: u8 family, dst_len, src_len, tos, table, protocol, scope, type, u32
   * flags.
   */
  private static final int RTMSG_BYTES = 12;

  private static final int TYPE_OFFSET = 7;
  private static final int RTN_UNICAST = 1;

  /** {@code RTM_F_FIB_MATCH}: answer with the whole route, with all its next hops (Linux 4.13). */
  private static final int RTM_F_FIB_MATCH = 0x2000;

  private static final int RTA_DST = 1;
  private static final int RTA_SRC = 2;
  private static final int RTA_IIF = 3;
  private static final int RTA_OIF = 4;
  private static final int RTA_MULTIPATH = 9;
  private static final int RTA_MARK = 16;

  /** {@code struct rtnexthop}: u16 len, u8 flags, u8 hops, s32 ifindex, then attributes. */
  private static final int RTNEXTHOP_BYTES = 8;

  /** {@code struct ifinfomsg}: u8 family, u8 pad, u16 type, s32 index, u32 flags, u32 change. */
  private static final int IFINFOMSG_BYTES = 16;

  private static final int INDEX_OFFSET = 4;
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_MTU = 4;
  private static final int IFLA_MASTER = 10;

  /** The kernel takes 256 next hops in a group. */
  private static final int NEXT_HOPS_MAX = 256;

  /**
   * How the kernel says that there is no way: blackhole, prohibit, throw, unreachable, a source
   * that its reverse path filter refuses, a device that is gone.
   */
  private static final Set<Integer> NO_WAY =
      Set.of(
          Errno.EINVAL,
          Errno.EACCES,
          Errno.EAGAIN,
          Errno.ENETUNREACH,
          Errno.EHOSTUNREACH,
          Errno.EXDEV,
          Errno.ENODEV);

  private final NetlinkChannel channel;
  private final int[] devices = new int[NEXT_HOPS_MAX];
  private int count;
  private boolean unicast;
  private @Nullable NetworkDevice device;

  private RouteClient(NetlinkTransport transport) {
    channel = new NetlinkChannel(transport, 256);
  }

  /**
   * Opens a client in the network namespace of the calling thread.
   *
   * @return an open client
   * @throws NetlinkException if the kernel refuses the socket
   */
  public static RouteClient open() throws NetlinkException {
    return open(NetlinkSocket.openRoute(NetlinkSocketOptions.forRequests()));
  }

  /**
   * Makes a client over a transport that exists.
   *
   * @param transport owned by the client from now on
   * @return an open client
   */
  public static RouteClient open(NetlinkTransport transport) {
    return new RouteClient(transport);
  }

  @Override
  public boolean leadsTo(RouteQuestion question, int interfaceIndex) throws NetlinkException {
    if (!ask(question, RTM_F_FIB_MATCH)) {
      return false;
    }
    // With net.ipv4.nexthop_compat_mode=0 only the id of a group is told: then the one chosen hop.
    if (count == 0 && unicast && !ask(question, 0)) {
      return false;
    }
    if (!unicast) {
      return false;
    }
    for (int i = 0; i < count; i++) {
      if (devices[i] == interfaceIndex) {
        return true;
      }
    }
    for (int device : Arrays.copyOf(devices, count)) {
      if (masterOf(device) == interfaceIndex) {
        return true;
      }
    }
    return false;
  }

  private boolean ask(RouteQuestion question, int flags) throws NetlinkException {
    count = 0;
    unicast = false;
    byte[] destination = question.destination().getAddress();
    byte[] source = question.source().getAddress();
    int family = question.destination() instanceof Inet4Address ? AF_INET : AF_INET6;
    NetlinkWriter writer =
        channel
            .writer()
            .reset()
            .beginMessage(RTM_GETROUTE, NetlinkConstants.NLM_F_REQUEST, channel.nextSequence())
            .raw8(family)
            .raw8(destination.length * 8)
            .raw8(source.length * 8)
            .raw8(0)
            .raw32host(0)
            .raw32host(flags)
            .attrBytes(RTA_DST, destination)
            .attrBytes(RTA_SRC, source);
    if (question.inInterfaceIndex() != 0) {
      writer.attr32host(RTA_IIF, question.inInterfaceIndex());
    }
    if (question.mark() != 0) {
      writer.attr32host(RTA_MARK, question.mark());
    }
    writer.endMessage();
    return get("route: get", this::readRoute);
  }

  private boolean get(String operation, org.pinholed.kernel.netlink.MessageHandler each)
      throws NetlinkException {
    try {
      return channel.get(operation, each);
    } catch (NetlinkException e) {
      if (NO_WAY.contains(e.errno())) {
        return false;
      }
      throw e;
    }
  }

  private void readRoute(NetlinkReader message) {
    if (message.type() != RTM_NEWROUTE || message.payloadLengthBytes() < RTMSG_BYTES) {
      return;
    }
    unicast = message.buffer().get(message.payloadOffset() + TYPE_OFFSET) == RTN_UNICAST;
    message.enterAttributes(RTMSG_BYTES);
    while (message.nextAttribute()) {
      if (message.attributeType() == RTA_OIF) {
        add(message.s32host());
      } else if (message.attributeType() == RTA_MULTIPATH) {
        readNextHops(message, message.attributeOffset(), message.attributeLengthBytes());
      }
    }
  }

  private void readNextHops(NetlinkReader message, int offset, int lengthBytes) {
    int at = offset;
    int left = lengthBytes;
    while (left >= RTNEXTHOP_BYTES) {
      int hopBytes = Short.toUnsignedInt(message.buffer().getShort(at));
      if (hopBytes < RTNEXTHOP_BYTES || hopBytes > left) {
        return;
      }
      add(message.buffer().getInt(at + 4));
      int step = NetlinkConstants.align(hopBytes);
      at += step;
      left -= step;
    }
  }

  private void add(int device) {
    if (device != 0 && count < NEXT_HOPS_MAX) {
      devices[count++] = device;
    }
  }

  private int masterOf(int index) throws NetlinkException {
    NetworkDevice found = device(index);
    return found == null ? 0 : found.master();
  }

  @Override
  public @Nullable NetworkDevice device(int index) throws NetlinkException {
    device = null;
    channel
        .writer()
        .reset()
        .beginMessage(RTM_GETLINK, NetlinkConstants.NLM_F_REQUEST, channel.nextSequence())
        .raw32host(0)
        .raw32host(index)
        .raw32host(0)
        .raw32host(0)
        .endMessage();
    get("link: get", this::readDevice);
    return device;
  }

  private void readDevice(NetlinkReader message) {
    if (message.type() != RTM_NEWLINK || message.payloadLengthBytes() < IFINFOMSG_BYTES) {
      return;
    }
    int index = message.buffer().getInt(message.payloadOffset() + INDEX_OFFSET);
    String name = "";
    int mtuBytes = 0;
    int master = 0;
    message.enterAttributes(IFINFOMSG_BYTES);
    while (message.nextAttribute()) {
      switch (message.attributeType()) {
        case IFLA_IFNAME -> name = message.string();
        case IFLA_MTU -> mtuBytes = message.s32host();
        case IFLA_MASTER -> master = message.s32host();
        default -> {}
      }
    }
    device = new NetworkDevice(index, name, mtuBytes, master);
  }

  @Override
  public void close() {
    channel.close();
  }
}
