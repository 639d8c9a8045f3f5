package org.pinholed.kernel.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import jnr.ffi.Pointer;
import org.pinholed.kernel.libc.Libc;
import org.pinholed.kernel.libc.StructLayout;

/**
 * Room for several received datagrams in one direct buffer, each in its own slot, and the {@code
 * struct mmsghdr} array that tells {@code recvmmsg} of it.
 *
 * <p>Made once and re-used: what the last {@link NetlinkSocket#receiveBatch} left is overwritten by
 * the next. Not thread-safe. Pages of slots that were never filled cost no memory.
 */
public final class DatagramBatch {
  private final int slots;
  private final int slotBytes;
  private final ByteBuffer arena;
  private final ByteBuffer headers;
  private final Pointer headersPointer;
  private int count;

  /**
   * Makes an empty batch.
   *
   * @param slots how many datagrams at most, 1..1024 ({@code UIO_MAXIOV})
   * @param slotBytes room for each, 64..1 MiB; a longer datagram is cut
   */
  public DatagramBatch(int slots, int slotBytes) {
    Ranges.require("slots", slots, 1, 1024);
    Ranges.require("slotBytes", slotBytes, 64, 1 << 20);
    this.slots = slots;
    // Attributes are read as 4-byte words at multiples of four from the start of the datagram.
    this.slotBytes = (slotBytes + 7) & ~7;
    arena = direct(slots * this.slotBytes);
    // The iovecs stand behind the headers in the same buffer, so that they live as long.
    int vectorsAt = slots * StructLayout.MMSGHDR_BYTES;
    headers = direct(vectorsAt + slots * StructLayout.IOVEC_BYTES);
    headersPointer = Pointer.wrap(Libc.runtime(), headers);
    long arenaAddress = Pointer.wrap(Libc.runtime(), arena).address();
    for (int i = 0; i < slots; i++) {
      int vectorAt = vectorsAt + i * StructLayout.IOVEC_BYTES;
      headers.putLong(vectorAt + StructLayout.IOVEC_BASE, arenaAddress + (long) i * this.slotBytes);
      headers.putLong(vectorAt + StructLayout.IOVEC_LEN, this.slotBytes);
      int headerAt = i * StructLayout.MMSGHDR_BYTES;
      headers.putLong(headerAt + StructLayout.MSGHDR_IOV, headersPointer.address() + vectorAt);
      headers.putLong(headerAt + StructLayout.MSGHDR_IOVLEN, 1);
    }
  }

  /**
   * How many datagrams the last receive brought.
   *
   * @return 0..{@link #slots}
   */
  public int count() {
    return count;
  }

  /**
   * How many datagrams fit.
   *
   * @return 1..1024
   */
  public int slots() {
    return slots;
  }

  /**
   * Where a datagram starts in {@link #buffer}.
   *
   * @param index 0 to {@link #count} - 1
   * @return an index, a multiple of eight
   */
  public int offset(int index) {
    return Objects.checkIndex(index, count) * slotBytes;
  }

  /**
   * Length of a datagram, as far as it fitted.
   *
   * @param index 0 to {@link #count} - 1
   * @return length in bytes
   */
  public int lengthBytes(int index) {
    int lengthBytes =
        headers.getInt(
            Objects.checkIndex(index, count) * StructLayout.MMSGHDR_BYTES
                + StructLayout.MMSGHDR_LEN);
    return Math.min(lengthBytes, slotBytes);
  }

  /**
   * Whether a datagram was longer than its slot ({@code MSG_TRUNC}).
   *
   * @param index 0 to {@link #count} - 1
   * @return true if its end is lost
   */
  public boolean isCut(int index) {
    int flags =
        headers.getInt(
            Objects.checkIndex(index, count) * StructLayout.MMSGHDR_BYTES
                + StructLayout.MSGHDR_FLAGS);
    return (flags & Libc.MSG_TRUNC) != 0;
  }

  /**
   * The buffer of all datagrams.
   *
   * @return a direct buffer in the byte order of the machine, owned by this batch
   */
  public ByteBuffer buffer() {
    return arena;
  }

  Pointer headersPointer() {
    return headersPointer;
  }

  void received(int datagrams) {
    count = datagrams;
  }

  // What the kernel does: one more datagram, cut if it is too long. For transports that are not the
  // kernel's.
  void add(byte[] datagram) {
    int slot = count++;
    int kept = Math.min(datagram.length, slotBytes);
    arena.put(slot * slotBytes, datagram, 0, kept);
    int headerAt = slot * StructLayout.MMSGHDR_BYTES;
    headers.putInt(headerAt + StructLayout.MMSGHDR_LEN, kept);
    headers.putInt(
        headerAt + StructLayout.MSGHDR_FLAGS, kept < datagram.length ? Libc.MSG_TRUNC : 0);
  }

  private static ByteBuffer direct(int capacityBytes) {
    return ByteBuffer.allocateDirect(capacityBytes).order(ByteOrder.nativeOrder());
  }
}
