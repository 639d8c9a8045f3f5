package org.pinholed.helper.testkit;

import java.nio.ByteBuffer;
import org.pinholed.helper.ByteCursor;

/** Counts what is read through it, and lets nobody read outside of its slice. */
public final class CountingCursor extends ByteCursor {
  private final Work work;
  private int start;

  /**
   * Makes a cursor over nothing; see {@link #over}.
   *
   * @param work takes what is read
   */
  public CountingCursor(Work work) {
    this.work = work;
  }

  /**
   * Begins a slice, as {@link ByteCursor#wrap} does.
   *
   * @param source where the bytes are
   * @param offset index of the first byte
   * @param lengthBytes how many
   * @param firstStreamOffset offset of the first byte from the start of its stream
   * @return this cursor
   */
  public ByteCursor over(ByteBuffer source, int offset, int lengthBytes, long firstStreamOffset) {
    start = offset;
    return wrap(source, offset, lengthBytes, firstStreamOffset);
  }

  @Override
  public ByteCursor another() {
    return new CountingCursor(work);
  }

  @Override
  protected boolean has(int lengthBytes) {
    work.read(1); // also where nothing is left: a loop by a count that was sent ends here
    return super.has(lengthBytes);
  }

  @Override
  public int u8At(int index) {
    if (index < start || index >= limit()) {
      throw new IndexOutOfBoundsException(
          "byte " + index + " of " + start + ".." + limit() + ": outside of what was given");
    }
    work.read(1);
    return super.u8At(index);
  }

  @Override
  public void copyTo(byte[] target, int offset, int lengthBytes) {
    work.read(Math.min(lengthBytes, remaining()));
    super.copyTo(target, offset, lengthBytes);
  }
}
