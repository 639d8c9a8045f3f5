package org.pinholed.kernel.socket;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;

/**
 * Asks the kernel which ports of this machine something listens on: {@code SOCK_DIAG_BY_FAMILY} of
 * sock_diag(7). Only sockets in the asked state are told, so that thousands of connections cost
 * little.
 *
 * <p>Not thread-safe, one per thread; whoever opened it closes it.
 */
public final class SocketClient implements AutoCloseable {
  private static final int SOCK_DIAG_BY_FAMILY = 20;
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int TCP = 6;
  private static final int UDP = 17;

  /** The states of net/tcp_states.h. A UDP socket that is connected to nobody is closed. */
  private static final int TCP_CLOSE = 7;

  private static final int TCP_LISTEN = 10;

  /**
   * {@code struct inet_diag_msg}: u8 family, state, timer, retrans, then {@code struct
   * inet_diag_sockid}: be16 sport, be16 dport, be32 src[4], be32 dst[4], u32 if, u32 cookie[2].
   */
  private static final int SPORT_OFFSET = 4;

  private static final int SOURCE_OFFSET = 8;
  private static final int SOCKID_BYTES = 48;
  private static final int HEAD_BYTES = 4 + SOCKID_BYTES;

  private final NetlinkChannel channel;

  private SocketClient(NetlinkTransport transport) {
    channel = new NetlinkChannel(transport, 256);
  }

  /**
   * Opens a client in the network namespace of the calling thread.
   *
   * @return an open client
   * @throws NetlinkException if the kernel refuses the socket
   */
  public static SocketClient open() throws NetlinkException {
    return open(NetlinkSocket.openSocketDiagnosis(NetlinkSocketOptions.forRequests()));
  }

  /**
   * Makes a client over a transport that exists.
   *
   * @param transport owned by the client from now on
   * @return an open client
   */
  public static SocketClient open(NetlinkTransport transport) {
    return new SocketClient(transport);
  }

  /**
   * Lists the sockets of TCP that listen, and those of UDP that are connected to nobody.
   *
   * @param each called for each of them; some may be missing or told twice that come or go
   *     meanwhile
   * @throws NetlinkException if the kernel does not answer; {@code ENOENT} if it cannot tell
   */
  public void listening(Consumer<ListeningSocket> each) throws NetlinkException {
    for (int family : new int[] {AF_INET, AF_INET6}) {
      list(family, TCP, TCP_LISTEN, each);
      list(family, UDP, TCP_CLOSE, each);
    }
  }

  private void list(int family, int protocol, int state, Consumer<ListeningSocket> each)
      throws NetlinkException {
    channel
        .writer()
        .reset()
        .beginMessage(
            SOCK_DIAG_BY_FAMILY,
            NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_DUMP,
            channel.nextSequence())
        .raw8(family)
        .raw8(protocol)
        .raw8(0)
        .raw8(0)
        .raw32host(1 << state)
        .rawBytes(new byte[SOCKID_BYTES])
        .endMessage();
    channel.dump("sockets: list", message -> read(message, protocol, each));
  }

  private static void read(NetlinkReader message, int protocol, Consumer<ListeningSocket> each) {
    if (message.type() != SOCK_DIAG_BY_FAMILY || message.payloadLengthBytes() < HEAD_BYTES) {
      return;
    }
    ByteBuffer buffer = message.buffer();
    int at = message.payloadOffset();
    int high = Byte.toUnsignedInt(buffer.get(at + SPORT_OFFSET));
    int port = high * 256 + Byte.toUnsignedInt(buffer.get(at + SPORT_OFFSET + 1));
    if (port == 0) {
      return; // it is not bound yet
    }
    byte[] address = new byte[buffer.get(at) == AF_INET ? 4 : 16];
    for (int i = 0; i < address.length; i++) {
      address[i] = buffer.get(at + SOURCE_OFFSET + i);
    }
    try {
      each.accept(new ListeningSocket(protocol, InetAddress.getByAddress(address), port));
    } catch (UnknownHostException e) {
      throw new AssertionError(e); // 4 or 16 bytes are always an address
    }
  }

  @Override
  public void close() {
    channel.close();
  }
}
