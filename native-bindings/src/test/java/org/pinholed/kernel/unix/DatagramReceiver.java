package org.pinholed.kernel.unix;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.libc.StructLayout;

/** The other end of a {@link DatagramSender}, as a service manager has it. */
public final class DatagramReceiver implements AutoCloseable {
  private static final int ROOM_BYTES = 4096;
  private static final long PATIENCE_SECONDS = 5;

  private final Libc libc = Libc.get();
  private final int fd;

  private DatagramReceiver(int fd) {
    this.fd = fd;
  }

  /**
   * Listens.
   *
   * @param address a path where no file is, or a name behind {@code @}
   * @return an open socket
   * @throws IOException if the kernel refuses
   */
  public static DatagramReceiver open(String address) throws IOException {
    byte[] bytes = address.getBytes(StandardCharsets.UTF_8);
    if (bytes[0] == '@') {
      bytes[0] = 0;
    }
    ByteBuffer name = DescriptorSocket.direct(2 + bytes.length);
    name.putShort(0, (short) Libc.AF_UNIX).put(2, bytes);
    int fd = Libc.get().socket(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
    DatagramReceiver receiver = new DatagramReceiver(fd);
    ByteBuffer timeval = DescriptorSocket.direct(StructLayout.TIMEVAL_BYTES);
    timeval.putLong(0, PATIENCE_SECONDS);
    if (Libc.get().bind(fd, DescriptorSocket.pointer(name), name.capacity()) < 0
        || Libc.get()
                .setsockopt(
                    fd,
                    Libc.SOL_SOCKET,
                    Libc.SO_RCVTIMEO,
                    DescriptorSocket.pointer(timeval),
                    timeval.capacity())
            < 0) {
      int errno = Libc.lastError();
      receiver.close();
      throw new IOException(address + ": errno " + errno);
    }
    return receiver;
  }

  /**
   * Waits for a datagram.
   *
   * @return its text, and the descriptors that came with it, owned by the caller
   * @throws IOException if none came for 5 s
   */
  public DescriptorSocket.Received receive() throws IOException {
    ByteBuffer data = DescriptorSocket.direct(ROOM_BYTES);
    ByteBuffer control = DescriptorSocket.direct(DescriptorSocket.CONTROL_BYTES);
    ByteBuffer vector = DescriptorSocket.direct(StructLayout.IOVEC_BYTES);
    ByteBuffer header =
        DescriptorSocket.header(
            vector, data, 0, ROOM_BYTES, control, DescriptorSocket.CONTROL_BYTES);
    try {
      long count = libc.recvmsg(fd, DescriptorSocket.pointer(header), Libc.MSG_CMSG_CLOEXEC);
      if (count < 0) {
        throw new IOException("no datagram came: errno " + Libc.lastError());
      }
      List<Integer> descriptors = new ArrayList<>();
      DescriptorSocket.take(
          control, (int) header.getLong(StructLayout.MSGHDR_CONTROLLEN), descriptors);
      byte[] bytes = new byte[(int) count];
      data.get(0, bytes);
      return new DescriptorSocket.Received(
          new String(bytes, StandardCharsets.UTF_8), List.copyOf(descriptors));
    } finally {
      Reference.reachabilityFence(vector);
    }
  }

  @Override
  public void close() {
    libc.close(fd);
  }
}
