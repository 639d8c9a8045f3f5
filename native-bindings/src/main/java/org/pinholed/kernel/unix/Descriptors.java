package org.pinholed.kernel.unix;

import java.io.IOException;
import java.nio.file.Path;
import org.pinholed.kernel.libc.Libc;

/** File descriptors that are no sockets, or of which it is not known. */
public final class Descriptors {
  private static final int MFD_CLOEXEC = 1;

  private Descriptors() {}

  /**
   * Makes a file in memory that has no name and is gone with its last descriptor.
   *
   * @param name shown to who looks into {@code /proc}
   * @return its descriptor, owned by the caller
   * @throws IOException if the kernel refuses
   */
  public static int newMemoryFile(String name) throws IOException {
    int descriptor = Libc.get().memfd_create(name, MFD_CLOEXEC);
    if (descriptor < 0) {
      throw new IOException("memfd_create: errno " + Libc.lastError());
    }
    return descriptor;
  }

  /**
   * Where the file of a descriptor of this process is found: to read and to write it, also one in
   * memory; as a link it says which file that is.
   *
   * @param descriptor of a file, 0 or more
   * @return a link in {@code /proc}, see {@code proc(5)}; not there once it is closed
   */
  public static Path link(int descriptor) {
    return Path.of("/proc/self/fd", Integer.toString(descriptor));
  }

  /**
   * Closes a descriptor.
   *
   * @param descriptor owned by the caller
   */
  public static void close(int descriptor) {
    Libc.get().close(descriptor);
  }
}
