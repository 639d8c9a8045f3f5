package org.pinholed.helper.dcerpc.stub;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.dcerpc.words.Syntax;
import org.pinholed.helper.dcerpc.words.Uuid;
import org.pinholed.helper.testkit.CountingCursor;
import org.pinholed.helper.testkit.Work;

/** Writes stubs as {@link StubReader} reads them, and remembers where they count something. */
public final class StubWriter {
  /** Bytes before each stub, so that a position is never an index. */
  private static final int BEFORE = 3;

  /** What is tried for a count or a length, besides one more and one less. */
  private static final long[] HOSTILE = {
    0,
    1,
    2,
    3,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffffL,
    0x8000_0000L,
    0xffff_fffeL,
    0xffff_ffffL,
    0x1_0000_0000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -1
  };

  private record Field(int offset, int width, ByteOrder order, long value) {}

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final List<Field> counts = new ArrayList<>();
  private final Syntax syntax;
  private ByteOrder order;
  private int origin;

  public StubWriter(ByteOrder order, Syntax syntax) {
    this.order = order;
    this.syntax = syntax;
  }

  public Syntax syntax() {
    return syntax;
  }

  public ByteOrder order() {
    return order;
  }

  public StubWriter order(ByteOrder next) {
    order = next;
    return this;
  }

  /** From here on alignment is counted. */
  public StubWriter originHere() {
    origin = bytes.size();
    return this;
  }

  public int position() {
    return bytes.size();
  }

  public StubWriter align(int size) {
    while ((bytes.size() - origin) % size != 0) {
      bytes.write(0);
    }
    return this;
  }

  private StubWriter number(long value, int width) {
    for (int at = 0; at < width; at++) {
      int significance = order == ByteOrder.LITTLE_ENDIAN ? at : width - 1 - at;
      bytes.write((int) (value >>> (8 * significance)));
    }
    return this;
  }

  private StubWriter counted(long value, int width) {
    counts.add(new Field(bytes.size(), width, order, value));
    return number(value, width);
  }

  public StubWriter u8(int value) {
    return number(value, 1);
  }

  public StubWriter u16(int value) {
    return number(value, 2);
  }

  public StubWriter u32(long value) {
    return align(4).number(value, 4);
  }

  public StubWriter u64(long value) {
    return align(8).number(value, 8);
  }

  /** A length or count of two bytes, where it stands. */
  public StubWriter length16(int value) {
    return counted(value, 2);
  }

  /** A length or count of four bytes, aligned. */
  public StubWriter length32(long value) {
    return align(4).counted(value, 4);
  }

  /** A count of an array. */
  public StubWriter count(long value) {
    return syntax == Syntax.NDR ? length32(value) : align(8).counted(value, 8);
  }

  public StubWriter pointer(long value) {
    return syntax == Syntax.NDR ? u32(value) : u64(value);
  }

  public StubWriter uuid(String text) {
    Uuid uuid = Objects.requireNonNull(Uuid.parse(text), text);
    number(uuid.high() >>> 32, 4).number(uuid.high() >>> 16, 2).number(uuid.high(), 2);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.write((int) (uuid.low() >>> shift));
    }
    return this;
  }

  public StubWriter raw(byte... some) {
    bytes.writeBytes(some);
    return this;
  }

  public StubWriter ascii(String text) {
    return raw(text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Two bytes a character. */
  public StubWriter units(String text) {
    text.chars().forEach(this::u16);
    return this;
  }

  public byte[] toBytes() {
    return bytes.toByteArray();
  }

  /** Stubs that are this one but for one count or length. */
  public List<byte[]> lies() {
    List<byte[]> lies = new ArrayList<>();
    for (Field field : counts) {
      lies.add(lie(field, field.value() + 1));
      lies.add(lie(field, field.value() - 1));
      for (long value : HOSTILE) {
        lies.add(lie(field, value));
      }
    }
    return lies;
  }

  private byte[] lie(Field field, long value) {
    byte[] lie = bytes.toByteArray();
    for (int at = 0; at < field.width(); at++) {
      boolean little = field.order() == ByteOrder.LITTLE_ENDIAN;
      int significance = little ? at : field.width() - 1 - at;
      lie[field.offset() + at] = (byte) (value >>> (8 * significance));
    }
    return lie;
  }

  public StubReader reader() {
    return reader(toBytes(), order, syntax);
  }

  /** A reader over a stub. */
  public static StubReader reader(byte[] stub, ByteOrder order, Syntax syntax) {
    return reader(new ByteCursor(), stub, order, syntax);
  }

  /** A reader that counts its work and throws where something is read behind the stub. */
  public static StubReader reader(Work work, byte[] stub, ByteOrder order, Syntax syntax) {
    CountingCursor cursor = new CountingCursor(work);
    return reader(cursor, stub, order, syntax);
  }

  private static StubReader reader(ByteCursor cursor, byte[] stub, ByteOrder order, Syntax syntax) {
    ByteBuffer buffer = ByteBuffer.allocate(BEFORE + stub.length);
    buffer.put(BEFORE, stub);
    return new StubReader(cursor)
        .wrap(
            new ByteCursor().wrap(buffer, BEFORE, stub.length, 0),
            BEFORE,
            stub.length,
            order,
            syntax);
  }
}
