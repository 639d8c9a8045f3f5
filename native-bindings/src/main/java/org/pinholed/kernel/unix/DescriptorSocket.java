package org.pinholed.kernel.unix;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.ref.Reference;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.Pointer;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.libc.StructLayout;

/**
 * A connected unix stream socket over which file descriptors are handed to another process ({@code
 * SCM_RIGHTS}, unix(7)). Not thread-safe. {@link #close} closes it only if it was opened here.
 */
public final class DescriptorSocket implements AutoCloseable {
  /** Descriptors that are taken in all. */
  public static final int MAX_DESCRIPTORS = 64;

  private static final int PATH_BYTES_MAX = 107;
  private static final int CHUNK_BYTES = 1 << 16;

  private static final int ECONNREFUSED = 111;

  /** Of {@code struct ucred} ({@code linux/socket.h}): pid, uid and gid, 4 bytes each. */
  private static final int UCRED_BYTES = 12;

  /** {@code NGROUPS_MAX} ({@code linux/limits.h}), in {@code gid_t} of 4 bytes. */
  private static final int GROUPS_BYTES_MAX = 4 << 16;

  static final int CONTROL_BYTES = StructLayout.CMSGHDR_BYTES + 4 * MAX_DESCRIPTORS;
  static final int EINTR = 4;

  private final Libc libc = Libc.get();
  private final int fd;
  private final boolean own;
  private boolean closed;

  /**
   * What came: a line without its end, and the descriptors beside it, which belong to the caller.
   *
   * @param line the bytes of the line as UTF-8 text
   * @param descriptors file descriptors of this process now, closed on exec
   */
  public record Received(String line, List<Integer> descriptors) {}

  /**
   * Who is at the other end, as the kernel recorded it: for a socket that connected, the process
   * that listened.
   *
   * @param pid its process id; 0 if it cannot be seen from this process namespace
   * @param uid its effective user then; 65534 if that one has no number here
   */
  public record Peer(int pid, int uid) {
    /**
     * Whether it may do what only this program itself may.
     *
     * @return true for root and the user of this process
     */
    public boolean isOwn() {
      return uid == 0 || uid == Libc.get().geteuid();
    }
  }

  private DescriptorSocket(int fd, boolean own) {
    this.fd = fd;
    this.own = own;
  }

  /**
   * Uses a socket that somebody else opened and closes.
   *
   * @param fd a connected, blocking unix stream socket
   * @return its view
   */
  public static DescriptorSocket of(int fd) {
    return new DescriptorSocket(fd, false);
  }

  /**
   * Connects to a listening socket.
   *
   * @param path its path, at most 107 bytes
   * @param patience how long each receive waits
   * @return a connected socket
   * @throws ConnectException if nobody listens there
   * @throws IOException if it cannot connect for another reason
   */
  public static DescriptorSocket connect(String path, Duration patience) throws IOException {
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > PATH_BYTES_MAX) {
      throw new IOException("unix socket " + path + ": the path is too long");
    }
    Libc libc = Libc.get();
    int fd = libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
    if (fd < 0) {
      throw failed("socket");
    }
    DescriptorSocket socket = new DescriptorSocket(fd, true);
    try {
      ByteBuffer address = direct(2 + bytes.length + 1);
      address.putShort(0, (short) Libc.AF_UNIX).put(2, bytes);
      ByteBuffer timeval = direct(StructLayout.TIMEVAL_BYTES);
      timeval.putLong(0, patience.toSeconds()).putLong(8, patience.toNanosPart() / 1000);
      check(
          "SO_RCVTIMEO",
          libc.setsockopt(
              fd, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, pointer(timeval), timeval.capacity()));
      if (libc.connect(fd, pointer(address), address.capacity()) != 0) {
        int errno = Libc.lastError();
        if (errno == ECONNREFUSED) {
          throw new ConnectException("unix socket " + path + ": nobody listens there");
        }
        throw new IOException("unix socket: connect " + path + ": errno " + errno);
      }
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Asks the kernel who is at the other end (SO_PEERCRED, unix(7)).
   *
   * @return who
   * @throws IOException if the kernel does not tell
   */
  public Peer peer() throws IOException {
    ByteBuffer credentials = direct(UCRED_BYTES);
    ByteBuffer lengthBytes = direct(4).putInt(0, UCRED_BYTES);
    check(
        "SO_PEERCRED",
        libc.getsockopt(
            openFd(),
            Libc.SOL_SOCKET,
            Libc.SO_PEERCRED,
            pointer(credentials),
            pointer(lengthBytes)));
    return new Peer(credentials.getInt(0), credentials.getInt(4));
  }

  /**
   * Asks the kernel for the supplementary groups of the process at the other end, as they were when
   * it connected (SO_PEERGROUPS, unix(7)).
   *
   * @return group numbers, unsigned, in no order that matters; at most 65,536
   * @throws IOException if the kernel does not tell
   */
  public int[] peerGroups() throws IOException {
    ByteBuffer groups = direct(GROUPS_BYTES_MAX);
    ByteBuffer lengthBytes = direct(4).putInt(0, GROUPS_BYTES_MAX);
    check(
        "SO_PEERGROUPS",
        libc.getsockopt(
            openFd(), Libc.SOL_SOCKET, Libc.SO_PEERGROUPS, pointer(groups), pointer(lengthBytes)));
    int[] numbers = new int[lengthBytes.getInt(0) / 4];
    groups.asIntBuffer().get(numbers);
    return numbers;
  }

  /**
   * Sends a line, with descriptors beside its first byte.
   *
   * @param line text without a line feed
   * @param descriptors file descriptors of this process, at most {@link #MAX_DESCRIPTORS}; they
   *     stay open here
   * @throws IOException if the other side is gone
   */
  public void send(String line, List<Integer> descriptors) throws IOException {
    if (descriptors.size() > MAX_DESCRIPTORS) {
      throw new IllegalArgumentException(
          "descriptors: " + descriptors.size() + " (expected: 0.." + MAX_DESCRIPTORS + ")");
    }
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
    ByteBuffer data = direct(bytes.length).put(0, bytes);
    ByteBuffer control = direct(CONTROL_BYTES);
    int controlBytes = putRights(control, descriptors);
    ByteBuffer vector = direct(StructLayout.IOVEC_BYTES);
    int sent = 0;
    try {
      while (sent < bytes.length) {
        ByteBuffer header = header(vector, data, sent, bytes.length - sent, control, controlBytes);
        long count = libc.sendmsg(openFd(), pointer(header), Libc.MSG_NOSIGNAL);
        if (count < 0 && Libc.lastError() != EINTR) {
          throw failed("send");
        }
        if (count > 0) {
          sent += (int) count;
          controlBytes = 0; // they went with the first byte
        }
      }
    } finally {
      Reference.reachabilityFence(control);
      Reference.reachabilityFence(data);
      Reference.reachabilityFence(vector);
    }
  }

  /**
   * Receives one line and all descriptors that come with it.
   *
   * @param maxBytes how long the line may be
   * @return the line; nothing may follow it
   * @throws IOException if it does not come in time, is too long, or the other side is gone; then
   *     descriptors that came are closed
   */
  public Received receiveLine(int maxBytes) throws IOException {
    List<Integer> descriptors = new ArrayList<>();
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    ByteBuffer data = direct(CHUNK_BYTES);
    ByteBuffer control = direct(CONTROL_BYTES);
    ByteBuffer vector = direct(StructLayout.IOVEC_BYTES);
    boolean complete = false;
    try {
      while (!complete) {
        ByteBuffer header = header(vector, data, 0, CHUNK_BYTES, control, CONTROL_BYTES);
        long count = libc.recvmsg(openFd(), pointer(header), Libc.MSG_CMSG_CLOEXEC);
        if (count < 0) {
          if (Libc.lastError() == EINTR) {
            continue;
          }
          throw failed("receive");
        }
        take(control, (int) header.getLong(StructLayout.MSGHDR_CONTROLLEN), descriptors);
        byte[] bytes = new byte[(int) count];
        data.get(0, bytes);
        line.writeBytes(bytes);
        complete = count > 0 && bytes[bytes.length - 1] == '\n';
        if (count == 0 || line.size() > maxBytes) {
          throw new IOException(
              count == 0 ? "the other process ended in the middle" : "longer than " + maxBytes);
        }
      }
    } finally {
      if (!complete) {
        descriptors.forEach(libc::close);
      }
      Reference.reachabilityFence(vector);
    }
    String text = line.toString(StandardCharsets.UTF_8);
    return new Received(text.substring(0, text.length() - 1), List.copyOf(descriptors));
  }

  /** Writes the control message that passes descriptors; its length, 0 for none. */
  static int putRights(ByteBuffer control, List<Integer> descriptors) {
    if (descriptors.isEmpty()) {
      return 0;
    }
    int lengthBytes = StructLayout.CMSGHDR_BYTES + 4 * descriptors.size();
    control.putLong(StructLayout.CMSGHDR_LEN, lengthBytes);
    control.putInt(StructLayout.CMSGHDR_LEVEL, Libc.SOL_SOCKET);
    control.putInt(StructLayout.CMSGHDR_TYPE, Libc.SCM_RIGHTS);
    for (int i = 0; i < descriptors.size(); i++) {
      control.putInt(StructLayout.CMSGHDR_BYTES + 4 * i, descriptors.get(i));
    }
    return (lengthBytes + 7) & ~7;
  }

  static void take(ByteBuffer control, int lengthBytes, List<Integer> into) {
    if (lengthBytes < StructLayout.CMSGHDR_BYTES
        || control.getInt(StructLayout.CMSGHDR_LEVEL) != Libc.SOL_SOCKET
        || control.getInt(StructLayout.CMSGHDR_TYPE) != Libc.SCM_RIGHTS) {
      return;
    }
    int end = (int) Math.min(lengthBytes, control.getLong(StructLayout.CMSGHDR_LEN));
    for (int at = StructLayout.CMSGHDR_BYTES; at + 4 <= end; at += 4) {
      into.add(control.getInt(at));
    }
  }

  static ByteBuffer header(
      ByteBuffer vector,
      ByteBuffer data,
      int offset,
      int lengthBytes,
      ByteBuffer control,
      int controlBytes) {
    vector.putLong(StructLayout.IOVEC_BASE, pointer(data).address() + offset);
    vector.putLong(StructLayout.IOVEC_LEN, lengthBytes);
    ByteBuffer header = direct(StructLayout.MSGHDR_BYTES);
    header.putLong(StructLayout.MSGHDR_IOV, pointer(vector).address());
    header.putLong(StructLayout.MSGHDR_IOVLEN, 1);
    if (controlBytes > 0) {
      header.putLong(StructLayout.MSGHDR_CONTROL, pointer(control).address());
      header.putLong(StructLayout.MSGHDR_CONTROLLEN, controlBytes);
    }
    return header;
  }

  @Override
  public void close() {
    if (own && !closed) {
      closed = true;
      libc.close(fd);
    }
  }

  private int openFd() {
    if (closed) {
      throw new IllegalStateException("socket is closed");
    }
    return fd;
  }

  private static void check(String operation, int result) throws IOException {
    if (result < 0) {
      throw failed(operation);
    }
  }

  private static IOException failed(String operation) {
    return new IOException("unix socket: " + operation + ": errno " + Libc.lastError());
  }

  static ByteBuffer direct(int capacityBytes) {
    return ByteBuffer.allocateDirect(capacityBytes).order(ByteOrder.nativeOrder());
  }

  static Pointer pointer(ByteBuffer buffer) {
    return Pointer.wrap(Libc.runtime(), buffer.duplicate().clear());
  }
}
