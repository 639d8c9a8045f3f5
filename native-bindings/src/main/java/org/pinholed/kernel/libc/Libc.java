package org.pinholed.kernel.libc;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * The calls of the C library that are used here, one to one; see their manual pages.
 *
 * <p>Each returns -1 on failure; then {@link #lastError} has the errno, on the same thread and
 * until the next call. Pointers must be to direct memory: nothing is copied, so a call with direct
 * pointers allocates nothing. Structures are laid out by hand, see {@link StructLayout}.
 */
public interface Libc {
  /** {@code AF_UNIX} of {@code bits/socket.h}. */
  int AF_UNIX = 1;

  /** {@code SOCK_STREAM}. */
  int SOCK_STREAM = 1;

  /** {@code SOCK_DGRAM}. */
  int SOCK_DGRAM = 2;

  /** {@code SCM_RIGHTS}: file descriptors, in a control message of level SOL_SOCKET. */
  int SCM_RIGHTS = 1;

  /** {@code MSG_NOSIGNAL}: fail with {@code EPIPE} instead of raising SIGPIPE. */
  int MSG_NOSIGNAL = 0x4000;

  /** {@code MSG_CMSG_CLOEXEC}: received descriptors are closed on exec. */
  int MSG_CMSG_CLOEXEC = 0x40000000;

  /** {@code AF_NETLINK} of {@code bits/socket.h}. */
  int AF_NETLINK = 16;

  /** {@code SOCK_RAW}. */
  int SOCK_RAW = 3;

  /** {@code SOCK_CLOEXEC}: closed when another program is executed. */
  int SOCK_CLOEXEC = 0x80000;

  /** {@code MSG_DONTWAIT}: fail with {@code EAGAIN} instead of waiting. */
  int MSG_DONTWAIT = 0x40;

  /** {@code MSG_TRUNC}: the datagram was longer than the room for it. */
  int MSG_TRUNC = 0x20;

  /** {@code MSG_WAITFORONE}: wait for the first datagram only, then take what is there. */
  int MSG_WAITFORONE = 0x10000;

  /** {@code SOL_SOCKET} of {@code asm-generic/socket.h}, as all the {@code SO_} names below. */
  int SOL_SOCKET = 1;

  /** {@code SO_SNDBUF}: bytes that may wait to be sent. */
  int SO_SNDBUF = 7;

  /** {@code SO_RCVBUF}: bytes that may wait to be read, up to {@code net.core.rmem_max}. */
  int SO_RCVBUF = 8;

  /** {@code SO_PEERCRED}: a {@code struct ucred}, who was at the other end of a unix socket. */
  int SO_PEERCRED = 17;

  /** {@code SO_PEERGROUPS}: {@code gid_t} each, the supplementary groups of who was there. */
  int SO_PEERGROUPS = 59;

  /** {@code SO_RCVTIMEO}: how long a receive waits, a {@code struct timeval}. */
  int SO_RCVTIMEO = 20;

  /** {@code SO_SNDTIMEO}: how long a send waits, a {@code struct timeval}. */
  int SO_SNDTIMEO = 21;

  /** {@code SO_ATTACH_FILTER}: a classic BPF program that decides what is received. */
  int SO_ATTACH_FILTER = 26;

  /** {@code SO_SNDBUFFORCE}: as SO_SNDBUF, above the limit, for CAP_NET_ADMIN. */
  int SO_SNDBUFFORCE = 32;

  /** {@code SO_RCVBUFFORCE}: as SO_RCVBUF, above the limit, for CAP_NET_ADMIN. */
  int SO_RCVBUFFORCE = 33;

  /** {@code SOL_NETLINK} of {@code linux/socket.h}. */
  int SOL_NETLINK = 270;

  /**
   * Opens a socket, {@code socket(2)}.
   *
   * @param domain the address family
   * @param type the kind of socket and its flags
   * @param protocol the protocol
   * @return a file descriptor, or -1
   */
  int socket(int domain, int type, int protocol);

  /**
   * Gives a socket its address, {@code bind(2)}.
   *
   * @param fd the socket
   * @param address a {@code struct sockaddr}
   * @param addressBytes its length
   * @return 0, or -1
   */
  int bind(int fd, Pointer address, int addressBytes);

  /**
   * Lets others connect to a socket, {@code listen(2)}.
   *
   * @param fd the socket
   * @param waiting how many may wait to be accepted
   * @return 0, or -1
   */
  int listen(int fd, int waiting);

  /**
   * Connects a socket, {@code connect(2)}.
   *
   * @param fd the socket
   * @param address a {@code struct sockaddr}
   * @param addressBytes its length
   * @return 0, or -1
   */
  int connect(int fd, Pointer address, int addressBytes);

  /**
   * Reads the address of a socket, {@code getsockname(2)}.
   *
   * @param fd the socket
   * @param address room for a {@code struct sockaddr}
   * @param addressBytes a {@code socklen_t}: room in, length out
   * @return 0, or -1
   */
  int getsockname(int fd, Pointer address, Pointer addressBytes);

  /**
   * Sets an option of a socket, {@code setsockopt(2)}.
   *
   * @param fd the socket
   * @param level for example {@link #SOL_SOCKET}
   * @param name the option
   * @param value its value
   * @param valueBytes length of the value
   * @return 0, or -1
   */
  int setsockopt(int fd, int level, int name, Pointer value, int valueBytes);

  /**
   * Reads an option of a socket, {@code getsockopt(2)}.
   *
   * @param fd the socket
   * @param level for example {@link #SOL_SOCKET}
   * @param name the option
   * @param value room for its value
   * @param valueBytes a {@code socklen_t}: room in, length out
   * @return 0, or -1
   */
  int getsockopt(int fd, int level, int name, Pointer value, Pointer valueBytes);

  /**
   * The effective user of this process, {@code geteuid(2)}.
   *
   * @return its number; does not fail
   */
  int geteuid();

  /**
   * Sends one datagram, {@code sendmsg(2)}.
   *
   * @param fd the socket
   * @param message a {@code struct msghdr}
   * @param flags {@code MSG_*}
   * @return how many bytes were sent, or -1
   */
  @ssize_t
  long sendmsg(int fd, Pointer message, int flags);

  /**
   * Receives bytes and control messages, {@code recvmsg(2)}.
   *
   * @param fd the socket
   * @param message a {@code struct msghdr}; its lengths and flags are set
   * @param flags {@code MSG_*}
   * @return how many bytes were received, or -1
   */
  @ssize_t
  long recvmsg(int fd, Pointer message, int flags);

  /**
   * Receives one datagram, {@code recv(2)}.
   *
   * @param fd the socket
   * @param into room for it
   * @param lengthBytes how much room
   * @param flags {@code MSG_*}
   * @return its length, or -1
   */
  @ssize_t
  long recv(int fd, Pointer into, @size_t long lengthBytes, int flags);

  /**
   * Receives several datagrams, {@code recvmmsg(2)}.
   *
   * @param fd the socket
   * @param messages an array of {@code struct mmsghdr}
   * @param count how many there are
   * @param flags {@code MSG_*}
   * @param timeout a {@code struct timespec}, or address 0
   * @return how many datagrams were received, or -1
   */
  int recvmmsg(int fd, Pointer messages, int count, int flags, Pointer timeout);

  /**
   * Opens a file that has no name, {@code memfd_create(2)}.
   *
   * @param name shown in {@code /proc/self/fd}
   * @param flags {@code MFD_*}
   * @return a file descriptor, or -1
   */
  int memfd_create(String name, int flags);

  /**
   * Closes a file descriptor, {@code close(2)}.
   *
   * @param fd the descriptor
   * @return 0, or -1
   */
  int close(int fd);

  /**
   * The one instance; loading happens at the first call.
   *
   * @return the C library of this process
   */
  static Libc get() {
    return LibcHolder.LIBC;
  }

  /**
   * The errno of the last call on this thread.
   *
   * @return a positive errno
   */
  static int lastError() {
    return LibcHolder.RUNTIME.getLastError();
  }

  /**
   * The runtime that pointers for these calls belong to.
   *
   * @return the one runtime of this process
   */
  static Runtime runtime() {
    return LibcHolder.RUNTIME;
  }

  /** Loads at first use, so that a mere constant of {@link Libc} loads nothing. */
  final class LibcHolder {
    private static final Libc LIBC = LibraryLoader.create(Libc.class).failImmediately().load("c");
    private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

    private LibcHolder() {}
  }
}
