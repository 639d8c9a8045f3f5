package org.pinholed.kernel.netlink;

import java.io.IOException;

/**
 * The kernel refused a netlink request, or a system call on its socket failed.
 *
 * <p>The message names the operation, the errno and, where the kernel sent one, its own text
 * (extended acknowledgement, {@code NLMSGERR_ATTR_MSG}).
 */
public final class NetlinkException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final int failedMessage;
  private final String kernelText;

  /**
   * Makes the exception.
   *
   * @param operation what was asked, in words, for example {@code "nftables: add element once4"}
   * @param errno the positive errno
   * @param kernelText the kernel's own text, or an empty string
   */
  public NetlinkException(String operation, int errno, String kernelText) {
    this(operation, errno, kernelText, -1);
  }

  /**
   * Makes the exception for one message of several that were sent together.
   *
   * @param operation what was asked, in words
   * @param errno the positive errno
   * @param kernelText the kernel's own text, or an empty string
   * @param failedMessage which message of the send was refused, counted from 0; -1 if unknown
   */
  public NetlinkException(String operation, int errno, String kernelText, int failedMessage) {
    super(
        operation
            + ": errno "
            + errno
            + " ("
            + Errno.describe(errno)
            + ")"
            + (kernelText.isEmpty() ? "" : ": " + kernelText));
    this.errno = errno;
    this.failedMessage = failedMessage;
    this.kernelText = kernelText;
  }

  /**
   * The kernel's own text.
   *
   * @return as the extended acknowledgement said, or an empty string
   */
  public String kernelText() {
    return kernelText;
  }

  /**
   * Which message of the send the kernel refused first.
   *
   * @return its place, counted from 0; -1 if that is not known
   */
  public int failedMessage() {
    return failedMessage;
  }

  /**
   * The errno.
   *
   * @return a positive number, for example {@link Errno#ENOENT}
   */
  public int errno() {
    return errno;
  }
}
