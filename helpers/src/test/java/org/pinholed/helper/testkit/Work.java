package org.pinholed.helper.testkit;

/**
 * What a helper did, counted and not timed: bytes that it read through its cursors, calls of the
 * sink and of shared maps, memory that it allocated. What it does within collections of its own is
 * not seen, unless it allocates.
 */
public final class Work {
  private long readBytes;
  private long calls;
  private long allocatedBytes;
  private long mostReadBytes = Long.MAX_VALUE;

  /** Makes one of nothing done. */
  public Work() {}

  void limit(long most) {
    mostReadBytes = most;
  }

  void read(long bytes) {
    readBytes += bytes;
    if (readBytes > mostReadBytes) {
      throw new AssertionError("reads more than " + mostReadBytes + " bytes: work without end");
    }
  }

  void call() {
    calls++;
  }

  void allocated(long bytes) {
    allocatedBytes += bytes;
  }

  /**
   * How many bytes were read.
   *
   * @return each as often as it was read
   */
  public long readBytes() {
    return readBytes;
  }

  long calls() {
    return calls;
  }

  long allocatedBytes() {
    return allocatedBytes;
  }
}
