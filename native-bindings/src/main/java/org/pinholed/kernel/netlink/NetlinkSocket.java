package org.pinholed.kernel.netlink;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import jnr.ffi.Pointer;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.libc.StructLayout;

/**
 * A netlink socket, of the family {@code NETLINK_NETFILTER} where nothing else is said, in the
 * network namespace of the thread that opens it.
 *
 * <p>Any thread may send (one at a time gets through), one thread at a time may receive. Whoever
 * opened it closes it, after the receiving thread has left: a descriptor that is closed under a
 * blocked receive might belong to somebody else when that receive returns.
 */
public final class NetlinkSocket implements NetlinkTransport {
  private static final int NETLINK_ROUTE = 0;
  private static final int NETLINK_SOCK_DIAG = 4;
  private static final int NETLINK_NETFILTER = 12;
  private static final int NETLINK_ADD_MEMBERSHIP = 1;
  private static final int NETLINK_NO_ENOBUFS = 5;
  private static final int NETLINK_CAP_ACK = 10;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int MAX_FILTER_INSTRUCTIONS = 4096;

  private final Libc libc = Libc.get();
  private final int fd;
  private final int portId;
  private final Object sendLock = new Object();
  private final ByteBuffer sendVector = direct(StructLayout.IOVEC_BYTES);
  private final ByteBuffer sendHeader = direct(StructLayout.MSGHDR_BYTES);
  private final Pointer sendHeaderPointer = pointer(sendHeader);
  private final Pointer noTimeout = Pointer.wrap(Libc.runtime(), 0L);

  // Made again only when another buffer is given: a caller has one buffer for all its life.
  private ByteBuffer receiveBuffer = direct(0);
  private Pointer receivePointer = noTimeout;
  private volatile boolean closed;

  private NetlinkSocket(int fd, NetlinkSocketOptions options) throws NetlinkException {
    this.fd = fd;
    sendHeader.putLong(StructLayout.MSGHDR_IOV, pointer(sendVector).address());
    sendHeader.putLong(StructLayout.MSGHDR_IOVLEN, 1);
    portId = bind();
    configure(options);
  }

  private NetlinkSocket(int fd, int portId) {
    this.fd = fd;
    this.portId = portId;
    sendHeader.putLong(StructLayout.MSGHDR_IOV, pointer(sendVector).address());
    sendHeader.putLong(StructLayout.MSGHDR_IOVLEN, 1);
  }

  private void configure(NetlinkSocketOptions options) throws NetlinkException {
    setBuffer(Libc.SO_RCVBUFFORCE, Libc.SO_RCVBUF, options.receiveBufferBytes());
    setBuffer(Libc.SO_SNDBUFFORCE, Libc.SO_SNDBUF, options.sendBufferBytes());
    setReceiveTimeout(options.receiveTimeout());
    // Both since Linux 4.12 or before; without them the errors are only less readable.
    setOption(Libc.SOL_NETLINK, NETLINK_CAP_ACK, word(1));
    setOption(Libc.SOL_NETLINK, NETLINK_EXT_ACK, word(1));
    if (!options.reportOverruns()) {
      check("NETLINK_NO_ENOBUFS", setOption(Libc.SOL_NETLINK, NETLINK_NO_ENOBUFS, word(1)));
    }
  }

  @Override
  public void setReceiveTimeout(Duration timeout) throws NetlinkException {
    ByteBuffer timeval = direct(StructLayout.TIMEVAL_BYTES);
    timeval.putLong(0, timeout.toSeconds());
    timeval.putLong(8, timeout.toNanosPart() / 1000);
    check("SO_RCVTIMEO", setOption(Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, timeval));
  }

  /**
   * Opens a socket in the network namespace of the calling thread.
   *
   * @param options sizes and times
   * @return an open socket
   * @throws NetlinkException if the kernel refuses
   */
  public static NetlinkSocket open(NetlinkSocketOptions options) throws NetlinkException {
    return open(NETLINK_NETFILTER, options);
  }

  /**
   * Opens one of the family {@code NETLINK_ROUTE}, in the network namespace of the calling thread.
   *
   * @param options sizes and times
   * @return an open socket
   * @throws NetlinkException if the kernel refuses
   */
  public static NetlinkSocket openRoute(NetlinkSocketOptions options) throws NetlinkException {
    return open(NETLINK_ROUTE, options);
  }

  /**
   * Opens one of the family {@code NETLINK_SOCK_DIAG}, in the network namespace of the calling
   * thread.
   *
   * @param options sizes and times
   * @return an open socket
   * @throws NetlinkException if the kernel refuses
   */
  public static NetlinkSocket openSocketDiagnosis(NetlinkSocketOptions options)
      throws NetlinkException {
    return open(NETLINK_SOCK_DIAG, options);
  }

  private static NetlinkSocket open(int family, NetlinkSocketOptions options)
      throws NetlinkException {
    int fd = Libc.get().socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, family);
    if (fd < 0) {
      throw new NetlinkException("netlink: socket", Libc.lastError(), "");
    }
    boolean opened = false;
    try {
      NetlinkSocket socket = new NetlinkSocket(fd, options);
      opened = true;
      return socket;
    } finally {
      if (!opened) {
        Libc.get().close(fd);
      }
    }
  }

  /**
   * Goes on with a socket that another process opened, with its address and what waits in it.
   *
   * @param fd its descriptor in this process, owned by the socket from now on
   * @param options sizes and times from now on
   * @return an open socket
   * @throws NetlinkException if it is no netlink socket; then it is closed
   */
  public static NetlinkSocket adopt(int fd, NetlinkSocketOptions options) throws NetlinkException {
    ByteBuffer address = direct(StructLayout.SOCKADDR_NL_BYTES);
    ByteBuffer addressBytes = word(StructLayout.SOCKADDR_NL_BYTES);
    int result;
    int errno;
    try {
      result = Libc.get().getsockname(fd, pointer(address), pointer(addressBytes));
      errno = result < 0 ? Libc.lastError() : Errno.EINVAL;
    } finally {
      Reference.reachabilityFence(addressBytes);
    }
    if (result < 0 || address.getShort(StructLayout.SOCKADDR_NL_FAMILY) != Libc.AF_NETLINK) {
      Libc.get().close(fd);
      throw new NetlinkException("netlink: adopt descriptor " + fd, errno, "");
    }
    NetlinkSocket socket = new NetlinkSocket(fd, address.getInt(StructLayout.SOCKADDR_NL_PID));
    boolean configured = false;
    try {
      socket.configure(options);
      configured = true;
      return socket;
    } finally {
      if (!configured) {
        socket.close();
      }
    }
  }

  /**
   * The file descriptor, to be handed to another process. It stays open here.
   *
   * @return the descriptor
   */
  public int descriptor() {
    return openFd();
  }

  /**
   * Subscribes to the notifications of one multicast group.
   *
   * @param group {@code NFNLGRP_*} or {@code RTNLGRP_*}, 1..31
   * @throws NetlinkException if the kernel refuses
   */
  public void joinGroup(int group) throws NetlinkException {
    check("join group " + group, setOption(Libc.SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, word(group)));
  }

  /**
   * Attaches a classic BPF program: a datagram for which it returns 0 is not received.
   *
   * @param program one instruction in each element, as {@code struct sock_filter}: code in bits
   *     63..48, jt in 47..40, jf in 39..32, k in 31..0; 1..4096 of them
   * @throws NetlinkException if the kernel refuses the program
   */
  public void attachFilter(long[] program) throws NetlinkException {
    if (program.length < 1 || program.length > MAX_FILTER_INSTRUCTIONS) {
      throw new IllegalArgumentException(
          "program: " + program.length + " instructions (expected: 1..4096)");
    }
    ByteBuffer instructions = direct(program.length * StructLayout.SOCK_FILTER_BYTES);
    for (long instruction : program) {
      instructions.putShort((short) (instruction >>> 48));
      instructions.put((byte) (instruction >>> 40)).put((byte) (instruction >>> 32));
      instructions.putInt((int) instruction);
    }
    ByteBuffer fprog = direct(StructLayout.SOCK_FPROG_BYTES);
    fprog.putShort(0, (short) program.length);
    fprog.putLong(StructLayout.SOCK_FPROG_FILTER, pointer(instructions).address());
    try {
      check("attach filter", setOption(Libc.SOL_SOCKET, Libc.SO_ATTACH_FILTER, fprog));
    } finally {
      Reference.reachabilityFence(instructions);
    }
  }

  /**
   * The address of this socket among all netlink sockets of its namespace.
   *
   * @return {@code nl_pid}, not 0
   */
  public int portId() {
    return portId;
  }

  @Override
  public void send(NetlinkWriter writer) throws NetlinkException {
    int lengthBytes = writer.lengthBytes();
    synchronized (sendLock) {
      sendVector.putLong(StructLayout.IOVEC_BASE, writer.pointer().address());
      sendVector.putLong(StructLayout.IOVEC_LEN, lengthBytes);
      while (libc.sendmsg(openFd(), sendHeaderPointer, 0) < 0) {
        int errno = Libc.lastError();
        if (errno != Errno.EINTR) {
          throw new NetlinkException("netlink: send " + lengthBytes + " bytes", errno, "");
        }
      }
    }
  }

  @Override
  public int receive(ByteBuffer into) throws NetlinkException {
    return receive(into, 0);
  }

  @Override
  public int receiveNow(ByteBuffer into) throws NetlinkException {
    return receive(into, Libc.MSG_DONTWAIT);
  }

  @Override
  public int receiveBatch(DatagramBatch batch) throws NetlinkException {
    batch.received(0);
    while (true) {
      int count =
          libc.recvmmsg(
              openFd(), batch.headersPointer(), batch.slots(), Libc.MSG_WAITFORONE, noTimeout);
      if (count >= 0) {
        batch.received(count);
        return count;
      }
      int errno = Libc.lastError();
      if (errno == Errno.EAGAIN) {
        return 0;
      }
      if (errno != Errno.EINTR) {
        throw new NetlinkException("netlink: receive", errno, "");
      }
    }
  }

  @Override
  public void close() {
    synchronized (sendLock) {
      if (!closed) {
        closed = true;
        libc.close(fd);
      }
    }
  }

  // Two buffers with equal content are still two addresses.
  @SuppressWarnings("ReferenceEquality")
  private int receive(ByteBuffer into, int flags) throws NetlinkException {
    if (into != receiveBuffer) {
      if (!into.isDirect()) {
        throw new IllegalArgumentException("buffer must be direct");
      }
      receiveBuffer = into;
      receivePointer = pointer(into);
    }
    while (true) {
      // MSG_TRUNC: the result is the datagram's own length, also if it did not fit.
      long received = libc.recv(openFd(), receivePointer, into.capacity(), flags | Libc.MSG_TRUNC);
      if (received > into.capacity()) {
        throw new NetlinkException(
            "netlink: datagram of " + received + " bytes", Errno.EMSGSIZE, "");
      }
      if (received >= 0) {
        return (int) received;
      }
      int errno = Libc.lastError();
      if (errno == Errno.EAGAIN) {
        return 0;
      }
      if (errno != Errno.EINTR) {
        throw new NetlinkException("netlink: receive", errno, "");
      }
    }
  }

  private int bind() throws NetlinkException {
    ByteBuffer address = direct(StructLayout.SOCKADDR_NL_BYTES);
    address.putShort(StructLayout.SOCKADDR_NL_FAMILY, (short) Libc.AF_NETLINK);
    check("bind", libc.bind(fd, pointer(address), StructLayout.SOCKADDR_NL_BYTES));
    ByteBuffer addressBytes = word(StructLayout.SOCKADDR_NL_BYTES);
    try {
      check("getsockname", libc.getsockname(fd, pointer(address), pointer(addressBytes)));
    } finally {
      Reference.reachabilityFence(addressBytes);
    }
    return address.getInt(StructLayout.SOCKADDR_NL_PID);
  }

  private void setBuffer(int forced, int limited, int lengthBytes) throws NetlinkException {
    if (lengthBytes == 0) {
      return;
    }
    // Without CAP_NET_ADMIN the kernel caps it silently; the socket still works.
    if (setOption(Libc.SOL_SOCKET, forced, word(lengthBytes)) < 0) {
      check("buffer size", setOption(Libc.SOL_SOCKET, limited, word(lengthBytes)));
    }
  }

  private int setOption(int level, int name, ByteBuffer value) {
    try {
      return libc.setsockopt(openFd(), level, name, pointer(value), value.capacity());
    } finally {
      Reference.reachabilityFence(value);
    }
  }

  private int openFd() {
    if (closed) {
      throw new IllegalStateException("socket is closed");
    }
    return fd;
  }

  private static void check(String operation, int result) throws NetlinkException {
    if (result < 0) {
      throw new NetlinkException("netlink: " + operation, Libc.lastError(), "");
    }
  }

  private static ByteBuffer word(int value) {
    return direct(4).putInt(0, value);
  }

  private static ByteBuffer direct(int capacityBytes) {
    return ByteBuffer.allocateDirect(capacityBytes).order(ByteOrder.nativeOrder());
  }

  private static Pointer pointer(ByteBuffer buffer) {
    // Of a view from index 0: an address would otherwise be taken at the buffer's position.
    return Pointer.wrap(Libc.runtime(), buffer.duplicate().clear());
  }
}
