package org.pinholed.kernel.testing;

import java.io.IOException;
import jnr.ffi.LibraryLoader;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.unix.Descriptors;

/** Has a descriptor number used again, which otherwise happens by chance alone. */
public final class DescriptorNumbers {
  /** {@code O_CLOEXEC} of {@code asm-generic/fcntl.h}. */
  private static final int O_CLOEXEC = 0x80000;

  private DescriptorNumbers() {}

  /** The call that only a test needs. */
  public interface Duplication {
    /**
     * {@code dup3(2)}.
     *
     * @param from a descriptor
     * @param to another number for its file; what had that number is closed
     * @param flags {@code O_CLOEXEC} or 0
     * @return {@code to} or -1
     */
    int dup3(int from, int to, int flags);
  }

  /**
   * Closes a descriptor and gives its number to another file, in one step: no other thread can open
   * a file in between and get the number.
   *
   * @param descriptor number of what is closed
   * @param other descriptor of the other file; has that number only, from now on
   * @return {@code descriptor}
   * @throws IOException if the kernel refuses
   */
  public static int giveTo(int descriptor, int other) throws IOException {
    Duplication calls = LibraryLoader.create(Duplication.class).load("c");
    int same = calls.dup3(other, descriptor, O_CLOEXEC);
    int errno = Libc.lastError();
    Descriptors.close(other);
    if (same != descriptor) {
      throw new IOException("dup3: errno " + errno);
    }
    return same;
  }
}
