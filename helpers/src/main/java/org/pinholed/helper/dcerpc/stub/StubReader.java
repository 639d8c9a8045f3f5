package org.pinholed.helper.dcerpc.stub;

import java.nio.ByteOrder;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * Reads the arguments of one call, in NDR (C706 chapter 14) or NDR64 (MS-RPCE 2.2.5). Numbers are
 * aligned to their size, counted from the first byte of the stub.
 *
 * <p>It never reads behind the end: then it gives 0 and {@link #ok()} is false for good, as a
 * {@link ByteCursor} does. Not thread-safe; one per flow, re-used by {@link #wrap}.
 */
public final class StubReader {
  private final ByteCursor bytes;
  private ByteOrder order = ByteOrder.LITTLE_ENDIAN;
  private Syntax syntax = Syntax.NDR;
  private int start;

  /**
   * Makes a reader over nothing.
   *
   * @param bytes what it reads through; it belongs to the reader from now on
   */
  public StubReader(ByteCursor bytes) {
    this.bytes = bytes;
  }

  /**
   * Begins a stub.
   *
   * @param source the bytes it stands in
   * @param index index of its first byte
   * @param lengthBytes how long it is
   * @param byteOrder that of its numbers, as the header of its PDU says
   * @param transferSyntax the one that was accepted for its context
   * @return this reader
   */
  public StubReader wrap(
      ByteCursor source, int index, int lengthBytes, ByteOrder byteOrder, Syntax transferSyntax) {
    start = index;
    syntax = transferSyntax;
    order = byteOrder;
    bytes.wrap(source, index, lengthBytes);
    bytes.order(byteOrder);
    return this;
  }

  /**
   * Has the numbers from here on read in another order. Some parts of a stub have one of their own.
   *
   * @param byteOrder that order
   */
  public void order(ByteOrder byteOrder) {
    order = byteOrder;
    bytes.order(byteOrder);
  }

  /**
   * The order in which numbers are read now.
   *
   * @return as the header of the PDU said, or as it was set
   */
  public ByteOrder order() {
    return order;
  }

  /**
   * How counts and pointers are written here.
   *
   * @return the transfer syntax
   */
  public Syntax syntax() {
    return syntax;
  }

  /**
   * Has the counts and pointers from here on read in another syntax. What is written into a stub as
   * mere bytes has one of its own.
   *
   * @param transferSyntax that syntax
   */
  public void syntax(Syntax transferSyntax) {
    syntax = transferSyntax;
  }

  /**
   * Whether every read so far was inside of the stub.
   *
   * @return false for good after one that was not
   */
  public boolean ok() {
    return bytes.ok();
  }

  /**
   * Where the next byte is.
   *
   * @return bytes from the first one of the stub
   */
  public int position() {
    return bytes.position() - start;
  }

  /**
   * What is left.
   *
   * @return length in bytes
   */
  public int remaining() {
    return bytes.remaining();
  }

  /**
   * Goes to the next multiple of a size.
   *
   * @param size a power of two
   */
  public void align(int size) {
    alignFrom(0, size);
  }

  /**
   * Goes forward until the distance from a place is a multiple of a size.
   *
   * @param from a position at or before this one
   * @param size a power of two
   */
  public void alignFrom(int from, int size) {
    bytes.skip(-(position() - from) & (size - 1));
  }

  /**
   * Goes forward.
   *
   * @param lengthBytes how far; below zero or beyond the end makes {@link #ok()} false
   */
  public void skip(long lengthBytes) {
    bytes.skip(lengthBytes > remaining() ? -1 : (int) lengthBytes);
  }

  /**
   * Makes what follows unreadable: it has been found to be wrong.
   *
   * <p>Every read gives 0 from now on.
   */
  public void fail() {
    bytes.skip(-1);
  }

  /**
   * Reads a byte.
   *
   * @return 0..255
   */
  public int u8() {
    return bytes.u8();
  }

  /**
   * Reads a number of two bytes where it stands; what is not aligned in this format, such as the
   * floors of a tower, is read so, too.
   *
   * @return 0..65535
   */
  public int u16() {
    return bytes.u16();
  }

  /**
   * Reads a number of four bytes where it stands.
   *
   * @return 0..2^32-1
   */
  public long u32() {
    return bytes.u32();
  }

  /**
   * Reads a number of eight bytes where it stands.
   *
   * @return all 64 bits
   */
  public long u64() {
    return bytes.u64();
  }

  /**
   * Reads a number of four bytes, aligned.
   *
   * @return 0..2^32-1
   */
  public long alignedU32() {
    align(4);
    return bytes.u32();
  }

  /**
   * Reads the count of an array, aligned: of four bytes in NDR, of eight in NDR64.
   *
   * @return 0 or more; what is 2^63 or more makes {@link #ok()} false
   */
  public long count() {
    if (syntax == Syntax.NDR) {
      return alignedU32();
    }
    align(8);
    long count = bytes.u64();
    if (count < 0) {
      fail();
      return 0;
    }
    return count;
  }

  /**
   * Reads a pointer, aligned: of four bytes in NDR, of eight in NDR64.
   *
   * @return whether it points to something: its value says no more than that
   */
  public boolean pointer() {
    if (syntax == Syntax.NDR) {
      return alignedU32() != 0;
    }
    align(8);
    return bytes.u64() != 0;
  }

  /**
   * Reads the first half of a UUID where it stands: a number of four bytes and two of two, each in
   * the order of the stub.
   *
   * @return as it is written, the first digit in the highest bits
   */
  public long uuidHigh() {
    long timeLow = bytes.u32();
    long timeMid = bytes.u16();
    return timeLow << 32 | timeMid << 16 | bytes.u16();
  }

  /**
   * Reads the other half: eight bytes, which have no order.
   *
   * @return as it is written
   */
  public long uuidLow() {
    bytes.order(ByteOrder.BIG_ENDIAN);
    long low = bytes.u64();
    bytes.order(order);
    return low;
  }

  /**
   * Reads an IPv4 address, in network order.
   *
   * @return its four bytes
   */
  public int ipv4() {
    bytes.order(ByteOrder.BIG_ENDIAN);
    int address = (int) bytes.u32();
    bytes.order(order);
    return address;
  }

  /**
   * Reads a port, in network order.
   *
   * @return 0..65535
   */
  public int port() {
    bytes.order(ByteOrder.BIG_ENDIAN);
    int port = bytes.u16();
    bytes.order(order);
    return port;
  }

  /**
   * A character of a text of two bytes each, wherever the reader stands.
   *
   * @param at position of its first byte, before the end by two at least
   * @return 0..65535
   */
  public int unitAt(int at) {
    int first = bytes.u8At(start + at);
    int second = bytes.u8At(start + at + 1);
    return order == ByteOrder.LITTLE_ENDIAN ? second << 8 | first : first << 8 | second;
  }

  /**
   * A text of two bytes a character, wherever the reader stands.
   *
   * @param at position of its first byte
   * @param units how many characters, all of them inside of the stub
   * @return the text
   */
  public String text(int at, int units) {
    StringBuilder text = new StringBuilder(units);
    for (int unit = 0; unit < units; unit++) {
      text.append((char) unitAt(at + 2 * unit));
    }
    return text.toString();
  }
}
