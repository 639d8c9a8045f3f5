package org.pinholed.kernel.libc;

/**
 * Offsets and sizes in bytes of the structures that are handed to the C library, for the LP64 ABI
 * of Linux (x86_64 and aarch64; the same in glibc and musl).
 *
 * <p>Sources: {@code bits/types/struct_iovec.h}, {@code bits/socket.h} (msghdr), {@code
 * sys/socket.h} (mmsghdr), {@code linux/netlink.h} (sockaddr_nl), {@code linux/filter.h}
 * (sock_fprog, sock_filter).
 */
public final class StructLayout {
  /** {@code struct iovec.iov_base}, a pointer. */
  public static final int IOVEC_BASE = 0;

  /** {@code struct iovec.iov_len}, a size_t. */
  public static final int IOVEC_LEN = 8;

  /** Size of {@code struct iovec}. */
  public static final int IOVEC_BYTES = 16;

  /** {@code struct msghdr.msg_name}, a pointer. */
  public static final int MSGHDR_NAME = 0;

  /** {@code struct msghdr.msg_namelen}, a u32, padded. */
  public static final int MSGHDR_NAMELEN = 8;

  /** {@code struct msghdr.msg_iov}, a pointer. */
  public static final int MSGHDR_IOV = 16;

  /** {@code struct msghdr.msg_iovlen}, a size_t. */
  public static final int MSGHDR_IOVLEN = 24;

  /** {@code struct msghdr.msg_control}, a pointer. */
  public static final int MSGHDR_CONTROL = 32;

  /** {@code struct msghdr.msg_controllen}, a size_t. */
  public static final int MSGHDR_CONTROLLEN = 40;

  /** {@code struct msghdr.msg_flags}, an int, padded. */
  public static final int MSGHDR_FLAGS = 48;

  /** Size of {@code struct msghdr}. */
  public static final int MSGHDR_BYTES = 56;

  /** {@code struct mmsghdr.msg_len}, an unsigned int behind the msghdr. */
  public static final int MMSGHDR_LEN = 56;

  /** Size of {@code struct mmsghdr}. */
  public static final int MMSGHDR_BYTES = 64;

  /** {@code struct cmsghdr.cmsg_len}, a size_t: header and data. */
  public static final int CMSGHDR_LEN = 0;

  /** {@code struct cmsghdr.cmsg_level}, an int. */
  public static final int CMSGHDR_LEVEL = 8;

  /** {@code struct cmsghdr.cmsg_type}, an int. */
  public static final int CMSGHDR_TYPE = 12;

  /** Size of {@code struct cmsghdr}; the data follows at once. */
  public static final int CMSGHDR_BYTES = 16;

  /** {@code struct sockaddr_nl.nl_family}, a u16, padded. */
  public static final int SOCKADDR_NL_FAMILY = 0;

  /** {@code struct sockaddr_nl.nl_pid}, a u32; {@code nl_groups} is at 8. */
  public static final int SOCKADDR_NL_PID = 4;

  /** Size of {@code struct sockaddr_nl}. */
  public static final int SOCKADDR_NL_BYTES = 12;

  /** Size of {@code struct timeval}: seconds and microseconds, 8 bytes each. */
  public static final int TIMEVAL_BYTES = 16;

  /** {@code struct sock_fprog.filter}, a pointer; {@code len} (u16) is at 0. */
  public static final int SOCK_FPROG_FILTER = 8;

  /** Size of {@code struct sock_fprog}. */
  public static final int SOCK_FPROG_BYTES = 16;

  /** Size of {@code struct sock_filter}: u16 code, u8 jt, u8 jf, u32 k. */
  public static final int SOCK_FILTER_BYTES = 8;

  private StructLayout() {}
}
