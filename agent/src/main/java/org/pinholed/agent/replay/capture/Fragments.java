package org.pinholed.agent.replay.capture;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Puts IP fragments together as the kernel does before anybody of netfilter sees them (RFC 791
 * section 3.2, RFC 8200 section 4.5): pieces that overlap spoil their packet (RFC 5722), and none
 * waits longer than the kernel lets it. Bounded as the kernel's is: 4 MiB in all; what came first
 * gives way. Not thread-safe.
 */
public final class Fragments {
  /** {@code net.ipv4.ipfrag_high_thresh}. */
  static final int MOST_BYTES = 4 << 20;

  /** {@code net.ipv4.ipfrag_time} and {@code net.ipv6.ip6frag_time}. */
  static final long PATIENCE_IPV4_NS = 30_000_000_000L;

  static final long PATIENCE_IPV6_NS = 60_000_000_000L;

  private static final int IPV4_MIN_HEADER_BYTES = 20;
  private static final int IPV6_HEADER_BYTES = 40;
  private static final int FRAGMENT_HEADER_BYTES = 8;
  private static final int FRAGMENT_HEADER = 44;
  private static final int MOST_EXTENSION_HEADERS = 8;
  private static final int LONGEST_BYTES = 65_535;
  private static final int MOST_PIECES = 256;

  /** What every packet costs that waits, whatever came of it. */
  private static final int ROW_BYTES = 512;

  private final Map<ByteBuffer, Row> rows = new LinkedHashMap<>();
  private int keptBytes;
  private long lost;

  private ByteBuffer whole = ByteBuffer.allocate(0);
  private int wholeBytes;

  // The fragment that is being looked at.
  private int headerBytes;
  private int dataAt;
  private int dataBytes;
  private int dataOffset;
  private boolean more;
  private int nextHeaderAt;
  private int nextHeader;

  /** A packet of which pieces are missing. */
  private static final class Row {
    private final long deadlineNs;
    private byte[] header = {};
    private byte[] data = {};
    private int[] pieces = new int[8]; // begin and end of each, in order
    private int count;
    private int totalBytes = -1;
    private boolean spoilt;

    Row(long deadlineNs) {
      this.deadlineNs = deadlineNs;
    }

    int costBytes() {
      return ROW_BYTES + header.length + data.length + 4 * pieces.length;
    }

    boolean isWhole() {
      return !spoilt
          && header.length > 0
          && count == 1
          && pieces[0] == 0
          && pieces[1] == totalBytes;
    }

    /** Notes a piece; false if it overlaps others without being one of them. */
    boolean note(int begin, int end) {
      int at = 0;
      while (at < count && pieces[2 * at + 1] <= begin) {
        at++;
      }
      if (at < count && pieces[2 * at] < end) {
        return pieces[2 * at] <= begin && end <= pieces[2 * at + 1]; // sent twice, perhaps joined
      }
      boolean joinsBefore = at > 0 && pieces[2 * at - 1] == begin;
      boolean joinsAfter = at < count && pieces[2 * at] == end;
      if (joinsBefore && joinsAfter) {
        pieces[2 * at - 1] = pieces[2 * at + 1];
        System.arraycopy(pieces, 2 * at + 2, pieces, 2 * at, 2 * (count - at - 1));
        count--;
      } else if (joinsBefore) {
        pieces[2 * at - 1] = end;
      } else if (joinsAfter) {
        pieces[2 * at] = begin;
      } else {
        if (count == MOST_PIECES) {
          return false;
        }
        if (2 * count == pieces.length) {
          pieces = Arrays.copyOf(pieces, 2 * pieces.length);
        }
        System.arraycopy(pieces, 2 * at, pieces, 2 * at + 2, 2 * (count - at));
        pieces[2 * at] = begin;
        pieces[2 * at + 1] = end;
        count++;
      }
      return true;
    }
  }

  /** Makes one that waits for nothing. */
  public Fragments() {}

  /**
   * Whether a packet is a piece of one.
   *
   * @param bytes where it is
   * @param offset index of its IP header
   * @param lengthBytes how much was captured
   * @return false also for what is no IP packet at all
   */
  public boolean isFragment(ByteBuffer bytes, int offset, int lengthBytes) {
    if (lengthBytes < IPV4_MIN_HEADER_BYTES) {
      return false;
    }
    int version = u8(bytes, offset) >> 4;
    if (version == 4) {
      return (u16(bytes, offset + 6) & 0x3fff) != 0;
    }
    return version == 6 && lengthBytes >= IPV6_HEADER_BYTES && find6(bytes, offset, lengthBytes);
  }

  /**
   * Takes a piece.
   *
   * @param bytes where it is
   * @param offset index of its IP header
   * @param lengthBytes how much was captured
   * @param nowNs when it came
   * @return whether its packet is whole now: {@link #whole} and {@link #wholeBytes}
   */
  public boolean add(ByteBuffer bytes, int offset, int lengthBytes, long nowNs) {
    forgetOld(nowNs);
    boolean ipv6 = u8(bytes, offset) >> 4 == 6;
    if (!(ipv6 ? read6(bytes, offset, lengthBytes) : read4(bytes, offset, lengthBytes))) {
      lost++;
      return false;
    }
    ByteBuffer key = ipv6 ? key6(bytes, offset) : key4(bytes, offset);
    Row row = rows.get(key);
    if (row == null) {
      row = new Row(nowNs + (ipv6 ? PATIENCE_IPV6_NS : PATIENCE_IPV4_NS));
      rows.put(key, row);
    } else {
      keptBytes -= row.costBytes();
    }
    put(row, bytes, offset);
    if (row.isWhole() && finish(row, ipv6)) {
      rows.remove(key);
      return true;
    }
    keptBytes += row.costBytes();
    makeRoom();
    return false;
  }

  private void put(Row row, ByteBuffer bytes, int offset) {
    int end = dataOffset + dataBytes;
    boolean lies =
        headerBytes + end > LONGEST_BYTES
            || (more && dataBytes % 8 != 0)
            || (!more && row.totalBytes >= 0 && row.totalBytes != end)
            || (row.totalBytes >= 0 && end > row.totalBytes)
            || dataBytes == 0;
    if (row.spoilt || lies || !row.note(dataOffset, end)) {
      row.spoilt = true;
      row.data = new byte[0];
      return;
    }
    if (!more) {
      row.totalBytes = end;
    }
    if (row.data.length < end) {
      row.data = Arrays.copyOf(row.data, Math.max(end, Math.min(2 * end, LONGEST_BYTES)));
    }
    bytes.get(dataAt, row.data, dataOffset, dataBytes);
    if (dataOffset == 0) {
      row.header = new byte[headerBytes];
      bytes.get(offset, row.header);
      if (nextHeaderAt >= 0) {
        row.header[nextHeaderAt - offset] = (byte) nextHeader;
      }
    }
  }

  private boolean finish(Row row, boolean ipv6) {
    int total = row.header.length + row.totalBytes;
    if (total > LONGEST_BYTES) {
      row.spoilt = true;
      return false;
    }
    if (whole.capacity() < total) {
      whole = ByteBuffer.allocate(LONGEST_BYTES);
    }
    whole.put(0, row.header).put(row.header.length, row.data, 0, row.totalBytes);
    if (ipv6) {
      putU16(4, total - IPV6_HEADER_BYTES);
    } else {
      putU16(2, total);
      putU16(6, 0);
    }
    wholeBytes = total;
    return true;
  }

  private void putU16(int at, int value) {
    whole.put(at, (byte) (value >> 8)).put(at + 1, (byte) value);
  }

  private void forgetOld(long nowNs) {
    Iterator<Row> oldest = rows.values().iterator();
    while (oldest.hasNext()) {
      Row row = oldest.next();
      if (row.deadlineNs - nowNs > 0) {
        return; // those of IPv6 wait longer: what is behind one of them waits a little longer too
      }
      keptBytes -= row.costBytes();
      lost++;
      oldest.remove();
    }
  }

  private void makeRoom() {
    Iterator<Row> oldest = rows.values().iterator();
    while (keptBytes > MOST_BYTES) {
      keptBytes -= oldest.next().costBytes();
      lost++;
      oldest.remove();
    }
  }

  private boolean read4(ByteBuffer bytes, int offset, int lengthBytes) {
    headerBytes = (u8(bytes, offset) & 0xf) * 4;
    int total = u16(bytes, offset + 2);
    if (headerBytes < IPV4_MIN_HEADER_BYTES || total < headerBytes || total > lengthBytes) {
      return false;
    }
    int flags = u16(bytes, offset + 6);
    more = (flags & 0x2000) != 0;
    dataOffset = (flags & 0x1fff) * 8;
    dataAt = offset + headerBytes;
    dataBytes = total - headerBytes;
    nextHeaderAt = -1;
    return true;
  }

  private static ByteBuffer key4(ByteBuffer bytes, int offset) {
    byte[] key = new byte[11];
    bytes.get(offset + 12, key, 0, 8);
    bytes.get(offset + 4, key, 8, 2);
    key[10] = bytes.get(offset + 9);
    return ByteBuffer.wrap(key);
  }

  /** Finds the fragment header, if it is one that says more than that the packet is whole. */
  private boolean find6(ByteBuffer bytes, int offset, int lengthBytes) {
    int end = offset + lengthBytes;
    int at = offset + IPV6_HEADER_BYTES;
    nextHeaderAt = offset + 6;
    for (int skipped = 0; skipped <= MOST_EXTENSION_HEADERS; skipped++) {
      if (end - at < FRAGMENT_HEADER_BYTES) {
        return false;
      }
      int header = u8(bytes, nextHeaderAt);
      if (header == FRAGMENT_HEADER) {
        dataAt = at + FRAGMENT_HEADER_BYTES;
        return (u16(bytes, at + 2) & 0xfff9) != 0;
      }
      if (header != 0 && header != 43 && header != 60) {
        return false;
      }
      nextHeaderAt = at;
      at += (u8(bytes, at + 1) + 1) * 8;
    }
    return false;
  }

  private boolean read6(ByteBuffer bytes, int offset, int lengthBytes) {
    int total = IPV6_HEADER_BYTES + u16(bytes, offset + 4);
    if (total > lengthBytes || !find6(bytes, offset, total)) {
      return false;
    }
    int fragmentAt = dataAt - FRAGMENT_HEADER_BYTES;
    nextHeader = u8(bytes, fragmentAt);
    int word = u16(bytes, fragmentAt + 2);
    more = (word & 1) != 0;
    dataOffset = word & 0xfff8;
    headerBytes = fragmentAt - offset;
    dataBytes = offset + total - dataAt;
    return true;
  }

  private ByteBuffer key6(ByteBuffer bytes, int offset) {
    byte[] key = new byte[36];
    bytes.get(offset + 8, key, 0, 32);
    bytes.get(dataAt - 4, key, 32, 4);
    return ByteBuffer.wrap(key);
  }

  /**
   * The packet that was put together last.
   *
   * @return it begins at index 0; valid until the next {@link #add}
   */
  public ByteBuffer whole() {
    return whole;
  }

  /**
   * Its length.
   *
   * @return bytes with the IP header, 21..65535
   */
  public int wholeBytes() {
    return wholeBytes;
  }

  /**
   * Pieces and unfinished packets that were given up: too late, too many, not captured whole.
   *
   * @return a count
   */
  public long lost() {
    return lost;
  }

  /**
   * What waits.
   *
   * @return bytes, at most {@value #MOST_BYTES} between two calls of {@link #add}
   */
  int keptBytes() {
    return keptBytes;
  }

  private static int u8(ByteBuffer bytes, int at) {
    return Byte.toUnsignedInt(bytes.get(at));
  }

  private static int u16(ByteBuffer bytes, int at) {
    return u8(bytes, at) << 8 | u8(bytes, at + 1);
  }
}
