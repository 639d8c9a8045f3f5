package org.pinholed.kernel.netlink;

/** The errno values of Linux that are met here, by the names of {@code errno.h}. */
public final class Errno {
  /** Operation not permitted: another socket owns the queue or table. */
  public static final int EPERM = 1;

  /** No such object. */
  public static final int ENOENT = 2;

  /** A signal arrived. */
  public static final int EINTR = 4;

  /** Nothing to read within the timeout. */
  public static final int EAGAIN = 11;

  /** No memory. */
  public static final int ENOMEM = 12;

  /** Permission denied. */
  public static final int EACCES = 13;

  /** Busy, for example a queue number that is in use. */
  public static final int EBUSY = 16;

  /** The object exists. */
  public static final int EEXIST = 17;

  /** The reverse path filter refuses the source of a packet. */
  public static final int EXDEV = 18;

  /** No such device. */
  public static final int ENODEV = 19;

  /** Invalid argument. */
  public static final int EINVAL = 22;

  /** The set is full. */
  public static final int ENFILE = 23;

  /** The table is full. */
  public static final int EMFILE = 24;

  /** No room. */
  public static final int ENOSPC = 28;

  /** The value is out of its range. */
  public static final int ERANGE = 34;

  /** The generation of the ruleset changed in between. */
  public static final int ERESTART = 85;

  /** Message longer than the send buffer. */
  public static final int EMSGSIZE = 90;

  /** The kernel has no such protocol of sockets. */
  public static final int EPROTONOSUPPORT = 93;

  /** The kernel does not know this. */
  public static final int EOPNOTSUPP = 95;

  /** The receive buffer overran; messages were lost. */
  public static final int ENOBUFS = 105;

  /** No answer came within the receive timeout. */
  public static final int ETIMEDOUT = 110;

  /** The same thing is under way already. */
  public static final int EALREADY = 114;

  /** No route leads there. */
  public static final int ENETUNREACH = 101;

  /** The route that leads there is one that refuses. */
  public static final int EHOSTUNREACH = 113;

  /** The answer has lengths that lie. */
  public static final int EBADMSG = 74;

  private Errno() {}

  /**
   * The symbol of an errno.
   *
   * @param errno a positive errno
   * @return for example {@code "ENOENT"}, or the number for one that has no name here
   */
  public static String describe(int errno) {
    return switch (errno) {
      case EPERM -> "EPERM";
      case ENOENT -> "ENOENT";
      case EINTR -> "EINTR";
      case EAGAIN -> "EAGAIN";
      case ENOMEM -> "ENOMEM";
      case EACCES -> "EACCES";
      case EBUSY -> "EBUSY";
      case EEXIST -> "EEXIST";
      case EXDEV -> "EXDEV";
      case ENODEV -> "ENODEV";
      case EINVAL -> "EINVAL";
      case ENFILE -> "ENFILE";
      case EMFILE -> "EMFILE";
      case ERANGE -> "ERANGE";
      case ERESTART -> "ERESTART";
      case EMSGSIZE -> "EMSGSIZE";
      case EOPNOTSUPP -> "EOPNOTSUPP";
      case EPROTONOSUPPORT -> "EPROTONOSUPPORT";
      case ENOBUFS -> "ENOBUFS";
      case ETIMEDOUT -> "ETIMEDOUT";
      case EALREADY -> "EALREADY";
      case EBADMSG -> "EBADMSG";
      case ENETUNREACH -> "ENETUNREACH";
      case EHOSTUNREACH -> "EHOSTUNREACH";
      default -> String.valueOf(errno);
    };
  }
}
