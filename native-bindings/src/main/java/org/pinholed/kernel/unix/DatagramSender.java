package org.pinholed.kernel.unix;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.libc.StructLayout;

/**
 * A unix datagram socket that sends text, and file descriptors beside it, to one address (unix(7)).
 * The address is looked up at each send, so the receiver may come and go. Thread-safe. Whoever
 * opened it closes it.
 */
public final class DatagramSender implements AutoCloseable {
  private static final int NAME_BYTES_MAX = 107;
  private static final int EBADF = 9;

  private final Libc libc = Libc.get();
  private final String address;
  private final ByteBuffer name;
  private final int fd;
  private boolean closed;

  private DatagramSender(String address, ByteBuffer name, int fd) {
    this.address = address;
    this.name = name;
    this.fd = fd;
  }

  /**
   * Opens a socket; nobody needs to listen yet.
   *
   * @param address an absolute path, or a name without a file behind {@code @}; 2..107 bytes
   * @param patience how long a send waits for room at the receiver
   * @return the open socket
   * @throws IOException if the address is not one, or the kernel refuses
   */
  public static DatagramSender open(String address, Duration patience) throws IOException {
    byte[] bytes = address.getBytes(StandardCharsets.UTF_8);
    boolean abstractName = address.startsWith("@");
    if (bytes.length < 2
        || bytes.length > NAME_BYTES_MAX
        || !(abstractName || address.startsWith("/"))) {
      throw new IOException(
          "unix socket " + address + ": not an address (expected: /PATH or @NAME, 2..107 bytes)");
    }
    if (abstractName) {
      bytes[0] = 0;
    }
    // The length tells where an abstract name ends; a path may do without its 0.
    ByteBuffer name = DescriptorSocket.direct(2 + bytes.length);
    name.putShort(0, (short) Libc.AF_UNIX).put(2, bytes);
    Libc libc = Libc.get();
    int fd = libc.socket(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
    if (fd < 0) {
      throw new IOException("unix socket: socket: errno " + Libc.lastError());
    }
    ByteBuffer timeval = DescriptorSocket.direct(StructLayout.TIMEVAL_BYTES);
    timeval.putLong(0, patience.toSeconds()).putLong(8, patience.toNanosPart() / 1000);
    try {
      // A send that waits longer is not wrong, so a refusal does not matter.
      libc.setsockopt(
          fd,
          Libc.SOL_SOCKET,
          Libc.SO_SNDTIMEO,
          DescriptorSocket.pointer(timeval),
          timeval.capacity());
    } finally {
      Reference.reachabilityFence(timeval);
    }
    return new DatagramSender(address, name, fd);
  }

  /**
   * Sends one datagram, and waits if there is no room.
   *
   * @param text its bytes in UTF-8
   * @param descriptors file descriptors of this process, at most {@link
   *     DescriptorSocket#MAX_DESCRIPTORS}; they stay open here
   * @throws IOException if nobody receives, there was no room for too long, or this is closed
   */
  public void send(String text, List<Integer> descriptors) throws IOException {
    int errno = send(text, descriptors, 0);
    if (errno != 0) {
      throw new IOException("unix socket " + address + ": send: errno " + errno);
    }
  }

  /**
   * Sends one datagram if there is room for it.
   *
   * @param text its bytes in UTF-8
   * @return whether it was sent
   */
  public boolean sendNow(String text) {
    return send(text, List.of(), Libc.MSG_DONTWAIT) == 0;
  }

  private synchronized int send(String text, List<Integer> descriptors, int flags) {
    if (closed) {
      return EBADF;
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer data = DescriptorSocket.direct(bytes.length).put(0, bytes);
    ByteBuffer control = DescriptorSocket.direct(DescriptorSocket.CONTROL_BYTES);
    ByteBuffer vector = DescriptorSocket.direct(StructLayout.IOVEC_BYTES);
    int controlBytes = DescriptorSocket.putRights(control, descriptors);
    ByteBuffer header =
        DescriptorSocket.header(vector, data, 0, bytes.length, control, controlBytes);
    header.putLong(StructLayout.MSGHDR_NAME, DescriptorSocket.pointer(name).address());
    header.putInt(StructLayout.MSGHDR_NAMELEN, name.capacity());
    try {
      int errno;
      do {
        long count = libc.sendmsg(fd, DescriptorSocket.pointer(header), flags | Libc.MSG_NOSIGNAL);
        errno = count < 0 ? Libc.lastError() : 0;
      } while (errno == DescriptorSocket.EINTR);
      return errno;
    } finally {
      Reference.reachabilityFence(control);
      Reference.reachabilityFence(data);
      Reference.reachabilityFence(vector);
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      libc.close(fd);
    }
  }
}
