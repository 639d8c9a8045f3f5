package org.pinholed.kernel.unix;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.pinholed.kernel.libc.Libc;

/**
 * A name that one process of a network namespace can have at a time: an abstract address of
 * unix(7). The kernel gives it back when the process ends, however that is. Anybody may take a name
 * first, so who has it is told. Thread-safe; whoever took it closes it.
 */
public final class NamespaceName implements AutoCloseable {
  private static final int EADDRINUSE = 98;

  /** {@code SOCK_NONBLOCK}: who asks too often is not told, and does not wait. */
  private static final int SOCK_NONBLOCK = 0x800;

  /** Those who ask stay in the queue, for nobody accepts them: as many as the kernel allows. */
  private static final int ASKING_MAX = 4096;

  private final Libc libc = Libc.get();
  private final int fd;
  private boolean closed;

  private NamespaceName(int fd) {
    this.fd = fd;
  }

  /**
   * Takes a name in the network namespace of the calling thread.
   *
   * @param name 1..100 characters of ASCII
   * @return the name, held until it is closed; empty if somebody else has it
   * @throws IOException if the kernel refuses
   */
  public static Optional<NamespaceName> take(String name) throws IOException {
    Libc libc = Libc.get();
    int fd = libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
    if (fd < 0) {
      throw new IOException("unix socket: socket: errno " + Libc.lastError());
    }
    NamespaceName taken = new NamespaceName(fd);
    ByteBuffer address = address(name);
    if (libc.bind(fd, DescriptorSocket.pointer(address), address.capacity()) != 0) {
      int errno = Libc.lastError();
      taken.close();
      if (errno == EADDRINUSE) {
        return Optional.empty();
      }
      throw new IOException("unix socket @" + name + ": bind: errno " + errno);
    }
    // Nothing is accepted: it listens so that the kernel tells whoever connects who this is.
    if (libc.listen(fd, ASKING_MAX) != 0) {
      int errno = Libc.lastError();
      taken.close();
      throw new IOException("unix socket @" + name + ": listen: errno " + errno);
    }
    return Optional.of(taken);
  }

  /**
   * Who has a name.
   *
   * @param name the name
   * @return the process; empty if nobody has it, or he does not let himself be asked
   */
  public static Optional<DescriptorSocket.Peer> holder(String name) {
    Libc libc = Libc.get();
    int fd = libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      return Optional.empty();
    }
    try {
      ByteBuffer address = address(name);
      if (libc.connect(fd, DescriptorSocket.pointer(address), address.capacity()) != 0) {
        return Optional.empty();
      }
      return Optional.of(DescriptorSocket.of(fd).peer());
    } catch (IOException e) {
      return Optional.empty();
    } finally {
      libc.close(fd);
    }
  }

  private static ByteBuffer address(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
    if (bytes.length < 1 || bytes.length > 100) {
      throw new IllegalArgumentException("name: " + name + " (expected: 1..100 characters)");
    }
    // a 0 before the name, none behind it
    return DescriptorSocket.direct(3 + bytes.length)
        .putShort(0, (short) Libc.AF_UNIX)
        .put(3, bytes);
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      libc.close(fd);
    }
  }
}
